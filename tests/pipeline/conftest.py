"""A simulated company in a lake of its own, refreshed in this process; what reaches the desk is rolled back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.demo import Company, simulate
from tenure.lake import SYSTEM, Lake
from tenure.pipeline import Refreshed, refresh
from tenure.workspace import Workspace, create

RECEIVED = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
FIRST = datetime(2025, 1, 1, 4, tzinfo=UTC)  # of the visits
CLOCK = datetime(2026, 7, 2, 2, 0, tzinfo=UTC)
SCORES = ("scores/rfm", "scores/stages_now", "scores/stages", "scores/value", "scores/churn", "scores/customers")


def receive(lake: Lake, tables: Mapping[str, pa.Table], *, source: str = "demo", now: datetime = RECEIVED) -> list[str]:
    """Bring each table in as a batch, the way `tenure demo` does; the batches' ids."""
    batches = []
    for name, table in tables.items():
        rows = table.append_column("row", pa.array(range(1, table.num_rows + 1), pa.int64()))
        columns = [column for column in table.column_names if column in CONTRACTS[name]]
        with lake.receiving(name, source=source, columns=columns, now=now) as batch:
            batch.append(rows)
            batch.report.update(read=table.num_rows, accepted=table.num_rows, rejected=0)
        batches.append(batch.id)
    return batches


def visits(people: int, *, until: int = 450, latest_stop: int = 400) -> list[dict[str, Any]]:
    """Orders by day: each comes back in a rhythm of their own, and one in three stops at some time.

    until, latest_stop: days after FIRST, of those who stay and of those who stop.
    """
    luck = random.Random(5)
    rows: list[dict[str, Any]] = []
    for person in range(people):
        rhythm, stops = luck.randint(7, 50), until if luck.random() < 0.67 else luck.randint(30, latest_stop)
        day = luck.randint(0, 200)
        while day < stops:
            rows.append({
                "order_id": f"A-{len(rows)}", "line_no": 1, "customer_id": f"C-{person}",
                "ordered_at": FIRST + timedelta(days=day), "amount_minor": luck.randint(900, 9_000), "kind": "sale",
            })  # fmt: skip
            day += max(1, round(luck.gauss(rhythm, rhythm / 4)))
    return rows


@dataclass
class Shop:
    """A workspace and its lake, refreshed within a transaction that the fixture takes back."""

    here: Workspace
    refresh: Callable[..., Refreshed]

    @property
    def lake(self) -> Lake:
        return Lake(self.here.lake_folder, zone=self.here.zone, currency=self.here.currency)

    def receive(self, tables: Mapping[str, pa.Table] | None = None, **rows: list[dict[str, Any]]) -> list[str]:
        """Tables, or plain rows by contract."""
        shaped = {
            name: pa.Table.from_pylist(
                given, schema=pa.schema([f for f in CONTRACTS[name].schema if any(f.name in row for row in given)])
            )
            for name, given in rows.items()
        }
        return receive(self.lake, {**(tables or {}), **shaped})

    def table(self, name: str) -> pa.Table:
        lake = self.lake
        found = lake.to_arrow(lake.read(name, actor=SYSTEM))
        keys = [key for key in ("person_id", "as_of") if key in found.column_names]
        return found.sort_by([(key, "ascending") for key in keys])

    def scores(self) -> dict[str, pa.Table]:
        return {name: self.table(name) for name in SCORES}

    def cards(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.table("scores/customers").to_pylist()
        return rows


@pytest.fixture(scope="module")
def desk(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, for as long as a module's tests run; nothing they publish stays in it."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def new_shop(desk: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shop]:
    """Make an empty workspace."""

    def made() -> Shop:
        here = create(tmp_path_factory.mktemp("shop") / "home")

        def refreshed(as_of: date | None = None, *, now: datetime = CLOCK, **more: Any) -> Refreshed:
            lake = Lake(here.lake_folder, zone=here.zone, currency=here.currency)
            return refresh(here, lake, now=now, as_of=as_of, **more)

        return Shop(here, refreshed)

    return made


@pytest.fixture(scope="session")
def cloudbridge() -> Company:
    """A small Cloudbridge: 1,500 customers over two years, and the truth about them."""
    return simulate(customers=1_500, seed=7)
