"""Which rows are left out together, so that nothing is judged on what it was learned from."""

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats


def spread(y: Floats, folds: int, seed: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """A fold number for each row, both outcomes spread evenly over the folds; a group stays together.

    groups: numbers from 0, one for each row. A group counts as leaving where any of its rows does.
    """
    if groups is not None:
        leaves = np.zeros(int(groups.max()) + 1)
        np.maximum.at(leaves, groups, y)
        return spread(leaves, folds, seed)[groups]
    # Where too few are of one kind to have one in each fold (or, by group, none is), fewer folds do.
    fewest = int(min(y.sum(), len(y) - y.sum())) or folds
    folds = max(2, min(folds, fewest))
    shuffled = np.random.default_rng(seed).permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    numbered = np.empty(len(y), dtype=np.int64)
    numbered[order] = np.arange(len(y)) % folds
    return numbered
