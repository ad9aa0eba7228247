"""A million customers and ten million order lines: how long the live count of a segment takes, ten definitions of one.

Each is asked as the page asks it, one after another, by somebody who sees every row and then by the manager of a tenth; a
definition is never asked twice in a row, as nobody who is editing one does.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

CUSTOMERS, LINES, ROUNDS = 1_000_000, 10_000_000, 5
DAY = date(2026, 3, 1)
REGIONS = ("浙江", "广东", "江苏", "北京", "上海", "四川", "湖北", "山东", "福建", "河南")

DEFINITIONS: dict[str, Any] = {
    "region and stage": {"all": [{"field": "region", "is": "in", "value": ["浙江"]},
                                 {"field": "stage", "is": "in", "value": ["mature", "grow"]}]},
    "risk or value": {"any": [{"field": "churn_probability", "is": "ge", "value": 60},
                              {"field": "value_decile", "is": "ge", "value": 9}]},
    "bought in 30 days": {"all": [{"did": "bought", "days": 30, "is": "ge", "value": 1}]},
    "bought 3 times in 90 days": {"all": [{"did": "bought", "days": 90, "is": "ge", "value": 3}]},
    "bought 5 times ever": {"all": [{"did": "bought", "is": "ge", "value": 5}]},
    "spent 1,000 in a category": {"all": [
        {"did": "bought", "what": "sum", "of": "amount_base_minor", "where": [{"column": "category", "is": "in", "value": ["K-3"]}],
         "from": "2025-01-01", "to": "2025-12-31", "is": "ge", "value": 1000}]},
    "silent for 60 days": {"all": [{"did": "bought", "what": "since", "is": "ge", "value": 60}]},
    "no order in 180 days": {"all": [{"did": "bought", "days": 180, "is": "eq", "value": 0}]},
    "by channel, on 4 days": {"all": [
        {"did": "bought", "what": "days", "where": [{"column": "channel", "is": "in", "value": ["app"]}], "days": 365,
         "is": "ge", "value": 4}]},
    "nested, three deeds": {"all": [
        {"any": [{"did": "bought", "days": 90, "is": "ge", "value": 2}, {"field": "value_decile", "is": "ge", "value": 8}]},
        {"none": [{"did": "bought", "what": "max", "of": "amount_base_minor", "is": "ge", "value": 900}]},
        {"did": "gave_back", "days": 365, "is": "le", "value": 1},
        {"field": "region", "is": "not_in", "value": ["广东", "江苏"]}]},
}  # fmt: skip


def main(customers: int = CUSTOMERS, lines: int = LINES, folder: str = "") -> None:
    """Print the table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure.settings")
    os.environ.setdefault("TENURE_HOME", tempfile.mkdtemp(prefix="tenure-bench-"))
    import django

    django.setup()
    from tenure.desk.customers.segments.compiled import Remembered
    from tenure.lake import SYSTEM, Lake, Scope

    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as passing:
        home = Path(folder or passing)
        if not (home / "lake").exists():
            fill(Lake(home / "lake"), customers, lines)
        tenth = pa.array(range(1, customers + 1, 10), pa.int64())
        lake = Lake(home / "lake", assigned=lambda scope: tenth)
        print(f"{customers:,} customers, {lines:,} order lines, {ROUNDS} rounds of {len(DEFINITIONS)} definitions\n")
        for who, scope in (("sees all", SYSTEM), ("sees a tenth", Scope(reach="team", team_ids=frozenset({1})))):
            remember = Remembered()
            took: dict[str, list[float]] = {name: [] for name in DEFINITIONS}
            found = {}
            for _round in range(ROUNDS):
                for name, told in DEFINITIONS.items():
                    began = time.perf_counter()
                    found[name] = count(lake, scope, told, remember)
                    took[name].append(time.perf_counter() - began)
            print(f"{who:<32}{'customers':>12}{'first ms':>10}{'median ms':>11}{'worst ms':>10}")
            for name, seconds in took.items():
                ms = [1000 * one for one in seconds]
                print(f"  {name:<30}{found[name]:>12,}{ms[0]:>10.0f}{statistics.median(ms):>11.0f}{max(ms):>10.0f}")
            every = sorted(1000 * one for seconds in took.values() for one in seconds)
            print(f"  p50 {every[len(every) // 2]:.0f} ms, p95 {every[int(len(every) * 0.95)]:.0f} ms\n")


def count(lake: Any, scope: Any, told: Any, remember: Any) -> int:
    from tenure.desk.customers.segments.compiled import Ground, count_of
    from tenure.desk.customers.segments.definition import Known, read

    nobody = pa.array([], pa.int64())
    ground = Ground(lake, scope, DAY, lambda test: nobody, lambda said: nobody, lambda segment: nobody, remember)
    return count_of(read(told, Known.plain()), ground)


def fill(lake: Any, customers: int, lines: int) -> None:
    """Cards, products and order lines, the lines clustered by person as a refresh leaves them."""
    from tenure.contracts import CONTRACTS
    from tenure.lake.tables import COMPUTED

    rng = np.random.default_rng(7)
    schema = COMPUTED["scores/customers"]
    people = {
        "person_id": np.arange(1, customers + 1),
        "customer_id": [f"C-{n}" for n in range(1, customers + 1)],
        "region": np.array(REGIONS)[rng.integers(0, len(REGIONS), customers)],
        "stage": np.array(["acquire", "grow", "mature", "decline", "left"])[rng.integers(0, 5, customers)],
        "churn_probability": rng.random(customers),
        "value_decile": rng.integers(1, 11, customers),
    }
    lake.publish("scores/customers", _filled(people, customers, schema))
    products = {"product_id": [f"P-{n}" for n in range(500)], "category": [f"K-{n % 20}" for n in range(500)]}
    lake.publish("records/products", _filled(products, 500, CONTRACTS["products"].records_schema))
    lake.publish("records/orders", pa.RecordBatchReader.from_batches(
        CONTRACTS["orders"].records_schema, _lines(rng, customers, lines)))  # fmt: skip


def _lines(rng: np.random.Generator, customers: int, lines: int) -> Iterator[pa.RecordBatch]:
    from tenure.contracts import CONTRACTS

    schema = CONTRACTS["orders"].records_schema
    weights = rng.gamma(0.8, 1.0, customers)
    each = rng.poisson(weights / weights.sum() * lines / 2.2)
    person = np.repeat(np.arange(1, customers + 1), each)
    day = rng.integers(0, 1095, len(person))
    order = np.lexsort((day, person))
    person, day = person[order], day[order]
    per_order = 1 + rng.poisson(1.2, len(person))
    number = np.repeat(np.arange(len(person)), per_order)[:lines]
    begin = np.datetime64("2023-03-02")
    products = np.array([f"P-{n}" for n in range(500)])
    for start in range(0, len(number), 500_000):
        these = number[start : start + 500_000]
        n = len(these)
        on = begin + day[these].astype("timedelta64[D]")
        amount = (rng.gamma(2.0, 6000, n)).astype("int64")
        columns = {
            "person_id": person[these], "order_id": [f"A-{one}" for one in these.tolist()], "line_no": np.ones(n, "int64"),
            "customer_id": [f"C-{one}" for one in person[these].tolist()], "ordered_on": on,
            "ordered_at": on.astype("datetime64[us]"), "product_id": products[rng.integers(0, 500, n)],
            "amount_minor": amount, "amount_base_minor": amount,
            "kind": np.where(rng.random(n) < 0.03, "refund", "sale"), "status": np.full(n, "completed"),
            "channel": np.array(["app", "web", "store"])[rng.integers(0, 3, n)],
            "valid_at": on.astype("datetime64[us]"),
        }  # fmt: skip
        yield from _filled(columns, n, schema).to_batches()


def _filled(columns: dict[str, Any], rows: int, schema: pa.Schema) -> pa.Table:
    return pa.table(
        [pa.array(columns[f.name]).cast(f.type) if f.name in columns else pa.nulls(rows, f.type) for f in schema],
        schema=schema,
    )


if __name__ == "__main__":
    main(folder=sys.argv[1] if len(sys.argv) > 1 else "")
