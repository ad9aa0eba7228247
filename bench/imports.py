"""Ten million order lines into the lake beside DuckDB's own CSV to sorted Parquet; a million customers with a duplicate check.

Each step is a process of its own: seconds by the clock, how many of them went by once the program was loaded (what a worker
that runs already takes), seconds of processor time of all its threads, and the process's peak memory. The share is DuckDB's
seconds over ours: 1 is as quick as DuckDB, .40 takes two and a half times as long.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from bench.scale import DUCKDB

LINES, CUSTOMERS = 10_000_000, 1_000_000


class Cost(NamedTuple):
    seconds: float
    loaded: float
    processor: float
    megabytes: float


def main(lines: int = LINES, customers: int = CUSTOMERS) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        # By a process of its own: a child's peak can't be told below what its parent held.
        made = "import sys; from pathlib import Path; from bench import imports; imports.make(Path(sys.argv[1]), *map(int, sys.argv[2:]))"
        subprocess.run([sys.executable, "-c", made, folder, str(lines), str(customers)], check=True)
        orders, known, sent = (f"{folder}/{name}.csv" for name in ("orders", "known", "sent"))
        size = Path(orders).stat().st_size
        print(f"{lines:,} order lines, {size / 1e6:,.0f} MB of CSV, {os.cpu_count()} processors\n")
        print(HEAD)
        peer = shown("DuckDB: CSV to sorted Parquet", [sys.executable, "-c", PEER, orders, folder])
        home = Path(folder) / "home"
        ours = shown("import: CSV to received", ourselves(home, orders, "orders"))
        clustered = shown("records: received to clustered records", [sys.executable, "-c", RECORDS, str(home)])
        whole = Cost(
            ours.seconds + clustered.seconds,
            ours.loaded + clustered.loaded,
            ours.processor + clustered.processor,
            max(ours.megabytes, clustered.megabytes),
        )
        for what, cost in (("import alone", ours), ("import and clustered records", whole)):
            print(
                f"{what}: {peer.seconds / cost.seconds:.2f} of DuckDB's speed by the clock, "
                f"{peer.loaded / cost.loaded:.2f} once both are loaded, "
                f"{peer.processor / cost.processor:.2f} by processor time, peak {cost.megabytes:,.0f} MB"
            )
        Path(orders).unlink()

        home = Path(folder) / "crm"
        print(f"\n{customers:,} customers sent, {customers // 2:,} of them known\n")
        print(HEAD)
        shown("import of those known", ourselves(home, known, "customers"))
        other = Path(folder) / "crm-again"
        shutil.copytree(home, other)
        by_key = shown("upsert by number", ourselves(home, sent, "customers"))
        checked = shown("upsert by phone and e-mail", ourselves(other, sent, "customers", "phone,email"))
        for what, cost in (("by number", by_key), ("by phone and e-mail", checked)):
            print(f"{what}: {customers / cost.seconds:,.0f} rows a second by the clock, "
                  f"{customers / cost.processor:,.0f} by processor time")  # fmt: skip


HEAD = f"{'step':<52}{'seconds':>9}{'loaded':>9}{'cpu s':>9}{'peak MB':>9}"
PEER = "import duckdb, sys, time; began = time.perf_counter(); " + DUCKDB + "; print(time.perf_counter() - began)"
OURS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from tenure.lake import Lake
from tenure.sources.importing import import_file
home, path, contract, match = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
began = time.perf_counter()
report = import_file(
    Lake(home / "lake"), path, contract, zone="Asia/Shanghai", currency="CNY", rejects_folder=home / "rejects",
    now=datetime.now(UTC), match_on=match.split(",") if match else None,
)
assert report.accepted + report.rejected == report.read
print(f"{report.created:,} new, {report.updated:,} changed, {report.unchanged:,} as they were, {report.rejected:,} rejected")
print(time.perf_counter() - began)
"""
RECORDS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from tenure.lake import Lake
began = time.perf_counter()
lake = Lake(Path(sys.argv[1]) / "lake")
print(f"{lake.settle('orders', 'customer_id', 'ordered_at'):,} records")
print(time.perf_counter() - began)
"""


def ourselves(home: Path, path: str, contract: str, match: str = "") -> list[str]:
    return [sys.executable, "-c", OURS, str(home), path, contract, match]


def make(folder: Path, lines: int, customers: int) -> None:
    """The files of both halves."""
    from bench.scale import written

    written(folder, lines, max(lines // 10, 1))
    people(folder, customers)


def people(folder: Path, count: int) -> None:
    """Two files: half of the customers as they are known, and all of them as they are sent, every fourth one changed."""
    number = np.arange(count)
    text = pc.cast(pa.array(number + 10_000_000), pa.string())
    digits = pc.cast(pa.array(13_000_000_000 + number * 7), pa.string())
    city = pa.array(["杭州", "上海", "深圳", "成都"]).take(pa.array(number % 4))
    table = pa.table(
        {
            "customer_id": pc.binary_join_element_wise("C-", text, ""),
            "name": pc.binary_join_element_wise("客户", text, ""),
            "phone": digits,
            "email": pc.binary_join_element_wise("u", text, "@example.com", ""),
            "city": city,
        }
    )
    known, sent = folder / "known.csv", folder / "sent.csv"
    pyarrow.csv.write_csv(table.slice(0, count // 2), known)
    moved = pc.if_else(pa.array(number % 4 == 1), "北京", city)
    # Phones as another system writes them.
    spaced = pc.binary_join_element_wise("+86 ", pc.utf8_slice_codeunits(digits, 0, 3), "-", pc.utf8_slice_codeunits(digits, 3), "")  # fmt: skip
    table = table.set_column(2, "phone", spaced).set_column(4, "city", moved)
    pyarrow.csv.write_csv(table, sent)


def shown(what: str, command: list[str]) -> Cost:
    """Run a command as a process of its own, which says at last how long it took once loaded; print what it cost."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as complaint:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaint)
        assert process.stdout is not None
        said = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            complaint.seek(0)
            raise SystemExit(f"{what} failed: {complaint.read().decode()[-2000:]}")
    *told, loaded = said.strip().splitlines()
    cost = Cost(time.perf_counter() - began, float(loaded), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    print(f"{what:<52}{cost.seconds:>9.1f}{cost.loaded:>9.1f}{cost.processor:>9.1f}{cost.megabytes:>9.0f}", flush=True)
    for line in told:
        if "%" not in line:  # DuckDB draws a bar
            print(f"    {line.strip()}")
    return cost


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
