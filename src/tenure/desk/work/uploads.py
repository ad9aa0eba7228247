"""Files on their way in: received whole or not at all, kept for days, and gone once they are imported.

A file lies as it was sent in `<home>/uploads/<key>/`, readable by its owner alone. It is personal data in clear, so it
is there for no longer than it is needed: until its import is done, for a week at the most, or until somebody is erased.
"""

import hashlib
import os
import secrets
import shutil
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from tenure.contracts import CONTRACTS
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.work import jobs, mending
from tenure.desk.work.events import FileUploaded, ImportStarted, MappingTemplateSaved
from tenure.desk.work.jobs import storable
from tenure.desk.work.models import Job, MappingTemplate, Upload
from tenure.errors import TenureError
from tenure.home import settle
from tenure.language import tr
from tenure.sources.spelling import checked
from tenure.workspace import open_workspace

KEPT = timedelta(days=7)
STRAY = timedelta(days=1)  # a folder without a row, left by a process killed while it received a file
CHECK, IMPORT = "check", "import"
# What a person may say of a file. mapping: column → field, "-" for none. corrections: column → {misspelt: meant}.
CHOICES = frozenset(
    {"contract", "source", "ids_of", "encoding", "delimiter", "sheet", "header_row", "mapping", "mode", "match_on",
     "date_order", "again", "template", "corrections"}
)  # fmt: skip


def folder() -> Path:
    return open_workspace().home / "uploads"


def path_of(upload: Upload) -> Path:
    """Where the file lies. Raises TenureError where it is gone."""
    path = folder() / upload.key / _safe(upload.name)
    if upload.gone_at is not None or not path.is_file():
        raise TenureError(tr('The file "{name}" is no longer kept here. Send it again to import it.', name=upload.name))
    return path


def visible_to(user: User) -> QuerySet[Upload]:
    """The files this person may look into: the own ones; for who sees every customer in clear, all."""
    found = Upload.objects.select_related("uploaded_by", "job")
    scope = scope_of(user)
    return found if scope.sees_all and not scope.hides and not scope.masked else found.filter(uploaded_by=user)


def receive(chunks: Iterable[bytes], *, name: str, kind: str, actor: User | None, now: datetime) -> Upload:
    """Put a file that somebody sends into the home folder, chunk by chunk, and note that it came.

    It is on the disk for certain before its row is there; killed in between, the next `forget` clears it away.
    Raises TenureError where the disk is full.
    """
    name = str(storable(PurePath(name.replace("\\", "/")).name[:200])) or "file"
    key = secrets.token_hex(16)
    place = folder() / key
    digest, size = hashlib.sha256(), 0
    place.mkdir(parents=True, mode=0o700)
    try:
        path = place / _safe(name)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        settle(place)
        settle(folder())
        with transaction.atomic():
            upload = Upload.objects.create(
                key=key, name=name, kind=kind, size=size, fingerprint=digest.hexdigest(), uploaded_by=actor,
                uploaded_at=now, expires_at=now + KEPT,
            )  # fmt: skip
            audit.record("upload_file", "upload", upload.pk, actor=actor, now=now, file=name)
            announce(FileUploaded(upload.pk))
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, OSError):
            raise TenureError(
                tr("The file could not be kept: {error}. Free some space on the server's disk.", error=error.strerror)
            ) from error
        raise
    return upload


@transaction.atomic
def choose(upload_id: int, choices: Mapping[str, Any], *, now: datetime) -> Upload:
    """Say how the file is to be read; what is not named stays as it was, None takes it back.

    Raises TenureError while the file is being imported.
    """
    upload = Upload.objects.select_for_update(of=("self",)).get(pk=upload_id)
    if (job := running(upload)) is not None and job.kind == IMPORT:
        raise TenureError(tr('"{name}" is being imported right now.', name=upload.name))
    if unknown := sorted(set(choices) - CHOICES):
        raise ValueError(f"no choice of a file: {', '.join(unknown)}")
    if choices.get("contract") and choices["contract"] not in CONTRACTS:
        raise TenureError(tr('There is no contract "{contract}".', contract=choices["contract"]))
    if choices.get("corrections"):
        choices = {**choices, "corrections": checked(choices["corrections"])}
    if storable(dict(choices)) != dict(choices):
        raise TenureError(
            tr("A name holds characters that no text has. Rename the column or the sheet, then send it again.")
        )
    merged = {**upload.choices, **choices}
    upload.choices = {name: value for name, value in merged.items() if value not in (None, "", [], {})}
    upload.save(update_fields=["choices"])
    return upload


@transaction.atomic
def begin(upload_id: int, what: str, *, actor: User, now: datetime) -> int:
    """Have a worker try the import without keeping anything (`check`), or do it (`import`); returns the job's id.

    Asked again while it is under way, the same job is returned. Raises TenureError where the file is gone.
    """
    upload = Upload.objects.select_for_update(of=("self",)).get(pk=upload_id)
    path_of(upload)
    if not upload.choices.get("contract"):
        raise TenureError(tr("Say first what the rows are."))
    if upload.batch:
        raise TenureError(tr('"{name}" is imported already.', name=upload.name))
    at_it = running(upload)
    if at_it is not None and at_it.kind == IMPORT:
        return int(at_it.pk)
    if at_it is not None:
        jobs.stop(at_it.pk, actor=actor, now=now)
    job = jobs.start(what, params={"upload": upload.pk}, actor=actor, now=now)
    upload.job_id = job
    upload.expires_at = now + KEPT
    upload.save(update_fields=["job", "expires_at"])
    if what == IMPORT:
        audit.record(
            "start_import", "upload", upload.pk, actor=actor, now=now, file=upload.name,
            contract=upload.choices["contract"], source=upload.choices.get("source", "main"),
        )  # fmt: skip
        announce(ImportStarted(upload.pk, job))
    return job


@transaction.atomic
def drop(upload_id: int, *, actor: User | None, now: datetime) -> None:
    """Delete a file that was sent. Raises TenureError while it is being imported."""
    upload = Upload.objects.select_for_update(of=("self",)).get(pk=upload_id)
    at_it = running(upload)
    if at_it is not None and at_it.kind == IMPORT:
        raise TenureError(tr('"{name}" is being imported right now.', name=upload.name))
    if at_it is not None:
        jobs.stop(at_it.pk, actor=actor, now=now)
    _forget(upload, now)
    audit.record("drop_upload", "upload", upload.pk, actor=actor, now=now, file=upload.name)


def forget(now: datetime) -> None:
    """Delete what is past its time, and folders that a killed process left behind."""
    for upload in Upload.objects.filter(gone_at=None, expires_at__lte=now):
        if running(upload) is None:
            with transaction.atomic():
                drop(upload.pk, actor=None, now=now)
    if not folder().is_dir():
        return
    kept = set(Upload.objects.filter(gone_at=None).values_list("key", flat=True))
    for place in folder().iterdir():
        if place.name not in kept and place.stat().st_mtime < (now - STRAY).timestamp():
            shutil.rmtree(place, ignore_errors=True)


def _forget(upload: Upload, now: datetime) -> None:
    """Delete the file once the transaction holds; what is known of its columns goes too: a heading may name somebody."""
    upload.gone_at = now
    upload.choices = {name: value for name, value in upload.choices.items() if name in ("contract", "source")}
    upload.save(update_fields=["gone_at", "choices"])
    transaction.on_commit(lambda: shutil.rmtree(folder() / upload.key, ignore_errors=True), robust=True)


def running(upload: Upload) -> Job | None:
    """The job that is at this file now."""
    return upload.job if upload.job is not None and upload.job.alive else None


def others(upload: Upload) -> list[Upload]:
    """Who else imports the very same file at this moment."""
    same = Upload.objects.select_related("uploaded_by", "job").filter(fingerprint=upload.fingerprint, job__kind=IMPORT)
    return [one for one in same.exclude(pk=upload.pk) if running(one) is not None]


def waiting(user: User) -> list[Upload]:
    """Files of this person that were sent and not imported yet, newest first."""
    return list(visible_to(user).filter(uploaded_by=user, gone_at=None, batch="").order_by("-pk")[:50])


def templates(source: str = "") -> QuerySet[MappingTemplate]:
    found = MappingTemplate.objects.all()
    return found.filter(source=source) if source else found


@transaction.atomic
def save_template(upload_id: int, name: str, headers: list[str], *, actor: User, now: datetime) -> MappingTemplate:
    """Keep how this file is read, for the next one of its source; the same name again replaces it.

    Raises TenureError without a name.
    """
    upload = Upload.objects.get(pk=upload_id)
    name = str(storable(name)).strip()[:80]
    if not name:
        raise TenureError(tr("Give the template a name."))
    kept = {name: value for name, value in upload.choices.items() if name not in ("template", "corrections")}
    template, _ = MappingTemplate.objects.update_or_create(
        source=kept.get("source", "main"), name=name,
        defaults={"contract": kept.get("contract", ""), "choices": kept, "headers": storable(headers), "made_by": actor, "made_at": now},
    )  # fmt: skip
    mending.agree(template.source, template.contract, upload.choices.get("corrections", {}))
    upload.choices = {**upload.choices, "template": name}
    upload.save(update_fields=["choices"])
    audit.record(
        "save_template", "mapping_template", template.pk, actor=actor, now=now, name=name, source=template.source
    )
    announce(MappingTemplateSaved(template.pk))
    return template


@transaction.atomic
def use_template(upload_id: int, template_id: int, headers: list[str], *, now: datetime) -> Upload:
    """Read the file as the template says, as far as it has its columns. Raises MappingTemplate.DoesNotExist."""
    template = MappingTemplate.objects.get(pk=template_id)
    mapping = template.choices.get("mapping", {})
    kept = {
        name: template.choices.get(name) for name in CHOICES - {"sheet", "encoding", "again", "template", "corrections"}
    }
    there = {header: field for header, field in mapping.items() if header in headers}
    told = {"mapping": there, "template": template.name, "corrections": template.corrections}
    return choose(upload_id, {**kept, **told}, now=now)


@transaction.atomic
def mend(
    upload_id: int,
    corrections: Mapping[str, Mapping[str, str]],
    headers: list[str],
    *,
    keep_as: str,
    actor: User,
    now: datetime,
) -> MappingTemplate | None:
    """Have these misspelt values read as what was meant, in every row of this file; these and no others.

    keep_as: the template whose source's next files and feeds they are mended in too, made where there is none of this
    name; empty: in this file alone.
    headers: the columns of the file. Raises TenureError where what one value is mended to is mended itself.
    """
    before = Upload.objects.get(pk=upload_id).choices.get("corrections", {})
    upload = choose(upload_id, {"corrections": {column: dict(pairs) for column, pairs in corrections.items()}}, now=now)
    name = str(storable(keep_as)).strip()[:80]
    if not name:
        return None
    source = upload.choices.get("source", "main")
    template = MappingTemplate.objects.select_for_update(of=("self",)).filter(source=source, name=name).first()
    if template is None:
        return save_template(upload_id, name, headers, actor=actor, now=now)
    # What the source's other files and feeds taught is not for this one to take back; what it ticked before is.
    agreed = mending.agree(source, template.contract, upload.choices.get("corrections", {}), without=before)
    audit.record(
        "save_template", "mapping_template", template.pk, actor=actor, now=now, name=name, source=source,
        corrections=sum(len(pairs) for pairs in agreed.values()),
    )  # fmt: skip
    announce(MappingTemplateSaved(template.pk))
    return template


@transaction.atomic
def drop_template(template_id: int, *, actor: User, now: datetime) -> None:
    """Forget a template. Raises MappingTemplate.DoesNotExist."""
    template = MappingTemplate.objects.get(pk=template_id)
    audit.record("drop_template", "mapping_template", template.pk, actor=actor, now=now, name=template.name)
    template.delete()


def _safe(name: str) -> str:
    """A name for the disk: what people read stays; what a file system or a terminal takes amiss does not."""
    cleaned = "".join("_" if unicodedata.category(c) in ("Cc", "Cf", "Cs") or c in '/\\:*?"<>|' else c for c in name)
    stem, dot, ending = cleaned.strip(". ").rpartition(".")
    if not dot:
        stem, ending = ending, ""
    while len(stem.encode()) > 150:
        stem = stem[:-1]
    return f"{stem or 'file'}{dot}{ending[:20]}"


def may_import(user: Any) -> bool:
    return may(user, "import")
