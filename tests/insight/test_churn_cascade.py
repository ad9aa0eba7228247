"""The blend with CatBoost behind it: where the blend can't tell, one chance and the other's order; elsewhere the blend."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.insight.churn import auc, brier
from tenure.insight.churn.backtest import cross_validate
from tenure.insight.churn.card import card
from tenure.insight.churn.chances import sigmoid
from tenure.insight.churn.definitions.outcome import Outcome
from tenure.insight.churn.learners import learner_named, load
from tenure.insight.churn.learners.cascade import Cascade, untold


def company(rows: int, seed: int) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """A tenth complain and nearly all of them leave; of all the others one in thirty leaves, without a sign."""
    r = np.random.default_rng(seed)
    complaints = r.poisson(0.15, rows) * r.integers(1, 4, rows)
    told = complaints >= 2
    left = r.random(rows) < np.where(told, 0.9, 0.033)
    table = {"complaints": complaints, "minutes": r.normal(200, 40, rows), "calls": r.poisson(90, rows)}
    return pa.table(table | {"plan": r.choice(["basic", "plus"], rows)}), left, told


@pytest.fixture(scope="module")
def learned() -> Any:
    X, left, _ = company(2500, 1)
    return Cascade(rounds=60).fit(X, left)


def test_an_order_tells_nothing_up_to_where_it_begins_to_tell():
    r = np.random.default_rng(1)
    score = np.concatenate([r.normal(-3, 0.5, 2000), r.normal(1, 0.5, 200)])
    left = np.concatenate([r.random(2000) < 0.04, r.random(200) < sigmoid(2 * score[2000:])])

    edge = untold(score, left)

    assert np.quantile(score[:2000], 0.9) < edge < np.quantile(score[2000:], 0.1)


def test_an_order_that_tells_everywhere_is_left_alone():
    score = np.random.default_rng(2).normal(-2, 1.5, 5000)

    assert untold(score, np.random.default_rng(3).random(5000) < sigmoid(score)) is None


@pytest.mark.parametrize("seed", range(4, 10))
def test_an_order_that_tells_is_kept_however_wrong_its_chances_are(seed):
    """Chances four times too high: one chance for all foretells better than they do, yet they tell who is likelier.

    A tenth of who left may stand below the edge, for of so few it can't always be seen.
    """
    score = np.random.default_rng(seed).normal(-2, 1.0, 5000)
    left = np.random.default_rng(seed + 50).random(5000) < sigmoid(1.2 * score - 1)

    edge = untold(score + 1.5, left)

    assert edge is None or left[score + 1.5 <= edge].sum() < 0.1 * left.sum()


@pytest.mark.parametrize(("leavers", "found"), [(19, False), (20, True)])
def test_of_few_leavers_nothing_is_said(leavers, found):
    """The order is turned round, so that one chance for all foretells better than it."""
    score = np.linspace(-4, -1, 1000)
    left = np.zeros(1000, bool)
    left[: 10 * leavers : 10] = True

    assert (untold(score, left) is not None) == found


def test_rows_of_one_score_are_never_parted():
    """One chance for the lower half alone would foretell best at row 500, in the midst of rows alike."""
    score = np.repeat([-3.0, -2.0, 1.0], [400, 400, 200])
    left = np.zeros(1000, bool)
    left[:60:2] = True
    left[420:440] = True
    left[800:950] = True

    assert untold(score, left) in (-3.0, -2.0)


def test_who_can_be_told_has_the_blends_order_and_who_cannot_catboosts(learned):
    X, _, told = company(2000, 2)
    kept, given = learned._kept, learned._given(X)
    first, second = kept.first.decision_function(X), kept.second.score(given)
    few = first <= kept.edge

    score = learned.decision_function(X)

    assert 0.6 < few.mean() < 0.97
    assert not told[few].mean() > 0.02
    np.testing.assert_array_equal(np.argsort(score[~few], kind="stable"), np.argsort(first[~few], kind="stable"))
    assert np.all(np.diff(score[few][np.argsort(second[few])]) >= 0)
    assert score[few].max() < score[~few].min()


def test_who_cannot_be_told_apart_has_one_chance_which_is_right(learned):
    X, left, _ = company(4000, 3)
    few = learned._kept.first.decision_function(X) <= learned._kept.edge

    p = learned.predict_proba(X)[:, 1]

    assert np.ptp(p[few]) < 0.0005
    assert p[few].mean() == pytest.approx(left[few].mean(), abs=0.012)
    assert brier(left, p) <= brier(left, learned._kept.first.predict_proba(X)[:, 1])


def test_it_is_kept_with_both_and_gives_the_same_chances(learned, tmp_path):
    X, _, _ = company(500, 4)

    again = load(learned.save(tmp_path / "model"))

    np.testing.assert_array_equal(again.predict_proba(X), learned.predict_proba(X))
    assert (tmp_path / "model" / "second-catboost.json").is_file()


def test_parts_add_up_on_both_sides_of_the_edge(learned):
    X, _, _ = company(300, 5)

    parts = learned.contributions(X)

    np.testing.assert_allclose(learned.baseline_ + parts.sum(axis=1), learned.decision_function(X), atol=1e-9)
    assert learned.drivers(1)[0]["feature"] == "complaints"
    told = learned._kept.first.decision_function(X) > learned._kept.edge
    expected = learned._stretch * learned._kept.first.contributions(X)[told]
    np.testing.assert_allclose(parts[told], expected, atol=1e-9)
    assert learned.explained(10**6) == 10**6


def test_parts_add_up_where_nothing_tells():
    r = np.random.default_rng(10)
    X, left = r.normal(size=(900, 3)), r.random(900) < 0.3

    model = Cascade(rounds=20).fit(X, left)

    np.testing.assert_allclose(
        model.baseline_ + model.contributions(X).sum(axis=1), model.decision_function(X), atol=1e-9
    )
    assert np.isfinite(model.contributions(X)).all()


def test_where_the_blend_tells_everywhere_no_second_is_learned(tmp_path):
    r = np.random.default_rng(6)
    x = r.normal(size=2000)
    X, left = pa.table({"silent": x, "noise": r.normal(size=2000)}), r.random(2000) < sigmoid(2 * x - 1)

    model = Cascade(rounds=60).fit(X, left)

    assert model._kept.second is None
    assert auc(left, model.predict_proba(X)[:, 1]) == auc(left, model._kept.first.decision_function(X))
    folder = model.save(tmp_path / "model")
    assert not list(folder.glob("second-*"))
    np.testing.assert_array_equal(load(folder).predict_proba(X), model.predict_proba(X))


def test_more_rows_than_it_is_to_learn_from_are_sampled_once():
    X, left, _ = company(2500, 9)

    model = Cascade(rounds=20, most_rows=1200).fit(X, left)

    assert len(model._kept.first.outside_) == 1200
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(left.mean(), abs=0.02)


def test_the_level_is_that_of_the_latest_rows():
    X, left, _ = company(3000, 7)
    latest = np.arange(3000) >= 1500
    y = left & (~latest | (np.random.default_rng(8).random(3000) < 0.6))

    model = Cascade(rounds=60).fit(X, y, latest=latest)

    assert model.predict_proba(X)[latest, 1].mean() == pytest.approx(y[latest].mean(), abs=0.01)


def test_its_card_does_not_say_that_reasons_are_told_of_the_riskiest_alone():
    X, left, _ = company(600, 11)

    def limits(model: Any) -> str:
        tried = cross_validate(X, left, model=model, folds=2)
        made = card(Outcome(), tried, as_of=datetime(2026, 1, 1, tzinfo=UTC), rows=600, left=60)
        return " ".join(one["en"] for one in made["limits"])

    assert "riskiest" in limits(learner_named("tree").make())
    assert "riskiest" not in limits(Cascade(rounds=20))
