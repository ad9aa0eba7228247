"""The compiled pass says of any rows at any dates what plain grouping says, and takes and gives any kind of frame."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tenure.contracts import CONTRACTS, base_money
from tenure.insight.features import FAMILIES, as_of
from tenure.insight.features.kernel import Kernel
from tenure.insight.features.terms import SEEN, count, distinct, highest, lowest, newest, total
from tests.insight.plain import plainly

CUT = datetime(2026, 3, 1, tzinfo=UTC)
DATES = [CUT - timedelta(days=200), CUT - timedelta(days=90), CUT]
TEXTS = {
    "kind": ["sale", "refund", "complaint", "enquiry", None], "status": ["completed", "cancelled", None],
    "direction": ["in", "out", None], "severity": ["severe", "minor", None], "survey": ["NPS", "csat", "ces"],
}  # fmt: skip


def drawn(name: str, seed: int, rows: int) -> pa.Table:
    """Rows of a contract in which anything may be missing, of a few people over two years, some days of their own."""
    luck = np.random.default_rng(seed)
    shape = CONTRACTS[name]
    found: list[dict[str, Any]] = []
    for number in range(rows):
        row: dict[str, Any] = {"person_id": int(luck.integers(1, 5)), "source": "s"}
        for column in shape.columns:
            if column.name in shape.key:
                row[column.name] = number if column.type == "integer" else f"{column.name}-{number // 2}-{number % 2}"
            elif column.name == shape.valid_at or luck.random() < 0.7:
                row[column.name] = value(column, luck)
        at = row[shape.valid_at] if shape.valid_at else CUT
        row |= {"valid_at": at, "received_at": at}
        if shape.day:
            row[shape.day] = at.date()
        row |= {base_money(c.name): row.get(c.name) for c in shape.columns if c.type == "money"}
        found.append(row)
    return pa.Table.from_pylist(found, schema=shape.records_schema)


def value(column: Any, luck: Any) -> Any:
    if column.type == "instant":
        # Whole hours, so that rows meet windows and dates at their very edges.
        return CUT + timedelta(hours=int(luck.integers(-24 * 700, 24 * 60) // 6 * 6))
    if column.type == "date":
        return date(1990, 1, 1) + timedelta(days=int(luck.integers(0, 12_000)))
    if column.type in ("money", "integer"):
        return int(luck.integers(-5, 30))
    if column.type == "decimal":
        return Decimal(int(luck.integers(0, 9)))
    if column.type == "number":
        return float(luck.integers(-3, 9)) / 2
    if column.type == "boolean":
        return bool(luck.integers(0, 2))
    return luck.choice(np.array(TEXTS.get(column.name, ["a", "b", "c", None]), object))


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
@settings(max_examples=4, phases=(Phase.explicit, Phase.generate), deadline=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])  # fmt: skip
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 60))
def test_every_family_in_one_pass_is_what_plain_grouping_says_at_each_date(family, seed, rows):
    records = drawn(family.contract.name, seed, rows)

    found = as_of({family.contract.name: records}, DATES).to_pylist()

    expected = {(at, who): row for at in DATES for who, row in plainly(family, ibis.memtable(records), at).items()}
    assert expected.keys() <= {(row["as_of"], row["person_id"]) for row in found}
    for row in found:
        plain = expected.get((row["as_of"], row["person_id"]), {})
        for feature in family.features:
            said = plain.get(feature.name)
            said = 0.0 if said is None and feature.zero else said
            near = pytest.approx(said, rel=1e-9) if isinstance(said, float) else said
            assert row[feature.name] == near, (feature.name, row["as_of"], row["person_id"])


def rows_of(*given: tuple[int, float, float | None]) -> pa.Table:
    """Person, days before the cut, value."""
    return pa.table(
        {
            "person_id": [person for person, _, _ in given],
            SEEN: pa.array([CUT - timedelta(days=days) for _, days, _ in given], pa.timestamp("us", tz="UTC")),
            "at": pa.array([CUT - timedelta(days=days) for _, days, _ in given], pa.timestamp("us", tz="UTC")),
            "value": pa.array([value for _, _, value in given], pa.float64()),
        }
    )


def test_a_window_holds_its_first_instant_and_not_its_last():
    kernel = Kernel(rows_of((1, 60, 1.0), (1, 30, 2.0), (1, 0, 4.0)), [CUT], "at")

    assert kernel.value(total("value", window=30)).tolist() == [[2.0]]
    assert kernel.value(total("value", window=30, back=30)).tolist() == [[1.0]]
    assert kernel.value(count()).tolist() == [[2.0]]


def test_what_left_a_window_leaves_no_crumb_behind():
    kernel = Kernel(rows_of((1, 40, 0.1), (1, 35, 0.2), (1, 5, 0.0)), [CUT - timedelta(days=20), CUT], "at")

    assert kernel.value(total("value", window=30)).tolist() == [[0.1 + 0.2, 0.0]]


def test_nobody_at_all_has_no_features_and_breaks_nothing():
    kernel = Kernel(rows_of(), [CUT], "at")

    for term in (count(), total("value"), highest("value"), lowest("value"), distinct("value"), newest("value")):
        assert kernel.value(term).shape == (0, 1)


def test_one_customer_with_many_rows_is_one_row_at_each_date():
    many = 100_000
    kernel = Kernel(rows_of(*((1, 400 - 400 * n / many, float(n % 7)) for n in range(many))), DATES, "at")

    assert kernel.value(distinct("value")).tolist() == [[7.0, 7.0, 7.0]]
    assert kernel.value(count()).tolist() == [[50_000.0, 77_500.0, 100_000.0]]


KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.Table.from_pydict}


@pytest.mark.parametrize("kind", KINDS)
def test_any_frame_goes_in_and_the_same_kind_comes_out(kind):
    orders = {
        "person_id": [1, 1, 2], "order_id": ["a", "b", "c"],
        "ordered_at": [CUT - timedelta(days=100), CUT - timedelta(days=3), CUT + timedelta(days=1)],
        "amount_minor": [500, 700, 900],
    }  # fmt: skip

    found = as_of({"orders": KINDS[kind](orders)}, [CUT, CUT - timedelta(days=50)])

    assert type(found) is type(KINDS[kind](orders))
    table = found if kind == "arrow" else pa.Table.from_pandas(found) if kind == "pandas" else found.to_arrow()
    assert table["person_id"].to_pylist() == [1, 1]
    assert [at.astimezone(UTC) for at in table["as_of"].to_pylist()] == [CUT - timedelta(days=50), CUT]
    assert table["spend_base_minor"].to_pylist() == [500.0, 1200.0]
    assert table["order_recency_days"].to_pylist() == [50.0, 3.0]


def test_no_dates_and_dates_without_a_zone_are_refused():
    orders = pa.table({"person_id": [1], "ordered_at": [CUT]})

    with pytest.raises(ValueError, match="at least one"):
        as_of({"orders": orders}, [])
    with pytest.raises(ValueError, match="zone"):
        as_of({"orders": orders}, [datetime(2026, 3, 1)])  # noqa: DTZ001
