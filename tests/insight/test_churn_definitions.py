"""Who could leave at a date, and who did, worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.insight.churn import ContractEnd, Definition, Outcome, Silence, choose

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


@pytest.mark.parametrize("definition", [Silence(), ContractEnd(), Outcome()], ids=lambda d: d.name)
def test_every_definition_says_itself_in_both_languages(definition):
    assert isinstance(definition, Definition)
    assert definition.words.en != definition.words.zh
    assert "{" not in definition.words.en + definition.words.zh


def test_dates_of_records_are_business_dates():
    assert records("orders", bought(ANN, -10)).to_pyarrow()["ordered_on"].to_pylist() == [date(2026, 2, 19)]
