"""Every figure people are told is the same on Spark and on DuckDB: money and counts exactly, floats to 1e-9."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import ibis
import pyarrow as pa
import pytest

from tenure.decision.experiments import campaign_outcomes
from tenure.insight import bridge, cohorts, features, funnel, lifecycle
from tenure.insight.churn.definitions import (
    ContractEnd,
    Downgrade,
    Leaking,
    OwnRhythm,
    Silence,
    UsageDecline,
    rhythm_days,
)
from tenure.insight.metrics import METRICS, Metric, Period, measure
from tenure.insight.segments import rfm
from tenure.insight.survival import lives_between
from tenure.insight.value import summary
from tests.conformance.both import AS_OF, Both, same
from tests.tables import company

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_comes_to_its_worked_example(both: Both, metric: Metric):
    example = metric.example
    here = company(**example.rows)
    there = {name: both.lay(name, table.op().data.to_pyarrow(table.schema())) for name, table in here.items()}

    found = measure(metric, there, example.period)

    same(found, measure(metric, here, example.period))
    assert found["value"][0].as_py() == pytest.approx(example.value, rel=1e-9)


MONTHS = Period.months(date(2026, 3, 1), 2, "Asia/Shanghai")
QUESTIONS: dict[str, Callable[[Mapping[str, ibis.Table]], ibis.Table]] = {
    "rfm": lambda t: rfm(t["orders"], AS_OF),
    "stages": lambda t: lifecycle.stages(t, AS_OF),
    "transitions": lambda t: lifecycle.transitions(
        lifecycle.stages(t, AS_OF - timedelta(days=31)), lifecycle.stages(t, AS_OF)
    ),
    "cohorts": lambda t: cohorts.retention(t["orders"], AS_OF.date()),
    "contract_cohorts": lambda t: cohorts.contract_retention(t["subscriptions"], MONTHS),
    "bridge": lambda t: bridge.moves(t["subscriptions"], MONTHS[0]),
    "funnel": lambda t: funnel.progress(
        [
            funnel.occurrences(t["events"], "occurred_at", {"name": (name,)})
            for name in ("view", "add_to_basket", "order")
        ],
        MONTHS[-1],
        within_days=7,
        as_of=AS_OF,
    ),
    "purchases": lambda t: summary(t["orders"], AS_OF),
    "contract_end": lambda t: ContractEnd().label(t, AS_OF - timedelta(days=60)),
    "silence": lambda t: Silence(horizon_days=30, active_days=60).label(t, AS_OF - timedelta(days=60)),
    "own_rhythm": lambda t: OwnRhythm(horizon_days=60).label(t, AS_OF - timedelta(days=60)),
    "usage_decline": lambda t: UsageDecline(least=2, counted="events").label(t, AS_OF - timedelta(days=60)),
    "leaking": lambda t: Leaking(60, 90, least=1).label(t, AS_OF - timedelta(days=60)),
    "downgrade": lambda t: Downgrade().label(t, AS_OF - timedelta(days=60)),
    "campaign": lambda t: campaign_outcomes(t, 90, AS_OF),
}


LONG = {"transitions"}  # twice the stages


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.soak] if n in LONG else []) for n in QUESTIONS])
def test_what_is_worked_out_of_records_is_the_same(records, name: str):
    here, there = records

    expected, found = (QUESTIONS[name](tables).to_pyarrow() for tables in (here, there))

    assert expected.num_rows
    same(found, expected)


def test_features_are_the_same_by_each_engines_own_way_with_whole_persons(records, telecoms):
    expected, found = (
        features.as_of(tables, [AS_OF - timedelta(days=90), AS_OF], by_person=lake.map_by_person).to_pyarrow()
        for tables, lake in zip(records, telecoms, strict=True)
    )

    assert expected.num_rows
    same(found, expected)


def test_a_rhythm_is_the_same_number_of_days(records):
    here, there = records

    assert rhythm_days(there["orders"]) == rhythm_days(here["orders"])


def test_a_life_that_began_past_half_a_second_is_as_many_days_on_both(both: Both):
    """Asked for seconds of a moment, DuckDB rounds and Spark cuts."""
    began = AS_OF - timedelta(days=10)
    held = pa.table(
        {
            "person_id": pa.array([1, 2], pa.int64()),
            "started_at": pa.array([began + timedelta(milliseconds=600), began + timedelta(milliseconds=400)], pa.timestamp("us", "UTC")),
            "ended_at": pa.array([None, None], pa.timestamp("us", "UTC")),
            "plan": pa.array(["basic", "basic"]),
        }
    )  # fmt: skip
    bought = pa.table(
        {"person_id": pa.array([], pa.int64()), "first": pa.array([], pa.date32()), "last": pa.array([], pa.date32())}
    )

    found = lives_between(both.lay("bought", bought), both.lay("held", held), AS_OF, 90)

    same(found.to_pyarrow(), lives_between(ibis.memtable(bought), ibis.memtable(held), AS_OF, 90).to_pyarrow())
    assert found.to_pyarrow()["days"].to_pylist() == [10, 10]
