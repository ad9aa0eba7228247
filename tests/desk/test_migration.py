"""The move from another system, on a real server with the sales records: in slices, in step, compared, rolled back."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest

from tenure.desk.customers.models import ArchivedRecord
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.work import feeds, migration
from tenure.desk.work.feeds import Wished
from tenure.desk.work.jobs import work_off
from tenure.desk.work.models import Feed, Job, Migration
from tenure.errors import TenureError
from tenure.pipeline.archiving import tell
from tests.cast import MONDAY, TUESDAY
from tests.sources.databases import Written, sqlite_address

pytestmark = [pytest.mark.django_db, pytest.mark.data]
CRM = Path(__file__).resolve().parents[3] / "shared" / "data" / "crm_sales"
WON_MINOR = 1_000_553_400


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("TENURE_HOME", str(path))
    return path


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Written]:
    """The old system: its four tables as they are, and a column that says when a row changed."""
    (tmp_path / "old").mkdir()
    written = Written(sqlite_address(tmp_path / "old"))
    for path in sorted(CRM.glob("*.parquet")):
        table = pa.parquet.read_table(path)
        names = [*table.column_names, "changed_at"]
        written.run(f"CREATE TABLE {path.stem} ({', '.join(names)})")
        rows = [(*row.values(), "2026-01-01 00:00:00") for row in table.to_pylist()]
        written.run(f"INSERT INTO {path.stem} VALUES", rows)
    yield written
    written.close()


def wanted(old: Written) -> list[Wished]:
    return [
        Wished(
            "", "customers", source="crm", dsn=old.address, table="accounts", watermark="changed_at",
            mapping={"account": "customer_id", "sector": "industry", "office_location": "region"},
        ),
        Wished("", "products", source="crm", dsn=old.address, table="products", watermark="changed_at"),
        Wished(
            # A deal that is still talked about has no outcome, and one not yet begun no day.
            "", "opportunities", source="crm", dsn=old.address, watermark="changed_at",
            query="SELECT *, coalesce(engage_date, '2016-10-20') AS begun FROM sales_pipeline",
            mapping={"account": "customer_id", "begun": "opened_at", "engage_date": "-"},
            corrections={"deal_stage": {"Engaging": "-", "Prospecting": "-"}},
        ),
    ]  # fmt: skip


def work(now: Any = MONDAY) -> None:
    work_off(lambda: now)
    assert list(Job.objects.filter(status="failed").values_list("error", flat=True)) == []


def live(contract: str) -> pa.Table:
    lake = feeds.workspace_lake()
    return lake.to_arrow(lake.current(contract))


def compared(made: Migration, archiving: bool = False) -> dict[str, Any]:
    migration.start_comparison(made.pk, actor=None, now=MONDAY, archiving=archiving)
    work()
    made.refresh_from_db()
    return dict(made.compared)


def test_the_sales_records_move_in_slices_in_step_compared_to_the_value_and_back(
    people: dict[str, User], old: Written, home: Path
) -> None:
    count = 8_800
    made = migration.begin(
        "CRM", wanted(old), actor=people["dee"], now=MONDAY, cut={"opportunities": ("opportunity_id", 4)}
    )
    slices = list(made.feeds.filter(contract="opportunities").order_by("pk"))
    assert [one.name for one in slices] == [f"CRM: opportunities {n}/4" for n in range(1, 5)]

    # A sample first.
    migration.sample(made.pk, actor=people["dee"], now=MONDAY, most=50)
    work()
    assert live("opportunities").num_rows == 50

    # Slice by slice; in step by what changes meanwhile.
    for one in made.feeds.exclude(contract="opportunities"):
        migration.open_slice(one.pk, actor=people["dee"], now=MONDAY)
    migration.open_slice(slices[0].pk, actor=people["dee"], now=MONDAY)
    work()
    first = compared(made)
    assert first["opportunities"]["old"] == count // 4
    for one in slices[1:]:
        migration.open_slice(one.pk, actor=people["dee"], now=MONDAY)
    work()

    second = compared(made)
    assert {name: (one["old"], one["new"], one["same"]) for name, one in second.items()} == {
        "accounts": (85, 85, True), "products": (7, 7, True), "opportunities": (count, count, True),
    }  # fmt: skip
    assert second["opportunities"]["sums"] == {"amount_minor": [WON_MINOR, WON_MINOR]}
    assert pc.sum(live("opportunities")["amount_minor"]).as_py() == WON_MINOR

    # The old system goes on: a deal changes, one is deleted.
    key = live("opportunities")["opportunity_id"][0].as_py()
    gone = live("opportunities")["opportunity_id"][1].as_py()
    old.run(
        f"UPDATE sales_pipeline SET close_value = 1.25, changed_at = '2026-03-01 00:00:00' WHERE opportunity_id = '{key}'"
    )
    old.run(f"DELETE FROM sales_pipeline WHERE opportunity_id = '{gone}'")
    third = compared(made)["opportunities"]
    assert (third["differing"], third["gone"], third["columns"], third["same"]) == (1, 1, {"amount_minor": 1}, False)
    with (home / "rejects" / third["file"]).open(encoding="utf-8-sig") as file:
        told = list(csv.DictReader(file))
    assert {row["key"] for row in told} == {key, gone}
    for one in slices:
        feeds.run_now(one.pk, actor=None, now=TUESDAY)
    work(TUESDAY)

    # What the old system no longer has is archived: it leaves every figure, and is no difference any more.
    fourth = compared(made, archiving=True)["opportunities"]
    assert (fourth["differing"], fourth["gone"]) == (0, 1)
    fifth = compared(made)["opportunities"]
    assert (fifth["gone"], fifth["archived"], fifth["new"], fifth["old"]) == (0, 1, count, count - 1)
    assert fifth["same"]
    (away,) = ArchivedRecord.objects.all()
    assert (away.key, away.archiving.migration) == (gone, made.pk)
    lake = feeds.workspace_lake()
    tell(lake)
    assert live("opportunities").num_rows == count - 1

    # And back, all of it at once.
    undone = migration.roll_back(made.pk, actor=people["dee"], now=TUESDAY)
    assert undone >= 7
    assert [live(name).num_rows for name in ("customers", "products", "opportunities")] == [0, 0, 0]
    assert not ArchivedRecord.objects.exists()
    assert Migration.objects.get().state == "rolled_back"
    assert set(Feed.objects.values_list("state", flat=True)) == {"paused"}
    with pytest.raises(TenureError, match="is over"):
        migration.roll_back(made.pk, actor=people["dee"], now=TUESDAY)
    assert set(AuditEntry.objects.filter(object_type="migration").values_list("verb", flat=True)) == {
        "begin_migration", "compare_migration", "archive_migration", "bring_back_records", "roll_back_migration",
    }  # fmt: skip


def test_misspelt_values_are_mended_once_for_all_rows_and_for_later_pulls(
    people: dict[str, User], old: Written
) -> None:
    made = migration.begin("CRM", wanted(old), actor=people["dee"], now=MONDAY)
    for one in made.feeds.all():
        migration.open_slice(one.pk, actor=people["dee"], now=MONDAY)
    work()
    # The deals came before the products they name: looked through once more, nothing brought in.
    feeds.run_now(made.feeds.get(contract="opportunities").pk, actor=None, now=MONDAY, spelling=True)
    work()

    found = {
        (suspect.column, suspect.value): (one, suspect)
        for one in made.feeds.all()
        for suspect in feeds.suspects_of(one)
    }
    assert {key: (suspect.better, suspect.rows) for key, (_, suspect) in found.items()} == {
        ("product", "GTXPro"): ("GTX Pro", 1480),
        ("sector", "technolgy"): ("technology", 12),
        ("office_location", "Philipines"): ("Philippines", 1),
    }
    for one, suspect in found.values():
        feeds.correct_feed(one.pk, {suspect.column: {suspect.value: suspect.better}}, actor=people["dee"], now=MONDAY)
        feeds.run_now(one.pk, actor=None, now=TUESDAY)
    work(TUESDAY)

    industries = set(live("customers")["industry"].to_pylist())
    assert "technology" in industries
    assert "technolgy" not in industries
    assert [feeds.suspects_of(one) for one in made.feeds.all()] == [[], [], []]
    assert all(one["same"] for one in compared(made).values())

    # A later row with the old spelling is mended too.
    old.run("INSERT INTO accounts (account, sector, changed_at) VALUES ('Newco', 'technolgy', '2026-03-01 00:00:00')")
    accounts = made.feeds.get(table="accounts")
    feeds.run_now(accounts.pk, actor=None, now=TUESDAY)
    work(TUESDAY)
    rows = {row["customer_id"]: row for row in live("customers").to_pylist()}
    assert rows["Newco"]["industry"] == "technology"
    assert '"sector (original)": "technolgy"' in rows["Newco"]["extra"]
