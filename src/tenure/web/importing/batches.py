"""Batches: what came in, by whom, what became of it, and the way back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers.imported_relations import WHY, left_out_of
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake, workspace
from tenure.desk.work import imports, jobs
from tenure.desk.work.models import Job, Upload
from tenure.errors import TenureError
from tenure.lake.batches import BatchInfo
from tenure.web.frame import render
from tenure.web.importing.rejects import first_rejects
from tenure.web.importing.steps import counted, sees_everything, sums

SHOWN = 300


@dataclass(frozen=True)
class Line:
    """One batch in the list. who: the person who had it imported; None for the command line and programs."""

    info: BatchInfo
    words: str
    who: str | None


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every batch received, newest first. Counts are over everybody, so they are for whoever sees everybody."""
    return render(
        request,
        "importing/batches.html",
        _("Batches"),
        lines=lines(lake().batches()[: -SHOWN - 1 : -1]),
        sees_all=scope_of(request.user).sees_all,
        may_import=may(request.user, "import"),
    )


def lines(batches: Iterable[BatchInfo]) -> list[Line]:
    """These batches as a list shows them."""
    found = [info for info in batches if info.contract in CONTRACTS]
    who = _who([info.batch for info in found])
    return [Line(info, str(CONTRACTS[info.contract].words), who.get(info.batch)) for info in found]


@require_safe
def one(request: HttpRequest, batch: str) -> HttpResponse:
    """One batch: what came in, what did not and why, and what an undo did."""
    info = _found(batch)
    upload = Upload.objects.filter(batch=batch).select_related("job", "uploaded_by").first()
    result = dict(info.report) | (upload.job.result if upload is not None and upload.job is not None else {})
    whole = sees_everything(request)
    own = upload is not None and upload.uploaded_by_id == _actor(request).pk
    path = rejects_of(info) if whole or own else None
    undone = AuditEntry.objects.filter(verb="undo_import", object_type="batch", object_id=batch).order_by("-pk").first()
    job = Job.objects.filter(kind=imports.UNDO, params__batch=batch).order_by("-pk").first()
    sees_all = scope_of(request.user).sees_all
    return render(
        request,
        "importing/batch.html",
        str(CONTRACTS[info.contract].words),
        info=info,
        shape=CONTRACTS[info.contract],
        who=_who([batch]).get(batch),
        sees_all=sees_all,
        may_import=may(request.user, "import"),
        counts=counted(result) if sees_all else [],
        reasons=sorted(result.get("reasons", {}).items(), key=lambda pair: -pair[1]) if sees_all else [],
        sums=sums({"contract": info.contract, **result}) if sees_all else [],
        rejects=first_rejects(path.name) if path else [],
        reject_file=path is not None,
        left_out=_left_out(batch) if info.contract == "relations" and sees_all else None,
        undone=undone,
        kept=job.result.get("kept", []) if job is not None and whole else [],
        job=job,
    )


def _left_out(batch: str) -> dict[str, Any] | None:
    """Relations of the batch that the pages do not show, by reason, and in which rows the first of them stand."""
    found = left_out_of(lake(), batch)
    if found is None:
        return None
    rows: dict[str, list[int]] = {}
    for row, why in found["first"]:
        rows.setdefault(why, []).append(row)
    whys = [(str(WHY[code]), n, rows.get(code, [])[:10]) for code, n in found["why"].items() if code in WHY]
    return {"rows": found["rows"], "whys": whys}


@require_safe
def confirm(request: HttpRequest, batch: str) -> HttpResponse:
    """What an undo would take away, before it is done."""
    info = _found(batch)
    later = [
        other for other in lake().batches(info.contract)
        if other.state == "committed" and other.at > info.at and other.ids_of == info.ids_of
    ]  # fmt: skip
    return render(
        request,
        "importing/undo.html",
        _("Undo an import"),
        info=info,
        shape=CONTRACTS[info.contract],
        later=later,
        whole=sees_everything(request),
        preview=imports.foretold(batch) if scope_of(request.user).sees_all else None,
        sees_all=scope_of(request.user).sees_all,
    )


@require_POST
def undo(request: HttpRequest, batch: str) -> HttpResponse:
    """Have a batch taken back."""
    info = _found(batch)
    try:
        if info.state != "committed":
            raise TenureError(_("This batch counts no more; there is nothing to undo."))
        jobs.start(
            imports.UNDO, params={"batch": batch}, actor=_actor(request), now=timezone.now(), once=f"undo:{batch}"
        )
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:batch", args=[batch]))


@require_safe
def rejects(request: HttpRequest, batch: str) -> HttpResponseBase:
    """The rows that were not taken, as a file to mend and send again; who took it is written down."""
    info = _found(batch)
    own = Upload.objects.filter(batch=batch, uploaded_by=_actor(request)).exists()
    path = rejects_of(info) if own or sees_everything(request) else None
    if path is None:
        raise Http404
    with transaction.atomic():
        audit.record(
            "export", "batch", batch, actor=_actor(request), now=timezone.now(), rejected=info.report.get("rejected", 0)
        )
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="text/csv; charset=utf-8")


def rejects_of(info: BatchInfo) -> Path | None:
    """The file of a batch's rejected rows, where it is still there."""
    folder = workspace().rejects_folder
    if not info.fingerprint or not folder.is_dir():
        return None
    begun = datetime.fromisoformat(info.report["begun"]) if "begun" in info.report else info.at
    ending = f"-{info.contract}-{begun:%Y%m%dT%H%M%S}-{info.fingerprint[:8]}.csv"
    return next((path for path in sorted(folder.iterdir()) if path.name.endswith(ending) and path.name[0] != "."), None)


def _found(batch: str) -> BatchInfo:
    info = next((info for info in lake().batches() if info.batch == batch and info.contract in CONTRACTS), None)
    if info is None:
        raise Http404
    return info


def _who(batches: list[str]) -> dict[str, str]:
    """Who had each batch imported, by the audit trail."""
    found = AuditEntry.objects.filter(verb="finish_import", object_type="batch", object_id__in=batches)
    return {
        entry.object_id: entry.actor.shown_name for entry in found.select_related("actor") if entry.actor is not None
    }


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
