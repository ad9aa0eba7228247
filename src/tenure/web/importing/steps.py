"""The steps of an import: send a file, see what was understood, map its columns, try it out, import it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS, Column, Contract
from tenure.contracts.custom import KINDS as KIND_WORDS
from tenure.currencies import minor_digits
from tenure.desk.customers.api import add_field, own_fields, propose, template_of
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake, workspace
from tenure.desk.work import imports, uploads
from tenure.desk.work.models import MappingTemplate, Upload
from tenure.errors import TenureError
from tenure.language import Words
from tenure.pipeline.following import practice
from tenure.sources.looking import Sighting
from tenure.sources.mapping import DROP, LEAVE, ROW
from tenure.web.frame import render
from tenure.web.importing import seen
from tenure.web.importing.rejects import first_rejects
from tenure.web.uploads import checked_upload, most_bytes

KINDS = ("csv", "tsv", "txt", "jsonl", "ndjson", "xlsx", "xlsm", "xls", "parquet", "pq")
ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "cp1252", "latin-1", "shift_jis")
DELIMITERS = ((",", ","), (";", ";"), ("\t", "Tab"), ("|", "|"))
STEPS = ("file", "look", "map", "check", "run")

View = Callable[..., HttpResponse]


def of_an_upload(view: View) -> View:
    """Gives the view the upload its address names; one that is not the asker's to look into is not there."""

    @wraps(view)
    def found(request: HttpRequest, upload_id: int) -> HttpResponse:
        upload = uploads.visible_to(_actor(request)).filter(pk=upload_id).first()
        if upload is None:
            raise Http404
        return view(request, upload)

    return found


def start(request: HttpRequest) -> HttpResponse:
    """Send a file, or go on with one that was sent before."""
    actor = _actor(request)
    if request.method == "POST":
        try:
            file = request.FILES.get("file")
        except RequestDataTooBig:
            file = None
        try:
            if file is None:
                raise TenureError(_too_large(request) or _("No file came. Choose one, then send it."))
            kind = checked_upload(file, KINDS, most_bytes())
            upload = uploads.receive(file.chunks(), name=file.name or "", kind=kind, actor=actor, now=timezone.now())
            return HttpResponseRedirect(reverse("admin:import_look", args=[upload.pk]))
        except TenureError as error:
            messages.error(request, str(error))
    return render(
        request,
        "importing/start.html",
        _("Import"),
        step="file",
        steps=STEPS,
        waiting=uploads.waiting(actor),
        accept=",".join(f".{kind}" for kind in KINDS),
        most=most_bytes() // (1 << 20),
        days=uploads.KEPT.days,
        contracts=[(name, CONTRACTS[name]) for name in _in_order()],
        templates=[
            (one, CONTRACTS[one.contract].words) for one in uploads.templates()[:100] if one.contract in CONTRACTS
        ],
    )


def _in_order() -> list[str]:
    """The contracts in the order to import them, where an industry pack says one; the others after these."""
    first = [name for name in practice(lake()).contracts if name in CONTRACTS]
    return [*first, *(name for name in CONTRACTS if name not in first)]


@require_safe
def to_fill_in(request: HttpRequest, contract: str) -> HttpResponse:
    """The CSV file to fill in for one kind of records: its headings, the company's own fields, and an example."""
    if contract not in CONTRACTS:
        raise Http404
    # With the mark by which a spreadsheet knows UTF-8 from the encoding of its country.
    return HttpResponse(
        "\ufeff" + template_of(contract),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{contract}.csv"'},
    )


@of_an_upload
def look(request: HttpRequest, upload: Upload) -> HttpResponse:
    """What was understood of the file; every point of it can be changed."""
    if over := _over(upload):
        return over
    if request.method == "POST":
        try:
            upload = uploads.choose(upload.pk, _reading(request, upload), now=timezone.now())
            template = request.POST.get("template", "")
            if template.isascii() and template.isdecimal() and len(template) < 12:
                headers = list(seen.sighting(upload, mapping=None).headers)
                uploads.use_template(upload.pk, int(template), headers, now=timezone.now())
                return HttpResponseRedirect(reverse("admin:import_map", args=[upload.pk]))
            if "next" in request.POST:
                best = seen.sighting(upload, mapping=None).contract
                if not upload.choices.get("contract"):
                    uploads.choose(upload.pk, {"contract": best}, now=timezone.now())
                return HttpResponseRedirect(reverse("admin:import_map", args=[upload.pk]))
        except MappingTemplate.DoesNotExist:
            messages.error(request, _("This template is there no more."))
        except TenureError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:import_look", args=[upload.pk]))
    found: Sighting | None = None
    trouble = None
    headings: list[str] = []
    rows: list[list[str]] = []
    more = 0
    try:
        found = seen.sighting(upload, mapping=None)
        headings, rows, more = seen.first_rows(upload, found)
    except TenureError as error:
        trouble = str(error)
    fits = dict(found.contracts) if found else {}
    return render(
        request,
        "importing/look.html",
        upload.name,
        step="look",
        steps=STEPS,
        upload=upload,
        found=found,
        trouble=trouble,
        headings=headings,
        rows=rows,
        more=more,
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        text=upload.kind in ("csv", "tsv", "txt", "jsonl", "ndjson"),
        delimited=upload.kind in ("csv", "tsv", "txt"),
        contracts=[(name, CONTRACTS[name].words) for name in sorted(CONTRACTS, key=lambda name: -fits.get(name, 0))],
        contract=upload.choices.get("contract") or (found.contract if found else ""),
        source=upload.choices.get("source", "main"),
        sources=_sources(),
        templates=_fitting(found.headers if found else ()),
        **_about(upload),
    )


@of_an_upload
def map_(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Which column is which field; what nobody names is guessed, and what no field takes is kept beside."""
    if over := _over(upload):
        return over
    if not upload.choices.get("contract"):
        return HttpResponseRedirect(reverse("admin:import_look", args=[upload.pk]))
    shape = CONTRACTS[upload.choices["contract"]]
    own = [one.column for one in own_fields(shape.name)]
    mapping = dict(upload.choices.get("mapping", {}))
    try:
        found = seen.sighting(upload)
    except TenureError as error:
        # The columns may be others since they were mapped: another sheet, another row of headings.
        messages.warning(request, str(error))
        mapping = {}
        try:
            found = seen.sighting(upload, mapping=None)
        except TenureError:
            return HttpResponseRedirect(reverse("admin:import_look", args=[upload.pk]))
    if request.method == "POST":
        mapping = seen.chosen(found, request.POST.dict(), shape, own)
        now = timezone.now()
        try:
            if "make" in request.POST and _may_make(request, shape):
                mapping |= _made(request, upload, found)
            found = seen.sighting(upload, mapping=mapping)
            choices: dict[str, Any] = {"mapping": mapping}
            choices["date_order"] = (
                request.POST.get("date_order") if request.POST.get("date_order") in ("dmy", "mdy") else None
            )
            choices["match_on"] = [name for name in request.POST.getlist("match_on") if name in seen.finders(shape)]
            choices["mode"] = request.POST.get("mode") if request.POST.get("mode") in ("create", "update") else None
            uploads.choose(upload.pk, choices, now=now)
            if "make" in request.POST:
                return HttpResponseRedirect(reverse("admin:import_map", args=[upload.pk]))
            if "save" in request.POST:
                template = uploads.save_template(
                    upload.pk,
                    request.POST.get("template_name", ""),
                    list(found.headers),
                    actor=_actor(request),
                    now=now,
                )
                messages.success(
                    request, _("Saved as “%(name)s”. It is offered for the next file.") % {"name": template.name}
                )
                return HttpResponseRedirect(reverse("admin:import_map", args=[upload.pk]))
            if not seen.missing(found) or ROW in mapping:
                uploads.begin(upload.pk, uploads.CHECK, actor=_actor(request), now=now)
                return HttpResponseRedirect(reverse("admin:import_check", args=[upload.pk]))
            messages.error(request, _("Some fields are still without a column; see above the table."))
        except TenureError as error:
            messages.error(request, str(error))
    numbered = seen.may_be_numbered(shape)
    return render(
        request,
        "importing/map.html",
        upload.name,
        step="map",
        steps=STEPS,
        upload=upload,
        found=found,
        shape=shape,
        columns=seen.columns(found, mapping, own),
        own=own,
        may_make=_may_make(request, shape),
        fields=sorted(shape.columns, key=lambda c: not (c.required or c.name in shape.key)),
        needed={c.name for c in shape.columns if c.required} | set(shape.key),
        missing=[] if ROW in mapping else seen.missing(found),
        numbered=numbered if numbered is not None and numbered.name not in found.fields else None,
        numbering=ROW in mapping,
        leave=LEAVE,
        drop=DROP,
        date_order=upload.choices.get("date_order", ""),
        mode=upload.choices.get("mode", ""),
        finders=[shape[name] for name in seen.finders(shape)],
        match_on=upload.choices.get("match_on", []),
        has_dates=any(c.type in ("instant", "date") for c in shape.columns),
        saved_as=upload.choices.get("template", ""),
        **_about(upload),
    )


def _may_make(request: HttpRequest, shape: Contract) -> bool:
    return shape.name == "customers" and may(request.user, "fields")


def _made(request: HttpRequest, upload: Upload, found: Sighting) -> dict[str, str]:
    """Make a field of the company's own of one column, and map the column to it. Raises TenureError where it can't be."""
    place = request.POST["make"]
    if not (place.isascii() and place.isdecimal() and len(place) < 6 and int(place) < len(found.headers)):
        raise TenureError(_("This column is not in the file any more. Look at the columns again."))
    header = found.headers[int(place)]
    draft = propose(header, seen.values(upload, found, header))
    made = add_field(draft, actor=_actor(request), now=timezone.now())
    messages.success(
        request,
        _("“%(name)s” is a field of customers now (%(kind)s). It can be changed under Fields.")
        % {"name": made.words, "kind": KIND_WORDS[made.kind]},
    )
    return {header: made.column.name}


@of_an_upload
def check(request: HttpRequest, upload: Upload) -> HttpResponse:
    """What the import would do: how many rows come in, which do not and why, and which values are likely misspelt."""
    if over := _over(upload):
        return over
    job = upload.job
    if job is None:
        return HttpResponseRedirect(reverse("admin:import_map", args=[upload.pk]))
    if request.method == "POST":
        try:
            _mend(request, upload)
        except TenureError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:import_check", args=[upload.pk]))
    result = job.result if job.status == job.Status.DONE else {}
    shape = CONTRACTS[upload.choices["contract"]]
    return render(
        request,
        "importing/check.html",
        upload.name,
        step="check",
        steps=STEPS,
        upload=upload,
        job=job,
        result=result,
        shape=shape,
        counts=counted(result),
        samples=[(words, _table(shape, imports.samples_of(upload).get(name, []))) for name, words in _SAMPLED.items()],
        rejects=first_rejects(result.get("reject_file")),
        sums=sums(result),
        slips=seen.slips(upload),
        looked_into=imports.slips_of(upload)[1],
        keep_as=upload.choices.get("template", ""),
        **_about(upload),
    )


def _mend(request: HttpRequest, upload: Upload) -> None:
    """Take over which misspelt values are to be mended, and try the import out again with them."""
    agreed = seen.agreed(upload, request.POST.getlist("mend"))
    headers = list(seen.sighting(upload).headers)
    now, actor = timezone.now(), _actor(request)
    kept = uploads.mend(
        upload.pk, agreed, headers, keep_as=request.POST.get("keep_as", ""), actor=actor, now=now
    )  # fmt: skip
    uploads.begin(upload.pk, uploads.CHECK, actor=actor, now=now)
    if kept is not None:
        messages.success(
            request,
            _("Kept with the template “%(name)s”: its next file is mended without asking.") % {"name": kept.name},
        )


@require_POST
@of_an_upload
def run(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Have the file imported."""
    try:
        uploads.choose(upload.pk, {"again": request.POST.get("again") == "1"}, now=timezone.now())
        uploads.begin(upload.pk, uploads.IMPORT, actor=_actor(request), now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:import_check", args=[upload.pk]))
    return HttpResponseRedirect(reverse("admin:import_result", args=[upload.pk]))


@of_an_upload
def result(request: HttpRequest, upload: Upload) -> HttpResponse:
    """How the import goes, and what became of it."""
    job = upload.job
    if job is None or job.kind != uploads.IMPORT:
        return HttpResponseRedirect(reverse("admin:import_look", args=[upload.pk]))
    found = job.result if job.status == job.Status.DONE else {}
    return render(
        request,
        "importing/result.html",
        upload.name,
        step="run",
        steps=STEPS,
        upload=upload,
        job=job,
        result=found,
        shape=CONTRACTS.get(upload.choices.get("contract", "")),
        counts=counted(found),
        rejects=first_rejects(found.get("reject_file")),
        sums=sums(found),
    )


@require_POST
@of_an_upload
def drop(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Delete a file that was sent."""
    try:
        uploads.drop(upload.pk, actor=_actor(request), now=timezone.now())
        messages.success(request, _("Deleted: %(name)s.") % {"name": upload.name})
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:import"))


@require_POST
def drop_template(request: HttpRequest, template_id: int) -> HttpResponse:
    """Forget a mapping template."""
    try:
        uploads.drop_template(template_id, actor=_actor(request), now=timezone.now())
    except MappingTemplate.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(reverse("admin:import"))


COUNTED = ("read", "created", "updated", "unchanged", "accepted", "rejected", "left_out", "blank", "refunds", "rounded")


def counted(result: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(what, how many) of an import's report, in words."""
    words = {
        "read": _("Rows read"), "created": _("New records"), "updated": _("Changed records"),
        "unchanged": _("Unchanged"), "accepted": _("Accepted"), "rejected": _("Rejected"),
        "left_out": _("Left out"), "blank": _("Blank rows"), "refunds": _("Refunds"), "rounded": _("Rounded amounts"),
    }  # fmt: skip
    optional = {"left_out", "blank", "refunds", "rounded"}
    found = [(name, result[name]) for name in COUNTED if isinstance(result.get(name), int)]
    return [(words[name], count) for name, count in found if count or name not in optional]


_SAMPLED = {
    "created": Words("New", "新增"),
    "updated": Words("Changed", "变更"),
    "unchanged": Words("Unchanged", "未变"),
}


def _table(shape: Contract, rows: list[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of a few rows, as people write them."""
    names = [name for name in shape.names if any(row.get(name) for row in rows)]
    cells = [[_written(shape[name], row.get(name) or "", row.get("currency")) for name in names] for row in rows]
    return [str(shape[name].words) for name in names], cells


def _written(column: Column, text: str, currency: str | None) -> str:
    """A cell as people write it: moments in the business zone, money in whole units, codes as words."""
    if not text:
        return "–"
    if text in column.values:
        return str(column.values[text])
    try:
        if column.type == "instant":
            return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%d %H:%M}"
        if column.type == "money":
            digits = minor_digits(currency or workspace().currency)
            return f"{int(text) / 10**digits:,.{digits}f}"
    except ValueError:
        pass
    return text


def sums(result: dict[str, Any]) -> list[tuple[str, str]]:
    """(what, how much) of each column of money, in whole units where the file has one currency."""
    shape = CONTRACTS.get(result.get("contract", ""))
    currency = result.get("currency")
    if shape is None or not currency:
        return []
    digits = minor_digits(currency)
    return [
        (str(shape[name].words), f"{total / 10**digits:,.{digits}f} {currency}")
        for name, total in result.get("sums", {}).items()
        if name in shape
    ]


def _reading(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    """What the form says of how the file is to be read; another reading makes a mapping of the old one void."""
    posted = request.POST
    row = posted.get("header_row", "")
    choices: dict[str, Any] = {
        "encoding": posted.get("encoding") if posted.get("encoding") in ENCODINGS else None,
        "delimiter": posted.get("delimiter") if posted.get("delimiter") in dict(DELIMITERS) else None,
        "sheet": posted.get("sheet") or None,
        "header_row": int(row) if row.isascii() and row.isdecimal() and len(row) < 5 and int(row) else None,
        "contract": posted.get("contract") or None,
        "source": "".join(c for c in posted.get("source", "").strip() if c.isprintable())[:60] or None,
    }
    if any(
        choices[name] != upload.choices.get(name)
        for name in ("encoding", "delimiter", "sheet", "header_row", "contract")
    ):
        choices["mapping"] = None
    return choices


def _over(upload: Upload) -> HttpResponse | None:
    """Where a file is being imported or is in, its steps are behind it; where it is gone, so are they."""
    at_it = uploads.running(upload)
    if upload.batch or (at_it is not None and at_it.kind == uploads.IMPORT):
        return HttpResponseRedirect(reverse("admin:import_result", args=[upload.pk]))
    if upload.gone_at is not None:
        return HttpResponseRedirect(reverse("admin:import"))
    return None


def _about(upload: Upload) -> dict[str, Any]:
    """Who else is at this very file, and whether it is in already."""
    twins = imports.twins(lake(), upload)
    return {"others": uploads.others(upload), "twins": twins[-3:], "at_it": uploads.running(upload)}


def _sources() -> list[str]:
    return sorted({info.source for info in lake().batches()} - {"desk"})


def _fitting(headers: Any) -> list[tuple[MappingTemplate, int]]:
    """Templates saved from files with these columns, best first."""
    found = [(template, round(100 * template.fit(list(headers)))) for template in uploads.templates()[:200]]
    return sorted((pair for pair in found if pair[1] >= 50), key=lambda pair: -pair[1])[:10]


def _too_large(request: HttpRequest) -> str:
    sent = request.META.get("CONTENT_LENGTH") or "0"
    if sent.isdecimal() and int(sent) > most_bytes():
        return _(
            "The file is larger than %(most)d MB, the most a page takes. Bring it in on the server: tenure import FILE"
        ) % {"most": most_bytes() // (1 << 20)}
    return ""


def sees_everything(request: HttpRequest) -> bool:
    """Whether nothing of anybody is kept from the asker: counts over all, and rows as they came."""
    scope = scope_of(request.user)
    return scope.sees_all and not scope.hides and not scope.masked


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
