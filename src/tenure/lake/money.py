"""Money in the reporting currency: by the rate of the day, rounded half to even."""

import ibis
from ibis import _

from tenure.currencies import EXPONENTS, minor_digits


def with_base_money(
    rows: ibis.Table, rates: ibis.Table | None, *, day: str, money: dict[str, str], base: str
) -> ibis.Table:
    """Add each money column in the base currency.

    rows: with `currency` (blank means base), the date column `day`, and integer minor units. rates: records of
    exchange_rates, None where there are none. money: source column → new column. The rate is the newest of on or
    before the day; where there is none the new column is null, never a guess.
    """
    own = rows.currency.isnull() | (rows.currency == base)
    if rates is None:
        return rows.mutate(**{new: ibis.ifelse(own, rows[old], ibis.null("int64")) for old, new in money.items()})
    known = rates.filter(_.base_currency == base).select(rate_currency=_.currency, rate_day=_.valid_on, rate=_.rate)
    needed = rows.filter(~own).select("currency", day_=rows[day]).distinct()
    priced = needed.join(known, [needed.currency == known.rate_currency, needed.day_ >= known.rate_day])
    newest = ibis.row_number().over(ibis.window(group_by=["currency", "day_"], order_by=_.rate_day.desc()))
    priced = priced.mutate(turn=newest).filter(_.turn == 0).select(rate_of="currency", rate_on="day_", rate="rate")
    joined = rows.left_join(priced, [rows.currency == priced.rate_of, rows[day] == priced.rate_on])
    shift = ibis.cases(
        *(
            (joined.currency == code, ibis.literal(10.0 ** (minor_digits(base) - digits)).cast("decimal(18,6)"))
            for code, digits in EXPONENTS.items()
        ),
        else_=ibis.literal(10.0 ** (minor_digits(base) - 2)).cast("decimal(18,6)"),
    )
    factor = (joined.rate.cast("decimal(18,6)") * shift).cast("decimal(18,9)")
    is_own = joined.currency.isnull() | (joined.currency == base)
    return joined.select(
        *(joined[name] for name in rows.columns),
        **{
            new: ibis.ifelse(is_own, joined[old], _half_even(joined[old].cast("decimal(18,0)") * factor))
            for old, new in money.items()
        },
    )


def _half_even(amount: ibis.Value) -> ibis.Value:
    """A decimal amount of minor units as an integer, halves to the even neighbour."""
    below = amount.floor().cast("int64")
    rest = amount - below.cast("decimal(18,0)")
    half = ibis.literal("0.5").cast("decimal(2,1)")
    up = (rest > half) | ((rest == half) & (below % 2 != 0))
    return below + up.cast("int64")
