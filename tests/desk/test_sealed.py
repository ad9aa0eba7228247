"""Sealed fields of the desk: nothing personal lies in the database, and people find by it all the same."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import FieldError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tenure.desk import sealed
from tenure.desk.customers.models import Customer, Publication, Score
from tenure.desk.customers.names import last_four, whole_email, whole_phone
from tenure.desk.customers.publishing import publish
from tenure.desk.customers.selectors import SORTS, TELLS, Filters, listing
from tenure.desk.governance import master_keys
from tenure.desk.governance.models import AuditEntry
from tenure.errors import TenureError
from tenure.keyring import keyring
from tenure.lake import SYSTEM, Scope
from tests.cast import LI, MONDAY, WANG, cards

pytestmark = pytest.mark.django_db
PHONE, EMAIL = "+8613800001211", "c1@example.com"  # WANG's


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    monkeypatch.delenv("TENURE_KEYS", raising=False)
    return tmp_path


@pytest.fixture
def published(home):
    publish(cards(), as_of=MONDAY, now=MONDAY)


def found(text, scope=SYSTEM):
    return {row.customer_id for row in listing(scope, Filters(q=text))}


def stored(model):
    """Every cell of the model's table, as text, past the fields."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
        return "\n".join(str(cell) for row in cursor.fetchall() for cell in row)


def test_what_is_published_reads_back_and_does_not_lie_in_the_tables(published):
    wang = Customer.objects.get(pk=WANG)

    assert (wang.phone, wang.email) == (PHONE, EMAIL)
    assert Score.objects.get(customer=WANG).extra == {"Contract": "Two year"}
    cells = stored(Customer) + stored(Score)
    for secret in ("13800001211", EMAIL, "example.com", "Two year", "Contract"):
        assert secret not in cells
    # Four digits may stand in any digest by chance, but on their own nowhere.
    assert not re.search(r"(?<![0-9A-Za-z+/])1211(?![0-9A-Za-z+/])", cells)


@pytest.mark.parametrize(
    "text",
    [PHONE, "13800001211", "138-0000-1211", "8613800001211", "008613800001211", "1211", EMAIL, "C1@Example.COM"],
)
def test_a_customer_is_found_by_phone_and_e_mail_as_people_write_them(published, text):
    assert found(text) == {WANG}


@pytest.mark.parametrize("text", ["0000", "3800001211", "211", "c1@example", "@example.com", "tnK1", "12110"])
def test_a_part_of_a_phone_or_an_e_mail_finds_nobody(published, text):
    assert found(text) == set()


@pytest.mark.parametrize(
    ("field", "text", "treatment", "finds"),
    [
        ("phone", PHONE, "hidden", set()),
        ("phone", "1211", "hidden", set()),
        ("phone", PHONE, "masked", set()),
        ("phone", "1211", "masked", {WANG}),
        ("email", EMAIL, "hidden", set()),
        ("email", EMAIL, "masked", set()),
    ],
)
def test_who_may_not_see_cannot_search(published, field, text, treatment, finds):
    scope = Scope(reach="all", **{treatment: frozenset({field})})

    assert found(text, scope) == finds


def test_a_sealed_field_is_never_looked_for_by_its_value(published):
    for asked in ({"phone": PHONE}, {"phone__contains": "138"}, {"email__in": [EMAIL]}):
        with pytest.raises(FieldError, match="lies sealed"):
            Customer.objects.filter(**asked).exists()
    with pytest.raises(FieldError, match="lies sealed"):
        Score.objects.filter(extra={}).exists()


def test_nothing_sorts_by_a_sealed_field():
    names = {field.name for model in sealed.sealed_models() for field in model._meta.fields if is_sealed(field)}

    assert {"phone", "email", "extra", "dsn", "known", "leaves", "sealed", "was"} == names
    assert not {part for order in SORTS.values() for key in order for part in key.strip("-").split("__")} & names
    assert not set(TELLS) & names
    for model in sealed.sealed_models():
        assert not set(model._meta.ordering) & names
        assert not {name for index in model._meta.indexes for name in index.fields} & names


def is_sealed(field):
    return isinstance(field, sealed.SealedText | sealed.SealedJSON)


def test_saving_a_customer_keeps_its_indexes_right(published):
    wang = Customer.objects.get(pk=WANG)
    wang.phone, wang.email = "139 1234 5678", ""
    wang.save()

    assert found("13912345678") == found("5678") == {WANG}
    assert found(PHONE) == found(EMAIL) == set()
    assert Customer.objects.get(pk=WANG).email == ""


def test_empty_fields_lie_empty_and_are_in_no_index(home):
    publish(cards(phone={WANG: None}, email={WANG: None}, extra={WANG: None}), as_of=MONDAY, now=MONDAY)

    wang = Customer.objects.get(pk=WANG)

    assert (wang.phone, wang.email, wang.phone_index, wang.phone_last4, wang.email_index) == ("", "", "", "", "")
    assert Score.objects.get(customer=WANG).extra == {}


@pytest.mark.parametrize(
    ("written", "whole", "four"),
    [
        ("+86 138-0013-8000", "13800138000", "8000"),
        ("0086 13800138000", "13800138000", "8000"),
        ("13800138000", "13800138000", "8000"),
        ("+44 20 7946 0958", "442079460958", "0958"),
        ("0571-8888 6666", "57188886666", "6666"),
        ("+86 571 8888 6666", "57188886666", "6666"),
        ("123", "123", ""),
        ("none", "", ""),
        ("", "", ""),
        ("١٢٣٤", "", ""),
    ],
)
def test_phones_are_looked_for_by_their_digits(written, whole, four):
    assert (whole_phone(written), last_four(written)) == (whole, four)


def test_e_mails_are_looked_for_without_case():
    assert whole_email(" Ming@Example.com ") == "ming@example.com"


def test_a_token_moved_to_another_row_field_does_not_open_there(published):
    table = connection.ops.quote_name(Customer._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET email = phone WHERE person_id = {WANG}")

    with pytest.raises(TenureError, match="belongs somewhere else"):
        Customer.objects.get(pk=WANG)


def test_a_lost_keyring_is_said_and_no_other_is_made(published, home, monkeypatch):
    keyring().path.unlink()
    monkeypatch.setattr("tenure.keyring._rings", {})
    monkeypatch.setattr("tenure.keyring._by_environment", {})

    with pytest.raises(TenureError, match="is missing"):
        Customer.objects.get(pk=WANG)
    with pytest.raises(TenureError, match="is missing"):
        publish(cards(), as_of=MONDAY, now=MONDAY)

    assert not keyring_file(home).exists()


def keyring_file(home):
    return home / "keys" / "master.json"


def test_changing_the_key_moves_every_row_and_people_find_the_same_before_during_and_after(published):
    old = keyring().current
    new = master_keys.make_key(actor=None, now=MONDAY)
    during = found(PHONE), found("1211"), found(EMAIL)
    told = []

    moved = master_keys.move_to_current(lambda what, done, total: told.append((what, done, total)))

    assert moved == 12
    assert [(done, total) for _, done, total in told] == [(6, 6), (6, 6)]
    assert sealed.under() == {new: 12}
    assert during == (found(PHONE), found("1211"), found(EMAIL)) == ({WANG}, {WANG}, {WANG})
    assert [(use.key, use.current, use.rows) for use in master_keys.uses()] == [(new, True, 12), (old, False, 0)]
    assert master_keys.move_to_current() == 0
    wang = Customer.objects.get(pk=WANG)
    assert (wang.phone, wang.email) == (PHONE, EMAIL)
    assert Score.objects.get(customer=WANG).extra == {"Contract": "Two year"}
    assert AuditEntry.objects.get(verb="make_master_key").object_id == new


def test_a_change_of_keys_stopped_half_way_goes_on_where_it_stopped(published, monkeypatch):
    monkeypatch.setattr(sealed, "CHUNK", 2)
    old, new = keyring().current, master_keys.make_key(actor=None, now=MONDAY)

    class StoppedError(Exception):
        pass

    def stop(what, done, total):
        if done == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        master_keys.move_to_current(stop)
    half = sealed.under()
    everyone = {found(row.phone) == {row.pk} for row in Customer.objects.all()}
    due = master_keys.is_due()

    assert master_keys.move_to_current() == 8
    assert half == {new: 4, old: 8}
    assert everyone == {True}
    assert due
    assert not master_keys.is_due()


def test_a_row_written_meanwhile_is_left_to_its_writer(published, monkeypatch):
    master_keys.make_key(actor=None, now=MONDAY)
    sealing = sealed.RowSealer.__call__

    def meanwhile(self, row):
        if row.get("pk") == LI and row.get("phone"):
            li = Customer.objects.get(pk=LI)
            li.phone = "13912345678"
            li.save()
        return sealing(self, row)

    monkeypatch.setattr(sealed.RowSealer, "__call__", meanwhile)
    sealed.reseal(Customer)

    assert Customer.objects.get(pk=LI).phone == "13912345678"
    assert found("13912345678") == {LI}


def test_an_old_key_is_retired_only_when_nothing_lies_under_it(published):
    old = keyring().current
    master_keys.make_key(actor=None, now=MONDAY)
    later = MONDAY + timedelta(hours=2)

    with pytest.raises(TenureError, match="12 rows still lie under key"):
        master_keys.retire_key(old, actor=None, now=later)
    master_keys.move_to_current()
    master_keys.retire_key(old, actor=None, now=later)

    assert [use.key for use in master_keys.uses()] == [keyring().current]
    assert found(PHONE) == {WANG}
    assert AuditEntry.objects.get(verb="retire_master_key").object_id == old


@pytest.mark.django_db(transaction=True)
def test_rows_of_before_are_sealed_by_the_migration(home):
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([("customers", "0002_filters_read_the_index")])
    before = executor.loader.project_state([("customers", "0002_filters_read_the_index")]).apps
    old_customer, old_score = before.get_model("customers", "Customer"), before.get_model("customers", "Score")
    for n in range(1_201):
        old_customer.objects.create(person_id=n, phone=f"138{n:08d}", phone_last4=f"{n:04d}", email=f"c{n}@example.com")
    old_score.objects.create(customer_id=7, generation=1, extra={"Plan": "Gold"})

    executor = MigrationExecutor(connection)
    executor.migrate(latest)

    assert sealed.under() == {keyring().current: 1_202}
    assert Customer.objects.get(pk=7).phone == "13800000007"
    assert Score.objects.get(customer=7).extra == {"Plan": "Gold"}
    cells = stored(Customer) + stored(Score)
    assert "13800000007" not in cells
    assert "c7@example.com" not in cells
    assert "Gold" not in cells
    everyone = Publication(pk=1, generation=1, rows=1, as_of=MONDAY, published_at=MONDAY)
    everyone.save()
    assert found("138-0000-0007") == found("c7@example.com") == {7}
