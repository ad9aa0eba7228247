"""A company's own fields from a file to the page and back: through the lake, a refresh, a merge, a kill and an erasure."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tenure.contracts.custom import Choice
from tenure.desk.customers.fields import values
from tenure.desk.customers.fields.definitions import Draft, add_field, publish_definitions
from tenure.desk.customers.fields.models import CustomEdit, CustomField, CustomValue
from tenure.desk.customers.fields.values import edit_values
from tenure.desk.governance.holdings import HOLDINGS, Wanted
from tenure.lake import SYSTEM, Scope
from tenure.lake import erase as lake_erase
from tenure.pipeline import cards as cards_steps
from tenure.pipeline import records as records_steps
from tenure.pipeline.fields import tell_fields
from tenure.pipeline.run import Context, Watcher, run
from tenure.sources.importing import import_file
from tests.pipeline.conftest import CLOCK, Shop

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = "customer_id,name,id_number,Membership level,人数,Plate,Contract end"
ROWS = [
    'C-1,王小明,330106198805011234,金卡,"1,200",浙A12345,2027年1月31日',
    "C-2,李娜,,Silver,a few,浙B1,",
    "C-3,张伟,,,3,,",
]


@pytest.fixture
def shop(new_shop: Callable[[], Shop], monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A workspace of its own, the one the desk is in."""
    made = new_shop()
    monkeypatch.setenv("TENURE_HOME", str(made.here.home))
    monkeypatch.setattr("tenure.desk.lake._own", __import__("threading").local())
    return made


def bring(shop: Shop, *rows: str, header: str = HEADER, now: datetime = NOW, **more: Any) -> str:
    path = shop.here.home / "customers.csv"
    path.write_text("\n".join([header, *(rows or ROWS)]) + "\n", encoding="utf-8")
    report = import_file(
        shop.lake, path, "customers", zone=shop.here.zone, currency=shop.here.currency,
        rejects_folder=shop.here.rejects_folder, now=now, source="shop", **more,
    )  # fmt: skip
    assert report.batch is not None
    return report.batch


def follow(shop: Shop) -> None:
    """The steps of a refresh that carry fields, of a shop that was refreshed once: the models need not be made again."""
    lake = shop.lake
    context = Context(lake, shop.here, CLOCK, CLOCK)
    with lake.writing("test"):
        tell_fields(lake, CLOCK)
        wanted = [step for step in records_steps.STEPS if step.name in ("identity", "records/customers")]
        run([*wanted, *cards_steps.STEPS], context, Watcher())


def fields() -> dict[str, CustomField]:
    tiers = (Choice("", "Gold", "金卡"), Choice("", "Silver", "银卡"))
    drafts = {
        "tier": Draft(name_en="Membership level", kind="choice", choices=tiers), "size": Draft(name_zh="人数", kind="whole"),
        "plate": Draft(name_en="Plate", personal=True), "end": Draft(name_en="Ends", kind="date", headers=("Contract end",)),
    }  # fmt: skip
    return {name: add_field(draft, actor=None, now=NOW) for name, draft in drafts.items()}


def records(shop: Shop, actor: Scope = SYSTEM) -> dict[str, dict[str, Any]]:
    lake = shop.lake
    rows = lake.to_arrow(lake.read("records/customers", actor=actor)).to_pylist()
    return {row["customer_id"]: row for row in rows}


def person(shop: Shop, number: str) -> int:
    return next(
        card["person_id"] for card in shop.cards() if number in (card["customer_id"], *(card["also_known_as"] or ()))
    )


def kept(shop: Shop, number: str, field: CustomField) -> str | None:
    row = CustomValue.objects.filter(customer_id=person(shop, number), field=field).first()
    return row.kept if row else None


def test_values_received_before_and_after_a_field_was_made_are_typed_in_records_cards_and_desk(shop: Shop) -> None:
    bring(shop)
    shop.refresh()
    made = fields()
    follow(shop)

    tier, size, plate, end = (made[name].code for name in ("tier", "size", "plate", "end"))
    one, two = records(shop)["C-1"], records(shop)["C-2"]
    assert (one[tier], one[size], one[plate], one[end]) == ("gold", 1200, "浙A12345", date(2027, 1, 31))
    # What does not fit is nothing in the column, named beside it, and kept as it came.
    assert (two[tier], two[size], two["c_unfit"]) == ("silver", None, size)
    assert json.loads(two["extra"])["人数"] == "a few"
    assert shop.lake.document("fields_unfit") == {"customers": {size: 1}}
    assert {card["customer_id"]: card[size] for card in shop.cards()} == {"C-1": 1200, "C-2": None, "C-3": 3}
    assert [kept(shop, "C-1", made[name]) for name in made] == ["gold", "1200", "浙A12345", "2027-01-31"]


def test_a_refresh_after_nothing_new_does_nothing(shop: Shop) -> None:
    bring(shop)
    fields()
    shop.refresh()

    assert all(step.skipped for step in shop.refresh().steps)


def test_a_personal_value_lies_sealed_in_every_table_and_is_hidden_at_the_door(shop: Shop) -> None:
    bring(shop)
    plate = fields()["plate"]
    shop.refresh()

    for table in ("received/customers", "records/customers", "scores/customers"):
        for file in Path(shop.lake.folder, table).glob("*.parquet"):
            assert "12345" not in str(pq.read_table(file).to_pylist()).replace("330106198805011234", "")
    hidden = records(shop, Scope(reach="all", hidden=frozenset({"identity"})))
    assert {row[plate.code] for row in hidden.values()} == {None}
    assert records(shop)["C-1"][plate.code] == "浙A12345"


def test_a_column_mapped_by_hand_brings_the_field(shop: Shop) -> None:
    size = fields()["size"]
    bring(shop, "C-1,7,x", header="customer_id,Heads,Note", mapping=[f"Heads={size.code}"])
    shop.refresh()

    assert records(shop)["C-1"][size.code] == 7


def test_what_is_said_on_the_desk_goes_before_every_source_and_stays_after_the_next_file(shop: Shop) -> None:
    bring(shop)
    made = fields()
    shop.refresh()
    edit_values(person(shop, "C-1"), {made["size"].pk: "8", made["tier"].pk: None}, scope=SYSTEM, actor=None, now=NOW)
    assert [kept(shop, "C-1", made["size"]), kept(shop, "C-1", made["tier"])] == ["8", None]  # at once

    follow(shop)
    bring(shop, "C-1,王小明,330106198805011234,银卡,99,,", now=NOW + timedelta(days=9))
    follow(shop)

    row = records(shop)["C-1"]
    assert (row[made["size"].code], row[made["tier"].code], row["name"]) == (8, None, "王小明")
    assert json.loads(row["extra"])["人数"] == "99"  # what the source sent stands beside it
    assert [kept(shop, "C-1", made["size"]), kept(shop, "C-1", made["tier"])] == ["8", None]
    assert not CustomEdit.objects.filter(told_at=None).exists()


def test_telling_that_was_killed_before_it_was_noted_is_told_again_and_changes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(shop)
    size = fields()["size"]
    shop.refresh()
    edit_values(person(shop, "C-1"), {size.pk: "8"}, scope=SYSTEM, actor=None, now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(
            values.CustomEdit.objects.__class__,
            "filter",
            _killed_at_the_note(values.CustomEdit.objects.__class__.filter),
        )
        with pytest.raises(KeyboardInterrupt):
            follow(shop)
    assert [batch.source for batch in shop.lake.batches("customers")] == ["shop", "desk"]
    edit_values(person(shop, "C-1"), {size.pk: "9"}, scope=SYSTEM, actor=None, now=NOW)

    follow(shop)
    assert records(shop)["C-1"][size.code] == 9
    assert not CustomEdit.objects.filter(told_at=None).exists()


def _killed_at_the_note(filter_: Any) -> Any:
    def filtered(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.model is CustomEdit and "pk__in" in kwargs:
            raise KeyboardInterrupt
        return filter_(self, *args, **kwargs)

    return filtered


def test_a_refresh_heals_definitions_that_never_reached_the_lake(shop: Shop) -> None:
    size = fields()["size"]  # the test's transaction never commits, so nothing was told
    assert shop.lake.custom("customers") == ()
    bring(shop)

    shop.refresh()

    assert size.code in [column.name for column in shop.lake.custom("customers")]
    assert publish_definitions(shop.lake) is False


def test_two_numbers_joined_show_one_value_and_parted_have_each_their_own_again(shop: Shop) -> None:
    made = fields()
    bring(shop, "C-1,王小明,,金卡,1,,", "C-2,王小明,,银卡,2,,")
    shop.refresh()
    first, second = person(shop, "C-1"), person(shop, "C-2")
    edit_values(second, {made["end"].pk: "2030-01-01"}, scope=SYSTEM, actor=None, now=NOW)
    same = bring(
        shop,
        "C-1,330106198805011234",
        "C-2,330106198805011234",
        header="customer_id,id_number",
        now=NOW + timedelta(days=1),
    )
    follow(shop)
    assert person(shop, "C-2") == first
    assert [kept(shop, "C-1", made[name]) for name in ("size", "end")] == ["1", "2030-01-01"]
    edit_values(first, {made["size"].pk: "50"}, scope=SYSTEM, actor=None, now=NOW)  # of the one person

    shop.lake.undo(same, now=CLOCK)
    follow(shop)

    assert person(shop, "C-2") == second != first
    assert [kept(shop, "C-1", made["size"]), kept(shop, "C-2", made["size"])] == ["50", "2"]
    assert [kept(shop, "C-1", made["end"]), kept(shop, "C-2", made["end"])] == [None, "2030-01-01"]


def test_the_package_tells_and_an_erasure_takes_every_value_and_change(shop: Shop) -> None:
    bring(shop)
    made = fields()
    shop.refresh()
    one = person(shop, "C-1")
    edit_values(one, {made["plate"].pk: "沪C777"}, scope=SYSTEM, actor=None, now=NOW)

    told = HOLDINGS["custom_values"].rows([one]) + HOLDINGS["custom_edits"].rows([one])
    assert {"金卡", "Gold"} & {row.get("value") for row in told}
    assert ("浙A12345", "沪C777") in [(row.get("before"), row.get("after")) for row in told]

    found = lake_erase.find(shop.lake, {one})
    wanted = Wanted(found.own_ids, found.numbers)
    for name in ("custom_values", "custom_edits"):
        HOLDINGS[name].let_go(wanted, CLOCK)
        assert HOLDINGS[name].left(wanted) == 0
    values.tell(shop.lake, now=CLOCK)
    assert "desk" not in [batch.source for batch in shop.lake.batches("customers")]
