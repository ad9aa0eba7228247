"""Taking a batch back: what came before is said again, what came later is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from tenure.errors import TenureError
from tenure.sources.undoing import foretold, undo

LATER = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def three_batches(shop, write):
    """Ann and Bo; then Bo moves, Cy comes and Di comes; then the desk corrects Cy."""
    shop.take(write("customer_id,city\nC-1,Hull\nC-2,York\n", "first.csv"), "customers")
    second = shop.take(write("customer_id,city\nC-2,Bath\nC-3,Deal\nC-4,Rye\n", "second.csv"), "customers", now=LATER)
    third = shop.take(
        write("customer_id,city\nC-3,Dover\n", "third.csv"), "customers", source="desk", ids_of="main",
        now=LATER + timedelta(days=1),
    )  # fmt: skip
    return shop, second.batch, third.batch


def cities(shop):
    rows = shop.lake.to_arrow(shop.lake.current("customers")).sort_by("customer_id").to_pylist()
    return {row["customer_id"]: row["city"] for row in rows}


def test_undoing_an_import_leaves_records_changed_since_and_names_them(three_batches):
    shop, second, third = three_batches

    report = undo(shop.lake, second, LATER + timedelta(days=2))

    assert (report.restored, report.withdrawn, report.kept_count) == (1, 1, 1)
    assert [(kept.key, kept.batch, kept.source) for kept in report.kept] == [("C-3", third, "desk")]
    assert str(report.kept[0]) == "C-3: changed since by desk, third.csv"
    assert cities(shop) == {"C-1": "Hull", "C-2": "York", "C-3": "Dover"}
    assert report.summary()[0] == (
        "1 records are gone, 1 say again what they said before, 1 were changed since and keep that."
    )


def test_what_undoing_would_do_can_be_asked_first(three_batches):
    shop, second, _ = three_batches
    before = cities(shop)

    asked = foretold(shop.lake, second)

    assert cities(shop) == before
    assert asked == undo(shop.lake, second, LATER + timedelta(days=2))


def test_a_batch_is_taken_back_once(three_batches):
    shop, second, _ = three_batches
    undo(shop.lake, second, LATER + timedelta(days=2))

    with pytest.raises(TenureError, match="is undone; only a committed batch can be undone"):
        undo(shop.lake, second, LATER + timedelta(days=2))
    with pytest.raises(TenureError, match="There is no batch"):
        foretold(shop.lake, "nothing")
