"""The numbers on a shop's real records: CDNOW, all who first bought in early 1997, until mid-1998."""

from datetime import UTC, date, datetime
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tenure.contracts import CONTRACTS
from tenure.insight.cohorts import retention
from tenure.insight.lifecycle import stages
from tenure.insight.metrics import METRICS, Period, measure
from tenure.insight.segments import gini, rfm

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "cdnow" / "cdnow_master.parquet"
END = datetime(1998, 7, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FILE.exists(), reason="the CDNOW data set is not beside the checkout"),
]


@pytest.fixture(scope="module")
def raw() -> pa.Table:
    return pq.read_table(FILE)


@pytest.fixture(scope="module")
def orders(raw: pa.Table) -> ibis.Table:
    schema = CONTRACTS["orders"].records_schema
    given = {
        "person_id": raw["customer_id"].cast(pa.int64()),
        "order_id": pa.array([str(n) for n in range(len(raw))]),
        "ordered_on": raw["date"].cast(pa.date32()),
        "ordered_at": raw["date"].cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
        "amount_base_minor": pc.round(pc.multiply(raw["spend"].cast(pa.float64()), 100)).cast(pa.int64()),
    }
    return ibis.memtable(
        pa.table({f.name: given.get(f.name, pa.nulls(len(raw), f.type)) for f in schema}, schema=schema)
    )


def test_every_cent_and_customer_is_in_rfm(orders):
    table = rfm(orders, END).to_pyarrow()

    assert table.num_rows == 23_570
    assert pc.sum(table["monetary_base_minor"]).as_py() == 250_031_563
    assert set(table["r"].to_pylist()) == {1, 2, 3, 4, 5}
    assert 0.5 < gini(table["monetary_base_minor"]) < 0.8


def test_scores_split_no_ties(orders):
    table = rfm(orders, END).to_pandas()

    for value, score in (("recency_days", "r"), ("frequency", "f"), ("monetary_base_minor", "m")):
        assert table.groupby(value)[score].nunique().max() == 1
        assert np.sign(table[[value, score]].corr("spearman").iloc[0, 1]) == (-1 if score == "r" else 1)


def test_cohorts_equal_a_count_by_hand(raw, orders):
    frame = raw.to_pandas()
    month = frame["date"].astype("datetime64[ns]").dt.to_period("M")
    first = month.groupby(frame["customer_id"]).transform("min")
    january = first == "1997-01"
    expected = [frame[january & (month == f"1997-{m:02}")]["customer_id"].nunique() for m in range(1, 13)]

    table = retention(orders).to_pandas()
    cells = table[table["cohort"].astype(str).str.startswith("1997-01-01")].sort_values("age")

    assert cells["buyers"].tolist()[:12] == expected
    assert cells["size"].iloc[0] == expected[0]
    assert len(cells) == 18


def test_months_of_revenue_add_up_to_the_whole(orders):
    months = measure(METRICS["revenue"], {"orders": orders}, Period.months(date(1997, 1, 1), 18))

    assert pc.sum(months["value"]).as_py() == 250_031_563


def test_everyone_has_a_stage_and_most_who_bought_once_in_1997_have_left(orders):
    table = stages({"orders": orders}, END).to_pandas()

    assert len(table) == 23_570
    assert table["stage"].notna().all()
    once = table[(table["purchase_days"] == 1)]
    assert (once["stage"] == "left").mean() > 0.5
