"""Customer lifetime value: how fast models are fitted and how well they foretell, beside their peers.

Peers have old pins, so they live under a Python of their own, named by TENURE_BENCH_PYTHON
(see requirements-peers.txt); without it their rows are skipped. Every row is measured in a fresh process, with one
thread, but that ours takes two of its own for Pareto/NBD of 100,000 histories and more: cpu tells. Cold is the first
fit with its imports, warm the median of the later ones; memory is the process's peak.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench import clv_errors
from tenure.contracts import CONTRACTS
from tenure.insight.value import summary

ROOT = Path(__file__).resolve().parents[1]
CDNOW = ROOT.parent / "shared" / "data" / "cdnow"
PEERS = "TENURE_BENCH_PYTHON"
SIMULATED = 1_000_000

MODELS = ("bg", "mbg", "pareto")

Histories = dict[str, NDArray[np.float64]]


def main() -> None:
    """Print the tables."""
    sets = {**cdnow(), **simulated()}
    peers = os.environ.get(PEERS)
    if not peers:
        print(f"peers: skipped, because {PEERS} does not name a Python that has them (requirements-peers.txt)")
    rows: list[tuple[str, str, str, dict[str, Any]]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, data) in enumerate(sets.items()):
            path = Path(folder) / f"{number}.npz"
            np.savez(path, **data)  # type: ignore[arg-type]
            large = len(data["x"]) > 100_000
            for model in MODELS:
                rows.append(
                    (name, model, "tenure", measured(sys.executable, "tenure", model, path, 3 if large else 21))
                )
                # A million customers take the peers minutes; their published model alone is run on them.
                for peer in ("lifetimes", "pymc") if peers and not (large and model != "bg") else ():
                    runs = 1 if large or model == "pareto" or peer == "pymc" else 5
                    if not (large and peer == "pymc"):
                        rows.append((name, model, peer, measured(str(peers), peer, model, path, runs)))

    print("\nFit: cold with imports, warm the median of the later ones, cpu the processor's time of it")
    print(
        f"{'data':<32}{'model':<8}{'system':<11}{'cold s':>8}{'warm s':>9}{'cpu s':>9}{'peak MB':>9}{'loaded':>8}  parameters"
    )
    for name, model, system, m in rows:
        print(f"{name:<32}{model:<8}{system:<11}", end="")
        if "skipped" in m:
            print(m["skipped"])
            continue
        print(
            f"{m['cold_s']:>8.2f}{m['warm_s']:>9.4f}{m['cpu_s']:>9.4f}{m['peak_mb']:>9.0f}{m['loaded_mb']:>8.0f}",
            end="",
        )
        print("  " + ", ".join(f"{key} {value:.4f}" for key, value in m["parameters"].items()))

    held_out = [row for row in rows if "mae" in row[3]]
    if held_out:
        print("\n39 weeks foretold after 39 weeks seen")
        print(f"{'data':<32}{'model':<8}{'system':<11}{'MAE':>8}{'RMSE':>8}{'corr':>8}{'bias':>9}{'seconds':>10}")
        for name, model, system, m in held_out:
            print(f"{name:<32}{model:<8}{system:<11}{m['mae']:>8.4f}{m['rmse']:>8.3f}{m['correlation']:>8.3f}", end="")
            print(f"{m['bias']:>9.1%}{m['foretell_s']:>10.4f}")
    clv_errors.compare({name: data for name, data in sets.items() if "later" in data})
    hybrid()


def hybrid() -> None:
    """The hybrid beside a two-part model of the same trees without habits, on full CDNOW."""
    from bench.clv_hybrid import compare

    if CDNOW.is_dir():
        compare(CDNOW / "cdnow_master.parquet")


def measured(python: str, system: str, model: str, data: Path, warm_runs: int) -> dict[str, Any]:
    """What one fresh process reports, or why there is no report."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    paths = {"PYTHONPATH": str(ROOT / "src")} if system == "tenure" else {"PYTHONPATH": ""}
    command = [python, str(ROOT / "bench" / "clv_one.py"), system, model, str(data), str(warm_runs)]
    try:
        done = subprocess.run(command, env=os.environ | one_thread | paths, capture_output=True, text=True)
    except OSError as error:
        return {"skipped": f"skipped, because {python} does not run: {error.strerror}"}
    if done.returncode:
        return {"skipped": f"skipped, because it failed: {done.stderr.strip().splitlines()[-1]}"}
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def cdnow() -> dict[str, Histories]:
    """The 1/10 sample and the full CDNOW log, summed by week over the first 39, the other 39 held out."""
    if not CDNOW.is_dir():
        print("CDNOW: skipped, because the data set is not beside the checkout")
        return {}
    return {
        "CDNOW sample (2,357)": _cdnow(pq.read_table(CDNOW / "cdnow_sample.parquet"), "sample_customer_id"),
        "CDNOW (23,570)": _cdnow(pq.read_table(CDNOW / "cdnow_master.parquet"), "customer_id"),
    }


def _cdnow(log: pa.Table, customer: str) -> Histories:
    days = log["date"].cast(pa.date32())
    schema = CONTRACTS["orders"].records_schema
    columns = {field.name: pa.nulls(len(log), field.type) for field in schema} | {
        "person_id": log[customer],
        "ordered_on": days,
        "ordered_at": days.cast(schema.field("ordered_at").type),
        "amount_base_minor": pc.round(pc.multiply(log["spend"], 100)).cast(pa.int64()),
    }
    orders = ibis.memtable(pa.table(columns, schema=schema))
    people = summary(orders, datetime(1997, 10, 1, tzinfo=UTC))
    after = orders.filter(orders.ordered_on >= date(1997, 10, 1)).group_by("person_id")
    later = after.agg(later=orders.ordered_on.nunique())
    joined = people.left_join(later, "person_id").order_by("person_id").to_pyarrow()
    found = {name: np.asarray(joined[name], dtype=float) for name in ("x", "t_x", "T")}
    return found | {"later": np.asarray(joined["later"].fill_null(0), dtype=float), "t": np.array(39.0)}


def simulated() -> dict[str, Histories]:
    """A million customers of the model's own kind, on whole days as records have them, and at any moment."""
    return {
        "simulated (1M), whole days": simulate(SIMULATED, whole_days=True),
        "simulated (1M), any moment": simulate(SIMULATED, whole_days=False),
    }


def simulate(customers: int, *, whole_days: bool, seed: int = 0) -> Histories:
    """x, t_x and T in weeks, drawn with r .25, alpha 4.4, a .8, b 2.4 over ages of 27 to 39 weeks."""
    chance = np.random.default_rng(seed)
    rate, leave = chance.gamma(0.25, 1 / 4.4, customers), chance.beta(0.8, 2.4, customers)
    T = chance.uniform(27, 39, customers)
    if whole_days:
        T = np.ceil(T * 7) / 7
    x, t_x, now = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    active = np.arange(customers)
    while len(active):
        now[active] += chance.exponential(1, len(active)) / np.maximum(rate[active], 1e-300)
        active = active[now[active] < T[active]]
        moment = np.ceil(now[active] * 7) / 7 if whole_days else now[active]
        x[active] += moment > t_x[active]  # two on one day are one purchase
        t_x[active] = moment
        active = active[chance.random(len(active)) >= leave[active]]
    return {"x": x, "t_x": np.minimum(t_x, T), "T": T}


if __name__ == "__main__":
    main()
