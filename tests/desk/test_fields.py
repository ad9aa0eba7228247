"""A company's own fields: made without code, there at once, guarded like everything else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tenure.contracts.custom import Choice, CustomColumn, canonical
from tenure.desk.customers.api import publish
from tenure.desk.customers.cards import Card
from tenure.desk.customers.export import columns_for, lines
from tenure.desk.customers.fields import definitions, values
from tenure.desk.customers.fields.definitions import (
    Draft,
    add_field,
    archive_field,
    change_field,
    propose,
    restore_field,
)
from tenure.desk.customers.fields.models import CustomEdit, CustomField, CustomValue
from tenure.desk.customers.fields.values import MisfitError, edit_values, values_of, with_values
from tenure.desk.customers.models import Customer
from tenure.desk.customers.selectors import Filters, listing, page_in
from tenure.desk.customers.services import apart
from tenure.desk.governance import audit
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, Scope
from tests.cast import CHEN, LI, MONDAY, QUIET, SMITH, TUESDAY, WANG, ZHANG, cards

if TYPE_CHECKING:
    from tenure.desk.governance.models import User

pytestmark = pytest.mark.django_db

TIERS = (Choice("", "Gold", "金卡"), Choice("", "Silver", "银卡"))


def made(name: str = "Tier", kind: str = "text", **more: Any) -> CustomField:
    return add_field(Draft(name_en=name, kind=kind, **more), actor=None, now=MONDAY)


def say(person: int, field: CustomField, value: object, **more: Any) -> list[int]:
    return edit_values(person, {field.pk: value}, scope=SYSTEM, actor=None, now=MONDAY, **more)


def kept(person: int, field: CustomField) -> str | None:
    row = CustomValue.objects.filter(customer_id=person, field=field).first()
    return row.kept if row else None


def found(**asked: str) -> list[int]:
    names = {name.replace("__", "."): text for name, text in asked.items()}
    return [row.customer_id for row in page_in(SYSTEM, Filters.read(names), 1).rows for row in [row._score]]


@pytest.mark.parametrize(
    ("kind", "text", "means"),
    [
        ("whole", "１,234", "1234"), ("whole", "3万", "30000"), ("decimal", "1.50", "1.5"), ("decimal", "-0", "0"),
        ("money", "¥1,234.505", "1234.5"), ("money", "19.90元", "19.9"), ("date", "2026年3月1日", "2026-03-01"),
        ("date", "2026/3/1 08:00", "2026-03-01"), ("date", "20260301", "2026-03-01"), ("yes_no", "是", "true"),
        ("yes_no", "No", "false"), ("choice", "金卡", "gold"), ("choice", " GOLD ", "gold"), ("choices", "银卡、gold", "gold,silver"),
        ("link", "www.example.com/a", "https://www.example.com/a"), ("phone", "+86 138-0013-8000", "+86 138-0013-8000"),
        ("email", "ming@example.com", "ming@example.com"), ("text", "  two  words ", "two words"), ("whole", "n/a", None),
        ("text", " ", None), ("text", "none", "none"),
    ],
)  # fmt: skip
def test_a_text_is_read_as_the_kind_of_its_field(kind: str, text: str, means: str | None) -> None:
    column = CustomColumn(
        1, "customers", kind, "X", "", choices=(Choice("gold", "Gold", "金卡"), Choice("silver", "Silver", "银卡"))
    )

    assert canonical(column, text) == means
    assert means is None or canonical(column, means) == means  # what is kept reads as itself


@pytest.mark.parametrize(
    ("kind", "text"),
    [("whole", "1.5"), ("whole", "9000000000001"), ("decimal", "1e5"), ("decimal", "inf"), ("money", "ten"), ("date", "2026-02-30"),
     ("date", "1/2/2026"), ("yes_no", "maybe"), ("choice", "bronze"), ("choices", "gold, bronze"), ("link", "javascript:alert(1)"),
     ("link", "https://"), ("phone", "call me"), ("email", "ming@"), ("text", "x" * 1001)],
)  # fmt: skip
def test_a_text_that_does_not_fit_is_refused_in_words(kind: str, text: str) -> None:
    column = CustomColumn(1, "customers", kind, "X", "", choices=(Choice("gold", "Gold", "金卡"),))

    with pytest.raises(TenureError, match=r"[a-z]{3}"):
        canonical(column, text)


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        (Draft(), "Give the field a name"),
        (Draft(name_en="x" * 81), "too long: 81"),
        (Draft(name_en="🎉🎉"), "no letter or digit"),
        (Draft(name_en="Phone Number"), "every customer has already"),
        (Draft(name_zh="客户编号"), "every customer has already"),
        (Draft(name_en="c_7"), "meaning of its own"),
        (Draft(name_en="Person ID"), "meaning of its own"),
        (Draft(name_en="Tier", kind="spell"), "is no kind of field"),
        (Draft(name_en="Tier", kind="choice"), "at least one choice"),
        (Draft(name_en="Tier", kind="choice", choices=(*TIERS, Choice("", "gold", ""))), "is there twice"),
        (Draft(name_en="Tier", kind="choice", choices=tuple(Choice("", f"n{n}", "") for n in range(201))), "too many"),
        (Draft(name_en="Tier", kind="whole", default="few"), "is no number"),
        (Draft(name_en="Tier", guarded_as="secret"), "Roles know no field"),
        (Draft(name_en="Tier", contract="products"), "can't have fields"),
        (Draft(name_en=" TAKEN "), "already"),
    ],
)  # fmt: skip
def test_a_draft_that_makes_no_field_says_what_to_do(draft: Draft, says: str) -> None:
    made("taken")

    with pytest.raises(TenureError, match=says):
        add_field(draft, actor=None, now=MONDAY)
    assert CustomField.objects.count() == 1


def test_an_emoji_may_stand_in_a_name(db: None) -> None:
    assert str(made("Tier 🎉").words) == "Tier 🎉"


def test_five_hundred_fields_are_enough() -> None:
    CustomField.objects.bulk_create(
        CustomField(name_en=f"F{n}", kind="text", made_at=MONDAY, place=n) for n in range(500)
    )

    with pytest.raises(TenureError, match="500 fields"):
        made("One more")


def test_a_field_made_changed_and_archived_leaves_its_trail(company: dict[str, User]) -> None:
    field = made(kind="choice", choices=TIERS)
    change_field(field.pk, replace(Draft.of(field), name_zh="等级"), scope=SYSTEM, actor=None, now=TUESDAY)
    archive_field(field.pk, actor=None, now=TUESDAY)
    restore_field(field.pk, actor=None, now=TUESDAY)

    verbs = AuditEntry.objects.filter(object_type="custom_field", object_id=field.code).order_by("pk")
    assert [entry.verb.split("_")[0] for entry in verbs] == ["add", "change", "archive", "restore"]


def test_the_definitions_reach_the_lake_once_they_are_committed(
    company: dict[str, User], tmp_path: Any, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    with django_capture_on_commit_callbacks(execute=True):
        field = made(kind="choice", choices=TIERS)

    (column,) = Lake(tmp_path / "lake").custom("customers")
    assert (column.name, column.kind, [one.code for one in column.choices]) == (
        field.code,
        "choice",
        ["gold", "silver"],
    )


def test_what_is_said_on_the_desk_shows_at_once_and_is_kept_with_who_said_it(company: dict[str, User]) -> None:
    field = made(kind="choice", choices=TIERS)
    edit_values(WANG, {field.pk: "金卡"}, scope=SYSTEM, actor=company["mia"], now=MONDAY)
    edit_values(WANG, {field.pk: "silver"}, scope=SYSTEM, actor=company["dee"], now=TUESDAY)

    assert values_of(SYSTEM, [WANG], [field])[WANG][field.pk].text == "Silver"
    newest, first = values.history(SYSTEM, WANG, [field])
    assert (newest.actor, newest.before.text, newest.after.text) == (company["dee"], "Gold", "Silver")  # type: ignore[union-attr]
    assert (first.actor, first.before.text, first.after.text) == (company["mia"], "", "Gold")  # type: ignore[union-attr]
    entry = AuditEntry.objects.filter(verb="edit_custom_values").first()
    assert entry is not None
    assert "silver" not in str(entry.detail)
    assert audit.opened(entry) == {field.code: {"before": "gold", "after": "silver"}}


def test_saying_the_same_again_changes_nothing(company: dict[str, User]) -> None:
    field = made()
    say(WANG, field, "yes")

    assert say(WANG, field, " yes ") == []
    assert CustomEdit.objects.count() == 1


def test_one_value_that_does_not_fit_keeps_all_from_changing(company: dict[str, User]) -> None:
    tier, since = made("Tier"), made("Since", "date")

    with pytest.raises(MisfitError, match="Since:") as refused:
        edit_values(WANG, {tier.pk: "gold", since.pk: "soon"}, scope=SYSTEM, actor=None, now=MONDAY)
    assert set(refused.value.by_field) == {since.pk}
    assert not CustomValue.objects.exists()


def test_a_required_field_cannot_be_emptied_nor_its_form_be_sent_without_it(company: dict[str, User]) -> None:
    tier, other = made("Tier", required=True), made("Other")
    say(WANG, tier, "gold")

    with pytest.raises(MisfitError, match="required"):
        say(WANG, tier, "")
    with pytest.raises(MisfitError, match="required"):
        say(LI, other, "x", whole_form=True)
    assert say(LI, other, "x") == [other.pk]


def test_a_customer_or_field_out_of_sight_is_not_edited(company: dict[str, User]) -> None:
    field, extra = made(), Scope(reach="all", hidden=frozenset({"extra"}))

    with pytest.raises(Customer.DoesNotExist):
        edit_values(SMITH, {field.pk: "x"}, scope=scope_of(company["ann"]), actor=company["ann"], now=MONDAY)
    for scope in (extra, Scope(reach="all", masked=frozenset({"extra"}))):
        with pytest.raises(TenureError, match="There is no field"):
            edit_values(WANG, {field.pk: "x"}, scope=scope, actor=None, now=MONDAY)


def test_a_personal_value_lies_sealed_and_is_found_whole_alone(company: dict[str, User]) -> None:
    field = made("Licence plate", personal=True)
    assert field.guarded_as == "identity"
    say(WANG, field, "浙A12345")

    row = CustomValue.objects.extra(select={"lies": "sealed"}).get()
    assert "12345" not in f"{row.lies}{row.value}{row.text}"
    edit = CustomEdit.objects.get()
    assert "12345" not in edit.after
    assert found(**{field.code: "浙a12345"}) == [WANG]
    assert found(**{field.code: "12345"}) == []


def test_a_masked_field_shows_in_part_and_tells_nothing_by_filter_or_order(company: dict[str, User]) -> None:
    phone, size = made("Second phone", "phone", personal=True), made("Staff", "whole")
    say(WANG, phone, "13812341234")
    say(LI, size, 500)
    scope = Scope(reach="all", masked=frozenset({"phone"}), hidden=frozenset({"extra"}))

    shown = values_of(scope, [WANG, LI], [phone, size])
    assert (shown[WANG][phone.pk].text, shown[WANG][phone.pk].kept, shown[LI]) == ("138****1234", None, {})
    asked = Filters.read({phone.code: "13812341234", f"{size.code}.from": "1", "sort": size.code})
    assert asked.within(scope) == Filters()
    assert listing(scope, asked).count() == 6


def test_lists_are_narrowed_by_every_kind(company: dict[str, User]) -> None:
    text, tier, tags = made("Note"), made("Tier", "choice", choices=TIERS), made("Tags", "choices", choices=TIERS)
    size, since, vip = made("Staff", "whole"), made("Since", "date"), made("VIP", "yes_no")
    say(WANG, text, "Buys Tea for two")
    say(LI, text, "Tea")
    say(WANG, tier, "gold")
    say(LI, tier, "silver")
    say(ZHANG, tags, "gold,silver")
    say(SMITH, tags, "silver")
    for person, n in ((WANG, 3), (LI, 30), (ZHANG, 300)):
        say(person, size, n)
    say(CHEN, since, "2026-03-01")
    say(QUIET, vip, "no")

    assert set(found(**{text.code: "tea"})) == {WANG, LI}
    assert found(**{text.code: "=tea"}) == [LI]
    assert set(found(**{tier.code: "金卡,silver"})) == {WANG, LI}
    assert found(**{tags.code: "gold"}) == [ZHANG]
    assert set(found(**{f"{size.code}__from": "3", f"{size.code}__to": "30"})) == {WANG, LI}
    assert found(**{f"{since.code}__from": "2026/3/1"}) == [CHEN]
    assert found(**{vip.code: "no"}) == [QUIET]
    assert found(**{vip.code: "yes"}) == []
    assert set(found(**{f"{size.code}__is": "empty"})) == {SMITH, CHEN, QUIET}
    assert set(found(**{f"{size.code}__is": "set"})) == {WANG, LI, ZHANG}
    assert len(found(**{f"{size.code}__from": "many"})) == 6  # what makes no sense narrows nothing


@pytest.mark.parametrize("kind", ["whole", "text"])
def test_a_list_in_the_order_of_a_field_has_those_without_a_value_last(company: dict[str, User], kind: str) -> None:
    field = made("Rank", kind)
    for person, value in ((WANG, "7"), (SMITH, "9"), (QUIET, "8")):
        say(person, field, value)
    down, up = [SMITH, QUIET, WANG], [WANG, QUIET, SMITH]
    first, turned = (down, up) if kind == "whole" else (up, down)

    assert found(sort=field.code)[:3] == first
    assert found(sort=f"-{field.code}")[:3] == turned
    assert len(found(sort=field.code)) == 6
    whole = [row.customer_id for row in listing(SYSTEM, Filters.read({"sort": f"-{field.code}"}))]
    assert whole[:3] == turned  # and so is what an export or a program reads
    assert len(whole) == 6


def test_nothing_is_sorted_by_what_lies_sealed(company: dict[str, User]) -> None:
    field = made("Plate", personal=True)

    assert Filters.read({"sort": field.code}).within(SYSTEM).sort == ""


def test_an_archived_field_shows_nowhere_and_comes_back_with_its_values(company: dict[str, User]) -> None:
    field = made()
    say(WANG, field, "gold")
    archive_field(field.pk, actor=None, now=MONDAY)

    assert definitions.known() == []
    assert len(found(**{field.code: "gold"})) == 6
    with pytest.raises(TenureError, match="archived field"):
        made("Tier")
    restore_field(field.pk, actor=None, now=MONDAY)
    assert found(**{field.code: "gold"}) == [WANG]


def test_a_kind_changes_only_where_every_value_fits(company: dict[str, User]) -> None:
    field = made("Staff")
    say(WANG, field, "1,200")
    say(LI, field, "a few")

    outlook = definitions.preview(field, replace(Draft.of(field), kind="whole"), scope=SYSTEM)
    assert (outlook.values, outlook.misfits, outlook.lost[0][0]) == (2, 1, "a few")
    with pytest.raises(TenureError, match="1 of 2 values do not fit: a few"):
        change_field(field.pk, replace(Draft.of(field), kind="whole"), scope=SYSTEM, actor=None, now=MONDAY)
    say(LI, field, "12")
    changed = change_field(field.pk, replace(Draft.of(field), kind="whole"), scope=SYSTEM, actor=None, now=MONDAY)

    assert kept(WANG, changed) == "1200"
    assert found(**{f"{field.code}__from": "1000"}) == [WANG]


def test_a_field_made_personal_has_its_values_sealed(company: dict[str, User]) -> None:
    field = made("Plate")
    say(WANG, field, "浙A12345")

    change_field(field.pk, replace(Draft.of(field), personal=True, guarded_as=""), scope=SYSTEM, actor=None, now=MONDAY)

    row = CustomValue.objects.get()
    assert (row.value, row.text, row.sealed) == ("", "", "浙A12345")


def test_a_kind_is_not_changed_by_who_does_not_see_every_value(company: dict[str, User]) -> None:
    field = made("Staff")

    with pytest.raises(TenureError, match="Ask an administrator"):
        change_field(
            field.pk, replace(Draft.of(field), kind="whole"), scope=scope_of(company["mia"]), actor=None, now=MONDAY
        )


def test_a_choice_left_out_is_closed_and_kept_by_who_has_it(company: dict[str, User]) -> None:
    field = made(kind="choice", choices=TIERS)
    say(WANG, field, "silver")

    changed = change_field(
        field.pk, replace(Draft.of(field), choices=field.options[:1]), scope=SYSTEM, actor=None, now=MONDAY
    )

    assert [one.code for one in changed.open_options] == ["gold"]
    assert values_of(SYSTEM, [WANG], [changed])[WANG][field.pk].text == "Silver"


def test_a_renamed_choice_keeps_its_code(company: dict[str, User]) -> None:
    field = made(kind="choice", choices=TIERS)
    options = (replace(field.options[0], en="Platinum"), field.options[1])

    changed = change_field(field.pk, replace(Draft.of(field), choices=options), scope=SYSTEM, actor=None, now=MONDAY)

    assert [(one.code, one.en) for one in changed.options] == [("gold", "Platinum"), ("silver", "Silver")]


def test_a_refresh_brings_what_sources_sent_and_leaves_what_the_lake_has_not_heard(company: dict[str, User]) -> None:
    size, plate, other = made("Staff", "whole"), made("Plate", personal=True), made("Other")
    say(WANG, size, 5)
    say(LI, other, "stays")

    def shown(of_wang: int | None, of_li: int | None, plate_of_li: str | None) -> pa.Table:
        table = cards()
        people = table["person_id"].to_pylist()
        sizes = [{WANG: of_wang, LI: of_li}.get(person) for person in people]
        plates = [{LI: plate_of_li}.get(person) for person in people]
        return table.append_column(size.code, pa.array(sizes, pa.int64())).append_column(
            plate.code, pa.array(plates, pa.string())
        )

    publish(shown(99, 30, "浙A1"), as_of=TUESDAY, now=TUESDAY)
    assert [kept(WANG, size), kept(LI, size), kept(LI, plate), kept(LI, other)] == ["5", "30", "浙A1", "stays"]

    publish(shown(99, None, "浙A2"), as_of=TUESDAY, now=TUESDAY)
    assert [kept(LI, size), kept(LI, plate)] == [None, "浙A2"]


def test_an_export_has_the_fields_in_words_and_numbers_as_numbers(company: dict[str, User]) -> None:
    tier, size = made(kind="choice", choices=TIERS), made("Staff", "whole")
    say(WANG, tier, "gold")
    say(WANG, size, -12)
    fields = definitions.known()
    rows = with_values((Card(row, SYSTEM) for row in listing(SYSTEM, Filters(q="C-1"))), SYSTEM, fields)

    heading, line = list(lines(rows, columns_for(SYSTEM, fields)))

    assert heading.rstrip().endswith("Tier,Staff")
    assert line.rstrip().endswith("Gold,-12")
    assert size.code not in [
        name for name, _h, _v in columns_for(Scope(reach="all", hidden=frozenset({"extra"})), fields)
    ]


def test_what_was_looked_for_in_a_field_is_private_in_the_trail() -> None:
    assert apart("stage=grow&c_1=Smith&sort=c_1&cols=c_1") == ("stage=grow&sort=c_1&cols=c_1", {"c_1": "Smith"})


@pytest.mark.parametrize(
    ("header", "samples", "kind"),
    [
        ("会员等级", ["金卡", "银卡", "金卡", "银卡", "金卡", "金卡", "银卡"], "choice"), ("Staff", ["12", "1,300"], "whole"),
        ("fee", ["¥12.5", "¥3"], "money"), ("opened", ["2026/3/1", "2025年1月2日"], "date"), ("vip", ["是", "否", "是"], "yes_no"),
        ("site", ["https://a.example", "www.b.example"], "link"), ("备用手机", ["13800138000", "13900139000"], "phone"),
        ("mail 2", ["a@example.com"], "email"), ("zip", ["0123", "0456"], "text"), ("note", ["one", "two"], "text"),
        ("essay", ["word " * 60], "long_text"), ("empty", [], "text"),
    ],
)  # fmt: skip
def test_a_column_of_a_file_proposes_its_field(header: str, samples: list[str], kind: str) -> None:
    draft = propose(header, samples)

    assert draft.kind == kind
    assert draft.personal is (kind in {"phone", "email"})
    assert add_field(draft, actor=None, now=MONDAY).kind == kind


def test_the_template_of_a_contract_ends_with_the_fields() -> None:
    made("Tier, now", "choice", choices=TIERS)

    heading, example = definitions.template("customers").splitlines()

    assert heading.endswith(',"Tier, now"')
    assert example.endswith(",Gold")
