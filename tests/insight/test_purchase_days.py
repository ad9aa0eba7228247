"""Many dates for one reading of the orders give what each date alone gives."""

import random
from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tenure.insight.lifecycle import stages, stages_on
from tenure.insight.purchases import person_days
from tenure.insight.segments import rfm
from tenure.insight.segments.days import PurchaseDays
from tenure.insight.survival import lives, lives_between, silence_after, silence_of
from tenure.insight.value.summary import purchases
from tests.tables import company, records

STAMP = pa.timestamp("us", tz="UTC")
JULY = datetime(2026, 7, 1, tzinfo=UTC)
LUCK = random.Random(11)
NOBODYS = records("subscriptions")


def staged_on(days, tables, *moments):
    """The stages at each moment, by person, from one question over all of them."""
    rhythms = [
        days.rhythms(m.date()).append_column("moment", pa.array([m] * days.rhythms(m.date()).num_rows, STAMP))
        for m in moments
    ]
    stamps = ibis.memtable(pa.table({"moment": pa.array(list(moments), STAMP)}))
    held = tables.get("subscriptions", records("subscriptions")).cross_join(stamps)
    return (
        stages_on(ibis.memtable(pa.concat_tables(rhythms)), held)
        .order_by("moment", "person_id")
        .to_pyarrow()
        .to_pylist()
    )


def bought(orders, as_of=JULY):
    return PurchaseDays(person_days(orders, as_of).to_pyarrow())


@pytest.fixture(scope="module")
def orders():
    """200 customers of every habit: often, once, refunds larger than orders, cancelled, several lines a day, nobody's."""
    rows = []
    for person in range(1, 201):
        day = date(2024, 1, 1) + timedelta(days=LUCK.randrange(900))
        for _ in range(LUCK.choice([1, 1, 2, 3, 8, 25])):
            rows.append(
                {"person_id": person if person % 40 else None, "ordered_on": day,
                 "amount_minor": LUCK.choice([100, 100, 2500, 990_000, -5000, -200_000]),
                 "status": "cancelled" if LUCK.random() < 0.05 else None}
            )  # fmt: skip
            day += timedelta(days=LUCK.choice([0, 1, 7, 30, LUCK.randrange(1, 200)]))
    return records("orders", rows)


@pytest.mark.parametrize("moment", [JULY, datetime(2026, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)])
def test_scores_at_an_earlier_date_are_those_the_orders_of_then_give(orders, moment):
    found = bought(orders).rfm(moment.date())

    expected = rfm(orders, moment).order_by("person_id").to_pyarrow()
    assert found.num_rows > 5
    assert found.to_pylist() == expected.to_pylist()


def test_stages_at_earlier_dates_are_those_the_records_of_then_give(orders):
    contracts = [
        {"person_id": person, "started_at": "2025-11-01", "fee_minor": 9900, "auto_renew": person % 2 == 0,
         "term_ends_at": "2026-07-20", "ended_at": "2026-05-01" if person % 3 == 0 else None}
        for person in range(190, 220)
    ]  # fmt: skip
    tables = company(subscriptions=contracts) | {"orders": orders}
    moments = [datetime(2024, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), JULY]

    found = staged_on(bought(orders), tables, *moments)

    expected = [
        {"moment": moment} | row
        for moment in moments
        for row in stages(tables, moment).order_by("person_id").to_pyarrow().to_pylist()
    ]
    for one, other in zip(found, expected, strict=True):
        assert (one.pop("rhythm_days") or 0) == pytest.approx(other.pop("rhythm_days") or 0, rel=1e-12)
        assert one == other


def test_a_customer_of_a_hundred_thousand_orders_is_one_buyer_among_others():
    many = ibis.range(100_000).unnest().name("n").as_table()
    day = ibis.date(2023, 1, 1) + ibis.interval(days=1) * (many.n % 1277).cast("int32")
    busy = many.select(person_id=ibis.literal(1, "int64"), ordered_on=day, bought=True, net_base_minor=many.n * 0 + 100)
    once = ibis.memtable(
        {"person_id": [2], "ordered_on": [date(2026, 6, 25)], "bought": [True], "net_base_minor": [100]},
        schema=busy.schema(),
    )
    days = PurchaseDays(busy.union(once).group_by("person_id", "ordered_on").agg(
        bought=ibis._.bought.any(), net_base_minor=ibis._.net_base_minor.sum()).to_pyarrow())  # fmt: skip

    scores = {row["person_id"]: row for row in days.rfm(date(2026, 7, 1)).to_pylist()}
    staged = {row["person_id"]: row for row in staged_on(days, {}, JULY)}

    assert (scores[1]["frequency"], scores[1]["monetary_base_minor"], scores[1]["abc"]) == (1277, 10_000_000, "A")
    assert (staged[1]["stage"], staged[2]["stage"]) == ("mature", "acquire")


def test_nothing_bought_gives_typed_tables_without_rows():
    days = bought(records("orders"))

    assert days.rfm(date(2026, 7, 1)).num_rows == 0
    assert staged_on(days, {}, JULY) == []


def test_what_was_only_ever_given_back_makes_no_buyer_and_what_is_still_to_come_counts_for_nothing():
    orders = records("orders", [
        {"person_id": 1, "ordered_on": "2026-05-01", "amount_minor": -900},
        {"person_id": 2, "ordered_on": "2026-05-01", "amount_minor": 900},
        {"person_id": 2, "ordered_on": "2026-05-09", "amount_minor": -4000},
        {"person_id": 3, "ordered_on": "2027-05-01", "amount_minor": 900},
    ])  # fmt: skip

    scores = bought(orders, None).rfm(date(2026, 7, 1)).to_pylist()

    assert [(row["person_id"], row["monetary_base_minor"], row["abc"]) for row in scores] == [(2, -3100, "C")]


@pytest.mark.parametrize("moment", [JULY, datetime(2026, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)])
def test_purchases_and_lives_are_those_the_orders_give(orders, moment):
    days = bought(orders)

    person, day, worth = days.purchases(moment.date())
    lived = lives_between(ibis.memtable(days.spans(moment.date())), NOBODYS, moment, 60).order_by("person_id")

    expected = purchases(orders, moment).order_by("person_id", "day").to_pyarrow()
    assert len(person) > 5
    assert person.tolist() == expected["person_id"].to_pylist()
    assert day.tolist() == expected["day"].cast(pa.int32()).to_pylist()
    assert worth.tolist() == expected["worth_minor"].to_pylist()
    assert lived.to_pyarrow().equals(lives(orders, NOBODYS, moment, 60).order_by("person_id").to_pyarrow())


def test_silence_is_told_by_the_gaps_as_by_the_orders(orders):
    seen = orders.filter(orders.ordered_on < JULY.date())

    assert silence_after(bought(orders).gaps(JULY.date())) == silence_of(seen)


def test_runs_of_days_add_up_to_the_whole(orders):
    whole = bought(orders)
    rows = person_days(orders, JULY).to_pyarrow()
    parts = []
    for start in range(3):
        some = rows.take(list(range(start, rows.num_rows, 3)))
        halves = some.set_column(3, "net_base_minor", pc.subtract(some["net_base_minor"], 7))
        rest = some.set_column(3, "net_base_minor", pa.array([7] * some.num_rows)).set_column(
            2, "bought", pa.array([False] * some.num_rows)
        )
        parts += [PurchaseDays(halves).as_table(), PurchaseDays(rest).as_table()]

    assert PurchaseDays(pa.concat_tables(parts)).as_table().equals(whole.as_table())
