"""Imports that were begun: by somebody at this moment, or by a process that died and left the work half done."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tenure.errors import TenureError
from tenure.language import tr

if TYPE_CHECKING:
    from tenure.lake import Lake
    from tenure.lake.batches import BatchInfo


class InAlreadyError(TenureError):
    """The very file is in already, or on its way in. batch: which; resumable: whether it can be gone on with."""

    def __init__(self, message: str, *, batch: str | None, resumable: bool = False) -> None:
        super().__init__(message)
        self.batch = batch
        self.resumable = resumable


@dataclass(frozen=True)
class Begun:
    """A batch that can be gone on with. told: all that was said of the import; known: the batches it met."""

    batch: str
    begun: datetime
    told: Mapping[str, Any]
    known: Sequence[str]
    fingerprint: str | None


def begun(lake: "Lake", batch: str) -> Begun:
    """The import of that batch. Raises TenureError, saying why, for one that can't be gone on with."""
    info = next((info for info in lake.batches() if info.batch == batch), None)
    if info is None:
        raise TenureError(tr('There is no batch "{batch}". List them with: tenure batches', batch=batch))
    if info.state != "begun":
        raise TenureError(
            tr('Batch "{batch}" is {state}, so there is nothing to go on with.', batch=batch, state=info.state)
        )
    if not info.may_resume:
        raise TenureError(
            tr(
                'Batch "{batch}" did not come from a file, so it can\'t be gone on with. Send its rows again.',
                batch=batch,
            )
        )
    return _of(info)


def admit(
    lake: "Lake",
    name: str,
    fingerprint: str,
    told: Mapping[str, Any],
    *,
    resume: str | None,
    again: bool,
    held: ExitStack,
    now: datetime,
) -> Begun | None:
    """Let an import in, alone with its file until `held` ends; gives the batch to go on with, if that was asked.

    Raises InAlreadyError where the file is in or somebody is importing it, TenureError where it is not the file, or
    not the plan, that the batch to go on with was begun by.
    """
    if not held.enter_context(lake.store.alone(f"{told['contract']}-{fingerprint[:32]}")):
        raise InAlreadyError(
            tr("{name} is being imported by somebody else at this moment. Wait for the end of it.", name=name),
            batch=None,
        )
    if resume is not None:
        earlier = begun(lake, resume)
        if earlier.fingerprint != fingerprint:
            raise TenureError(
                tr(
                    '{name} is not the file that batch "{batch}" was begun with, or it changed since. Import it anew.',
                    name=name,
                    batch=resume,
                )
            )
        if odd := sorted(key for key in told if key != "path" and told[key] != earlier.told.get(key)):
            raise TenureError(
                tr(
                    'Batch "{batch}" was begun with other settings: {odd}. Go on with the same, or import the file anew.',
                    batch=resume,
                    odd=", ".join(odd),
                )
            )
        return earlier
    for info in lake.batches(str(told["contract"])):
        if info.fingerprint != fingerprint or info.source != told["source"]:
            continue
        if info.state == "begun" and info.may_resume:
            if again:
                # Its process is dead, or the place would not have been free.
                lake.abandon(info, now=now)
                continue
            raise InAlreadyError(
                tr(
                    "The import of {name} was begun before and did not end. Go on with it: tenure import --resume {batch}. "
                    "Or begin anew with --again.",
                    name=name,
                    batch=info.batch,
                ),
                batch=info.batch,
                resumable=True,
            )
        plan = info.report.get("plan")
        if info.state == "committed" and not again and plan and _covers(plan, told):
            raise InAlreadyError(
                tr(
                    "This very file is in already, as batch {batch}. Take that back first with tenure undo {batch}, or "
                    "import it once more with --again; rows with one key count once.",
                    batch=info.batch,
                ),
                batch=info.batch,
            )
    return None


def _covers(plan: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether the two are about the same rows: of another period or another sheet they are not."""
    return all(plan.get(key) == told[key] for key in ("since", "before", "sheet", "ids_of"))


def _of(info: "BatchInfo") -> Begun:
    plan = dict(info.report["plan"])
    known = plan.pop("known", [])
    return Begun(info.batch, datetime.fromisoformat(info.report["begun"]), plan, known, info.fingerprint)
