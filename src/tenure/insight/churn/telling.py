"""Of more columns than a model could hold in memory or rows could bear out, those that alone tell most."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats, code, numbers, out_of_fold_rates, texts
from tenure.insight.churn.folds import spread
from tenure.insight.churn.scores import ranks

MOST_COLUMNS = 100  # of more, those that alone tell most are learned from, one for every ten rows, 30 to so many
_FEWEST_COLUMNS = 30
_SEEN = 4_000  # rows are enough to see which columns tell something


class Telling:
    """How much each of many columns alone tells of who left, on some of the rows."""

    def __init__(self, table: pa.Table, kinds: Mapping[str, str], seed: int) -> None:
        some = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:_SEEN])
        self._some, self._names, self._kinds = some, table.column_names, kinds
        taken = table.take(pa.array(some))
        places, blank, self._codes = [], [], {}
        for place, name in enumerate(self._names):
            if kinds[name] == "text":
                values = texts(taken[name])
                levels = values.drop_null().unique().to_pylist()
                self._codes[place] = (code(values, levels), len(levels))
                x = np.zeros(len(some))
            else:
                x = numbers(taken[name])
            empty = np.isnan(x)
            places.append(ranks(np.where(empty, np.nanmedian(x) if not empty.all() else 0.0, x)).astype(np.float32))
            blank.append(empty)
        # No outcome goes into these, so all folds share them.
        self._ranks, self._blank = np.column_stack(places), np.column_stack(blank).astype(np.float32)

    def most(self, y: Floats, inside: NDArray[np.bool_]) -> list[str]:
        """The columns that tell most on the rows inside, in the table's order."""
        here = inside[self._some]
        left, order = y[self._some][here], self._ranks[here]
        weight = np.where(left == 1, 1.0 / max(left.sum(), 1.0), -1.0 / max((1 - left).sum(), 1.0)).astype(np.float32)
        told = np.abs(weight @ order) / len(self._some)
        told = np.maximum(told, np.abs(weight @ self._blank[here]) / 2.0)
        folds = spread(left, 5, 0)
        for place, (codes, levels) in self._codes.items():
            rate = out_of_fold_rates(codes[here], left, levels, folds)
            told[place] = abs(float(weight @ ranks(rate))) / len(here)
        few = int(np.clip(inside.sum() // 10, _FEWEST_COLUMNS, MOST_COLUMNS))
        chosen = np.sort(np.argsort(-told, kind="stable")[:few])
        return [self._names[place] for place in chosen.tolist()]
