"""What leavers cost, worked by hand; and revenue at risk."""

from datetime import UTC, date, datetime
from math import exp, log

import numpy as np
import pyarrow as pa
import pytest

from tenure.insight.at_risk import at_risk
from tenure.insight.cost_of_churn import (
    ASSUMPTIONS,
    DRAWS,
    LEFT,
    MONEY,
    OLDEST,
    Life,
    cost_of,
    effects,
    in_force,
    leavers,
    life,
    lives_of,
    margin_share,
    margins,
)
from tenure.insight.metrics import Period
from tenure.insight.metrics.base import DAYS_A_MONTH
from tenure.insight.survival import lives
from tests.tables import records

NOW = datetime(2026, 4, 1, tzinfo=UTC)
YEAR = Period(date(2025, 4, 1), date(2026, 4, 1))
PLAIN = in_force(
    {"discount_rate": 0.0, "tell_share": 0.1, "told_each": 10, "lost_of_told": 0.05, "referrals_a_year": 0.12}
)
"""By word 0.1 × 10 × 0.05 = 5 % of the margin lost; by referrals 1 % of it a month."""


def ten_months(kind="contract"):
    """Everybody would have stayed ten months more, with no doubt of it."""
    return {kind: Life(np.full(OLDEST + 1, 10.0), np.full((DRAWS, OLDEST + 1), 10.0))}


def gone(*rows):
    whole = [
        dict.fromkeys(LEFT.names) | {"kind": "contract", "left_on": date(2026, 1, 5), "days": 400} | row for row in rows
    ]
    return pa.Table.from_pylist([row | {"person_id": n} for n, row in enumerate(whole, 1)], schema=LEFT)


def left_of(orders=(), subscriptions=(), silence=90):
    found = leavers(records("orders", orders), records("subscriptions", subscriptions), NOW, silence, YEAR)
    return {row["person_id"]: row for row in found.to_pyarrow().to_pylist()}


def test_a_contract_is_left_on_the_day_the_last_one_ends_and_takes_its_fee_plan_and_reason_along():
    found = left_of(subscriptions=[
        {"person_id": 1, "started_at": "2025-01-01", "ended_at": "2025-12-31", "fee_minor": 24_000, "period_months": 12,
         "plan": "gold", "end_reason": "price", "channel": "web"},
        {"person_id": 1, "started_at": "2024-01-01", "ended_at": "2025-01-01", "fee_minor": 900, "plan": "old"},
        {"person_id": 2, "started_at": "2025-01-01", "ended_at": "2025-12-31", "fee_minor": 500},
        {"person_id": 2, "started_at": "2025-06-01", "fee_minor": 500},           # another still runs
        {"person_id": 3, "started_at": "2024-01-01", "ended_at": "2025-03-01", "fee_minor": 500},  # before the period
        {"person_id": 4, "started_at": "2024-01-01", "ended_at": "2026-09-01", "fee_minor": 500},  # will end
    ])  # fmt: skip

    assert list(found) == [1]
    assert {name: found[1][name] for name in ("kind", "left_on", "fee", "plan", "reason", "channel", "net")} == {
        "kind": "contract", "left_on": date(2025, 12, 31), "fee": 2_000, "plan": "gold", "reason": "price",
        "channel": "web", "net": None,
    }  # fmt: skip


def test_a_buyer_is_left_after_the_silence_and_brought_what_the_last_year_of_buying_did():
    found = left_of(orders=[
        {"person_id": 1, "ordered_at": "2024-06-01", "amount_minor": 99_999, "channel": "app"},  # over a year before the last
        {"person_id": 1, "ordered_at": "2025-09-01", "amount_minor": 10_000, "cost_minor": 7_000},
        {"person_id": 1, "ordered_at": "2025-10-01", "amount_minor": 2_000},
        {"person_id": 1, "ordered_at": "2025-10-20", "amount_minor": -1_000, "cost_minor": -700},
        {"person_id": 1, "ordered_at": "2025-09-02", "amount_minor": 5_000, "status": "cancelled"},
        {"person_id": 2, "ordered_at": "2026-03-01", "amount_minor": 10_000},                    # still there
    ])  # fmt: skip

    assert list(found) == [1]
    assert {name: found[1][name] for name in ("left_on", "net", "known_net", "known_cost", "channel", "fee")} == {
        "left_on": date(2025, 12, 30), "net": 11_000, "known_net": 9_000, "known_cost": 6_300, "channel": "app",
        "fee": None,
    }  # fmt: skip


def test_who_left_is_who_survival_says_has_left():
    orders = [
        {"person_id": p, "ordered_at": f"2025-{month:02}-03", "amount_minor": 100}
        for p in range(1, 9) for month in range(1, 13, p)
    ]  # fmt: skip
    contracts = [{"person_id": p, "started_at": "2025-01-05", "ended_at": "2025-11-05" if p % 2 else None, "fee_minor": 1}
                 for p in range(6, 12)]  # fmt: skip
    found = leavers(
        records("orders", orders), records("subscriptions", contracts), NOW, 90, Period(date(2024, 1, 1), date(2026, 4, 1))
    )  # fmt: skip
    table = lives(records("orders", orders), records("subscriptions", contracts), NOW, 90)
    survived = {(row["person_id"], row["kind"], row["days"]) for row in table.to_pyarrow().to_pylist() if row["ended"]}

    assert {(row["person_id"], row["kind"], row["days"]) for row in found.to_pyarrow().to_pylist()} == survived
    assert len(survived) > 4


def test_expected_life_is_the_area_under_what_the_rate_of_leaving_leaves():
    # 100 customers seen for 10 months each, 20 left: 0.02 a month, in every band that has leavers enough.
    lasted, ended = np.full(100, 10 * DAYS_A_MONTH), np.repeat([1.0, 0.0], [20, 80])

    plain = life(lasted, ended, np.ones(100), discount_rate=0.0, horizon_months=12)
    less = life(lasted, ended, np.ones(100), discount_rate=0.1, horizon_months=12)

    assert plain is not None
    assert less is not None
    assert plain.months == pytest.approx((1 - exp(-0.02 * 12)) / 0.02)
    out = 0.02 + log(1.1) / 12
    assert less.months[0] == pytest.approx((1 - exp(-out * 12)) / out)
    assert plain.draws[:, 0].min() < plain.months[0] < plain.draws[:, 0].max()


def test_with_few_leavers_no_life_is_told_and_no_cost():
    assert life([300.0] * 9, [1] * 4 + [0] * 5, np.ones(9), discount_rate=0.1, horizon_months=36) is None

    costs = cost_of(gone({"fee": 1_000}), {}, margins(None, None, PLAIN | {"margin_of_orders": 0.5}), {}, PLAIN)

    (row,) = costs.told()
    assert (row["customers"], row["unknown"], row["total"]) == (1, 1, 0)


def test_a_leaver_costs_margin_over_expected_life_winning_another_and_what_is_assumed():
    held = PLAIN | {"margin_of_fees": 0.5, "replaced": 0.5}
    costs = cost_of(
        gone({"fee": 10_000, "channel": "web"}),
        ten_months(),
        margins(None, None, held),
        {"web": 3_000, None: 9_000},
        held,
    )

    (row,) = costs.told()
    assert {name: row[name] for name in (*MONEY, "total", "spared")} == {
        "lost": 50_000, "replaced": 1_500, "told": 2_500, "referred": 5_000, "total": 59_000, "spared": 0,
    }  # fmt: skip


def test_own_margin_is_by_the_lines_that_say_their_cost_and_the_rest_by_the_share_of_all():
    found = margins(10_000, 6_000, PLAIN)
    costs = cost_of(gone({"net": 12_000, "known_net": 6_000, "known_cost": 5_000}), ten_months(), found, {}, PLAIN)

    # (6000 − 5000) + 6000 × 40 %, a twelfth of it each month for ten months.
    assert found.orders == 0.4
    assert costs.told()[0]["lost"] == round((1_000 + 2_400) / 12 * 10)


def test_who_cost_more_than_they_brought_is_no_loss_and_told_apart():
    costs = cost_of(
        gone({"net": 1_200, "known_net": 1_200, "known_cost": 2_400}, {"net": -600, "known_net": -600, "known_cost": -200}),
        ten_months(), margins(1.0, 0.5, PLAIN), {None: 5_000}, PLAIN,
    )  # fmt: skip

    (row,) = costs.told()
    assert (row["total"], row["replaced"], row["spared_customers"]) == (0, 0, 2)
    assert row["spared"] == 1_000 + round(400 / 12 * 10)


def test_without_any_margin_nothing_is_made_up():
    costs = cost_of(
        gone({"net": 1_000, "known_net": 0, "known_cost": 0}, {}), ten_months(), margins(None, None, PLAIN), {}, PLAIN
    )

    assert [costs.told()[0][name] for name in ("unknown", "total", "lost_low", "lost_high")] == [2, 0, 0, 0]


def test_segments_add_up_to_the_whole_to_the_cent_and_intervals_hold_the_figure():
    rng = np.random.default_rng(3)
    table = gone(
        *(
            {"fee": int(fee), "days": int(days)}
            for fee, days in zip(rng.integers(-50, 99_999, 200), rng.integers(0, 3_000, 200), strict=True)
        )
    )
    known = lives_of({"contract": (rng.integers(1, 2_000, 500), rng.integers(0, 2, 500), np.ones(500))}, PLAIN)
    costs = cost_of(table, known, margins(3.0, 1.0, PLAIN), {None: 777.7}, PLAIN)

    (whole,) = costs.told()
    parts = costs.told([f"s{n % 7}" if n % 9 else None for n in range(200)])

    assert len(parts) == 8
    for name in (*MONEY, "total", "spared", "customers", "spared_customers", "unknown"):
        assert sum(part[name] for part in parts) == whole[name], name
    assert whole["total"] == sum(whole[name] for name in MONEY)
    for row in (whole, *parts):
        assert row["lost_low"] <= row["lost"] <= row["lost_high"]
        assert row["total_low"] <= row["total"] <= row["total_high"]
    assert whole["lost_low"] < whole["lost"] < whole["lost_high"]


def test_nobody_left_is_a_row_of_noughts():
    for known in ({}, ten_months()):
        costs = cost_of(LEFT.empty_table(), known, margins(None, None, PLAIN), {}, PLAIN)

        assert costs.told()[0]["total"] == costs.told()[0]["customers"] == 0
        assert costs.told([]) == []


def test_the_share_of_margin_reads_refunds_as_what_they_are():
    orders = records("orders", [
        {"person_id": 1, "ordered_at": "2026-01-01", "amount_minor": 1_000, "cost_minor": 600},
        {"person_id": 1, "ordered_at": "2026-01-02", "amount_minor": -200, "cost_minor": 120},
        {"person_id": 1, "ordered_at": "2026-01-02", "amount_minor": 5_000},
    ])  # fmt: skip

    assert margin_share(orders, YEAR).to_pyarrow().to_pylist() == [{"net": 800, "cost": 480}]
    assert margins(-100, 20, PLAIN).orders is None


def test_money_in_other_currencies_counts_by_its_worth_in_the_reporting_one():
    found = left_of(
        orders=[{"person_id": 1, "ordered_at": "2025-10-01", "amount_minor": 100, "amount_base_minor": 720, "currency": "USD"},
                {"person_id": 1, "ordered_at": "2025-10-02", "amount_minor": 500, "amount_base_minor": None, "currency": "XXX"}],
        subscriptions=[{"person_id": 2, "started_at": "2025-01-01", "ended_at": "2025-12-01", "fee_minor": 10,
                        "fee_base_minor": 72, "currency": "USD"}],
    )  # fmt: skip

    assert (found[1]["net"], found[2]["fee"]) == (720, 72)


def test_assumptions_out_of_range_or_unknown_are_passed_over():
    held = in_force({"replaced": 7.0, "tell_share": float("nan"), "nonsense": 1.0, "told_each": 3})

    assert (held["replaced"], held["tell_share"], held["told_each"]) == (1.0, 0.3, 3.0)
    assert set(held) == set(ASSUMPTIONS)


def test_each_assumption_shows_what_a_fifth_of_it_moves():
    counts = {"contract": (np.full(100, 300.0), np.repeat([1.0, 0.0], [20, 80]), np.ones(100))}

    found = effects(
        gone({"fee": 10_000}), counts, None, None, {None: 1_000.0}, {"margin_of_fees": 0.5, "replaced": 0.5}
    )

    assert found["acquisition_cost"] is None  # measured, not assumed
    low, high = found["replaced"]
    assert high - low == 200
    assert found["margin_of_fees"][0] < found["margin_of_fees"][1]
    assert found["discount_rate"][0] > found["discount_rate"][1]


def test_revenue_at_risk_is_chance_times_value_with_an_interval_and_adds_up():
    chance, value = [0.5, 0.1, float("nan"), 0.2, 0.9], [10_000, 33_333, 500, float("nan"), 40_000]
    losing = [False, False, False, False, True]

    (row,) = at_risk(chance, value, losing=losing)
    parts = at_risk(chance, value, ["a", "b", "a", "b", "a"], losing)

    assert (row["at_risk"], row["customers"], row["unknown"]) == (5_000 + 3_333, 2, 2)
    assert (row["apart"], row["apart_at_risk"]) == (1, 36_000)
    half = 1.959963984540054 * (0.25 * 10_000**2 + 0.09 * 33_333**2) ** 0.5
    assert row["high"] == round(8_333 + half)
    assert row["low"] == max(0, round(8_333 - half))
    for name in ("at_risk", "customers", "unknown", "apart", "apart_at_risk", "value"):
        assert sum(part[name] for part in parts) == row[name]


def test_nobody_and_a_customer_worth_less_than_nothing_put_nothing_at_risk():
    assert at_risk([], [])[0]["at_risk"] == 0
    assert at_risk([], [], []) == []
    (row,) = at_risk([0.9], [-500])
    assert (row["at_risk"], row["low"], row["high"]) == (0, 0, 0)
