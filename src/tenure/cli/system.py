"""Commands that set Tenure up, run it, and say how it is."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import tenure
from tenure.cli import opened, packs, show, work
from tenure.errors import TenureError
from tenure.home import trace
from tenure.keyring import keyring
from tenure.lake.engines import spark_parts
from tenure.language import tr
from tenure.vault import vault
from tenure.workspace import SETTINGS_FILE, create, home_folder

OLD_BACKUP = timedelta(days=7)
IDLE_SECONDS, WAITING = 30, 128  # of a client that neither reads nor writes; of clients not yet spoken to


def init(
    company: Annotated[str, typer.Option(help=tr("Name of the company."))] = "",
    zone: Annotated[str, typer.Option(help=tr("Business time zone."))] = "Asia/Shanghai",
    currency: Annotated[str, typer.Option(help=tr("Reporting currency."))] = "CNY",
    pack: Annotated[str | None, typer.Option(help=tr("Line of business to start from; see: tenure list packs"))] = None,
) -> None:
    if pack is not None:
        from tenure.packs import pack_named

        pack_named(pack)  # before anything is made
    here = create(home_folder(), zone=zone, currency=currency.upper(), company=company)
    opened.desk(here)
    show.out.print(
        tr(
            "Workspace {home}: zone {zone}, currency {currency}.",
            home=here.home,
            zone=here.zone,
            currency=here.currency,
        ),
        markup=False,
    )
    if pack is not None:
        packs.chosen(pack)
    show.hint(tr("Next: tenure import FILE --as customers, and tenure user add NAME --role admin"))


init.__doc__ = tr("Set a workspace up: one company, its zone and its currency.")


def serve(
    host: Annotated[str, typer.Option(help=tr("Address to listen on."))] = "127.0.0.1",
    port: Annotated[int, typer.Option(help=tr("Port to listen on."))] = 8000,
    threads: Annotated[int, typer.Option(help=tr("Pages worked on at once."))] = 4,
    with_worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help=tr("Do long work here too, or leave it to workers elsewhere."))
    ] = True,
) -> None:
    opened.desk()
    with work.worker_beside() if with_worker else nullcontext():
        serve_pages(host, port, threads)


serve.__doc__ = tr("Serve the pages on this machine, and do the long work they ask for.")


def serve_pages(host: str, port: int, threads: int = 4) -> None:
    """Serve until stopped. The desk must be prepared."""
    import logging

    from cheroot.wsgi import Server

    from tenure.web.wsgi import application

    class Told(Server):
        """Says what goes wrong in the log, like everything else."""

        def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
            logging.getLogger("tenure.web").log(level, msg, exc_info=traceback)

    show.err.print(tr("Tenure is at http://{host}:{port}/ (Ctrl-C stops it)", host=host, port=port))
    # Whoever neither reads nor writes for so long gives the thread back, so that nobody stops the others.
    server = Told(
        (host, port), application, numthreads=threads, server_name="tenure", timeout=IDLE_SECONDS,
        request_queue_size=WAITING, shutdown_timeout=5,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, _leave)
    try:
        server.safe_start()
    finally:
        server.stop()


def _leave(_signal: int, _frame: Any) -> None:
    raise SystemExit(0)


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at. mend: what to do about it, where something is wrong."""

    state: Literal["ok", "note", "wrong"]
    about: str
    found: str
    mend: str = ""


def doctor() -> None:
    marks = {"ok": "[green]✓[/]", "note": "[yellow]·[/]", "wrong": "[red]✗[/]"}
    wrong = 0
    for finding in examine():
        show.out.print(f"{marks[finding.state]} {finding.about}: ", end="")
        show.out.print(finding.found, markup=False, soft_wrap=True)
        if finding.mend:
            show.out.print("    → " + finding.mend, markup=False, soft_wrap=True)
        wrong += finding.state == "wrong"
    if wrong:
        raise typer.Exit(1)


doctor.__doc__ = tr("Say what is installed, where things live, what is wrong and how to mend it.")


def examine() -> Iterator[Finding]:
    """Look at the machine, the parts, the workspace, its desk and its lake."""
    python = platform.python_version()
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "ok" if supported else "wrong", "Python", f"{python} ({sys.executable})",
        "" if supported else tr("Tenure runs on Python 3.11 to 3.13."),
    )  # fmt: skip
    yield Finding("ok", "Tenure", f"{tenure.__version__} ({Path(tenure.__file__).parent})")
    for part in (
        "django",
        "django-unfold",
        "duckdb",
        "ibis-framework",
        "deltalake",
        "pyarrow",
        "scikit-learn",
        "lightgbm",
    ):
        yield _part(part)
    yield from _optional()
    yield from _home()
    yield from _keys()
    yield from _desk()
    yield from _lake()
    yield from _backup()


def _part(name: str) -> Finding:
    try:
        return Finding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding("wrong", name, tr("not installed"), tr("Install Tenure again: pip install tenure"))


def _optional() -> Iterator[Finding]:
    yield _spark()
    for name, used_for in (("chromium", tr("tests of the pages")), ("psql", tr("PostgreSQL"))):
        path = shutil.which(name)
        yield Finding("ok" if path else "note", name, path or tr("not found; only needed for {what}", what=used_for))


def _spark() -> Finding:
    """Whether the lake could be asked by Spark; wrong only where TENURE_ENGINE wants it so."""
    wanted = os.environ.get("TENURE_ENGINE", "duckdb")
    there, missing = spark_parts()
    needed = wanted != "duckdb"
    if not missing:
        return Finding("ok", "Spark", "; ".join(there) + (f" → {wanted}" if needed else ""))
    return Finding(
        "wrong" if needed else "note",
        "Spark",
        tr("not there: {missing}; only needed where TENURE_ENGINE names Spark", missing=", ".join(missing)),
        tr('Install Java 17 or newer and: pip install "tenure[spark]"') if needed else "",
    )


def _home() -> Iterator[Finding]:
    here = opened.workspace()
    if not here.home.is_dir():
        yield Finding(
            "wrong",
            tr("Home"),
            tr("{home} does not exist", home=here.home),
            tr("Make it with: tenure --home {home} init", home=here.home),
        )
        return
    writable = os.access(here.home, os.W_OK)
    yield Finding(
        "ok" if writable else "wrong",
        tr("Home"),
        str(here.home),
        "" if writable else tr("Give yourself the right to write there."),
    )
    settings = here.home / SETTINGS_FILE
    yield Finding(
        "ok" if settings.exists() else "note",
        tr("Settings"),
        f"{settings if settings.exists() else tr('defaults')}: {here.zone}, {here.currency}",
    )
    free = shutil.disk_usage(here.home).free
    few = free < 2 * 1024**3
    yield Finding(
        "wrong" if few else "ok",
        tr("Free disk"),
        f"{free / 1024**3:.1f} GB",
        tr("Below 2 GB imports may fail; free some room.") if few else "",
    )


def _keys() -> Iterator[Finding]:
    here = opened.workspace()
    if not here.home.is_dir():
        return
    if not here.keys_path.exists() and not here.vault_path.exists() and not trace(here.home):
        yield Finding(
            "note", tr("Keyring"), tr("none yet; the first personal data makes one: {path}", path=here.keys_path)
        )
        return
    try:
        ring = keyring(here.home)
        subjects = sum(vault(here.home).under().values()) if here.vault_path.exists() else 0
    except TenureError as error:
        yield Finding("wrong", tr("Keyring"), str(here.keys_path), str(error))
        return
    yield Finding(
        "ok",
        tr("Keyring"),
        tr("{path}: key {key} seals, {count} in all", path=ring.path, key=ring.current, count=len(ring.ids)),
    )
    if here.keys_path.is_relative_to(here.home):
        yield Finding(
            "note", tr("Place of the keyring"), tr("beside the data it opens"),
            tr("Keep it on another disk, and name it with TENURE_KEYS."),
        )  # fmt: skip
    yield Finding(
        "ok", tr("Vault"), tr("{path}: keys of {subjects:,} subjects", path=here.vault_path, subjects=subjects)
    )


def _desk() -> Iterator[Finding]:
    here = opened.workspace()
    if not here.home.is_dir():
        return
    try:
        opened.desk(here)
        from tenure.desk.governance.models import User

        users = User.objects.filter(is_active=True).count()
    except Exception as error:
        yield Finding(
            "wrong",
            tr("Desk"),
            f"{type(error).__name__}: {error}",
            tr("Check DATABASE_URL, and that the server it names is running."),
        )
        return
    where = (
        "PostgreSQL"
        if "postgres" in here.database_url.split(":", 1)[0]
        else here.database_url.removeprefix("sqlite:///")
    )
    yield Finding("ok", tr("Desk"), where)
    yield Finding(
        "ok" if users else "note", tr("Accounts"), str(users),
        "" if users else tr("Add someone who may sign in: tenure user add NAME --role admin"),
    )  # fmt: skip


def _lake() -> Iterator[Finding]:
    here = opened.workspace()
    if not here.lake_folder.is_dir():
        yield Finding(
            "note", tr("Lake"), tr("nothing imported yet"), tr("Begin with: tenure import FILE --as CONTRACT")
        )
        return
    lake = opened.lake(here)
    batches = lake.batches()
    committed = sum(b.state == "committed" for b in batches)
    size = sum(file.stat().st_size for file in here.lake_folder.rglob("*") if file.is_file())
    yield Finding(
        "ok",
        tr("Lake"),
        tr("{path}: {batches} batches, {size:.1f} MB", path=here.lake_folder, batches=committed, size=size / 1e6),
    )
    unfinished = [b for b in batches if b.state == "begun"]
    if unfinished:
        yield Finding(
            "note",
            tr("Unfinished imports"),
            ", ".join(b.batch for b in unfinished),
            tr("Go on with one whose process died: tenure import --resume BATCH. After a week it is cleared away."),
        )
    state = lake.document("refresh")
    newest = max((b.at for b in batches if b.state in ("committed", "undone")), default=None)
    if state is None:
        yield Finding("note", tr("Last refresh"), tr("never"), tr("Run: tenure refresh"))
    else:
        from datetime import datetime

        at = max(datetime.fromisoformat(step["at"]) for step in state["steps"].values())
        stale = newest is not None and newest > at
        yield Finding("note" if stale else "ok", tr("Last refresh"), at.isoformat(timespec="seconds"),
                      tr("Records came in since; run: tenure refresh") if stale else "")  # fmt: skip


def _backup() -> Iterator[Finding]:
    from tenure.backup import last_backup

    here = opened.workspace()
    if not here.home.is_dir():
        return
    last = last_backup(here)
    if last is None:
        yield Finding("note", tr("Last backup"), tr("never"), tr("Run: tenure backup DEST"))
        return
    old = opened.now() - last.at > OLD_BACKUP
    found = f"{last.at.isoformat(timespec='seconds')} ({last.path})"
    if not last.path.exists():
        yield Finding("note", tr("Last backup"), found, tr("That file is no longer there; run: tenure backup DEST"))
    else:
        yield Finding("note" if old else "ok", tr("Last backup"), found,
                      tr("Older than 7 days; run: tenure backup DEST") if old else "")  # fmt: skip
