"""Survival against textbook figures, brute force and, where it is installed, lifelines."""

from datetime import UTC, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.insight.survival import NotEnoughLivesError, hazard, kaplan_meier, lives

# Remission of 21 patients under 6-MP (Freireich et al. 1963), the textbook case; 9 of them relapsed.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def random_lives(count: int = 400) -> tuple[Any, Any]:
    chance = np.random.default_rng(1)
    life, seen = chance.exponential(50, count), chance.uniform(5, 90, count)
    return np.ceil(np.minimum(life, seen)), (life <= seen).astype(float)


def test_the_textbook_curve_comes_out() -> None:
    curve = kaplan_meier(WEEKS, RELAPSED)

    assert curve.times.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.share == pytest.approx([1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5)
    assert curve.error[1:] == pytest.approx([0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346], abs=5e-5)
    assert curve.at_risk[1:].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.median() == 23
    assert curve.at(9) == pytest.approx(0.8067, abs=5e-5)


def test_curve_and_intervals_agree_with_lifelines() -> None:
    import lifelines

    time, gone = random_lives()
    oracle = lifelines.KaplanMeierFitter().fit(time, gone)

    curve = kaplan_meier(time, gone)

    assert curve.share == pytest.approx(oracle.predict(curve.times).to_numpy(), rel=1e-12)
    bounds = oracle.confidence_interval_.reindex(curve.times).to_numpy()
    assert curve.low[1:] == pytest.approx(bounds[1:, 0], rel=1e-9)
    assert curve.high[1:] == pytest.approx(bounds[1:, 1], rel=1e-9)


def test_the_expected_life_is_the_area_under_the_curve_and_its_error_a_bootstraps() -> None:
    time, gone = random_lives()
    chance = np.random.default_rng(2)

    mean, error = kaplan_meier(time, gone).expected_life(60) or (0, 0)

    grid = np.arange(0, 60, 0.01)
    curve = kaplan_meier(time, gone)
    assert mean == pytest.approx(np.mean([curve.at(t) for t in grid[::10]]) * 60, rel=0.01)
    drawn = []
    for _ in range(200):
        some = chance.integers(0, len(time), len(time))
        drawn.append((kaplan_meier(time[some], gone[some]).expected_life(60) or (0, 0))[0])
    assert error == pytest.approx(np.std(drawn), rel=0.2)


def test_the_life_still_to_come_is_told_from_where_one_stands() -> None:
    curve = kaplan_meier([10, 20, 30, 40], [1, 1, 1, 1])

    assert (curve.expected_life(40) or [0])[0] == pytest.approx(25)
    assert (curve.expected_life(40, since=20) or [0])[0] == pytest.approx(15)
    assert curve.expected_life(40, since=40) is None


def test_rows_may_stand_for_many_customers() -> None:
    time, gone = random_lives(60)
    weight = np.arange(60) % 3

    weighted, repeated = (
        kaplan_meier(time, gone, weight),
        kaplan_meier(np.repeat(time, weight), np.repeat(gone, weight)),
    )

    assert weighted.share == pytest.approx(repeated.share)
    assert weighted.low == pytest.approx(repeated.low)


def test_where_nobody_left_all_are_still_there_and_where_all_left_nobody_is() -> None:
    stayed, gone = kaplan_meier([5, 6], [0, 0]), kaplan_meier([5, 5], [1, 1])

    assert (stayed.at(9), stayed.median()) == (1.0, None)
    assert (gone.at(5), gone.low[-1], gone.high[-1]) == (0.0, 0.0, 0.0)
    assert all(
        np.isfinite(column).all()
        for curve in (stayed, gone)
        for column in (curve.share, curve.low, curve.high, curve.error)
    )


def test_the_hazard_is_leavers_over_time_at_risk() -> None:
    found = hazard([5, 10, 20, 20], [1, 1, 1, 0], [0, 10, 20]).to_pylist()

    assert [row["left"] for row in found] == [2, 1]
    assert [row["rate"] for row in found] == pytest.approx([2 / 35, 1 / 20])
    assert found[0]["rate_low"] < found[0]["rate"] < found[0]["rate_high"]


def test_what_can_not_be_a_life_is_refused() -> None:
    with pytest.raises(NotEnoughLivesError, match="no customer was seen for any time"):
        kaplan_meier([], [])
    with pytest.raises(ValueError, match="lasted must be a finite number not below 0"):
        kaplan_meier([-1], [0])
    with pytest.raises(ValueError, match="ended must be 0 or 1"):
        kaplan_meier([1], [2])


def table(contract: str, rows: list[dict[str, Any]]) -> ibis.Table:
    schema = CONTRACTS[contract].records_schema
    return ibis.memtable(pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema))


def test_contracts_end_when_the_last_does_and_buyers_after_a_stated_silence() -> None:
    def day(text: str) -> datetime:
        return datetime.fromisoformat(f"{text}T00:00+00:00")

    def held(person: int, began: str, ended: str | None, plan: str) -> dict[str, Any]:
        return {"subscription_id": f"{person}{began}", "person_id": person, "started_at": day(began),
                "ended_at": day(ended) if ended else None, "plan": plan}  # fmt: skip

    def order(person: int, on: str) -> dict[str, Any]:
        return {
            "person_id": person,
            "ordered_at": day(on),
            "ordered_on": day(on).date(),
            "amount_base_minor": 100,
            "kind": "sale",
        }

    subscriptions = table("subscriptions", [
        held(1, "2025-01-01", "2025-02-01", "old"), held(1, "2025-02-01", None, "new"), held(2, "2025-01-01", "2025-01-31", "old"),
    ])  # fmt: skip
    orders = table("orders", [
        order(1, "2025-01-05"), order(3, "2025-01-01"), order(3, "2025-01-11"), order(4, "2025-06-01"), order(4, "2025-06-20"),
    ])  # fmt: skip

    found = (
        lives(orders, subscriptions, datetime(2025, 7, 1, tzinfo=UTC), silence_days=60)
        .order_by("person_id")
        .to_pyarrow()
    )

    assert found.to_pylist() == [
        {"person_id": 1, "days": 181, "ended": False, "kind": "contract", "plan": "new"},
        {"person_id": 2, "days": 30, "ended": True, "kind": "contract", "plan": "old"},
        {"person_id": 3, "days": 70, "ended": True, "kind": "buyer", "plan": None},
        {"person_id": 4, "days": 29, "ended": False, "kind": "buyer", "plan": None},
    ]
