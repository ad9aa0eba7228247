"""A company at several sizes: how long import and refresh take and how that grows, and how quick the pages then are.

    python -m bench.scale                          a million order lines of 200,000 customers, with the pages
    python -m bench.scale refresh [customers …]    thirty lines a customer at each size, 10,000, 100,000 and a million
                                                   unless said, then twice again after 1 % new records: seconds by
                                                   the clock and of the processors and memory, by step, and how they grow

Import stands beside DuckDB's own CSV to sorted Parquet on the same file; each page beside the bare queries it asks.
Whole processes are measured: seconds by the clock, memory as the process's peak. Pages are answered in process, after
one warm-up each, for an administrator who sees every row.
"""

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.csv

T = TypeVar("T")
LINES, CUSTOMERS = 1_000_000, 200_000
ASKED = 40


def main(lines: int = LINES, customers: int = CUSTOMERS) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        home = Path(folder) / "home"
        files = _apart(written, Path(folder), lines, customers)
        os.environ["TENURE_HOME"] = str(home)
        print(f"{lines:,} order lines, {customers:,} customers\n")
        print(f"{'step':<44}{'seconds':>9}{'peak MB':>9}")
        tenure("init")
        shown("import customers", *tenure("import", files["customers"], "--as", "customers"))
        ours = shown("import orders", *tenure("import", files["orders"], "--as", "orders"))
        peer = shown(
            "DuckDB: orders CSV to sorted Parquet", *measured([sys.executable, "-c", DUCKDB, files["orders"], folder])
        )
        shown("refresh", *tenure("refresh"))
        for name, step in json.loads((home / "lake/documents/refresh.json").read_text())["steps"].items():
            if step["seconds"] >= 0.1:
                print(f"  {name:<42}{step['seconds']:>9.1f}{'':>9}")
        shown("refresh again, nothing new", *tenure("refresh"))
        print(f"\nimport / DuckDB: {ours / peer:.2f} times its seconds\n")
        pages()


SIZES, LINES_EACH, NEW_SHARE, LATER = (10_000, 100_000, 1_000_000), 30, 0.01, ("10:00", "15:00")


def growth(sizes: Sequence[int] = SIZES) -> None:
    """The refresh at each size, whole and after new records, step by step; and how its seconds grow with the size."""
    found = {}
    for customers in sizes:
        with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
            found[customers] = refreshed(Path(folder), customers)
    runs = [run for some in found.values() for run in some]
    names = {name: None for run in runs for name in run.steps}
    head = "".join(f"{f'{customers:,}':>12}{'+ 1 %':>10}{'+ 1 %':>10}" for customers in sizes)
    for what, part in (("seconds", "seconds"), ("processor seconds", "cpu")):
        print(f"{f'{what} of a refresh, by customers':<46}{head}")
        for name in names:
            told = [getattr(run.steps.get(name, NOT_DONE), part) for run in runs]
            if max(told) >= 0.1:
                print(f"  {name:<44}" + _row(told))
        print(f"  {'all':<44}" + _row([getattr(run, part) for run in runs]))
        shares = [getattr(run, part) / getattr(some[0], part) for some in found.values() for run in some]
        print(f"  {'share of the first':<44}" + _row(shares, 2))
        for one, other in pairwise(sizes):
            power = math.log(getattr(found[other][0], part) / getattr(found[one][0], part)) / math.log(other / one)
            print(f"  {one:,} to {other:,} customers: {what} grow as n^{power:.2f}")
    print(f"{'peak megabytes by the end of a step':<46}{head}")
    for name in names:
        print(f"  {name:<44}" + _row([run.steps.get(name, NOT_DONE).megabytes for run in runs], 0))
    print(f"  {'all':<44}" + _row([run.megabytes for run in runs], 0))


def _row(values: Sequence[float], digits: int = 1) -> str:
    each = 1 + len(LATER)
    return "".join(f"{value:>{10 if place % each else 12}.{digits}f}" for place, value in enumerate(values))


@dataclass
class Took:
    """Seconds by the clock and of the processors, and memory at its peak so far."""

    seconds: float
    cpu: float
    megabytes: float


NOT_DONE = Took(0.0, 0.0, 0.0)


@dataclass
class Run(Took):
    """One refresh as a whole process, and its steps."""

    steps: dict[str, Took]


def refreshed(folder: Path, customers: int) -> list[Run]:
    """The first refresh of a company, and two more, each after 1 % new order lines of its last day."""
    home = folder / "home"
    os.environ["TENURE_HOME"] = str(home)
    files = _apart(written, folder, customers * LINES_EACH, customers)
    tenure("init")
    for name in ("customers", "orders"):
        tenure("import", files[name], "--as", name)
    runs = [_run(home)]
    for time_of in LATER:
        tenure("import", _apart(_later, folder, files["orders"], time_of), "--as", "orders")
        runs.append(_run(home))
    return runs


def _run(home: Path) -> Run:
    document = home / "lake/documents/refresh.json"
    before = json.loads(document.read_text())["steps"] if document.exists() else {}
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, megabytes = tenure("refresh")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    steps = json.loads(document.read_text())["steps"]
    done = {
        name: Took(step["seconds"], step["cpu_seconds"], step["peak_mb"])
        for name, step in steps.items()
        if step != before.get(name)
    }
    cpu = now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime
    return Run(seconds, cpu, megabytes, done)


def _apart(work: Callable[..., T], *arguments: Any) -> T:
    """Do this in a process of its own: what a command is said to have held begins with what the one that starts it had."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        return apart.submit(work, *arguments).result()


def _later(folder: Path, orders: str, time_of: str) -> str:
    """New order lines, 1 % of those there are, on the last day of the records: orders like those there, by who buys most."""
    lines = pyarrow.csv.read_csv(
        orders, convert_options=pyarrow.csv.ConvertOptions(column_types={"ordered_at": "string"})
    )
    rng = np.random.default_rng(int(time_of[:2]))
    # Whole orders, each as likely as any other: so those who buy most often do so again, and baskets are as large.
    number = lines["order_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    drawn = rng.random(number.max() + 1) < NEW_SHARE
    again = lines.filter(pa.array(drawn[number]))
    again = again.set_column(
        again.column_names.index("order_id"), "order_id",
        pa.compute.binary_join_element_wise("N", time_of[:2], again["order_id"], "-"),
    )  # fmt: skip
    at = pa.array([f"2026-06-30 {time_of}:00"] * again.num_rows)
    path = str(folder / "later.csv")
    pyarrow.csv.write_csv(again.set_column(again.column_names.index("ordered_at"), "ordered_at", at), path)
    return path


DUCKDB = (
    "import duckdb, sys; duckdb.sql(f\"COPY (SELECT * FROM read_csv('{sys.argv[1]}') ORDER BY customer_id, ordered_at) "
    "TO '{sys.argv[2]}/sorted.parquet'\")"
)


def written(folder: Path, lines: int, customers: int) -> dict[str, str]:
    """The simulated tables as the CSV files a company would have."""
    from tenure.demo import scale

    paths = {}
    for name, table in scale(lines=lines, customers=customers).items():
        if name not in ("customers", "orders"):
            continue
        # A company's file says 19.90, not 1990.
        columns = {
            column.removesuffix("_minor"): pa.compute.divide(table[column].cast(pa.float64()), 100.0)
            if column.endswith("_minor")
            else table[column]
            for column in table.column_names
        }
        paths[name] = str(folder / f"{name}.csv")
        pyarrow.csv.write_csv(pa.table(columns), paths[name])
    return paths


def tenure(*arguments: str) -> tuple[float, float]:
    return measured([sys.executable, "-m", "tenure.cli", *arguments])


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a command as a whole process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed: {complaint.decode()[-2000:]}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def shown(what: str, seconds: float, megabytes: float) -> float:
    print(f"{what:<44}{seconds:>9.1f}{megabytes:>9.0f}", flush=True)
    return seconds


def pages() -> None:
    """Milliseconds of each page and of the bare queries it asks, each over different rows and filters."""
    from tenure.cli import opened

    opened.desk()
    from django.conf import settings
    from django.test import Client

    from tenure.desk.customers.models import Customer
    from tenure.desk.governance import services

    settings.ALLOWED_HOSTS = ["testserver"]
    user = services.create_user("bench", password="a-long-bench-password", role="admin", actor=None, now=opened.now())
    client = Client()
    client.force_login(user)
    people = list(Customer.objects.order_by("person_id").values_list("person_id", flat=True)[:: CUSTOMERS // ASKED])[
        :ASKED
    ]
    names = [f"客户{number:08}"[-4:] for number in range(100, 100 + ASKED)]
    asked: dict[str, list[str]] = {
        "Today": ["/"] * ASKED,
        "Customers": [f"/customers/?page={page + 1}" for page in range(ASKED)],
        "Customers, filtered and sorted": [
            f"/customers/?stage={('grow', 'mature', 'decline', 'left')[n % 4]}&sort=-value" for n in range(ASKED)
        ],
        "Customers, searched": [f"/customers/?q={name}" for name in names],
        "360 view": [f"/customers/{person}/" for person in people],
    }
    print(f"{'page':<34}{'p50 ms':>8}{'p95 ms':>8}{'bare p50':>10}{'bare p95':>10}")
    for page, paths in asked.items():
        whole, bare = [], []
        answer(client, paths[0])
        for path in paths:
            whole.append(timed(lambda path=path: answer(client, path)))
            bare.append(bare_queries(client, path))
        print(
            f"{page:<34}"
            + "".join(
                f"{value:>{width}.1f}"
                for value, width in zip((*spread(whole), *spread(bare)), (8, 8, 10, 10), strict=True)
            )
        )


def answer(client: Any, path: str) -> None:
    response = client.get(path)
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if response.status_code != 200:
        raise SystemExit(f"{path} answered {response.status_code}: {content[:300]!r}")


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def bare_queries(client: Any, path: str) -> float:
    """Milliseconds of the page's own queries, asked again without the page: of the desk's database, and of the lake."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tenure.lake import Lake

    exprs: list[tuple[Lake, Any]] = []
    original = Lake.to_arrow

    def noted(self: Lake, expr: Any) -> pa.Table:
        exprs.append((self, expr))
        return original(self, expr)

    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    Lake.to_arrow = noted  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(note), CaptureQueriesContext(connection):
            answer(client, path)
    finally:
        Lake.to_arrow = original  # type: ignore[method-assign]

    def again() -> None:
        with connection.cursor() as cursor:
            for sql, params in statements:
                if sql.lstrip().upper().startswith("SELECT"):
                    cursor.execute(sql, params)
                    cursor.fetchall()
        for lake, expr in exprs:
            lake.to_arrow(expr)

    return timed(again)


def spread(milliseconds: list[float]) -> tuple[float, float]:
    ordered = sorted(milliseconds)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["refresh"]:
        growth([int(argument) for argument in sys.argv[2:]] or SIZES)
    else:
        main(*(int(argument) for argument in sys.argv[1:]))
