"""Long pieces of work: claimed by one, told about, failed plainly, stopped, and taken over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.work import jobs
from tenure.desk.work.jobs import LEASE, TRIES, Running, Stopped
from tenure.desk.work.models import Job
from tenure.errors import TenureError
from tenure.language import Words, tr
from tests.cast import MONDAY

pytestmark = pytest.mark.django_db

NOTE = Words("Make notes", "做笔记")


@pytest.fixture
def as_kind(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Running], None]], None]:
    """Makes a function what a job of kind "note" does."""
    monkeypatch.setattr(jobs, "KINDS", dict(jobs.KINDS))
    return lambda run: jobs.kind("note", NOTE, run)


def monday() -> datetime:
    return MONDAY


def start(**params: object) -> Job:
    return Job.objects.get(pk=jobs.start("note", params=params, actor=None, now=MONDAY))


def test_a_job_is_done_once_and_shows_its_result(as_kind: Callable[..., None]) -> None:
    done: list[object] = []

    def run(running: Running) -> None:
        running.tell(tr("Data"), 3, 4)
        done.append(running.params["what"])
        running.result = {"notes": 1}

    as_kind(run)
    job = start(what="tea")

    assert jobs.work_off(monday) == 1
    assert jobs.work_off(monday) == 0

    job.refresh_from_db()
    assert (job.status, job.result, job.percent, done) == ("done", {"notes": 1}, 75, ["tea"])
    assert job.step == {"en": "Data", "zh": "数据"}


def test_a_job_that_was_asked_for_twice_with_one_mark_runs_once(as_kind: Callable[..., None]) -> None:
    as_kind(lambda running: None)

    first, second = (jobs.start("note", params={}, actor=None, now=MONDAY, once="daily") for _ in range(2))
    jobs.work_off(monday)
    third = jobs.start("note", params={}, actor=None, now=MONDAY, once="daily")

    assert first == second != third


def test_what_a_run_refuses_is_told_in_both_languages(as_kind: Callable[..., None]) -> None:
    def run(running: Running) -> None:
        raise TenureError(tr('"{name}" is empty.', name="notes.csv"))

    as_kind(run)
    job = start()
    jobs.work_off(monday)

    job.refresh_from_db()
    assert job.status == "failed"
    assert job.error["en"] == '"notes.csv" is empty.'
    assert job.error["zh"] != job.error["en"]


def test_an_unforeseen_error_shows_nothing_of_itself_but_in_the_log(
    as_kind: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def run(running: Running) -> None:
        raise ZeroDivisionError("13800001234")

    as_kind(run)
    job = start()
    jobs.work_off(monday)

    job.refresh_from_db()
    assert job.status == "failed"
    assert "138" not in str(job.error)
    assert "ZeroDivisionError" in caplog.text


def test_a_lease_that_has_ended_is_taken_over_with_what_was_kept(as_kind: Callable[..., None]) -> None:
    seen: list[dict[str, object]] = []
    as_kind(lambda running: seen.append(running.state))
    job = start()
    claimed = jobs._claim(monday)
    assert claimed is not None
    first = Running(claimed.pk, {}, {}, None, monday, claimed.lease_holder)
    first.keep({"at": 7})

    assert jobs.work_off(lambda: MONDAY + LEASE - timedelta(seconds=1)) == 0
    assert jobs.work_off(lambda: MONDAY + LEASE + timedelta(seconds=1)) == 1

    assert seen == [{"at": 7}]
    job.refresh_from_db()
    assert job.status == "done"
    with pytest.raises(jobs.LeaseLost):
        first.keep({"at": 8})


def test_a_job_that_kills_its_workers_is_given_up(as_kind: Callable[..., None]) -> None:
    as_kind(lambda running: None)
    job = start()
    later = [MONDAY + LEASE * 2 * n for n in range(TRIES + 1)]
    for moment in later[:TRIES]:
        assert jobs._claim(partial(lambda at: at, moment)) is not None

    jobs.work_off(lambda: later[TRIES])

    job.refresh_from_db()
    assert (job.status, job.error["en"][:25]) == ("failed", "Given up: 5 workers died ")


def test_a_job_stops_at_its_next_rest(as_kind: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_OFTEN", 0.0)

    def run(running: Running) -> None:
        for n in range(10):
            running.tell("", n, 10)
            if running.stopping:
                raise Stopped
            if n == 3:
                jobs.stop(running.id, actor=None, now=MONDAY)

    as_kind(run)
    job = start()
    jobs.work_off(monday)

    job.refresh_from_db()
    assert (job.status, job.done) == ("stopped", 4)


def test_a_job_that_waits_stops_at_once(as_kind: Callable[..., None], people: dict[str, User]) -> None:
    as_kind(lambda running: None)
    job = start()

    jobs.stop(job.pk, actor=people["dee"], now=MONDAY)

    assert jobs.work_off(monday) == 0
    job.refresh_from_db()
    assert (job.status, job.finished_at) == ("stopped", MONDAY)
    assert AuditEntry.objects.filter(verb="stop_job", actor=people["dee"]).exists()


def test_a_worker_that_is_sent_home_gives_its_job_back(as_kind: Callable[..., None]) -> None:
    def run(running: Running) -> None:
        running.keep({"at": 1})
        raise KeyboardInterrupt

    as_kind(run)
    job = start()

    with pytest.raises(KeyboardInterrupt):
        jobs.work_off(monday)

    job.refresh_from_db()
    assert (job.status, job.state, job.lease_until) == ("waiting", {"at": 1}, None)


def test_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(TenureError, match='no kind of job "dance"'):
        jobs.start("dance", params={}, actor=None, now=datetime(2026, 1, 1, tzinfo=UTC))
