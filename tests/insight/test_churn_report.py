"""The report of one file: bad input refused or handled, and said; figures that add up; a page that needs nothing else."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.insight.churn import ChurnModel
from tenure.insight.churn.customer_file import Asked
from tenure.insight.churn.drawing import ticks
from tenure.insight.churn.profit import Campaign
from tenure.insight.churn.report import page
from tenure.insight.churn.study import Study, study, wilson

TODAY = date(2026, 3, 2)
QUICK = ChurnModel(rounds=60, folds=2)
ASKED = Asked("left", "yes", folds=2)


def base(rows: int = 400, **more: Any) -> pa.Table:
    """Customers of whom the silent leave; tenure in months. A column given replaces or adds one."""
    r = np.random.default_rng(3)
    silent = r.gamma(2.0, 30.0, rows)
    left = r.random(rows) < 1 / (1 + np.exp(3.2 - 0.03 * silent))
    columns: dict[str, Any] = {
        "number": [f"C-{n}" for n in range(rows)],
        "silent": silent,
        "plan": r.choice(["basic", "plus"], rows),
        "tenure": r.integers(1, 60, rows),
        "left": np.where(left, "yes", "no"),
    }
    return pa.table(columns | more)


def looked(table: pa.Table, asked: Asked = ASKED) -> Study:
    return study(table, asked, today=TODAY, model=QUICK)


def few(count: int, rows: int) -> list[str]:
    return ["yes"] * count + ["no"] * (rows - count)


BAD: dict[str, tuple[pa.Table, Asked, str]] = {
    "one outcome only": (base(left=["yes"] * 400), ASKED, "Every one of the 400 rows has the outcome yes"),
    "a churn of 0.1 %": (base(2000, left=few(2, 2000)), ASKED, "2000 customers, of whom 2 left and 1998 stayed"),
    "20 rows": (base(20, left=few(10, 20)), ASKED, "there are 20 customers"),
    "no rows": (base(0), ASKED, "no rows below them"),
    "too few rows to choose among so many columns": (
        pa.table({"left": few(20, 60)} | {f"x{n}": np.random.default_rng(n).normal(size=60) for n in range(501)}), ASKED,
        "some more than 75 with 15 of either kind",
    ),
    "a matrix of readings": (
        pa.table({"left": few(30, 60)} | {f"x{n}": [n] * 60 for n in range(6_100)}), ASKED, "6,100 columns to learn from",
    ),
    "all missing": (
        pa.table({"a": pa.nulls(60), "b": ["", " "] * 30, "left": few(30, 60)}), ASKED, "a: blank in every row",
    ),
    "no such outcome column": (base(), Asked("Lefft", "yes"), 'no column "Lefft". Did you mean "left"?'),
    "no such value": (base(), Asked("left", "yess"), 'never says "yess". Did you mean "yes"?'),
    "no such column left out": (base(), Asked("left", "yes", leave_out=("zzz",)), "There are: number, silent, plan"),
    "dates that are none": (base(), Asked("left", "yes", date="plan"), 'Column "plan" holds no dates'),
    "dates that are all in the future": (
        base(on=[date(2030, 1, 1)] * 400), Asked("left", "yes", date="on"), "there are 0 customers",
    ),
    "days of leaving without a day to count from": (
        base(gone=["2026-01-05"] * 400), Asked("left", "yes", left_on="gone"), "name the day each row is of, too: --date",
    ),
    "days of leaving that are none": (
        base(on=[date(2026, 1, 1)] * 400), Asked("left", "yes", date="on", left_on="plan"), "it can't say when each left",
    ),
    "nothing but the outcome": (
        pa.table({"left": few(30, 60), "gone": few(30, 60)}), ASKED, "No column is left to learn from",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_nothing_can_be_learned_from_is_refused_with_what_was_found(case):
    table, asked, said = BAD[case]

    with pytest.raises(TenureError, match=re.escape(said)):
        looked(table, asked)


SOLD = ["1,200.50", "¥300", "12 %"] * 133 + ["on request"]
HANDLED: dict[str, tuple[dict[str, Any], str]] = {
    "text in numbers": ({"fee": SOLD}, 'fee is a column of numbers with text in 1 rows, such as "on request"'),
    "dates in the future": ({"renewal": ["2026-01-05"] * 200 + ["2031-02-01"] * 200}, "Dates in the future (rows): renewal (200)"),
    "a column with gaps": ({"visits": [None, 1.0, 2.0, 3.0] * 100}, "Blank in many rows: visits (25%)"),
    "an outcome left blank": ({"left": ["yes", "no", "no", None] * 100}, "100 rows say nothing of the outcome"),
    "an outcome of three": ({"left": ["yes", "no", "joined", "no"] * 100}, "counts as staying: joined, no"),
    "numbers used twice": ({"number": [f"C-{n // 2}" for n in range(400)]}, "200 rows carry a number in number"),
}  # fmt: skip


@pytest.mark.parametrize("case", HANDLED)
def test_what_is_odd_is_handled_and_said(case):
    columns, said = HANDLED[case]

    found = looked(base(**columns), Asked("left", "yes", id="number", folds=2))

    assert any(said in words.en for words in found.findings), [words.en for words in found.findings]
    assert 0 < found.metrics["auc"] <= 1


def test_of_very_many_columns_those_that_tell_are_learned_from_and_it_is_said():
    noise = np.random.default_rng(3).normal(size=(120, 400))

    found = looked(base(**{f"x{n}": row for n, row in enumerate(noise)}), Asked("left", "yes", id="number", folds=2))

    assert any(
        "123 columns are too many to learn from: the 40 that alone tell most" in words.en for words in found.findings
    )
    assert not found.dropped
    assert found.drivers[0]["feature"] == "silent"


def test_a_column_that_is_the_outcome_is_left_out_and_named_with_what_gives_it_away():
    table = base()
    copied = [{"yes": 7.5, "no": 2.5}[value] for value in table["left"].to_pylist()]

    found = looked(table.append_column("final bill", pa.array(copied)))

    assert found.refused["final bill"].en == "it alone tells who left (AUC 1.000)"
    assert "final bill" not in found.model.feature_names_in_
    assert "final bill" in page(found, language="en", made_on=TODAY)


def test_a_rare_outcome_is_learned_from_and_said_to_be_rare():
    silent = np.random.default_rng(0).normal(size=3000)
    left = np.where(np.argsort(np.argsort(-silent + np.random.default_rng(1).normal(size=3000))) < 15, "yes", "no")

    found = looked(pa.table({"silent": silent, "left": left}))

    assert any("Only 0.50% left" in words.en for words in found.findings)
    assert "each of 3 parts" in found.protocol.en  # two would leave too few to learn from


def test_too_few_to_try_it_on_others_are_refused_with_all_there_are():
    with pytest.raises(TenureError, match="60 customers, of whom 10 left and 50 stayed"):
        looked(pa.table({"x": np.random.default_rng(0).normal(size=60), "left": few(10, 60)}))


def test_with_a_date_the_latest_customers_are_told_by_the_earlier_ones():
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(400)]
    # A plan that nobody had before the line is seen for the first time where the model is tried.
    plan = ["basic", "plus"] * 150 + ["brand new"] * 100

    found = looked(base(on=days, plan=plan), Asked("left", "yes", date="on"))

    assert found.metrics["rows"] == 100
    assert "learned from 300 customers of before 2025-10-28" in found.protocol.en
    assert "on" not in found.model.feature_names_in_
    assert found.metrics["auc"] > 0.6


def test_dates_to_come_do_not_decide_how_well_it_is_told():
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(380)] + [date(2027, 1, 1)] * 20

    found = looked(base(on=days), Asked("left", "yes", date="on"))

    assert found.rows == 380
    assert any("20 rows have a date in on that lies in the future" in words.en for words in found.findings)


@pytest.mark.parametrize("columns", [600, pytest.param(5_000, marks=pytest.mark.soak)])
def test_of_more_columns_than_are_taken_those_that_tell_are_learned_from_and_named(columns):
    r = np.random.default_rng(0)
    noise = r.integers(0, 100, (300, columns)).astype(np.float64)
    left = noise[:, 123] + r.normal(0, 10, 300) > 70
    table = pa.table(
        {f"x{n}": noise[:, n] for n in range(columns)} | {"empty": pa.nulls(300), "left": np.where(left, "yes", "no")}
    )

    found = study(table, ASKED, today=TODAY, model=ChurnModel(rounds=20, folds=2, rate=0.1))

    assert "x123" in found.used
    assert len(found.used) == 30  # one for every ten rows learned from
    assert found.metrics["auc"] > 0.7
    assert any(
        f"{columns + 1:,} columns are too many to learn from: the 30 that" in words.en for words in found.findings
    )
    assert list(found.dropped) == ["empty"]
    assert "x123" in page(found, language="en", made_on=TODAY)


def test_columns_past_the_limit_are_chosen_by_the_rows_learned_from_alone():
    # Noise chosen by all rows would seem to tell on the rows it is tried on.
    r = np.random.default_rng(1)
    table = pa.table({f"x{n}": r.normal(size=120) for n in range(600)} | {"left": few(40, 120)})

    found = study(table, ASKED, today=TODAY, model=ChurnModel(rounds=20, folds=2, rate=0.1))

    assert found.metrics["auc_low"] < 0.5


def test_the_profit_is_that_of_the_campaign_asked_for_and_everything_assumed_is_said():
    campaign = Campaign(value=200, offer=0.1, contact=0.01)

    found = looked(base(), Asked("left", "yes", folds=2, campaign=campaign))

    rate = found.left / found.rows
    by_hand = 200 * (rate * (0.3 * 0.9 - 0.01) - (1 - rate) * 0.11)
    assert found.everybody == pytest.approx(by_hand)
    assert found.metrics["profit"]["expected"] > max(0.0, by_hand)
    low, high = found.intervals["profit"]
    assert low < found.metrics["profit"]["expected"] < high
    text = page(found, language="en", made_on=TODAY)
    for said in (
        "is worth 200.00",
        "an offer costs 20.00",
        "reaching one costs 2.00",
        "30% stay on average (Beta 6, 14",
    ):
        assert said in text


def test_the_learners_asked_for_stand_beside_the_model_on_the_same_customers():
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(400)]
    plan = ["basic", "plus"] * 150 + ["brand new"] * 100

    found = looked(base(on=days, plan=plan), Asked("left", "yes", date="on", learners=("tree", "logistic")))

    board = found.leaderboard
    assert board is not None
    assert board.entries[0].name == "blend"
    assert {entry.name for entry in board.entries[1:]} == {"tree", "logistic"}
    assert {entry.measures["rows"] for entry in board.entries} == {100}
    assert board.entries[0].measures["auc"] == found.metrics["auc"]
    gain, low, high = board.entries[1].gains["auc"]
    assert low < gain < high
    assert "Other learners on the same customers" in page(found, language="en", made_on=TODAY)


def test_a_learner_that_is_not_installed_is_named_with_what_it_needs(monkeypatch):
    monkeypatch.setattr("tenure.insight.churn.learners.base.find_spec", lambda name: None)

    found = looked(base(), Asked("left", "yes", folds=2, learners=("catboost",)))

    assert "catboost is not installed" in page(found, language="en", made_on=TODAY)


def test_how_long_before_they_left_it_was_told_is_counted_from_day_to_day():
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(400)]
    table = base(on=days)
    # Whoever left did so forty days after the day their row is of; two rows were written after the fact.
    gone = [
        (day + timedelta(days=40)).isoformat() if left == "yes" else None
        for day, left in zip(days, table["left"].to_pylist(), strict=True)
    ]
    leavers = [place for place, day in enumerate(gone) if day]
    for place in leavers[-2:]:
        gone[place] = (days[place] - timedelta(days=3)).isoformat()

    found = looked(table.append_column("gone", pa.array(gone)), Asked("left", "yes", date="on", left_on="gone"))

    lead = found.metrics["lead_time"]
    assert (lead["median"], lead["low"], lead["high"], lead["exact"]) == (40, 40, 40, True)
    assert lead["leavers"] == sum(place >= 300 for place in leavers) - 2
    assert 0 < lead["caught"] < 1
    assert "gone" not in found.model.feature_names_in_
    assert any("2 customers left, by gone, before the day in on" in words.en for words in found.findings)
    assert "40 days" in page(found, language="en", made_on=TODAY)


@pytest.fixture(scope="module")
def found() -> Study:
    table = base(600, note=["<script>alert(1)</script>", "b & c"] * 300)
    return looked(table, Asked("left", "yes", id="number", leave_out=("plan",), folds=2, customers=3, title="a<b>.csv"))


def test_what_drives_leaving_leads_and_the_chance_rises_with_it(found):
    first = found.dependence[0]

    assert found.drivers[0]["feature"] == first.column == "silent"
    assert first.points[-1][1] > first.points[0][1] + 0.1
    assert "plan" not in found.model.feature_names_in_


def test_the_riskiest_groups_leave_more_than_the_rest_and_are_counted_right(found):
    riskiest = found.segments[0]

    assert riskiest.left / riskiest.rows > found.left / found.rows
    assert any(name == "silent" for name, _ in riskiest.conditions)
    assert [one.predicted for one in found.segments] == sorted((one.predicted for one in found.segments), reverse=True)


def test_intervals_hold_their_figure(found):
    figures = {**found.metrics, "profit": found.metrics["profit"]["expected"]}
    for name, (low, high) in found.intervals.items():
        assert low < figures[name] < high


def test_the_interval_of_a_share_is_wilsons():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


def test_only_customers_asked_for_are_named_and_none_who_left(found):
    table = base(600)
    gone = {n for n, left in zip(table["number"].to_pylist(), table["left"].to_pylist(), strict=True) if left == "yes"}

    assert len(found.people) == 3
    assert not gone & {one.id for one in found.people}
    assert not looked(table, Asked("left", "yes", id="number", folds=2)).people


def test_a_column_of_tenure_gives_the_curve(found):
    assert found.tenure == "tenure"
    assert found.survival is not None
    assert found.survival.customers == 600


class _Page(HTMLParser):
    """Tags that are open, and everything a browser would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]
        if tag not in ("meta", "br", "line", "circle", "polyline", "polygon"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_loads_nothing_and_runs_nothing(found, language):
    text = page(found, language=language, made_on=TODAY)
    read = _Page(text)

    assert read.open == []
    assert read.fetched == []
    assert "script" not in read.tags
    assert "url(" not in text
    assert "@import" not in text
    assert "a&lt;b&gt;.csv" in text
    assert len(text) < 60_000


def test_the_page_is_in_the_language_asked_for(found):
    english, chinese = (page(found, language=each, made_on=TODAY) for each in ("en", "zh"))

    assert not re.search("[\u4e00-\u9fff]", re.sub("<style>.*?</style>", "", english, flags=re.DOTALL))
    assert "风险等级" in chinese
    assert "Risk bands" not in chinese


def test_axes_carry_few_round_numbers_over_the_whole_range():
    for low, high in ((0, 1), (0, 0.037), (0, 7043), (-3, 12)):
        found = ticks(low, high)
        assert found[0] <= low
        assert found[-1] >= high
        assert 4 <= len(found) <= 8
