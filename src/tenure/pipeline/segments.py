"""Steps: what customers are like and where they stand, now and at the end of each month of the year before."""

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from tenure.insight import lifecycle
from tenure.insight.purchases import person_days
from tenure.insight.segments.days import PurchaseDays
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline.clock import start_of
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step

# How many month ends back scores and stages are worked out, for the moves between them.
MONTHS_BACK = 12
_STAGED_BY = ("orders", "subscriptions")


def _days(context: Context) -> PurchaseDays:
    """What everybody bought by day, read from the orders once for every step and every date."""
    if "purchase_days" not in context.shared:
        with tables_at(context, context.as_of, ["orders"]) as tables:
            rows = context.lake.to_arrow(person_days(tables["orders"], context.as_of))
        context.shared["purchase_days"] = PurchaseDays(rows)
    found: PurchaseDays = context.shared["purchase_days"]
    return found


def _rfm(context: Context) -> int:
    days = _days(context)
    now = days.rfm(context.as_of.date())
    context.lake.publish("scores/rfm", now)
    names = [name for name in COMPUTED["scores/rfm_months"].names if name != "as_of"]

    def months() -> Iterator[pa.Table]:
        for moment in _moments(context.as_of):
            yield days.rfm(moment.date()).select(names)

    _publish_months(context, "scores/rfm_months", months())
    return int(now.num_rows)


def _stages(context: Context) -> int:
    lake, days = context.lake, _days(context)
    moments = _moments(context.as_of)
    rows = 0

    def months() -> Iterator[pa.Table]:
        nonlocal rows
        for place, moment in enumerate(moments):
            # Contracts change after they are signed, so theirs is the history at each date; there are far fewer of them.
            with tables_at(context, moment, ["subscriptions"]) as tables:
                found = lake.to_arrow(lifecycle.stages_on(days.rhythms(moment.date()), tables, moment))
            if moment == context.as_of:
                lake.publish("scores/stages_now", found)
            context.tell(place + 1, len(moments))
            rows += found.num_rows
            yield found.select(["person_id", "stage"])

    _publish_months(context, "scores/stages", months())
    return rows


def _publish_months(context: Context, table: str, months: Iterator[pa.Table]) -> None:
    """Put the rows of each moment, the latest last, in their place under its date, one moment in memory at a time."""
    schema = COMPUTED[table]

    def batches() -> Iterator[pa.RecordBatch]:
        for moment, rows in zip(_moments(context.as_of), months, strict=True):
            dated = rows.append_column("as_of", pa.array([moment.date()] * rows.num_rows, pa.date32()))
            yield from dated.select(schema.names).cast(schema).to_batches()

    context.lake.publish(table, pa.RecordBatchReader.from_batches(schema, batches()))


def _moments(as_of: datetime) -> list[datetime]:
    """The starts of the months before `as_of`, oldest first, in its zone; and `as_of`."""
    starts = []
    day = as_of.date().replace(day=1)
    for _ in range(MONTHS_BACK):
        moment = start_of(day, as_of.tzinfo)  # type: ignore[arg-type]
        if moment < as_of:
            starts.append(moment)
        day = day.replace(month=day.month - 1) if day.month > 1 else day.replace(year=day.year - 1, month=12)
    return [*starts[::-1], as_of]


STEPS: tuple[Step, ...] = (
    Step("rfm", Words("Recency, frequency, money", "最近购买、频次与金额"), lambda c: scored_from(c, "orders"), _rfm),
    Step("stages", Words("Life cycle", "客户生命周期"), lambda c: scored_from(c, *_STAGED_BY), _stages),
)

__all__ = ["STEPS"]
