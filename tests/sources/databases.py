"""A shop's database on each kind of server: what tests write with, and what a pull is given to read."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from tenure.sources.pull import dsn_of

MONEY = {"postgresql": "numeric(14,2)", "mysql": "decimal(14,2)", "sqlite": "numeric"}
MOMENT = {"postgresql": "timestamptz", "mysql": "timestamp(6) null", "sqlite": "text"}


class Written:
    """A database that a test writes to. address: what a pull is given."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.dsn = dsn_of(address)
        self.kind = self.dsn.kind
        self.connect: Callable[[], Any] = {
            "postgresql": lambda: psycopg.connect(address, options="-c timezone=UTC"),
            "mysql": lambda: pymysql.connect(
                host=self.dsn.host, port=self.dsn.port or 0, user=self.dsn.user, password=self.dsn.password,
                database=self.dsn.database, init_command="SET time_zone='+00:00'",
            ),
            "sqlite": lambda: sqlite3.connect(self.dsn.database),
        }[self.kind]  # fmt: skip
        self.main = self.connect()

    def run(self, sql: str, rows: Sequence[Sequence[Any]] | None = None, on: Any = None) -> None:
        connection = on or self.main
        cursor = connection.cursor()
        if rows is None:
            cursor.execute(sql)
        else:
            marks = ", ".join(["?" if self.kind == "sqlite" else "%s"] * len(rows[0]))
            cursor.executemany(f"{sql} ({marks})", rows)
        if on is None:
            connection.commit()

    def orders(self) -> None:
        """An empty table of orders."""
        self.run("DROP TABLE IF EXISTS orders")
        self.run(
            f"CREATE TABLE orders (order_id varchar(20), line_no integer, customer_id varchar(20), ordered_at "
            f"{MOMENT[self.kind]}, amount {MONEY[self.kind]}, changed_at {MOMENT[self.kind]})"
        )

    def add(self, *rows: tuple[str, str, str], on: Any = None) -> None:
        """Orders: (number, amount, changed at)."""
        self.run(
            "INSERT INTO orders VALUES",
            [(number, 1, "C-1", "2026-01-01 00:00:00", amount, changed) for number, amount, changed in rows],
            on,
        )

    def close(self) -> None:
        self.main.close()


def sqlite_address(folder: Path) -> str:
    return f"sqlite://{folder}/shop.sqlite3"
