"""What everybody bought by day, for every step that asks: order lines that came since are added to what there is."""

from tenure.insight.purchases import person_days
from tenure.insight.segments.days import PurchaseDays
from tenure.lake.tables import COMPUTED
from tenure.pipeline.carried import note, standing
from tenure.pipeline.clock import start_of
from tenure.pipeline.history import tables_at
from tenure.pipeline.run import Context

TABLE = "features/purchase_days"
_SHARED = "purchase days"


def purchase_days(context: Context) -> PurchaseDays:
    """What everybody bought by day, read from the orders once for every step and every date of a refresh."""
    if _SHARED not in context.shared:
        context.shared[_SHARED] = _worked_out(context)
    found: PurchaseDays = context.shared[_SHARED]
    return found


def let_go(context: Context) -> None:
    """Nobody asks for them after this: they are the largest thing a refresh holds."""
    context.shared.pop(_SHARED, None)


def _worked_out(context: Context) -> PurchaseDays:
    lake = context.lake
    made = standing(context, TABLE, ["orders"])
    whole_days = context.as_of == start_of(context.as_of.date(), context.workspace.zone_info)
    if not made.lasts or not whole_days:
        with tables_at(context, context.as_of, ["orders"]) as tables:
            return PurchaseDays(lake.to_arrow(person_days(tables["orders"], context.as_of)))
    # Of whole days none is half seen at any date, so one table serves every date there will be.
    if made.holds:
        return PurchaseDays(lake.in_runs(TABLE))
    came = None if made.came is None else made.came["orders"]
    days = PurchaseDays(lake.to_arrow(person_days(lake.as_it_lies("records/orders", came))))
    rows = days.as_table().cast(COMPUTED[TABLE])
    if came is None:
        lake.renew(TABLE, [rows.to_reader()])
    else:
        lake.add(TABLE, rows)
        days = PurchaseDays(lake.in_runs(TABLE))
    note(lake, made)
    return days
