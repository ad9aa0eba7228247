"""The analyst's door: the names others build on, kept as a list, and the frames they may hand in."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tenure.insight.churn
import tenure.insight.features
import tenure.insight.segments
import tenure.insight.value

DOOR = {
    tenure.insight.value: {
        "BGNBD", "GammaGamma", "HybridCLV", "MBGNBD", "MarkovCLV", "NotEnoughDataError", "ParetoNBD",
        "ShiftedBetaGeometric", "summary",
    },
    tenure.insight.churn: {
        "Backtest", "Bands", "ChurnModel", "ContractEnd", "Definition", "Outcome", "Silence", "Split", "attributes", "auc",
        "auc_interval", "average_precision", "backtest", "brier", "card", "choose", "cross_validate", "cut_dates",
        "features_only", "learn", "lift", "measure", "rolling_origin", "suspects", "widen",
    },
    tenure.insight.features: {"FAMILIES", "FEATURES", "Family", "Feature", "as_of", "known_people", "written"},
}  # fmt: skip


@pytest.mark.parametrize("module", DOOR, ids=lambda module: module.__name__)
def test_what_others_build_on_is_neither_lost_nor_grown_by_accident(module):
    assert set(module.__all__) == DOOR[module]
    assert all(hasattr(module, name) for name in module.__all__)


x, t_x, T = (
    np.array([0, 1, 2, 5, 0, 3] * 9),
    np.array([0.0, 9, 20, 30, 0, 11] * 9),
    np.array([38.9, 38, 37, 36, 30, 25] * 9),
)
KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}


@pytest.mark.parametrize("kind", KINDS)
def test_value_models_give_the_same_from_any_kind_of_frame(kind):
    frame = KINDS[kind]({"x": x, "t_x": t_x, "T": T})
    expected = tenure.insight.value.BGNBD().fit(x, t_x, T)

    found = tenure.insight.value.BGNBD().fit(frame["x"], frame["t_x"], frame["T"])

    assert (found.r_, found.alpha_, found.a_, found.b_) == (expected.r_, expected.alpha_, expected.a_, expected.b_)
    alive = found.p_alive(frame["x"], frame["t_x"], frame["T"])
    np.testing.assert_array_equal(alive, expected.p_alive(x, t_x, T))


@pytest.mark.parametrize("kind", KINDS)
def test_the_churn_model_gives_the_same_from_any_kind_of_frame(kind):
    rng = np.random.default_rng(5)
    columns = {"visits": rng.poisson(4, 300).astype(float), "plan": rng.choice(["basic", "plus"], 300).tolist()}
    left = rng.random(300) < 1 / (1 + np.exp(columns["visits"] - 3))
    model = tenure.insight.churn.ChurnModel(folds=2, rounds=30, tree_seeds=1)
    expected = model.fit(pa.table(columns), left).predict_proba(pa.table(columns))

    frame = KINDS[kind](columns)
    found = tenure.insight.churn.ChurnModel(folds=2, rounds=30, tree_seeds=1).fit(frame, left).predict_proba(frame)

    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_the_door_opens_without_the_desk_and_without_the_heavy_learners():
    check = (
        "import sys, tenure.insight.value, tenure.insight.churn, tenure.insight.segments\n"
        "print([name for name in ('django', 'sklearn', 'lightgbm', 'pyspark') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
