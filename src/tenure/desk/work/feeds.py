"""The verbs of feeds: what is pulled or watched, when, and what each run brought.

A run is a job of kind "pull". What a feed has come to is kept only once its batch is in the lake: a run that was killed
in between is settled by the next one, which looks whether the batch with its fingerprint was committed.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from tenure.contracts import contract_named
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.desk.work import mending
from tenure.desk.work.events import FeedRan, FeedSaved
from tenure.desk.work.jobs import Running, Stopped, each_while, kind, start
from tenure.desk.work.models.feeds import Feed, FeedRun, Migration
from tenure.desk.work.slips import look_into
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.lake.batches import is_writing
from tenure.language import Words, both, tr
from tenure.sources import SOURCES, source_for
from tenure.sources.base import Options
from tenure.sources.importing import StoppedError, import_file
from tenure.sources.mapping import as_pairs
from tenure.sources.pull import Asked, Mark, Range, check_query, dsn_of
from tenure.sources.pulling import OVERLAP, Kept, Pulled, fetch, pull, sweep
from tenure.sources.report import ImportReport
from tenure.sources.spelling import Suspect
from tenure.workspace import Workspace, open_workspace

JOB = "pull"
SETTLE = timedelta(seconds=30)
"""How long after the first look a file is looked at again, to see whether it still changes."""
DONE_MARK = ".done"


@dataclass(frozen=True)
class Wished:
    """A feed as somebody wants it; see `models.feeds.Feed` for what each part means."""

    name: str
    contract: str
    source: str = ""
    dsn: str = ""
    table: str = ""
    query: str = ""
    ranges: tuple[Range, ...] = ()
    folder: str = ""
    move: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    zone: str = ""
    ids_of: str = ""
    watermark: str = ""
    overlap: int = OVERLAP
    every_minutes: int | None = None
    daily_at: str = ""


def workspace_lake(here: Workspace | None = None) -> Lake:
    """The workspace's lake, for runs, which see everything."""
    here = here or open_workspace()
    return Lake(here.lake_folder, zone=here.zone, currency=here.currency)


@transaction.atomic
def add_feed(wished: Wished, *, actor: User | None, now: datetime, migration: Migration | None = None) -> Feed:
    """Have records brought in by themselves from now on; the first run is due at once where there is a schedule.

    Nothing is connected to: test the address before. Raises TenureError for a feed that could never run.
    """
    made = _checked(wished, None)
    found = Feed(**made, made_by=actor, made_at=now, migration=migration)
    found.next_at = now if found.every_minutes or found.daily_at else None
    found.save()
    mending.agree(found.source, found.contract, wished.corrections)
    audit.record("add_feed", "feed", found.pk, actor=actor, now=now, **_told(found))
    announce(FeedSaved(found.pk))
    return found


@transaction.atomic
def change_feed(feed_id: int, wished: Wished, *, actor: User | None, now: datetime) -> Feed:
    """Let a feed read something else, otherwise, or at other times. An empty address keeps the one there is.

    A feed that reads from elsewhere begins anew. Raises TenureError, Feed.DoesNotExist.
    """
    found = _locked(feed_id)
    before = _told(found)
    made = _checked(wished, found)
    if any(getattr(found, name) != made[name] for name in ("address", "table", "query", "ranges", "watermark")):
        made["known"] = {}
    for name, value in made.items():
        setattr(found, name, value)
    found.next_at = next_run(found, now)
    found.save()
    mending.agree(found.source, found.contract, wished.corrections)
    audit.record("change_feed", "feed", found.pk, actor=actor, now=now, before=before, after=_told(found))
    announce(FeedSaved(found.pk))
    return found


@transaction.atomic
def set_state(feed_id: int, state: str, *, actor: User | None, now: datetime) -> Feed:
    """Pause a feed, or let it go on: a paused one runs neither by the clock nor by hand."""
    found = _locked(feed_id)
    if found.state == state:
        return found
    found.state = Feed.State(state)
    found.next_at = next_run(found, now) if found.state == Feed.State.ON else None
    found.save(update_fields=["state", "next_at"])
    audit.record("pause_feed" if state == Feed.State.PAUSED else "resume_feed", "feed", found.pk, actor=actor, now=now)
    announce(FeedSaved(found.pk))
    return found


@transaction.atomic
def remove_feed(feed_id: int, *, actor: User | None, now: datetime) -> None:
    """End a feed and forget its address; what it brought stays, and so does the account of its runs."""
    found = _locked(feed_id)
    found.removed_at, found.next_at, found.dsn, found.known = now, None, "", {}
    found.save()
    audit.record("remove_feed", "feed", found.pk, actor=actor, now=now, name=found.name)
    announce(FeedSaved(found.pk))


@transaction.atomic
def correct_feed(
    feed_id: int, corrections: Mapping[str, Mapping[str, str]], *, actor: User | None, now: datetime
) -> Feed:
    """Have misspelt values mended in every row of this source's records from now on.

    Each feed of the source that brings such records reads all of them once more with its next run.
    """
    found = _locked(feed_id)
    before = mending.agreed(found.source, found.contract)
    after = mending.agree(found.source, found.contract, corrections)
    if after == before:
        return found
    for one in Feed.objects.kept().filter(source=found.source, contract=found.contract).order_by("pk"):
        one.known = {}
        one.save(update_fields=["sealed_under", "known"])
    audit.record(
        "correct_feed", "feed", found.pk, actor=actor, now=now, values=sum(len(pairs) for pairs in after.values())
    )  # fmt: skip
    announce(FeedSaved(found.pk))
    return _locked(feed_id)


def run_now(feed_id: int, *, actor: User | None, now: datetime, most: int | None = None, spelling: bool = False) -> int:
    """Start a run and return its job's id; a feed never runs twice at once: the job that is alive is returned.

    most: only so many rows, as a sample; such a run does not move the feed's watermark. spelling: bring nothing in, but
    look through all rows for misspelt values.
    Raises TenureError for a paused feed, Feed.DoesNotExist.
    """
    found = Feed.objects.kept().get(pk=feed_id)
    if found.state == Feed.State.PAUSED:
        raise TenureError(tr('"{feed}" is paused. Let it go on first.', feed=found.name))
    params: dict[str, Any] = (
        {"feed": found.pk} | ({"most": most} if most else {}) | ({"spelling": True} if spelling else {})
    )
    return start(JOB, params=params, actor=actor, now=now, once=f"feed:{found.pk}")


def due(now: datetime) -> list[int]:
    """Start what the clock says is due; returns the jobs' ids. Called by every worker, as often as it likes."""
    jobs = []
    for found in Feed.objects.due(now):
        # Whoever moves the next run starts this one; another worker that looks at the same time does not.
        moved = Feed.objects.filter(pk=found.pk, next_at=found.next_at).update(next_at=next_run(found, now))
        if moved:
            jobs.append(start(JOB, params={"feed": found.pk}, actor=None, now=now, once=f"feed:{found.pk}"))
    return jobs


def next_run(feed: Feed, now: datetime) -> datetime | None:
    """When the feed runs next; None where only by hand."""
    if feed.every_minutes:
        return now + timedelta(minutes=feed.every_minutes)
    if not feed.daily_at:
        return None
    zone = open_workspace().zone_info
    at = time.fromisoformat(feed.daily_at)
    today = now.astimezone(zone).date()
    first = datetime.combine(today, at, zone)
    return first if first > now else datetime.combine(today + timedelta(days=1), at, zone)


def register() -> None:
    """What a job of this kind does, and what the clock starts; called once as the product starts."""
    kind(JOB, Words("Bring records in", "拉取数据"), run)
    each_while("feeds", _start_due)


def _start_due(now: datetime) -> None:
    due(now)


# A run


def run(running: Running) -> None:
    """Bring in what is new of a feed; may be called again after a kill at any instant."""
    found = Feed.objects.kept().filter(pk=running.params["feed"]).first()
    if found is None:
        raise TenureError(tr("The feed was removed before its run began."))
    here = open_workspace()
    lake = workspace_lake(here)
    settle(found, lake, running.now())
    if running.params.get("spelling") and found.kind == Feed.Kind.DATABASE:
        _run_spelling(found, lake, here, running)
    elif found.kind == Feed.Kind.FOLDER:
        _run_folder(found, lake, here, running)
    else:
        _run_database(found, lake, here, running)


def settle(feed: Feed, lake: Lake, now: datetime) -> None:
    """Put the feed where the lake is: a killed run's batch counts if it was committed, an undone one is read again."""
    batches = {info.batch: info for info in lake.batches(feed.contract)}
    committed = {info.fingerprint: info for info in batches.values() if info.state == "committed"}
    for left in feed.runs.filter(state=FeedRun.State.RUNNING).order_by("pk"):
        info = committed.get(left.fingerprint) if left.fingerprint else None
        if info is not None:
            _done(feed, left, info.batch, info.report, now)
        else:
            for begun in batches.values():
                ours = left.fingerprint and begun.fingerprint == left.fingerprint
                if ours and begun.state == "begun" and not is_writing(begun.writer):
                    lake.abandon(begun, now=now)
            _failed(feed, left, tr("The run was cut off; nothing of it was kept."), now)
    undone = [
        one
        for one in feed.runs.filter(state=FeedRun.State.DONE).exclude(batch="").order_by("pk")
        if one.batch in batches and batches[one.batch].state == "undone"
    ]
    if undone:
        kept = Kept.of_document(feed.known)
        mark = Mark(*undone[0].from_mark) if undone[0].from_mark else None
        with transaction.atomic():
            feed.known = Kept(mark, kept.key).as_document()
            gone = {one.file for one in undone}
            feed.looked = {name: seen for name, seen in feed.looked.items() if name not in gone}
            feed.save(update_fields=["sealed_under", "known", "looked"])
            feed.runs.filter(pk__in=[one.pk for one in undone]).update(state=FeedRun.State.UNDONE)


def asked_of(feed: Feed, most: int | None = None) -> Asked:
    """What the feed asks its database for."""
    return Asked(feed.table, feed.query, tuple(Range(*one) for one in feed.ranges), most)


def _run_database(feed: Feed, lake: Lake, here: Workspace, running: Running) -> None:
    most = running.params.get("most")
    kept = Kept.of_document(feed.known)
    spool = here.home / "pulls" / str(feed.pk)
    sweep(spool)
    mark = kept.mark
    row = FeedRun.objects.create(
        feed=feed, job=running.id, started_at=running.now(),
        from_mark=None if mark is None else [mark.column, mark.order, mark.value],
    )  # fmt: skip

    def begun(fetched: Any, fingerprint: str) -> None:
        row.fingerprint, row.read, row.known = fingerprint, fetched.read, fetched.known
        row.leaves = {} if most else fetched.kept.as_document()
        row.save()
        if kept.mark is None:
            look_for_slips(feed, fetched.path, lake)

    def fetching(rows: int) -> None:
        running.tell(Words(f"Reading {feed.name}", f"正在读取 {feed.name}"), rows, 0)
        if running.stopping:
            raise Stopped

    try:
        pulled = pull(
            lake, dsn_of(feed.dsn), asked_of(feed, most), feed.contract, folder=spool,
            watermark="" if most else feed.watermark, kept=Kept() if most else kept, overlap=feed.overlap, begun=begun,
            fetching=fetching, **_importing(feed, here, running),
        )  # fmt: skip
    except (Stopped, StoppedError):
        _failed(feed, row, tr("A person stopped it; nothing of it was kept."), running.now())
        raise Stopped from None
    except TenureError as error:
        _failed(feed, row, error.args[0] if error.args else str(error), running.now())
        raise
    _closed(feed, row, pulled, running, most is not None)


def _closed(feed: Feed, row: FeedRun, pulled: Pulled, running: Running, sample: bool) -> None:
    report = pulled.report
    row.read, row.known = pulled.fetched.read, pulled.fetched.known
    if report is None:
        row.state, row.ended_at = FeedRun.State.NOTHING, running.now()
        with transaction.atomic():
            row.save()
            if not sample:
                feed.known = pulled.fetched.kept.as_document()
                feed.save(update_fields=["sealed_under", "known"])
            announce(FeedRan(feed.pk, row.state, ""))
    else:
        _done(feed, row, report.batch or "", {"accepted": report.accepted, "rejected": report.rejected}, running.now())
        _results(running, report)


def _run_folder(feed: Feed, lake: Lake, here: Workspace, running: Running) -> None:
    folder = Path(feed.folder)
    if not folder.is_dir():
        raise TenureError(
            tr("There is no folder {path}. Check the path; it is one on the server's own disk.", path=folder)
        )
    looked: dict[str, Any] = {}
    files = sorted(path for path in folder.iterdir() if _is_for_us(path))
    for place, path in enumerate(files):
        running.tell(Words(f"Looking at {path.name}", f"正在查看 {path.name}"), place, len(files))
        if running.stopping:
            raise Stopped
        seen = _look(path)
        before = feed.looked.get(path.name, {})
        if before.get("at") == seen and before.get("was") in ("taken", "bad"):
            looked[path.name] = before
            continue
        marked = path.with_name(path.name + DONE_MARK).exists()
        if not marked and before.get("at") != seen:
            looked[path.name] = {"at": seen, "was": "waiting"}
            continue
        looked[path.name] = {"at": seen, "was": _take(feed, path, lake, here, running)}
        _keep_looked(feed, {**feed.looked, **looked})
        if feed.move and looked[path.name]["was"] == "taken":
            _move(path)
            del looked[path.name]
    _keep_looked(feed, looked)
    if any(seen["was"] == "waiting" for seen in looked.values()):
        soon = running.now() + SETTLE
        if feed.next_at is None or feed.next_at > soon:
            Feed.objects.filter(pk=feed.pk, state=Feed.State.ON).update(next_at=soon)
    elif feed.next_at is not None and not (feed.every_minutes or feed.daily_at):
        Feed.objects.filter(pk=feed.pk).update(next_at=None)


def _take(feed: Feed, path: Path, lake: Lake, here: Workspace, running: Running) -> str:
    """Import one file that has come to rest: "taken", or "bad" with its reason on the feed's page."""
    with path.open("rb") as file:
        fingerprint = hashlib.file_digest(file, "sha256").hexdigest()
    if feed.runs.filter(fingerprint=fingerprint, state=FeedRun.State.DONE).exists():
        return "taken"
    row = FeedRun.objects.create(
        feed=feed, job=running.id, file=path.name[:255], started_at=running.now(), fingerprint=fingerprint
    )
    try:
        report = import_file(lake, path, feed.contract, again=True, **_importing(feed, here, running))
    except (Stopped, StoppedError):
        _failed(feed, row, tr("A person stopped it; nothing of it was kept."), running.now())
        raise Stopped from None
    except TenureError as error:
        _failed(feed, row, error.args[0] if error.args else str(error), running.now())
        return "bad"
    row.read = report.read
    look_for_slips(feed, path, lake)
    _done(feed, row, report.batch or "", {"accepted": report.accepted, "rejected": report.rejected}, running.now())
    _results(running, report)
    return "taken"


def _importing(feed: Feed, here: Workspace, running: Running) -> dict[str, Any]:
    def progress(done: int, total: int) -> None:
        running.tell(Words(f"Importing {feed.name}", f"正在导入 {feed.name}"), done, total)

    return {
        "source": feed.source, "ids_of": feed.ids_of or None, "mapping": dict(feed.mapping),
        "corrections": feed.corrections, "zone": feed.zone or here.zone, "currency": here.currency,
        "rejects_folder": here.rejects_folder, "now": running.now(), "progress": progress,
        "stop": lambda: running.stopping,
    }  # fmt: skip


def _results(running: Running, report: ImportReport) -> None:
    running.result = {
        "batch": report.batch, "contract": report.contract, "accepted": report.accepted, "rejected": report.rejected,
    }  # fmt: skip


@transaction.atomic
def _done(feed: Feed, row: FeedRun, batch: str, report: Mapping[str, Any], now: datetime) -> None:
    row.state, row.batch, row.ended_at = FeedRun.State.DONE, batch, now
    row.accepted, row.rejected = report.get("accepted") or 0, report.get("rejected") or 0
    if row.leaves:
        feed.known = row.leaves
        feed.save(update_fields=["sealed_under", "known"])
    row.leaves = {}
    row.save()
    announce(FeedRan(feed.pk, row.state, batch))


@transaction.atomic
def _failed(feed: Feed, row: FeedRun, why: str, now: datetime) -> None:
    told = both(why)
    row.state, row.ended_at, row.error, row.leaves = FeedRun.State.FAILED, now, {"en": told.en, "zh": told.zh}, {}
    row.save()
    announce(FeedRan(feed.pk, row.state, ""))


def _keep_looked(feed: Feed, looked: dict[str, Any]) -> None:
    feed.looked = looked
    Feed.objects.filter(pk=feed.pk).update(looked=looked)


def _is_for_us(path: Path) -> bool:
    endings = tuple(ending for source in SOURCES.values() for ending in source.suffixes)
    return (
        path.name.lower().endswith(endings)
        and not path.name.startswith(".")
        and path.is_file()
        and not path.is_symlink()
    )


def _look(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _move(path: Path) -> None:
    target = path.parent / "done"
    target.mkdir(exist_ok=True)
    name, count = path.name, 1
    while (target / name).exists():
        count += 1
        name = f"{path.stem} ({count}){path.suffix}"
    path.replace(target / name)
    path.with_name(path.name + DONE_MARK).unlink(missing_ok=True)


# What a feed may be


def _locked(feed_id: int) -> Feed:
    return Feed.objects.kept().select_for_update(of=("self",)).get(pk=feed_id)


def _checked(wished: Wished, existing: Feed | None) -> dict[str, Any]:
    """The columns of a feed as wished. Raises TenureError for what could never run."""
    name, here = wished.name.strip()[:80], open_workspace()
    if not name:
        raise TenureError(tr("Give the feed a name that says what it brings."))
    others = Feed.objects.kept().filter(name=name)
    if (others.exclude(pk=existing.pk) if existing else others).exists():
        raise TenureError(tr('There is already a feed "{name}".', name=name))
    contract_named(wished.contract)
    if wished.zone:
        try:
            ZoneInfo(wished.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise TenureError(tr('There is no time zone "{zone}".', zone=wished.zone)) from None
    if wished.daily_at and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", wished.daily_at):
        raise TenureError(tr('Write the time of day as 06:30; found "{text}".', text=wished.daily_at))
    if wished.every_minutes is not None and not 1 <= wished.every_minutes <= 40_000:
        raise TenureError(tr("A feed runs every 1 to 40,000 minutes."))
    if wished.every_minutes and wished.daily_at:
        raise TenureError(tr("Choose one: every so many minutes, or daily at a time."))
    made: dict[str, Any] = {
        "name": name, "contract": wished.contract, "source": (wished.source.strip() or "main")[:60],
        "zone": wished.zone, "ids_of": wished.ids_of.strip()[:60], "mapping": dict(as_pairs(wished.mapping)),
        "every_minutes": wished.every_minutes, "daily_at": wished.daily_at,
        "watermark": wished.watermark.strip(), "overlap": max(0, wished.overlap), "move": wished.move,
        "table": wished.table.strip(), "query": wished.query.strip(), "folder": wished.folder.strip(),
        "ranges": [[one.column, one.order, one.at_least, one.below] for one in wished.ranges],
    }  # fmt: skip
    if made["folder"]:
        path = Path(made["folder"])
        if not path.is_absolute() or not path.is_dir():
            raise TenureError(tr("There is no folder {path}. Give its whole path on the server's own disk.", path=path))
        if path.resolve().is_relative_to(here.home.resolve()) or here.home.resolve().is_relative_to(path.resolve()):
            raise TenureError(tr("{path} holds Tenure's own files. Watch a folder of its own.", path=path))
        return made | {"kind": Feed.Kind.FOLDER, "dsn": "", "address": ""}
    if not wished.dsn and existing is None:
        raise TenureError(tr("Give the address of a database, or a folder to watch."))
    if bool(made["table"]) == bool(made["query"]):
        raise TenureError(tr("Choose one: a table, or a query."))
    if made["query"]:
        made["query"] = check_query(made["query"])
    dsn = wished.dsn.strip() or (existing.dsn if existing else "")
    return made | {"kind": Feed.Kind.DATABASE, "dsn": dsn, "address": dsn_of(dsn).shown[:300]}


def _told(feed: Feed) -> dict[str, Any]:
    """What the audit trail says of a feed; its address without the password."""
    return {
        "name": feed.name, "kind": str(feed.kind), "source": feed.source, "contract": feed.contract,
        "address": feed.address or feed.folder, "table": feed.table or ("query" if feed.query else ""),
        "watermark": feed.watermark, "every_minutes": feed.every_minutes, "daily_at": feed.daily_at,
    }  # fmt: skip


# Misspelt values


def look_for_slips(feed: Feed, path: Path, lake: Lake) -> list[Suspect]:
    """Values of these rows that are likely misspelt and not mended yet; kept with the feed, for its page to offer.

    A column that names products is held against the products there are.
    """
    reader = source_for(path).open(path, Options())
    looked = look_into(reader, feed.contract, feed.mapping, lake, source=feed.source)
    found = [one for one in looked.found if one.value not in feed.corrections.get(one.column, {})]
    feed.suspects = [[one.column, one.value, one.rows, one.better, one.among, one.how, one.of] for one in found]
    Feed.objects.filter(pk=feed.pk).update(suspects=feed.suspects)
    return found


def suspects_of(feed: Feed) -> list[Suspect]:
    """What the last look found, without what was mended since."""
    found = [Suspect(*one) for one in feed.suspects]
    return [one for one in found if one.value not in feed.corrections.get(one.column, {})]


def _run_spelling(feed: Feed, lake: Lake, here: Workspace, running: Running) -> None:
    spool = here.home / "pulls" / str(feed.pk)
    sweep(spool)
    fetched = fetch(dsn_of(feed.dsn), asked_of(feed), spool, stem=feed.name)
    if fetched.path is not None:
        try:
            running.result = {"suspects": len(look_for_slips(feed, fetched.path, lake))}
        finally:
            sweep(spool)
