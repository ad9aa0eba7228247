"""The refresh as a job: asked for on a page or by the clock, done by a worker."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tenure.desk.work.api import Running, Stopped
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.language import tr
from tenure.pipeline.run import Done, Step, Watcher

WAIT_SECONDS = 2.0


class _Teller(Watcher):
    def __init__(self, running: Running, steps: int) -> None:
        self.running, self.steps, self.finished = running, steps, 0
        self.begun = False

    def begins(self, step: Step) -> None:
        self.begun = True
        if self.running.stopping:
            raise Stopped
        self.running.tell(step.words, self.finished, self.steps)
        self.running.keep({"step": step.name})

    def ends(self, done: Done) -> None:
        self.finished += 1


def run(running: Running) -> None:
    """Bring the pages up to date. Finished steps stay finished, so a job that was killed goes on where it was.

    While somebody else writes the lake, it waits.
    """
    from tenure.desk.lake import lake, workspace
    from tenure.pipeline import STEPS, refresh

    while True:
        teller = _Teller(running, len(STEPS))
        try:
            refreshed = refresh(workspace(), lake(), now=running.now(), watcher=teller)
            break
        except TenureError:
            if teller.begun or not _is_written(lake()):
                raise
        running.tell(tr("Waiting until the lake is free"), 0, len(STEPS))
        if running.stopping:
            raise Stopped
        time.sleep(WAIT_SECONDS)
    skipped = sum(done.skipped for done in refreshed.steps)
    running.tell(tr("Done"), len(STEPS), len(STEPS))
    running.result = {
        "as_of": refreshed.as_of.isoformat(), "ran": len(refreshed.steps) - skipped, "skipped": skipped,
        "seconds": round(refreshed.seconds, 1),
    }  # fmt: skip


def follow_archiving(running: Running) -> None:
    """Bring into effect what was archived or brought back, waiting while somebody else writes the lake."""
    from tenure.desk.lake import lake, workspace
    from tenure.pipeline.archiving import settle_held

    running.tell(tr("Waiting until the lake is free"), 0, 1)
    with until_free(running, lake(), "archived records"):
        done = settle_held(workspace(), lake(), now=running.now())
    running.tell(tr("Done"), 1, 1)
    running.result = {"contracts": list(done.contracts), "persons": len(done.persons), "later": done.later}


@contextmanager
def until_free(running: Running, lake: Lake, what: str) -> Iterator[None]:
    """Hold the lake's writing place, waiting for it as long as somebody else has it. Raises Stopped where wished to stop."""
    while True:
        holding = lake.writing(what)
        try:
            holding.__enter__()
            break
        except TenureError:
            if running.stopping:
                raise Stopped from None
            time.sleep(WAIT_SECONDS)
    with ExitStack() as held:
        held.push(holding)
        yield


def _is_written(lake: Lake) -> bool:
    try:
        with lake.writing("tenure refresh"):
            return False
    except TenureError:
        return True
