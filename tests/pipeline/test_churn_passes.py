"""Whether the history of all dates is read in one pass or each date has its own, the churn scores are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tenure.pipeline import churn, records
from tenure.pipeline.clock import default_as_of
from tenure.pipeline.history import settled
from tenure.pipeline.run import Context, Watcher, run
from tests.pipeline.conftest import CLOCK, FIRST, Shop, visits

pytestmark = pytest.mark.django_db

PEOPLE = 300


ORDERS = visits(PEOPLE)
CUSTOMERS = [
    {"customer_id": f"C-{n}", "created_at": FIRST, "updated_at": FIRST, "gender": "female" if n % 2 else "male"}
    for n in range(PEOPLE)
]


def foreseen(shop: Shop) -> tuple[pa.Table, Any, list[str]]:
    """Scores and card of the churn step, and of which contracts the history was read in one pass."""
    lake = shop.lake
    context = Context(lake, shop.here, CLOCK, CLOCK)
    with lake.writing("test"):
        run(records.STEPS, context, Watcher())
        context.as_of = default_as_of(lake, shop.here.zone_info, CLOCK)
        [done] = run(churn.STEPS, context, Watcher())
    assert not done.skipped
    return (
        shop.table("scores/churn"),
        lake.document("churn_card"),
        settled(context, ["customers", "orders", "payments"]),
    )


def test_a_record_said_twice_changes_how_history_is_read_and_no_score(new_shop: Callable[[], Shop]) -> None:
    shop = new_shop()
    shop.receive(orders=ORDERS, customers=CUSTOMERS)
    in_one_pass, card, together = foreseen(shop)
    assert together == ["customers", "orders", "payments"], "as many records as rows were received"
    assert in_one_pass.num_rows > 100

    for name, rows, left in (
        ("customers", CUSTOMERS[:1], ["orders", "payments"]),
        ("orders", ORDERS[:1], ["payments"]),
    ):
        shop.receive(**{name: rows})
        scores, told, together = foreseen(shop)

        assert together == left
        assert scores == in_one_pass
        assert told == card
