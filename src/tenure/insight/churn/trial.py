"""How every model of a file is tried, on the same customers: the latest by date where there is one, else by folds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import count

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.churn import guards, telling
from tenure.insight.churn.backtest import Backtest, cross_validate
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.customer_file import Asked, days_of
from tenure.insight.churn.leaderboard import Leaderboard, compared
from tenure.insight.churn.learners import Learner
from tenure.insight.churn.scores import Bands, measure
from tenure.language import Words, tr

LATEST = 0.25  # the share of customers, the latest by date, that the model is tried on


@dataclass(frozen=True)
class Trial:
    """How every model is tried, on the same customers. seen: their rows. early: those learned from where tried over time."""

    X: pa.Table
    y: Floats
    seen: NDArray[np.int64]
    folds: int
    early: NDArray[np.int64] | None = None
    line: str = ""

    def of(self, model: Learner, *, keep: bool = True) -> Backtest:
        """What comes of a model. keep: whether it is then learned from all customers, too, to be looked into."""
        if self.early is None:
            return cross_validate(self.X, self.y.astype(int), folds=self.folds, model=model, keep=keep)
        learner = type(model)(**model.get_params()).fit(
            self.X.take(pa.array(self.early)), self.y[self.early].astype(int)
        )
        p = learner.predict_proba(self.X.take(pa.array(self.seen)))[:, 1]
        words = _BY_TIME.format(learned=f"{len(self.early):,}", tried=f"{len(self.seen):,}", day=self.line)
        bands, left = Bands.choose(p), self.y[self.seen]
        final = type(model)(**model.get_params()).fit(self.X, self.y.astype(int)) if keep else learner
        return Backtest(words, measure(left, p, bands), [], bands, final, left=left, told=p)


_BY_TIME = Words(
    "By time: learned from {learned} customers of before {day}, tried on the {tried} of that day and after",
    "按时间：以 {day} 之前的 {learned} 位客户训练，以该日及之后的 {tried} 位检验",
)


def trial_of(table: pa.Table, X: pa.Table, y: Floats, asked: Asked, findings: list[Words]) -> Trial:
    """By time where there is a date to go by and enough on either side of a day; else by folds."""
    if asked.date is not None:
        days = days_of(table[asked.date])
        assert days is not None
        line = float(np.ceil(np.quantile(days, 1 - LATEST)))
        early, late = np.flatnonzero(days < line), np.flatnonzero(days >= line)
        if _teaches(y[early]) and _teaches(y[late]):
            day = date.fromordinal(date(1970, 1, 1).toordinal() + int(line))
            return Trial(X, y, late, asked.folds, early, day.isoformat())
        findings.append(
            Words(
                "Too few customers, or of one outcome only, before or after the day that would part them: tried by folds",
                "分界日前后的客户过少或只有一种结果：改为按折验证",
            )
        )
    # Where columns are chosen first, they are chosen on two thirds of the rows learned from, too.
    return Trial(X, y, np.arange(len(y)), _folds(y, asked.folds, 1.5 if X.num_columns > telling.MOST_COLUMNS else 1.0))


def held_against(champion: Backtest, trial: Trial, asked: Asked, tell: Callable[[int], None]) -> Leaderboard:
    """The learners asked for beside the model, on the same customers."""
    done = count()

    def tried(model: Learner | None) -> Backtest:
        assert model is not None  # the champion was tried before
        tell(next(done))
        return trial.of(model, keep=False)

    return compared(tried, champion, asked.learners, None, asked.campaign, 0)


def _folds(y: Floats, asked: int, more: float) -> int:
    """So many parts, or more where the others would be too few to learn from without one.

    more: how many times the fewest rows that can be learned from are needed.
    """
    fewest, rows = int(min(y.sum(), len(y) - y.sum())), len(y)
    needed, each = round(guards.FEWEST_ROWS * more), round(guards.FEWEST_OF_EACH * more)
    for folds in range(asked, 21):
        # A part holds its share of either kind, rounded up at worst.
        if fewest - -(-fewest // folds) >= each and rows - -(-rows // folds) >= needed:
            return folds
    raise guards.UnfitDataError(
        tr(
            "Not enough data, because there are {rows} customers, of whom {left} left and {stayed} stayed. "
            "To try the model on customers it has not seen, some more than {needed} with {each} of either kind are needed.",
            rows=rows,
            left=int(y.sum()),
            stayed=rows - int(y.sum()),
            needed=needed,
            each=each,
        )
    )


def _teaches(y: Floats) -> bool:
    return len(y) >= guards.FEWEST_ROWS and min(y.sum(), len(y) - y.sum()) >= guards.FEWEST_OF_EACH
