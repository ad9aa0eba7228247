"""The churn model's page: what the figures mean, the leaderboard, and what a campaign would earn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from tenure.desk.lake import lake
from tenure.insight.churn import Outcome, card
from tenure.insight.churn.backtest import Backtest, cross_validate
from tenure.insight.churn.leaderboard import leaderboard_by_folds, leaderboard_document
from tenure.insight.churn.learners import learner_named

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _as_it_was(sign_in: Any) -> Iterator[None]:
    before = lake().document("churn_card")
    yield
    lake().publish_document("churn_card", before or {})
    lake().publish_document("churn_leaderboard", {})


@pytest.fixture(scope="module")
def told() -> tuple[dict[str, Any], dict[str, Any]]:
    """A card and a leaderboard of a model tried by folds, its lead time as if it had been tried over time."""
    r = np.random.default_rng(0)
    X = r.normal(size=(400, 3))
    left = r.random(400) < 1 / (1 + np.exp(-2 * X[:, 0]))
    tried: Backtest = cross_validate(X, left, model=learner_named("logistic").make())
    tried.metrics["lead_time"] = {
        "leavers": 200,
        "caught": 0.4,
        "median": 45.0,
        "low": 0.0,
        "high": 90.0,
        "exact": False,
    }
    board = leaderboard_by_folds(X, left, champion=tried, learners=["tree", "hazard"])
    shown = card(Outcome(), tried, as_of=NOW, rows=400, left=int(left.sum()))
    return shown, leaderboard_document(board, NOW)


def test_the_page_says_in_plain_words_what_the_figures_mean(sign_in: Any, told: Any) -> None:
    lake().publish_document("churn_card", told[0])

    page = sign_in("dee").get("/churn/model/").content.decode()

    precision = round(100 * told[0]["metrics"]["top_precision"])
    assert f"Of 100 customers in the riskiest tenth, {precision} left" in page
    assert "half of them 45 days or more before the period in which they left began (middle half 0 to 90)" in page
    assert "Leaderboard" not in page


def test_the_leaderboard_shows_gains_and_why_one_was_not_tried(sign_in: Any, told: Any) -> None:
    lake().publish_document("churn_card", told[0])
    lake().publish_document("churn_leaderboard", told[1])

    answer = sign_in("dee").get("/churn/model/")

    page = answer.content.decode()
    tree = next(line for line in answer.context["learners"] if line["name"] == "tree")
    assert tree["tone"] == "t-bad"
    assert "Decision tree" in page
    assert "how long each has been a customer" in page
    assert "The champion stays" in page
    assert [line["name"] for line in answer.context["profit"]["data"]] == [
        "Logistic regression",
        "Decision tree",
    ]
    assert "30%" in page


def test_a_card_of_before_these_figures_still_opens(sign_in: Any, told: Any) -> None:
    older = {**told[0], "metrics": {name: value for name, value in told[0]["metrics"].items()
                                    if name not in ("lead_time", "profit", "top_precision", "top_recall", "calibration_error")}}  # fmt: skip
    lake().publish_document("churn_card", older)

    answer = sign_in("dee").get("/churn/model/")

    assert answer.status_code == 200
    assert answer.context["plainly"] == []
