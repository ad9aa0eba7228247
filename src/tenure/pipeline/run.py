"""The morning refresh: named steps from what was received to what people see, each done whole or not at all.

A step remembers what it was made from; the next run does only the steps whose inputs have changed. A run that was
killed leaves finished steps finished, and the step it died in as it was before.
"""

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import tenure
from tenure.lake import Lake
from tenure.language import Words
from tenure.workspace import Workspace

STATE = "refresh"


@dataclass
class Context:
    """What every step is given. as_of: the instant the figures describe, in the business zone. now: the clock."""

    lake: Lake
    workspace: Workspace
    as_of: datetime
    now: datetime
    tell: Callable[[int, int], None] = lambda done, total: None
    again: bool = False  # work everything out from the start, whatever could be gone on with
    # What one step worked out that a later one of the same run goes on with.
    shared: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One step. inputs: what its result depends on, as something JSON can hold. run: does it, returns rows written.

    gone: whether what it made is there no more, so that it is made again though nothing it depends on changed.
    """

    name: str
    words: Words
    inputs: Callable[[Context], Any]
    run: Callable[[Context], int]
    gone: Callable[[Context], bool] = lambda context: False


@dataclass(frozen=True)
class Done:
    """What became of one step. skipped: nothing it depends on had changed. cpu_seconds: of all threads of this process."""

    name: str
    words: Words
    rows: int
    seconds: float
    skipped: bool
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Refreshed:
    as_of: datetime
    steps: tuple[Done, ...] = field(default=())

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


class Watcher:
    """Is told how a refresh goes. The default keeps quiet."""

    def begins(self, step: Step) -> None: ...

    def moves(self, step: Step, done: int, total: int) -> None: ...

    def ends(self, done: Done) -> None: ...


def run(steps: Sequence[Step], context: Context, watcher: Watcher, *, again: bool = False) -> tuple[Done, ...]:
    """Do the steps whose inputs have changed, in order, and remember each as it is finished."""
    lake = context.lake
    state: dict[str, Any] = lake.document(STATE) or {"steps": {}}
    finished: list[Done] = []
    for step in steps:
        watcher.begins(step)
        context.tell = partial(watcher.moves, step)
        began, spent = time.perf_counter(), time.process_time()
        inputs = made_from(step.inputs(context))
        before = state["steps"].get(step.name)
        skipped = before is not None and before["made_from"] == inputs and not again and not step.gone(context)
        rows = before["rows"] if skipped else step.run(context)
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
        done = Done(step.name, step.words, rows, seconds, skipped, cpu)
        if not skipped:
            state["steps"][step.name] = {
                "made_from": inputs, "rows": rows, "seconds": round(seconds, 3), "cpu_seconds": round(cpu, 3),
                "peak_mb": _peak_mb(), "at": context.now.isoformat(),
            }  # fmt: skip
            lake.publish_document(STATE, state)
        finished.append(done)
        watcher.ends(done)
    return tuple(finished)


def _peak_mb() -> int:
    """The most memory this process has held so far; where the system tells it, without what its parent had held before."""
    status = Path("/proc/self/status")
    if status.is_file():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) // 1024
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def made_from(inputs: Any) -> str:
    """A digest of what something is made from, given as plain values."""
    # The code is an input too: a new version works everything out anew.
    text = json.dumps([tenure.__version__, inputs], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"a step's inputs must be plain values, not {type(value).__name__}")
