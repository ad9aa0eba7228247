"""The import of an uploaded file as a job: tried out, done, gone on with after a kill, and taken back."""

import csv
import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.core.cache import cache
from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.desk.work import uploads
from tenure.desk.work.events import ImportFinished, ImportUndone
from tenure.desk.work.jobs import Running, Stopped, storable
from tenure.desk.work.models import Upload
from tenure.desk.work.slips import look_into
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.lake.batches import BatchInfo
from tenure.lake.store import read_document, write_document
from tenure.language import tr
from tenure.sources import source_for, undoing
from tenure.sources.base import Options
from tenure.sources.begun import InAlreadyError
from tenure.sources.existing import Mode
from tenure.sources.importing import StoppedError, import_file, import_table
from tenure.sources.report import ImportReport
from tenure.sources.spelling import Suspect
from tenure.sources.undoing import UndoReport
from tenure.workspace import Workspace, open_workspace

UNDO = "undo"
SAMPLES, SLIPS = "samples.json", "slips.json"
LOOKED_INTO = 100_000  # rows, about, in which misspelt values are looked for; it is a second reading of the file
OFFERED = 200  # misspelt values that are offered
WAIT_SECONDS = 1.0
NAMED = 100  # records edited since that are named
CALL_SECONDS = 15 * 60
DAY_SECONDS = 24 * 3600
_COUNTS = ("read", "accepted", "rejected", "left_out", "blank", "refunds", "rounded", "created", "updated", "unchanged")


def check(running: Running) -> None:
    """Try an import out: everything is read and checked, and nothing is kept but the file of rejected rows.

    A few rows of each kind lie beside the file, to be shown, and go with it; so do the values likely misspelt.
    """
    upload = Upload.objects.get(pk=running.params["upload"])
    here = open_workspace()
    lake = _lake(here)
    report = _imported(running, upload, here, lake, now=running.now(), dry_run=True)
    write_document(uploads.path_of(upload).parent / SLIPS, _slips(running, upload, lake))
    samples = {name: [dict(row) for row in rows] for name, rows in report.samples.items()}
    write_document(uploads.path_of(upload).parent / SAMPLES, samples)
    running.result = told(report)


def run(running: Running) -> None:
    """Import an uploaded file as one batch.

    The instant the import began is kept before anything is written, and the batch carries it: a worker that takes over
    after a kill finds that batch by it. Committed, only the desk's part is left to do; begun, it is gone on with behind
    the last rows written; otherwise the import begins again, and what was left is swept away unseen. While the worker
    before is not quite dead it holds the file's place in the lake, and this one waits for it.
    """
    upload = Upload.objects.get(pk=running.params["upload"])
    here = open_workspace()
    lake = _lake(here)
    while True:
        before = running.state.get("now")
        found = _batch_of(lake, upload, datetime.fromisoformat(before)) if before else None
        if found is not None and found.state == "committed":
            result = _from_batch(found)
            break
        resume = found.batch if found is not None and found.may_resume else None
        now = datetime.fromisoformat(before) if before and resume else running.now()
        running.keep({"now": now.isoformat()})
        try:
            result = told(_imported(running, upload, here, lake, now=now, dry_run=False, resume=resume))
            break
        except InAlreadyError as error:
            if error.batch is not None or before is None:
                raise
        running.tell(tr("Waiting for the import before"), 0, 0)
        if running.stopping:
            raise Stopped
        time.sleep(WAIT_SECONDS)
    finish(upload.pk, result, actor_id=running.asked_by, now=running.now())
    running.result = result


@transaction.atomic
def finish(upload_id: int, result: Mapping[str, Any], *, actor_id: int | None, now: datetime) -> None:
    """Note that the file is in, and let go of it. Noted already, nothing is done."""
    upload = Upload.objects.select_for_update(of=("self",)).get(pk=upload_id)
    if upload.batch:
        return
    upload.batch = result["batch"]
    upload.save(update_fields=["batch"])
    uploads._forget(upload, now)
    audit.record(
        "finish_import", "batch", upload.batch, actor=_person(actor_id), now=now,
        file=upload.name, contract=result["contract"], source=result["source"], accepted=result["accepted"],
        rejected=result["rejected"],
    )  # fmt: skip
    announce(ImportFinished(upload.batch, result["contract"], result["accepted"], result["rejected"]))


def run_undo(running: Running) -> None:
    """Take a batch back as a job; killed after the lake let go of it, the next worker does the desk's part."""
    batch = running.params["batch"]
    running.tell(tr("Taking the batch back"), 0, 0)
    actor = _person(running.asked_by)
    if running.state.get("begun") and _state_of(batch) == "undone":
        running.result = _note_undo(batch, {}, actor=actor, now=running.now())
        return
    running.keep({"begun": True})
    running.result = undo(batch, actor=actor, now=running.now())


@dataclass(frozen=True)
class Told:
    """What a program says of the rows it sends."""

    contract: str
    source: str
    mode: Mode
    match_on: tuple[str, ...]
    all_or_nothing: bool
    dry_run: bool


def receive_once(
    rows: Sequence[Mapping[str, Any]], told: Told, *, once: str, actor: User, now: datetime
) -> tuple[int, dict[str, Any]]:
    """Bring rows in, or give again what was answered to the same call before: (status, answer).

    once: a mark of the call; empty: none. It is held while the call runs, so two of them at a time are one and a 409;
    one that dies frees it after some minutes, and rows that came in by then count once, by their key.
    """
    if not once:
        return receive_rows(rows, told, actor=actor, now=now)
    name = "once:" + hashlib.sha256(once.encode()).hexdigest()
    whole = [asdict(told), rows]
    print_ = hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()
    if not cache.add(name, {"of": print_}, CALL_SECONDS):
        before = cache.get(name) or {}
        if before.get("of") != print_:
            return 409, {"detail": tr("This Idempotency-Key came before with other rows. Use a new one for new rows.")}
        if "status" not in before:
            return 409, {
                "detail": tr("The first call with this Idempotency-Key is still under way. Ask again in a while.")
            }
        return before["status"], before["answer"]
    try:
        status, answer = receive_rows(rows, told, actor=actor, now=now)
    except BaseException:
        cache.delete(name)
        raise
    # An answer quotes values of rows that were not taken; of those, only which row and why is kept.
    kept = {**answer, "errors": [{k: v for k, v in one.items() if k != "value"} for one in answer.get("errors", [])]}
    cache.set(name, {"of": print_, "status": status, "answer": kept}, DAY_SECONDS)
    return status, answer


def receive_rows(
    rows: Sequence[Mapping[str, Any]], told: Told, *, actor: User, now: datetime
) -> tuple[int, dict[str, Any]]:
    """Bring rows in as one batch: (status, answer). 422 where none of them came in, with each row's reasons.

    Raises TenureError for rows that are no table of this contract.
    """
    here = open_workspace()
    lake = _lake(here)
    table = as_table(rows)
    asked: dict[str, Any] = {
        "source": told.source, "zone": here.zone, "currency": here.currency, "now": now, "name": f"API ({told.source})",
        "mode": told.mode, "match_on": told.match_on or None,
    }  # fmt: skip
    if told.all_or_nothing or told.dry_run:
        tried = _answered(lake, table, told, {**asked, "dry_run": True})
        if tried["rejected"] and (told.all_or_nothing or not tried["accepted"]):
            return 422, tried | {"accepted": 0, "detail": tr("Nothing was taken: not every row can be.")}
        if told.dry_run:
            return 200, tried
    answer = _answered(lake, table, told, asked)
    if answer["batch"] is None:
        return 422, answer | {"detail": tr("Nothing was taken: no row can be.")}
    with transaction.atomic():
        audit.record(
            "finish_import", "batch", answer["batch"], actor=actor, now=now, contract=told.contract, source=told.source,
            through="api", accepted=answer["accepted"], rejected=answer["rejected"],
        )  # fmt: skip
        announce(ImportFinished(answer["batch"], told.contract, answer["accepted"], answer["rejected"]))
    return 200, answer


def as_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of JSON as columns of text, as a file would hold them; what is nested stays JSON text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise TenureError(tr("The rows have no fields."))
    return pa.table({name: pa.array([_as_text(row.get(name)) for row in rows], pa.string()) for name in names})


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode() if value else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _answered(lake: Lake, table: pa.Table, told: Told, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What an import of these rows says, row by row, also where it takes none of them."""
    uploads.folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=uploads.folder()) as place:
        try:
            report = import_table(lake, table, told.contract, rejects_folder=Path(place), **asked)
        except TenureError:
            errors = [error for path in sorted(Path(place).iterdir()) for error in _errors_in(path)]
            if not errors:
                raise
            return {
                "batch": None, "contract": told.contract, "source": told.source, "read": table.num_rows, "accepted": 0,
                "rejected": len(errors), "created": 0, "updated": 0, "unchanged": 0,
                "dry_run": bool(asked.get("dry_run")), "errors": errors,
            }  # fmt: skip
    names = (
        "batch",
        "contract",
        "source",
        "read",
        "accepted",
        "rejected",
        "created",
        "updated",
        "unchanged",
        "dry_run",
    )
    errors = [
        {"row": one.row, "field": one.column, "value": one.value, "reason": one.reason, "remedy": one.remedy}
        for one in report.rejects
    ]
    return {name: getattr(report, name) for name in names} | {"errors": errors}


def _errors_in(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return [
            {"row": int(row[0]), "field": row[1], "value": row[2], "reason": row[3], "remedy": row[4]} for row in rows
        ]


def undo(batch: str, *, actor: User | None, now: datetime) -> dict[str, Any]:
    """Take a batch back, and write down who did and what became of its records; the answer names those edited since.

    Raises TenureError where there is no such batch, or it counts no more.
    """
    report = undoing.undo(_lake(open_workspace()), batch, now)
    became = {
        "contract": report.contract, "withdrawn": report.withdrawn, "restored": report.restored,
        "kept_count": report.kept_count,
    }  # fmt: skip
    kept = [str(one) for one in report.kept[:NAMED]]
    return _note_undo(batch, became, actor=actor, now=now) | {"kept": kept}


def foretold(batch: str) -> UndoReport | None:
    """What an undo would do; None where the batch counts no more."""
    try:
        return undoing.foretold(_lake(open_workspace()), batch)
    except TenureError:
        return None


@transaction.atomic
def _note_undo(batch: str, became: dict[str, Any], *, actor: User | None, now: datetime) -> dict[str, Any]:
    audit.record("undo_import", "batch", batch, actor=actor, now=now, **became)
    announce(ImportUndone(batch, str(became.get("contract", ""))))
    return {"batch": batch, **became}


def _person(user_id: int | None) -> User | None:
    return User.objects.filter(pk=user_id).first() if user_id is not None else None


def _state_of(batch: str) -> str | None:
    found = [info.state for info in _lake(open_workspace()).batches() if info.batch == batch]
    return found[0] if found else None


def told(report: ImportReport) -> dict[str, Any]:
    """A report as a job keeps it: counts, sums and reasons; nothing out of the rows."""
    return {
        "batch": report.batch, "contract": report.contract, "source": report.source, "kind": report.kind,
        "currency": report.currency, "sums": dict(report.sums), "reasons": dict(report.reasons),
        "reject_file": report.reject_file.name if report.reject_file else None, "seconds": round(report.seconds, 1),
        **{name: value for name in _COUNTS if (value := getattr(report, name, None)) is not None},
    }  # fmt: skip


def rejects_path(name: str) -> Path | None:
    """The file of rejected rows of this name, where it is still there."""
    folder = open_workspace().rejects_folder
    path = folder / name
    return path if path.parent == folder and path.is_file() else None


def lake_here() -> Lake:
    return _lake(open_workspace())


def samples_of(upload: Upload) -> dict[str, list[dict[str, str]]]:
    """A few rows the last check found new, changed and unchanged; nothing where there was none."""
    try:
        return read_document(uploads.path_of(upload).parent / SAMPLES) or {}
    except (TenureError, OSError, ValueError):
        return {}


def _slips(running: Running, upload: Upload, lake: Lake) -> dict[str, Any]:
    running.tell(tr("Looking for misspelt values"), 0, 0)
    chosen, path = upload.choices, uploads.path_of(upload)
    names = ("encoding", "sheet", "delimiter", "header_row")
    # As the file has them: what is mended already is still offered, to be taken back.
    reader = source_for(path).open(path, Options(**{name: chosen.get(name) for name in names}))
    looked = look_into(
        reader, chosen["contract"], chosen.get("mapping"), lake, source=chosen.get("source", "main"), most=LOOKED_INTO,
        stop=lambda: running.stopping,
    )  # fmt: skip
    if running.stopping:
        raise Stopped
    found = storable([list(astuple(one)) for one in looked.found[:OFFERED]])
    return {"rows": looked.rows, "whole": looked.whole, "found": found}


def slips_of(upload: Upload) -> tuple[list[Suspect], int | None]:
    """Values the last check took for misspelt, and in how many rows it looked: None where in all of them."""
    try:
        told = read_document(uploads.path_of(upload).parent / SLIPS) or {}
    except (TenureError, OSError, ValueError):
        told = {}
    return [Suspect(*one) for one in told.get("found", [])], None if told.get("whole", True) else told["rows"]


def _imported(
    running: Running,
    upload: Upload,
    here: Workspace,
    lake: Lake,
    *,
    now: datetime,
    dry_run: bool,
    resume: str | None = None,
) -> ImportReport:
    chosen = upload.choices
    saying = tr("Checking the rows") if dry_run else tr("Importing the rows")
    running.tell(tr("Reading the file"), 0, 0)
    # What somebody began and never ended is in nobody's way: with the file's place in hand, its process is dead.
    again = bool(chosen.get("again")) or not twins(lake, upload)
    try:
        return import_file(
            lake, uploads.path_of(upload), chosen["contract"], zone=here.zone, currency=here.currency,
            rejects_folder=here.rejects_folder, now=now, mapping=chosen.get("mapping"), source=chosen.get("source", "main"),
            ids_of=chosen.get("ids_of"), dry_run=dry_run, encoding=chosen.get("encoding"), sheet=chosen.get("sheet"),
            date_order=chosen.get("date_order"), delimiter=chosen.get("delimiter"), header_row=chosen.get("header_row"),
            mode=chosen.get("mode", "upsert"), match_on=chosen.get("match_on"), resume=resume, again=again,
            corrections=chosen.get("corrections"),
            stop=lambda: running.stopping, progress=lambda done, total: running.tell(saying, done, total),
        )  # fmt: skip
    except StoppedError:
        raise Stopped from None
    except UnicodeError as error:
        raise TenureError(
            tr(
                "A row holds half of a character, such as \\ud800 in JSON, which no text has. Mend the file and send it again."
            )
        ) from error


def twins(lake: Lake, upload: Upload) -> list[BatchInfo]:
    """Batches of this very file that count."""
    return [info for info in lake.batches() if info.fingerprint == upload.fingerprint and info.state == "committed"]


def _batch_of(lake: Lake, upload: Upload, began: datetime) -> BatchInfo | None:
    same = [b for b in lake.batches() if b.fingerprint == upload.fingerprint and b.at == began]
    return same[-1] if same else None


def _from_batch(found: BatchInfo) -> dict[str, Any]:
    """What is known of an import whose worker died between the lake's commit and the desk's."""
    return {
        "batch": found.batch, "contract": found.contract, "source": found.source, "reasons": {}, "sums": {},
        "accepted": found.rows, "rejected": 0, "reject_file": None, **found.report,
    }  # fmt: skip


def _lake(here: Workspace) -> Lake:
    return Lake(here.lake_folder, zone=here.zone, currency=here.currency)
