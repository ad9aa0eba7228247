"""Measures against hand-worked numbers and an oracle; the back-test's splits; the card."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.insight.churn import (
    Bands,
    ChurnModel,
    ContractEnd,
    Outcome,
    Silence,
    auc,
    auc_interval,
    average_precision,
    backtest,
    brier,
    card,
    cross_validate,
    cut_dates,
    learn,
    lift,
    measure,
    rolling_origin,
)
from tenure.insight.churn.learners import LEARNERS

Trees = LEARNERS["lightgbm"].make
T = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = ChurnModel(rounds=80, folds=3)


def after(days: int) -> datetime:
    return T + timedelta(days=days)


def test_auc_counts_a_tie_as_half():
    assert auc([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.1]) == pytest.approx(3.5 / 4)


def test_lift_and_brier_by_hand():
    y, p = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0], [0.9, 0.8, 0.1, 0.2, 0, 0, 0, 0, 0, 0]

    assert lift(y, p, top=0.2) == pytest.approx(0.5 / 0.2)
    assert brier(y, p) == pytest.approx((0.01 + 0.64 + 0.01 + 0.64) / 10)


def test_measures_equal_scikit_learns():
    from sklearn import metrics

    r = np.random.default_rng(0)
    y, p = r.random(500) < 0.3, np.round(r.random(500), 2)

    assert auc(y, p) == pytest.approx(metrics.roc_auc_score(y, p))
    assert average_precision(y, p) == pytest.approx(metrics.average_precision_score(y, p))
    assert brier(y, p) == pytest.approx(metrics.brier_score_loss(y, p))


def test_the_intervals_width_agrees_with_a_bootstrap():
    r = np.random.default_rng(1)
    y = r.random(400) < 0.3
    score, other = y + r.normal(0, 1.2, 400), y + r.normal(0, 2, 400)
    draws = [r.integers(0, 400, 400) for _ in range(600)]

    for against in (None, other):
        _, low, high = auc_interval(y, score, against)
        told = [auc(y[d], score[d]) - (0 if against is None else auc(y[d], other[d])) for d in draws]
        assert high - low == pytest.approx(np.quantile(told, 0.975) - np.quantile(told, 0.025), rel=0.15)


def test_bands_hold_the_riskiest_tenth_and_the_next_two():
    p = np.arange(100) / 100

    bands = Bands.choose(p)

    assert [bands.of(p).count(name) for name in ("high", "medium", "low")] == [10, 20, 70]
    assert bands.of([np.nan]) == [None]


def test_the_table_of_deciles_and_bands_adds_up():
    r = np.random.default_rng(2)
    p = r.random(1000)
    y = r.random(1000) < p

    found = measure(y, p)

    assert sum(d["rows"] for d in found["deciles"]) == 1000
    assert found["deciles"][-1]["caught"] == pytest.approx(1)
    assert found["deciles"][0]["lift"] == pytest.approx(found["top_decile_lift"])
    assert found["bands"][-1]["recall"] == pytest.approx(1)
    assert found["auc_low"] < found["auc"] < found["auc_high"]


# -- splits ----------------------------------------------------------------------------------------------------------


def test_each_step_waits_until_the_outcomes_before_it_are_known():
    cuts = [after(d) for d in (0, 30, 60, 90, 120, 150)]
    split, nameless = rolling_origin(cuts, horizon_days=60), rolling_origin(cuts, horizon_days=60, named=False)

    assert split.test == after(150)
    assert split.calibrate == after(90)
    assert split.train == (after(0), after(30), after(60), after(90))
    assert (nameless.train, nameless.calibrate, nameless.test) == ((after(0), after(30)), after(90), after(150))


def test_with_two_dates_calibration_stays_inside():
    split = rolling_origin([after(60), after(0)], horizon_days=60)

    assert (split.train, split.calibrate, split.test) == ((after(0),), None, after(60))


def test_dates_closer_than_the_horizon_are_refused():
    with pytest.raises(TenureError, match="two dates at least 90 days apart"):
        rolling_origin([after(0), after(60)], horizon_days=90)


def test_cut_dates_leave_room_for_the_outcome_and_for_a_history():
    cuts = cut_dates(after(0), after(400), 60, at_most=4)

    assert cuts == [after(250), after(280), after(310), after(340)]
    assert cut_dates(after(0), after(100), 60) == []


def test_an_odd_horizon_still_leaves_a_date_to_calibrate_on():
    split = rolling_origin(cut_dates(after(0), after(700), 87), 87, named=False)

    assert (split.test - split.calibrate).days >= 87
    assert all((split.calibrate - cut).days >= 87 for cut in split.train)


# -- trying the model ------------------------------------------------------------------------------------------------


def base(rows: int, seed: int, drift: float = 0.0) -> tuple[pa.Table, np.ndarray]:
    r = np.random.default_rng(seed)
    silent, fee = r.gamma(2.0, 30.0, rows), r.normal(size=rows)
    left = r.random(rows) < 1 / (1 + np.exp(-(-3 + drift + 0.03 * silent + 1.5 * fee)))
    people = pa.array(r.permutation(10_000)[:rows])
    return pa.table({"person_id": people, "order_recency_days": silent, "fee": fee, "alive": -silent / 300 + 1}), left


@pytest.fixture(scope="module")
def cuts() -> tuple[dict[datetime, pa.Table], dict[datetime, np.ndarray]]:
    made = {after(90 * i): base(500, i) for i in range(4)}
    return {cut: X for cut, (X, _) in made.items()}, {cut: y for cut, (_, y) in made.items()}


@pytest.fixture(scope="module")
def tried(cuts):
    return backtest(*cuts, 90, model=QUICK, p_alive="alive")


def test_the_last_date_is_tried_by_what_was_known_before_it(cuts, tried):
    frames, labels = cuts
    X = pa.concat_tables([frames[after(d)] for d in (0, 90, 180)])
    y = np.concatenate([labels[after(d)] for d in (0, 90, 180)])
    people, X = X["person_id"].to_numpy(), X.drop_columns(["person_id"])
    expected = ChurnModel(rounds=80, folds=3).fit(X, y, people, np.arange(1500) >= 1000)

    p = expected.predict_proba(frames[after(270)])[:, 1]

    assert tried.metrics["rows"] == 500
    assert tried.metrics["auc"] == pytest.approx(auc(labels[after(270)], p))
    assert tried.metrics["brier"] == brier(labels[after(270)], p)


def test_outcomes_of_the_last_date_change_nothing_that_was_learned(cuts, tried):
    frames, labels = cuts
    other = labels | {after(270): labels[after(270)][::-1].copy()}

    again = backtest(frames, other, 90, model=QUICK)

    np.testing.assert_array_equal(
        again.model.predict_proba(frames[after(0)]), tried.model.predict_proba(frames[after(0)])
    )


def test_rows_that_do_not_say_whose_they_are_are_calibrated_on_a_date_left_out(cuts):
    frames, labels = cuts
    bare = {cut: X.drop_columns(["person_id"]) for cut, X in frames.items()}
    X = pa.concat_tables([bare[after(0)], bare[after(90)]])
    y = np.concatenate([labels[after(0)], labels[after(90)]])

    found = backtest(bare, labels, 90, model=QUICK)

    expected = ChurnModel(rounds=80, folds=3).fit(X, y).calibrate(bare[after(180)], labels[after(180)])
    p = expected.predict_proba(bare[after(270)])[:, 1]
    assert found.metrics["brier"] == brier(labels[after(270)], p)


def test_the_person_and_the_outcome_are_never_learned_from(cuts):
    frames, labels = cuts
    marked = {cut: X.append_column("churned", pa.array(labels[cut])) for cut, X in frames.items()}

    found = backtest(marked, labels, 90, model=QUICK)

    assert not {"person_id", "churned"} & set(found.model.feature_names_in_)


def test_recency_and_p_alive_stand_beside_with_the_paired_gain(tried):
    recency, alive = tried.comparators

    assert recency["column"] == "order_recency_days"
    assert recency["auc"] == pytest.approx(alive["auc"])  # one is a falling function of the other
    assert recency["gain_auc"] == pytest.approx(tried.metrics["auc"] - recency["auc"])
    assert recency["gain_low"] > 0  # the fee matters too, and recency alone can't see it


def test_a_shuffled_history_scores_one_half_on_the_last_date(cuts):
    """500 customers tried, about a fifth leaving: the AUC's standard error is about .03; four of them are let pass."""
    frames, labels = cuts
    r = np.random.default_rng(0)

    found = backtest(frames, {cut: r.permutation(y) for cut, y in labels.items()}, 90, model=QUICK)

    assert found.metrics["auc"] == pytest.approx(0.5, abs=0.12)


def test_a_column_an_early_date_lacks_is_blank_there(cuts):
    frames, labels = cuts
    late = {cut: X if cut == after(0) else X.append_column("new", X["fee"]) for cut, X in frames.items()}

    assert "new" in backtest(late, labels, 90, model=QUICK).model.feature_names_in_


@pytest.mark.parametrize("learner", [QUICK, Trees(rounds=40)], ids=["blend", "lightgbm"])
def test_the_model_to_publish_is_calibrated_on_the_latest_date(cuts, learner):
    frames, labels = cuts
    X, y = base(2000, 9, drift=-1.0)

    model = learn(frames | {after(360): X}, labels | {after(360): y}, 90, model=learner)

    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), abs=0.01)


def test_one_date_is_enough_to_publish_but_not_to_try():
    X, y = base(500, 1)

    assert learn({T: X}, {T: y}, 90, model=QUICK).predict_proba(X).shape == (500, 2)
    with pytest.raises(TenureError, match="history is too short"):
        backtest({T: X}, {T: y}, 90)


# -- the card --------------------------------------------------------------------------------------------------------


def test_the_card_is_plain_json_and_says_protocol_definition_and_limits(tried):
    found = card(Silence(90, 180), tried, as_of=after(360), rows=1500, left=300)

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert "90 days" in found["definition"]["en"]
    assert found["cuts"] == {
        "train": [after(0).isoformat(), after(90).isoformat(), after(180).isoformat()],
        "calibrate": after(180).isoformat(),
        "test": after(270).isoformat(),
    }
    assert "2026-09-28" in found["protocol"]["zh"]
    assert "not what causes" in found["limits"][0]["en"]
    assert found["drivers"][0]["feature"] in ("order_recency_days", "fee", "alive")
    assert {"en", "zh"} <= set(found["drivers"][0])


def test_the_card_admits_where_recency_alone_is_as_good(cuts):
    frames, labels = cuts
    alone = {cut: X.drop_columns(["fee", "alive"]) for cut, X in frames.items()}

    found = card(ContractEnd(), backtest(alone, labels, 90, model=QUICK), as_of=after(360), rows=1, left=1)

    assert any("Not shown to rank customers better than: Recency alone" in limit["en"] for limit in found["limits"])


def test_without_time_the_card_says_validation_was_by_folds():
    X, y = base(400, 3)

    tried = cross_validate(X, y, folds=3, model=QUICK)
    found = card(Outcome(), tried, as_of=T, rows=400, left=int(y.sum()))

    assert "No time in the data" in found["protocol"]["en"]
    assert any("carry no time" in limit["en"] for limit in found["limits"])
    assert found["cuts"] == {"train": [], "calibrate": None, "test": None}
    assert tried.metrics["auc"] > 0.75


def test_the_card_names_refused_and_dropped_columns():
    X, y = base(400, 3)
    X = X.append_column("same", pa.array(["x"] * 400))
    refused: dict[str, Any] = {"Churn Score": Outcome().words}

    found = card(Outcome(), cross_validate(X, y, folds=3, model=QUICK), as_of=T, rows=400, left=9, refused=refused)

    assert found["data"]["dropped"]["same"]["zh"] == "每行都相同"
    assert list(found["data"]["refused"]) == ["Churn Score"]
