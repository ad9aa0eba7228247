"""Steps: recency-frequency-money, and the life-cycle stage now and at the end of each month before."""

from datetime import datetime

import pyarrow as pa

from tenure.insight import lifecycle
from tenure.insight.segments import rfm
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline.clock import start_of
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step

# How many month ends back the stage is worked out, for the flow from stage to stage.
_MONTHS_BACK = 6
_STAGED_BY = ("orders", "subscriptions")


def _rfm(context: Context) -> int:
    with tables_at(context, context.as_of, ["orders"]) as tables:
        found = context.lake.to_arrow(rfm(tables["orders"], context.as_of).order_by("person_id"))
    context.lake.publish("scores/rfm", found)
    return int(found.num_rows)


def _stages(context: Context) -> int:
    lake = context.lake
    moments = [*_month_starts(context.as_of), context.as_of]
    rows: list[pa.Table] = []
    for place, moment in enumerate(moments):
        with tables_at(context, moment, _STAGED_BY) as tables:
            found = lake.to_arrow(lifecycle.stages(tables, moment))
        rows.append(
            found.select(["person_id", "stage"]).append_column(
                "as_of", pa.array([moment.date()] * found.num_rows, pa.date32())
            )
        )
        if moment == context.as_of:
            lake.publish("scores/stages_now", found)
        context.tell(place + 1, len(moments))
    schema = COMPUTED["scores/stages"]
    lake.publish("scores/stages", pa.concat_tables([table.select(schema.names).cast(schema) for table in rows]))
    return sum(table.num_rows for table in rows)


def _month_starts(as_of: datetime) -> list[datetime]:
    """The starts of the months before `as_of`, oldest first, in its zone."""
    starts = []
    day = as_of.date().replace(day=1)
    for _ in range(_MONTHS_BACK):
        moment = start_of(day, as_of.tzinfo)  # type: ignore[arg-type]
        if moment < as_of:
            starts.append(moment)
        day = day.replace(month=day.month - 1) if day.month > 1 else day.replace(year=day.year - 1, month=12)
    return starts[::-1]


STEPS: tuple[Step, ...] = (
    Step("rfm", Words("Recency, frequency, money", "最近购买、频次与金额"), lambda c: scored_from(c, "orders"), _rfm),
    Step("stages", Words("Life cycle", "客户生命周期"), lambda c: scored_from(c, *_STAGED_BY), _stages),
)

__all__ = ["STEPS"]
