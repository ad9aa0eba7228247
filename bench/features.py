"""Point-in-time features: the compiled pass beside DuckDB, on the same events, dates and five features.

20 million events of 500,000 customers lie clustered by customer, as the lake keeps them, in memory for all alike. Asked
of them: five features at each of twelve month ends. Peers: a group-by a date, as one writes it first, and one wide
statement for all dates at once. Each runs in a process of its own, once cold and four times warm, of which the middle
counts; its peak memory is the whole process's. Values are compared, not only counted.

    python -m bench.features [events] [customers] [dates]
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

EVENTS, CUSTOMERS, DATES = 20_000_000, 500_000, 12
WARM, BLOCK = 4, 1_000_000
LAST = datetime(2026, 7, 1, tzinfo=UTC)
NAMES = ("recency_days", "age_days", "events_90", "spend_90", "spend_365")
WAYS = ("compiled pass", "DuckDB, a group-by a date", "DuckDB, one wide statement")


def events(count: int, customers: int, seed: int = 7) -> pa.Table:
    """Two years of events, clustered by customer and in order of time."""
    rng = np.random.default_rng(seed)
    person = np.sort(rng.integers(1, customers + 1, count))
    at = int(LAST.timestamp()) - rng.integers(1, 730 * 86_400, count)
    # Sorted by person already, so one stable sort by time and one by person put each customer's in order.
    at = at[np.lexsort((at, person))]
    stamp = pa.array(at * 1_000_000, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return pa.table({"person_id": person, "moment": stamp, "amount_minor": rng.integers(100, 100_000, count)})


def dates(count: int) -> list[datetime]:
    return [LAST - timedelta(days=30 * back) for back in range(count)][::-1]


def compiled(table: pa.Table, cuts: list[datetime]) -> Any:
    from tenure.insight.features.kernel import Kernel
    from tenure.insight.features.terms import count, days_since, highest, lowest, total

    terms = (
        days_since(highest("moment", since="moment")),
        days_since(lowest("moment", since="moment")),
        count(window=90, since="moment"),
        total("amount_minor", window=90, since="moment"),
        total("amount_minor", window=365, since="moment"),
    )

    def of(rows: pa.Table) -> list[Any]:
        kernel = Kernel(rows, cuts, "moment")
        return [kernel.value(term) for term in terms]

    # Whole customers, about a million rows at a time, as the lake hands them over; two threads, as DuckDB has.
    person = table["person_id"].to_numpy()
    edges = [0, *(int(np.searchsorted(person, person[at])) for at in range(BLOCK, len(person), BLOCK)), len(person)]
    with ThreadPoolExecutor(2) as pool:
        blocks = list(pool.map(of, (table.slice(begin, end - begin) for begin, end in pairwise(edges))))
    # One row a customer and one column a date; NaN where nothing was known of the customer yet.
    return [
        {name: [block[place][:, cut] for block in blocks] for place, name in enumerate(NAMES)}
        for cut in range(len(cuts))
    ]


def _features(cut: str) -> str:
    day = 86_400_000_000
    return f"""
        floor(({cut} - max(us)) / {day}) AS recency_days, floor(({cut} - min(us)) / {day}) AS age_days,
        count(*) FILTER (us >= {cut} - 90 * {day}) AS events_90,
        sum(amount_minor) FILTER (us >= {cut} - 90 * {day}) AS spend_90,
        sum(amount_minor) FILTER (us >= {cut} - 365 * {day}) AS spend_365"""


def grouped(connection: Any, cuts: list[datetime]) -> Any:
    found = []
    for cut in cuts:
        at = f"{int(cut.timestamp())}000000::BIGINT"
        query = f"SELECT person_id, {_features(at)} FROM events WHERE us < {at} GROUP BY person_id"
        found.append(connection.sql(query).to_arrow_table())
    return found


def wide(connection: Any, cuts: list[datetime]) -> Any:
    day = 86_400_000_000
    columns = []
    for place, cut in enumerate(cuts):
        at = f"{int(cut.timestamp())}000000::BIGINT"
        columns.append(
            f"floor(({at} - max(us) FILTER (us < {at})) / {day}) AS recency_days_{place}, "
            f"floor(({at} - min(us) FILTER (us < {at})) / {day}) AS age_days_{place}, "
            f"count(*) FILTER (us < {at} AND us >= {at} - 90 * {day}) AS events_90_{place}, "
            f"sum(amount_minor) FILTER (us < {at} AND us >= {at} - 90 * {day}) AS spend_90_{place}, "
            f"sum(amount_minor) FILTER (us < {at} AND us >= {at} - 365 * {day}) AS spend_365_{place}"
        )
    return connection.sql(f"SELECT person_id, {', '.join(columns)} FROM events GROUP BY person_id").to_arrow_table()


def sums(way: str, found: Any, count: int) -> list[list[float]]:
    """What must be equal whichever way: the sum of each feature at each date."""
    if way == WAYS[2]:
        # Whoever has no event yet at a date has null or, for a count, nothing to add.
        return [[_sum(found[f"{name}_{place}"]) for name in NAMES] for place in range(count)]
    return [[_sum(one[name]) for name in NAMES] for one in found]


def _sum(column: Any) -> float:
    if isinstance(column, list):
        return sum(float(np.nansum(block)) for block in column)
    values = np.asarray(column.to_pandas().astype("float64"), np.float64)
    return float(np.nansum(values))


def one(way: str, count: int, customers: int, cuts: int) -> None:
    """Run one way and print what came of it; a process of its own."""
    import resource

    table, moments = events(count, customers), dates(cuts)
    if way == WAYS[0]:
        from tenure.insight.features import kernel as loaded  # its import is no part of the work

        assert loaded
        run = partial(compiled, table, moments)
    else:
        import duckdb

        connection = duckdb.connect()
        connection.sql("SET threads = 2")
        connection.register("given", table)
        connection.sql("CREATE TABLE events AS SELECT person_id, epoch_us(moment) AS us, amount_minor FROM given")
        connection.unregister("given")
        del table
        run = partial(grouped if way == WAYS[1] else wide, connection, moments)
    cold, *warm = (timed(run) for _ in range(1 + WARM))
    found = run()
    seconds = [cold[0], *np.median(warm, axis=0)]
    print(
        json.dumps(
            {
                "seconds": seconds,
                "sums": sums(way, found, cuts),
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processors."""
    began, worked = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - worked


def main(count: int = EVENTS, customers: int = CUSTOMERS, cuts: int = DATES) -> None:
    """Print the table."""
    print(f"{count:,} events, {customers:,} customers, {cuts} dates x {len(NAMES)} features\n")
    print(f"{'':<30}{'cold s':>9}{'warm s':>9}{'CPU s':>9}{'peak MB':>9}{'times ours':>12}{'by CPU':>8}")
    found = {}
    for way in WAYS:
        arguments = [str(count), str(customers), str(cuts)]
        ran = subprocess.run(
            [sys.executable, "-m", "bench.features", "--one", way, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        found[way] = json.loads(ran.stdout)
        cold, warm, worked = found[way]["seconds"]
        times, effort = (mine / ours for mine, ours in zip((warm, worked), found[WAYS[0]]["seconds"][1:], strict=True))
        print(
            f"{way:<30}{cold:>9.2f}{warm:>9.2f}{worked:>9.2f}{found[way]['peak']:>9.0f}{times:>12.1f}{effort:>8.1f}",
            flush=True,
        )
    for way in WAYS[1:]:
        np.testing.assert_allclose(found[way]["sums"], found[WAYS[0]]["sums"], rtol=1e-9)
    print("\nthe same values each way; reach: the group-bys take at least 10 times ours")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], *(int(argument) for argument in sys.argv[3:]))
    else:
        main(*(int(argument) for argument in sys.argv[1:]))
