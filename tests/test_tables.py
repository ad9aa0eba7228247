from datetime import UTC, date, datetime

import pytest

from tenure.contracts import CONTRACTS
from tests.tables import record_rows, records


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_record_table_has_exactly_the_records_schema(contract):
    assert record_rows(contract).schema == CONTRACTS[contract].records_schema
    assert records(contract).to_pyarrow().num_rows == 0


def test_the_business_date_and_base_money_follow_from_what_is_given():
    row = record_rows("orders", [{"ordered_at": "2026-03-01T20:00", "amount_minor": 5}]).to_pylist()[0]

    assert row["ordered_at"] == row["valid_at"] == datetime(2026, 3, 1, 20, tzinfo=UTC)
    assert row["ordered_on"] == date(2026, 3, 1)
    assert (row["amount_base_minor"], row["discount_base_minor"], row["person_id"]) == (5, None, None)


def test_what_is_given_is_not_derived():
    row = record_rows(
        "orders", [{"ordered_at": "2026-03-01T20:00", "ordered_on": "2026-03-02", "amount_base_minor": None}]
    ).to_pylist()[0]

    assert (row["ordered_on"], row["amount_base_minor"]) == (date(2026, 3, 2), None)


def test_rows_without_a_key_are_told_apart():
    keys = record_rows("orders", [{}, {}]).column("order_id").to_pylist()

    assert len(set(keys)) == 2


def test_a_mistyped_column_is_refused():
    with pytest.raises(KeyError, match="amount"):
        record_rows("orders", [{"amount": 5}])
