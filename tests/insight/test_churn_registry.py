"""Drift, the snapshot and the rules of a model's life, against figures worked by hand."""

from datetime import UTC, datetime, timedelta
from math import log

import numpy as np
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.insight.churn import drift, registry
from tenure.insight.churn.registry import Policy, Standing
from tenure.insight.churn.training import Training

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_stability_index_is_the_published_formula() -> None:
    then = pa.table({"plan": ["a"] * 60 + ["b"] * 40})
    now = pa.table({"plan": ["a"] * 45 + ["b"] * 50 + [None] * 5})

    told = drift.profile(then)["plan"]

    by_hand = sum((q - p) * log(q / p) for p, q in ((0.6, 0.45), (0.4, 0.5), (1e-4, 0.05)))
    assert told["levels"] == ["a", "b"]
    assert drift.index(told, now["plan"]) == pytest.approx(by_hand)
    assert drift.index(told, then["plan"]) == 0.0


def test_a_sample_of_the_same_customers_has_not_moved() -> None:
    luck = np.random.default_rng(4)
    then = pa.table({"silent": luck.exponential(30, 800), "spent": luck.normal(0, 1, 800)})
    now = pa.table({"silent": luck.exponential(30, 300), "spent": luck.normal(1, 1, 300)})

    moved = drift.moved(drift.profile(then), now)

    assert list(moved) == ["spent", "silent"], "the furthest first"
    assert moved["silent"] < 0.03
    assert moved["spent"] > 0.5


def test_a_level_has_moved_only_by_a_quarter_and_beyond_chance() -> None:
    assert not drift.level_moved(0.10, 12, 100), "a fifth more, of few"
    assert not drift.level_moved(0.10, 11_500, 100_000), "surely more, but little"
    assert not drift.level_moved(0.10, 14, 100), "much more, of too few to say"
    assert drift.level_moved(0.10, 140, 1_000)
    assert not drift.level_moved(0.10, 0, 0)


def test_a_snapshot_is_the_same_whatever_order_the_rows_came_in() -> None:
    luck = np.random.default_rng(9)
    people = np.arange(1, 61)
    frame = pa.table({
        "person_id": people, "spent": luck.normal(1e6, 1e5, 60), "phone": 13_900_000_000 + people,
        "word": [f"only {n}" if n < 4 else "shared" for n in people],
    })  # fmt: skip
    left = pa.array(luck.random(60) < 0.3)
    turned = pa.array(luck.permutation(60))

    one = Training.of({DAY: frame, DAY + timedelta(days=30): frame}, {DAY: left, DAY + timedelta(days=30): left})
    other = Training.of(
        {DAY: frame.take(turned), DAY + timedelta(days=30): frame},
        {DAY: left.take(turned), DAY + timedelta(days=30): left},
    )

    back = Training.read(one.parquet(), one.cuts)
    assert one.rows.select(["block", "group", "left", "x_spent"]) == other.rows.select(
        ["block", "group", "left", "x_spent"]
    )
    assert back.rows == one.rows
    assert set(one.rows["x_phone"].to_pylist()) == {13_900_000_000.0}
    assert set(one.rows["x_word"].to_pylist()) == {"few 0", "few 1", "shared"}
    assert one.frame(0)["person_id"] == one.frame(1)["person_id"], "one number for all rows of one customer"
    with pytest.raises(TenureError, match="no snapshot of training rows"):
        Training.read(b"PAR1", one.cuts)


def test_when_a_model_is_due_and_which_versions_stay() -> None:
    standing = Standing(
        versions=[{"version": n} for n in range(1, 10)], champion=3, previous=1, challenger=9,
        learned={"as_of": DAY.isoformat()},
    )  # fmt: skip

    standing.let_go(2)
    standing.enthrone(9, "schedule", DAY)
    standing.enthrone(9, "schedule", DAY)

    assert [one["version"] for one in standing.versions] == [1, 3, 8, 9]
    assert (standing.champion, standing.previous, standing.challenger) == (9, 3, None)
    assert standing.reigns == [{"version": 9, "before": 3, "why": "schedule", "at": DAY.isoformat()}]
    assert not registry.due(standing, Policy(), DAY + timedelta(days=27))
    assert registry.due(standing, Policy(), DAY + timedelta(days=28))
    assert registry.grown(100, 201)
    assert not registry.grown(100, 200)


def test_only_columns_that_move_scores_are_a_reason() -> None:
    weight = {"silent": 0.8, "gender": 0.01}

    assert registry.drifted(Policy(), {"gender": 2.0, "silent": 0.2}, 0.1, weight) is None
    assert registry.drifted(Policy(), {"silent": 0.25}, 0.1, weight) == "drift_inputs"
    assert registry.drifted(Policy(), {}, 0.26, weight) == "drift_scores"
