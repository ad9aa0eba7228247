"""Data quality: what is missing, wrong, shared or old, worst first, each figure opening the records it is made of."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS, Contract, standard_column
from tenure.desk.customers import archiving, findings
from tenure.desk.customers.findings import Finding
from tenure.desk.customers.models import Customer, Publication
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.identity.standard import suggested
from tenure.insight import quality
from tenure.insight.quality import Flaw, Told
from tenure.lake import Scope
from tenure.lake.archived import key_texts
from tenure.lake.fields import field_of
from tenure.web.cache import remembered
from tenure.web.frame import render

MONTHS = 12  # of the small chart
PAGE = 50
WORST = 40  # fields shown before the rest is asked for

Row = dict[str, Any]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every source with its score over time, and every field, worst first.

    Who sees everybody reads what the refresh counted; anybody else what is counted over the records within reach.
    """
    scope = scope_of(request.user)
    asked = {name: request.GET.get(name, "") for name in ("source", "contract")}
    rows = _rows(scope)
    fields = [one for one in quality.told(rows) if one.field == quality.RECORD or one.filled]
    shown = [
        one
        for one in fields
        if asked["source"] in ("", one.source) and asked["contract"] in ("", one.contract) and _tells(one)
    ]
    # What has nothing to mend waits behind a link.
    listed = shown if "all" in request.GET else [one for one in shown if one.mendable][:WORST]
    fine = sum(1 for one in fields if one.field != quality.RECORD and one.score >= 99.95)
    document = lake().document("quality") or {}
    return render(
        request,
        "quality.html",
        _("Data quality"),
        lines=[_line(one, rows, scope) for one in listed],
        hidden=len(shown) - len(listed),
        any=bool(rows),
        sources=_sources(rows, fields, scope),
        fine=fine,
        fields=sum(1 for one in fields if one.field != quality.RECORD),
        asked=asked,
        names=sorted({one.source for one in fields}),
        contracts=[(name, str(CONTRACTS[name].words)) for name in sorted({one.contract for one in fields})],
        part=not scope.sees_all,
        at=datetime.fromisoformat(document["at"]) if document and scope.sees_all else None,
        all_query=urlencode({**{k: v for k, v in asked.items() if v}, "all": 1}),
    )


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The records with one flaw, as far as the asker may see them, each linked to its customer."""
    scope = scope_of(request.user)
    assert isinstance(request.user, User)
    found = _finding(scope, request.GET)
    shape, flaw, field = found.shape, found.told, found.field
    number = request.GET.get("page", "")
    at = min(int(number), 10_000) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    archives = may(request.user, "archive")
    lines, total = _having(scope, found, at, count=archives)
    more, lines = len(lines) > PAGE, lines[:PAGE]
    names = Customer.objects.visible_to(scope).in_bulk([row["person_id"] for row in lines if row["person_id"]])
    held = field_of(f"records/{found.contract}", field) if field != quality.RECORD else None
    if held and held not in ("amounts", "name") and lines:
        audit.read("customers", "quality", actor=request.user, now=timezone.now(), fields=[held])
    stale = flaw.code == quality.STALE.code
    return render(
        request,
        "quality_rows.html",
        _("Data quality"),
        flaw=flaw,
        contract=shape,
        field=shape[field] if field != quality.RECORD else None,
        source=found.source,
        found=[_shown(row, shape, field, flaw.code, names, scope) for row in lines],
        page=at,
        more=more,
        query=_query(found),
        asked={"contract": found.contract, "field": field, "flaw": flaw.code, "source": found.source},
        step=_step(flaw, request.user),
        named=scope.shows("name") != "hidden",
        may_archive=archives,
        total=total,
        most=archiving.MOST_AT_ONCE,
        stale_months=round(findings.stale_days(lake()) * 12 / 365) if stale else None,
        may_rule=stale and archives and scope.sees_all,
    )


@require_POST
def archive(request: HttpRequest) -> HttpResponse:
    """Put away the records chosen, or all with the flaw; then back to what is left."""
    scope, actor = scope_of(request.user), request.user
    assert isinstance(actor, User)
    found = _finding(scope, request.POST)
    everything = "all" in request.POST
    chosen = [place for one in request.POST.getlist("row") if (place := _place(one))]
    number = request.POST.get("expected", "")
    try:
        if not everything and not chosen:
            raise TenureError(_("Choose the records first."))
        done = archiving.archive(
            found, None if everything else chosen, lake=lake(), scope=scope, actor=actor, now=timezone.now(),
            reason=request.POST.get("reason", ""), expected=int(number) if everything and number.isdigit() else None,
        )  # fmt: skip
    except TenureError as error:
        messages.error(request, str(error))
    else:
        text = _("Archived %(count)s records. They leave lists and figures in a moment, and can be brought back here.")
        messages.success(request, text % {"count": f"{done.records:,}"})
        return HttpResponseRedirect(reverse("admin:archived") + f"?deed={done.deed}")
    return HttpResponseRedirect(f"{reverse('admin:quality_rows')}?{_query(found)}")


@require_POST
def stale_rule(request: HttpRequest) -> HttpResponse:
    """Set after how long without a word a record is stale."""
    scope, actor = scope_of(request.user), request.user
    assert isinstance(actor, User)
    number = request.POST.get("months", "")
    try:
        months = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else 0
        archiving.set_stale_after(months, lake=lake(), scope=scope, actor=actor, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The rule is set. The figures of this page follow with the next refresh."))
    return HttpResponseRedirect(f"{reverse('admin:quality_rows')}?{_query(_finding(scope, request.POST))}")


def _place(text: str) -> archiving.Place | None:
    """A record as a box of the list names it; None for a text that names none."""
    try:
        ids_of, key = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return (ids_of, key) if isinstance(ids_of, str) and isinstance(key, str) else None


def _finding(scope: Scope, asked: Any) -> Finding:
    try:
        return findings.finding(scope, asked)
    except findings.NoFindingError as error:
        raise Http404 from error


def _query(found: Finding) -> str:
    told = {"contract": found.contract, "field": found.field, "flaw": found.flaw, "source": found.source}
    return urlencode(told)


def _rows(scope: Scope) -> list[Row]:
    """Rows of `quality/fields` over the records the scope reaches, oldest month first, without the fields kept from it."""
    return [row for row in _counted(scope) if findings.may_see(scope, row["contract"], row["field"])]


def _counted(scope: Scope) -> list[Row]:
    if scope.sees_all:
        table = lake().read("quality/fields", actor=scope)
        found = lake().to_arrow(table.order_by("month")).to_pylist()
        return [row | {"flaws": json.loads(row["flaws"])} for row in found if row["contract"] in CONTRACTS]
    if scope.sees_none:
        return []
    from tenure.pipeline.quality import fields_of  # loads the pipeline; only where something is left to count

    there = [CONTRACTS[name] for name in findings.OF_PEOPLE if lake().exists(f"records/{name}")]
    now = timezone.now()

    def compute() -> list[Row]:
        return [row for contract in there for row in fields_of(lake(), contract, now, actor=scope)]

    tables = [f"records/{contract.name}" for contract in there]
    return sorted(remembered("quality", scope, Publication.current(), compute, *tables), key=lambda row: row["month"])


def _tells(one: Told) -> bool:
    """A record as a whole is a line only where something is to be said of it."""
    return one.field != quality.RECORD or one.worst is not None


def _line(one: Told, rows: list[Row], scope: Scope) -> Row:
    """One field of one source as the list shows it."""
    shape = CONTRACTS[one.contract]
    record = one.field == quality.RECORD
    known = {flaw.code: flaw for flaw in quality.flaws_of(shape, one.field)}
    flaws = [
        {"flaw": known[code], "n": n, "share": n / one.rows, "url": _url(one, code) if _opens(one, scope) else ""}
        for code, n in sorted(one.flaws.items(), key=lambda pair: -pair[1])
        if code in known and known[code].weight != "waits" and (one.expected or known[code].weight != "missing")
    ]
    months = [
        replace(quality.told([row])[0], expected=one.expected).score
        for row in rows
        if (row["contract"], row["source"], row["field"]) == (one.contract, one.source, one.field)
    ]
    return {
        "told": one, "contract": shape.words, "field": None if record else shape[one.field].words, "flaws": flaws,
        "score": None if record else one.score, "sentence": one.sentence,
        "band": "high" if one.score < 80 else "medium" if one.score < 95 else "low", "months": months[-MONTHS:],
    }  # fmt: skip


def _opens(one: Told, scope: Scope) -> bool:
    return scope.sees_all or one.contract in findings.OF_PEOPLE


def _url(one: Told, code: str) -> str:
    asked = {"contract": one.contract, "field": one.field, "flaw": code, "source": one.source}
    return f"{reverse('admin:quality_rows')}?{urlencode(asked)}"


def _sources(rows: list[Row], fields: list[Told], scope: Scope) -> list[Row]:
    """Each source with its score, month by month and now, and how fresh it is; the worst first."""
    fresh = _freshness() if scope.sees_all else []
    by_month: dict[str, dict[date, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_month[row["source"]][row["month"]].append(row)
    found = []
    for source, months in by_month.items():
        scores = [(month, quality.score_of(quality.told(of))) for month, of in sorted(months.items())][-MONTHS:]
        own = [one for one in fields if one.source == source]
        kinds = {one.contract for one in own}
        found.append({
            "name": source, "score": quality.score_of(own), "months": [(month, score) for month, score in scores if score is not None],
            "rows": sum(max(one.rows for one in own if one.contract == kind) for kind in kinds),
            "kinds": [str(CONTRACTS[kind].words) for kind in sorted(kinds)],
            "late": [
                {"kind": str(CONTRACTS[one.contract].words), "days": one.every_days}
                for one in fresh if one.source == source and one.overdue
            ],
            "received": max((one.received for one in fresh if one.source == source), default=None),
        })  # fmt: skip
    return sorted(found, key=lambda one: one["score"] if one["score"] is not None else 101)


def _freshness() -> list[quality.Freshness]:
    came: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for info in lake().batches():
        if info.state == "committed" and info.contract in CONTRACTS:
            came[info.contract, info.source].append(info.at)
    newest = {(c, s): datetime.fromisoformat(at) for c, s, at in (lake().document("quality") or {}).get("newest", [])}
    return quality.freshness(came, newest, timezone.now())


def _having(scope: Scope, found: Finding, at: int, *, count: bool) -> tuple[list[Row], int]:
    """One stretch of the records with a flaw, and one more to tell whether there are others; and, asked for, how many.

    Which they are is found first, among what lies sealed; only theirs is opened then.
    """
    shape = found.shape
    key = ["ids_of", *shape.key]
    those = findings.records_with(lake(), scope, found, timezone.now())
    few = those.select(*key).order_by(key).limit(PAGE + 1, offset=(at - 1) * PAGE)
    keys = lake().to_arrow(few).to_pylist()
    if not keys:
        return [], 0
    total = lake().to_arrow(those.agg(n=those.count()))["n"][0].as_py() if count else 0
    clear = lake().read(f"records/{shape.name}", actor=scope)
    names = [found.field, *shape.beside(found.field)] if found.field != quality.RECORD else []
    shown = list(dict.fromkeys([*key, "person_id", "source", "batch", "row", "valid_at", *names]))
    wanted = clear.filter(*(clear[name].isin(sorted({row[name] for row in keys})) for name in key)).select(*shown)
    table = lake().to_arrow(wanted)
    texts = key_texts(table, shape)
    rows = {
        tuple(row[name] for name in key): row | {"key_text": text}
        for row, text in zip(table.to_pylist(), texts, strict=True)
    }
    return [rows[place] for row in keys if (place := tuple(row[name] for name in key)) in rows], total


def _shown(row: Row, shape: Contract, field: str, code: str, names: dict[int, Customer], scope: Scope) -> Row:
    customer = names.get(row["person_id"])
    written = row.get(field) if field else None
    meant = suggested(written) if code == "host" and isinstance(written, str) else None
    files = {info.batch: info.file for info in lake().batches(shape.name)}
    return {
        "key": " · ".join(str(row[name]) for name in shape.key),
        "place": json.dumps([row["ids_of"], row["key_text"]]),
        "person": row["person_id"] if customer else None,
        "name": scope.show("scores/customers", "name", str(customer)) if customer else None,
        "written": written,
        "standard": meant or row.get(standard_column(field)),
        "source": row["source"],
        "file": (files.get(row["batch"]) or "").rpartition("/")[2],
        "row": row["row"],
        "valid_at": row["valid_at"],
    }


def _step(flaw: Flaw, user: Any) -> tuple[str, str]:
    """Where this person goes next, and what it is called."""
    if flaw.step == "duplicates" and may(user, "merge"):
        return reverse("admin:duplicates"), _("Look through the likely duplicates")
    if flaw.step == "duplicates":
        return reverse("admin:customers"), _("Look at these customers")
    return reverse("admin:data"), _("Mend it in the source, then import the file again")


__all__ = ["archive", "page", "rows", "stale_rule"]
