"""The morning refresh: lake → identity → insight → decision → desk."""

from datetime import date, datetime

from tenure.lake import Lake
from tenure.pipeline import (
    archiving,
    cards,
    causes,
    churn,
    persons,
    quality,
    records,
    relations,
    score_history,
    segments,
    value,
)
from tenure.pipeline.clock import default_as_of, start_of
from tenure.pipeline.decisions import tell_decisions
from tenure.pipeline.fields import tell_fields
from tenure.pipeline.following import note_takeovers, tell_practice
from tenure.pipeline.memory import held
from tenure.pipeline.run import Context, Done, Refreshed, Step, Watcher, run
from tenure.workspace import Workspace

__all__ = ["STEPS", "Done", "Refreshed", "Step", "Watcher", "refresh"]

_SCORING: tuple[Step, ...] = (
    *segments.STEPS,
    *value.STEPS,
    *churn.STEPS,
    *score_history.STEPS,
    *segments.GROUPS,
    *cards.STEPS,
    *relations.STEPS,
    *causes.STEPS,
    *quality.STEPS,
)
STEPS: tuple[Step, ...] = (*records.STEPS, *_SCORING)


def refresh(
    workspace: Workspace,
    lake: Lake,
    *,
    now: datetime,
    as_of: date | None = None,
    watcher: Watcher | None = None,
    again: bool = False,
) -> Refreshed:
    """Bring everything people see up to date with everything received.

    as_of: the business day at whose start the figures are taken; the day after the last record unless given.
    again: do every step, changed or not.
    Killed at any point, the next run completes it; a run with nothing new does nothing.

    Raises TenureError where another process is refreshing.
    """
    watcher = watcher or Watcher()
    moment = start_of(as_of, workspace.zone_info) if as_of else None
    context = Context(lake, workspace, moment or now, now, again=again)
    with held(), lake.writing("tenure refresh"):
        lake.sweep(now=now)
        tell_fields(lake, now)
        tell_practice(lake)
        # Before who is who is worked out: those who were one stay one on less, and a join taken back is no such thing.
        persons.settle_held(workspace, lake, now=now)
        tell_decisions(lake)
        archiving.bring_back_heard(lake, now=now)
        archiving.tell(lake)
        done = run(records.STEPS, context, watcher, again=again)
        context.as_of = moment or default_as_of(lake, workspace.zone_info, now)
        done += run(_SCORING, context, watcher, again=again)
        note_takeovers(lake, now=now)
        archiving.finished(lake)
        # What was decided while this ran found the lake taken, and left it to us.
        persons.settle_held(workspace, lake, now=now)
        archiving.settle_held(workspace, lake, now=now)
    return Refreshed(context.as_of, done)
