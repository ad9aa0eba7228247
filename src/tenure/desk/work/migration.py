"""Moving from another system in waves: a sample, slice after slice, both systems in step meanwhile, compared, and
rolled back as a whole.

A migration is a set of feeds, one for each slice of each table. Opening a slice lets its feed run; from then on its
repeated incremental pulls keep both systems in step. Rolling back undoes every batch of all feeds in one commit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from django.db import transaction

from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.desk.work import feeds
from tenure.desk.work.events import MigrationBegun, MigrationCompared, MigrationRolledBack
from tenure.desk.work.feeds import Wished, asked_of, workspace_lake
from tenure.desk.work.jobs import Running, Stopped, kind, start
from tenure.desk.work.models.feeds import Feed, FeedRun, Migration
from tenure.desk.work.models.jobs import Job
from tenure.errors import TenureError
from tenure.language import Words, tr
from tenure.sources.comparing import Comparison, compare, write_differences
from tenure.sources.pull import Asked, dsn_of
from tenure.sources.pulling import fetch, slices, sweep
from tenure.workspace import Workspace, open_workspace

JOB = "compare"
SAMPLE = 200


@transaction.atomic
def begin(
    name: str,
    wanted: Sequence[Wished],
    *,
    actor: User | None,
    now: datetime,
    cut: Mapping[str, tuple[str, int]] | None = None,
) -> Migration:
    """Plan a migration: one closed feed for each slice of each table; nothing is read into the lake yet.

    cut: table, or contract of a query → (column, how many slices). Raises TenureError where an address can't be reached or a table not be cut.
    """
    name = name.strip()[:80]
    if not name or not wanted:
        raise TenureError(tr("Give the migration a name, and at least one table."))
    if Migration.objects.filter(name=name).exists():
        raise TenureError(tr('There is already a migration "{name}".', name=name))
    made = Migration.objects.create(name=name, made_by=actor, made_at=now)
    for one in wanted:
        column, count = (cut or {}).get(one.table or one.contract, ("", 1))
        parts = slices(one.dsn, Asked(one.table, one.query), column, count) if column and count > 1 else []
        for number, part in enumerate(parts or [None], start=1):
            title = f"{name}: {one.table or one.contract}" + (f" {number}/{len(parts)}" if parts else "")
            wish = replace(one, name=title, ranges=() if part is None else (part,))
            found = feeds.add_feed(wish, actor=actor, now=now, migration=made)
            Feed.objects.filter(pk=found.pk).update(state=Feed.State.PAUSED, next_at=None)
    audit.record("begin_migration", "migration", made.pk, actor=actor, now=now, name=name, tables=len(wanted))
    announce(MigrationBegun(made.pk))
    return made


def sample(migration_id: int, *, actor: User | None, now: datetime, most: int = SAMPLE) -> list[int]:
    """Bring a few rows of the first slice of each table, to look at; returns the jobs' ids. They are undone with the rest."""
    made = _moving(migration_id)
    seen: set[str] = set()
    jobs = []
    for one in made.feeds.kept().order_by("pk"):
        if (what := one.table or one.query) not in seen:
            seen.add(what)
            params = {"feed": one.pk, "most": most}
            jobs.append(start(feeds.JOB, params=params, actor=actor, now=now, once=f"feed:{one.pk}"))
    return jobs


def open_slice(feed_id: int, *, actor: User | None, now: datetime) -> int:
    """Let a slice come in, and keep it in step from here on; returns the job of its first run."""
    found = Feed.objects.kept().get(pk=feed_id, migration__state=Migration.State.MOVING)
    feeds.set_state(found.pk, Feed.State.ON, actor=actor, now=now)
    return feeds.run_now(found.pk, actor=actor, now=now)


def start_comparison(migration_id: int, *, actor: User | None, now: datetime, archiving: bool = False) -> int:
    """Have both systems compared; returns the job's id. archiving: what the old one no longer has is archived too."""
    made = _moving(migration_id)
    params = {"migration": made.pk, "archiving": archiving}
    return start(JOB, params=params, actor=actor, now=now, once=f"compare:{made.pk}")


def roll_back(migration_id: int, *, actor: User | None, now: datetime) -> int:
    """Undo every batch of the migration at once, and close its slices; returns how many batches.

    What other sources and people said since stays. Run again after a kill, it finds done what is done.
    Raises TenureError while one of its runs is at work.
    """
    made = _moving(migration_id)
    with transaction.atomic():
        marks = [f"feed:{one.pk}" for one in made.feeds.all()]
        made.feeds.update(state=Feed.State.PAUSED, next_at=None)
        if Job.objects.alive().filter(once__in=[*marks, f"compare:{made.pk}"]).exists():
            raise TenureError(
                tr("A run of this migration is at work. Stop it, or wait until it is done, then roll back.")
            )
    lake = workspace_lake()
    for one in made.feeds.all():
        feeds.settle(one, lake, now)
    batches = list(
        FeedRun.objects.filter(feed__migration=made).exclude(batch="").values_list("batch", flat=True).order_by("pk")
    )
    undone = lake.undo_all(batches, now=now)
    with transaction.atomic():
        _archive().unarchive(migration=made.pk, actor=actor, now=now)
        for one in made.feeds.all():
            feeds.settle(one, lake, now)
            one.known = {}
            one.save(update_fields=["sealed_under", "known"])
        made.state = Migration.State.ROLLED_BACK
        made.save(update_fields=["state"])
        audit.record("roll_back_migration", "migration", made.pk, actor=actor, now=now, batches=len(undone))
        announce(MigrationRolledBack(made.pk, len(undone)))
    return len(undone)


@transaction.atomic
def finish(migration_id: int, *, actor: User | None, now: datetime) -> Migration:
    """Say that the old system is done with: its feeds are closed, what they brought stays."""
    made = _moving(migration_id)
    made.state = Migration.State.DONE
    made.save(update_fields=["state"])
    made.feeds.update(state=Feed.State.PAUSED, next_at=None)
    audit.record("finish_migration", "migration", made.pk, actor=actor, now=now, name=made.name)
    return made


class Archive(Protocol):
    """What puts records away. It is of a room above this one, which brings it along as the product starts."""

    def known_keys(self, contract: str, ids_of: str) -> set[str]: ...

    def archive_gone(
        self,
        contract: str,
        ids_of: str,
        source: str,
        gone: pa.Table,
        *,
        migration: int,
        actor: User | None,
        now: datetime,
    ) -> int: ...

    def unarchive(
        self, *, migration: int, contract: str = ..., keys: Collection[str] | None = ..., actor: User | None = ...,
        now: datetime,
    ) -> int: ...  # fmt: skip


_archives: list[Archive] = []


def _archive() -> Archive:
    return _archives[-1]


def register(archive: Archive) -> None:
    _archives.append(archive)
    kind(JOB, Words("Compare with the old system", "与旧系统核对"), run)


def run(running: Running) -> None:
    """Read what is open of each table from the old system once more, and hold it against the lake."""
    made = _moving(running.params["migration"])
    here, lake = open_workspace(), workspace_lake()
    found: dict[str, Any] = {}
    put_away = 0
    groups = _groups(made)
    for place, (what, slices_) in enumerate(groups.items()):
        running.tell(Words(f"Comparing {what}", f"正在核对 {what}"), place, len(groups))
        if running.stopping:
            raise Stopped
        first = slices_[0]
        folder = here.home / "pulls" / f"compare-{made.pk}"
        sweep(folder)
        try:
            paths = _old_rows(slices_, folder)
            comparison = compare(
                lake, paths, first.contract, source=first.source, zone=first.zone or here.zone, currency=here.currency,
                ids_of=first.ids_of or None, mapping=first.mapping, corrections=first.corrections, seed=made.pk,
                archived=_archive().known_keys(first.contract, first.ids_of or first.source),
            )  # fmt: skip
        finally:
            sweep(folder)
        if running.params.get("archiving"):
            put_away += _put_away(made, first, comparison, running)
        document = comparison.as_document()
        if comparison.differences:
            document["file"] = write_differences(_file(here, made, what), comparison).name
        found[what] = document
    _keep(made, found, put_away, running)


def _put_away(made: Migration, first: Feed, comparison: Comparison, running: Running) -> int:
    """Archive what the old system no longer has, and bring back what it has again; returns how many were put away."""
    actor = User.objects.filter(pk=running.asked_by).first() if running.asked_by else None
    now, ids_of = running.now(), first.ids_of or first.source
    _archive().unarchive(migration=made.pk, contract=first.contract, keys=comparison.old_keys, actor=actor, now=now)
    if comparison.gone_rows is None or not comparison.gone_rows.num_rows:
        return 0
    return _archive().archive_gone(
        first.contract, ids_of, first.source, comparison.gone_rows, migration=made.pk, actor=actor, now=now
    )


def _old_rows(slices_: Sequence[Feed], folder: Path) -> list[Path]:
    paths = []
    for one in slices_:
        fetched = fetch(dsn_of(one.dsn), asked_of(one), folder, stem=f"{one.pk}")
        if fetched.path is not None:
            paths.append(fetched.path)
    return paths


def _groups(made: Migration) -> dict[str, list[Feed]]:
    """The open slices, table by table."""
    found: dict[str, list[Feed]] = {}
    for one in made.feeds.kept().filter(state=Feed.State.ON).order_by("pk"):
        found.setdefault(one.table or one.contract, []).append(one)
    if not found:
        raise TenureError(tr("No slice is open yet, so there is nothing to compare. Open one first."))
    return found


def _file(here: Workspace, made: Migration, what: str) -> Path:
    return here.rejects_folder / f"compare-{made.pk}-{what.replace('/', '-')}.csv"


@transaction.atomic
def _keep(made: Migration, found: dict[str, Any], put_away: int, running: Running) -> None:
    now = running.now()
    actor = User.objects.filter(pk=running.asked_by).first() if running.asked_by else None
    made.compared, made.compared_at = found, now
    made.save(update_fields=["compared", "compared_at"])
    same = all(one["same"] for one in found.values())
    audit.record("compare_migration", "migration", made.pk, actor=actor, now=now, ok=same)
    announce(MigrationCompared(made.pk))
    running.result = {"same": same, "archived": put_away}


def _moving(migration_id: int) -> Migration:
    made = Migration.objects.get(pk=migration_id)
    if made.state != Migration.State.MOVING:
        raise TenureError(tr('"{name}" is over: {state}.', name=made.name, state=made.get_state_display()))
    return made
