"""How long records are kept: looked at first, applied when told, and gone from old versions too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tenure.desk.governance import retention
from tenure.desk.governance.models import AuditEntry, Retention, User
from tenure.errors import TenureError
from tests.cast import MONDAY
from tests.rights.conftest import Shop
from tests.rights.test_erasing import in_parquet


def keep(contract: str, months: int, what: str = "delete") -> None:
    retention.set_retention(contract, months=months, what=what, actor=None, now=MONDAY)


def test_a_dry_run_counts_and_changes_nothing(shop: Shop) -> None:
    keep("orders", 12)
    version = shop.lake.version("received/orders")

    (due,) = retention.due(shop.lake, now=MONDAY)

    assert (due.before, due.rows) == (MONDAY.replace(year=2025), 1)
    assert shop.lake.version("received/orders") == version


def test_what_is_older_goes_from_everything_received_and_from_the_records(shop: Shop) -> None:
    keep("orders", 12)

    went = retention.run(shop.lake, actor=None, now=MONDAY)

    assert went == {"orders": 1}
    assert {row["order_id"] for row in shop.rows("received/orders")} == {"A-2", "A-3", "A-4"}
    assert {row["order_id"] for row in shop.rows("records/orders")} == {"A-2", "A-3", "A-4"}
    assert in_parquet(shop.workspace.lake_folder, "A-1") == []
    assert AuditEntry.objects.get(verb="run_retention").detail == {"rows": {"orders": 1}}
    shop.refresh(days=1)
    assert {row["order_id"] for row in shop.rows("records/orders")} == {"A-2", "A-3", "A-4"}
    assert retention.due(shop.lake, now=MONDAY)[0].rows == 0


def test_made_anonymous_facts_stay_and_are_counted_once(shop: Shop) -> None:
    keep("orders", 12, "anonymise")

    assert retention.run(shop.lake, actor=None, now=MONDAY) == {"orders": 1}

    orders = {row["order_id"]: row for row in shop.rows("records/orders")}
    assert (orders["A-1"]["customer_id"], orders["A-1"]["person_id"], orders["A-1"]["extra"]) == (None, None, None)
    assert orders["A-1"]["amount_minor"] == 1990
    assert orders["A-2"]["customer_id"] == "C-1001"
    assert retention.run(shop.lake, actor=None, now=MONDAY) == {"orders": 0}


def test_without_a_schedule_nothing_goes(shop: Shop) -> None:
    assert retention.run(shop.lake, actor=None, now=MONDAY) == {}
    assert len(shop.rows("received/orders")) == 4


@pytest.mark.parametrize(
    ("contract", "months", "what", "says"),
    [
        ("customers", 12, "delete", "go with their customer"),
        ("products", 12, "delete", "go with their customer"),
        ("orders", 0, "delete", "from 1 to 1200"),
        ("orders", 12, "burn", "There are: delete, anonymise"),
        ("external_attributes", 12, "anonymise", "There are: delete."),
        ("dreams", 12, "delete", "no contract"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    shop: Shop, contract: str, months: int, what: str, says: str
) -> None:
    with pytest.raises(TenureError, match=says):
        keep(contract, months, what)
    assert not Retention.objects.exists()


def test_setting_and_dropping_a_schedule_is_audited(shop: Shop, dee: User) -> None:
    retention.set_retention("cases", months=12, what="anonymise", actor=dee, now=MONDAY)
    retention.drop_retention("cases", actor=dee, now=MONDAY)

    with pytest.raises(TenureError, match="no retention"):
        retention.drop_retention("cases", actor=dee, now=MONDAY)
    trail = AuditEntry.objects.filter(object_type="retention").order_by("pk").values_list("verb", "actor")
    assert list(trail) == [("set_retention", dee.pk), ("drop_retention", dee.pk)]


@pytest.mark.parametrize(
    ("now", "months", "then"),
    [((2026, 3, 31), 1, (2026, 2, 28)), ((2028, 2, 29), 12, (2027, 2, 28)), ((2026, 1, 5), 13, (2024, 12, 5))],
)
def test_months_end_where_the_month_does(now: tuple[int, ...], months: int, then: tuple[int, ...]) -> None:
    assert retention.months_before(datetime(*now, tzinfo=UTC), months) == datetime(*then, tzinfo=UTC)  # type: ignore[misc, arg-type]
