"""The analyst's door: the names others build on, kept as a list, and the frames they may hand in."""

import subprocess
import sys
from datetime import UTC, date, datetime

import narwhals.stable.v2 as nw
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
        "features_only", "learn", "lift", "measure", "rolling_origin", "suspects", "widen", "Downgrade", "Leaking",
        "OwnRhythm", "UsageDecline", "beside", "calibration",
    },
    tenure.insight.segments: {
        "ABC", "CELLS", "MixedClusters", "cell_of", "cluster", "concentration", "gini", "lifecycle", "rfm", "top_share",
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


ORDERS = {
    "person_id": ["ann", "ann", "ann", "bo", "bo", "cy"],
    "ordered_on": [date(2026, 1, 5), date(2026, 2, 4), date(2026, 3, 6), date(2025, 3, 1), date(2025, 3, 9), date(2026, 3, 30)],
    "amount_base_minor": [100, 200, 300, 5000, -1000, 700],
}  # fmt: skip
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_segments_answer_in_the_kind_of_frame_they_were_asked_with(kind):
    frame = KINDS[kind](ORDERS)

    scores = tenure.insight.segments.rfm(frame, APRIL)
    stages = tenure.insight.segments.lifecycle(frame, as_of=APRIL)

    assert (type(scores), type(stages)) == (type(frame), type(frame))
    assert list(scores["person_id"]) == list(stages["person_id"]) or kind == "arrow"
    by_person = {row["person_id"]: row for row in nw.from_native(scores).rows(named=True)}
    assert (by_person["ann"]["frequency"], by_person["bo"]["monetary_base_minor"]) == (3, 4000)
    told = {row["person_id"]: row for row in nw.from_native(stages).rows(named=True)}
    assert {name: row["stage"] for name, row in told.items()} == {"ann": "grow", "bo": "left", "cy": "acquire"}
    assert told["cy"]["why_en"] == "Bought once, 2 days ago"


def test_a_frame_with_names_of_its_own_says_which_are_meant():
    frame = pd.DataFrame({"who": [7, 7, 9], "when": ["2026-01-05", "2026-02-05", "2026-03-05"], "paid": [1, 2, 3]})

    with pytest.raises(ValueError, match=r'no column person_id, .*columns=\{"person_id"'):
        tenure.insight.segments.rfm(frame, APRIL)

    columns = {"person_id": "who", "ordered_at": "when", "amount_base_minor": "paid"}
    assert tenure.insight.segments.rfm(frame, APRIL, columns=columns)["frequency"].tolist() == [2, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_clusters_answer_in_the_kind_of_frame_they_were_asked_with(kind):
    rng = np.random.default_rng(3)
    frame = KINDS[kind]({
        "person_id": list(range(90)), "visits": [*rng.poisson(2, 45).tolist(), *rng.poisson(40, 45).tolist()],
        "channel": ["shop"] * 45 + ["app"] * 45,
    })  # fmt: skip

    found = tenure.insight.segments.cluster(frame, k=2)

    assert type(found) is type(frame)
    rows = nw.from_native(found).rows(named=True)
    assert len({row["cluster"] for row in rows[:45]}) == len({row["cluster"] for row in rows[45:]}) == 1
    assert {rows[0]["cluster_en"], rows[89]["cluster_en"]} == {"Low visits, shop", "High visits, app"}


def test_the_door_opens_without_the_desk_and_without_the_heavy_learners():
    check = (
        "import sys, tenure.insight.value, tenure.insight.churn, tenure.insight.segments\n"
        "print([name for name in ('django', 'sklearn', 'lightgbm', 'pyspark') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
