"""A company's own kinds of record: made under Settings, worked with as lists, forms, files and on customers' pages."""

from collections.abc import Sequence
from pathlib import Path

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.customers import selectors, services
from tenure.desk.customers.fields import asking, layouts
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import MisfitError
from tenure.desk.customers.models import Customer, SavedView
from tenure.desk.customers.objects import bringing, definitions, export, records
from tenure.desk.customers.objects.definitions import Shape
from tenure.desk.customers.objects.models import OwnBatch, OwnObject, OwnRecord
from tenure.desk.customers.objects.records import Asked, Shown
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.desk.work import uploads
from tenure.desk.work.models import Upload
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.web.asking import asks, chips, heading
from tenure.web.fields import input_of, sent_of, shown_on
from tenure.web.frame import render
from tenure.web.uploads import checked_upload, most_bytes

MOST_ROWS = 20_000  # of a file that a page takes
KINDS = ("csv", "tsv", "txt", "jsonl", "ndjson", "xlsx", "xls", "parquet")


# The kinds


@require_safe
def kinds(request: HttpRequest) -> HttpResponse:
    """Every kind with its records within reach; for whoever keeps the fields, the way to make one."""
    scope, keeps = scope_of(request.user), may(request.user, "fields")
    found = definitions.known()
    seen = records.visible_to(scope)
    return render(
        request,
        "objects/kinds.html",
        _("Own records"),
        kinds=[(one, seen.filter(object=one).count()) for one in found],
        may_fields=keeps,
    )


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Settings: the kinds there are, those put away, and how many records each has."""
    counted = _counted(scope_of(request.user))
    every = definitions.known(archived=True)
    return render(
        request,
        "objects/settings.html",
        _("Own kinds of record"),
        kinds=[(one, counted.get(one.pk, 0)) for one in every if one.archived_at is None],
        archived=[(one, counted.get(one.pk, 0)) for one in every if one.archived_at is not None],
    )


def shape(request: HttpRequest, object_id: int | None = None) -> HttpResponse:
    """One kind as a form; without a number, a new one."""
    found = _kind(object_id, archived=True) if object_id is not None else None
    wish = Shape.of(found) if found else Shape()
    if request.method == "POST":
        told = {name: request.POST.get(name, "").strip() for name in ("name_en", "name_zh", "help_en", "help_zh")}
        wish = Shape(**told, many="many" in request.POST)
        try:
            if found is None:
                made = definitions.add_object(wish, actor=_actor(request), now=timezone.now())
                messages.success(request, _("Made. Add the fields its records have."))
                return HttpResponseRedirect(f"{reverse('admin:fields')}?object={made.code}")
            definitions.change_object(
                found.pk, wish, scope=scope_of(request.user), actor=_actor(request), now=timezone.now()
            )
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("admin:own_objects"))
        except TenureError as error:
            messages.error(request, str(error))
    return render(
        request, "objects/shape.html", str(found) if found else _("New kind of record"), wish=wish, found=found
    )


def put_away(request: HttpRequest, object_id: int) -> HttpResponse:
    """Ask before a kind goes out of sight, saying what goes with it; `back` brings it back."""
    found, scope = _kind(object_id, archived=True), scope_of(request.user)
    there = _counted(scope).get(found.pk, 0)
    if request.method == "POST":
        told = request.POST.get("records", "")
        try:
            if "back" in request.POST:
                definitions.bring_back(found.pk, actor=_actor(request), now=timezone.now())
            else:
                records_told = int(told) if told.isascii() and told.isdigit() and len(told) < 12 else None
                definitions.put_away(
                    found.pk, scope=scope, records=records_told, actor=_actor(request), now=timezone.now()
                )
            return HttpResponseRedirect(reverse("admin:own_objects"))
        except TenureError as error:
            messages.error(request, str(error))
    return render(
        request,
        "objects/put_away.html",
        _("Put away: %(name)s") % {"name": found},
        kind=found,
        records=there,
        sees_all=scope.sees_all,
    )


# Lists


@require_safe
def listed(request: HttpRequest, object_id: int) -> HttpResponse:
    """One page of a kind's records, as the query string asks for it."""
    kind, scope, user = _kind(object_id), scope_of(request.user), _actor(request)
    asked = Asked.read(request.GET)
    number = request.GET.get("page", "")
    fields = records.fields_seen(scope, kind)
    columns = records.columns_of(fields, asked.cols)
    found = records.page_of(
        scope, kind, asked, int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1, columns
    )
    _looked(user, kind, scope, columns if found.rows else [])
    owner = _customer(scope, asked.customer)
    return render(
        request,
        "objects/list.html",
        str(kind),
        kind=kind,
        asked=asked,
        page=found,
        columns=[(one, heading(one, asked, scope)) for one in columns],
        by_number=asked.but(sort="-number" if asked.sort in ("", "number") else ""),
        own=[(one, one in columns) for one in fields],
        asks=asks(fields, columns, asked, scope),
        chips=([(str(owner), asked.but(customer=None))] if owner is not None else []) + chips(fields, asked),
        views=[view for view in selectors.saved_views(user, kind.code) if view.name],
        may_edit=may(user, "edit"),
        may_export=may(user, "export"),
        may_share=may(user, "share"),
        may_import=may(user, "import") and scope.sees_all,
        may_fields=may(user, "fields"),
        sees_name=scope.sees("name"),
    )


@require_POST
def view(request: HttpRequest, object_id: int) -> HttpResponse:
    """Save this list under a name, or (`columns`) show the chosen fields in it."""
    kind, user = _kind(object_id), _actor(request)
    asked = Asked.read(request.POST)
    query = asked.query
    if "columns" in request.POST:
        query = asked.but(cols=",".join(f"c_{pk}" for pk in asking.columns_in(",".join(request.POST.getlist("show")))))
    else:
        try:
            services.save_view(
                user, request.POST.get("name", ""), query, about=kind.code, now=timezone.now(),
                shared=bool(request.POST.get("shared")) and may(user, "share"),
            )  # fmt: skip
        except TenureError as error:
            messages.error(request, str(error))
    return HttpResponseRedirect(f"{reverse('admin:own_records', args=[kind.pk])}?{query}")


@require_POST
def drop_view(request: HttpRequest, object_id: int, view_id: int) -> HttpResponse:
    try:
        services.delete_view(_actor(request), view_id, now=timezone.now())
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    return HttpResponseRedirect(reverse("admin:own_records", args=[object_id]))


@require_POST
def exported(request: HttpRequest, object_id: int) -> StreamingHttpResponse:
    """The whole list as CSV, streamed: what the asker may see, and an audit entry before the first byte leaves."""
    kind, scope, user = _kind(object_id), scope_of(request.user), _actor(request)
    asked, fields = Asked.read(request.POST), records.fields_seen(scope, kind)
    rows = records.listing(scope, kind, asked).order_by().count()
    services.record_export(what=kind.code, rows=rows, query=asked.query, actor=user, now=timezone.now())
    name = f"{kind.code}-{timezone.localdate():%Y%m%d}.csv"
    return StreamingHttpResponse(
        export.lines(records.each(scope, kind, asked, fields), export.columns_for(kind, scope, fields)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# One record


def one(request: HttpRequest, object_id: int, record_id: int) -> HttpResponse:
    """A record: whose it is and what is in it; with `?edit=1`, for whoever may, as a form."""
    kind, scope = _kind(object_id), scope_of(request.user)
    fields = records.fields_seen(scope, kind)
    there = records.visible_to(scope).filter(object=kind, pk=record_id).exists()
    if not there:
        raise Http404
    (found,) = records.shown(scope, [record_id], fields)
    edits = may(request.user, "edit")
    if edits and (request.method == "POST" or "edit" in request.GET):
        return _form(request, kind, scope, found)
    _looked(_actor(request), kind, scope, fields, record_id)
    return render(
        request,
        "objects/record.html",
        str(found),
        kind=kind,
        record=found,
        own=shown_on(found.values, layouts.laid_out(fields, contract=kind.code)),
        may_edit=edits,
        may_fields=may(request.user, "fields"),
        sees_name=scope.sees("name"),
    )


def new(request: HttpRequest, object_id: int) -> HttpResponse:
    """A new record as a form; `?customer=C-1` begins with that customer."""
    return _form(request, _kind(object_id), scope_of(request.user), None)


@require_POST
def drop(request: HttpRequest, object_id: int, record_id: int) -> HttpResponse:
    kind = _kind(object_id)
    try:
        records.delete_record(record_id, scope=scope_of(request.user), actor=_actor(request), now=timezone.now())
    except OwnRecord.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:own_record", args=[kind.pk, record_id]))
    messages.success(request, _("Deleted."))
    return HttpResponseRedirect(reverse("admin:own_records", args=[kind.pk]))


def _form(request: HttpRequest, kind: OwnObject, scope: Scope, found: Shown | None) -> HttpResponse:
    fields = [one for one in records.fields_seen(scope, kind) if scope.sees(one.guarded_as)]
    laid = layouts.laid_out(fields, contract=kind.code)
    placed = [one.field for section in laid.sections for one in section.fields]
    sent = request.POST if request.method == "POST" else None
    number = found.record.number if found else ""
    owners = ", ".join(one.customer_id for one in found.customers) if found else request.GET.get("customer", "")[:200]
    wrong: dict[int, str] = {}
    if sent is not None:
        number, owners = sent.get("number", "")[:400], sent.get("customers", "")[:20_000]
        try:
            saved = records.save_record(
                kind, record_id=found.pk if found else None, number=number,
                values={one.pk: sent_of(sent, one) for one in placed}, customers=_owners(owners, scope, found), scope=scope,
                actor=_actor(request), now=timezone.now(), whole_form=True,
            )  # fmt: skip
        except (OwnRecord.DoesNotExist, Customer.DoesNotExist) as error:
            raise Http404 from error
        except MisfitError as error:
            wrong = error.by_field
            messages.error(request, _("Nothing was saved yet: see what is marked below."))
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("admin:own_record", args=[kind.pk, saved.pk]))
    there = found.values if found else {}
    _looked(_actor(request), kind, scope, placed if found else [], found.pk if found else None)
    return render(
        request,
        "objects/form.html",
        _("%(kind)s: %(number)s") % {"kind": kind, "number": found} if found else _("New: %(kind)s") % {"kind": kind},
        kind=kind,
        record=found,
        number=number,
        owners=owners,
        sections=[
            (section.name, [input_of(one, sent, there, wrong) for one in section.fields]) for section in laid.sections
        ],
        may_fields=may(request.user, "fields"),
    )


def _owners(text: str, scope: Scope, found: Shown | None) -> list[int]:
    """The customers named by their numbers, of those within reach. Raises TenureError for a number none of them has."""
    known = {one.customer_id: one.pk for one in found.customers} if found else {}
    wanted = list(
        dict.fromkeys(part.strip().replace("\x00", "") for part in bringing.BETWEEN.split(text) if part.strip())
    )
    if missing := [number for number in wanted if number not in known]:
        # Whichever way it was typed; of two customers with one number, the older.
        asked = {number.casefold(): number for number in missing[: records.MOST_LINKS + 1]}
        for number in asked.values():
            one = Customer.objects.visible_to(scope).filter(customer_id__iexact=number).order_by("pk").first()
            if one is None:
                raise TenureError(_('No customer of yours has the number "%(number)s".') % {"number": number[:80]})
            known[number] = one.pk
    return [known[number] for number in wanted if number in known]


# Files


def brought(request: HttpRequest, object_id: int) -> HttpResponse:
    """Send a file of records; and the batches that came, each with its way back."""
    _everybody(request)
    kind, user = _kind(object_id), _actor(request)
    if request.method == "POST":
        try:
            file = request.FILES.get("file")
            if file is None:
                raise TenureError(_("No file came. Choose one, then send it."))
            ending = checked_upload(file, KINDS, most_bytes())
            sent = uploads.receive(file.chunks(), name=file.name or "", kind=ending, actor=user, now=timezone.now())
            return HttpResponseRedirect(reverse("admin:own_look", args=[kind.pk, sent.pk]))
        except TenureError as error:
            messages.error(request, str(error))
    return render(
        request,
        "objects/brought.html",
        _("Import: %(kind)s") % {"kind": kind},
        kind=kind,
        accept=",".join(f".{one}" for one in KINDS),
        most=most_bytes() // (1 << 20),
        rows=MOST_ROWS,
        fields=records.fields_seen(scope_of(user), kind),
        batches=OwnBatch.objects.filter(object=kind).select_related("actor")[:50],
    )


def look(request: HttpRequest, object_id: int, upload_id: int) -> HttpResponse:
    """What a file would do, before it does it: how its columns are read, counts, and every row that can't be taken."""
    _everybody(request)
    kind, user = _kind(object_id), _actor(request)
    upload = uploads.visible_to(user).filter(pk=upload_id).first()
    if upload is None:
        raise Http404
    try:
        path = uploads.path_of(upload)
    except TenureError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:own_import", args=[kind.pk]))
    mapping = {
        header: request.POST.get(f"as.{n}", "")
        for n, header in enumerate(request.POST.getlist("header")[:500])
        if f"as.{n}" in request.POST
    }
    goes = request.method == "POST" and "bring" in request.POST
    report, refused = None, ""
    try:
        report = _brought(kind, upload, path, mapping, request, dry_run=not goes)
    except TenureError as error:
        refused = str(error)
    if goes and report is not None:
        uploads.drop(upload.pk, actor=user, now=timezone.now())
        said = _("%(made)s new, %(changed)s changed, %(same)s as they were, %(rejected)s rejected.")
        messages.success(
            request,
            said % {"made": f"{report.made:,}", "changed": f"{report.changed:,}", "same": f"{report.same:,}",
                    "rejected": f"{report.rejected:,}"},
        )  # fmt: skip
        return HttpResponseRedirect(reverse("admin:own_import", args=[kind.pk]))
    return render(
        request,
        "objects/look.html",
        _("Import: %(kind)s") % {"kind": kind},
        kind=kind,
        upload=upload,
        report=report,
        counts=[(_("New"), report.made), (_("Changed"), report.changed), (_("As they were"), report.same),
                (_("Rejected"), report.rejected)] if report else [],
        refused=refused,
        columns=_columns(report, mapping, path),
        choices=[(bringing.NUMBER, _("Number")), (bringing.CUSTOMERS, _("Customer numbers")),
                 *((one.code, str(one)) for one in records.fields_seen(scope_of(user), kind))],
        source=request.POST.get("source", ""),
        ids_of=request.POST.get("ids_of", ""),
    )  # fmt: skip


@require_POST
def taken_back(request: HttpRequest, object_id: int, batch_id: int) -> HttpResponse:
    _everybody(request)
    kind = _kind(object_id)
    try:
        if not OwnBatch.objects.filter(pk=batch_id, object=kind).exists():
            raise Http404
        done = bringing.undo(batch_id, scope=scope_of(request.user), actor=_actor(request), now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        said = _("%(deleted)s records went, %(restored)s are again what they were before.")
        messages.success(request, said % {"deleted": f"{done.deleted:,}", "restored": f"{done.restored:,}"})
        if done.kept:
            kept = ", ".join(done.kept[:20]) + (" …" if len(done.kept) > 20 else "")
            messages.warning(request, _("Changed since, and kept as they are: %(kept)s") % {"kept": kept})
    return HttpResponseRedirect(reverse("admin:own_import", args=[kind.pk]))


def _brought(
    kind: OwnObject, upload: Upload, path: Path, mapping: dict[str, str], request: HttpRequest, *, dry_run: bool
) -> bringing.Report:
    return bringing.bring(
        kind, path, lake=lake(), scope=scope_of(request.user), actor=_actor(request),
        now=timezone.now(), source=request.POST.get("source", "").strip() or "main",
        ids_of=request.POST.get("ids_of", "").strip() or None, mapping=mapping, dry_run=dry_run, most=MOST_ROWS,
        name=upload.name,
    )  # fmt: skip


def _columns(report: bringing.Report | None, mapping: dict[str, str], path: Path) -> list[tuple[str, str]]:
    """Each header of the file with what it is read as."""
    if report is None:
        try:
            headers = bringing.headers_of(path)
        except TenureError:
            return []
        return [(header, mapping.get(header, "")) for header in headers]
    plan = report.plan
    read = {header: f"c_{pk}" for pk, header in plan.fields.items()} | {plan.number or "": bringing.NUMBER}
    if plan.customers:
        read[plan.customers] = bringing.CUSTOMERS
    return [(header, read.get(header, "")) for header in plan.headers]


# Shared


def _counted(scope: Scope) -> dict[int, int]:
    """How many records each kind has, of those within reach."""
    if scope.sees_all:
        return definitions.counted()
    return {one.pk: records.visible_to(scope).filter(object=one).count() for one in definitions.known(archived=True)}


def _everybody(request: HttpRequest) -> None:
    """Files are about every customer, and so are the counts of what came in."""
    if not scope_of(request.user).sees_all:
        raise PermissionDenied


def _kind(object_id: int, *, archived: bool = False) -> OwnObject:
    found = OwnObject.objects.filter(pk=object_id).first()
    if found is None or (found.archived_at is not None and not archived):
        raise Http404
    return found


def _actor(request: HttpRequest) -> User:
    actor = request.user
    assert isinstance(actor, User)
    return actor


def _customer(scope: Scope, person_id: int | None) -> Customer | None:
    return Customer.objects.visible_to(scope).filter(pk=person_id).first() if person_id is not None else None


def _looked(
    actor: User, kind: OwnObject, scope: Scope, fields: Sequence[CustomField], record_id: int | None = None
) -> None:
    """Write down who looked at personal fields in clear; of a list, that it was looked at."""
    guards = {one.guarded_as for one in fields if one.personal and scope.sees(one.guarded_as)}
    if guards:
        audit.read(
            "own_record" if record_id else kind.code,
            record_id or "list",
            actor=actor,
            now=timezone.now(),
            fields=guards,
        )
