"""What a score rests on, what would lower it, and what moved it: always the model's own figures, taken apart."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.insight.churn import ChurnModel, facts, history, levers
from tenure.insight.churn.drivers import (
    CODES,
    DRIVERS,
    as_json,
    by_driver,
    chance,
    driver_of,
    log_odds,
    points,
)
from tenure.insight.features import FAMILIES, FEATURES
from tenure.language import Words


def base(rows: int = 700, seed: int = 7) -> tuple[pa.Table, Any]:
    """Open cases, a fee and a contract drive leaving; age does too, and nobody can do anything about it."""
    r = np.random.default_rng(seed)
    cases = r.poisson(0.8, rows).astype(float)
    age = r.uniform(20, 80, rows)
    fee = r.uniform(2_000, 9_000, rows)
    contract = r.choice(["Month-to-month", "One year", "Two year"], rows, p=[0.6, 0.25, 0.15])
    open_days = np.where(cases > 0, r.uniform(1, 60, rows), np.nan)
    risk = -3.2 + 1.1 * cases + 0.0003 * fee + 1.2 * (contract == "Month-to-month") - 0.03 * (age - 50)
    left = r.random(rows) < 1 / (1 + np.exp(-risk))
    table = pa.table({
        "unresolved_cases": cases, "oldest_unresolved_days": pa.array(open_days, from_pandas=True), "age_years": age,
        "monthly_fee_base_minor": fee, "Contract": contract, "joined_days": r.uniform(10, 2000, rows),
    })  # fmt: skip
    return table, left


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return base()[0]


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    return ChurnModel(rounds=100, folds=3, rate=0.05).fit(*base())


# -- drivers


def test_level_and_drivers_of_every_customer_add_up_to_the_score(model: ChurnModel, table: pa.Table) -> None:
    share, _said, effects = model.opened(table)

    assert effects.shape == (table.num_rows, len(CODES))
    np.testing.assert_allclose(model.baseline_ + effects.sum(axis=1), model.decision_function(table), atol=1e-9)
    np.testing.assert_allclose(share, model.predict_proba(table)[:, 1], atol=1e-12)
    np.testing.assert_allclose(effects, by_driver(model.contributions(table), table.column_names), atol=1e-9)


def test_every_reason_says_which_driver_it_belongs_to(model: ChurnModel, table: pa.Table) -> None:
    told = [reason for row in model.reasons(table.slice(0, 60)) for reason in row]

    assert {reason["driver"] for reason in told} >= {"service", "price", "contract", "profile"}
    assert all(reason["driver"] == driver_of(reason["feature"]) for reason in told)


def test_every_feature_has_a_driver_of_its_own() -> None:
    assert {driver_of(name) for name in FEATURES} <= {*CODES} - {"other"}
    assert all(family.driver in DRIVERS for family in FAMILIES.values())


@pytest.mark.parametrize(
    ("column", "driver"),
    [
        ("MonthlyCharges", "price"), ("TechSupport", "service"), ("PaymentMethod", "payment"), ("Contract", "contract"),
        ("SeniorCitizen", "profile"), ("tenure", "profile"), ("StreamingTV", "quality"), ("total day minutes", "usage"),
        ("number_customer_service_calls", "service"), ("WarehouseToHome", "delivery"), ("SatisfactionScore", "satisfaction"),
        ("月租费用", "price"), ("近三月投诉次数", "service"), ("合约类型", "contract"), ("入网时长", "usage"), ("年龄", "profile"),
        ("物流延迟天数", "delivery"), ("欠费金额", "payment"), ("竞品优惠", "competitor"), ("Var126", "other"), ("stagecoach", "other"),
    ],
)  # fmt: skip
def test_a_company_s_own_column_is_known_by_its_name_in_both_languages(column: str, driver: str) -> None:
    assert driver_of(column) == driver


def test_effects_become_points_that_add_up_to_the_chance() -> None:
    effects = {"service": 1.2, "usage": 0.4, "contract": -0.7}
    level = -2.0

    parts = points(effects, chance(level + sum(effects.values())))

    assert sum(parts.values()) == pytest.approx(chance(-1.1) - chance(-2.0))
    assert parts["service"] == pytest.approx(3 * parts["usage"])
    assert parts["contract"] < 0
    assert points({"service": 0.0}, 0.3) == {"service": 0.0}
    even = points({"service": 0.5, "usage": -0.5}, 0.3)
    assert even["service"] == -even["usage"] == pytest.approx(0.5 * 0.3 * 0.7), "no change in all: by the slope there"


def test_what_a_model_by_folds_says_otherwise_stands_beside_the_drivers() -> None:
    (told,) = as_json(np.array([[0.5] + [0.0] * (len(CODES) - 1)]), np.array([-0.25]))

    assert told == f'{{"{CODES[0]}": 0.5, "_unseen": -0.25}}'


# -- facts kept beside the score


def test_facts_come_back_as_they_were_whatever_their_columns_are_called(model: ChurnModel, table: pa.Table) -> None:
    some = table.slice(3, 5)
    people = pa.array([9, 4, 7, 1, 3])

    kept = facts.packed(people, some, model.readings)
    back = facts.opened(kept, model.readings)

    assert kept.schema == facts.SCHEMA
    assert back["person_id"].to_pylist() == people.to_pylist()
    np.testing.assert_array_equal(model.decision_function(back), model.decision_function(some))


def test_facts_kept_for_another_model_are_read_as_far_as_they_go(model: ChurnModel, table: pa.Table) -> None:
    bare = table.select(["unresolved_cases", "Contract"])
    old = ChurnModel(rounds=20, folds=2).fit(bare, base()[1])
    kept = pa.concat_tables(
        [facts.packed(pa.array([1]), bare.slice(0, 1), old.readings), facts.packed(pa.array([2]), table.slice(1, 1), model.readings)]
    )  # fmt: skip

    back = facts.opened(kept, model.readings)

    assert back["age_years"].to_pylist() == [None, table["age_years"][1].as_py()]
    assert back["Contract"].to_pylist() == table["Contract"].slice(0, 2).to_pylist()


# -- what would lower it


def risky(model: ChurnModel, table: pa.Table) -> pa.Table:
    """The customer of two open cases or more whom the model thinks likeliest to leave."""
    open_cases = np.asarray(table["unresolved_cases"]) >= 2
    return table.slice(int(np.argmax(np.where(open_cases, model.decision_function(table), -np.inf))), 1)


def test_the_score_it_says_there_would_be_is_the_models(model: ChurnModel, table: pa.Table) -> None:
    one = risky(model, table)

    found = levers.would_lower(model, one, table)

    assert found
    assert {len(lowering.changes) for lowering in found} == {1, 2}, "one thing, or two together"
    for lowering in found:
        changes = {column: to for column, _now, to in lowering.changes}
        if "unresolved_cases" in changes:
            changes["oldest_unresolved_days"] = None  # what else would be so
        rescored = model.predict_proba(levers.changed(one, changes))[0, 1]
        assert lowering.after == pytest.approx(rescored, abs=1e-12)
        assert lowering.before == pytest.approx(model.predict_proba(one)[0, 1])
        assert lowering.after <= lowering.before - levers.LEAST
    assert found == sorted(found, key=lambda lowering: lowering.after)


def test_it_is_said_in_both_languages_as_a_reckoning_and_no_promise(model: ChurnModel, table: pa.Table) -> None:
    found = levers.would_lower(model, risky(model, table), table)
    (resolved,) = (one for one in found if [column for column, *_ in one.changes] == ["unresolved_cases"])

    assert resolved.words.en == (
        f"If every open case were resolved: {resolved.before:.0%} → {resolved.after:.0%}, by the model's reckoning, not a promise"
    )
    assert resolved.words.zh.startswith("若所有未结工单都得到解决：")
    assert resolved.drivers == ("service",)


def test_nobody_is_asked_to_grow_older_or_to_pay_what_none_like_them_pays(model: ChurnModel, table: pa.Table) -> None:
    for row in range(40):
        for lowering in levers.would_lower(model, table.slice(row, 1), table):
            for column, now, to in lowering.changes:
                assert column not in {"age_years", "joined_days"}
                if column == "monthly_fee_base_minor":
                    assert min(table[column].to_pylist()) - 1 <= to < now
                if column == "Contract":
                    assert to in table[column].to_pylist()
                    assert to != now
    assert levers.lever_of(next(r for r in model.readings if r.name == "age_years")) is None


def test_where_there_is_nothing_to_change_nothing_is_said(model: ChurnModel, table: pa.Table) -> None:
    calm = table.slice(int(np.argmin(model.decision_function(table))), 1)

    assert levers.would_lower(model, calm, table) == []
    assert levers.would_lower(model, risky(model, table), table.slice(0, 0)) == [], "nobody to be like"


def test_only_what_a_company_decides_is_a_lever() -> None:
    assert {name for name, feature in FEATURES.items() if feature.lever} == {
        "unresolved_cases", "mean_response_hours", "late_deliveries_90", "monthly_fee_base_minor", "days_to_term_end",
        "auto_renew", "calls_out_90", "unpaid_payments",
    }  # fmt: skip
    assert not [name for name, feature in FEATURES.items() if feature.lever and driver_of(name) == "profile"]
    for feature in FEATURES.values():
        assert not feature.lever or set(feature.lever.along) <= set(FEATURES)


# -- what moved it


DAY = date(2026, 3, 3)


def point(person: int, now: float, change: str | None, on: date = date(2026, 4, 1)) -> dict[str, Any]:
    return {"person_id": person, "as_of": on, "churn_probability": now, "change": change}


def risen() -> dict[str, Any]:
    before, after = 0.20, 0.38
    whole = log_odds(after) - log_odds(before)
    parts = {"service": whole * 11 / 18, "usage": whole * 7 / 18}
    told = {"service": {"feature": "unresolved_cases", "en": "Unresolved cases: 0 → 2", "zh": "未解决工单数：0 → 2"}}
    return point(1, after, history.as_json(DAY, before, parts, told))


def test_a_rise_is_told_fact_by_fact_in_points_that_add_up() -> None:
    move = history.move_of(risen())
    assert move is not None

    said = history.sentence(move, day=Words("3 March", "3月3日"))

    assert said.en == "Risk +18 points since 3 March: Unresolved cases: 0 → 2 (+11); Use and activity (+7)"
    assert said.zh == "自3月3日以来风险 +18 个百分点：未解决工单数：0 → 2（+11）；使用与活跃（+7）"


def test_what_is_too_small_to_name_is_the_rest() -> None:
    whole = log_odds(0.30) - log_odds(0.20)
    parts = dict.fromkeys(CODES[:10], whole / 10)
    move = history.move_of(point(1, 0.30, history.as_json(DAY, 0.20, parts, {})))
    assert move is not None

    said = history.sentence(move, day=Words("3 March", "3月3日"))

    assert said.en.endswith("the rest (+6)")
    assert said.en.count("(+1)") == 4


def test_a_change_by_the_same_model_is_the_change_of_its_drivers() -> None:
    now, then = {"service": 0.9, "usage": 0.1}, {"service": 0.2, "contract": 0.3}
    before = chance(-1 + sum(then.values()))
    after = chance(-1 + sum(now.values()))

    found = history.attributed(before, after, now, then)

    assert found == pytest.approx({"service": 0.7, "usage": 0.1, "contract": -0.3})


def test_of_a_renewed_model_what_it_reads_otherwise_is_told_apart() -> None:
    found = history.attributed(0.2, 0.4, {"service": 0.9}, {"service": 0.5})

    assert found["service"] == pytest.approx(0.4)
    assert sum(found.values()) == pytest.approx(log_odds(0.4) - log_odds(0.2))
    assert history.attributed(0.2, 0.4, {"service": 0.9}, None) == {
        "_model": pytest.approx(log_odds(0.4) - log_odds(0.2))
    }


def test_those_whose_risk_rose_most_come_first_each_at_the_newest_point() -> None:
    def change(before: float, now: float) -> str:
        return history.as_json(DAY, before, {"service": log_odds(now) - log_odds(before)}, {})

    rows = [
        point(1, 0.30, change(0.25, 0.30)), point(2, 0.9, change(0.1, 0.9), date(2026, 3, 20)),
        point(2, 0.5, change(0.9, 0.5)), point(3, 0.41, change(0.40, 0.41)), point(4, 0.9, None), risen() | {"person_id": 5},
    ]  # fmt: skip

    found = history.moved(rows, least=0.04)

    assert [(move.person, round(move.after - move.before, 2)) for move in found] == [(5, 0.18), (1, 0.05), (2, -0.4)]
    assert [move.person for move in history.moved(rows, on=date(2026, 3, 20))] == [2]


@pytest.mark.parametrize(
    ("before", "after", "bands", "days", "kept"),
    [
        (None, 0.1, (None, "low"), None, True), (0.10, 0.115, ("low", "low"), 3, False), (0.10, 0.125, ("low", "low"), 3, True),
        (0.10, 0.075, ("low", "low"), 3, True), (0.30, 0.301, ("medium", "high"), 1, True), (0.10, 0.10, ("low", "low"), 28, True),
    ],
)  # fmt: skip
def test_a_point_is_kept_where_it_says_something_new(
    before: float | None, after: float, bands: tuple[str | None, str], days: int | None, kept: bool
) -> None:
    day = date(2026, 4, 1)
    since = None if days is None else day - timedelta(days=days)
    was = {"as_of": pa.array([since], pa.date32()), "churn_probability": pa.array([before], pa.float64())}
    now = {"churn_probability": [after], "risk_band": [bands[1]]}

    found = history.kept_again(pa.table(was | {"risk_band": pa.array([bands[0]], pa.string())}), pa.table(now), day)

    assert found.tolist() == [kept]


@pytest.mark.parametrize(
    ("column", "before", "after", "said"),
    [
        ("unresolved_cases", 0.0, 2.0, "Unresolved cases: 0 → 2"),
        ("auto_renew", 1.0, 0.0, "Renews by itself: yes → no"),
        ("events_change", 0.1, -0.6, "Change in actions, last 30 days against the 30 before: +10% → -60%"),
        ("plan", None, "Gold", "Plan: not known → Gold"),
        ("My column", 1.5, 20_000.0, "My column: 1.5 → 20,000"),
    ],
)
def test_a_fact_that_changed_is_told_from_one_value_to_the_other(
    column: str, before: Any, after: Any, said: str
) -> None:
    assert history.went(column, before, after).en == said
