"""The chain of audit entries: sealed in any order of commit, never forked, and telling what was done to it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import IntegrityError, connection, transaction

from tenure.desk.customers.services import record_export
from tenure.desk.governance import append_only, audit, chain, heads, sealing
from tenure.desk.governance.models import AuditEntry, ChainLink, User
from tenure.desk.governance.verifying import Verdict, verify
from tenure.errors import TenureError
from tenure.vault import vault
from tests.cast import LI, MONDAY, TUESDAY, WANG

pytestmark = pytest.mark.django_db

TABLES = ["governance_auditentry", "governance_chainlink"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads and keys of this test alone; what a commit would start is started by the test."""
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.delenv("TENURE_KEYS", raising=False)
    caches["figures"].clear()


def write(count: int = 1, **more: Any) -> list[AuditEntry]:
    with transaction.atomic():
        return [audit.record("note", "thing", n, actor=None, now=MONDAY, n=n, **more) for n in range(count)]


def sealed(count: int = 10) -> None:
    """A chain this long, its head signed."""
    write(count)
    chain.seal()
    heads.sign(now=MONDAY, at_once=True)


@pytest.fixture
def tamper() -> Iterator[Callable[..., None]]:
    """SQL by somebody who owns the database, to whom triggers are no obstacle."""

    def run(sql: str, *values: object) -> None:
        append_only.remove(connection)
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA defer_foreign_keys = ON")
            else:
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(sql, list(values))

    yield run
    transaction.set_rollback(True)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_or_delete_evidence(db: None, table: str, change: str) -> None:
    sealed()
    column = "verb" if table == "governance_auditentry" else "hash"

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(table, column, column))
    assert (AuditEntry.objects.count(), ChainLink.objects.count()) == (10, 10)


def test_nothing_takes_the_place_of_an_entry(db: None) -> None:
    sealed()
    first = AuditEntry.objects.order_by("pk")[0].pk
    instead = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"

    for sql in (
        f"{instead} INTO governance_auditentry (id, at, verb, object_type, object_id, detail, sealed) "
        f"VALUES ({first}, '2026-03-02 01:00:00', 'x', 'x', 'x', '{{}}', '')",
        f"{instead} INTO governance_chainlink (position, entry_id, hash) VALUES (1, {first + 1}, 'x')",
        f"{instead} INTO governance_chainlink (position, entry_id, hash) VALUES (99, {first}, 'x')",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert verify().ok


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no TRUNCATE")
def test_emptying_the_table_at_once_is_refused_too(db: None) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE governance_auditentry CASCADE")


def test_triggers_lost_with_a_rebuilt_table_come_back(db: None) -> None:
    append_only.remove(connection)

    append_only.install(connection)
    append_only.install(connection)

    write()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM governance_auditentry")


def test_sealing_links_every_entry_once_and_in_order(db: None) -> None:
    write(chain.BATCH + 3)

    assert chain.seal() == chain.BATCH + 3
    assert chain.seal() == 0

    links = list(ChainLink.objects.order_by("position").values_list("position", "entry_id"))
    assert [position for position, _ in links] == list(range(1, chain.BATCH + 4))
    assert [entry for _, entry in links] == sorted(AuditEntry.objects.values_list("pk", flat=True))
    assert (chain.head().position, chain.unsealed(thorough=True)) == (chain.BATCH + 3, 0)


def test_entries_without_a_link_are_counted_not_blamed(db: None) -> None:
    sealed(4)
    write(3)

    found = verify()

    assert (found.ok, found.sealed, found.unsealed) == (True, 4, 3)
    assert chain.state().unsealed == 3


def test_what_the_chain_is_over_is_the_row_as_stored(db: None) -> None:
    write(1, text="客户 \ud800 \x00", share=0.1, nothing=None, inner={"b": [1, 2.5], "a": True})

    chain.seal()
    heads.sign(now=MONDAY, at_once=True)

    assert verify().ok
    assert AuditEntry.objects.get().detail["text"] == "客户 ? "


def test_an_entry_committed_long_after_its_id_was_given_is_found_by_a_thorough_look(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "RECENT", 2)
    entries = write(6)
    with transaction.atomic(), connection.cursor() as cursor:
        previous = chain.GENESIS
        for position, entry in enumerate(entries[1:], start=1):
            cursor.execute(f"SELECT {chain.columns()} FROM governance_auditentry e WHERE e.id = %s", [entry.pk])
            previous = chain.link_hash(previous, position, cursor.fetchone())
            ChainLink.objects.create(position=position, entry=entry, hash=previous)

    assert chain.seal() == 0
    assert chain.unsealed(thorough=True) == 1
    assert chain.seal(thorough=True) == 1
    heads.sign(now=MONDAY, at_once=True)
    assert verify().ok


def test_a_link_stands_on_the_one_before_by_a_hash_anyone_can_work_out() -> None:
    import hashlib

    entry = (7, "2026-03-02 01:00:00.000000", None, "note", "thing", "1", '{"b": 1,  "a": "é"}', "", None)
    said = '[7,"2026-03-02 01:00:00.000000",null,"note","thing","1",{"a":"\\u00e9","b":1},"",null]'

    expected = hashlib.sha256(f"tenure audit 1\n{'0' * 64}\n1\n{said}".encode()).hexdigest()
    assert chain.link_hash(chain.GENESIS, 1, entry) == expected


@pytest.mark.parametrize("other", ['{"a": 1, "a": 2}', "{", '"{"', "[" * 100_000, '{"a": 2.0}'])
def test_json_that_reads_alike_to_some_is_not_the_same_entry(other: str) -> None:
    def hashed(detail: str) -> str:
        return chain.link_hash(chain.GENESIS, 1, (7, "2026", None, "note", "thing", "1", detail, "", None))

    assert hashed(other) != hashed('{"a": 2}')


def broken(kind: str, position: int) -> Verdict:
    found = verify()
    assert found.first is not None
    assert (found.first.kind, found.first.position) == (kind, position), found.first.told
    return found


@pytest.mark.parametrize(
    "change",
    [
        "verb = 'other'", "object_id = '99'", "detail = '{}'", "at = '2026-03-02 01:00:01'", "sealed = 'x'",
        "once = 'x'", "object_type = 'y'",
    ],
)  # fmt: skip
def test_an_altered_entry_is_named_with_what_was_found_and_expected(tamper: Callable[..., None], change: str) -> None:
    sealed()
    link = ChainLink.objects.get(position=4)
    tamper(f"UPDATE governance_auditentry SET {change} WHERE id = %s", link.entry_id)

    found = broken("altered", 4)

    assert found.first is not None
    assert found.breaks == 1
    assert (found.first.entry, found.first.expected) == (link.entry_id, link.hash)
    assert found.first.found != link.hash
    assert str(link.entry_id) in found.first.told


def test_an_entry_ascribed_to_somebody_else_is_named(tamper: Callable[..., None], people: dict[str, User]) -> None:
    chain.seal()
    heads.sign(now=MONDAY, at_once=True)
    tamper("UPDATE governance_auditentry SET actor_id = %s WHERE verb = 'create_user'", people["bo"].pk)

    broken("altered", 1)


def test_a_deleted_entry_is_named(tamper: Callable[..., None]) -> None:
    sealed()
    gone = ChainLink.objects.get(position=6).entry_id
    tamper("DELETE FROM governance_auditentry WHERE id = %s", gone)

    assert broken("missing_entry", 6).first.entry == gone  # type: ignore[union-attr]


def test_links_missing_in_the_middle_are_named(tamper: Callable[..., None]) -> None:
    sealed()
    tamper("DELETE FROM governance_chainlink WHERE position IN (3, 4)")

    found = broken("missing_links", 3)
    assert found.unsealed == 2


def test_a_link_whose_hash_was_changed_is_named(tamper: Callable[..., None]) -> None:
    sealed()
    tamper("UPDATE governance_chainlink SET hash = %s WHERE position = 5", "f" * 64)

    broken("altered", 5)


def test_reordered_entries_are_named(tamper: Callable[..., None]) -> None:
    sealed()
    fourth, ninth = (ChainLink.objects.get(position=p).entry_id for p in (4, 9))
    tamper("UPDATE governance_chainlink SET entry_id = -1 WHERE position = 4")
    tamper("UPDATE governance_chainlink SET entry_id = %s WHERE position = 9", fourth)
    tamper("UPDATE governance_chainlink SET entry_id = %s WHERE position = 4", ninth)

    assert broken("altered", 4).breaks == 2


def test_an_entry_pushed_into_the_middle_is_named(tamper: Callable[..., None]) -> None:
    sealed()
    extra = write()[0]
    # From the end, so that no place is taken twice on the way.
    for position in range(10, 4, -1):
        tamper("UPDATE governance_chainlink SET position = %s WHERE position = %s", position + 1, position)
    tamper("INSERT INTO governance_chainlink (position, entry_id, hash) VALUES (5, %s, %s)", extra.pk, "a" * 64)

    broken("altered", 5)


def test_an_entry_replaced_by_another_is_named(tamper: Callable[..., None]) -> None:
    sealed()
    tamper("UPDATE governance_auditentry SET object_id = 'swapped', detail = '{\"n\": 7}' WHERE object_id = '7'")

    broken("altered", 8)


def test_a_missing_end_shows_against_the_signed_heads(tamper: Callable[..., None]) -> None:
    sealed()
    tamper("DELETE FROM governance_chainlink WHERE position > 7")
    tamper("DELETE FROM governance_auditentry WHERE object_id > '6'")

    found = broken("cut", 8)
    assert found.first is not None
    assert (found.first.found, found.first.expected, found.unsealed) == ("7", "10", 0)


def test_going_on_after_a_missing_end_does_not_hide_it(tamper: Callable[..., None]) -> None:
    sealed()
    tamper("DELETE FROM governance_chainlink WHERE position > 7")
    tamper("DELETE FROM governance_auditentry WHERE object_id > '6'")
    write(5)
    chain.seal()
    heads.sign(now=TUESDAY)

    broken("rewritten", 10)


def test_a_chain_rewritten_with_every_hash_right_shows_against_the_signed_heads(tamper: Callable[..., None]) -> None:
    sealed(4)
    sealed(6)
    tamper(
        "UPDATE governance_auditentry SET verb = 'innocent' WHERE id = %s", ChainLink.objects.get(position=6).entry_id
    )
    tamper("DELETE FROM governance_chainlink")
    chain.seal()

    found = broken("rewritten", 10)
    assert found.breaks == 1


def test_a_chain_begun_anew_shows(tamper: Callable[..., None]) -> None:
    sealed()
    tamper("DELETE FROM governance_chainlink")
    tamper("DELETE FROM governance_auditentry")

    broken("cut", 1)


def test_a_head_somebody_else_wrote_is_named_by_its_line(db: None) -> None:
    sealed()
    end = chain.head()
    with heads.path().open("a") as file:
        file.write(f"tenure-head 10 {end.hash} 2026-03-02T01:00:00+00:00 {heads.newest().key} {'0' * 64}\n")  # type: ignore[union-attr]

    found = verify()

    assert found.first is not None
    assert found.first.kind == "forged_head"
    assert "Line 2" in found.first.told


def test_a_line_cut_short_by_a_crash_is_no_forgery_and_the_next_head_stands_on_its_own(db: None) -> None:
    sealed()
    with heads.path().open("a") as file:
        file.write("tenure-head 10 abc")

    assert verify().ok
    sealed(2)
    assert heads.newest().position == 12  # type: ignore[union-attr]


def test_without_its_heads_a_chain_is_not_taken_on_trust(db: None) -> None:
    sealed()
    kept = heads.newest()
    assert kept is not None
    heads.path().unlink()

    assert verify().first.kind == "no_heads"  # type: ignore[union-attr]
    assert verify(kept=[kept]).ok


def test_a_head_kept_elsewhere_shows_what_the_heads_in_the_home_folder_no_longer_do(
    tamper: Callable[..., None],
) -> None:
    sealed(4)
    sealed(6)
    kept = heads.parse(str(heads.newest()))
    heads.path().write_text(heads.path().read_text().splitlines(keepends=True)[0])
    tamper("DELETE FROM governance_chainlink WHERE position > 4")
    tamper("DELETE FROM governance_auditentry WHERE id NOT IN (SELECT entry_id FROM governance_chainlink)")

    assert verify().ok
    assert verify(kept=[kept]).first.kind == "cut"  # type: ignore[union-attr]


def test_a_head_of_another_workspace_is_refused(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed()
    other = heads.newest()
    assert other is not None
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "other"))

    with pytest.raises(TenureError, match="not signed with the keys of this workspace"):
        verify(kept=[other])


@pytest.mark.parametrize(
    "text", ["", "tenure-head", "tenure-head x y z a b", "tenure-head 1 y noon a b", "hello there"]
)
def test_text_that_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(TenureError, match="no signed head"):
        heads.parse(text)


def test_a_head_is_signed_every_so_often_and_only_where_the_chain_moved(db: None) -> None:
    sealed()
    assert heads.sign(now=TUESDAY) is None

    write()
    chain.seal()

    assert heads.sign(now=MONDAY + timedelta(seconds=1)) is None
    assert heads.sign(now=TUESDAY).position == 11  # type: ignore[union-attr]
    assert len(list(heads.every())) == 2


def test_a_new_master_key_signs_the_head_anew(db: None) -> None:
    from tenure.keyring import keyring

    sealed()
    keyring().rotate(now=MONDAY)

    head = heads.sign(now=TUESDAY)

    assert head is not None
    assert head.key == keyring().current
    assert (verify().ok, verify().heads) == (True, 2)


def test_a_sealer_that_fails_says_so_and_never_raises(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lost(**_: Any) -> None:
        raise TenureError("the keyring is missing")

    monkeypatch.setattr(heads, "sign", lost)

    assert sealing.seal_now() is False
    assert "the keyring is missing" in caplog.text


def test_private_details_are_sealed_and_erasing_leaves_the_chain_whole(db: None) -> None:
    with transaction.atomic():
        audit.record("merge", "customer", WANG, actor=None, now=MONDAY, subject=WANG, private={"name": "王小明"})
        audit.record("merge", "customer", LI, actor=None, now=MONDAY, subject=LI, private={"name": "李娜"})
    chain.seal()
    heads.sign(now=MONDAY, at_once=True)
    first, second = AuditEntry.objects.order_by("pk")
    assert (audit.opened(first), audit.opened(second)) == ({"name": "王小明"}, {"name": "李娜"})

    vault().destroy([f"person\x1f{WANG}"], now=TUESDAY)

    assert (audit.opened(first), audit.opened(second)) == (None, {"name": "李娜"})
    assert "王" not in f"{first.detail}{first.sealed}"
    assert verify().ok


def test_an_erased_person_leaves_no_private_details_behind_later(db: None) -> None:
    vault().destroy([f"person\x1f{WANG}"], now=MONDAY)

    entry = write(1, subject=WANG, private={"name": "王小明"})[0]

    assert (entry.sealed, audit.opened(entry)) == ("", None)


def test_a_search_in_an_export_is_sealed_and_the_rest_of_the_query_is_not(people: dict[str, User]) -> None:
    record_export(what="customers", rows=1, query="q=%E7%8E%8B&risk=high", actor=people["dee"], now=MONDAY)

    entry = AuditEntry.objects.get(verb="export")

    assert entry.detail == {"query": "risk=high"}
    assert audit.opened(entry) == {"q": "王"}


def test_a_verb_over_many_rows_leaves_a_count_and_a_digest_of_which() -> None:
    assert audit.digest([3, 1, 2]) == audit.digest([1, 2, 3])
    assert audit.digest([1, 2]) != audit.digest([12])


def test_looking_is_written_down_once_a_quarter_of_an_hour(people: dict[str, User]) -> None:
    dee, mia = people["dee"], people["mia"]

    def look(user: User, minutes: float, person: int = WANG) -> bool:
        return audit.read("customer", person, actor=user, now=MONDAY + timedelta(minutes=minutes), fields=["phone"])

    assert [look(dee, 0), look(dee, 1), look(dee, 14.9), look(mia, 2), look(dee, 3, LI), look(dee, 15)] == [
        True, False, False, True, True, True,
    ]  # fmt: skip
    caches["figures"].clear()  # another process
    assert look(dee, 16) is False
    assert AuditEntry.objects.filter(verb="read").count() == 4


def test_seeing_nothing_in_clear_is_no_look(people: dict[str, User]) -> None:
    assert not audit.read("customer", WANG, actor=people["ivy"], now=MONDAY, fields=[])
    assert not AuditEntry.objects.filter(verb="read").exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_sealed_and_signed_right_after_its_commit() -> None:
    write(2)

    assert (chain.head().position, chain.unsealed()) == (2, 0)
    assert heads.newest().position == 2  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_a_verb_does_not_wait_until_a_long_tail_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    after_commit = sealing.after_commit
    monkeypatch.setattr(sealing, "after_commit", lambda: None)
    monkeypatch.setattr(chain, "BATCH", 4)
    write(10)

    after_commit()

    assert chain.unsealed() == 6


@pytest.mark.django_db(transaction=True)
def test_tables_that_refuse_deletion_are_still_emptied_between_tests() -> None:
    assert not AuditEntry.objects.exists()
    assert not ChainLink.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_background_sealer_seals_what_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    done = threading.Event()
    seal_now = sealing.seal_now

    def sealing_now(**how: Any) -> bool:
        ended = seal_now(**how)
        done.set()
        return ended

    monkeypatch.setattr(sealing, "seal_now", sealing_now)
    monkeypatch.setattr(sealing, "after_commit", lambda: None)
    write(3)
    assert chain.unsealed() == 3

    sealing.start()
    try:
        assert done.wait(60)
    finally:
        sealing.stop()

    assert chain.unsealed() == 0
