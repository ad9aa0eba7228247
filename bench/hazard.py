"""Survival, remaining life and previews of definitions at a million customers: seconds by the clock and of the processors.

    python -m bench.hazard [customers]

A million lives with their cards and contracts, and ten order lines each, lie in a lake. Asked is what the pages ask: the
figures of the page Survival over everybody, the days each customer is expected to stay (a step of the refresh), and
each definition of churn previewed over the last year.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CUSTOMERS, LINES_EACH = 1_000_000, 10
UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
DEFINITIONS = ("contract_end", "silence", "own_rhythm", "downgrade", "leaking")


def filled(folder: Path, customers: int) -> None:
    """A lake with the tables that are asked, in the shapes the refresh writes them."""
    from tenure.lake import Lake
    from tenure.lake.tables import COMPUTED

    lake, draw = Lake(folder), np.random.default_rng(7)
    people = np.arange(1, customers + 1)
    days = draw.integers(1, 1500, customers)
    ended = draw.random(customers) < 0.35

    def picked(*names: str) -> pa.Array:
        return pa.array(names).take(pa.array(draw.integers(0, len(names), customers)))

    def publish(name: str, schema: pa.Schema, given: dict[str, Any]) -> None:
        rows = len(next(iter(given.values())))
        columns = [
            pa.array(given[field.name]).cast(field.type) if field.name in given else pa.nulls(rows, field.type)
            for field in schema
        ]
        lake.publish(name, pa.Table.from_arrays(columns, schema=schema))

    publish("scores/lives", COMPUTED["scores/lives"], {
        "person_id": people, "days": days, "ended": ended, "kind": picked("contract", "buyer"),
        "plan": picked("gold", "silver", "basic", "family"),
    })  # fmt: skip
    publish("scores/customers", COMPUTED["scores/customers"], {
        "person_id": people, "stage": picked("grow", "mature", "decline", "left"), "region": picked("浙江", "广东", "四川", "北京", "上海"),
        "kind": picked("individual", "enterprise"), "tier": picked("core", "growth", "potential"), "persona": picked("1", "2", "3", "4"),
    })  # fmt: skip
    publish("records/customers", lake.schema("records/customers"), {
        "person_id": people, "acquisition_channel": picked("shop", "web", "friend", "call"),
    })  # fmt: skip
    began = np.datetime64(UNTIL.replace(tzinfo=None), "us") - (days * 86_400_000_000).astype("timedelta64[us]")
    last = began + (days * draw.random(customers) * 86_400_000_000).astype("timedelta64[us]")
    instants = pa.array(began).cast(pa.timestamp("us", "UTC"))
    fee = draw.integers(1_000, 20_000, customers)
    publish("records/subscriptions", lake.schema("records/subscriptions"), {
        "person_id": people, "subscription_id": pc.cast(pa.array(people), pa.string()), "started_at": instants, "valid_at": instants,
        "ended_at": pc.if_else(pa.array(ended), pa.array(last).cast(pa.timestamp("us", "UTC")), None), "fee_minor": fee,
        "fee_base_minor": fee, "period_months": np.ones(customers, np.int64),
    })  # fmt: skip
    who = np.repeat(people, LINES_EACH)
    at = np.datetime64(UNTIL.replace(tzinfo=None), "us") - (draw.random(len(who)) ** 1.5 * 800 * 86_400e6).astype(
        "timedelta64[us]"
    )
    moments = pa.array(at).cast(pa.timestamp("us", "UTC"))
    amount = draw.integers(500, 50_000, len(who))
    one = pa.array(np.zeros(len(who), np.int64))
    publish("records/orders", lake.schema("records/orders"), {
        "person_id": who, "order_id": pc.cast(pa.array(np.arange(len(who))), pa.string()), "ordered_at": moments, "valid_at": moments,
        "ordered_on": moments.cast(pa.date32()), "status": pa.array(["completed"]).take(one), "kind": pa.array(["sale"]).take(one),
        "amount_minor": amount, "amount_base_minor": amount,
    })  # fmt: skip


def main(customers: int = CUSTOMERS) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        os.environ["TENURE_HOME"] = folder
        from tenure.cli import opened

        opened.desk()
        from tenure.desk.lake import lake
        from tenure.insight.churn import preview
        from tenure.insight.hazard import days_ahead
        from tenure.lake import SYSTEM
        from tenure.web.churn.survival import survival

        shown("fill the lake", lambda: filled(lake().folder, customers))
        shown("survival: all its figures", lambda: survival(SYSTEM, None, {}))
        shown("survival: asked again, by plan", lambda: survival(SYSTEM, None, {"by": "plan"}))
        lives = lake().to_arrow(lake().read("scores/lives", actor=SYSTEM))
        shown("days each is expected to stay", lambda: days_ahead(lives, 365.0))
        records = {name: lake().read(f"records/{name}", actor=SYSTEM) for name in preview.READ}
        for name in DEFINITIONS:
            shown(
                f"preview: {name}",
                lambda name=name: preview.last_year(records, {"definition": name}, [], UNTIL, lake(), listed=20),
            )  # type: ignore[misc]


def shown(what: str, work: Callable[[], Any]) -> None:
    began, worked = time.perf_counter(), time.process_time()
    work()
    clock, processors = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:<36}{clock:>8.2f} s by the clock{processors:>8.2f} s of the processors{peak:>8.0f} MB peak", flush=True
    )


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
