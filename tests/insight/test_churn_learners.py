"""Every learner at the one interface: any frame in, chances out, kept as text, and the library's own figures."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.insight.churn import auc, auc_interval
from tenure.insight.churn.chances import sigmoid
from tenure.insight.churn.learners import LEARNERS, Kind, learner_named, load
from tenure.insight.churn.learners.bayes import BayesianLogistic
from tenure.insight.churn.learners.hazard import DiscreteHazard
from tenure.insight.churn.learners.svm import SupportVectors
from tenure.insight.churn.telling import MOST_COLUMNS

QUICK: dict[str, dict[str, Any]] = {
    "blend": {"rounds": 30, "rate": 0.2, "folds": 3},
    "cascade": {"rounds": 25},
    "catboost": {"rounds": 25, "rate": 0.2},
    "forest": {"trees": 25},
    "lightgbm": {"rounds": 40, "rate": 0.1},
    "net": {"nets": 1},
}
HERE = [name for name, kind in LEARNERS.items() if kind.lacking() is None]
OURS = [name for name in HERE if name != "blend"]


def quick(name: str, **settings: Any) -> Any:
    return LEARNERS[name].make(**QUICK.get(name, {}), **settings)


def company(rows: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    """Silence, a plan and a town drive leaving; the time since joining is told, and the rest is noise."""
    r = np.random.default_rng(seed)
    silent, plan = r.gamma(2.0, 30.0, rows), r.choice(["basic", "plus", "gold"], rows)
    town = r.integers(0, 45, rows)
    risk = -2.8 + 0.02 * silent + 1.4 * (plan == "basic") + 1.0 * (town % 5 == 0)
    left = r.random(rows) < sigmoid(risk)
    return (
        pa.table(
            {
                "silent": [None if i % 11 == 0 else v for i, v in enumerate(silent.tolist())],
                "plan": [None if i % 13 == 0 else str(v) for i, v in enumerate(plan)],
                "town": [f"town {v}" for v in town],
                "joined_days": r.integers(1, 2000, rows),
                "noise": r.normal(size=rows),
                "fee": [f" {v:.2f} " for v in r.uniform(5, 90, rows)],
                "empty": pa.nulls(rows, pa.string()),
            }
        ),
        left,
    )


@pytest.fixture(scope="module")
def base() -> tuple[pa.Table, np.ndarray]:
    return company(700, 1)


@pytest.fixture(scope="module")
def later() -> tuple[pa.Table, np.ndarray]:
    return company(1500, 2)


@pytest.fixture(scope="module")
def fitted(base) -> Callable[[str], Any]:
    made: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in made:
            made[name] = quick(name).fit(*base)
        return made[name]

    return of


def test_the_folder_holds_the_promised_learners_each_with_its_words():
    promised = {
        "logistic",
        "tree",
        "forest",
        "lightgbm",
        "catboost",
        "net",
        "svm",
        "bayes",
        "hazard",
        "blend",
        "cascade",
    }

    assert promised <= set(LEARNERS)
    for kind in LEARNERS.values():
        assert all((kind.words.en, kind.words.zh, kind.when.en, kind.when.zh))
    with pytest.raises(TenureError, match=r'no learner "oracle".*logistic'):
        learner_named("oracle")


def test_a_learner_whose_library_is_missing_says_how_to_get_it():
    kind = LEARNERS["catboost"]
    absent = Kind(kind.name, kind.words, kind.when, kind.make, kind.load, needs=("no_such_library", "boost"))

    assert 'pip install "tenure[boost]"' in absent.lacking().en


@pytest.mark.parametrize("name", HERE)
def test_it_ranks_and_levels_customers_it_has_not_seen(name, fitted, later):
    """1,500 customers, a third leaving: the standard error of an AUC is about .014, of a level .012."""
    X, left = later

    p = fitted(name).predict_proba(X)

    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert auc(left, p[:, 1]) > 0.64
    assert p[:, 1].mean() == pytest.approx(left.mean(), abs=0.06)


@pytest.mark.parametrize("name", HERE)
def test_what_is_saved_is_text_and_scores_as_before(name, fitted, later, tmp_path):
    folder = fitted(name).save(tmp_path / "model")

    again = load(folder)

    np.testing.assert_allclose(again.predict_proba(later[0]), fitted(name).predict_proba(later[0]), atol=1e-12)
    assert again.get_params() == json.loads(json.dumps(fitted(name).get_params(), default=list))
    assert again.dropped_ == fitted(name).dropped_
    for path in folder.iterdir():
        assert path.suffix in (".json", ".txt")
        path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("name", HERE)
def test_a_changed_file_is_refused_by_its_name(name, fitted, tmp_path):
    folder = fitted(name).save(tmp_path / "model")
    path = next(p for p in sorted(folder.iterdir()) if p.name not in ("model.json", "checksums.json"))
    path.write_text(path.read_text() + " ")

    with pytest.raises(TenureError, match=path.name.replace(".", r"\.")):
        load(folder)


@pytest.mark.parametrize("name", HERE)
def test_a_shuffled_outcome_scores_one_half(name, later):
    """The canary of each learner's path: .5 lies within the interval of its AUC, made wide enough for all of them."""
    X, left = later
    shuffled = np.random.default_rng(11).permutation(left)

    p = quick(name).fit(X.slice(0, 500), shuffled[:500]).predict_proba(X.slice(500))[:, 1]

    estimate, low, high = auc_interval(shuffled[500:], p)
    wider = 2.9 / 1.96
    assert estimate - wider * (estimate - low) <= 0.5 <= estimate + wider * (high - estimate)


# -- bad input -------------------------------------------------------------------------------------------------------


def _told(X: pa.Table, left: np.ndarray, **columns: Any) -> tuple[pa.Table, np.ndarray]:
    for column, values in columns.items():
        X = X.append_column(column, pa.array(values))
    return X, left


_BAD: dict[str, tuple[Callable[[pa.Table, np.ndarray], tuple[Any, Any]], str]] = {
    "one outcome only": (lambda X, y: (X, np.zeros(len(y))), "nothing to tell apart"),
    "20 rows": (lambda X, y: (X.slice(0, 20), y[:20]), "Not enough data, because there are 20 customers"),
    "all missing": (
        lambda X, y: (pa.table({"a": pa.nulls(len(y)), "b": pa.nulls(len(y), pa.string())}), y),
        "No column is left",
    ),
    "the outcome": (lambda X, y: _told(X, y, later=y.astype(int)), "later"),
    "a noisy copy": (lambda X, y: _told(X, y, later=y + np.random.default_rng(3).normal(0, 0.15, len(y))), "later"),
    "a copy with some rows wrong": (
        lambda X, y: _told(X, y, later=np.where(np.arange(len(y)) % 60 == 0, ~y, y)),
        "later",
    ),
    "blank for leavers": (lambda X, y: _told(X, y, later=[None if v else 1.5 * i for i, v in enumerate(y)]), "later"),
    "many categories": (
        lambda X, y: _told(X, y, later=[f"{'AX'[int(v)]}{i // 2 % 90}" for i, v in enumerate(y)]),
        "later",
    ),
}


@pytest.mark.parametrize("bad", _BAD)
@pytest.mark.parametrize("name", HERE)
def test_bad_input_is_refused_with_the_reason(name, bad, base):
    spoil, said = _BAD[bad]

    with pytest.raises(TenureError, match=said):
        quick(name).fit(*spoil(*base))


@pytest.mark.parametrize("name", HERE)
def test_strange_rows_are_scored(name, fitted, base):
    """Unseen categories, text among numbers, blanks, an endless number, a date as text, a column nobody knew."""
    strange = base[0].slice(0, 3).to_pandas()
    strange["plan"] = ["never heard of", None, "basic"]
    strange["silent"] = [np.inf, None, 1e12]
    strange["fee"] = ["n/a", None, "2099-01-01"]
    strange["added"] = 1

    p = fitted(name).predict_proba(strange)[:, 1]

    assert np.isfinite(p).all()
    assert ((p > 0) & (p < 1)).all()
    with pytest.raises(TenureError, match="fee"):
        fitted(name).predict_proba(base[0].drop_columns(["fee"]))


@pytest.mark.parametrize("name", OURS)
def test_dates_to_come_and_mixed_columns_are_read(name, base):
    X, left = base
    frame = X.to_pandas().head(300)
    frame["until"] = [datetime(2031 + i % 5, 1, 1, tzinfo=UTC) for i in range(300)]
    frame["mixed"] = [i % 3 if i % 2 else f"word {i % 4}" for i in range(300)]

    p = quick(name).fit(frame, left[:300]).predict_proba(frame)[:, 1]

    assert np.isfinite(p).all()


@pytest.mark.parametrize("name", OURS)
def test_one_leaver_in_a_thousand_is_learned_from_at_its_level(name):
    r = np.random.default_rng(4)
    n = 12_000
    x = r.normal(size=n)
    left = np.zeros(n, bool)
    left[np.argsort(-(x + r.normal(size=n)))[:12]] = True
    X = pa.table({"x": x, "joined_days": r.integers(1, 500, n)})

    p = quick(name).fit(X, left).predict_proba(X)[:, 1]

    assert p.mean() == pytest.approx(0.001, abs=0.0006)
    assert auc(left, p) > 0.8


@pytest.fixture(scope="module")
def wide() -> tuple[pa.Table, np.ndarray]:
    r = np.random.default_rng(5)
    values = r.normal(size=(600, 5000))
    left = r.random(600) < sigmoid(2.5 * values[:, 7] - 0.5)
    months = {"joined_days": 100 + np.round(60 * values[:, 7] + 60 * values[:, 4999])}
    return pa.table(months | {f"c{i}": values[:, i] for i in range(4999)}), left


def test_five_thousand_columns_are_cut_to_those_that_tell(wide):
    X, left = wide

    model = quick("lightgbm").fit(X.slice(0, 300), left[:300])

    names = {reading.name for reading in model._readings}
    assert len(names) == 30
    assert "c7" in names
    assert auc(left[300:], model.predict_proba(X.slice(300))[:, 1]) > 0.7


@pytest.mark.parametrize("name", HERE)
def test_many_columns_are_cut_for_every_learner(name, wide):
    X, left = wide
    X = X.select(X.column_names[: MOST_COLUMNS + 20])

    model = quick(name).fit(X.slice(0, 400), left[:400])

    assert len(model._readings) == 40
    assert len(model.feature_names_in_) == X.num_columns
    assert auc(left[400:], model.predict_proba(X.slice(400))[:, 1]) > 0.6


def test_the_blend_still_adds_up_where_columns_were_cut(wide):
    X, left = wide
    X = X.select(X.column_names[: MOST_COLUMNS + 1])

    model = quick("blend").fit(X.slice(0, 400), left[:400])

    parts = model.contributions(X.slice(400))
    np.testing.assert_allclose(model.baseline_ + parts.sum(axis=1), model.decision_function(X.slice(400)), atol=1e-9)
    assert len(model.outside_) == 400
    assert sigmoid(model.outside_).mean() == pytest.approx(left[:400].mean(), abs=0.01)
    assert model.dropped_["c9"].en == "of so many columns, others tell more"


def test_the_columns_are_chosen_anew_where_rows_are_left_out():
    """Of 2,000 columns of noise some always tell the rows they were chosen by; chosen on those alone they would be believed."""
    r = np.random.default_rng(9)
    X, left = r.normal(size=(400, 2000)), r.random(400) < 0.5

    p = quick("logistic").fit(X[:200], left[:200]).predict_proba(X[200:])[:, 1]

    assert p.std() < 0.1


def test_every_kind_of_frame_gives_the_same_scores(base):
    X, left = base
    expected = quick("logistic").fit(X, left).predict_proba(X)

    for frame in (X.to_pandas(), pl.from_arrow(X)):
        np.testing.assert_array_equal(quick("logistic").fit(frame, left).predict_proba(frame), expected)


def test_rows_of_one_customer_stay_together_while_calibrating():
    """Each person comes five times with one outcome and one telling number; only grouping keeps them from being known."""
    r = np.random.default_rng(1)
    people = np.repeat(np.arange(120), 5)
    left = np.repeat(r.random(120) < 0.4, 5)
    X = pa.table({"fingerprint": np.repeat(r.normal(size=120), 5), "noise": r.normal(size=600)})

    apart = quick("forest").fit(X, left, groups=people).predict_proba(X)[:, 1]
    mixed = quick("forest").fit(X, left).predict_proba(X)[:, 1]

    assert apart.std() < 0.5 * mixed.std()


def test_scikit_learn_clones_a_learner():
    from sklearn.base import clone, is_classifier

    for name in HERE:
        assert clone(quick(name, seed=3)).get_params() == quick(name, seed=3).get_params()
        assert is_classifier(quick(name))


# -- what the libraries say ------------------------------------------------------------------------------------------


def test_rare_leavers_are_all_learned_from_and_the_level_is_put_right():
    r = np.random.default_rng(10)
    x = r.normal(size=30_000)
    left = r.random(30_000) < sigmoid(1.2 * x - 6.0)

    p = quick("logistic", most_rows=2_000).fit(x[:, None], left).predict_proba(x[:, None])[:, 1]

    assert p.mean() == pytest.approx(left.mean(), rel=0.1)
    assert auc(left, p) == pytest.approx(auc(left, x), abs=0.01)


def given_of(model: Any, X: Any) -> Any:
    return model._given(X)


@pytest.mark.parametrize("name", ["tree", "forest"])
def test_trees_kept_as_arrays_score_as_scikit_learns(name, base, later, fitted):
    model = fitted(name)
    learn, held = _learning(model, base), given_of(model, later[0])

    theirs = model._theirs(learn, base[1].astype(float))

    expected = np.clip(theirs.predict_proba(held.trees)[:, 1], 1e-6, 1 - 1e-6)
    np.testing.assert_allclose(sigmoid(model._learn(learn, base[1].astype(float)).score(held)), expected, atol=1e-6)


def test_a_net_kept_as_weights_scores_as_scikit_learns(base, later, fitted):
    model = fitted("net")
    learn, held = _learning(model, base), given_of(model, later[0])

    theirs = model._theirs(learn, base[1].astype(float))

    ours = model._learn(learn, base[1].astype(float)).score(held)
    np.testing.assert_allclose(sigmoid(ours), theirs.predict_proba(held.linear)[:, 1], atol=1e-6)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_support_vectors_kept_as_arrays_score_as_scikit_learns(kernel, base, later, fitted, tmp_path):
    model = SupportVectors(kernel=kernel).fit(*base)
    learn, held = _learning(model, base), given_of(model, later[0])

    theirs = model._theirs(learn, base[1].astype(float))

    ours = model._learn(learn, base[1].astype(float)).score(held)
    np.testing.assert_allclose(ours, theirs.decision_function(held.linear), atol=1e-6)
    again = load(model.save(tmp_path))
    np.testing.assert_allclose(again.predict_proba(later[0]), model.predict_proba(later[0]), atol=1e-12)


def test_the_logistic_weights_are_scikit_learns(base, fitted):
    from sklearn.linear_model import LogisticRegression

    model = fitted("logistic")
    learn = _learning(model, base)
    theirs = LogisticRegression(C=model.strength, tol=1e-10, max_iter=10_000).fit(learn.linear, base[1])

    ours = model._learn(learn, base[1].astype(float))

    np.testing.assert_allclose(ours.score(learn), theirs.decision_function(learn.linear), atol=1e-4)


def _learning(model: Any, base: tuple[pa.Table, np.ndarray]) -> Any:
    """Matrices to learn from; here the rates of towns need not be kept from their own rows."""
    return given_of(model, base[0])


def test_the_bayesian_errors_are_those_of_maximum_likelihood_where_the_prior_is_wide():
    import statsmodels.api as sm

    r = np.random.default_rng(6)
    x = r.normal(size=(3000, 2))
    left = r.random(3000) < sigmoid(x @ [1.0, -0.5] - 0.3)
    model = BayesianLogistic(width=1e6).fit(x, left)
    part, given = model._kept, model._given(x)
    rows = np.column_stack([given.linear, np.ones(3000)])
    theirs = sm.Logit(left.astype(float), rows).fit(disp=0)

    middle, error = part.told(given)

    np.testing.assert_allclose(middle, rows @ theirs.params, atol=1e-3)
    np.testing.assert_allclose(error, np.sqrt(np.einsum("ij,jk,ik->i", rows, theirs.cov_params(), rows)), rtol=1e-3)


def test_a_bayesian_interval_holds_the_chance_and_narrows_with_more_customers(base, later):
    few = BayesianLogistic().fit(base[0].slice(0, 200), base[1][:200])
    many = BayesianLogistic().fit(*later)

    narrow, wide = many.predict_interval(later[0]), few.predict_interval(later[0])

    p = many.predict_proba(later[0])[:, 1]
    assert ((narrow[:, 0] < p) & (p < narrow[:, 1])).all()
    assert (narrow[:, 1] - narrow[:, 0]).mean() < 0.7 * (wide[:, 1] - wide[:, 0]).mean()


def test_the_interval_holds_the_true_chance_in_nineteen_of_twenty():
    r = np.random.default_rng(7)
    held = []
    for _ in range(20):
        x = r.normal(size=(500, 3))
        truth = sigmoid(x @ [0.8, -0.6, 0.0] - 0.8)
        low, high = BayesianLogistic(width=1.0).fit(x, r.random(500) < truth).predict_interval(x).T
        held.append(np.mean((low <= truth) & (truth <= high)))

    assert 0.90 <= np.mean(held) <= 1.0


def test_the_hazard_of_whole_lives_is_leavers_over_periods_lived():
    """The chance of leaving is 10 % a month in the first year and 3 % after it; each is watched for 12 to 60 months."""
    r = np.random.default_rng(8)
    months, left = np.full(4000, 60.0), np.zeros(4000, bool)
    for person in range(4000):
        watched = int(r.integers(12, 61))
        months[person] = watched
        for month in range(1, watched + 1):
            if r.random() < (0.10 if month <= 12 else 0.03):
                months[person], left[person] = month, True
                break
    X = pa.table({"tenure": months, "noise": r.normal(size=4000)})

    part = DiscreteHazard(lives=True).fit(X, left)._kept

    level = 1 - np.exp(-np.exp(part.levels))
    early = level[np.flatnonzero(np.append(part.edges, 99) <= 12)]
    late = level[np.flatnonzero(np.append(0.0, part.edges) >= 12)]
    assert early == pytest.approx(0.10, abs=0.015)
    assert len(early) >= 3
    assert late == pytest.approx(0.03, abs=0.012)


def test_a_hazard_without_a_time_asks_for_one(base):
    with pytest.raises(TenureError, match=r"how long each has been a customer.*time="):
        DiscreteHazard().fit(base[0].drop_columns(["joined_days"]), base[1])


def test_no_learner_file_names_pickle():
    folder = Path(__file__).parents[2] / "src" / "tenure" / "insight" / "churn" / "learners"

    for path in folder.glob("*.py"):
        assert not {"pickle", "joblib", "cloudpickle"} & set(path.read_text().replace(".", " ").split())


def test_unpaired_lengths_are_refused(base):
    with pytest.raises(ValueError, match="must be the same customers"):
        quick("logistic").fit(base[0], base[1][:-1])


def test_a_pandas_outcome_in_words_is_learned(base):
    model = quick("tree").fit(base[0], pd.Series(np.where(base[1], "Yes", "No")))

    assert set(model.predict(base[0]).tolist()) <= {"Yes", "No"}
