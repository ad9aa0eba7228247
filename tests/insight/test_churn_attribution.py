"""What each column adds to a score of any learner: parts that add up, Shapley's by brute force, and a bounded cost."""

import json
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from tenure.insight.churn.attribution import EVERY, shapley
from tenure.insight.churn.drivers import CODES, driver_of
from tenure.insight.churn.learners import load, name_of
from tests.insight.test_churn_learners import HERE, company, quick

Floats = NDArray[np.float64]


def drawn(rows: int, references: int, columns: int) -> tuple[Floats, Floats]:
    random = np.random.default_rng(4)
    return random.normal(size=(rows, columns)), random.normal(size=(references, columns))


class Game:
    """A score of some columns, of rows and of references, as `shapley` asks for it; it counts how often."""

    def __init__(self, score: Any, rows: Floats, references: Floats) -> None:
        self.score, self.rows, self.references, self.asked = score, rows, references, 0

    def mixed(self, own: NDArray[np.bool_], reference: int) -> Floats:
        self.asked += 1
        found: Floats = self.score(np.where(own, self.rows, self.references[reference]))
        return found

    def parts(self, seed: int = 0) -> Floats:
        return shapley(self.mixed, *self.rows.shape, len(self.references), seed)

    def by_hand(self) -> Floats:
        """Every order of the columns, against every reference: the definition, and nothing else."""
        found = np.zeros(self.rows.shape)
        for theirs in self.references:
            for order in permutations(range(self.rows.shape[1])):
                x = np.tile(theirs, (len(self.rows), 1))
                for column in order:
                    before = self.score(x)
                    x[:, column] = self.rows[:, column]
                    found[:, column] += self.score(x) - before
        return found / (len(self.references) * factorial(self.rows.shape[1]))


def tangled(x: Floats) -> Floats:
    """Columns that act in threes."""
    return np.asarray(np.tanh(x[:, 0] * x[:, 1] * x[:, -1]) + np.exp(0.3 * x).prod(axis=1))


def paired(x: Floats) -> Floats:
    """Columns that act alone or in pairs."""
    return np.asarray(
        x @ np.arange(1, x.shape[1] + 1) + x[:, 0] * x[:, 1] - 2 * x[:, 2] * (x[:, 4] > 0) + np.sin(x[:, 3])
    )


def test_of_a_few_columns_every_combination_is_worked_out_and_is_shapleys():
    game = Game(tangled, *drawn(5, 3, EVERY))

    np.testing.assert_allclose(game.parts(), game.by_hand(), atol=1e-12)


def test_of_more_columns_that_act_alone_or_in_pairs_the_orders_drawn_are_shapleys_too():
    game = Game(paired, *drawn(4, 2, 6))

    np.testing.assert_allclose(game.parts(), game.by_hand(), atol=1e-12)


def test_parts_add_up_to_the_score_above_the_references_whatever_the_seed_and_the_cost_is_bounded():
    game = Game(tangled, *drawn(6, 4, 9))
    above = tangled(game.rows) - tangled(game.references).mean()

    first = game.parts(seed=1)
    asked = game.asked
    other = game.parts(seed=2)

    np.testing.assert_allclose(first.sum(axis=1), above, atol=1e-12)
    np.testing.assert_allclose(other.sum(axis=1), above, atol=1e-12)
    assert asked <= 2 * 4 * 9
    assert not np.allclose(first, other)
    np.testing.assert_array_equal(first, game.parts(seed=1))


def test_over_many_orders_they_come_to_shapleys_where_columns_act_in_threes():
    game = Game(tangled, *drawn(2, 1, 5))

    parts = np.array([game.parts(seed) for seed in range(1_000)])

    unsure = parts.std(axis=0) / len(parts) ** 0.5
    assert (np.abs(parts.mean(axis=0) - game.by_hand()) < 5 * unsure + 1e-9).all()


@pytest.mark.parametrize("name", [name for name in HERE if name != "blend"])
def test_every_learner_says_what_its_scores_rest_on_and_still_does_when_it_was_kept(name, tmp_path):
    X, left = company(400, 1)
    model = quick(name).fit(X, left)

    chance, said, effects = model.opened(X.slice(0, 40))
    kept = load(model.save(tmp_path))

    score = np.log(chance) - np.log1p(-chance)
    assert name_of(model) == name_of(kept) == name
    np.testing.assert_allclose(model.baseline_ + effects.sum(axis=1), score, atol=1e-8)
    np.testing.assert_allclose(model.contributions(X.slice(0, 40)).sum(axis=1), effects.sum(axis=1), atol=1e-10)
    reasons = [json.loads(one) for one in said]
    assert sum(bool(one) for one in reasons) > 20
    for row in reasons:
        assert all(one["effect"] > 0 and one["driver"] == driver_of(one["feature"]) and one["zh"] for one in row)
    assert model.drivers(2)[0]["feature"] in ("silent", "plan", "town")
    assert kept.drivers() == model.drivers()
    np.testing.assert_allclose(kept.opened(X.slice(0, 40))[2], effects, atol=1e-9)


def test_of_very_many_customers_the_riskiest_are_told_reasons_and_the_others_none(monkeypatch):
    X, left = company(400, 1)
    model = quick("logistic").fit(X, left)
    whole = model.opened(X)
    monkeypatch.setattr("tenure.insight.churn.learners.base.MOST_SCORINGS", 2 * 4 * len(model.readings) * 30)

    chance, said, effects = model.opened(X)

    told = effects.any(axis=1)
    assert model.explained(400) == told.sum() == 30
    assert chance[told].min() >= chance[~told].max()
    assert {said[place] for place in np.flatnonzero(~told)} == {"[]"}
    np.testing.assert_array_equal(chance, whole[0])
    np.testing.assert_allclose(effects[told], whole[2][told], atol=1e-12)
    assert effects.shape[1] == len(CODES)


def test_the_usual_customers_scores_are_held_against_are_nobody():
    r = np.random.default_rng(0)
    twice = r.permutation(500).astype(float)
    table = pa.table({"one": twice, "same": twice, "again": twice, "noise": r.normal(size=500)})
    model = quick("logistic").fit(table, r.random(500) < 0.4)

    usual = model._usual.to_pylist()

    assert len(usual) == 4
    assert all(len({one["one"], one["same"], one["again"]}) > 1 for one in usual)
