"""What a person gets in the hand, and what is put right."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace

import pytest

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Customer
from tenure.desk.customers.rights import correct_customer
from tenure.desk.governance import audit, consents, package, rights
from tenure.desk.governance.models import AuditEntry, SubjectRequest, User
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Scope
from tests.cast import MONDAY, TUESDAY
from tests.rights.conftest import ORDERS, SHOP, THEIRS, Shop


def package_of(shop: Shop, number: str = "C-1001", scope: Scope = SYSTEM, **more: object) -> zipfile.ZipFile:
    pieces = package.package_of(
        shop.person(number), lake=shop.lake, scope=scope, actor=None, now=MONDAY, company="Tea & Co", **more  # type: ignore[arg-type]
    )  # fmt: skip
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def test_the_package_holds_everything_about_the_person_and_nobody_else(shop: Shop) -> None:
    person = shop.person("C-1001")
    consents.record_consent(
        person, purpose="marketing", channel="mail", state="given", evidence="Signed at the fair", source="desk", actor=None,
        now=MONDAY,
    )  # fmt: skip

    archive = package_of(shop)

    assert archive.testzip() is None
    everything = "".join(archive.read(name).decode() for name in archive.namelist())
    for text in (*THEIRS, "likes jasmine tea", "for 小明", "the tea was stale", "Signed at the fair", "record_consent"):
        assert text in everything or text == "wangxiaoming", text
    for text in ("李娜娜", "nana@example.com", "C-1002", "John Smithson", "Late again"):
        assert text not in everything, text
    assert {"README.txt", "index.html", "received/customers.csv", "records/orders.json", "computed/links.csv"} <= set(
        archive.namelist()
    )
    assert len(archive.namelist()) == len(set(archive.namelist()))  # else unpacking would keep one of two
    assert {"computed/features-habits.csv", "computed/scores-habits.csv"} <= set(archive.namelist())
    orders = json.loads(archive.read("records/orders.json"))
    assert {row["order_id"] for row in orders} == {"A-1", "A-2"}
    assert {row["customer_id"] for row in json.loads(archive.read("received/customers.json"))} == {"C-1001", "K-77"}


def test_its_page_reads_alone_in_both_languages_and_runs_nothing(shop: Shop) -> None:
    html = package_of(shop).read("index.html").decode()

    assert "Everything we hold about you" in html
    assert "我们持有的关于您的全部数据" in html
    assert "Orders · 订单" in html
    assert "<script" not in html
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", html)
    assert "Tea &amp; Co" in html


def test_no_cell_of_its_tables_is_a_formula(shop: Shop) -> None:
    shop.take_in(
        "customers", SHOP.replace("likes jasmine tea", "=1+1").replace("2025-01-05", "2025-03-05"), name="evil"
    )
    shop.refresh(days=1)

    archive = package_of(shop)

    for name in archive.namelist():
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"))):
                assert not any(re.match(r"\s*[=+@]", cell) for cell in row), (name, row)
    assert "=1+1" in archive.read("received/customers.json").decode()


@pytest.mark.parametrize("scope", [
    replace(SYSTEM, masked=frozenset({"phone"})), replace(SYSTEM, hidden=frozenset({"amounts"})),
    replace(SYSTEM, objects=(("cases", "none"),)), Scope(reach="own", user_id=1),
])  # fmt: skip
def test_whoever_does_not_see_all_hands_out_nothing(shop: Shop, scope: Scope) -> None:
    with pytest.raises(TenureError, match="does not see everything"):
        package_of(shop, scope=scope)
    assert not AuditEntry.objects.filter(verb="export_person").exists()


def test_a_request_is_done_only_when_the_last_piece_has_left(shop: Shop) -> None:
    request = rights.open_request("export", shop.person("C-1001"), actor=None, now=MONDAY)
    pieces = package.package_of(
        request.person_id, lake=shop.lake, scope=SYSTEM, actor=None, now=MONDAY, company="", request=request
    )

    next(pieces)
    assert SubjectRequest.objects.get().state == "open"
    list(pieces)

    done = SubjectRequest.objects.get()
    assert done.state == "done"
    assert done.steps["handed_over"]["counts"]["records/orders"] == 2
    assert [e.verb for e in AuditEntry.objects.order_by("-pk")[:2]] == ["close_request", "export_person"]


def test_a_correction_shows_at_once_and_outlasts_every_import(shop: Shop, dee: User) -> None:
    person = shop.person("C-1001")

    correct_customer(
        person, field="name", value="王晓明", lake=shop.lake, scope=SYSTEM, actor=dee, now=TUESDAY
    )  # fmt: skip

    customer = Customer.objects.get(pk=person)
    assert (customer.name, customer.pinyin) == ("王晓明", "wang xiao ming")
    assert "wxm" in customer.search_text
    shop.take_in("customers", SHOP.replace("2025-01-05", "2026-05-05"), name="newer")
    shop.refresh(days=1)
    card = next(row for row in shop.rows("scores/customers") if row["person_id"] == person)
    assert card["name"] == Customer.objects.get(pk=person).name == "王晓明"
    assert {row["name"] for row in shop.rows("records/customers") if row["customer_id"] in {"C-1001", "K-77"}} == {
        "王晓明"
    }
    assert card["email"] == "xiaoming@work.example"  # what was not corrected is as it was


def test_before_and_after_are_sealed_in_the_audit(shop: Shop, dee: User) -> None:
    person = shop.person("C-1001")

    correct_customer(person, field="phone", value="13999999999", lake=shop.lake, scope=SYSTEM, actor=dee, now=TUESDAY)

    entry = AuditEntry.objects.get(verb="correct_customer")
    assert "13999999999" not in f"{entry.detail} {entry.sealed}"
    assert audit.opened(entry) == {"before": "+8613800138001", "after": "13999999999"}
    assert Customer.objects.get(pk=person).phone == "13999999999"
    assert Customer.objects.filter(selectors.matching("9999", SYSTEM)).get().pk == person
    shop.take_away("erase")
    assert audit.opened(entry) is None


def test_a_wrong_value_can_be_taken_away(shop: Shop, dee: User) -> None:
    person = shop.person("C-1001")

    correct_customer(person, field="email", value="", lake=shop.lake, scope=SYSTEM, actor=dee, now=TUESDAY)
    shop.refresh(days=1)

    card = next(row for row in shop.rows("scores/customers") if row["person_id"] == person)
    assert (card["email"], Customer.objects.get(pk=person).email) == (None, "")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("monetary", "1", "can't be corrected here"),
        ("birth_date", "tomorrow", "is no date"),
        ("kind", "ghost", "There are: individual, enterprise"),
        ("name", "x" * 301, "too long"),
    ],
)
def test_a_correction_that_makes_no_sense_changes_nothing(shop: Shop, field: str, value: str, says: str) -> None:
    batches = len(shop.lake.batches())

    with pytest.raises(TenureError, match=says):
        correct_customer(
            shop.person("C-1001"), field=field, value=value, lake=shop.lake, scope=SYSTEM, actor=None, now=TUESDAY
        )
    assert len(shop.lake.batches()) == batches


def test_a_customer_beyond_reach_is_not_corrected(shop: Shop) -> None:
    with pytest.raises(Customer.DoesNotExist):
        correct_customer(
            shop.person("C-1001"), field="name", value="x", lake=shop.lake, scope=Scope(reach="own", user_id=1), actor=None,
            now=TUESDAY,
        )  # fmt: skip


def test_every_table_about_customers_is_in_somebodys_holding() -> None:
    """A new table with a person in it is in the package and in an erasure, or this fails."""
    from django.apps import apps

    from tenure.desk.governance.holdings import HOLDINGS
    from tenure.desk.governance.models import ErasedPerson

    held = {model for holding in HOLDINGS.values() for model in holding.models}
    about = {
        model
        for model in apps.get_models()
        if any(
            field.name in {"person_id", "own_id"} or (field.is_relation and field.related_model is Customer)
            for field in model._meta.get_fields()
            if getattr(field, "concrete", False)
        )
    }
    assert Customer in about
    assert about - held == {ErasedPerson}  # the list of who is gone: numbers alone


def test_the_trail_of_a_person_leaves_out_who_of_us_it_was(shop: Shop, dee: User) -> None:
    person = shop.person("C-1001")
    from django.db import transaction

    with transaction.atomic():
        audit.record("looked", "customer", person, actor=dee, now=MONDAY)

    assert "dee" not in package_of(shop).read("desk/audit.json").decode()


def test_orders_that_came_twice_are_all_in_the_package(shop: Shop) -> None:
    shop.take_in("orders", ORDERS, name="twice")
    shop.refresh(days=1)

    archive = package_of(shop)

    assert len(json.loads(archive.read("received/orders.json"))) == 4
    assert len(json.loads(archive.read("records/orders.json"))) == 2
