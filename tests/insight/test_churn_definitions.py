"""Who could leave at a date, and who did, worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.insight.churn import (
    ContractEnd,
    Definition,
    Downgrade,
    Leaking,
    Outcome,
    OwnRhythm,
    Silence,
    UsageDecline,
    beside,
    choose,
)
from tenure.insight.churn.definitions import DEFINITIONS, checked, said

CUT = datetime(2026, 3, 1, tzinfo=UTC)
ANN, BEN, CAT, DEE, EVE = 1, 2, 3, 4, 5


def records(contract: str, *given: dict[str, Any]) -> ibis.Table:
    shape = CONTRACTS[contract]
    full = []
    for row in given:
        at = row[shape.valid_at]
        full.append({"valid_at": at, "source": "test", shape.day or "": at.date(), **row})
    return ibis.memtable(pa.Table.from_pylist(full, schema=shape.records_schema))


def bought(person: int, days: float, **more: Any) -> dict[str, Any]:
    """An order so many days after the cut; negative is before."""
    return {
        "person_id": person,
        "order_id": f"{person}{days}",
        "ordered_at": CUT + timedelta(days=days),
        "amount_minor": 5,
        **more,
    }


def held(person: int, start: int, end: float | None = None, **more: Any) -> dict[str, Any]:
    ended = None if end is None else CUT + timedelta(days=end)
    return {
        "person_id": person,
        "subscription_id": f"{person}{start}",
        "started_at": CUT + timedelta(days=start),
        "ended_at": ended,
        **more,
    }


def labels(definition: Definition, tables: dict[str, ibis.Table]) -> dict[int, bool]:
    return {row["person_id"]: row["churned"] for row in definition.label(tables, CUT).to_pyarrow().to_pylist()}


def test_silent_for_the_whole_horizon_is_churned_and_long_gone_is_not_asked_about():
    orders = records(
        "orders",
        bought(ANN, -10), bought(ANN, 89.9),
        bought(BEN, -10), bought(BEN, 90),
        bought(CAT, -181), bought(CAT, 5),
        bought(DEE, -180),
        bought(EVE, 0),
    )  # fmt: skip

    assert labels(Silence(90, 180), {"orders": orders}) == {ANN: False, BEN: True, DEE: True}


def test_neither_a_refund_nor_a_cancelled_order_breaks_the_silence():
    orders = records(
        "orders",
        bought(ANN, -10), bought(ANN, 5, amount_minor=-5), bought(ANN, 6, status="cancelled"),
        bought(BEN, -10, kind="refund"), bought(BEN, 4),
    )  # fmt: skip

    assert labels(Silence(), {"orders": orders}) == {ANN: True}


def test_who_could_leave_is_told_from_the_past_alone():
    before = [bought(ANN, -10), bought(BEN, -300)]
    after = [bought(BEN, 3), bought(CAT, 4)]

    eligible = Silence().eligible({"orders": records("orders", *before, *after)}, CUT)

    assert eligible.to_pyarrow()["person_id"].to_pylist() == [ANN]


def test_ending_the_last_subscription_is_churn_and_changing_plan_is_not():
    subscriptions = records(
        "subscriptions",
        held(ANN, -100, 20),
        held(BEN, -100, 20), held(BEN, 20),
        held(CAT, -100, 20), held(CAT, -50),
        held(DEE, -100, 60),
        held(EVE, -100, -1), held(EVE, 10),
    )  # fmt: skip

    assert labels(ContractEnd(60), {"subscriptions": subscriptions}) == {ANN: True, BEN: False, CAT: False, DEE: False}


def test_a_term_that_ran_out_while_the_service_goes_on_is_not_churn():
    subscriptions = records("subscriptions", held(ANN, -400, term_ends_at=CUT + timedelta(days=3)))

    assert labels(ContractEnd(), {"subscriptions": subscriptions}) == {ANN: False}


def snapshot(*rows: tuple[int, int, bool | None]) -> ibis.Table:
    return records(
        "snapshot",
        *(
            {"person_id": p, "customer_id": str(p), "observed_at": CUT + timedelta(days=d), "outcome": o}
            for p, d, o in rows
        ),
    )


def test_a_snapshots_outcome_is_the_latest_one_known():
    found = labels(
        Outcome(), {"snapshot": snapshot((ANN, -9, False), (ANN, -2, True), (BEN, -2, None), (CAT, 1, True))}
    )

    assert found == {ANN: True}


def test_the_definition_is_chosen_from_the_records_there_are():
    orders = records("orders", bought(ANN, -10))
    subscriptions = records("subscriptions", held(ANN, -100))
    none = ibis.memtable(CONTRACTS["subscriptions"].records_schema.empty_table())

    assert choose({"orders": orders, "subscriptions": subscriptions}) == ContractEnd()
    assert choose({"orders": orders, "subscriptions": none, "snapshot": snapshot((ANN, -1, True))}).name == "silence"
    assert choose({"subscriptions": none, "snapshot": snapshot((ANN, -1, True))}) == Outcome()


def test_without_records_to_tell_by_the_error_says_what_to_import():
    with pytest.raises(TenureError, match="Import subscriptions, orders, or a snapshot with an outcome"):
        choose({"snapshot": snapshot((ANN, -1, None))})


@pytest.mark.parametrize(("gap", "horizon"), [(45, 45), (7, 30), (300, 180)])
def test_the_horizon_of_silence_follows_the_rhythm_of_the_base(gap, horizon):
    orders = records("orders", *(bought(p, -gap * n) for p in range(20) for n in range(1, 5)))

    assert choose({"orders": orders}) == Silence(horizon_days=horizon, active_days=2 * horizon)


def test_too_few_returns_leave_the_usual_horizon():
    assert choose({"orders": records("orders", bought(ANN, -10), bought(ANN, -11))}) == Silence(90, 180)


@pytest.mark.parametrize("definition", [kind() for kind in DEFINITIONS.values()], ids=lambda d: d.name)
def test_every_definition_says_itself_in_both_languages(definition):
    assert isinstance(definition, Definition)
    assert definition.code == definition.name
    assert definition.words.en != definition.words.zh
    assert "{" not in definition.words.en + definition.words.zh


def test_dates_of_records_are_business_dates():
    assert records("orders", bought(ANN, -10)).to_pyarrow()["ordered_on"].to_pylist() == [date(2026, 2, 19)]


def every(person: int, gap: float, last: float, times: int) -> list[dict[str, Any]]:
    """Orders every so many days, the last one so many days from the cut."""
    return [bought(person, last - gap * n) for n in range(times)]


def test_silence_is_held_against_the_customers_own_rhythm():
    orders = records(
        "orders",
        *every(ANN, 7, -5, 40),  # weekly: nothing after
        *every(BEN, 7, -5, 40), bought(BEN, 80),  # weekly: came back within the rhythm of the end
        *every(CAT, 100, -50, 10),  # every hundred days: 140 days of silence are explained
        *every(DEE, 7, -100, 40),  # weekly, and silent for long already: not asked about
    )  # fmt: skip

    assert labels(OwnRhythm(90), {"orders": orders}) == {ANN: True, BEN: False, CAT: False}


def test_what_a_customer_is_allowed_is_the_own_gap_shrunk_to_the_bases():
    # 12 gaps of 10 days and 24 of 40: each customer's weigh the same together, so nine of ten gaps end within 40.
    orders = records("orders", *every(ANN, 10, -5, 13), *every(BEN, 40, -5, 25), bought(CAT, -3))

    told = OwnRhythm(90, quantile=0.9, times=2, least_days=7).allowed({"orders": orders}, CUT).to_pyarrow().to_pylist()

    allowed = {row["person_id"]: (row["gaps"], row["allowed_days"]) for row in told}
    assert allowed == {ANN: (12, 2 * (12 * 10 + 3 * 40) / 15), BEN: (24, 80.0), CAT: (0, 80.0)}


def seen(person: int, *days: float) -> list[dict[str, Any]]:
    return [
        {"person_id": person, "event_id": f"{person}{day}", "occurred_at": CUT + timedelta(days=day), "name": "view"}
        for day in days
    ]


def test_usage_declines_below_the_own_level_alone():
    often = [-88, -70, -60, -50, -40, -28, -20, -10, -5]  # nine in 90 days, four in the last 30
    events = records(
        "events",
        *seen(ANN, *often, 3),  # one in 30 days, where three were usual
        *seen(BEN, *often, 3, 9),  # two: more than half
        *seen(CAT, *often[5:], 3),  # too few before to tell
        *seen(DEE, *often[:5], -38, -37),  # had fallen already
        *seen(EVE, *often, 31),  # after the horizon
    )

    decline = choose({"events": events}, [{"definition": "usage_decline", "share": 0.5}])

    assert decline.reads == ("events",)
    assert labels(decline, {"events": events}) == {ANN: True, BEN: False, EVE: True}


def test_revenue_leaks_only_from_who_still_buys():
    before = [-170, -120, -80, -40, -10]
    spent = lambda person, *more: [  # noqa: E731
        *(bought(person, day, amount_base_minor=100) for day in before),
        *(bought(person, day, amount_base_minor=amount) for day, amount in more),
    ]
    orders = records("orders", *spent(ANN, (20, 100)), *spent(BEN, (20, 200)), *spent(CAT), *spent(DEE)[:2])

    assert labels(Leaking(), {"orders": orders}) == {ANN: True, BEN: False, CAT: False}


def test_a_cheaper_plan_is_a_downgrade_and_ending_it_is_not():
    fee = lambda minor, months=1: {"fee_base_minor": minor, "period_months": months}  # noqa: E731
    subscriptions = records(
        "subscriptions",
        held(ANN, -100, 20, **fee(100)), held(ANN, 20, **fee(50)),
        held(BEN, -100, 20, **fee(100)), held(BEN, 20, **fee(300, 3)),
        held(CAT, -100, 20, **fee(100)),
        held(DEE, -100, 20, **fee(100)), held(DEE, -50, **fee(90)),
        held(EVE, -100), held(EVE, -50, 20, **fee(100)),
    )  # fmt: skip

    assert labels(Downgrade(), {"subscriptions": subscriptions}) == {ANN: True, BEN: False, CAT: False, DEE: True}


def test_definitions_beside_each_other_have_codes_of_their_own_and_need_their_records():
    tables = {"orders": records("orders", bought(ANN, -10))}
    silences = [{"definition": "silence", "horizon_days": days, "active_days": 90} for days in (30, 60)]

    found = beside(tables, [*silences, {"definition": "contract_end"}, {"definition": "leaking", "code": "big"}, {"definition": "whim"}])  # fmt: skip

    assert [(one.code, one.horizon_days) for one in found] == [("silence", 30), ("silence_2", 60), ("big", 90)]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"definition": "whim"}, 'no definition of churn "whim"'),
        ({"definition": "silence", "share": 0.5}, 'has no setting "share". It has: horizon_days, active_days'),
        ({"definition": "silence", "horizon_days": 1}, "1 days can't be; give 7 to 730"),
        ({"definition": "leaking", "share": 40}, "4000% can't be; give 5% to 95%"),
        ({"definition": "leaking", "share": "much"}, "much is no number that can be"),
        ({"definition": "own_rhythm", "times": float("nan")}, "nan is no number"),
        ({"definition": "leaking", "horizon_days": 7.5}, "7.5 is no number"),
        ({"definition": "usage_decline", "counted": "clicks"}, 'there is no "clicks"'),
        (
            {"definition": "usage_decline", "horizon_days": 90, "earlier_days": 30},
            "fewer than the 90 days looked ahead",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_can(wish, says):
    with pytest.raises(TenureError, match=says.replace("(", r"\(").replace("%", "%")):
        checked(wish)


@pytest.mark.parametrize("kind", DEFINITIONS.values(), ids=lambda kind: kind.name)
def test_the_usual_settings_are_those_it_has_where_nothing_is_said(kind):
    usual = {one.name: one.usual for one in kind.settings if one.usual not in (None, "")}

    assert kind.plain(checked({"definition": kind.name, **usual})) == kind.plain({})
    assert said({"definition": kind.name}).zh


BATCH = st.lists(st.tuples(st.sampled_from([ANN, BEN, CAT]), st.integers(-200, 59), st.integers(1, 99)), min_size=25)
TIMED = [Silence(60, 90), ContractEnd(60), OwnRhythm(60), UsageDecline(60, least=2), UsageDecline(60, least=2, counted="events"),
         Leaking(60, 90, least=1), Downgrade(60)]  # fmt: skip


def company(batch: list[tuple[int, int, int]]) -> dict[str, ibis.Table]:
    """Orders, events and subscriptions on these days, each with an amount; every third subscription ends 40 days on."""
    orders = [bought(p, day, order_id=f"{n}", amount_base_minor=a) for n, (p, day, a) in enumerate(batch)]
    events = [row for p, day, _a in batch for row in seen(p, day)]
    plans = [held(p, day, day + 40 if a % 3 == 0 else None, fee_base_minor=a) for p, day, a in batch]
    return {
        "orders": records("orders", *orders),
        "events": records("events", *events),
        "subscriptions": records("subscriptions", *plans),
    }


@pytest.mark.parametrize("definition", TIMED, ids=lambda d: "-".join((d.name, *d.reads)))
@settings(max_examples=2, deadline=None)
@given(past=BATCH, later=BATCH)
def test_nothing_later_than_the_horizon_moves_a_label_and_nothing_after_the_date_who_is_asked(definition, past, later):
    before = [(p, min(day, -1), a) for p, day, a in past]
    known, at_end = company(before), company([*before, *((p, day % 60, a) for p, day, a in later)])
    beyond = company(
        [*before, *((p, day % 60, a) for p, day, a in later), *((p, 60 + abs(day), a) for p, day, a in later)]
    )

    asked = sorted(definition.eligible(known, CUT).to_pyarrow()["person_id"].to_pylist())

    assert sorted(labels(definition, at_end)) == asked
    assert labels(definition, beyond) == labels(definition, at_end)
    assert sorted(definition.eligible(beyond, CUT).to_pyarrow()["person_id"].to_pylist()) == asked
