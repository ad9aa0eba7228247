"""The blend, and behind it CatBoost: a second opinion on the order of those whom the blend can't tell apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.chances import logit, sigmoid
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given, Kind, Part, Reader, Tabular, arrays, from_arrays
from tenure.insight.churn.learners.catboost import CatBoost
from tenure.insight.churn.model import ChurnModel
from tenure.language import Words

_FEWEST_LEAVERS = 20  # of whom an order can be seen to tell nothing
_SHARE = 0.05  # of all who left: fewer than these are not worth a second model
_BY_LOT = 1.645  # standard errors over a half up to which an AUC may be chance, one-sided 95 %
_APART = 1e-3  # log-odds between the first and the last of those nobody tells apart: less than any page shows
_FIRST, _SECOND = "first-", "second-"


def untold(outside: Floats, y: NDArray[Any]) -> float | None:
    """The score up to which an order tells nothing: who left stands among the rows up to it as by lot, and one chance for
    all of those foretells them better than their own.

    outside: scores in log-odds of rows by models that had not seen them; y: who left. As by lot: their AUC is not above a
    half by more than chance allows (Mann and Whitney 1947, one-sided 95 %). Of all such scores it is the one by which the
    log-loss falls most. None where it falls nowhere, of scores up to which 20 of who left are found and a twentieth of them.
    """
    from scipy.special import entr
    from scipy.stats import rankdata

    at = np.argsort(outside, kind="stable")
    score, left = outside[at], np.asarray(y, dtype=np.float64)[at]
    rows, leavers = np.arange(1, len(left) + 1), np.cumsum(left)
    stayed = rows - leavers
    whole = np.append(score[1:] != score[:-1], True)
    enough = (leavers >= max(_FEWEST_LEAVERS, _SHARE * left.sum())) & (stayed > 0)
    # Ranks among the rows up to a score are those among all rows, where rows of one score stay together.
    above = np.cumsum(rankdata(score) * left) - leavers * (leavers + 1) / 2
    lot = above - leavers * stayed / 2 <= _BY_LOT * np.sqrt(leavers * stayed * (rows + 1) / 12)
    own = np.cumsum(np.logaddexp(0.0, score) - left * score)
    alike = rows * (entr(leavers / rows) + entr(stayed / rows))
    gain = np.where(whole & enough & lot, own - alike, 0.0)
    best = int(np.argmax(gain))
    return float(score[best]) if gain[best] > 0 else None


@dataclass
class _Backed:
    """The blend; and, where it has one, the score up to which it tells nothing, the chance there, and who orders them."""

    first: ChurnModel
    edge: float = -np.inf
    middle: float = 0.0
    second: Part | None = None

    def score(self, given: Given) -> Floats:
        found = self.first.decision_function(given.table)
        few = found <= self.edge
        if self.second is not None and few.any():
            found[few] = self.middle + _APART * sigmoid(self.second.score(given))[few]
        return found

    def parts(self, given: Given) -> Floats:
        """What each column of the table adds to each row's score above the blend's baseline: shape (n, columns).

        They are the blend's. Below the edge each is moved in proportion to its size, so that they add up to the score.
        """
        found = self.first.contributions(given.table)
        size = np.abs(found)
        size[~size.any(axis=1)] = 1.0  # where nothing tells, every column is as far from telling
        wanting = self.score(given) - self.first.baseline_ - found.sum(axis=1)
        return np.asarray(found + size * (wanting / size.sum(axis=1))[:, None], dtype=np.float64)

    def outside(self) -> Floats:
        """Scores of the rows learned from by a blend that had not seen them."""
        return np.where(self.first.outside_ <= self.edge, self.middle, self.first.outside_)

    def to_texts(self) -> dict[str, str]:
        parts = {f"{_FIRST}{name}": text for name, text in self.first.to_texts().items()}
        if self.second is None:
            return parts
        parts |= {f"{_SECOND}{name}": text for name, text in self.second.to_texts().items()}
        return parts | {"cascade.json": arrays(edge=self.edge, middle=self.middle)}


class Cascade(Tabular):
    """Two learners one after the other (Gama and Brazdil 2000): the blend gives the chances and, as far as it can, the order.

    Where its order is seen to tell nothing out of fold (`untold`), all are given the one chance that those rows had, and stand
    in the order of a CatBoost as its makers set it; where it tells everywhere, no CatBoost is learned. The chances are the
    blend's, then, and the order of those whom no learner may be able to tell apart is not another lot beside CatBoost's.

    Scores are taken apart as the blend's are; below the edge its parts are moved to add up (`_Backed.parts`).

    rounds: CatBoost's. folds: of the blend's cross-fitting.
    """

    NAME = "cascade"
    OWN = ("rounds",)
    MOST = 200_000
    _kept: _Backed

    def __init__(self, *, rounds: int = 1000, folds: int = 5, **shared: Any) -> None:
        super().__init__(folds=folds, **shared)
        self.rounds = rounds

    def _learn(self, given: Given, y: Floats) -> _Backed:
        first = ChurnModel(folds=self.folds, most_rows=self.most_rows, allow=self.allow, seed=self.seed)
        first.fit(given.table, y.astype(int), given.groups)
        edge = untold(first.outside_, y)
        if edge is None:
            return _Backed(first)
        # Even where the blend is at odds with itself, nobody it can't tell stands above who it can.
        middle = min(float(logit(y[first.outside_ <= edge].mean())), edge - _APART)
        second = CatBoost(rounds=self.rounds, depth=6, rate=None, seed=self.seed)
        return _Backed(first, edge, middle, second._learn(given, y))

    def _outside(self, reader: Reader, y: Floats, folds: NDArray[np.int64]) -> Floats:
        # The blend was cross-fitted as it was learned; not so the choice among very many columns.
        return super()._outside(reader, y, folds) if reader.chooses else self._kept.outside()

    @property
    def baseline_(self) -> float:
        """The blend's, brought to the level and spread of the chances."""
        return self._shift + self._stretch * self._kept.first.baseline_

    def explained(self, rows: int) -> int:
        """All of them: the blend's scores are taken apart as they are made."""
        return rows

    def _parts(self, given: Given) -> Floats:
        if not len(given):
            return np.zeros((0, len(self._readings)))
        names = given.table.column_names
        return self._stretch * self._kept.parts(given)[:, [names.index(reading.name) for reading in self._readings]]

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> _Backed:
        def of(which: str) -> dict[str, str]:
            return {name.removeprefix(which): text for name, text in texts.items() if name.startswith(which)}

        first = ChurnModel.from_texts(of(_FIRST))
        if "cascade.json" not in texts:
            return _Backed(first)
        kept = from_arrays(texts["cascade.json"])
        return _Backed(first, float(kept["edge"]), float(kept["middle"]), CatBoost._part(of(_SECOND)))


KIND = Kind(
    "cascade",
    Words("Blend, with CatBoost behind it", "混合模型，由 CatBoost 补充排序"),
    Words("Where many leave without a sign, and their order matters", "许多客户毫无征兆地离开、而排序又重要的场合"),
    Cascade,
    Cascade.load,
    needs=("catboost", "boost"),
)
