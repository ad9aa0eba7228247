"""A person leaves: desk, lake, old versions, files, and the way back in."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tenure.desk.customers.models import Customer, SavedView, Score
from tenure.desk.governance import consents, preferences, rights
from tenure.desk.governance.certificates import as_text, verify_certificate
from tenure.desk.governance.models import AuditEntry, ConsentEntry, ErasedPerson, SubjectRequest, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM
from tenure.vault import vault
from tests.cast import MONDAY, TUESDAY
from tests.rights.conftest import CRM, ORDERS, SHOP, THEIRS, Shop


def in_parquet(folder: Path, text: str) -> list[str]:
    """Where a text stands in any column of any Parquet file of a folder, old versions and logs included."""
    found = []
    for path in folder.rglob("*.parquet"):
        for row in pyarrow.parquet.read_table(path).to_pylist():
            if text in json.dumps(row, ensure_ascii=False, default=str):
                found.append(str(path.relative_to(folder)))
                break
    return found


def in_bytes(folder: Path, text: str) -> list[str]:
    """Files of a folder that hold this text as it is."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("kind", ["erase", "anonymise"])
def test_nothing_that_names_the_person_is_left_in_the_lake(shop: Shop, kind: str) -> None:
    assert in_parquet(shop.workspace.lake_folder, "C-1001")

    shop.take_away(kind)

    for text in THEIRS:
        assert in_parquet(shop.workspace.lake_folder, text) == [], text
        assert in_bytes(shop.workspace.home, text) == [], text


def test_others_keep_everything(shop: Shop) -> None:
    before = {table: shop.rows(table) for table in ("received/customers", "records/orders", "records/cases")}

    shop.take_away("erase")

    for table, rows in before.items():
        kept = [row for row in rows if row["customer_id"] not in {"C-1001", "K-77"}]
        key = {"received/customers": "customer_id", "records/orders": "order_id", "records/cases": "case_id"}[table]
        assert sorted(shop.rows(table), key=lambda r: r[key]) == sorted(kept, key=lambda r: r[key]), table
    assert {customer.name for customer in Customer.objects.all()} == {"李娜娜", "John Smithson"}


def test_a_person_known_by_two_numbers_goes_under_both(shop: Shop) -> None:
    assert shop.person("C-1001") == shop.person("K-77")

    shop.take_away("erase", "K-77")

    assert {row["customer_id"] for row in shop.rows("received/customers")} == {"C-1002", "C-1003"}
    assert {row["customer_id"] for row in shop.rows("identity/links")} == {"C-1002", "C-1003"}


def test_erased_facts_go_and_anonymous_ones_stay_as_nobodys(shop: Shop) -> None:
    shop.take_away("anonymise")

    orders = {row["order_id"]: row for row in shop.rows("records/orders")}
    assert {name: orders["A-1"][name] for name in ("customer_id", "person_id", "extra", "amount_minor")} == {
        "customer_id": None, "person_id": None, "extra": None, "amount_minor": 1990,
    }  # fmt: skip
    case = next(row for row in shop.rows("records/cases") if row["case_id"] == "Q-1")
    assert (case["text"], case["kind"]) == (None, "complaint")

    shop.take_away("erase", "C-1002")

    assert {row["order_id"] for row in shop.rows("records/orders")} == {"A-1", "A-2", "A-4"}


def test_a_refresh_afterwards_shows_the_same_facts_and_brings_nobody_back(shop: Shop) -> None:
    gone = shop.person("C-1001")
    shop.take_away("anonymise")

    shop.refresh(days=1)

    assert {row["order_id"] for row in shop.rows("records/orders") if row["person_id"] is None} == {"A-1", "A-2"}
    assert gone not in {row["person_id"] for row in shop.rows("scores/customers")}
    assert (
        Customer.objects.count()
        == Score.objects.filter(generation=Score.objects.latest("generation").generation).count()
        == 2
    )


@pytest.mark.parametrize(("kind", "orders"), [("erase", {"A-3", "A-4"}), ("anonymise", {"A-1", "A-2", "A-3", "A-4"})])
def test_a_number_that_comes_again_comes_without_the_person(shop: Shop, kind: str, orders: set[str]) -> None:
    shop.take_away(kind)

    shop.take_in("customers", SHOP, name="again")
    shop.take_in("customers", CRM, source="crm", name="crm-again")
    shop.take_in("orders", ORDERS.replace("not a date", "2025-06-01"), name="orders-again")
    shop.refresh(days=1)

    assert {row["customer_id"] for row in shop.rows("received/customers")} == {"C-1002", "C-1003"}
    assert {row["order_id"] for row in shop.rows("records/orders")} - {"A-5", "A-6"} == orders
    assert Customer.objects.count() == 2
    for text in THEIRS:
        assert in_parquet(shop.workspace.lake_folder, text) == [], text


def test_a_number_minted_for_the_erased_is_never_minted_again(shop: Shop) -> None:
    highest = max(row["own_id"] for row in shop.rows("identity/links"))
    number = next(row["customer_id"] for row in shop.rows("identity/links") if row["own_id"] == highest)
    shop.take_away("erase", number)

    shop.take_in("customers", SHOP.splitlines()[0] + "\nC-2000,New One,13900139000,,,,,,2025-01-05,\n", name="new")
    shop.refresh(days=1)

    assert shop.person("C-2000") > highest


def test_rows_an_import_wrote_meanwhile_are_taken_out_by_the_next_refresh(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.take_away("erase")
    with monkeypatch.context() as looked_before:
        looked_before.setattr("tenure.lake.batches.without_buried", lambda store, contract, rows: rows)
        shop.take_in("orders", ORDERS, name="meanwhile")

    shop.refresh(days=1)

    assert {row["customer_id"] for row in shop.rows("received/orders")} == {"C-1002", "C-1003"}
    assert {row["customer_id"] for row in shop.rows("identity/links")} == {"C-1002", "C-1003"}


def test_the_desk_forgets_card_figures_lists_links_and_evidence(shop: Shop, dee: User) -> None:
    person = shop.person("C-1001")
    consents.record_consent(
        person,
        purpose="marketing",
        channel="mail",
        state="given",
        evidence="王小明 signed",
        source="desk",
        actor=dee,
        now=MONDAY,
    )
    token = preferences.issue_link(person, actor=dee, now=MONDAY)
    SavedView.objects.create(user=dee, name="my list", query="q=%E7%8E%8B%E5%B0%8F%E6%98%8E")
    kept = SavedView.objects.create(user=dee, name="others", query="q=nana")

    shop.take_away("erase", actor=dee)

    assert not Customer.objects.filter(pk=person).exists()
    assert not Score.objects.filter(customer_id=person).exists()
    assert list(SavedView.objects.all()) == [kept]
    entry = ConsentEntry.objects.get()
    assert (entry.state, consents.evidence_of(entry)) == ("given", None)
    assert not consents.allows(person, "marketing", "mail", TUESDAY).allowed
    with pytest.raises(preferences.LinkRefusedError):
        preferences.open_link(token, now=MONDAY)


def test_the_persons_rows_leave_the_reject_files_and_others_stay(shop: Shop) -> None:
    (path,) = shop.workspace.rejects_folder.glob("*.csv")
    assert "A-5" in path.read_text(encoding="utf-8-sig")

    request = shop.take_away("erase")

    text = path.read_text(encoding="utf-8-sig")
    assert "A-5" not in text
    assert "A-6" in text
    assert request.steps["rejects"]["counts"] == {"files": 1, "rows": 1}


def test_keys_of_every_number_are_destroyed(shop: Shop) -> None:
    person = shop.person("C-1001")
    token = vault().seal("shop\x1fC-1001", "x", context="t") or ""

    shop.take_away("erase")

    assert vault().unseal(token) is None
    for subject in ("shop\x1fC-1001", "crm\x1fK-77", f"person\x1f{person}"):
        assert vault().seal(subject, "again", context="t") is None
    assert vault().seal("shop\x1fC-1002", "x", context="t") is not None


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing that could clean up gets to run to its end."""


@pytest.mark.parametrize("step", [step.name for step in rights.STEPS])
def test_cut_off_at_any_step_it_is_not_done_and_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    request = rights.open_request("erase", shop.person("C-1001"), actor=None, now=MONDAY)
    real = rights._finished

    def killed(job: Any, done: rights.Step, *rest: Any) -> None:
        if done.name == step:  # its work is done, and nothing was written down of it
            raise Killed
        real(job, done, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(rights, "_finished", killed)
        with pytest.raises(Killed):
            shop.carry_out(request)

    request = SubjectRequest.objects.get(pk=request.pk)
    assert (request.state, request.certificate) == ("running", None)
    assert not consents.allows(request.person_id, "service", "mail", TUESDAY).allowed
    shop.refresh(days=1)  # the nightly refresh comes before anyone notices
    done = shop.carry_out(request, now=TUESDAY)
    assert done.state == "done"
    for text in THEIRS:
        assert in_parquet(shop.workspace.lake_folder, text) == [], text
        assert in_bytes(shop.workspace.home, text) == [], text
    shop.refresh(days=2)
    assert Customer.objects.count() == 2


def test_what_is_still_found_afterwards_keeps_it_from_being_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    request = rights.open_request("erase", shop.person("C-1001"), actor=None, now=MONDAY)
    with monkeypatch.context() as patched:
        patched.setattr("tenure.lake.erase.purge", lambda *given: 0)
        patched.setattr("tenure.lake.erase.forget_computed", lambda *given: 0)
        with pytest.raises(TenureError, match=r"received/orders \(2\)"):
            shop.carry_out(request)

    request.refresh_from_db()
    assert (request.state, request.certificate) == ("running", None)
    assert shop.carry_out(request).state == "done"


def test_two_at_once_is_one_too_many(shop: Shop) -> None:
    request = rights.open_request("erase", shop.person("C-1001"), actor=None, now=MONDAY)

    with shop.lake.writing("tenure refresh"), pytest.raises(TenureError, match="being written by: tenure refresh"):
        shop.carry_out(request)

    request.refresh_from_db()
    assert request.state == "open"


def test_done_is_done_and_the_erased_are_asked_for_no_more(shop: Shop) -> None:
    request = shop.take_away("erase")

    with pytest.raises(TenureError, match="closed already"):
        shop.carry_out(request)
    with pytest.raises(TenureError, match="were erased"):
        rights.open_request("export", request.person_id, actor=None, now=MONDAY)
    assert ErasedPerson.objects.count() == 2


def test_the_certificate_says_what_was_done_and_what_remains_and_is_signed(shop: Shop, dee: User) -> None:
    request = shop.take_away("anonymise", actor=dee)

    found = verify_certificate(as_text(request.certificate or {}))

    assert (found["kind"], found["done_by"], found["request"]) == ("anonymise", "dee", request.pk)
    done = {step["step"]: step["counts"] for step in found["done"]}
    assert list(done) == [step.name for step in rights.STEPS]
    assert done["received"] == {"cases": 1, "customers": 2, "orders": 2}
    assert done["bury"] == {"numbers": 2}
    assert done["keys"] == {"keys": 4}
    remains = {one["what"]: one["until"] for one in found["remains"]}
    assert remains["backups"] == (MONDAY + timedelta(days=30)).date().isoformat()
    assert "facts" in remains
    assert not any(text in as_text(found) for text in THEIRS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: {**c, "done_by": "mallory"}, "changed after it was signed"),
        (lambda c: {**c, "signature": "00" * 32}, "not signed by this workspace"),
        (lambda c: {"what": "a shopping list"}, "no certificate"),
        (lambda c: {name: value for name, value in c.items() if name != "signature"}, "no certificate"),
    ],
)
def test_a_forged_certificate_is_told(shop: Shop, change: Any, says: str) -> None:
    certificate = shop.take_away("erase").certificate

    with pytest.raises(TenureError, match=says):
        verify_certificate(json.dumps(change(certificate)))
    with pytest.raises(TenureError, match="no certificate"):
        verify_certificate("not even JSON")


def test_every_step_leaves_its_trail_without_naming_anyone(shop: Shop, dee: User) -> None:
    shop.take_away("erase", actor=dee)

    verbs = list(AuditEntry.objects.filter(object_type="customer").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["open_request", "begin_erasure", "erase_from_desk", "finish_erasure"]
    trail = str(list(AuditEntry.objects.values_list("detail", "object_id")))
    assert not any(text in trail for text in THEIRS)


@pytest.mark.parametrize(
    ("law", "received", "due"),
    [("gdpr", MONDAY, "2026-04-01"), ("pipl", MONDAY, "2026-03-23"), ("usual", MONDAY, "2026-03-12")],
)
def test_due_dates_follow_the_law_named(shop: Shop, law: str, received: Any, due: str) -> None:
    request = rights.open_request(
        "export", shop.person("C-1001"), law=law, actor=None, now=received, zone=shop.workspace.zone_info, usual_days=10
    )

    assert request.due_on.isoformat() == due


def test_what_else_was_asked_for_the_erased_lapses(shop: Shop) -> None:
    waiting = rights.open_request("export", shop.person("K-77"), actor=None, now=MONDAY)
    others = rights.open_request("export", shop.person("C-1003"), actor=None, now=MONDAY)

    shop.take_away("erase")

    assert [SubjectRequest.objects.get(pk=one.pk).state for one in (waiting, others)] == ["lapsed", "open"]


def test_a_refused_request_keeps_its_reason_sealed(shop: Shop, dee: User) -> None:
    request = rights.open_request("erase", shop.person("C-1001"), actor=dee, now=MONDAY, note="by phone")

    with pytest.raises(TenureError, match="Give the reason"):
        rights.refuse_request(request.pk, reason=" ", actor=dee, now=MONDAY)
    refused = rights.refuse_request(request.pk, reason="An invoice is open", actor=dee, now=MONDAY)

    assert refused.state == "refused"
    assert "invoice" not in refused.note
    with pytest.raises(TenureError, match="closed already"):
        shop.carry_out(request)


def test_an_archived_customer_is_erased_with_the_line_that_says_they_are_archived(shop: Shop, dee: User) -> None:
    from tenure.desk.customers import archiving
    from tenure.desk.customers.findings import Finding
    from tenure.desk.customers.models import ArchivedRecord, Archiving
    from tenure.pipeline import archiving as followed

    found = Finding("customers", "email", "missing")
    shop.take_in("customers", "customer_id,name,email,updated_at\nC-1001,王小明,,2026-02-01\n")
    shop.refresh(days=1)
    archiving.archive(
        found, [("shop", "C-1001")], lake=shop.lake, scope=SYSTEM, actor=dee, now=MONDAY, reason="王小明 has no e-mail"
    )
    followed.settle(shop.workspace, shop.lake, now=MONDAY)
    assert [row["customer_id"] for row in shop.rows("archived/customers")] == ["C-1001"]

    shop.take_away("erase")

    assert shop.rows("archived/customers") == []
    assert not ArchivedRecord.objects.exists()
    assert Archiving.objects.get().reason == "…"
    shop.refresh(days=2)
    assert "C-1001" not in {
        row["customer_id"] for table in ("identity/links", "records/customers") for row in shop.rows(table)
    }
