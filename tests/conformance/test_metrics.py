"""Every metric, whoever adds it, keeps these promises."""

import math
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis
import pytest

from tenure.contracts import CONTRACTS, base_money
from tenure.errors import TenureError
from tenure.insight.metrics import (
    MEASURED,
    METRICS,
    UNITS,
    Change,
    Metric,
    Period,
    figure,
    judge,
    measure,
    metric_named,
)
from tenure.insight.metrics.breakdown import behind
from tests.tables import company, records

EVERY = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
MARCH = Period.month(2026, 3)


@EVERY
def test_the_worked_example_comes_to_what_it_says(metric: Metric):
    example = metric.example

    row = measure(metric, company(**example.rows), example.period).to_pylist()

    assert len(row) == 1
    assert row[0]["value"] == pytest.approx(example.value, rel=1e-9)
    assert row[0]["count"] == example.count
    assert row[0]["needs"] is None
    if example.numerator is not None:
        assert (row[0]["numerator"], row[0]["denominator"]) == (example.numerator, example.denominator)


@EVERY
def test_without_records_it_says_what_it_needs_and_never_nan(metric: Metric):
    for tables in ({}, {name: records(name) for name in metric.reads}):
        table = measure(metric, tables, MARCH)

        row = table.to_pylist()[0]
        assert table.schema == MEASURED
        assert (row["value"], row["count"]) == (None, 0)
        assert row["needs"].split(", ") == list(metric.reads)


@EVERY
def test_a_period_without_records_has_no_ratio_and_a_zero_total(metric: Metric):
    long_before = Period.month(1999, 1)

    row = measure(metric, company(**metric.example.rows), long_before).to_pylist()[0]

    assert row["count"] == 0
    if metric.total:
        assert (row["value"], row["needs"]) == (0, None)
    else:
        assert row["value"] is None
        assert set(row["needs"].split(", ")) <= set(metric.reads)


@EVERY
def test_each_segment_has_its_own_row(metric: Metric):
    """The example's customers in one segment and their doubles, ten million on, in another: both show the example."""
    doubles = {
        name: [*rows, *[_double(name, row) for row in rows]] for name, rows in _numbered(metric.example.rows).items()
    }
    tables = {
        name: table.mutate(
            segment=ibis.ifelse(table.source == "double", "b", "a")
        ) for name, table in company(**doubles).items()
    }  # fmt: skip

    rows = measure(metric, tables, metric.example.period).to_pylist()

    assert [row["segment"] for row in rows] == ["a", "b"]
    for row in rows:
        assert row["value"] == pytest.approx(metric.example.value)
        assert row["count"] == metric.example.count


@EVERY
def test_it_is_said_in_both_languages_and_names_its_source(metric: Metric):
    for words in (metric.words, metric.meaning, metric.formula, metric.count, metric.source):
        assert words.en.strip()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words.zh)
    assert metric.unit in UNITS
    assert set(metric.reads) <= set(CONTRACTS)
    assert metric.module.endswith(f".{metric.name}")
    assert metric.compute.__doc__


@EVERY
def test_its_lines_stand_in_the_order_it_improves(metric: Metric):
    lines = [line.value for line in (metric.limit, metric.benchmark, metric.excellent) if line]

    assert lines == sorted(lines, reverse=metric.better == "lower")


def test_the_catalogue_holds_the_numbers_promised():
    assert set(METRICS) >= {
        "active_customers", "new_customers", "revenue", "orders", "average_order_value", "arpu", "repurchase_rate",
        "refund_rate", "churn_rate", "retention_rate", "silent_churn_rate", "nps", "csat", "ces", "complaint_rate",
        "first_contact_resolution", "response_hours", "resolution_hours", "discount_share", "campaign_uptake",
        "late_payment_rate", "on_time_delivery", "customer_concentration", "clv", "revenue_churn", "recurring_revenue",
        "gross_revenue_retention", "net_revenue_retention", "handling_minutes", "cross_sell_success", "conversion_rate",
        "win_rate", "sales_cycle_days", "promotion_roi", "acquisition_cost", "cost_to_serve", "clv_to_cac", "renewal_rate",
        "automation_coverage", "stock_cover_days", "customer_contribution", "contribution_margin", "trust",
        "perceived_value", "service_request_rate", "cross_channel_share", "high_value_share", "error_rate",
    }  # fmt: skip


def test_an_unknown_metric_is_answered_with_those_there_are():
    with pytest.raises(TenureError, match="csat"):
        metric_named("happiness")


def test_a_table_of_persons_puts_each_in_a_segment():
    tables = company(orders=[{"person_id": n, "ordered_at": "2026-03-02", "amount_minor": n * 100} for n in (1, 2, 3)])
    tiers = ibis.memtable({"person_id": [1, 2], "segment": ["core", "growth"]})

    rows = measure(METRICS["average_order_value"], tables, MARCH, segment=tiers).to_pylist()

    assert {row["segment"]: row["value"] for row in rows} == {"core": 100, "growth": 200, None: 300}


def test_a_column_of_the_records_can_be_the_segment():
    tables = company(
        survey_responses=[
            {"survey": "csat", "answered_at": "2026-03-02", "score": 60, "touchpoint": "delivery"},
            {"survey": "csat", "answered_at": "2026-03-02", "score": 90, "touchpoint": "shop"},
        ]
    )

    rows = measure(METRICS["csat"], tables, MARCH, segment="touchpoint").to_pylist()

    assert [(row["segment"], row["value"]) for row in rows] == [("delivery", 60), ("shop", 90)]


def test_several_periods_come_in_order_and_none_is_missing():
    tables = company(
        orders=[{"person_id": 1, "ordered_at": f"2026-0{month}-02", "amount_minor": 100} for month in (1, 3)]
    )

    rows = measure(METRICS["orders"], tables, Period.months(date(2026, 1, 1), 3)).to_pylist()

    assert [row["period_start"] for row in rows] == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    assert [row["value"] for row in rows] == [1, 0, 1]


def test_nothing_is_measured_over_no_period():
    assert measure(METRICS["orders"], {}, []).num_rows == 0


def test_subscriptions_light_up_revenue_where_there_are_no_orders():
    tables = company(subscriptions=[{"person_id": 1, "started_at": "2026-01-01", "fee_minor": 9900}])

    months = measure(METRICS["revenue"], tables, Period.months(date(2026, 2, 1), 2)).to_pylist()

    assert [month["value"] for month in months] == [9900, 9900]


def test_a_subscription_s_last_instant_is_the_end_of_its_period_in_the_business_zone():
    ended = company(
        subscriptions=[
            {"person_id": 1, "started_at": "2025-01-01", "ended_at": "2026-03-31T15:59:59"},
            {"person_id": 2, "started_at": "2025-01-01", "ended_at": "2026-03-31T16:00:00"},
        ]
    )

    row = measure(METRICS["churn_rate"], ended, Period.month(2026, 3, "Asia/Shanghai")).to_pylist()[0]

    assert row["value"] == 0.5


def test_nps_of_60_25_15_in_a_hundred_is_45_short_of_50():
    nps = METRICS["nps"]

    value = measure(nps, company(**nps.example.rows), MARCH).to_pylist()[0]["value"]

    assert value == 45
    verdict = judge(nps, value)
    assert verdict.level == "below"
    assert verdict.words.en == "45: short of the benchmark of 50"


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("csat", 74, "below"),
        ("csat", 75, "at"),
        ("csat", 89.9, "at"),
        ("csat", 90, "excellent"),
        ("nps", 50, "at"),
        ("churn_rate", 0.051, "breach"),
        ("churn_rate", 0.05, "at"),
        ("churn_rate", 0.049, "at"),
    ],
)
def test_a_figure_is_judged_by_its_lines(name: str, value: float, level: str):
    assert judge(METRICS[name], value).level == level


def test_churn_of_51_in_a_thousand_breaches_the_line_and_says_so():
    rows = [{"person_id": n, "started_at": "2025-01-01"} for n in range(1000)]
    for row in rows[:51]:
        row["ended_at"] = "2026-03-10"

    measured = measure(METRICS["churn_rate"], company(subscriptions=rows), MARCH).to_pylist()[0]
    verdict = judge(METRICS["churn_rate"], measured["value"])

    assert (measured["numerator"], measured["denominator"]) == (51, 1000)
    assert verdict.words.en == "5.1 %: beyond the limit of 5 %"
    assert verdict.words.zh == "5.1%：超出 5% 的警戒线"


def test_a_breach_by_a_hair_shows_the_hair():
    assert judge(METRICS["churn_rate"], 0.050004).words.en == "5.0004 %: beyond the limit of 5 %"


def test_no_value_and_no_line_have_no_verdict():
    assert judge(METRICS["nps"], None) is None
    assert judge(METRICS["nps"], math.nan) is None
    assert judge(METRICS["orders"], 12) is None


def test_80_to_92_percent_is_15_percent_relative_and_12_points():
    change = Change(0.80, 0.92, "share")

    assert change.relative == pytest.approx(0.15)
    assert change.words.en == "+15 % relative (+12 points)"
    assert change.words.zh == "相对变化 +15%（+12 个百分点）"


def test_a_rise_from_nothing_has_no_relative_change():
    assert Change(0, 12, "orders").words.en == "+12"


def test_money_is_shown_in_whole_units_of_its_currency():
    assert figure("money", 123456).en == "1,234.56"
    assert figure("money", 123456, decimals=0).en == "123,456"


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (Period.month(2026, 3), Period.month(2026, 2)),
        (Period(date(2026, 1, 1), date(2026, 4, 1)), Period(date(2025, 10, 1), date(2026, 1, 1))),
        (Period(date(2026, 3, 2), date(2026, 3, 9)), Period(date(2026, 2, 23), date(2026, 3, 2))),
    ],
)
def test_the_period_before_is_as_long_and_ends_where_it_starts(period: Period, before: Period):
    assert period.before() == before


def test_months_from_the_31st_touch_without_a_gap():
    months = Period.months(date(2026, 1, 31), 3)

    assert [month.start for month in months] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
    assert all(left.end == right.start for left, right in pairwise(months))


def test_a_period_without_a_day_is_refused():
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(date(2026, 3, 1), date(2026, 3, 1))


def _numbered(rows):
    return {name: [{**row, "row": n} for n, row in enumerate(given)] for name, given in rows.items()}


def _double(name, row):
    """The same story of another person, from another source."""
    twin = {**row, "source": "double"}
    if twin.get("person_id") is not None:
        twin["person_id"] += 10_000_000
    return twin


def test_the_page_on_adding_one_shows_a_metric_that_works():
    page = (Path(__file__).parents[2] / "docs" / "adding" / "metric.md").read_text(encoding="utf-8")
    source = page.split("```python\n")[1].split("```")[0]
    shown: dict[str, Any] = {"__name__": "items_per_customer"}

    exec(compile(source, "metric.md", "exec"), shown)

    metric = shown["items_per_customer"]
    row = measure(metric, company(**metric.example.rows), metric.example.period).to_pylist()[0]
    assert (row["value"], row["count"]) == (metric.example.value, metric.example.count)


@EVERY
def test_without_the_column_it_cannot_do_without_it_names_the_column(metric: Metric):
    for column in metric.columns:
        contract, __, name = column.partition(".")
        blank = {**company(**metric.example.rows)}
        empty = {n: ibis.null(blank[contract][n].type()) for n in {name, _base(name)} & set(blank[contract].columns)}
        blank[contract] = blank[contract].mutate(**empty)

        row = measure(metric, blank, metric.example.period).to_pylist()[0]

        assert row["value"] is None
        assert column in row["needs"].split(", ")


@EVERY
def test_a_metric_that_hidden_amounts_would_change_says_it_tells_of_money(metric: Metric):
    hidden = {}
    for name, table in company(**metric.example.rows).items():
        # What a line is does not hang on its amount where the file says it.
        if name == "orders":
            told = ibis.ifelse(table.amount_base_minor.fill_null(0) < 0, "refund", "sale")
            table = table.mutate(kind=table.kind.fill_null(told))
        hidden[name] = table.mutate(**{n: ibis.null("int64") for n in table.columns if n.endswith("_minor")})

    row = measure(metric, hidden, metric.example.period).to_pylist()[0]

    if not metric.amounts and metric.name != "late_payment_rate":  # there, money given back is no bill
        assert row["value"] == pytest.approx(metric.example.value)


@EVERY
def test_a_drill_adds_up_to_its_figure(metric: Metric):
    tables, period = company(**metric.example.rows), metric.example.period
    if metric.made_of:
        assert set(metric.made_of) <= set(METRICS)
        return
    [figure_] = measure(metric, tables, period).to_pylist()

    rows = behind(metric, tables, period).to_pyarrow().to_pylist()

    assert sum(row["numerator"] for row in rows) == pytest.approx(figure_["numerator"])
    assert sum(row["denominator"] for row in rows) == pytest.approx(figure_["denominator"])


def _base(name: str) -> str:
    return base_money(name) if name.endswith("_minor") else name
