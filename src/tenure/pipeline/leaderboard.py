"""What the refresh tells of the learners beside the one in use: the quick ones, on the split of its own back-test."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tenure.insight.churn.backtest import Backtest
from tenure.insight.churn.leaderboard import CHAMPION, QUICK, Leaderboard, leaderboard, leaderboard_by_folds
from tenure.insight.churn.leaderboard import leaderboard_document as told
from tenure.language import Words

DOCUMENT = "churn_leaderboard"
# Someone waits for a refresh: a second opinion from so many customers costs seconds, from all of them minutes.
_SETTINGS = {"folds": 2, "most_rows": 10_000}
_TRIED = (CHAMPION, *QUICK)  # whichever is in use is not held against itself
_FEWER = Words(
    "Challengers learned from at most {rows} rows each, so that the refresh stays quick; the champion from all it may",
    "为保证刷新速度，每个挑战者最多使用 {rows} 行训练；冠军模型使用其可用的全部数据",
)


def leaderboard_document(
    tried: Backtest,
    as_of: datetime,
    X: Any,
    left: Any,
    horizon_days: int = 0,
) -> dict[str, Any]:
    """The leaderboard beside the back-test of the model in use, as the document the page shows.

    X, left: frames and labels by cut date as `backtest` took them, or the one frame and outcome of `cross_validate`.
    """
    found: Leaderboard
    if isinstance(X, Mapping):
        found = leaderboard(X, left, horizon_days, champion=tried, learners=_TRIED, settings=_SETTINGS)
    else:
        found = leaderboard_by_folds(X, left, champion=tried, learners=_TRIED, settings=_SETTINGS)
    fewer = _FEWER.format(rows=f"{_SETTINGS['most_rows']:,}")
    return {**told(found, as_of), "note": {"en": fewer.en, "zh": fewer.zh}}
