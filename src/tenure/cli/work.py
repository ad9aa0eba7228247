"""The worker: does the long work that pages, programs and the clock ask for; alone, or beside the pages."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from tenure.cli import opened, show
from tenure.cli.show import Format, Tell
from tenure.language import tr

REST_SECONDS = 1.0
AGAIN_SECONDS = 2.0


def worker(
    once: Annotated[bool, typer.Option("--once", help=tr("Do what waits now, then leave."))] = False,
    beside: Annotated[int, typer.Option("--beside", hidden=True)] = 0,
) -> None:
    opened.desk()
    from tenure.desk.work.api import tick, work_off

    leaving = threading.Event()
    if beside:
        _leave_with(beside, leaving)
    with _sent_home(leaving):
        if once:
            tick(opened.now())
            done = work_off(opened.now)
            show.err.print(tr("{done} jobs done.", done=done))
            return
        if not beside:
            show.err.print(tr("The worker waits for jobs (Ctrl-C stops it)"))
        while not leaving.is_set():
            try:
                tick(opened.now())
                if work_off(opened.now, most=1):
                    continue
            except Exception as error:
                _away(error)
            leaving.wait(REST_SECONDS)


worker.__doc__ = tr("Do the long work that pages and programs ask for; any number may run.")


def jobs(
    format: Tell = Format.table,
    limit: Annotated[int, typer.Option(help=tr("How many to list, newest first."))] = 20,
) -> None:
    opened.desk()
    from tenure.desk.work.models import Job

    found = [
        {
            "job": job.pk, "kind": job.kind, "state": job.status if format is not Format.table else job.get_status_display(),
            "done": job.done, "total": job.total, "asked_at": job.asked_at, "finished_at": job.finished_at,
            "said": job.error_words or job.step_words or None,
        }
        for job in Job.objects.order_by("-pk")[: max(0, limit)]
    ]  # fmt: skip
    headings = {"job": tr("Job"), "kind": tr("Kind"), "state": tr("State"), "done": tr("Done"), "total": tr("Of"),
                "asked_at": tr("Asked"), "finished_at": tr("Finished"), "said": tr("Says")}  # fmt: skip
    show.rows(found, format, headings=headings)
    if not found:
        show.hint(tr("Nothing was asked for yet. Jobs come from the Data page, and from schedules."))


jobs.__doc__ = tr("List long work: what waits, runs, is done or failed.")


@contextmanager
def worker_beside() -> Iterator[None]:
    """A worker in a process of its own for as long as the block lasts; one that dies is started again.

    It looks for itself whether this process is still there, so it is gone too when this one is killed outright.
    """
    over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not over.is_set():
            process = subprocess.Popen(
                [sys.executable, "-m", "tenure.cli", "worker", "--beside", str(os.getpid())], stdin=subprocess.DEVNULL
            )
            running[:] = [process]
            if over.is_set():
                process.terminate()
            process.wait()
            over.wait(AGAIN_SECONDS)

    thread = threading.Thread(target=keep, name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        for process in running:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        thread.join(5)


@contextmanager
def _sent_home(leaving: threading.Event) -> Iterator[None]:
    """On Ctrl-C or a polite signal leave at once; the job at hand is given back for the next worker."""

    def leave(_signal: int, _frame: Any) -> None:
        leaving.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    yield


def _leave_with(parent: int, leaving: threading.Event) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            if leaving.wait(REST_SECONDS):
                return
        os.kill(os.getpid(), signal.SIGTERM)
        if not leaving.wait(10):  # stuck in something that hears no signal
            os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _away(error: Exception) -> None:
    """The desk's database may be away for a while: say so, and try again later."""
    import logging

    from django.db import OperationalError, connections

    if not isinstance(error, OperationalError):
        raise error
    logging.getLogger("tenure.work").warning("the desk's database does not answer: %s", error)
    with contextlib.suppress(Exception):
        connections.close_all()
