"""Learners beside the champion: the same rows, paired intervals, and nobody promoted or published without proof."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.insight.churn import ChurnModel, auc, auc_interval, average_precision, backtest, brier, cross_validate, lift
from tenure.insight.churn.leaderboard import (
    ALL,
    CHAMPION,
    QUICK,
    Proven,
    _Draws,
    leaderboard,
    leaderboard_by_folds,
    leaderboard_document,
)
from tenure.insight.churn.learners import LEARNERS, learner_named
from tenure.insight.churn.profit import Campaign, empc
from tenure.insight.churn.scores import calibration_error, lead_time, top

T = datetime(2026, 1, 1, tzinfo=UTC)
LIGHT = ChurnModel(rounds=40, folds=3, rate=0.1)


def after(days: int) -> datetime:
    return T + timedelta(days=days)


def people(rows: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    r = np.random.default_rng(seed)
    silent, fee = r.gamma(2.0, 30.0, rows), r.normal(size=rows)
    left = r.random(rows) < 1 / (1 + np.exp(-(-3 + 0.03 * silent + 1.5 * fee)))
    numbers = pa.array(r.permutation(2_000)[:rows])
    return pa.table({"person_id": numbers, "silent": silent, "fee": fee, "joined_days": r.gamma(2, 200, rows)}), left


@pytest.fixture(scope="module")
def cuts() -> tuple[dict[datetime, pa.Table], dict[datetime, np.ndarray]]:
    made = {after(45 * i): people(400, i) for i in range(7)}
    return {cut: X for cut, (X, _) in made.items()}, {cut: y for cut, (_, y) in made.items()}


@pytest.fixture(scope="module")
def champion(cuts):
    return backtest(*cuts, 90, model=LIGHT)


@pytest.fixture(scope="module")
def found(cuts, champion):
    return leaderboard(*cuts, 90, champion=champion, learners=[*QUICK, "hazard"], settings={"folds": 3})


def test_the_usual_challengers_are_the_quick_ones_and_all_the_others_can_be_asked_for():
    assert set(QUICK) == {"logistic", "tree", "lightgbm", "bayes"}
    assert set(ALL) == set(LEARNERS) - {CHAMPION}


def test_every_learner_is_tried_on_the_rows_of_the_champions_back_test(found, champion, cuts):
    frames, labels = cuts
    alone = backtest(frames, labels, 90, model=learner_named("logistic").make(seed=0))

    entry = next(entry for entry in found.entries if entry.name == "logistic")

    assert found.entries[0].name == CHAMPION
    assert found.entries[0].measures["auc"] == champion.metrics["auc"]
    assert entry.measures["auc"] == alone.metrics["auc"]
    assert {entry.measures["rows"] for entry in found.entries} == {400}
    assert entry.gains["auc"][0] == pytest.approx(alone.metrics["auc"] - champion.metrics["auc"])
    assert [e.measures["auc"] for e in found.entries[1:]] == sorted(e.measures["auc"] for e in found.entries[1:])[::-1]


def test_the_document_is_plain_json_in_both_languages(found):
    document = leaderboard_document(found, after(400))

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["said"]["zh"]
    assert {
        "auc",
        "pr_auc",
        "top_decile_lift",
        "top_precision",
        "top_recall",
        "brier",
        "calibration_error",
        "profit",
    } <= set(document["learners"][1]["gains"])
    assert document["curves"][CHAMPION][0] == {"contacted": 0.0, "profit": 0.0}
    assert all(line["seconds"] is not None for line in document["learners"][1:])


def test_a_learner_that_cannot_be_tried_says_why_in_its_line(cuts, champion):
    frames, labels = cuts
    bare = {cut: X.drop_columns(["joined_days"]) for cut, X in frames.items()}

    board = leaderboard(bare, labels, 90, champion=champion, learners=["hazard", "tree"])

    hazard = next(entry for entry in board.entries if entry.name == "hazard")
    assert "how long each has been a customer" in hazard.skipped.en
    assert not hazard.gains


# -- champion and challenger -----------------------------------------------------------------------------------------


def test_a_challenger_is_promoted_only_where_its_paired_interval_is_above_zero():
    X, left = people(1200, 5)
    blind = X.select(["joined_days", "silent"])  # the champion never saw the fee
    weak = cross_validate(blind, left, folds=3, model=LIGHT)

    beaten = leaderboard_by_folds(X, left, champion=weak, learners=["logistic"], folds=3)
    level = leaderboard_by_folds(blind, left, champion=weak, learners=["tree"], folds=3)

    assert beaten.entries[1].gains["auc"][1] > 0
    assert beaten.next_champion == "logistic"
    assert "Logistic regression is proven" in beaten.said.en
    assert level.entries[1].gains["auc"][1] <= 0
    assert level.next_champion == CHAMPION
    assert "The champion stays" in level.said.en


def test_the_intervals_hold_for_all_challengers_together():
    """With four challengers each interval is that of 98.75 %: 2.498 standard errors instead of 1.960."""
    r = np.random.default_rng(0)
    left = (r.random(800) < 0.3).astype(float)
    one, other = left + r.normal(0, 1, 800), left + r.normal(0, 1, 800)

    gain, low, high = _Draws(left, one, Campaign(), 4, 0).gains(other)["auc"]

    alone = auc_interval(left, other, one)
    assert gain == pytest.approx(alone[0])
    assert (high - low) / (alone[2] - alone[1]) == pytest.approx(2.4977 / 1.96, rel=1e-3)


def test_the_gains_are_those_of_the_measures_and_a_twin_gains_nothing():
    r = np.random.default_rng(1)
    left = (r.random(1000) < 0.3).astype(float)
    one, other = (1 / (1 + np.exp(-(2 * left - 1 + r.normal(0, s, 1000)))) for s in (1.5, 1.0))
    draws = _Draws(left, one, Campaign(), 1, 0)

    gains = draws.gains(other)

    assert gains["pr_auc"][0] == pytest.approx(average_precision(left, other) - average_precision(left, one))
    assert gains["brier"][0] == pytest.approx(brier(left, one) - brier(left, other))  # lower is better, so a gain
    assert gains["top_decile_lift"][0] == pytest.approx(lift(left, other) - lift(left, one))
    assert gains["top_precision"][0] == pytest.approx(top(left, other)[0] - top(left, one)[0])
    assert gains["calibration_error"][0] == pytest.approx(calibration_error(left, one) - calibration_error(left, other))
    assert gains["profit"][0] == pytest.approx(empc(left, other).profit - empc(left, one).profit)
    for gain, low, high in draws.gains(one).values():
        assert (gain, low, high) == pytest.approx((0, 0, 0))


def test_the_bootstrapped_width_agrees_with_the_formula_of_a_mean():
    """The Brier score is a mean over rows, so that the error of its paired gain has a formula."""
    r = np.random.default_rng(2)
    left = (r.random(1500) < 0.3).astype(float)
    one, other = (1 / (1 + np.exp(-(2 * left - 1 + r.normal(0, s, 1500)))) for s in (1.5, 1.0))

    _, low, high = _Draws(left, one, Campaign(), 1, 0).gains(other)["brier"]

    error = ((one - left) ** 2 - (other - left) ** 2).std(ddof=1) / np.sqrt(1500)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.12)


# -- nothing is published without a back-test ------------------------------------------------------------------------


def test_a_model_no_back_test_tried_cannot_be_had_for_publishing(champion, cuts):
    tried, model = champion, ChurnModel(**champion.model.get_params())
    bare = backtest(*cuts, 90, model=learner_named("tree").make())
    bare.told = np.zeros(0)

    assert Proven(model, tried).model is model
    with pytest.raises(TenureError, match="no back-test tried it"):
        Proven(learner_named("tree").make(), tried)
    with pytest.raises(TenureError, match="no back-test tried it"):
        Proven(ChurnModel(rounds=999), tried)
    with pytest.raises(TenureError, match="no back-test tried it"):
        Proven(learner_named("tree").make(), bare)


# -- without leaks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["logistic", "lightgbm", "blend"])
def test_a_shuffled_history_scores_one_half_for_challengers_too(name, cuts):
    frames, labels = cuts
    r = np.random.default_rng(0)
    model = LIGHT if name == "blend" else learner_named(name).make()

    tried = backtest(frames, {cut: r.permutation(y) for cut, y in labels.items()}, 90, model=model)

    assert tried.metrics["auc_low"] <= 0.5 <= tried.metrics["auc_high"]


def test_what_the_future_alone_tells_is_of_no_use_to_a_back_test(cuts):
    """A column that is noise until the last date, where it is the outcome: nothing learned before it may profit."""
    frames, labels = cuts
    r = np.random.default_rng(1)
    last = max(frames)
    leaking = {
        cut: X.append_column(
            "oracle", pa.array(labels[cut].astype(float) if cut == last else r.normal(size=len(labels[cut])))
        )
        for cut, X in frames.items()
    }

    told = backtest(leaking, labels, 90, model=learner_named("logistic").make()).metrics["auc"]

    assert told <= backtest(frames, labels, 90, model=learner_named("logistic").make()).metrics["auc"] + 0.02


def test_a_column_of_dates_to_come_is_refused_with_the_date(cuts):
    frames, labels = cuts
    gone = {
        cut: X.append_column("ended", pa.array([cut.date() + timedelta(days=20)] * len(X))) for cut, X in frames.items()
    }

    with pytest.raises(
        TenureError, match=r"ended \(it holds 2026-01-21, and the customers are as they were on 2026-01-01"
    ):
        backtest(gone, labels, 90, model=LIGHT)
    planned = learner_named("tree").make(allow=["ended"])
    assert backtest(gone, labels, 90, model=planned).metrics["rows"] == 400


def test_between_learning_and_trying_lies_the_label_window(found, champion):
    split = champion.split

    assert split.calibrate == max(split.train)
    assert (split.test - split.calibrate).days >= 90


def test_a_value_met_with_leavers_alone_is_refused_though_it_tells_of_few():
    """The survey on leaving was answered by two of five leavers: the column's AUC is .7, and still it is the outcome."""
    r = np.random.default_rng(2)
    X, left = people(1800, 3)
    answered = left & (r.random(1800) < 0.4)
    X = X.append_column(
        "exit_score", pa.array([float(v) if a else None for v, a in zip(r.integers(1, 6, 1800), answered, strict=True)])
    )
    X = X.append_column("state", pa.array(np.where(answered, "terminating", r.choice(["new", "usual"], 1800))))

    with pytest.raises(TenureError) as refused:
        learner_named("tree").make().fit(X, left)

    assert "exit_score (only customers who left have a value in it)" in str(refused.value)
    assert 'customers with "terminating" left' in str(refused.value)


def test_a_high_risk_group_in_which_somebody_stayed_is_no_outcome():
    r = np.random.default_rng(4)
    risky = r.random(1500) < 0.2
    left = r.random(1500) < np.where(risky, 0.97, 0.1)

    model = learner_named("logistic").make().fit(pa.table({"notice": risky, "noise": r.normal(size=1500)}), left)

    assert auc(left, model.predict_proba(pa.table({"notice": risky, "noise": r.normal(size=1500)}))[:, 1]) > 0.7


# -- lead time -------------------------------------------------------------------------------------------------------


def test_lead_time_is_counted_from_the_first_date_the_score_said_so():
    found = lead_time([90, 45, 45, 0, np.nan], exact=False)

    assert found == {"leavers": 5, "caught": 0.8, "median": 45, "low": 33.75, "high": 56.25, "exact": False}
    assert lead_time([np.nan, np.nan], exact=True)["median"] is None


def test_the_back_test_says_how_long_before_leaving_the_score_rose():
    """The fee alone decides who leaves at the last date, and each person's is known at two dates before it or at one."""
    r = np.random.default_rng(3)
    frames, labels = {}, {}
    known = {180: 0, 225: 1, 270: 2}
    kind = np.arange(600) % 3  # from which of the last three dates on their fee shows
    fee = r.normal(size=600)
    gone = fee > 1.2
    for i in range(7):
        shown = fee if 45 * i < 180 else np.where(kind <= known[45 * i], fee, -1.0)
        frames[after(45 * i)] = pa.table({"person_id": np.arange(600), "fee": shown, "noise": r.normal(size=600)})
        labels[after(45 * i)] = gone ^ (r.random(600) < 0.03)
    labels[after(270)] = gone
    days = np.where(gone, 30.0, np.nan)

    at_least = backtest(frames, labels, 90, model=LIGHT).metrics["lead_time"]
    exact = backtest(frames, labels, 90, model=LIGHT, left_after_days={after(270): days}).metrics["lead_time"]

    assert at_least["leavers"] == int(gone.sum())
    assert at_least["caught"] > 0.7
    assert (at_least["median"], at_least["high"]) == (45, 90)
    assert 0 <= at_least["low"] <= 45  # some of the last third are flagged before by chance
    assert [exact[name] - at_least[name] for name in ("low", "median", "high")] == [30, 30, 30]
    assert exact["exact"]
    assert not at_least["exact"]
