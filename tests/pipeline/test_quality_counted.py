"""What is wrong with records is counted on as they come, and comes to what counting all of them does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.insight import quality
from tenure.pipeline.quality import STEPS, TABLE
from tenure.pipeline.run import Context
from tenure.workspace import create
from tests.pipeline.test_records_added import NOON, Shop


def orders(some: range, **more: Any) -> list[dict[str, Any]]:
    plain = {"kind": "sale", "currency": "CNY", "amount_minor": 900}
    return [
        plain
        | {"order_id": f"A-{n}", "line_no": 1, "customer_id": ("C-1", "C-2", None)[n % 3], "ordered_at": NOON - timedelta(days=n),
           "discount_minor": n % 5 - 2}
        | more
        for n in some
    ]  # fmt: skip


def test_what_came_since_is_counted_to_what_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, looked = Shop(create(tmp_path / "home")), []
    measure = quality.measure

    def measured(rows: Any, contract: Any, *more: Any) -> Any:
        if contract.name == "orders":
            looked.append(int(rows.count().to_pyarrow().as_py()))
        return measure(rows, contract, *more)

    def counted(*, again: bool = False, now: datetime = NOON) -> list[dict[str, Any]]:
        STEPS[0].run(Context(shop.lake, shop.here, NOON, now, again=again))
        rows: list[dict[str, Any]] = shop.lake.in_runs(TABLE).to_pylist()
        return sorted(rows, key=lambda row: (row["contract"], row["source"], row["field"], row["month"]))

    def newest() -> Any:
        return (shop.lake.document("quality") or {})["newest"]

    monkeypatch.setattr(quality, "measure", measured)
    shop.send("orders", orders(range(300)))
    shop.refresh()
    first = counted()
    assert any("negative" in row["flaws"] for row in first)
    shop.send("orders", orders(range(300, 307), amount_minor=-4, ordered_at=NOON + timedelta(hours=1)))
    shop.refresh()
    later = NOON + timedelta(hours=2)

    gone_on, heard = counted(now=later), newest()

    assert looked == [300, 7]
    assert gone_on != first
    assert counted(again=True, now=later) == gone_on
    assert newest() == heard
    # What is in the future today need not be tomorrow: where any is, all are counted each time.
    shop.send("orders", orders(range(400, 401), ordered_at=datetime(2031, 1, 1, tzinfo=UTC)))
    shop.refresh()
    ahead = counted(now=later)
    assert any("future" in row["flaws"] for row in ahead)
    assert not any("future" in row["flaws"] for row in counted(now=datetime(2032, 1, 1, tzinfo=UTC)))
    assert looked[2:] == [307, 1, 308]
    # So they are where an import was taken back.
    shop.lake.undo(shop.lake.batches("orders")[0].batch, now=NOON + timedelta(days=1))
    shop.refresh()
    taken_back = counted(now=datetime(2032, 1, 1, tzinfo=UTC))
    assert looked[-1] == 8
    assert counted(again=True, now=datetime(2032, 1, 1, tzinfo=UTC)) == taken_back
