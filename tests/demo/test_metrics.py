"""The product's own metrics, read over the simulated company's records, tell its stories' figures."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS, base_money
from tenure.insight.metrics import METRICS, measure
from tenure.insight.metrics.base import Period


@pytest.fixture(scope="module")
def tables(company, frames):
    """The records the lake would hold, its persons the true ones."""
    person = company.truth.persons.to_pandas().set_index("customer_id").person
    rates = frames["exchange_rates"].set_index(["currency", "valid_on"]).rate.astype(float).unstack("currency")
    rates.index = pd.to_datetime(rates.index)

    def records(name):
        contract, rows = CONTRACTS[name], frames[name].copy()
        rows["person_id"] = rows.customer_id.map(person).astype("Int64")
        local = rows[contract.valid_at].dt.tz_convert(company.zone)
        rows[contract.day] = local.dt.date
        for column in (c.name for c in contract.columns if c.type == "money" and c.name in rows):
            rate = np.ones(len(rows))
            for currency in rates:
                foreign = (rows.currency == currency).to_numpy()
                rate[foreign] = rates[currency].asof(local[foreign].dt.tz_localize(None)).to_numpy()
            rows[base_money(column)] = (rows[column] * rate).round().astype("Int64")
        for missing in set(contract.records_schema.names) - set(rows):
            rows[missing] = None
        return ibis.memtable(pa.Table.from_pandas(rows, schema=contract.records_schema, preserve_index=False))

    return {name: records(name) for name in ("orders", "subscriptions", "survey_responses")}


def _value(tables, metric, start, end, segment=None):
    found = measure(METRICS[metric], tables, Period(start, end, "Asia/Shanghai"), segment).to_pylist()
    return {row["segment"]: row["value"] for row in found} if segment is not None else found[0]["value"]


def test_nps_of_the_last_month_is_45(tables):
    assert _value(tables, "nps", date(2026, 6, 1), date(2026, 7, 1)) == pytest.approx(45)


def test_csat_of_the_last_month_is_74_75_and_90_by_team(company, frames, tables):
    person = company.truth.persons.to_pandas()
    team = frames["customers"].merge(person)[["person", "team"]].drop_duplicates("person")
    segment = ibis.memtable(team.rename(columns={"person": "person_id", "team": "segment"}))

    csat = _value(tables, "csat", date(2026, 6, 1), date(2026, 7, 1), segment)

    assert csat == pytest.approx({"North": 74, "East": 75, "South": 90})


def test_churn_breaches_its_line_in_the_month_of_the_price_rise(tables):
    churn = _value(tables, "churn_rate", date(2026, 5, 1), date(2026, 6, 1))

    assert round(churn, 3) == 0.051
    assert _value(tables, "churn_rate", date(2026, 4, 1), date(2026, 5, 1)) < 0.05


def test_the_best_fifth_brings_82_percent(tables):
    share = _value(tables, "customer_concentration", date(2024, 7, 1), date(2026, 7, 1))

    assert share == pytest.approx(0.82, abs=0.0005)
