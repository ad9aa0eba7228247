"""Personal columns of the lake: sealed where they lie, opened for who may see and only where asked for."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from tests.lake.test_lake import rows, send

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake, Scope
from tenure.lake.sealed import sealed_columns, stored_schema
from tenure.lake.tables import COMPUTED
from tenure.language import using
from tenure.vault import Vault, person, source_record, vault

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
ANN = {"customer_id": "C-1", "name": "Ann", "phone": "13800138000", "birth_date": date(1988, 5, 1), "city": "York"}
BO = {"customer_id": "C-2", "name": "Bo", "phone": "13900139000", "birth_date": None, "city": "Leeds"}


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.delenv("TENURE_KEYS", raising=False)
    return Lake(tmp_path / "lake")


@pytest.fixture
def opened(monkeypatch):
    """What is asked of the vault to open, by what the tokens say they are."""
    asked = []
    opening = Vault.unseal_column

    def noting(self, tokens, *, context=None):
        asked.append(context)
        return opening(self, tokens, context=context)

    monkeypatch.setattr(Vault, "unseal_column", noting)
    return asked


def cells(lake, table):
    """Every cell of the table's files, as they lie."""
    found = [pq.read_table(file).to_pylist() for file in (lake.folder / table).glob("*.parquet")]
    return [row for part in found for row in part]


def test_rows_come_back_in_the_contracts_types_and_lie_as_tokens(lake):
    send(lake, "customers", [ANN, BO])

    read = lake.to_arrow(lake.read("received/customers", actor=SYSTEM).order_by("customer_id"))

    assert read.schema.field("birth_date").type == pa.date32()
    assert read.select(list(ANN)).to_pylist() == [ANN, BO]
    assert all(row["name"].startswith("tnV1") for row in cells(lake, "received/customers"))
    assert [row["birth_date"] and row["birth_date"][:4] for row in cells(lake, "received/customers")] == ["tnV1", None]


def test_every_personal_column_of_every_contract_lies_as_text(lake):
    for contract in CONTRACTS.values():
        sealed = sealed_columns(f"received/{contract.name}")
        schema = stored_schema(f"received/{contract.name}", contract.received_schema)
        assert contract.personal <= sealed.keys()
        assert ("extra" in sealed) is bool(contract.personal)
        assert all(schema.field(name).type == pa.string() for name in sealed)
        assert sealed == sealed_columns(f"records/{contract.name}")


def test_records_carry_the_tokens_that_were_received(lake):
    send(lake, "customers", [ANN])

    lake.publish("records/customers", lake.to_reader(lake.current("customers", sealed=True)), sealed=True)

    assert cells(lake, "records/customers")[0]["name"] == cells(lake, "received/customers")[0]["name"]
    assert rows(lake, lake.read("records/customers", actor=SYSTEM), *ANN) == [ANN]


def test_records_published_in_clear_are_sealed_too(lake):
    send(lake, "customers", [ANN])

    lake.publish("records/customers", lake.to_reader(lake.current("customers")))

    assert "Ann" not in str(cells(lake, "records/customers"))
    assert rows(lake, lake.read("records/customers", actor=SYSTEM), *ANN) == [ANN]


def test_a_column_nobody_asks_for_and_one_that_is_hidden_are_not_opened(lake, opened):
    send(lake, "customers", [ANN])
    hidden = Scope(reach="all", hidden=frozenset({"phone", "name", "birth_date"}))

    assert rows(lake, lake.read("received/customers", actor=SYSTEM), "city") == [{"city": "York"}]
    assert rows(lake, lake.read("received/customers", actor=hidden), "name", "phone") == [{"name": None, "phone": None}]
    assert opened == []
    assert rows(lake, lake.read("received/customers", actor=SYSTEM), "phone") == [{"phone": ANN["phone"]}]
    assert set(opened) == {"customers.phone"}


def test_only_rows_that_are_left_are_opened(lake, monkeypatch):
    send(lake, "customers", [{**ANN, "customer_id": f"C-{n}"} for n in range(300)])
    counted = []
    opening = Vault.unseal_column
    monkeypatch.setattr(
        Vault,
        "unseal_column",
        lambda self, tokens, *, context=None: counted.append(len(tokens)) or opening(self, tokens, context=context),
    )
    read = lake.read("received/customers", actor=SYSTEM)

    found = rows(lake, read.filter(read.customer_id == "C-7"), "name")

    assert found == [{"name": "Ann"}]
    assert sum(counted) == 1


def test_a_masked_phone_shows_its_part(lake):
    send(lake, "customers", [ANN])
    masked = Scope(reach="all", masked=frozenset({"phone"}))

    assert rows(lake, lake.read("received/customers", actor=masked), "phone") == [{"phone": "138****8000"}]


def test_history_opens_what_was_known(lake):
    send(lake, "customers", [{**ANN, "updated_at": MONDAY}])
    send(lake, "customers", [{"customer_id": "C-1", "phone": "1", "updated_at": MONDAY + 2 * DAY}])

    before = lake.history("customers", as_of=MONDAY + DAY, actor=SYSTEM)
    after = lake.history("customers", as_of=MONDAY + 3 * DAY, actor=SYSTEM)

    assert rows(lake, before, "name", "phone", "birth_date") == [
        {"name": "Ann", "phone": "13800138000", "birth_date": date(1988, 5, 1)}
    ]
    assert rows(lake, after, "name", "phone") == [{"name": "Ann", "phone": "1"}]


def test_a_destroyed_subject_is_nothing_everywhere_and_what_comes_in_later_is_sealed_to_nothing(lake):
    send(lake, "customers", [ANN, BO])
    lake.publish("records/customers", lake.to_reader(lake.current("customers", sealed=True)), sealed=True)

    vault(lake.folder.parent).destroy([source_record("main", "C-1")], now=MONDAY)
    send(lake, "customers", [{**ANN, "name": "Ann again"}])

    for read in (
        lake.read("received/customers", actor=SYSTEM),
        lake.read("records/customers", actor=SYSTEM),
        lake.current("customers"),
        lake.history("customers", as_of=MONDAY + DAY, actor=SYSTEM),
    ):
        found = rows(lake, read, "customer_id", "name", "phone", "birth_date")
        gone = [row for row in found if row["customer_id"] == "C-1"]
        assert {(row["name"], row["phone"], row["birth_date"]) for row in gone} == {(None, None, None)}
        assert "Bo" in {row["name"] for row in found}


def test_the_same_customer_number_of_another_source_is_another_subject(lake):
    send(lake, "customers", [ANN])
    send(lake, "customers", [ANN], source="crm")

    vault(lake.folder.parent).destroy([source_record("crm", "C-1")], now=MONDAY)

    found = rows(lake, lake.read("received/customers", actor=SYSTEM), "ids_of", "name")
    assert {row["ids_of"]: row["name"] for row in found} == {"main": "Ann", "crm": None}


def test_free_text_of_nobody_is_sealed_under_its_source(lake):
    send(lake, "cases", [{"case_id": "Q-1", "opened_at": MONDAY, "text": "Too late", "customer_id": None}])

    assert "Too late" not in str(cells(lake, "received/cases"))
    assert rows(lake, lake.read("received/cases", actor=SYSTEM), "text") == [{"text": "Too late"}]
    vault(lake.folder.parent).destroy([source_record("main", None)], now=MONDAY)
    assert rows(lake, lake.read("received/cases", actor=SYSTEM), "text") == [{"text": None}]


def test_cards_are_sealed_under_the_person(lake):
    row = dict.fromkeys(COMPUTED["scores/customers"].names)
    row |= {
        "person_id": 7,
        "name": "John Smith",
        "pinyin": "john smith",
        "phone": "1",
        "email": "j@x.io",
        "region": "浙江",
    }
    lake.publish("scores/customers", pa.Table.from_pylist([row], schema=COMPUTED["scores/customers"]))

    read = lake.read("scores/customers", actor=SYSTEM)

    assert rows(lake, read, *row) == [row]
    (lies,) = cells(lake, "scores/customers")
    assert all(lies[name].startswith("tnV1") for name in ("name", "pinyin", "phone", "email"))
    assert lies["region"] == "浙江"
    vault(lake.folder.parent).destroy([person(7)], now=MONDAY)
    assert rows(lake, read, "name", "pinyin", "region") == [{"name": None, "pinyin": None, "region": "浙江"}]


def test_a_text_that_looks_like_a_token_is_a_text(lake):
    send(lake, "customers", [{**ANN, "name": "tnV1 is my name"}])
    stolen = cells(lake, "received/customers")[0]["phone"]
    send(lake, "customers", [{**BO, "name": stolen}])

    found = {row["name"] for row in rows(lake, lake.read("received/customers", actor=SYSTEM), "name")}

    assert found == {"tnV1 is my name", stolen}


def test_a_lost_keyring_is_said_in_the_readers_language(lake, monkeypatch):
    send(lake, "customers", [ANN])
    (lake.folder.parent / "keys" / "master.json").unlink()
    read = lake.read("received/customers", actor=SYSTEM)

    assert rows(lake, read, "city") == [{"city": "York"}]
    with using("en"), pytest.raises(TenureError, match=r"^The keyring .* is missing"):
        rows(lake, read, "name")
    with using("en"), pytest.raises(TenureError, match="is missing"):
        send(lake, "customers", [BO])
    with using("en"), pytest.raises(TenureError, match="is missing"), lake.kept({"x": read}):
        pass

    assert not (lake.folder.parent / "keys" / "master.json").exists()
    assert sorted(info.state for info in lake.batches()) == ["abandoned", "committed"]


def older(lake):
    """Make the lake as one of before: its files in clear, its log with the smallest and largest of each column."""
    send(lake, "customers", [ANN, BO])
    shape = CONTRACTS["customers"].received_schema
    clear = lake.to_arrow(lake.read("received/customers", actor=SYSTEM).drop("person_id")).cast(shape)
    folder = lake.folder / "received" / "customers"
    for file in [*folder.rglob("*.*")]:
        file.unlink()
    (folder / "_delta_log").rmdir()
    write_deltalake(str(folder), clear)
    write_deltalake(str(folder), clear, mode="overwrite")
    return folder


def said(folder):
    everything = [str(pq.read_table(file).to_pylist()) for file in folder.rglob("*.parquet")]
    return "\n".join(everything + [file.read_text() for file in folder.rglob("*.json")])


def test_a_lake_of_before_is_read_as_it_is(lake):
    folder = older(lake)

    found = rows(lake, lake.read("received/customers", actor=SYSTEM).order_by("customer_id"), *ANN)

    assert "13800138000" in said(folder)
    assert found == [ANN, BO]


@pytest.mark.parametrize("by", ["import", "refresh"])
def test_a_lake_of_before_is_sealed_with_its_past_forgotten(lake, by):
    folder = older(lake)

    if by == "import":
        send(lake, "customers", [{**ANN, "customer_id": "C-3"}])
    else:
        with lake.writing("test"):
            lake.sweep(now=MONDAY)

    found = rows(lake, lake.read("received/customers", actor=SYSTEM).order_by("customer_id"), *ANN)
    assert found[:2] == [ANN, BO]
    assert "13800138000" not in said(folder)
    assert "Ann" not in said(folder)
    before = lake.version("received/customers")
    with lake.writing("test"):
        lake.sweep(now=MONDAY)
    assert lake.version("received/customers") == before
