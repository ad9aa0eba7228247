"""Feeds: brought in by the clock, once each, gone on with after a kill, and never telling their password."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.work import feeds
from tenure.desk.work.feeds import Wished
from tenure.desk.work.jobs import work_off
from tenure.desk.work.models import Feed, FeedRun, Job
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tests.cast import MONDAY
from tests.sources.databases import Written, sqlite_address

pytestmark = pytest.mark.django_db
SECRET = "hunter-two"


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    """The database of a shop, with two orders."""
    (tmp_path / "old").mkdir()
    written = Written(sqlite_address(tmp_path / "old"))
    written.orders()
    written.add(("A-1", "10.00", "2026-03-01 10:00:00"), ("A-2", "20.00", "2026-03-01 11:00:00"))
    yield written
    written.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, its keyring beside."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("TENURE_HOME", str(path))
    return path


def wished(shop: Written, **given: Any) -> Wished:
    settings: dict[str, Any] = {
        "name": "orders", "contract": "orders", "source": "crm", "dsn": shop.address, "table": "orders",
        "watermark": "changed_at",
    }  # fmt: skip
    return Wished(**{**settings, **given})


def work(now: datetime = MONDAY) -> None:
    work_off(lambda: now)


def received() -> list[str]:
    lake = feeds.workspace_lake()
    rows = lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).to_pylist()
    return sorted(row["order_id"] for row in rows)


def run(feed: Feed, now: datetime = MONDAY, **given: Any) -> FeedRun:
    feeds.run_now(feed.pk, actor=None, now=now, **given)
    work(now)
    found = feed.runs.first()
    assert found is not None
    return found


def test_a_run_is_one_batch_and_the_next_brings_what_is_new(people: dict[str, User], shop: Written) -> None:
    feed = feeds.add_feed(wished(shop), actor=people["dee"], now=MONDAY)

    first = run(feed)
    nothing = run(feed)
    shop.add(("A-3", "1", "2026-03-01 12:00:00"))
    second = run(feed)

    assert [(one.state, one.accepted, one.known) for one in (first, nothing, second)] == [
        ("done", 2, 0), ("nothing", 0, 2), ("done", 1, 2),
    ]  # fmt: skip
    assert received() == ["A-1", "A-2", "A-3"]
    assert {info.batch for info in feeds.workspace_lake().batches()} == {first.batch, second.batch}
    assert list(feeds.open_workspace().home.glob("pulls/**/*.parquet")) == []


def test_a_feed_is_never_run_twice_at_once(people: dict[str, User], shop: Written) -> None:
    feed = feeds.add_feed(wished(shop, every_minutes=5), actor=people["dee"], now=MONDAY)

    by_clock = feeds.due(MONDAY)
    by_hand = feeds.run_now(feed.pk, actor=people["dee"], now=MONDAY)

    assert by_clock == [by_hand]
    assert feeds.due(MONDAY) == []
    work()
    assert feeds.due(MONDAY + timedelta(minutes=4, seconds=59)) == []
    assert len(feeds.due(MONDAY + timedelta(minutes=5))) == 1


def test_a_daily_feed_runs_at_its_hour_in_the_business_zone(people: dict[str, User], shop: Written) -> None:
    feed = feeds.add_feed(wished(shop, daily_at="06:30"), actor=people["dee"], now=MONDAY)

    # MONDAY is nine in Shanghai.
    assert feeds.next_run(feed, MONDAY) == datetime.fromisoformat("2026-03-03T06:30+08:00")
    assert feeds.next_run(feed, MONDAY - timedelta(hours=3)) == datetime.fromisoformat("2026-03-02T06:30+08:00")


def test_a_run_killed_after_its_batch_was_committed_does_not_bring_it_twice(
    people: dict[str, User], shop: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feeds.add_feed(wished(shop), actor=people["dee"], now=MONDAY)
    feeds.run_now(feed.pk, actor=None, now=MONDAY)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(feeds, "_done", killed)
        with pytest.raises(KeyboardInterrupt):
            work()
    assert FeedRun.objects.get().state == "running"
    work()

    assert received() == ["A-1", "A-2"]
    assert sorted(feed.runs.values_list("state", flat=True)) == ["done", "nothing"]


def test_a_run_killed_before_its_batch_was_committed_is_done_again(
    people: dict[str, User], shop: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feeds.add_feed(wished(shop), actor=people["dee"], now=MONDAY)
    feeds.run_now(feed.pk, actor=None, now=MONDAY)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tenure.sources.pulling.import_file", killed)
        with pytest.raises(KeyboardInterrupt):
            work()
    assert received() == []
    work()

    assert received() == ["A-1", "A-2"]
    assert sorted(feed.runs.values_list("state", flat=True)) == ["done", "failed"]


def test_undoing_a_batch_lets_the_next_run_read_its_rows_again(people: dict[str, User], shop: Written) -> None:
    feed = feeds.add_feed(wished(shop), actor=people["dee"], now=MONDAY)
    run(feed)
    shop.add(("A-3", "1", "2026-03-02 12:00:00"))
    second = run(feed)

    feeds.workspace_lake().undo_all([second.batch], now=MONDAY)
    assert received() == ["A-1", "A-2"]
    run(feed)

    assert set(received()) == {"A-1", "A-2", "A-3"}
    assert feed.runs.filter(state="undone").count() == 1


def test_a_password_is_told_nowhere(people: dict[str, User]) -> None:
    address = f"postgresql://reader:{SECRET}@127.0.0.1:1/shop"
    feed = feeds.add_feed(
        Wished("crm", "orders", dsn=address, table="orders", every_minutes=5), actor=people["dee"], now=MONDAY
    )
    feeds.change_feed(feed.pk, Wished("crm 2", "orders", table="orders"), actor=people["dee"], now=MONDAY)

    failed = run(feed)

    job = Job.objects.latest("pk")
    told = [
        str(feed), repr(feed), feed.where, failed.why, str(job.error), str(job.params), str(job.result),
        json.dumps(list(AuditEntry.objects.values_list("detail", flat=True))),
    ]  # fmt: skip
    assert "Nobody answers at 127.0.0.1, port 1" in failed.why
    assert "postgresql://reader@127.0.0.1:1/shop" in feed.where
    assert not [text for text in told if SECRET in text]
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT dsn FROM work_feed")
        assert SECRET not in str(cursor.fetchall())
    assert Feed.objects.get().dsn == address


def test_a_removed_feed_forgets_its_address_and_a_paused_one_does_not_run(
    people: dict[str, User], shop: Written
) -> None:
    feed = feeds.add_feed(wished(shop, every_minutes=5), actor=people["dee"], now=MONDAY)

    feeds.set_state(feed.pk, "paused", actor=people["dee"], now=MONDAY)
    assert feeds.due(MONDAY) == []
    with pytest.raises(TenureError, match="is paused"):
        feeds.run_now(feed.pk, actor=None, now=MONDAY)
    feeds.remove_feed(feed.pk, actor=people["dee"], now=MONDAY)

    assert Feed.objects.get().dsn == ""
    assert not Feed.objects.kept().exists()
    assert list(AuditEntry.objects.filter(object_type="feed").order_by("pk").values_list("verb", flat=True)) == [
        "add_feed", "pause_feed", "remove_feed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"name": " "}, "Give the feed a name"),
        ({"dsn": ""}, "Give the address"),
        ({"query": "select 1"}, "Choose one: a table, or a query"),
        ({"table": "", "query": "drop table x"}, "one SELECT"),
        ({"every_minutes": 5, "daily_at": "06:30"}, "Choose one: every"),
        ({"daily_at": "6"}, "Write the time of day as 06:30"),
        ({"zone": "Mars"}, "no time zone"),
        ({"dsn": "redis://x/y"}, "no address of a database"),
        ({"folder": "relative"}, "There is no folder"),
        ({"folder": "/"}, "holds Tenure's own files"),
    ],
)
def test_a_feed_that_could_never_run_is_refused(
    people: dict[str, User], shop: Written, given: dict[str, Any], needed: str
) -> None:
    with pytest.raises(TenureError, match=needed):
        feeds.add_feed(wished(shop, **given), actor=people["dee"], now=MONDAY)

    assert not Feed.objects.exists()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def watched(people: dict[str, User], inbox: Path, **given: Any) -> Feed:
    wish = Wished("inbox", "orders", source="shop", folder=str(inbox), **given)
    return feeds.add_feed(wish, actor=people["dee"], now=MONDAY)


def look(feed: Feed, now: datetime = MONDAY) -> list[tuple[str, str]]:
    """One look into the folder; what became of which file, oldest first."""
    feeds.run_now(feed.pk, actor=None, now=now)
    work(now)
    return list(feed.runs.order_by("pk").values_list("file", "state"))


def test_a_file_is_taken_once_it_has_stopped_changing(people: dict[str, User], inbox: Path) -> None:
    feed = watched(people, inbox)
    path = put(inbox, "a.csv", "order_id,ordered_at,amount\nA-1,2026-03-01,1\n")

    assert look(feed) == []
    with path.open("a") as file:
        file.write("A-2,2026-03-01,1\n")
    assert look(feed) == []
    assert feeds.due(MONDAY + feeds.SETTLE) != []  # it looks again by itself
    work()

    assert list(feed.runs.values_list("file", "state")) == [("a.csv", "done")]
    assert received() == ["A-1", "A-2"]
    assert look(feed) == [("a.csv", "done")]
    assert path.exists()


def test_a_marker_says_that_a_file_is_whole(people: dict[str, User], inbox: Path) -> None:
    feed = watched(people, inbox, move=True)
    put(inbox, "a.csv", "order_id,ordered_at,amount\nA-1,2026-03-01,1\n")
    put(inbox, "a.csv.done", "")

    assert look(feed) == [("a.csv", "done")]
    assert sorted(path.name for path in inbox.rglob("*")) == ["a.csv", "done"]


def test_the_same_file_under_another_name_is_not_taken_again(people: dict[str, User], inbox: Path) -> None:
    feed = watched(people, inbox)
    for name in ("a.csv", "b.csv"):
        put(inbox, name, "order_id,ordered_at,amount\nA-1,2026-03-01,1\n")
        put(inbox, f"{name}.done", "")

    assert look(feed) == [("a.csv", "done")]
    assert received() == ["A-1"]


def test_a_bad_file_gets_its_reason_and_holds_up_no_other(people: dict[str, User], inbox: Path) -> None:
    feed = watched(people, inbox)
    put(inbox, "a.csv", "nothing,of,use\n1,2,3\n")
    put(inbox, "b.csv", "order_id,ordered_at,amount\nA-1,2026-03-01,1\n")
    os.symlink("/etc/hostname", inbox / "c.csv")
    look(feed)

    assert look(feed) == [("a.csv", "failed"), ("b.csv", "done")]
    bad = feed.runs.get(file="a.csv")
    assert "no column for" in bad.why
    assert look(feed) == [("a.csv", "failed"), ("b.csv", "done")]  # not tried again until it changes
    put(inbox, "a.csv", "order_id,ordered_at,amount\nA-9,2026-03-01,1\n")
    look(feed)
    look(feed)
    assert received() == ["A-1", "A-9"]
