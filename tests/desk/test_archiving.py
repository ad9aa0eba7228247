"""Put away and brought back: archived records leave everything people see, and nothing of them is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.desk.customers import archiving, findings
from tenure.desk.customers.findings import Finding
from tenure.desk.customers.models import ArchivedRecord, Archiving, Customer, Publication, Score
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tenure.desk.work.jobs import work_off
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, archived
from tenure.pipeline import archiving as followed
from tenure.pipeline import cards, clock, records, segments
from tenure.pipeline.run import Context, Watcher, run
from tenure.workspace import Workspace
from tests.cast import MONDAY

pytestmark = pytest.mark.django_db

LONG_AGO = MONDAY - timedelta(days=1200)
PHONES = {1: "65551234", 2: "13800138002", 3: "13800138003", 4: "打前台"}


@dataclass
class Shop:
    """Four customers, one with two rows, each with an order; two phones are wrong, two customers silent for years."""

    here: Workspace
    lake: Lake

    def receive(self, contract: str, rows: list[dict[str, Any]], now: Any = MONDAY) -> None:
        columns = {name for row in rows for name in row}
        with self.lake.receiving(contract, source="shop", columns=columns, now=now) as batch:
            schema = batch.contract.schema.append(pa.field("extra", pa.string())).append(pa.field("row", pa.int64()))
            filled = [dict.fromkeys(schema.names) | row | {"row": n} for n, row in enumerate(rows, start=1)]
            batch.append(pa.Table.from_pylist(filled, schema=schema))

    def refresh(self, days: int = 0) -> None:
        """The steps that say who is who, what is true and what the desk shows."""
        now = MONDAY + timedelta(days=days)
        moment = clock.start_of(now.date(), self.here.zone_info)
        with self.lake.writing("tenure refresh"):
            followed.bring_back_heard(self.lake, now=now)
            followed.tell(self.lake)
            run(
                (*records.STEPS, segments.STEPS[0], *cards.STEPS), Context(self.lake, self.here, moment, now), Watcher()
            )
            followed.finished(self.lake)

    def archive(self, flaw: str, *chosen: str, field: str = "", actor: User | None = None, **more: Any) -> Archiving:
        scope = scope_of(actor) if actor else SYSTEM
        places = [("shop", key) for key in chosen] or None
        told = {"lake": self.lake, "scope": scope, "actor": actor, "now": MONDAY, "reason": "not worth keeping"} | more
        return archiving.archive(Finding("customers", field, flaw), places, **told)

    def bring_back(self, *numbers: str, actor: User | None = None) -> int:
        found = ArchivedRecord.objects.filter(number__in=numbers) if numbers else ArchivedRecord.objects.all()
        return archiving.bring_back(found, scope=scope_of(actor) if actor else SYSTEM, actor=actor, now=MONDAY)

    def settle(self) -> followed.Settled:
        return followed.settle(self.here, self.lake, now=MONDAY)

    def keys(self, table: str, name: str = "customer_id") -> list[str]:
        found = self.lake.to_arrow(self.lake.read(table, actor=SYSTEM))[name].to_pylist()
        return sorted(found)

    @property
    def shown(self) -> list[str]:
        current = Publication.current()
        assert current is not None
        rows = Score.objects.filter(generation=current.generation)
        assert current.rows == rows.count()
        return sorted(rows.values_list("customer__customer_id", flat=True))

    def state(self) -> dict[str, Any]:
        facts = ("customer_id", "also_known_as", "name", "frequency", "monetary_base_minor", "last_order_on")
        found: dict[str, Any] = {}
        for table in ("records/customers", "records/orders", "scores/customers"):
            rows = self.lake.to_arrow(self.lake.read(table, actor=SYSTEM)).to_pylist()
            # Ranks among everybody follow with the refresh.
            names = facts if table == "scores/customers" else rows[0]
            found[table] = sorted(str({name: row[name] for name in names}) for row in rows)
        return found | {"shown": self.shown}


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("archived") / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TENURE_HOME", str(home))
        shop = Shop(Workspace(home), Lake(home / "lake"))
        touched = {1: MONDAY, 2: LONG_AGO, 3: LONG_AGO, 4: MONDAY}
        shop.receive("customers", [
            *({"customer_id": f"C-{n}", "name": f"Customer {name}", "phone": PHONES[n], "updated_at": touched[n]}
              for n, name in enumerate(("Abel", "Boris", "Clara", "Doris"), start=1)),
            {"customer_id": "C-9", "name": "Customer Doris", "phone": "打前台", "email": "d@example.com", "updated_at": MONDAY},
        ])  # fmt: skip
        shop.receive("orders", [
            {"order_id": f"A-{n}", "line_no": 1, "customer_id": f"C-{n}", "amount_minor": 100 * n, "currency": "CNY",
             "kind": "sale", "ordered_at": MONDAY - timedelta(days=1000 if n == 2 else 30)}
            for n in (1, 2, 3, 4, 9)
        ])  # fmt: skip
        moment = clock.start_of(MONDAY.date(), shop.here.zone_info)
        steps = [step for step in (*records.STEPS, segments.STEPS[0], *cards.STEPS) if step.name != "publish"]
        run(steps, Context(shop.lake, shop.here, moment, MONDAY), Watcher())
    return home


@pytest.fixture
def shop(_made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: dict[str, User]) -> Shop:
    home = tmp_path / "home"
    shutil.copytree(_made, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    made = Shop(Workspace(home), lake())
    moment = clock.start_of(MONDAY.date(), made.here.zone_info)
    run(cards.STEPS[-1:], Context(made.lake, made.here, moment, MONDAY), Watcher())
    return made


def test_an_archived_customer_leaves_lists_figures_and_records_with_what_hangs_on_them(shop: Shop) -> None:
    shop.archive("no_area_code", field="phone")

    shop.settle()

    assert shop.shown == ["C-2", "C-3", "C-4", "C-9"]
    assert shop.keys("records/customers") == ["C-2", "C-3", "C-4", "C-9"]
    assert shop.keys("records/orders", "order_id") == ["A-2", "A-3", "A-4", "A-9"]
    history = shop.lake.history("orders", as_of=MONDAY, actor=SYSTEM)
    assert sorted(shop.lake.to_arrow(history)["order_id"].to_pylist()) == ["A-2", "A-3", "A-4", "A-9"]


def test_a_refresh_changes_nothing_of_what_was_shown_at_once(shop: Shop) -> None:
    shop.archive("no_area_code", field="phone")
    shop.settle()
    at_once = shop.state()

    shop.refresh()

    assert shop.state() == at_once


def test_what_is_brought_back_is_what_went(shop: Shop) -> None:
    before = shop.state()
    shop.archive("no_area_code", field="phone")
    shop.settle()

    assert shop.bring_back() == 1
    shop.settle()

    assert shop.state() == before


def test_a_customer_of_two_records_stays_when_one_is_archived_and_keeps_the_orders_of_both(shop: Shop) -> None:
    Shop.archive(shop, "no_number", "C-9", field="phone")
    shop.settle()

    assert "C-9" not in shop.keys("records/customers")
    assert "A-9" not in shop.keys(
        "records/orders", "order_id"
    )  # C-9 was a customer of its own, and has no other record
    assert "A-4" in shop.keys("records/orders", "order_id")


def test_only_the_chosen_go_and_only_while_they_have_the_flaw(shop: Shop) -> None:
    done = shop.archive("no_number", "C-4", "C-2", field="phone")

    assert [row.key for row in done.rows.all()] == ["C-4"]
    with pytest.raises(TenureError, match="None of these records"):
        shop.archive("no_number", "C-2", field="phone")


def test_stale_is_who_was_not_heard_of_either(shop: Shop) -> None:
    # Both rows are three years old, but C-3 ordered a month ago.
    rows = findings.records_with(shop.lake, SYSTEM, Finding("customers", "", "stale"), MONDAY)

    assert shop.lake.to_arrow(rows)["customer_id"].to_pylist() == ["C-2"]


def test_a_company_sets_when_a_record_is_stale(shop: Shop, people: dict[str, User]) -> None:
    archiving.set_stale_after(60, lake=shop.lake, scope=SYSTEM, actor=people["dee"], now=MONDAY)

    rows = findings.records_with(shop.lake, SYSTEM, Finding("customers", "", "stale"), MONDAY)

    assert shop.lake.to_arrow(rows).num_rows == 0
    assert AuditEntry.objects.get(verb="set_stale_after").detail["months"] == 60
    with pytest.raises(TenureError, match="1 to 240"):
        archiving.set_stale_after(0, lake=shop.lake, scope=SYSTEM, actor=people["dee"], now=MONDAY)


def test_a_customer_heard_of_again_comes_back_by_itself(shop: Shop) -> None:
    shop.archive("stale")
    shop.refresh()
    assert "C-2" not in shop.shown

    shop.receive("orders", [
        {"order_id": "A-new", "line_no": 1, "customer_id": "C-2", "amount_minor": 1, "currency": "CNY", "kind": "sale",
         "ordered_at": MONDAY + timedelta(hours=1)}
    ])  # fmt: skip
    shop.refresh(days=1)

    assert "C-2" in shop.shown
    assert shop.keys("records/orders", "order_id").count("A-new") == 1
    assert AuditEntry.objects.get(verb="bring_back_records").detail["why"] == "heard of again"


def test_one_entry_tells_who_archived_what_and_why_and_proves_which(shop: Shop, people: dict[str, User]) -> None:
    done = shop.archive("no_number", field="phone", actor=people["dee"])
    shop.bring_back("C-4", actor=people["dee"])

    put, back = AuditEntry.objects.filter(verb__endswith="_records").order_by("pk")
    assert (put.actor, put.object_id, put.detail["records"], put.detail["deed"]) == (
        people["dee"], "customers", 2, done.deed,
    )  # fmt: skip
    assert len(put.detail["digest"]) == 64
    assert "not worth keeping" not in str(put.detail)
    assert (back.detail["records"], back.detail["deed"]) == (1, done.deed)


def test_who_may_not_archive_can_not_and_who_sees_a_part_reaches_that_part(shop: Shop, people: dict[str, User]) -> None:
    Customer.objects.filter(customer_id="C-4").update(team_id=people["mia"].team_id)
    for name in ("ann", "ivy"):
        with pytest.raises(TenureError, match="does not archive"):
            shop.archive("no_number", "C-4", field="phone", actor=people[name])

    done = shop.archive("no_number", field="phone", actor=people["mia"])

    assert [row.key for row in done.rows.all()] == ["C-4"]
    assert [row.key for row in archiving.visible_to(scope_of(people["mia"]))] == ["C-4"]
    assert not archiving.visible_to(scope_of(people["bo"])).exists()
    assert not archiving.visible_to(scope_of(people["zed"])).exists()
    with pytest.raises(TenureError, match="None of these"):
        shop.archive("no_area_code", "C-1", field="phone", actor=people["mia"])


def test_a_finding_of_a_hidden_field_is_none(people: dict[str, User], db: None) -> None:
    asked = {"contract": "customers", "field": "phone", "flaw": "no_number"}

    assert findings.finding(SYSTEM, asked).flaw == "no_number"
    with pytest.raises(findings.NoFindingError):
        findings.finding(scope_of(people["ivy"]), asked)
    with pytest.raises(findings.NoFindingError):
        findings.finding(scope_of(people["mia"]), {"contract": "products", "field": "", "flaw": "stale"})


def test_all_of_a_finding_goes_only_as_it_was_when_agreed_to(shop: Shop) -> None:
    with pytest.raises(TenureError, match="There are 2 of them now, not 5"):
        shop.archive("no_number", field="phone", expected=5)
    with pytest.raises(TenureError, match="Say why"):
        shop.archive("no_number", field="phone", reason="  ")

    assert shop.archive("no_number", field="phone", expected=2).records == 2


def test_a_worker_brings_it_into_effect(shop: Shop, django_capture_on_commit_callbacks: Callable[..., Any]) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        shop.archive("no_area_code", field="phone")

    work_off(lambda: MONDAY)

    assert "C-1" not in shop.shown


def test_what_is_archived_stays_away_whatever_is_received_and_undone_since(shop: Shop) -> None:
    shop.archive("no_number", field="phone")
    shop.receive("customers", [{"customer_id": "C-4", "name": "Doris", "updated_at": MONDAY}])
    shop.refresh()

    assert "C-4" not in shop.keys("records/customers")

    shop.lake.undo(next(info.batch for info in reversed(shop.lake.batches("customers"))), now=MONDAY)
    shop.refresh(days=1)

    assert "C-4" not in shop.keys("records/customers")
    shop.bring_back("C-4")
    shop.settle()
    assert "C-4" in shop.keys("records/customers")


def test_a_key_of_any_kind_is_read_again_as_it_was() -> None:
    from tenure.contracts import CONTRACTS

    for name in ("external_attributes", "exchange_rates", "orders", "opportunity_stages"):
        shape = CONTRACTS[name]
        some = {"text": "a·b", "integer": 7, "date": MONDAY.date(), "instant": MONDAY.replace(microsecond=123)}
        row = {column: some[shape[column].type] for column in shape.key}
        table = pa.Table.from_pylist([row], schema=pa.schema([shape.schema.field(column) for column in shape.key]))

        again = archived.key_columns(archived.key_texts(table, shape), shape)

        assert {column: values[0].as_py() for column, values in again.items()} == row, name
