"""Gradient-boosted trees by LightGBM."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tenure.insight.churn.boosting import grown_by
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular
from tenure.language import Words


class _Boosted:
    def __init__(self, text: str) -> None:
        import lightgbm

        self.text = text
        self._booster = lightgbm.Booster(model_str=text)

    def score(self, given: Given) -> Floats:
        return np.asarray(self._booster.predict(given.trees, raw_score=True, num_threads=1), dtype=np.float64)

    def to_texts(self) -> dict[str, str]:
        return {"trees.txt": self.text}


class LightGBM(Tabular):
    """Ke et al. (2017). rounds, leaves, rate: how many trees, of how many leaves, each added by which part."""

    NAME = "lightgbm"
    OWN = ("rounds", "leaves", "rate")

    def __init__(self, *, rounds: int = 150, leaves: int = 7, rate: float = 0.05, **shared: Any) -> None:
        super().__init__(**shared)
        self.rounds = rounds
        self.leaves = leaves
        self.rate = rate

    def _learn(self, given: Given, y: Floats) -> Part:
        import lightgbm

        settings = grown_by(len(y), self.leaves, self.rate, self.seed) | {"max_bin": 63, "num_threads": 1}
        data = lightgbm.Dataset(given.trees, y, params={"verbosity": -1, "max_bin": 63})
        return _Boosted(lightgbm.train(settings, data, self.rounds).model_to_string())

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        return _Boosted(texts["trees.txt"])


KIND = Kind(
    "lightgbm",
    Words("Boosted trees (LightGBM)", "梯度提升树（LightGBM）"),
    Words("Many customers, and columns that work together", "客户数量大、各列相互影响的场合"),
    LightGBM,
    LightGBM.load,
    quick=True,
)
