"""Trees read off tables say what LightGBM says; the linear learner ends where scikit-learn's does."""

import lightgbm
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tenure.insight.churn.linear import logistic
from tenure.insight.trees import Forest


def grown(
    rows: int = 2_000, *, leaves: int = 7, blanks: bool = True, rounds: int = 40
) -> tuple[lightgbm.Booster, np.ndarray]:
    r = np.random.default_rng(4)
    X = np.column_stack([r.normal(size=rows), r.poisson(2, rows), r.gamma(2.0, size=rows), r.random(rows) < 0.3])
    if blanks:
        X[r.random(X.shape) < 0.1] = np.nan
    y = r.random(rows) < 1 / (1 + np.exp(-(np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 1]) - 2)))
    settings = {"objective": "binary", "num_leaves": leaves, "num_threads": 1, "verbosity": -1, "bagging_freq": 1,
                "bagging_fraction": 0.7}  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(X, y.astype(float)), rounds), X


@pytest.mark.parametrize("leaves", [2, 7, 12], ids=["one turn", "tables", "too many turns for a table"])
@pytest.mark.parametrize("blanks", [True, False])
def test_scores_and_shapley_values_are_lightgbms_own(leaves, blanks):
    booster, X = grown(leaves=leaves, blanks=blanks)
    asked = np.vstack([X, np.full(4, np.nan), np.zeros(4), np.full(4, 1e9), np.full(4, -1e9)])

    forest = Forest(booster.model_to_string())

    expected = booster.predict(asked, pred_contrib=True)
    np.testing.assert_allclose(forest.shapley(asked), expected[:, :-1], atol=1e-9)
    np.testing.assert_allclose(forest.level, expected[0, -1], atol=1e-9)
    np.testing.assert_allclose(forest.score(asked), booster.predict(asked, raw_score=True), atol=1e-9)


@pytest.mark.parametrize("leaves", [2, 7], ids=["one turn", "tables"])
@pytest.mark.parametrize("blanks", [True, False])
def test_the_compiled_pass_says_the_very_same(leaves, blanks, monkeypatch):
    booster, X = grown(leaves=leaves, blanks=blanks)
    asked = np.vstack([X, np.full(4, np.nan), np.zeros(4), np.full(4, 1e9), np.full(4, -1e9)])
    forest = Forest(booster.model_to_string())
    few = forest.score(asked), forest.shapley(asked)

    monkeypatch.setattr("tenure.insight.trees.MANY", len(asked))
    monkeypatch.setattr("tenure.insight.trees_kernel._AT_ONCE", 300)
    many = forest.score(asked), forest.shapley(np.asfortranarray(asked))

    np.testing.assert_array_equal(many[0], few[0])
    np.testing.assert_array_equal(many[1], few[1])


def test_trees_that_never_turn_say_the_same_of_everyone():
    r = np.random.default_rng(0)
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "min_data_in_leaf": 90},
                             lightgbm.Dataset(r.normal(size=(100, 2)), np.arange(100) % 4 == 0), 3)  # fmt: skip

    forest = Forest(booster.model_to_string())

    np.testing.assert_allclose(forest.score(np.zeros((2, 2))), booster.predict(np.zeros((2, 2)), raw_score=True))
    assert not forest.shapley(np.zeros((2, 2))).any()


def steep(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns as knots make them: nearly one another's sums."""
    r = np.random.default_rng(3)
    x = r.gamma(2.0, size=(rows, 5))
    X = np.column_stack([np.maximum(x - knot, 0.0) for knot in (0.0, 1.0, 1.2, 3.0)])
    return X, (r.random(rows) < 1 / (1 + np.exp(2.0 - x[:, 0] + 0.3 * x[:, 1]))).astype(float)


@pytest.mark.parametrize("rows", [300, 20_000], ids=["by Newton steps", "near what some rows say"])
def test_the_linear_learner_ends_where_scikit_learns_does(rows):
    X, y = steep(rows)

    mine = logistic(X, y, 0.7)

    theirs = LogisticRegression(C=0.7, tol=1e-10, max_iter=1000, solver="newton-cholesky").fit(X, y)
    np.testing.assert_allclose(mine.score(X), theirs.decision_function(X), atol=2e-3)


def test_what_is_learned_from_some_rows_does_not_depend_on_where_it_began():
    X, y = steep(9_000)
    inside = np.arange(9_000) % 3 != 0
    elsewhere = logistic(X, 1.0 - y, 1.0)

    near = logistic(X, y, 1.0, among=inside, near=logistic(X, y, 1.0))
    far = logistic(X, y, 1.0, among=inside, near=elsewhere)

    alone = logistic(X[inside], y[inside], 1.0)
    np.testing.assert_allclose(near.score(X), alone.score(X), atol=2e-3)
    np.testing.assert_allclose(far.score(X), alone.score(X), atol=2e-3)
