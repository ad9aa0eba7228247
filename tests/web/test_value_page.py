"""The pages of value and survival: what they show is the asker's own, and every number leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tenure.desk.lake import lake
from tenure.lake.tables import COMPUTED
from tests.cast import EAST, SOUTH

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_it_was(sign_in: Any) -> Iterator[None]:
    """The company's lake is shared: what a test computes into it is taken out again."""
    yield
    for table in ("scores/value", "scores/lives"):
        lake().publish(table, COMPUTED[table].empty_table())
    for document in ("value_card", "lives_card"):
        lake().publish_document(document, {})


def valued() -> None:
    """Everybody fell from the highest tenth to the fifth, by as much as their number."""
    rows = [
        {"person_id": p, "p_alive": 0.9, "expected_purchases": 2.0, "value_base_minor": 10_000, "value_decile": 5,
         "contract_base_minor": 0, "simple_base_minor": 9_000, "as_of": date(2026, 2, 28), "before_on": date(2026, 1, 31),
         "before_base_minor": 10_000 + 100 * p, "before_decile": 10}
        for p in sorted(EAST | SOUTH)
    ]  # fmt: skip
    lake().publish("scores/value", pa.Table.from_pylist(rows, schema=COMPUTED["scores/value"]))


def lived() -> None:
    rows = [
        {"person_id": p, "days": 100 * n, "ended": n % 2 == 0, "kind": "buyer", "plan": None}
        for n, p in enumerate(sorted(EAST | SOUTH), 1)
    ]
    lake().publish("scores/lives", pa.Table.from_pylist(rows, schema=COMPUTED["scores/lives"]))
    lake().publish_document("lives_card", {"as_of": "2026-02-28", "silence_days": 120})


def test_who_moved_is_told_of_the_readers_customers_and_leads_to_them(sign_in: Any) -> None:
    valued()

    everyone, east = (sign_in(name).get("/insight/value/") for name in ("dee", "mia"))

    assert everyone.context["moved"] == len(EAST | SOUTH)
    assert east.context["moved"] == len(EAST)
    furthest = east.context["fallen"][0]
    assert furthest["person_id"] == max(EAST)
    assert furthest["change"] == -100 * max(EAST)
    assert f'href="/customers/{max(EAST)}/"' in east.content.decode()
    assert all(f'href="/customers/{person}/"' not in east.content.decode() for person in SOUTH)


def test_the_model_in_use_is_named_with_how_it_was_tried_and_why_others_could_not_be(sign_in: Any) -> None:
    valued()
    interval = {"value": -0.021, "low": -0.05, "high": 0.01}
    tried = {"customers": 500, "foretold": 9.0, "happened": 10.0, "bias": interval, "spearman": None, "pearson": None,
             "gini": 0.7, "explained": 0.44, "mae": 1.0, "rmse": 2.0,
             "deciles": [{"decile": 10, "customers": 50, "foretold": 9.0, "happened": interval}]}  # fmt: skip
    lake().publish_document("value_card", {
        "model": "hybrid", "reach_days": 181.0, "tried": {"hybrid": tried, "bgnbd": {**tried, "explained": 0.4}},
        "refused": {"pareto": {"en": "Not enough data, because it is so.", "zh": "数据不足。"}}, "simple": {**tried, "bias": None},
        "calibration": [{"n": 50, "predicted": 0.2, "observed": 0.25, "low": 0.15, "high": 0.4}],
    })  # fmt: skip

    page = sign_in("dee").get("/insight/value/")
    text = page.content.decode()

    assert [row["taken"] for row in page.context["tried"]] == [True, False, False]
    assert "Habits corrected by learning" in text
    assert "-2.1%" in text
    assert "Not enough data, because it is so." in text


def test_survival_counts_the_readers_customers_and_states_what_leaving_means(sign_in: Any) -> None:
    lived()

    everyone, east = (sign_in(name).get("/churn/survival/") for name in ("dee", "mia"))

    assert everyone.context["everyone"]["customers"] == len(EAST | SOUTH)
    assert east.context["everyone"]["customers"] == len(EAST)
    assert "120 days after the last purchase" in everyone.content.decode()


def test_before_any_refresh_survival_says_what_to_import(sign_in: Any) -> None:
    assert "tenure import contracts.csv" in sign_in("dee").get("/churn/survival/").content.decode()
