"""The blend: the churn model that is published, a linear and a tree learner whose scores can be taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.churn import guards
from tenure.insight.churn.columns import kind_of, to_table
from tenure.insight.churn.learners.base import MOST_COLUMNS, Kind, Telling, platt
from tenure.insight.churn.model import ChurnModel, spread
from tenure.language import Words

_LESS = Words("of so many columns, others tell more", "列过多，其他列更有信息")
_FOLDS = 3


class Blend(ChurnModel):
    """ChurnModel; of more columns than it could hold in memory it learns from those that alone tell most.

    They are chosen anew on each fold, and the level and spread of the chances learned from the rows left out, so that
    columns which only seem to tell are not believed.
    """

    def fit(self, X: Any, y: Any, groups: Any = None) -> Blend:
        table = to_table(X)
        if table.num_columns <= MOST_COLUMNS:
            super().fit(table, y, groups)
            return self
        left, _ = guards.outcome(y)
        guards.enough(left)
        dropped = guards.unusable(table)
        usable = table.drop_columns(list(dropped))
        of = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        folds = spread(left, _FOLDS, self.seed, of)
        telling = Telling(usable, {name: kind_of(usable[name]) for name in usable.column_names}, self.seed)
        outside = np.zeros(len(left))
        for fold in range(int(folds.max()) + 1):
            inside = folds != fold
            some = usable.select(telling.most(left, inside))
            mine = None if of is None else of[inside]
            model = ChurnModel(**self.get_params()).fit(some.filter(pa.array(inside)), left[inside].astype(int), mine)
            outside[~inside] = model.decision_function(some.filter(pa.array(~inside)))
        kept = telling.most(left, np.ones(len(left), bool))
        super().fit(usable.select(kept), y, groups)
        self.dropped_ = dropped | {name: _LESS for name in usable.column_names if name not in kept} | self.dropped_
        self.feature_names_in_ = np.asarray(table.column_names, dtype=object)
        self.n_features_in_ = table.num_columns
        shift, stretch = platt(outside, left)
        self.baseline_ = shift + stretch * self.baseline_
        self._weights = (self._weights[0] * stretch, self._weights[1] * stretch)
        return self


KIND = Kind(
    "blend",
    Words("Blend (linear and boosted trees)", "混合模型（线性与提升树）"),
    Words("The usual choice: exact, and the quickest to say its reasons", "通常的选择：准确，且给出原因最快"),
    Blend,
    Blend.load,
)
