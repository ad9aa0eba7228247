"""From the recurring revenue a period begins with to the one it ends with: what was won, grown, cut, lost, won back."""

from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import pyarrow as pa

from tenure.insight.metrics._shared import monthly_fees, runs_at
from tenure.insight.metrics.base import Period, segmented
from tenure.language import Words

MOVES: Mapping[str, Words] = {
    "new": Words("New", "新增"),
    "reactivated": Words("Won back", "回流"),
    "expansion": Words("Expansion", "增购"),
    "contraction": Words("Contraction", "降级"),
    "churned": Words("Churned", "流失"),
}
"""In the order of the bridge: what adds, then what takes away."""

_MONEY = ("opening", *MOVES, "closing")
BRIDGE = pa.schema(
    [
        pa.field("period_start", pa.date32()),
        pa.field("period_end", pa.date32()),
        pa.field("segment", pa.string()),
        *(pa.field(name, pa.int64()) for name in _MONEY),
        *(pa.field(f"{name}_customers", pa.int64()) for name in _MONEY),
        pa.field("grr", pa.float64()),
        pa.field("nrr", pa.float64()),
    ]
)


def moves(subscriptions: ibis.Table, period: Period, segment: ibis.Table | str | None = None) -> ibis.Table:
    """What became of each customer's monthly fees between the start and the end of the period.

    One row for each customer and segment with a fee at either end: segment, person_id, before and after (monthly fees in
    minor units, 0 where none ran), change (after less before), move (a key of MOVES, or "kept").

    new: no fee at the start, and never one before it. reactivated: none at the start, but one at some time before.
    Whoever came and left within the period was there at neither end and is in no move. subscriptions, segment: as
    `measure` takes them; split by a column of the records, who changes from one product to another is lost to the one
    and won by the other.
    """
    known = monthly_fees(segmented(subscriptions, "subscriptions", segment))
    there, here = runs_at(known, period.starts_at), runs_at(known, period.ends_at)
    each = known.group_by("segment", "person_id").agg(
        before=known.monthly.sum(where=there).fill_null(0).cast("int64"),
        after=known.monthly.sum(where=here).fill_null(0).cast("int64"),
        earlier=((known.started_at < period.starts_at) & (known.monthly > 0)).any(),
    )
    each = each.filter((each.before != 0) | (each.after != 0))
    had, has = each.before > 0, each.after > 0
    move = ibis.cases(
        (had & ~has, "churned"),
        (~had & has & each.earlier, "reactivated"),
        (~had & has, "new"),
        (each.after > each.before, "expansion"),
        (each.after < each.before, "contraction"),
        else_="kept",
    )
    return each.select("segment", "person_id", "before", "after", change=each.after - each.before, move=move)


def bridge(
    subscriptions: ibis.Table, periods: Period | Iterable[Period], segment: ibis.Table | str | None = None
) -> pa.Table:
    """Recurring revenue from the start of each period to its end, of schema BRIDGE, in order of period and segment.

    opening and closing: monthly fees at either end; new, reactivated, expansion (0 or more), contraction, churned (0 or
    less): what lies between, all in minor units, so that opening + the five = closing, exactly, in every row. Each has its
    number of customers beside it (`new_customers`). grr, nrr: gross and net revenue retention, 0 to 1 and more, as the
    catalogue's metrics of these names say them; null where nothing was paid at the start.

    A segment is a row of its own; without one there is one row a period, also where nobody has a fee. A period's closing
    is the opening of the period that follows.
    """
    wanted = [periods] if isinstance(periods, Period) else list(periods)
    if not wanted:
        return BRIDGE.empty_table()
    parts = [_sums(moves(subscriptions, period, segment), number) for number, period in enumerate(wanted)]
    found = (ibis.union(*parts) if len(parts) > 1 else parts[0]).to_pyarrow().to_pylist()
    rows = {(row["number"], row["segment"]): row for row in found}
    together = segment is None and "segment" not in subscriptions.columns
    segments = [None] if together else sorted({row["segment"] for row in found}, key=lambda s: (s is None, s or ""))
    nothing: dict[str, Any] = dict.fromkeys(BRIDGE.names, 0) | {"grr": None, "nrr": None}
    final = [
        nothing
        | rows.get((number, name), {})
        | {"period_start": period.start, "period_end": period.end, "segment": name}
        for number, period in enumerate(wanted)
        for name in segments
    ]
    return pa.Table.from_pylist(final, schema=BRIDGE)


def _sums(each: Any, number: int) -> Any:
    had = each.before > 0
    paid = each.before.sum(where=had).cast("float64").nullif(0)
    kept = ibis.least(each.before, each.after)
    sums = {
        "opening": each.before.sum(),
        **{name: each.change.sum(where=each.move == name) for name in MOVES},
        "closing": each.after.sum(),
    }
    counts = {
        "opening": had.sum(),
        **{name: (each.move == name).sum() for name in MOVES},
        "closing": (each.after > 0).sum(),
    }
    return each.group_by("segment").agg(
        number=ibis.literal(number, type="int64"),
        **{name: value.fill_null(0).cast("int64") for name, value in sums.items()},
        **{f"{name}_customers": value.fill_null(0).cast("int64") for name, value in counts.items()},
        grr=kept.sum(where=had).cast("float64") / paid,
        nrr=each.after.sum(where=had).cast("float64") / paid,
    )
