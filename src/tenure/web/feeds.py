"""What comes in by itself: the feeds, a new one step by step, one with its runs, and the move from another system.

An address is sealed from the moment it was tried: between the steps of a form it travels as a token, and no page shows
its password again.
"""

import base64
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS, Contract
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.desk.work import feeds, migration
from tenure.desk.work.feeds import Wished
from tenure.desk.work.models import Feed, FeedRun, Job, Migration
from tenure.errors import TenureError
from tenure.keyring import keyring
from tenure.sources.mapping import LEAVE, draft
from tenure.sources.pull import KINDS, Table, dsn_of, open_database
from tenure.sources.trade import shapes
from tenure.web.frame import render

RUNS = 50
_CONTEXT = b"web.feeds.dsn"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every feed, when it runs and what its last run brought."""
    _sees_all(request)
    rows = [
        (one, one.runs.first(), _words(one.contract))
        for one in Feed.objects.kept().filter(migration__isnull=True)
    ]  # fmt: skip
    return render(request, "feeds/list.html", _("Feeds"), rows=rows, migrations=Migration.objects.all()[:20])


def new(request: HttpRequest) -> HttpResponse:
    """A new feed: where it reads, then what, then when."""
    _sees_all(request)
    sent = request.POST
    context: dict[str, Any] = {
        "examples": [kind.example for kind in KINDS.values()],
        "sent": sent,
        "folder": sent.get("folder", ""),
    }
    if request.method != "POST":
        return render(request, "feeds/new.html", _("New feed"), step="where", **context)
    try:
        token = sent.get("token", "")
        dsn = _opened(token) if token else sent.get("dsn", "").strip()
        if sent.get("folder") or dsn:
            if dsn:
                context |= {"token": _token(dsn), "address": dsn_of(dsn).shown, "tables": _tables(dsn)}
            if "save" in sent:
                made = feeds.add_feed(_wished(sent, dsn), actor=_actor(request), now=timezone.now())
                messages.success(request, _("The feed is there. Run it once and look at what it brings."))
                return HttpResponseRedirect(reverse("admin:feed", args=[made.pk]))
            return render(request, "feeds/new.html", _("New feed"), step="what", **context, **_choice(sent, context))
        messages.error(request, _("Give the address of a database, or a folder to watch."))
    except TenureError as error:
        messages.error(request, str(error))
        if context.get("tables") or sent.get("folder"):
            return render(request, "feeds/new.html", _("New feed"), step="what", **context, **_choice(sent, context))
    return render(request, "feeds/new.html", _("New feed"), step="where", **context)


@require_safe
def one(request: HttpRequest, feed_id: int) -> HttpResponse:
    """One feed: what it reads, when it runs, what each run brought, and what is likely misspelt in it."""
    found = _found(request, feed_id)
    running = Job.objects.alive().filter(once=f"feed:{found.pk}").first()
    return render(
        request, "feeds/one.html", found.name, feed=found, runs=found.runs.all()[:RUNS], running=running,
        contract=_words(found.contract), suspects=feeds.suspects_of(found),
        mended=[(column, wrong, right) for column, pairs in found.corrections.items() for wrong, right in pairs.items()],
    )  # fmt: skip


@require_POST
def act(request: HttpRequest, feed_id: int, verb: str) -> HttpResponse:
    """Run, pause, let go on, remove, look for misspelt values, or mend them."""
    found, actor, now = _found(request, feed_id), _actor(request), timezone.now()
    try:
        if verb == "run":
            feeds.run_now(found.pk, actor=actor, now=now)
        elif verb == "look":
            feeds.run_now(found.pk, actor=actor, now=now, spelling=True)
        elif verb in ("pause", "go-on"):
            feeds.set_state(found.pk, "paused" if verb == "pause" else "on", actor=actor, now=now)
        elif verb == "remove":
            feeds.remove_feed(found.pk, actor=actor, now=now)
            messages.success(request, _("The feed is removed; what it brought stays."))
            return HttpResponseRedirect(reverse("admin:feeds"))
        elif verb == "mend":
            _mend(request, found)
        else:
            raise Http404
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:feed", args=[found.pk]))


def _mend(request: HttpRequest, found: Feed) -> None:
    agreed: dict[str, dict[str, str]] = {}
    for place, suspect in enumerate(feeds.suspects_of(found)):
        if request.POST.get(f"mend-{place}"):
            meant = request.POST.get(f"to-{place}", "").strip() or suspect.better
            agreed.setdefault(suspect.column, {})[suspect.value] = meant
    if not agreed:
        messages.info(request, _("Tick what is to be mended."))
        return
    feeds.correct_feed(found.pk, agreed, actor=_actor(request), now=timezone.now())
    messages.success(
        request, _("From the next run on these are mended in every row; that run reads all of them once more.")
    )


# The move from another system


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice as the page shows it. state: closed, open or working."""

    feed: Feed
    last: FeedRun | None
    rows: int
    working: bool


@require_safe
def migrations(request: HttpRequest) -> HttpResponse:
    """Every migration, and what a new one takes."""
    _sees_all(request)
    return render(request, "feeds/migrations.html", _("Migrations"), rows=Migration.objects.all())


def begin(request: HttpRequest) -> HttpResponse:
    """Plan a migration: the old system's address, then which of its tables are what, and how they are cut."""
    _sees_all(request)
    sent = request.POST
    context: dict[str, Any] = {"examples": [kind.example for kind in KINDS.values()], "sent": sent}
    if request.method == "POST":
        try:
            token = sent.get("token", "")
            dsn = _opened(token) if token else sent.get("dsn", "").strip()
            tables = _tables(dsn)
            context |= {"token": _token(dsn), "address": dsn_of(dsn).shown, "contracts": _contracts()}
            context["tables"] = [(table, _guess(table), table.watermarks) for table in tables]
            if "save" in sent:
                made = _begun(request, dsn, tables)
                return HttpResponseRedirect(reverse("admin:migration", args=[made.pk]))
        except TenureError as error:
            messages.error(request, str(error))
    return render(request, "feeds/begin.html", _("New migration"), **context)


def _begun(request: HttpRequest, dsn: str, tables: list[Table]) -> Migration:
    sent, wanted, cut = request.POST, [], {}
    for place, table in enumerate(tables):
        contract = sent.get(f"contract-{place}", "")
        if not contract:
            continue
        headers = [column.name for column in table.columns]
        key = sent.get(f"key-{place}", "")
        mapping = {key: CONTRACTS[contract].key[0]} if key in headers and contract in CONTRACTS else {}
        wanted.append(
            Wished(
                "", contract, source=sent.get("source", ""), dsn=dsn, table=table.name, mapping=mapping,
                watermark=sent.get(f"watermark-{place}", ""), every_minutes=_number(sent.get("every", "")) or 15,
            )
        )  # fmt: skip
        count = _number(sent.get(f"slices-{place}", "")) or 1
        if count > 1 and key in headers:
            cut[table.name] = key, min(count, 100)
    return migration.begin(sent.get("name", ""), wanted, actor=_actor(request), now=timezone.now(), cut=cut)


@require_safe
def migration_page(request: HttpRequest, migration_id: int) -> HttpResponse:
    """One migration: its stages, its slices, and what the newest comparison found."""
    made = _migration(request, migration_id)
    alive = set(Job.objects.alive().values_list("once", flat=True))
    slices = []
    for feed in made.feeds.kept().order_by("pk"):
        rows = sum(feed.runs.filter(state=FeedRun.State.DONE).values_list("accepted", flat=True))
        slices.append(Slice(feed, feed.runs.first(), rows, f"feed:{feed.pk}" in alive))
    opened = [one for one in slices if one.feed.state == Feed.State.ON]
    compared = [(what, one, _pairs(one)) for what, one in made.compared.items()]
    return render(
        request, "feeds/migration.html", made.name, migration=made, slices=slices, opened=len(opened),
        comparing=f"compare:{made.pk}" in alive, working=any(one.working for one in slices), compared=compared,
        even=bool(compared) and all(one["same"] for one in made.compared.values()),
        moving=made.state == Migration.State.MOVING, brought=any(one.rows for one in slices),
    )  # fmt: skip


@require_POST
def migration_act(request: HttpRequest, migration_id: int, verb: str) -> HttpResponse:
    """Bring a sample, open slices, compare, archive, roll back, finish."""
    made, actor, now = _migration(request, migration_id), _actor(request), timezone.now()
    try:
        if verb == "sample":
            migration.sample(made.pk, actor=actor, now=now)
        elif verb == "open":
            closed = made.feeds.kept().filter(state=Feed.State.PAUSED).order_by("pk")
            wanted = request.POST.get("slice", "")
            for feed in closed.filter(pk=_number(wanted) or 0) if wanted else closed:
                migration.open_slice(feed.pk, actor=actor, now=now)
        elif verb in ("compare", "archive"):
            migration.start_comparison(made.pk, actor=actor, now=now, archiving=verb == "archive")
        elif verb == "roll-back":
            count = migration.roll_back(made.pk, actor=actor, now=now)
            messages.success(
                request,
                _("Rolled back: %(n)s batches no longer count. Refresh to see it on every page.") % {"n": count},
            )
        elif verb == "finish":
            migration.finish(made.pk, actor=actor, now=now)
        else:
            raise Http404
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:migration", args=[made.pk]))


# How


def _sees_all(request: HttpRequest) -> None:
    """Feeds count over everybody, so they are for whoever sees everybody."""
    if not scope_of(request.user).sees_all:
        raise PermissionDenied


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _found(request: HttpRequest, feed_id: int) -> Feed:
    _sees_all(request)
    found = Feed.objects.kept().filter(pk=feed_id).first()
    if found is None:
        raise Http404
    return found


def _migration(request: HttpRequest, migration_id: int) -> Migration:
    _sees_all(request)
    made = Migration.objects.filter(pk=migration_id).first()
    if made is None:
        raise Http404
    return made


def _words(contract: str) -> str:
    return str(CONTRACTS[contract].words) if contract in CONTRACTS else contract


def _contracts() -> list[tuple[str, str]]:
    # Not the contracts themselves: to a template, their columns come before their own name.
    return [(name, str(shape.words)) for name, shape in CONTRACTS.items()]


def _tables(dsn: str) -> list[Table]:
    with open_database(dsn) as database:
        return database.tables()


def _guess(table: Table) -> str:
    return next((name for name, _fit in table.guesses(shapes(lake()))), "")


def _token(dsn: str) -> str:
    return base64.urlsafe_b64encode(keyring().sealer()(dsn.encode(), _CONTEXT)).decode()


def _opened(token: str) -> str:
    try:
        return keyring().unseal(base64.urlsafe_b64decode(token), context=_CONTEXT).decode()
    except (TenureError, ValueError):
        raise TenureError(_("The form is too old. Begin again with the address.")) from None


def _choice(sent: Any, context: dict[str, Any]) -> dict[str, Any]:
    """The second step: the table chosen, how its columns read, and what is likely meant."""
    tables: list[Table] = context.get("tables", [])
    table = next((one for one in tables if one.name == sent.get("table")), None)
    contract = sent.get("contract") or (_guess(table) if table else "")
    shape = shapes(lake()).get(contract)
    headers = [column.name for column in table.columns] if table else []
    # What was chosen for another table, or as other records, means nothing here.
    same = sent.get("of") == f"{sent.get('table', '')} {contract}"
    chosen = _mapping(sent, headers) if same else {}
    fields = {header: field for field, header in _drafted(headers, shape, chosen).items()}
    return {
        "table": table, "chosen": table.name if table else "", "contract": contract, "shape": shape, "contracts": _contracts(), "leave": LEAVE,
        "columns": [(place, column, chosen.get(column.name) or fields.get(column.name, LEAVE)) for place, column in enumerate(table.columns)] if table else [],
        "of": f"{table.name if table else ''} {contract}", "needed": {column.name for column in shape.columns if column.required or column.name in shape.key} if shape else set(),
        "suggested": sent.get("name") or (table.name if table else ""), "watermarks": headers, "likely": next(iter(table.watermarks), "") if table else "",
    }  # fmt: skip


def _drafted(headers: list[str], shape: Contract | None, chosen: dict[str, str]) -> dict[str, str]:
    if not shape or not headers:
        return {}
    return dict(draft(headers, shape, chosen or None)[0].fields)


def _mapping(sent: Any, headers: list[str]) -> dict[str, str]:
    return {header: field for place, header in enumerate(headers) if (field := sent.get(f"field-{place}", ""))}


def _wished(sent: Any, dsn: str) -> Wished:
    headers: list[str] = []
    if dsn and sent.get("table"):
        headers = next(([c.name for c in one.columns] for one in _tables(dsn) if one.name == sent["table"]), [])
    daily = sent.get("daily_at", "")[:5]
    return Wished(
        name=sent.get("name", ""), contract=sent.get("contract", ""), source=sent.get("source", ""), dsn=dsn,
        table="" if sent.get("query") else sent.get("table", ""), query=sent.get("query", ""), folder=sent.get("folder", ""),
        move=bool(sent.get("move")), mapping=_mapping(sent, headers), zone=sent.get("zone", "").strip(),
        watermark=sent.get("watermark", ""), overlap=_number(sent.get("overlap", "")) or 0,
        every_minutes=None if daily else _number(sent.get("every", "")), daily_at=daily,
    )  # fmt: skip


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _pairs(one: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    """The figures of a comparison that can differ by column: (column, old, new, rows that differ)."""
    shape = CONTRACTS[one["contract"]]
    found = [
        (str(shape[name].words), old, new, one["columns"].get(name, 0)) for name, (old, new) in one["filled"].items()
    ]
    sums = [
        (_("Sum of %(column)s") % {"column": shape[name].words}, old, new, 0)
        for name, (old, new) in one["sums"].items()
    ]
    return [*sums, *found]
