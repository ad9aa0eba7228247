"""Who would have counted as leaving, month by month, had a definition been in force; and how that differs from another."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, base_money
from tenure.errors import TenureError
from tenure.insight.churn.definitions import Definition, OwnRhythm, Wish, choose, sales, wished
from tenure.insight.churn.definitions.contract_end import running
from tenure.insight.churn.guards import FEWEST_OF_EACH
from tenure.insight.features.base import known_before
from tenure.language import Words

MONTHS = 12
YEAR = timedelta(days=365)
# Of each contract what the definitions and the revenue are told by; nothing else is read, and nothing personal.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "orders": ("person_id", "order_id", "ordered_at", "ordered_on", "valid_at", "status", "kind", "amount_minor",
               "amount_base_minor"),
    "subscriptions": ("person_id", "subscription_id", "started_at", "valid_at", "ended_at", "fee_minor", "fee_base_minor",
                      "period_months"),
    "events": ("person_id", "occurred_at", "valid_at"),
}  # fmt: skip
READ = (*COLUMNS, "snapshot")
"""The contracts whose records are handed over: from them it is told what is in force, too."""
WHO = ("asked", "left", "both", "only_new", "only_old")
_FLAGS = ("asked", "left", "asked_before", "left_before")


class Asks(Protocol):
    """What is asked of a lake: to work tables out once for several questions, and to answer one."""

    def kept(self, tables: Mapping[str, ibis.Table]) -> AbstractContextManager[Mapping[str, ibis.Table]]: ...
    def to_arrow(self, table: ibis.Table) -> pa.Table: ...


def last_year(
    records: Mapping[str, ibis.Table], wish: Wish, in_force: Sequence[Wish], until: datetime, lake: Asks, *, listed: int = 0,
    by_revenue: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """What a definition would have said of each of the latest months, beside the one in force, as plain values.

    records: the tables of READ. in_force: the wishes as `choose` takes them. until: to when records are looked at, in the
    business's zone. listed: how many of the persons of each group to name, by revenue where `by_revenue`.
    words, old (None without one that has dates), same (whether they are one), cuts and months (one row each), groups and
    people by `both`, `only_new`, `only_old`, remarks. Words are {"en", "zh"}; money in minor units.

    Raises TenureError where there are no records to tell it by, or the wish can't be.
    """
    new, old, tables = _compared(records, wish, in_force)
    horizon = max(new.horizon_days, old.horizon_days if old else 0)
    spans = [_span(tables[name], until, lake) for name in new.reads]
    first = min((span["first"] for span in spans if span["first"]), default=None)
    first = first.astimezone(until.tzinfo) if first else None
    cuts = cuts_of(first, until, horizon)
    told = [dict.fromkeys((*_FLAGS, "both", "only_new", "only_old", "left_minor"), 0) for _cut in cuts]
    amount: dict[str, dict[str, int]] = {}
    people_of: dict[str, list[tuple[int, int]]] = {}
    if cuts:
        with lake.kept(tables) as kept, lake.kept({"rows": rows(kept, new, old, cuts)}) as found:
            for row in lake.to_arrow(months(found["rows"])).to_pylist():
                told[row.pop("place")] = {name: int(value) for name, value in row.items()}
            persons = people(found["rows"])
            for row in lake.to_arrow(groups(persons)).to_pylist():
                group = _group(row["left"], row["left_before"])
                amount[group] = {"n": int(row["n"]), "minor": int(row["year_minor"])}
                if listed:
                    mine = persons.filter(persons.left == row["left"], persons.left_before == row["left_before"])
                    people_of[group] = _listed(mine, lake, listed, by_revenue)
    said = remarks(
        told, horizon_days=horizon, first=first, until=until, late=sum(span["late"] for span in spans),
        rhythms=new.name == OwnRhythm.name,
    )  # fmt: skip
    return {
        "words": _plain(new.words), "old": _plain(old.words) if old else None,
        "same": old is not None and (new.name, new.words) == (old.name, old.words),
        "cuts": [cut.isoformat() for cut in cuts], "months": told, "groups": amount, "people": people_of,
        "remarks": [_plain(one) for one in said],
    }  # fmt: skip


def at_one_date(
    records: Mapping[str, ibis.Table], wish: Wish, in_force: Sequence[Wish], cut: datetime, who: str, lake: Asks, *,
    listed: int, by_revenue: bool = True,
) -> list[tuple[int, int]]:  # fmt: skip
    """person_id and revenue of the year before of who (one of WHO) was or did so at one date, at most `listed` of them."""
    new, old, tables = _compared(records, wish, in_force)
    with lake.kept(tables) as kept:
        found = rows(kept, new, old, [cut])
        left, before = found.left, found.left_before
        wanted = {
            "asked": found.asked, "left": left, "both": left & before, "only_new": left & ~before, "only_old": before & ~left,
        }[who]  # fmt: skip
        return _listed(found.filter(wanted), lake, listed, by_revenue)


def _compared(
    records: Mapping[str, ibis.Table], wish: Wish, in_force: Sequence[Wish]
) -> tuple[Definition, Definition | None, dict[str, ibis.Table]]:
    new = wished(records, wish)
    try:
        old: Definition | None = choose(records, in_force)
    except TenureError:
        old = None
    if old is not None and not old.timed:
        old = None
    return new, old, {name: records[name].select(*COLUMNS[name]) for name in read(new, old)}


def _span(table: ibis.Table, until: datetime, lake: Asks) -> dict[str, Any]:
    """When the records up to `until` begin, and how many are dated after it."""
    moment = ibis.literal(until)
    asked = table.agg(
        first=table.valid_at.min(where=table.valid_at < moment),
        late=(table.valid_at > moment).ifelse(1, 0).sum().fill_null(0),
    )
    found: dict[str, Any] = lake.to_arrow(asked).to_pylist()[0]
    return found


def _listed(persons: ibis.Table, lake: Asks, most: int, by_revenue: bool) -> list[tuple[int, int]]:
    order = [ibis.desc("year_minor")] if by_revenue else []
    found = persons.select("person_id", "year_minor").order_by(*order, "person_id").limit(most)
    # An engine may widen a kept sum to a decimal; money here is whole minor units.
    return [(row["person_id"], int(row["year_minor"])) for row in lake.to_arrow(found).to_pylist()]


def _group(left: bool, before: bool) -> str:
    return "both" if left and before else "only_new" if left else "only_old"


def _plain(words: Words) -> dict[str, str]:
    return {"en": words.en, "zh": words.zh}


def read(new: Definition, old: Definition | None) -> list[str]:
    """The contracts a preview reads: those the definitions are told by, and those that revenue is."""
    names = {*new.reads, *(old.reads if old and old.timed else ()), "orders", "subscriptions"}
    return [name for name in COLUMNS if name in names]


def cuts_of(since: datetime | None, until: datetime, horizon_days: int) -> list[datetime]:
    """The first days of the latest MONTHS months of which the outcome is known at `until`, oldest first.

    In the zone of `until`. Months before `since`, when the records begin, are left out. Raises nothing: there may be none.
    """
    cuts: list[datetime] = []
    year, month = until.year, until.month
    while since is not None and len(cuts) < MONTHS:
        cut = datetime(year, month, 1, tzinfo=until.tzinfo)
        if cut <= since:
            break
        if cut + timedelta(days=horizon_days) <= until:
            cuts.append(cut)
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return cuts[::-1]


def rows(
    tables: Mapping[str, ibis.Table], new: Definition, old: Definition | None, cuts: Sequence[datetime]
) -> ibis.Table:
    """One row for each date and person that either definition asks about.

    place (of the date among `cuts`), person_id, asked, left, asked_before, left_before (by `old`; false without one),
    year_minor: what they bought in the year before the date and the fees of a year for what ran then, reporting currency.
    """
    parts = [part for place, cut in enumerate(cuts) for part in _at(tables, new, old, cut, place)]
    # Laid one under the other and added up: three joins a date would be worked out one by one.
    found = ibis.union(*parts).group_by("place", "person_id").agg(
        **{name: lambda t, name=name: t[name].sum().cast("int64") for name in (*_FLAGS, "year_minor")}
    )  # fmt: skip
    told = {name: found[name] > 0 for name in _FLAGS}
    return found.mutate(**told).filter(lambda t: t.asked | t.asked_before)


def _at(
    tables: Mapping[str, ibis.Table], new: Definition, old: Definition | None, cut: datetime, place: int
) -> list[ibis.Table]:
    one = new.label(tables, cut)
    parts = [_part(one, place, asked=ibis.literal(1), left=one.churned.ifelse(1, 0))]
    if old is not None:
        other = old.label(tables, cut)
        parts.append(_part(other, place, asked_before=ibis.literal(1), left_before=other.churned.ifelse(1, 0)))
    return [*parts, *(_part(paid, place, year_minor=paid.minor) for paid in _year(tables, cut))]


def _part(table: ibis.Table, place: int, **said: ibis.Value) -> ibis.Table:
    nothing = ibis.literal(0)
    values = {name: said.get(name, nothing).cast("int64") for name in (*_FLAGS, "year_minor")}
    return table.select("person_id", place=ibis.literal(place).cast("int64"), **values)


def _year(tables: Mapping[str, ibis.Table], cut: datetime) -> Iterator[ibis.Table]:
    if "orders" in tables:
        bought = sales(known_before(CONTRACTS["orders"], tables["orders"], cut))
        bought = bought.filter(bought.ordered_at >= ibis.literal(cut - YEAR))
        yield bought.select("person_id", minor=bought[base_money("amount_minor")].fill_null(0))
    if "subscriptions" in tables:
        held = running(tables, cut)
        months = ibis.greatest(held.period_months.fill_null(1), 1)
        yield held.select("person_id", minor=((held[base_money("fee_minor")] * 12) // months).fill_null(0))


def months(found: ibis.Table) -> ibis.Table:
    """One row for each date, of `rows`: place, asked, left, asked_before, left_before, both, only_new, only_old, left_minor."""
    return found.group_by("place").agg(**_counts(found)).order_by("place")


def _counts(found: ibis.Table) -> dict[str, Any]:
    new, old = found.left, found.left_before
    many = {
        "asked": found.asked, "left": new, "asked_before": found.asked_before, "left_before": old, "both": new & old,
        "only_new": new & ~old, "only_old": old & ~new,
    }  # fmt: skip
    return {name: told.ifelse(1, 0).sum().cast("int64") for name, told in many.items()} | {
        "left_minor": new.ifelse(found.year_minor, 0).sum().cast("int64")
    }


def people(found: ibis.Table) -> ibis.Table:
    """One row for each person who counted at a date by either definition: person_id, left, left_before (whether ever),
    place (of the latest date at which they did) and year_minor (before the first such date)."""
    counted = found.filter(found.left | found.left_before)
    return counted.group_by("person_id").agg(
        left=counted.left.any(), left_before=counted.left_before.any(), place=counted.place.max(),
        year_minor=counted.year_minor.argmin(counted.place),
    )  # fmt: skip


def groups(persons: ibis.Table) -> ibis.Table:
    """How many persons counted by both, by the new definition alone, by the old alone: left, left_before, n, year_minor."""
    return persons.group_by("left", "left_before").agg(
        n=persons.count().cast("int64"), year_minor=persons.year_minor.sum().cast("int64")
    )


def remarks(
    told: Sequence[Mapping[str, Any]],
    *,
    horizon_days: int,
    first: datetime | None,
    until: datetime,
    late: int,
    rhythms: bool = False,
) -> list[Words]:
    """What must be said of a preview before anybody believes it, most important first. told: the rows of `months`.

    first: when the records begin, None without any; late: how many records are dated after `until`.
    rhythms: whether the definition is held against own rhythms.
    """
    said: list[Words] = []
    # Over a year of looking back, and another before it to know a yearly rhythm by.
    short = first is not None and until - first < 3 * YEAR
    if first is None:
        said.append(Words("There are no records to tell it by up to {until}.", "截至 {until} 没有可供判断的数据。"))
    elif not told:
        said.append(
            Words(
                "The records begin on {first}; looking {days} days ahead, the outcome of no month is known yet. "
                "Look fewer days ahead, or wait.",
                "数据自 {first} 起；向前看 {days} 天，尚无任何月份的结果可知。请缩短向前看的天数，或等待数据积累。",
            )
        )
    elif not any(row["asked"] for row in told):
        said.append(
            Words(
                "Nobody could have left by this definition in any of these months: everybody was gone or quiet already, or "
                "had too little. Widen whom it asks about.",
                "这些月份中没有任何客户可供判断：均已沉默，或数量不足。请放宽纳入范围。",
            )
        )
    elif not any(row["left"] for row in told):
        said.append(
            Words(
                "Nobody would have counted as leaving in any of these months. There is nothing for a model to learn; make "
                "the definition wider.",
                "这些月份中没有任何客户计为流失，模型无从学习。请放宽定义。",
            )
        )
    elif all(row["left"] == row["asked"] for row in told):
        said.append(
            Words(
                "Everybody asked about would have counted as leaving. There is nobody to tell them from; make the "
                "definition narrower.",
                "所有纳入的客户都计为流失，没有可对照的客户。请收紧定义。",
            )
        )
    elif max(row["left"] for row in told) < FEWEST_OF_EACH:
        said.append(
            Words(
                "In no month would {fewest} customers have left: too few for a model to learn from.",
                "没有任何月份的流失客户达到 {fewest} 位，样本太少，模型无法学习。",
            )
        )
    if told and len(told) < MONTHS:
        said.append(
            Words(
                "Only {n} months can be shown: the records begin on {first}, and the last {days} days have no outcome yet.",
                "仅能显示 {n} 个月：数据自 {first} 起，且最近 {days} 天尚无结果。",
            )
        )
    if rhythms and told and short:
        said.append(
            Words(
                "The records are short for rhythms: early in these months only short gaps between purchases could be known, so "
                "more silence looked unexplained then than would today.",
                "数据时间较短，不足以判断节奏：在较早的月份只能得知较短的购买间隔，因此当时被判为异常的沉默多于今天。",
            )
        )
    if late:
        said.append(
            Words(
                "{late} records are dated after {until} and were left out. Check the dates of their source.",
                "{late} 条记录的日期晚于 {until}，未予计入。请检查其来源的日期。",
            )
        )
    values = {
        "days": horizon_days, "fewest": FEWEST_OF_EACH, "n": len(told), "late": f"{late:,}",
        "first": first.date().isoformat() if first else "", "until": until.date().isoformat(),
    }  # fmt: skip
    return [one.format(**values) for one in said]
