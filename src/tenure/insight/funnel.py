"""Who goes through an ordered list of steps (seen, basket, order), and where the others stop."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa

from tenure.insight.metrics.base import Period
from tenure.insight.purchases import at as instant_of
from tenure.insight.purchases import days

FUNNEL = pa.schema(
    [
        pa.field("segment", pa.string()),
        pa.field("step", pa.int64()),
        pa.field("reached", pa.int64()),
        pa.field("went_on", pa.int64()),
        pa.field("stopped", pa.int64()),
        pa.field("under_way", pa.int64()),
    ]
)


def occurrences(
    records: ibis.Table,
    instant: str,
    only: Mapping[str, Collection[str]] | None = None,
    never: Mapping[str, Collection[str]] | None = None,
) -> ibis.Table:
    """Each time a step was taken by somebody: person_id, at (instant).

    instant: the column that says when. only: what the column of each name must be; never: what it must not be, and where
    nothing stands the record counts.
    """
    rows: Any = records.filter(records.person_id.notnull(), records[instant].notnull())
    for name, values in (only or {}).items():
        rows = rows.filter(rows[name].isin(list(values)))
    for name, values in (never or {}).items():
        rows = rows.filter(~rows[name].isin(list(values)).fill_null(False))
    return rows.select("person_id", at=rows[instant]).distinct()


def progress(steps: Sequence[ibis.Table], period: Period, *, within_days: int, as_of: datetime) -> ibis.Table:
    """How far each customer came who took the first step within the period.

    One row for each: person_id, reached (1 to the number of steps), under_way (came no further yet, but the days since the
    latest start are not over at `as_of`, so more may follow).

    steps: the occurrences of each, in order. The steps are taken strictly one after the other in time, the last at most
    `within_days` times 24 hours after the first; whatever happens in between does not matter. Who starts more than once
    counts once, with the start that led furthest. The first step lies in the period, the others may lie after it; nothing
    from `as_of` on is known.

    Raises ValueError for fewer than two steps, or days below one.
    """
    if len(steps) < 2:
        raise ValueError(f"a funnel has two steps or more; found {len(steps)}")
    if within_days < 1:
        raise ValueError(f"within_days is 1 or more; found {within_days}")
    known = [step.filter(step.at >= period.starts_at, step.at < instant_of(as_of)) for step in steps]
    # Of every occurrence of a step, the latest start that leads to it: whoever is in time from any start is so from that.
    chain: Any = known[0].filter(known[0].at < period.ends_at)
    chain = chain.select("person_id", "at", start=chain.at)
    starts = chain.group_by("person_id").agg(latest=chain.start.max())
    came = [chain.select("person_id", step=ibis.literal(1, type="int64"))]
    for number, step in enumerate(known[1:], start=2):
        # At one instant what comes next is sorted first, so that it does not see what happens with it.
        both = step.select(
            "person_id", "at", start=ibis.null("timestamp('UTC', 6)"), place=ibis.literal(0, type="int64")
        )
        both = both.union(chain.select("person_id", "at", "start", place=ibis.literal(1, type="int64")))
        before = ibis.window(group_by="person_id", order_by=["at", "place"], rows=(None, 0))
        led = both.mutate(led=both.start.max().over(before))
        chain = led.filter(led.place == 0, led.led.notnull(), led.at <= led.led + days(within_days))
        chain = chain.select("person_id", "at", start="led")
        came.append(chain.select("person_id", step=ibis.literal(number, type="int64")))
    every = ibis.union(*came)
    far = every.group_by("person_id").agg(reached=every.step.max())
    found = far.inner_join(starts, "person_id")
    open_ = (found.latest + days(within_days) >= instant_of(as_of)) & (found.reached < len(steps))
    return found.select("person_id", "reached", under_way=open_)


def funnel(
    steps: Sequence[ibis.Table],
    period: Period,
    *,
    within_days: int,
    as_of: datetime,
    segment: ibis.Table | None = None,
) -> pa.Table:
    """How many customers reach each step, of schema FUNNEL, in order of segment and step.

    step: 1 to the number of steps. reached: customers who took it in order and in time. went_on: of those, who took the
    next; stopped: who did not, and no longer can; under_way: who did not yet. reached = went_on + stopped + under_way; at
    the last step all went on. segment: a table (person_id, segment), one row a person; without it, all together under null.

    Raises ValueError as `progress`.
    """
    each: Any = progress(steps, period, within_days=within_days, as_of=as_of)
    if segment is None:
        each = each.mutate(segment=ibis.null("string"))
    else:
        who = segment.select(member="person_id", segment=segment.segment.cast("string"))
        each = each.left_join(who, each.person_id == who.member)
    counted = each.group_by("segment", "reached").agg(
        open=each.under_way.sum().cast("int64"), n=each.count().cast("int64")
    )
    found: dict[Any, dict[int, tuple[int, int]]] = {} if segment is not None else {None: {}}
    for row in counted.to_pyarrow().to_pylist():
        found.setdefault(row["segment"], {})[row["reached"]] = (row["n"], row["open"])
    told = []
    for name in sorted(found, key=lambda one: (one is None, one or "")):
        left, rows = 0, []
        for number in range(len(steps), 0, -1):
            here, open_ = found[name].get(number, (0, 0))
            last = number == len(steps)
            rows.append(
                {"segment": name, "step": number, "reached": left + here, "went_on": here if last else left,
                 "stopped": 0 if last else here - open_, "under_way": 0 if last else open_}
            )  # fmt: skip
            left += here
        told += rows[::-1]
    return pa.Table.from_pylist(told, schema=FUNNEL)
