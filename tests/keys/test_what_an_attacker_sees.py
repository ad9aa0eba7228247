"""Somebody walks off with a part of a workspace: what of the cast's persons is in the bytes, and what is not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tenure.keyring import Keyring
from tenure.lake import SYSTEM, Lake
from tests.cast import CUSTOMERS, SECRET
from tests.running import tenure

NAMES = {person: about[0] for person, about in CUSTOMERS.items()}
PHONES = {person: f"1380000{person}{person}{person}{person}" for person in CUSTOMERS}
STREETS = {person: f"文三路{person}39号西溪大厦" for person in CUSTOMERS}
BIRTHS = {person: f"19{60 + person}-11-23" for person in CUSTOMERS}
NOTE = "姐姐叫王芳住在隔壁"  # in a column the contract does not know
SECRETS = [
    *PHONES.values(), *(f"c{p}@mail.example" for p in CUSTOMERS), *(f"33010619{60 + p}1123{p}012" for p in CUSTOMERS),
    *STREETS.values(), *BIRTHS.values(), SECRET, NOTE, "mail.example",
]  # fmt: skip


def row(person: int) -> str:
    return (
        f"C-{person},{NAMES[person]},{PHONES[person]},c{person}@mail.example,33010619{60 + person}1123{person}012,"
        f"{BIRTHS[person]},{STREETS[person]},浙江,{NOTE}"
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere") / "keys.json"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    """A workspace whose files were imported, refreshed, imported again and refreshed again; its keyring is elsewhere."""
    folder = tmp_path_factory.mktemp("shop")
    home = folder / "home"
    customers, cases, orders = folder / "customers.csv", folder / "cases.csv", folder / "orders.csv"
    head = "customer_id,name,phone,email,id_number,birth_date,street,region,note\n"
    customers.write_text(head + "".join(row(p) + "\n" for p in CUSTOMERS), encoding="utf-8")
    cases.write_text(
        "case_id,customer_id,opened_at,kind,text\n"
        + "".join(f"Q-{p},C-{p},2026-02-0{p},complaint,{SECRET}\n" for p in CUSTOMERS)
    )
    orders.write_text(
        "order_id,customer_id,ordered_at,amount\n"
        + "".join(f"A-{p}-{m},C-{p},2025-{m:02d}-1{p},{10 * p}\n" for p in CUSTOMERS for m in range(1, 13, 1 + p % 3))
    )
    more = {"TENURE_KEYS": str(keys)}
    tenure(home, "init", **more)
    for file in (customers, cases, orders):
        tenure(home, "import", file, "--as", file.stem, "--source", "shop", **more)
    tenure(home, "refresh", **more)
    twin = folder / "crm.csv"
    twin.write_text(head + row(1) + "\n", encoding="utf-8")
    tenure(home, "import", twin, "--as", "customers", "--source", "crm", **more)
    tenure(home, "refresh", **more)
    return home


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif value is not None:
        yield value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def everything_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file below the folder as text; of Parquet files each cell and what the file says of its columns, too."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            said = [file.read_bytes().decode(errors="replace")]
            if file.suffix == ".parquet":
                table: pa.Table = pq.read_table(file)
                said += [text for column in table.columns for text in texts(column.to_pylist())]
                said.append(str(pq.read_metadata(file).to_dict()))
            yield file, "\n".join(said)


def leaks(folder: Path, secrets: list[str]) -> list[tuple[str, str]]:
    return [(file.name, secret) for file, text in everything_in(folder) for secret in secrets if secret in text]


def test_the_lake_folder_shows_nothing_personal_in_any_file_ever_written(home: Path) -> None:
    files = [file for file, _ in everything_in(home / "lake")]
    pinyin = ["wang xiao ming", "zhang wei"]

    found = leaks(home / "lake", [*SECRETS, *NAMES.values(), *pinyin])

    assert sum(file.suffix == ".parquet" for file in files) > 20
    assert any("_delta_log" in str(file) for file in files)
    assert leaks(home / "lake", ["浙江"])  # what lies in clear is found by looking so
    assert found == []


def test_the_lakes_logs_keep_no_smallest_or_largest_value(home: Path) -> None:
    logs = "".join(file.read_text() for file in home.glob("lake/**/_delta_log/*.json"))

    assert "numRecords" in logs
    assert "C-1" not in logs
    assert "浙江" not in logs


def test_the_database_file_shows_no_phone_e_mail_street_id_number_or_free_text(home: Path) -> None:
    files = list(home.glob("desk.sqlite3*"))
    with closing(sqlite3.connect(home / "desk.sqlite3")) as connection:
        published = connection.execute("SELECT count(*) FROM customers_customer WHERE phone <> ''").fetchone()[0]
    raw = b"".join(file.read_bytes() for file in files)

    assert published == len(CUSTOMERS)
    assert NAMES[1].encode() in raw  # clear by design, so that the search of names is quick
    assert [secret for secret in SECRETS if secret.encode() in raw] == []
    assert [phone for phone in PHONES.values() if phone[-4:].encode() + b"\x00" in raw] == []


def test_the_whole_home_without_its_keyring_opens_nothing(home: Path, keys: Path, tmp_path: Path) -> None:
    stolen = tmp_path / "home"
    shutil.copytree(home, stolen)

    lost = tenure(stolen, "show", "value", fails=True, TENURE_KEYS=str(tmp_path / "none.json"))
    Keyring.create(tmp_path / "own.json")
    wrong = tenure(stolen, "show", "value", fails=True, TENURE_KEYS=str(tmp_path / "own.json"))

    assert "is missing" in lost.stderr
    assert "is not the one" in wrong.stderr
    assert not (tmp_path / "none.json").exists()
    assert tenure(stolen, "show", "value", TENURE_KEYS=str(keys)).stdout


def test_the_owner_reads_all_of_it_and_the_twin_was_found(
    home: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENURE_KEYS", str(keys))
    lake = Lake(home / "lake")

    customers = lake.to_arrow(lake.read("records/customers", actor=SYSTEM)).to_pylist()
    cards = {
        card["customer_id"]: card for card in lake.to_arrow(lake.read("scores/customers", actor=SYSTEM)).to_pylist()
    }

    assert {c["phone"] for c in customers} == set(PHONES.values())
    assert {str(c["birth_date"]) for c in customers} == set(BIRTHS.values())
    assert all(NOTE in c["extra"] for c in customers)
    assert len(cards) == len(CUSTOMERS)
    assert cards["C-1"]["also_known_as"] or cards["C-1"]["source"] == "crm"
    assert {card["name"] for card in cards.values()} == set(NAMES.values())


def test_a_third_refresh_finds_nothing_to_do(home: Path, keys: Path) -> None:
    before = set((home / "lake").rglob("*.parquet"))

    again = tenure(home, "refresh", TENURE_KEYS=str(keys))

    assert set((home / "lake").rglob("*.parquet")) == before
    assert again.returncode == 0


def test_the_doctor_says_where_the_keyring_is(home: Path, keys: Path, tmp_path: Path) -> None:
    there = tenure(home, "doctor", TENURE_KEYS=str(keys)).stdout
    gone = tenure(home, "doctor", fails=True, TENURE_KEYS=str(tmp_path / "none.json")).stdout

    assert str(keys) in there
    assert "is missing" in gone
