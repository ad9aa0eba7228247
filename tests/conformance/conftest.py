"""One Spark for each process that runs these tests, and the lakes that it and DuckDB are asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.contracts.custom import Choice, CustomColumn
from tenure.demo import simulate
from tenure.lake import SYSTEM, Lake
from tenure.lake.engines import open_engine
from tenure.lake.sealed import sealed_columns
from tenure.lake.tables import COMPUTED
from tests.cast import MONDAY
from tests.conformance.both import AS_OF, MASTER, Both, asked_by_either

READ = (
    "customers",
    "orders",
    "subscriptions",
    "treatments",
    "cases",
    "events",
)  # by the questions that are asked of them
RECEIVED = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
OWN = tuple(
    CustomColumn(
        at, "customers", kind, kind, kind, choices=(Choice("a", "A", "A"), Choice("b", "B", "B")), personal=personal
    )
    for at, (kind, personal) in enumerate(
        {"money": False, "decimal": False, "date": False, "yes_no": False, "choices": False, "text": True}.items(), 1
    )
)


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    scratch = tmp_path_factory.mktemp("engines")
    return Both(open_engine("duckdb", scratch / "here"), open_engine(MASTER, scratch / "there"), scratch / "there")


@pytest.fixture(scope="session")
def telecom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of a simulated company as it was received: 1,000 customers, 12 months; each number a person."""
    home = tmp_path_factory.mktemp("telecom")
    lake = Lake(home / "lake")
    numbers: dict[str, None] = {}
    for name, table in simulate(customers=1_000, months=12, seed=7).tables.items():
        rows = table.append_column("row", pa.array(range(1, table.num_rows + 1), pa.int64()))
        columns = [column for column in table.column_names if column in CONTRACTS[name]]
        with lake.receiving(name, source="demo", columns=columns, now=RECEIVED) as batch:
            batch.append(rows)
            batch.report.update(read=table.num_rows, accepted=table.num_rows, rejected=0)
        if person := CONTRACTS[name].person:
            numbers |= dict.fromkeys(number for number in table[person].to_pylist() if number)
    links = [
        {"ids_of": "demo", "customer_id": number, "own_id": at, "person_id": at, "why": "minted"}
        for at, number in enumerate(numbers, start=1)
    ]
    lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))
    return home / "lake"


@pytest.fixture(scope="session")
def telecoms(telecom: Path, both: Both) -> tuple[Lake, Lake]:
    """That lake, asked by either engine."""
    return asked_by_either(telecom)


@pytest.fixture(scope="session")
def records(telecoms: tuple[Lake, Lake]) -> Iterator[list[dict[str, ibis.Table]]]:
    """What was known of that company at an instant, worked out by either engine, without what is personal."""
    with ExitStack() as stack:
        known = []
        for lake in telecoms:
            tables = {name: lake.history(name, as_of=AS_OF, actor=SYSTEM) for name in READ}
            plain = {name: table.drop(*((sealed_columns(f"records/{name}").keys() - {"birth_date"}) & set(table.columns))) for name, table in tables.items()}  # fmt: skip
            known.append(stack.enter_context(lake.kept(plain)))
        yield known


@pytest.fixture(scope="session")
def lakes(filled_home: Path, both: Both) -> tuple[Lake, Lake]:
    """The small company's lake, asked by either engine."""
    return asked_by_either(filled_home / "lake")


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory, both: Both) -> tuple[Lake, Lake]:
    """Customers by the word of three sources and their orders in four currencies, with fields of the company's own."""
    folder = tmp_path_factory.mktemp("mixed") / "lake"
    lake = Lake(folder)

    def send(contract: str, source: str, days: int, rows: list[dict[str, Any]]) -> str:
        columns = list(dict.fromkeys(name for row in rows for name in row if name != "extra"))
        schema = pa.schema([CONTRACTS[contract].schema.field(name) for name in columns] + [("extra", pa.string()), ("row", pa.int64())])  # fmt: skip
        with lake.receiving(contract, source=source, ids_of="shop", columns=columns, now=MONDAY + timedelta(days=days)) as batch:  # fmt: skip
            batch.append(pa.Table.from_pylist([row | {"row": at} for at, row in enumerate(rows, 1)], schema=schema))
        return str(batch.id)

    lake.publish_document("fields", {"customers": [column.as_plain() for column in OWN]})
    lake.publish_document("precedence", {"customers": {"phone": ["crm", "shop"]}})
    said = [
        {"c_1": "120.50", "c_2": "3.25", "c_3": "2026-05-01", "c_4": "yes", "c_5": "a, b", "c_6": "浙A·12345"},
        {"c_1": "many", "c_2": "-0.5", "c_3": "1890-01-01", "c_4": "no", "c_5": "b"},
        {},
    ]
    send("customers", "shop", 0, [
        {"customer_id": f"C-{n}", "name": f"王小{n}", "phone": f"1380013800{n}", "email": None, "city": "杭州",
         "birth_date": date(1980, 2, n), "created_at": MONDAY - timedelta(days=400 + n), "extra": json.dumps(said[n % 3])}
        for n in range(1, 7)
    ])  # fmt: skip
    send("customers", "crm", 1, [
        {"customer_id": f"C-{n}", "phone": None if n == 2 else f"1390013900{n}", "city": "宁波"} for n in range(1, 5)
    ])  # fmt: skip
    send("customers", "desk", 2, [{"customer_id": "C-3", "phone": "057188880000"}])
    taken_back = send("customers", "shop", 3, [{"customer_id": "C-1", "name": "Nobody"}])
    lake.undo(taken_back, now=MONDAY + timedelta(days=4))
    send("exchange_rates", "bank", 0, [
        {"currency": code, "base_currency": "CNY", "valid_on": day, "rate": Decimal(rate)}
        for code, day, rate in (
            ("USD", date(2026, 1, 1), "7.000000"), ("USD", date(2026, 2, 1), "0.500000"),
            ("JPY", date(2025, 1, 1), "0.046000"), ("KWD", date(2025, 1, 1), "23.000000"),
        )
    ])  # fmt: skip
    send("orders", "shop", 0, [
        {"order_id": f"A-{n}-{currency}", "line_no": 1, "customer_id": f"C-{n % 7}" if n % 7 else None,
         "ordered_at": datetime(2025, 12, 31, 15, 59, 59, 999_999, tzinfo=UTC) + timedelta(days=5 * n, microseconds=n % 3),
         "quantity": 1.5 * n, "unit_price": Decimal("19.9"), "amount_minor": (-1) ** n * (1001 + 2 * n), "currency": currency,
         "kind": None, "status": "cancelled" if n % 5 == 0 else None}
        for n in range(1, 12) for currency in ("USD", "CNY", "JPY", "KWD", "GBP", None)
    ])  # fmt: skip
    links = [{"ids_of": "shop", "customer_id": f"C-{n}", "own_id": n, "person_id": n - n % 2, "why": "minted"} for n in range(2, 7)]  # fmt: skip
    lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))
    return asked_by_either(folder)
