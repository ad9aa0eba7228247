"""A company's own kinds of record: made without code, there at once, within reach by whose they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from tenure.contracts.custom import Choice
from tenure.desk.customers.fields.definitions import Draft, add_field, change_field
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import MisfitError
from tenure.desk.customers.models import Customer
from tenure.desk.customers.objects import bringing, definitions, records
from tenure.desk.customers.objects.definitions import Shape, add_object, bring_back, change_object, put_away
from tenure.desk.customers.objects.models import OwnBatch, OwnLink, OwnObject, OwnRecord, OwnValue
from tenure.desk.customers.objects.records import Asked, delete_record, listing, save_record, visible_to
from tenure.desk.governance import audit
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.api import note_merges
from tenure.desk.governance.holdings import HOLDINGS, Wanted
from tenure.desk.governance.models import AuditEntry
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake
from tests.cast import CHEN, LI, MONDAY, SMITH, TUESDAY, WANG, ZHANG

if TYPE_CHECKING:
    from tenure.desk.governance.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def car(company: dict[str, User]) -> OwnObject:
    return add_object(Shape("Vehicle", "车辆"), actor=company["dee"], now=MONDAY)


@pytest.fixture
def made(car: OwnObject) -> dict[str, CustomField]:
    drafts = {
        "model": Draft(name_en="Model", name_zh="车型"), "seats": Draft(name_en="Seats", kind="whole"),
        "fuel": Draft(name_en="Fuel", kind="choice", choices=(Choice("", "Petrol", "汽油"), Choice("", "Electric", "电动"))),
        "vin": Draft(name_en="Frame", personal=True),
    }  # fmt: skip
    return {name: add_field(replace(one, contract=car.code), actor=None, now=MONDAY) for name, one in drafts.items()}


def save(car: OwnObject, number: str, *customers: int, who: User | None = None, **more: Any) -> OwnRecord:
    scope = scope_of(who) if who is not None else SYSTEM
    return save_record(car, number=number, customers=customers, scope=scope, actor=who, now=MONDAY, **more)


def seen(who: User, kind: OwnObject, **asked: str) -> list[str]:
    names = {name.replace("__", "."): text for name, text in asked.items()}
    return [one.number for one in listing(scope_of(who), kind, Asked.read(names))]


def bring(car: OwnObject, path: Path, text: str, home: Path, **more: Any) -> bringing.Report:
    path.write_text(text, encoding="utf-8")
    return bringing.bring(car, path, lake=Lake(home / "lake"), scope=SYSTEM, actor=None, now=MONDAY, **more)


def state() -> list[tuple[str, list[str], list[int]]]:
    """Every record with what it says and whose it is."""
    return [
        (one.number, [v.kept for v in OwnValue.objects.filter(record=one).order_by("field_id")],
         sorted(OwnLink.objects.filter(record=one).values_list("own_id", flat=True)))
        for one in OwnRecord.objects.order_by("number")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (Shape(), "Give it a name"),
        (Shape("x" * 81), "too long: 81"),
        (Shape("🚗"), "no letter or digit"),
        (Shape("Orders"), "every company has already"),
        (Shape("", "客户关系"), "every company has already"),
        (Shape("Customer"), "meaning of its own"),
        (Shape("o_7"), "meaning of its own"),
        (Shape(" VEHICLE "), 'There is a "VEHICLE" already'),
    ],
)
def test_a_shape_that_makes_no_kind_says_what_to_do(car: OwnObject, shape: Shape, says: str) -> None:
    with pytest.raises(TenureError, match=says):
        add_object(shape, actor=None, now=MONDAY)


@pytest.mark.parametrize("name", ["select", "DROP TABLE customers; --", "Robert'); --", "user", "表"])
def test_a_name_is_only_a_name(company: dict[str, User], name: str) -> None:
    kind = add_object(Shape(name), actor=None, now=MONDAY)
    field = add_field(Draft(name_en=name, contract=kind.code), actor=None, now=MONDAY)
    save(kind, name, WANG, values={field.pk: name})

    assert seen(company["dee"], kind, q=name.split()[0], **{field.code: f"={name}"}) == [name]


@pytest.mark.parametrize("name", ["Number", "客户编号", "customer_id", "c_3"])
def test_a_field_is_not_called_what_every_record_has(car: OwnObject, name: str) -> None:
    with pytest.raises(TenureError, match="meaning of its own"):
        add_field(Draft(name_en=name, contract=car.code), actor=None, now=MONDAY)


def test_a_record_is_within_reach_by_whose_it_is(company: dict[str, User], car: OwnObject) -> None:
    save(car, "A", WANG)
    save(car, "B", SMITH)
    save(car, "nobody's")

    assert seen(company["dee"], car) == ["A", "B", "nobody's"]
    assert seen(company["ann"], car) == ["A"]
    assert seen(company["noa"], car) == ["B"]
    with pytest.raises(OwnRecord.DoesNotExist):
        visible_to(scope_of(company["ann"])).get(number="B")
    assert seen(company["ann"], car, customer=str(SMITH)) == []


def test_a_record_of_several_shows_each_asker_their_own_customers(company: dict[str, User]) -> None:
    policy = add_object(Shape("Policy", many=True), actor=None, now=MONDAY)
    save(policy, "P-1", WANG, SMITH, CHEN)
    ann, bo = company["ann"], company["bo"]

    (one,) = records.shown(scope_of(ann), [OwnRecord.objects.get().pk], [])
    assert [person.pk for person in one.customers] == [WANG]

    pk = OwnRecord.objects.get().pk
    save_record(policy, record_id=pk, customers=[LI], scope=scope_of(ann), actor=ann, now=TUESDAY)
    assert state() == [("P-1", [], [LI, SMITH, CHEN])], "customers out of reach stay as they are"
    with pytest.raises(Customer.DoesNotExist):
        save_record(policy, record_id=pk, customers=[SMITH], scope=scope_of(ann), actor=ann, now=TUESDAY)
    with pytest.raises(TenureError, match="out of your reach"):
        delete_record(pk, scope=scope_of(bo), actor=bo, now=TUESDAY)
    with pytest.raises(TenureError, match="belong to several customers"):
        change_object(policy.pk, Shape("Policy"), actor=None, now=TUESDAY)


def test_a_record_of_one_takes_no_second_customer(company: dict[str, User], car: OwnObject) -> None:
    save(car, "A", WANG)

    with pytest.raises(TenureError, match="belongs to one customer"):
        save(car, "B", WANG, LI)
    with pytest.raises(TenureError, match='"A" already'):
        save(car, "A", LI)
    with pytest.raises(TenureError, match="one of yours"):
        save(car, "C", who=company["ann"])
    assert save(car, "", LI).number == "2"


def test_a_record_goes_along_when_two_customers_are_one(company: dict[str, User], car: OwnObject) -> None:
    save(car, "A", LI)

    note_merges([(LI, WANG)])
    assert [(kind.pk, n) for kind, _rows, n in records.of_customer(SYSTEM, WANG)] == [(car.pk, 1)]
    (one,) = records.shown(SYSTEM, [OwnRecord.objects.get().pk], [])
    assert [person.pk for person in one.customers] == [WANG]

    note_merges([])
    assert records.of_customer(SYSTEM, WANG) == [(car, [], 0)]


def test_values_are_filtered_searched_sorted_and_guarded(
    company: dict[str, User], car: OwnObject, made: dict[str, CustomField]
) -> None:
    model, seats, fuel, vin = (made[name].pk for name in ("model", "seats", "fuel", "vin"))
    save(car, "A", WANG, values={model: "Falcon", seats: "5", fuel: "电动", vin: "LSV 1"})
    save(car, "B", LI, values={model: "Falcon GT", seats: "2", fuel: "petrol"})
    save(car, "C", SMITH, values={model: "Heron"})
    dee = company["dee"]

    assert seen(dee, car, q="falcon") == ["A", "B"]
    assert seen(dee, car, q="lsv 1") == ["A"]
    assert seen(dee, car, **{f"c_{fuel}": "electric"}) == ["A"]
    assert seen(dee, car, **{f"c_{seats}__from": "3"}) == ["A"]
    assert seen(dee, car, **{f"c_{seats}__is": "empty"}) == ["C"]
    assert seen(dee, car, **{f"c_{vin}": "lsv 1"}) == ["A"]
    assert seen(dee, car, sort=f"c_{seats}") == ["A", "B", "C"]
    assert seen(dee, car, sort=f"-c_{seats}") == ["B", "A", "C"]
    assert seen(dee, car, sort=f"c_{model}") == ["A", "B", "C"]
    masked = replace(scope_of(dee), hidden=frozenset({"identity"}))
    assert [one.number for one in listing(masked, car, Asked.read({"q": "lsv 1"}))] == []
    (one,) = records.shown(masked, [OwnRecord.objects.get(number="A").pk], list(made.values()))
    assert vin not in one.values
    assert "LSV" not in str(list(OwnValue.objects.filter(field_id=vin).values("value", "text")))
    with pytest.raises(TenureError, match=f"no field c_{vin}"):
        save_record(car, number="D", values={vin: "x"}, customers=[WANG], scope=masked, actor=None, now=MONDAY)


def test_a_change_is_written_down_and_what_does_not_fit_changes_nothing(
    company: dict[str, User], car: OwnObject, made: dict[str, CustomField]
) -> None:
    model, seats = made["model"].pk, made["seats"].pk
    one = save(car, "A", WANG, who=company["ann"], values={model: "Falcon"})

    with pytest.raises(MisfitError, match="no number"):
        save_record(car, record_id=one.pk, values={model: "Heron", seats: "few"}, scope=SYSTEM, actor=None, now=TUESDAY)
    assert state() == [("A", ["Falcon"], [WANG])]
    save_record(car, record_id=one.pk, values={model: "Heron"}, scope=SYSTEM, actor=None, now=TUESDAY)

    entry = AuditEntry.objects.filter(verb="edit_own_record").latest("pk")
    assert "Heron" not in str(entry.detail)
    private = audit.opened(entry)
    assert private is not None
    assert private[f"c_{model}"] == {"before": "Falcon", "after": "Heron"}
    delete_record(one.pk, scope=scope_of(company["ann"]), actor=company["ann"], now=TUESDAY)
    assert state() == []


def test_a_kind_with_records_goes_only_when_somebody_was_asked_and_loses_nothing(
    company: dict[str, User], car: OwnObject, made: dict[str, CustomField]
) -> None:
    save(car, "A", WANG, values={made["model"].pk: "Falcon"})

    with pytest.raises(TenureError, match="has 1 records"):
        put_away(car.pk, actor=None, now=MONDAY)
    put_away(car.pk, records=1, actor=None, now=MONDAY)

    assert definitions.known() == []
    assert records.of_customer(SYSTEM, WANG) == []
    with pytest.raises(TenureError, match="put away"):
        save(OwnObject.objects.get(), "B", WANG)
    with pytest.raises(TenureError, match="was put away"):
        add_object(Shape("vehicle"), actor=None, now=MONDAY)
    bring_back(car.pk, actor=None, now=TUESDAY)
    assert state() == [("A", ["Falcon"], [WANG])]


def test_a_kind_of_field_changes_with_every_value(car: OwnObject, made: dict[str, CustomField]) -> None:
    model = made["model"]
    save(car, "A", WANG, values={model.pk: "12"})

    change_field(model.pk, replace(Draft.of(model), kind="whole"), scope=SYSTEM, actor=None, now=TUESDAY)
    assert OwnValue.objects.get().number == 12_000_000

    save(car, "B", WANG, values={model.pk: "13"})
    with pytest.raises(TenureError, match="do not fit"):
        change_field(model.pk, replace(Draft.of(model), kind="date"), scope=SYSTEM, actor=None, now=TUESDAY)


def test_a_file_comes_in_every_row_accounted_for_and_goes_again(
    car: OwnObject, made: dict[str, CustomField], tmp_path: Path, filled_home: Path
) -> None:
    save(car, "A", WANG, values={made["model"].pk: "Falcon", made["vin"].pk: "LSV1"})
    before = state()
    text = (
        "车辆编号,客户号,车型,Seats,Fuel,Colour\nA,,Heron,,,red\nB,C-2,Swift,4,electric,\nC,C-99,Swift,,,\n"
        "D,C-1,Swift,many,,\n,C-1,Swift,,,\nB,C-1,Swift,,,\nE,C-1;C-2,Swift,,,\n"
    )

    look = bring(car, tmp_path / "cars.csv", text, filled_home, dry_run=True)
    assert (look.rows, look.made, look.changed, look.rejected, look.batch) == (7, 1, 1, 5, None)
    assert look.plan.unread == ("Colour",)
    assert state() == before
    report = bring(car, tmp_path / "cars.csv", text, filled_home)

    assert (report.rows, report.made, report.changed, report.same, report.rejected) == (7, 1, 1, 0, 5)
    whys = {row: why for row, _column, _value, why in report.rejects}
    assert {row: why.split(".")[0] for row, why in whys.items()} == {
        3: "No customer has this number", 4: '"many" is no number', 5: "A record needs a number",
        6: "An earlier row of the file has this number already", 7: "A record of this kind belongs to one customer",
    }  # fmt: skip
    assert state() == [("A", ["Heron", "LSV1"], [WANG]), ("B", ["Swift", "4", "electric"], [LI])]
    with connection.cursor() as cursor:
        cursor.execute("SELECT was FROM customers_ownbefore")
        assert "LSV1" not in str(cursor.fetchall()), "it lies sealed"
    again = bring(car, tmp_path / "cars.csv", text, filled_home)
    assert (again.made, again.changed, again.same) == (0, 0, 2)

    assert report.batch is not None
    undone = bringing.undo(report.batch, scope=SYSTEM, actor=None, now=TUESDAY)
    assert (undone.deleted, undone.restored, undone.kept) == (1, 1, ())
    assert state() == before
    with pytest.raises(TenureError, match="taken back already"):
        bringing.undo(report.batch, scope=SYSTEM, actor=None, now=TUESDAY)


def test_an_undo_keeps_what_was_changed_since(
    car: OwnObject, made: dict[str, CustomField], tmp_path: Path, filled_home: Path
) -> None:
    first = bring(
        car, tmp_path / "a.csv", "number,customer,Model\nA,C-1,Falcon\nB,C-1,Falcon\nC,C-1,Falcon\n", filled_home
    )
    second = bring(car, tmp_path / "b.csv", "number,Model\nB,Heron\n", filled_home)
    edited = OwnRecord.objects.get(number="C")
    save_record(car, record_id=edited.pk, values={made["model"].pk: "Swift"}, scope=SYSTEM, actor=None, now=TUESDAY)
    assert first.batch is not None
    assert second.batch is not None

    undone = bringing.undo(first.batch, scope=SYSTEM, actor=None, now=TUESDAY)
    assert (undone.deleted, undone.kept) == (1, ("B", "C"))
    assert bringing.undo(second.batch, scope=SYSTEM, actor=None, now=TUESDAY).restored == 1

    assert state() == [("B", ["Falcon"], [WANG]), ("C", ["Swift"], [WANG])]


def test_who_sees_a_part_brings_no_records(company: dict[str, User], car: OwnObject, filled_home: Path) -> None:
    with pytest.raises(TenureError, match="every customer"):
        bringing.take(
            car,
            [{"number": "A"}],
            lake=Lake(filled_home / "lake"),
            scope=scope_of(company["mia"]),
            actor=None,
            now=MONDAY,
        )
    assert not OwnBatch.objects.exists()


def test_a_persons_records_are_handed_out_and_go_with_them(
    company: dict[str, User], made: dict[str, CustomField], car: OwnObject, tmp_path: Path, filled_home: Path
) -> None:
    policy = add_object(Shape("Policy", many=True), actor=None, now=MONDAY)
    save(car, "A", WANG, values={made["vin"].pk: "LSV1"})
    save(policy, "P", WANG, SMITH)
    save(car, "Z", ZHANG)
    bring(car, tmp_path / "a.csv", "number,customer\nZ,C-4\nA,C-1\n", filled_home)
    OwnLink.objects.filter(record__number="Z").update(own_id=SMITH)
    held = HOLDINGS["own_records"]

    assert [(row["record"], row["number"], row.get("Frame")) for row in held.rows([WANG])] == [
        ("Vehicle", "A", "LSV1"), ("Policy", "P", None),
    ]  # fmt: skip
    assert held.called([WANG]) == {"identity": ["LSV1"]}
    for person in (WANG, ZHANG):
        wanted = Wanted((person,))
        assert held.left(wanted) > 0
        held.let_go(wanted, MONDAY)
        assert held.left(wanted) == 0

    assert state() == [("P", [], [SMITH]), ("Z", [], [SMITH])]


def test_a_list_of_many_records_takes_the_same_few_questions(
    company: dict[str, User],
    car: OwnObject,
    made: dict[str, CustomField],
    django_assert_num_queries: Callable[..., Any],
) -> None:
    for n in range(60):
        save(car, f"N{n:03}", WANG if n % 2 else LI, values={made["model"].pk: f"M{n}"})
    scope = scope_of(company["ann"])
    fields = records.fields_seen(scope, car)

    with django_assert_num_queries(6):
        page = records.page_of(scope, car, Asked(), 1, fields)

    assert (page.found, page.pages, len(page.rows), len(page.rows[0].customers)) == (60, 2, 50, 1)
