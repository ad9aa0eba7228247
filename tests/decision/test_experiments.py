import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from tenure.decision.experiments import campaign_outcomes, lift, newcombe, sample_ratio_p, welch
from tests.tables import company

CAMPAIGN = "save-2026"


def became(as_of=None, horizon_days=90, **rows):
    found = campaign_outcomes(company(**rows), horizon_days, as_of).to_pyarrow().to_pylist()
    return {row["person_id"]: row for row in found}


def assigned(person, arm="treated", on="2026-01-01", **more):
    return {"person_id": person, "campaign": CAMPAIGN, "arm": arm, "assigned_at": on, "propensity": 0.5, **more}


def outcomes(treated, control, propensity=0.5, campaign=CAMPAIGN, **more):
    """Arms given as lists of (retained, revenue); `more` are further columns, one value a customer."""
    both = [*treated, *control]
    n = len(both)
    return pa.table(
        {
            "person_id": list(range(n)),
            "campaign": [campaign] * n,
            "arm": ["treated"] * len(treated) + ["control"] * len(control),
            "propensity": pa.array(propensity if isinstance(propensity, list) else [propensity] * n, pa.float64()),
            "retained": pa.array([retained for retained, _ in both], pa.bool_()),
            "revenue_base_minor": pa.array([revenue for _, revenue in both], pa.int64()),
            "cost_base_minor": pa.array([100] * len(treated) + [0] * len(control), pa.int64()),
            **more,
        }
    )


def kept(n, of, revenue=1000):
    return [(True, revenue)] * n + [(False, 0)] * (of - n)


def test_a_subscriber_is_retained_who_still_has_one_running_at_the_horizon():
    rows = became(
        treatments=[assigned(n) for n in (1, 2, 3, 4)],
        subscriptions=[
            {"person_id": 1, "started_at": "2025-01-01"},
            {"person_id": 2, "started_at": "2025-01-01", "ended_at": "2026-03-31"},
            {"person_id": 3, "started_at": "2025-01-01", "ended_at": "2026-04-01"},
            {"person_id": 4, "started_at": "2025-01-01", "ended_at": "2026-02-01"},
            {"person_id": 4, "started_at": "2026-02-10"},
        ],
        orders=[{"person_id": 2, "ordered_at": "2026-02-01", "amount_minor": 100}],
    )

    assert {n: row["retained"] for n, row in rows.items()} == {1: True, 2: False, 3: True, 4: True}


def test_anybody_else_is_retained_who_bought_within_the_horizon():
    rows = became(
        treatments=[assigned(n) for n in (1, 2, 3, 4, 5)],
        orders=[
            {"person_id": 1, "ordered_at": "2026-03-31T23:00", "amount_minor": 100},
            {"person_id": 2, "ordered_at": "2026-04-01", "amount_minor": 100},
            {"person_id": 3, "ordered_at": "2025-12-31", "amount_minor": 100},
            {"person_id": 4, "ordered_at": "2026-02-01", "amount_minor": 100, "status": "cancelled"},
            {"person_id": 5, "ordered_at": "2026-02-01", "amount_minor": -100},
        ],
    )

    assert {n: row["retained"] for n, row in rows.items()} == {1: True, 2: False, 3: False, 4: False, 5: False}


def test_somebody_won_back_with_a_contract_is_retained():
    rows = became(
        treatments=[assigned(1)],
        subscriptions=[
            {"person_id": 1, "started_at": "2024-01-01", "ended_at": "2025-06-01"},
            {"person_id": 1, "started_at": "2026-02-01"},
        ],
    )

    assert rows[1]["retained"] is True


def test_revenue_is_orders_less_refunds_and_fees_for_the_days_they_ran():
    rows = became(
        treatments=[assigned(1), assigned(2, "control")],
        orders=[
            {"person_id": 1, "ordered_at": "2026-01-01", "amount_minor": 5000},
            {"person_id": 1, "ordered_at": "2026-02-01", "amount_minor": -2000},
            {"person_id": 1, "ordered_at": "2026-04-02", "amount_minor": 9999},
        ],
        subscriptions=[
            {"person_id": 1, "started_at": "2025-01-01", "fee_minor": 3000},
            {
                "person_id": 2,
                "started_at": "2025-01-01",
                "ended_at": "2026-01-31",
                "fee_minor": 12000,
                "period_months": 12,
            },
        ],
    )

    assert rows[1]["revenue_base_minor"] == 5000 - 2000 + round(3000 * 90 / 30.4375)
    assert rows[2]["revenue_base_minor"] == round(1000 * 30 / 30.4375)


def test_the_first_assignment_decides_and_later_steps_add_their_cost():
    rows = became(
        treatments=[
            assigned(1, "control", "2026-01-01", cost_minor=0),
            assigned(1, "treated", "2026-01-08", cost_minor=1500),
            assigned(2, "treated", "2026-01-08", cost_minor=1500),
            assigned(2, "treated", "2026-01-01", cost_minor=200),
        ]
    )

    assert [(row["arm"], row["cost_base_minor"]) for _, row in sorted(rows.items())] == [
        ("control", 1500),
        ("treated", 1700),
    ]


def test_one_customer_in_two_campaigns_has_an_outcome_in_each():
    tables = company(
        treatments=[assigned(1), {**assigned(1), "campaign": "other", "assigned_at": "2026-06-01"}],
        orders=[{"person_id": 1, "ordered_at": "2026-06-05", "amount_minor": 100}],
    )

    rows = campaign_outcomes(tables).to_pyarrow().to_pylist()

    assert {row["campaign"]: row["retained"] for row in rows} == {CAMPAIGN: False, "other": True}


def test_a_horizon_not_over_yet_is_no_outcome():
    given = [assigned(1, on="2026-01-01"), assigned(2, on="2026-01-02")]

    assert list(became(as_of=datetime(2026, 4, 1, tzinfo=UTC), treatments=given)) == [1]


def test_a_horizon_of_no_days_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        campaign_outcomes({}, horizon_days=0)


def test_no_treatments_have_no_outcomes_and_no_lift():
    table = campaign_outcomes({}).to_pyarrow()

    assert table.num_rows == 0
    assert lift(table) == []


def test_saved_customers_and_money_by_hand():
    found = lift(outcomes(kept(90, of=100), kept(80, of=100)))[0]

    assert (found.treated, found.control, found.enough) == (100, 100, True)
    assert (found.retained_treated, found.retained_control) == (0.9, 0.8)
    assert found.difference.value == pytest.approx(0.10)
    assert found.relative == pytest.approx(0.125)
    assert found.saved_customers.value == pytest.approx(10)
    assert found.revenue_difference.value == pytest.approx(100)
    assert found.saved_revenue.value == pytest.approx(10_000)
    assert found.cost_base_minor == 10_000
    assert found.net.value == pytest.approx(0)
    assert found.net.high - found.net.low == pytest.approx(found.saved_revenue.high - found.saved_revenue.low)
    assert found.sample_ratio_p == 1.0
    assert found.words.en == "Saved about 10 customers, between 0 and 20"


def test_newcombe_s_interval_is_the_published_one():
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10: 56/70 less 48/80 and 9/10 less 3/10."""
    first, second = newcombe(56, 70, 48, 80), newcombe(9, 10, 3, 10)

    assert (first.low, first.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert (second.low, second.high) == pytest.approx((0.1705, 0.8090), abs=5e-5)


def test_nobody_lost_on_either_side_still_has_an_interval():
    found = lift(outcomes(kept(10, of=10), kept(10, of=10)))[0]

    assert found.difference.low < 0 < found.difference.high
    assert found.words.en.startswith("No clear effect")


def test_welch_s_interval_by_hand():
    """Variances 1 and 4 over 3: error √(5/3), Satterthwaite's 2.94 degrees of freedom, t = 3.2204."""
    found = welch(np.array([10.0, 11.0, 12.0]), np.array([4.0, 6.0, 8.0]))

    assert found.value == 5
    assert found.high - found.value == pytest.approx(math.sqrt(5 / 3) * 3.2204, rel=1e-3)


def test_nobody_in_control_is_not_enough_data_and_never_nan():
    found = lift(outcomes(kept(5, of=10), []))[0]

    assert (found.enough, found.treated, found.control) == (False, 10, 0)
    assert found.difference is None
    assert found.saved_revenue is None
    assert found.relative is None
    assert found.words.en.startswith("Not enough data: nobody was held out")
    assert "对照组" in found.words.zh


def test_nobody_treated_or_one_in_an_arm_is_not_enough_data():
    assert "nobody was treated" in lift(outcomes([], kept(5, of=10)))[0].words.en
    assert "at least two" in lift(outcomes(kept(5, of=10), kept(1, of=1)))[0].words.en


def test_a_harmful_campaign_is_said_to_harm():
    found = lift(outcomes(kept(500, of=1000), kept(700, of=1000)))[0]

    assert found.difference.is_clear
    assert found.words.en.startswith("Lost about 200 customers")


def test_arms_as_planned_raise_no_alarm_and_arms_off_plan_do():
    as_planned = lift(outcomes(kept(450, of=805), kept(100, of=195), propensity=0.8))[0]
    off_plan = lift(outcomes(kept(450, of=700), kept(100, of=300), propensity=0.8))[0]

    assert as_planned.expected_treated == pytest.approx(800)
    assert as_planned.sample_ratio_ok is True
    assert off_plan.sample_ratio_ok is False


def test_the_sample_ratio_p_is_pearson_s():
    """520 of 1000 where 500 were meant: χ² = 20²/500 + 20²/500 = 1.6, p = 0.2059."""
    treated = np.arange(1000) < 520

    assert sample_ratio_p(treated, np.full(1000, 0.5)) == pytest.approx(0.2059, abs=5e-5)


def test_unknown_chances_compare_the_arms_as_they_are_without_a_plan_to_check():
    found = lift(outcomes(kept(9, of=10), kept(5, of=10), propensity=[0.5] * 19 + [None]))[0]

    assert found.difference.value == pytest.approx(0.4)
    assert (found.sample_ratio_p, found.sample_ratio_ok) == (None, None)


def test_unequal_hold_outs_are_weighed_back_to_the_treated():
    """Strata: 90 of 100 treated where 20 % stay anyway, 10 of 100 where 80 % do; the campaign changes nothing."""
    treated = kept(18, of=90) + kept(8, of=10)
    control = kept(2, of=10) + kept(72, of=90)
    chances = [0.9] * 90 + [0.1] * 10 + [0.9] * 10 + [0.1] * 90

    found = lift(outcomes(treated, control, propensity=chances))[0]

    naive = 26 / 100 - 74 / 100
    assert naive == pytest.approx(-0.48)
    assert found.retained_control == pytest.approx(0.26)
    assert found.difference.value == pytest.approx(0)
    assert found.difference.low < 0 < found.difference.high


def test_customers_sure_of_their_arm_are_left_out_and_counted():
    chances = [1.0] * 5 + [0.5] * 20

    found = lift(outcomes(kept(5, of=5) + kept(8, of=10), kept(5, of=10), propensity=chances))[0]

    assert (found.treated, found.control, found.left_out) == (10, 10, 5)
    assert found.difference.value == pytest.approx(0.3)


def test_each_campaign_and_each_group_has_its_own_entry():
    tables = pa.concat_tables(
        [
            outcomes(
                kept(8, of=10),
                kept(5, of=10),
                campaign="b",
                region=["north"] * 5 + ["south"] * 5 + ["north", "south"] * 5,
            ),
            outcomes(kept(6, of=10), kept(5, of=10), campaign="a", region=pa.nulls(20, pa.string())),
        ]
    )

    assert [found.campaign for found in lift(tables)] == ["a", "b"]
    by_region = lift(tables, by="region")
    assert [(found.campaign, found.subgroup, found.treated) for found in by_region] == [
        ("a", "", 10), ("b", "north", 5), ("b", "south", 5),
    ]  # fmt: skip


@pytest.mark.parametrize("unequal", [False, True])
def test_the_interval_covers_the_truth_19_times_in_20(unequal):
    """400 campaigns of 300 customers; stratum decides both the chance of treatment and staying; the effect is +10 points."""
    rng = np.random.default_rng(7)
    times, n, effect = 400, 300, 0.10
    shares = money = 0
    for _ in range(times):
        rich = rng.random(n) < 0.5
        chance = np.where(rich, 0.7, 0.4) if unequal else np.full(n, 0.5)
        treated = rng.random(n) < chance
        stays = rng.random(n) < np.where(rich, 0.7, 0.4) + effect * treated
        spent = np.round(stays * rng.gamma(2.0, 500.0, n)).astype(np.int64)
        order = np.argsort(~treated, kind="stable")
        pairs = list(zip(stays[order].tolist(), spent[order].tolist(), strict=True))
        cut = int(treated.sum())

        found = lift(outcomes(pairs[:cut], pairs[cut:], propensity=chance[order].tolist()))[0]

        shares += found.difference.low <= effect <= found.difference.high
        money += found.revenue_difference.low <= effect * 1000 <= found.revenue_difference.high
    assert 0.92 <= shares / times <= 0.98
    assert 0.92 <= money / times <= 0.98
