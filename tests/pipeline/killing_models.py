"""Churn steps of a workspace, each in a process of its own that sends itself SIGKILL at one of the marks it passes.

    python killing_models.py HOME MARK…

A mark is either side of each table and document written, of each version put in its place and of what is swept away.
HOME is copied for each mark. Prints, for each, how the step ended, and what was there then and after a step that nobody
disturbed: champion, its model whole or not, scores; one JSON object a line. Mark 0 is nobody's.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CLOCK = datetime(2026, 7, 2, 2, 0, tzinfo=UTC)


def step(home: Path, at: int) -> None:
    from tenure.lake import Lake, door
    from tenure.lake.store import Store
    from tenure.pipeline import churn, models, records
    from tenure.pipeline.clock import default_as_of
    from tenure.pipeline.run import Context, Watcher, run
    from tenure.workspace import open_workspace

    passed = 0

    def mark() -> None:
        nonlocal passed
        passed += 1
        if passed == at:
            os.kill(os.getpid(), 9)

    def marked(call: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*given: Any, **more: Any) -> Any:
            mark()
            result = call(*given, **more)
            mark()
            return result

        return passing

    here = open_workspace(home)
    lake = Lake(here.lake_folder, zone=here.zone, currency=here.currency)
    context = Context(lake, here, CLOCK, CLOCK)
    with lake.writing("test"):
        run(records.STEPS, context, Watcher())
        Store.replace = marked(Store.replace)  # type: ignore[method-assign]
        door.write_document = marked(door.write_document)  # type: ignore[attr-defined]
        models.Shelf.sweep = marked(models.Shelf.sweep)  # type: ignore[method-assign]
        models.files.write = marked(models.files.write)  # type: ignore[assignment]
        context.as_of = default_as_of(lake, here.zone_info, CLOCK)
        run(churn.STEPS, context, Watcher())
    print(json.dumps({"marks": passed}), flush=True)


def stands(home: Path) -> dict[str, Any]:
    from tenure.lake import SYSTEM, Lake
    from tenure.pipeline import models

    lake = Lake(home / "lake")
    standing = models.standings(lake)["silence"]
    rows = lake.to_arrow(lake.read("scores/churn", actor=SYSTEM)).sort_by("person_id").to_pylist()
    kept = sorted(path.name for path in (home / "lake/models/churn/silence").iterdir())
    return {
        "champion": standing.champion, "whole": models.whole(lake), "versions": [one["version"] for one in standing.versions],
        "scores": [[row["person_id"], row["churn_probability"]] for row in rows], "kept": kept,
    }  # fmt: skip


def apart(work: Callable[[], None]) -> int:
    """Do it in a process of its own; how that ended. What is loaded already need not be loaded again."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def told(home: Path) -> None:
    print(json.dumps(stands(home)))


def main(home: Path, marks: list[int]) -> None:
    import lightgbm  # noqa: F401  loaded once for all
    import scipy.optimize
    import scipy.stats  # noqa: F401

    import tenure.pipeline.churn  # noqa: F401

    for at in marks:
        copy = home.with_name(f"{home.name}-{at}")
        shutil.copytree(home, copy)
        print(json.dumps({"ended": apart(lambda: step(copy, at))}), flush=True)  # noqa: B023  done before the next
        apart(lambda: told(copy))  # noqa: B023
        print(json.dumps({"ended": apart(lambda: step(copy, 0))}), flush=True)  # noqa: B023
        apart(lambda: told(copy))  # noqa: B023
        shutil.rmtree(copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(at) for at in sys.argv[2:]])
