"""Categories told by the rows before, codes told from amounts, known signs held, probabilities measured."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.insight.churn import ChurnModel, auc, auc_interval, calibration
from tenure.insight.churn.columns import is_code, ordered_rates
from tenure.insight.churn.folds import spread
from tenure.insight.churn.linear import logistic, signed
from tenure.insight.churn.signs import SIGNS
from tenure.insight.churn.wholes import groups
from tenure.insight.features import FEATURES

QUICK: dict[str, Any] = {"rounds": 60, "folds": 3}


def brute(codes: np.ndarray, y: np.ndarray, seed: int, groups: np.ndarray) -> list[float]:
    """The rate of each row's category among the rows of other groups that come before its own, 20 rows of the mean mixed in."""
    turn = np.random.default_rng(seed).permutation(groups.max() + 1)[groups]
    mean, found = y.mean(), []
    for code, at in zip(codes, turn, strict=True):
        before = y[(codes == code) & (turn < at)]
        rate = (before.sum() + 20 * mean) / (len(before) + 20)
        found.append(np.log(rate / (1 - rate)) - np.log(mean / (1 - mean)) if code >= 0 else 0.0)
    return found


@pytest.mark.parametrize("people", [300, 60], ids=["a row each", "several rows each"])
def test_a_row_is_told_of_by_the_rows_before_it_and_by_no_other(people):
    r = np.random.default_rng(2)
    codes, y = r.integers(-1, 12, 300), (r.random(300) < 0.3).astype(float)
    groups = np.arange(300) if people == 300 else r.permutation(np.arange(300) % people)

    told = ordered_rates(codes, y, 12, 5, None if people == 300 else groups)

    np.testing.assert_allclose(told, brute(codes, y, 5, groups), atol=1e-9)


@pytest.mark.parametrize("written", [str, int], ids=["words", "numbers"])
def test_a_thousand_categories_tell_nothing_of_a_shuffled_outcome(written):
    """4,000 rows to try on, a quarter leaving: the AUC's standard error is about .011; four of them are let pass."""
    r = np.random.default_rng(4)
    place = r.integers(0, 1000, 14_000)
    left = r.random(14_000) < 0.25
    X = pa.table({"place": [written(v) for v in place.tolist()], "noise": r.normal(size=14_000)})

    p = ChurnModel(**QUICK).fit(X.slice(0, 10_000), left[:10_000]).predict_proba(X.slice(10_000))[:, 1]

    assert auc(left[10_000:], p) == pytest.approx(0.5, abs=0.044)
    assert p.std() < 0.05


def test_numbers_that_are_codes_are_told_from_amounts():
    r = np.random.default_rng(6)
    code, visits = r.integers(1, 60, 6_000).astype(float), r.poisson(9, 6_000).astype(float)
    risk = np.random.default_rng(7).normal(0, 1.2, 60)[code.astype(int)] + 0.15 * (visits - 9) - 1.5
    y = (r.random(6_000) < 1 / (1 + np.exp(-risk))).astype(float)
    folds = spread(y, 3, 0)

    assert is_code(code, y, folds)
    assert not is_code(visits, y, folds)
    assert not is_code(code, r.permutation(y), folds)
    assert not is_code(code + 0.5, y, folds)
    assert not is_code(np.arange(6_000.0), y, folds)


def test_a_model_learns_from_codes_and_keeps_them(tmp_path):
    r = np.random.default_rng(6)
    code = r.integers(1, 200, 9_000)
    left = r.random(9_000) < np.where(np.random.default_rng(8).random(200)[code] < 0.3, 0.6, 0.1)
    X = pa.table({"code": code, "noise": r.normal(size=9_000)})

    model = ChurnModel(**QUICK).fit(X.slice(0, 6_000), left[:6_000])

    p = model.predict_proba(X.slice(6_000))[:, 1]
    assert auc(left[6_000:], p) > 0.72  # .75 with the true rates
    np.testing.assert_array_equal(ChurnModel.load(model.save(tmp_path)).predict_proba(X.slice(6_000))[:, 1], p)
    np.testing.assert_allclose(
        model.baseline_ + model.contributions(X).sum(axis=1), model.decision_function(X), atol=1e-9
    )
    assert np.isfinite(model.predict_proba(pa.table({"code": [None, 7, 999_999], "noise": [0.0, 0.0, 0.0]}))).all()


PARTS = ["day_charge", "eve_charge", "night_charge"]


def billed() -> tuple[pa.Table, np.ndarray]:
    """Who pays over 60 in all leaves, however it is made up; visits by day, evening and night tell nothing together."""
    r = np.random.default_rng(8)
    paid, visits = r.normal((30, 15, 10), (8, 6, 5), (4_000, 3)), r.poisson(5, (4_000, 3))
    left = r.random(4_000) < np.where(paid.sum(axis=1) > 60, 0.8, 0.05)
    parts = {name: paid[:, place] for place, name in enumerate(PARTS)}
    return pa.table(parts | {f"{name[:-7]}_visits": visits[:, place] for place, name in enumerate(PARTS)}), left


def test_parts_of_one_whole_are_known_by_their_names():
    calls = ["白天通话费用", "晚间通话费用", "国际通话费用", "白天通话次数"]
    names = ["day_charge", "eveCharge", "nightCharge", "night_calls", "orders_30", "orders_90", *calls]

    assert groups(names) == [
        ("day_charge", "eveCharge", "nightCharge"),
        ("白天通话费用", "晚间通话费用", "国际通话费用"),
    ]


def test_a_sum_is_read_where_it_tells_more_than_its_parts(tmp_path):
    X, left = billed()

    model = ChurnModel(**QUICK).fit(X.slice(0, 3_000), left[:3_000])

    later = X.slice(3_000)
    assert [list(reading.parts) for reading in model._readings if reading.parts] == [PARTS]
    assert [reading.name for reading in model.readings] == X.column_names
    alone = ChurnModel(**QUICK, monotone=dict.fromkeys(PARTS, 1)).fit(X.slice(0, 3_000), left[:3_000])
    gain, low, _ = auc_interval(left[3_000:], model.decision_function(later), alone.decision_function(later))
    assert low > 0, gain
    again = ChurnModel.load(model.save(tmp_path / "kept"))
    np.testing.assert_array_equal(again.decision_function(later), model.decision_function(later))


def test_what_a_sum_adds_is_its_parts_doing_and_adds_up():
    X, left = billed()
    model = ChurnModel(**QUICK).fit(X, left)
    usual = {
        "day_charge": 30.0,
        "eve_charge": 15.0,
        "night_charge": 10.0,
        "day_visits": 5,
        "eve_visits": 5,
        "night_visits": 5,
    }
    dear = pa.Table.from_pylist([usual | {"day_charge": 60.0, "night_charge": 4.0}, usual | {"day_charge": None}])

    parts = model.contributions(dear)

    np.testing.assert_allclose(model.baseline_ + parts.sum(axis=1), model.decision_function(dear), atol=1e-9)
    assert parts[0, 0] > 1
    assert abs(parts[0, 2]) < parts[0, 0] / 4  # less than usual: what the bill adds is not the nights' doing


def test_a_sum_of_noise_is_not_read():
    r = np.random.default_rng(10)
    X = pa.table({name: r.normal(size=2_000) for name in PARTS})

    model = ChurnModel(**QUICK).fit(X, r.random(2_000) < 0.3)

    assert not [reading for reading in model._readings if reading.parts]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_whose_sign_is_known_never_moves_the_score_the_other_way(sign, tmp_path):
    """What happened goes up, down and up again; the score may not, whatever the other columns are."""
    r = np.random.default_rng(9)
    x, other = r.uniform(0, 10, 3_000), r.normal(size=3_000)
    x[::17] = np.nan
    risk = np.sin(np.nan_to_num(x)) + 0.1 * sign * np.nan_to_num(x) + other * (np.nan_to_num(x) > 5) - 1.0
    left = r.random(3_000) < 1 / (1 + np.exp(-risk))
    settings = {**QUICK, "rounds": 150}
    X = pa.table({"x": pa.array(x, from_pandas=True), "other": other})

    held = ChurnModel(**settings, monotone={"x": sign, "not there": 1}).fit(X, left)
    held = ChurnModel.load(held.save(tmp_path))
    free = ChurnModel(**settings).fit(X, left)

    grid = np.linspace(-2, 12, 141)

    def worst(model: ChurnModel) -> float:
        steps = [
            np.diff(model.decision_function(pa.table({"x": grid, "other": np.full(141, at)})))
            for at in (-2.0, 0.0, 2.0)
        ]
        return float((sign * np.concatenate(steps)).min())

    assert held.monotone == {"x": sign, "not there": 1}
    assert worst(held) >= -1e-9
    assert worst(free) < -0.05
    assert auc(left, held.decision_function(X)) > 0.6


def test_every_feature_of_known_sign_is_one_there_is():
    assert {name for name in SIGNS if name not in FEATURES} == {"p_alive"}
    assert set(SIGNS.values()) == {1, -1}


def test_a_sign_that_is_none_is_refused():
    X, left = pa.table({"x": np.arange(100.0)}), np.arange(100) % 2

    with pytest.raises(ValueError, match="monotone: x has 2"):
        ChurnModel(monotone={"x": 2}).fit(X, left)


def test_coefficients_held_at_their_sign_are_the_best_of_those_that_are():
    from scipy.optimize import minimize

    r = np.random.default_rng(1)
    X = r.normal(size=(800, 5)) @ r.normal(size=(5, 5))
    y = (r.random(800) < 1 / (1 + np.exp(-X @ [1.0, -1.0, 0.5, -0.4, 0.0]))).astype(float)
    signs = np.array([True, True, False, True, True])

    mine = signed(logistic(X, y, 1.0), X, y, 1.0, np.ones(800, bool), signs)

    def loss(p: np.ndarray) -> float:
        score = X @ p[:-1] + p[-1]
        return float((np.logaddexp(0, score) - y * score).sum() + 0.5 * p[:-1] @ p[:-1])

    best = minimize(loss, np.zeros(6), bounds=[(0 if s else None, None) for s in signs] + [(None, None)])
    assert (mine.coefficients[signs] >= 0).all()
    assert loss(np.append(mine.coefficients, mine.intercept)) == pytest.approx(best.fun, abs=0.02)


def test_calibration_is_measured_as_by_hand_and_as_by_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    r = np.random.default_rng(3)
    odds = r.normal(-1, 1.5, 20_000)
    y = (r.random(20_000) < 1 / (1 + np.exp(-0.5 * odds - 0.3))).astype(float)
    p = 1 / (1 + np.exp(-odds))

    found = calibration(y, p)

    line = LogisticRegression(C=np.inf, tol=1e-10).fit(odds[:, None], y)
    assert found["slope"] == pytest.approx(line.coef_[0, 0], abs=1e-4)
    assert found["intercept"] == pytest.approx(line.intercept_[0], abs=1e-4)
    assert found["slope_low"] < 0.5 < found["slope_high"] < 1
    assert found["intercept_low"] < 0.3 < found["intercept_high"]
    assert calibration([1, 0, 1, 0], [0.9, 0.2, 0.9, 0.2], groups=2)["ece"] == pytest.approx(0.15)
    assert np.isnan(calibration([1, 0], [0.5, 0.5])["slope"])
