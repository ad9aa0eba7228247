"""Long pieces of work: asked for, taken up by a worker, told about, stopped, and gone on with after a kill.

A job is one row. A worker claims it with one UPDATE that only one can win, and renews its lease while it lives; when a
worker is killed the lease runs out and the next one calls the run again with what was last kept. Every write of a run
names the claim it was made under, so that a worker that slept through its lease can write nothing any more.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, OperationalError, close_old_connections, connection, connections, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import translation

from tenure import language
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.desk.work.events import JobEnded, JobStarted
from tenure.desk.work.models import Job
from tenure.errors import TenureError
from tenure.language import Words, both, tr

log = logging.getLogger("tenure.work")

LEASE = timedelta(seconds=60)
TRIES = 5
"""Claims without anything kept in between, after which a job is given up: it may be what kills the workers."""
_OFTEN = 0.5  # seconds between two writes of progress

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job. run: does it; it may be called again after a kill, with the state it last kept."""

    name: str
    words: Words
    run: Callable[["Running"], None]


KINDS: dict[str, Kind] = {}
_TICKS: dict[str, Callable[[datetime], None]] = {}


def kind(name: str, words: Words, run: Callable[["Running"], None]) -> None:
    """Register what a job of this kind does; called once as the product starts."""
    KINDS[name] = Kind(name, words, run)


def each_while(name: str, call: Callable[[datetime], None]) -> None:
    """Have a worker call this every few seconds between jobs, for what must be started by the clock.

    Several workers call it at the same time: it has to start its jobs with `once`.
    """
    _TICKS[name] = call


class Stopped(Exception):  # noqa: N818 - it is no error
    """Raised by a run that ends because a person wished it to."""


class LeaseLost(Exception):  # noqa: N818 - it is no error of this run
    """Another worker has this job now; whatever this one still does must not be written."""


@dataclass
class Running:
    """A job as its run sees it. state: what was last kept. result: what the job's page shows when it is done."""

    id: int
    params: dict[str, Any]
    state: dict[str, Any]
    asked_by: int | None
    clock: Clock
    holder: str
    result: dict[str, Any] = field(default_factory=dict)
    _told_at: float = 0.0
    _told: dict[str, Any] = field(default_factory=dict)
    _stopping: bool = False

    def now(self) -> datetime:
        return self.clock()

    def tell(self, step: str | Words, done: int, total: int) -> None:
        """Say how far it is; written twice a second at most, so it may be called often."""
        told = {"step": _kept(step), "done": done, "total": total}
        changed = told["step"] != self._told.get("step")
        self._told = told
        if changed or time.monotonic() - self._told_at >= _OFTEN:
            self._say(**told)

    def keep(self, state: dict[str, Any]) -> None:
        """Keep what a later worker needs to go on from here, at once and for sure."""
        self._write(state=state, tries=0, **self._told)
        self.state = state

    @property
    def stopping(self) -> bool:
        """Whether a person wished it to stop; looked up twice a second at most."""
        if not self._stopping and time.monotonic() - self._told_at >= _OFTEN:
            self._say(**self._told)
        return self._stopping

    def _say(self, **told: Any) -> None:
        """Progress is no reason to give up the work: where the desk's database is away, it goes on unseen."""
        try:
            self._write(**told)
        except OperationalError as error:
            self._told_at = time.monotonic()
            log.warning("job %s: progress could not be told: %s", self.id, error)
            if not connection.in_atomic_block:
                connection.close()

    def _write(self, **changed: Any) -> None:
        now = self.clock()
        self._told_at = time.monotonic()
        held = Job.objects.filter(pk=self.id, lease_holder=self.holder, status=Job.Status.RUNNING)
        if not held.update(heartbeat_at=now, lease_until=now + LEASE, **storable(changed)):
            raise LeaseLost
        self._stopping = held.filter(stop_asked_at__isnull=False).exists()


@transaction.atomic
def start(kind: str, *, params: Mapping[str, Any], actor: User | None, now: datetime, once: str | None = None) -> int:
    """Ask for a piece of work and return its job's id; a worker takes it up.

    once: while a job with the same mark is alive, that one is returned and nothing is started.
    Raises TenureError for a kind nobody registered.
    """
    if kind not in KINDS:
        raise TenureError(
            tr('There is no kind of job "{kind}". There are: {kinds}.', kind=kind, kinds=", ".join(sorted(KINDS)))
        )
    if once and (alive := _alive(once)) is not None:
        return alive
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind, params=dict(params), once=once or "", asked_by=actor, asked_at=now,
                language=(actor.language if actor else "") or language.current(),
            )  # fmt: skip
    except IntegrityError:  # another process started it just now
        if once and (alive := _alive(once)) is not None:
            return alive
        raise
    audit.record("start_job", "job", job.pk, actor=actor, now=now, kind=kind)
    announce(JobStarted(job.pk, kind))
    return int(job.pk)


def soon(kind: str, *, now: datetime) -> int:
    """Have a job of this kind begin after this moment, and return its id: one that waits already, else another one.

    One that is under way may have passed what was just changed, so it is not counted on.
    """
    turn = 0
    while True:
        mark = f"{kind} {turn}"
        job = Job.objects.alive().filter(once=mark).first()
        if job is None or job.status == Job.Status.WAITING:
            return job.pk if job is not None else start(kind, params={}, actor=None, now=now, once=mark)
        turn += 1


def _alive(once: str) -> int | None:
    return Job.objects.alive().filter(once=once).values_list("pk", flat=True).first()


@transaction.atomic
def stop(job_id: int, *, actor: User | None, now: datetime) -> Job:
    """Wish a job to stop: one that waits stops at once, one that runs at its next rest. One that ended stays so.

    Raises Job.DoesNotExist.
    """
    job = Job.objects.select_for_update(of=("self",)).get(pk=job_id)
    if not job.alive or job.stop_asked_at is not None:
        return job
    job.stop_asked_at = now
    if job.status == Job.Status.WAITING:
        job.status, job.finished_at = Job.Status.STOPPED, now
        announce(JobEnded(job.pk, job.kind, job.status))
    job.save(update_fields=["stop_asked_at", "status", "finished_at"])
    audit.record("stop_job", "job", job.pk, actor=actor, now=now, kind=job.kind)
    return job


def work_off(now: Clock = lambda: datetime.now(UTC), most: int | None = None) -> int:
    """Do what waits, one job after the other, until nothing waits or `most` are done; returns how many were done."""
    done = 0
    while most is None or done < most:
        claimed = _claim(now)
        if claimed is None:
            break
        _run(claimed, now)
        done += 1
    return done


def tick(now: datetime) -> None:
    """Start what the clock says is due. One that fails is logged and does not hold up the others."""
    for name, call in _TICKS.items():
        try:
            call(now)
        except Exception:
            log.exception("%s could not be started by the clock", name)


def worker_id() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(6)}"


def _claim(now: Clock) -> Job | None:
    """Take the oldest free job, if there is one: of two workers that try, the database lets one win."""
    moment, holder = now(), worker_id()
    known = Job.objects.filter(kind__in=list(KINDS))
    for pk in list(known.free(moment).order_by("pk").values_list("pk", flat=True)[:20]):
        won = Job.objects.filter(pk=pk).free(moment).update(
            status=Job.Status.RUNNING, lease_holder=holder, lease_until=moment + LEASE, heartbeat_at=moment,
            started_at=Coalesce(F("started_at"), moment), tries=F("tries") + 1,
        )  # fmt: skip
        if won:
            return Job.objects.select_related("asked_by").get(pk=pk)
    return None


def _run(job: Job, now: Clock) -> None:
    running = Running(job.pk, job.params, job.state, job.asked_by_id, now, job.lease_holder)
    speaking = job.language or "en"
    with language.using(speaking), translation.override(speaking):
        if job.tries > TRIES:
            given_up = tr(
                "Given up: {tries} workers died at it. Look into the log of the worker, then start it again.",
                tries=job.tries - 1,
            )
            _end(job, Job.Status.FAILED, now(), error=given_up)
            return
        if job.stop_asked_at is not None:
            _end(job, Job.Status.STOPPED, now())
            return
        try:
            with _heartbeat(running):
                KINDS[job.kind].run(running)
        except LeaseLost:
            log.warning("job %s %s: another worker has it now", job.pk, job.kind)
        except Stopped:
            _end(job, Job.Status.STOPPED, now(), told=running._told)
        except TenureError as error:
            _end(job, Job.Status.FAILED, now(), error=error.args[0] if error.args else str(error))
        except Exception:
            log.exception("job %s %s failed", job.pk, job.kind)
            told = tr("Something went wrong that nobody foresaw. The log of the worker says what; nothing is lost: start it again once it is mended.")  # fmt: skip
            _end(job, Job.Status.FAILED, now(), error=told)
        except BaseException:
            _give_back(job)
            raise
        else:
            _end(job, Job.Status.DONE, now(), told=running._told, result=running.result)


@transaction.atomic
def _end(job: Job, status: str, now: datetime, *, error: str = "", **more: Any) -> None:
    told: dict[str, Any] = more.pop("told", {})
    held = Job.objects.filter(pk=job.pk, lease_holder=job.lease_holder, status=Job.Status.RUNNING)
    changed = storable({"error": _kept(error) if error else {}, **told, **more})
    if not held.update(status=status, finished_at=now, heartbeat_at=now, lease_until=None, **changed):
        return  # the lease ran out and another worker took it: what became of it is that worker's word
    audit.record("end_job", "job", job.pk, actor=job.asked_by, now=now, kind=job.kind, state=str(status))
    announce(JobEnded(job.pk, job.kind, str(status)))


def _give_back(job: Job) -> None:
    """A worker that leaves puts its job back, so that the next one need not wait for the lease to end."""
    held = Job.objects.filter(pk=job.pk, lease_holder=job.lease_holder, status=Job.Status.RUNNING)
    held.update(status=Job.Status.WAITING, lease_until=None, lease_holder="", tries=0)


@contextmanager
def _heartbeat(running: Running) -> Iterator[None]:
    """Renew the lease from a thread of its own, whatever the run is busy with."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(LEASE.total_seconds() / 4):
            try:
                close_old_connections()
                now = running.clock()
                held = Job.objects.filter(pk=running.id, lease_holder=running.holder, status=Job.Status.RUNNING)
                held.update(heartbeat_at=now, lease_until=now + LEASE)
            except Exception:  # the database may be away for a moment; the next beat tries again
                log.exception("job %s: the lease could not be renewed", running.id)
        connections.close_all()

    thread = threading.Thread(target=beat, name=f"heartbeat-{running.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        if not connection.in_atomic_block:
            thread.join()


def storable(value: Any) -> Any:
    """The value as both databases can keep it: text without null characters and halves of characters."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(str(key)): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value


def _kept(sentence: str | Words) -> dict[str, str]:
    told = sentence if isinstance(sentence, Words) else both(sentence)
    return {"en": told.en, "zh": told.zh}
