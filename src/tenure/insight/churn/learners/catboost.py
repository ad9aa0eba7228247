"""Gradient-boosted trees by CatBoost, which reads categories by ordered target statistics."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tenure.insight.churn.columns import Floats, numbers, texts
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular
from tenure.language import Words


class _Boosted:
    """CatBoost's model and the JSON it is kept as; it reads JSON from a file alone, so for a moment there is one."""

    def __init__(self, text: str, model: Any = None) -> None:
        self.text = text
        if model is None:
            import catboost

            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.json"
                path.write_text(text, encoding="utf-8")
                model = catboost.CatBoostClassifier()
                model.load_model(str(path), format="json")
        self._model = model

    def score(self, given: Given) -> Floats:
        found = self._model.predict(_frame(given), prediction_type="RawFormulaVal", thread_count=1)
        return np.asarray(found, dtype=np.float64)

    def to_texts(self) -> dict[str, str]:
        return {"catboost.json": self.text}


def _frame(given: Given) -> Any:
    """Numbers as floats and categories as text, as CatBoost wants them."""
    import pandas as pd

    columns = {}
    for reading in given.readings:
        column = given.table[reading.name]
        if reading.kind == "number":
            columns[reading.name] = numbers(column)
        else:
            columns[reading.name] = np.asarray(["" if v is None else v for v in texts(column).to_pylist()], object)
    return pd.DataFrame(columns)


class CatBoost(Tabular):
    """Prokhorenkova et al. (2018). rounds, depth, rate: how many trees, how deep, each added by which part; without a
    rate CatBoost chooses one by how many rows and rounds there are."""

    NAME = "catboost"
    OWN = ("rounds", "depth", "rate")

    def __init__(self, *, rounds: int = 300, depth: int = 4, rate: float | None = 0.05, **shared: Any) -> None:
        super().__init__(**shared)
        self.rounds = rounds
        self.depth = depth
        self.rate = rate

    def _learn(self, given: Given, y: Floats) -> Part:
        import catboost

        model = catboost.CatBoostClassifier(
            iterations=self.rounds, depth=self.depth, learning_rate=self.rate, random_seed=self.seed, thread_count=1,
            verbose=False, allow_writing_files=False,
        )  # fmt: skip
        categories = [reading.name for reading in given.readings if reading.kind == "text"]
        pool = catboost.Pool(_frame(given), y.astype(int), cat_features=categories)
        model.fit(pool)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            model.save_model(str(path), format="json", pool=pool)
            return _Boosted(path.read_text(encoding="utf-8"), model)

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        return _Boosted(texts["catboost.json"])


KIND = Kind(
    "catboost",
    Words("Boosted trees (CatBoost)", "梯度提升树（CatBoost）"),
    Words("Columns with hundreds of categories: towns, products, campaigns", "含大量类别的列：城市、产品、活动等"),
    CatBoost,
    CatBoost.load,
    needs=("catboost", "boost"),
)
