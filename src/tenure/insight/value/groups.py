"""Customers with equal histories count as one row with a weight: the likelihood is the same, the work far less."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def distinct(*columns: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The distinct rows of equally long columns.

    Returns (first, group): `first` is the position of each distinct row's first appearance, `group` says
    for every row which of them it is; so `column[first][group]` equals `column`.
    """
    rows = len(columns[0])
    group = np.zeros(rows, dtype=np.int64)
    count = 1
    for column in columns:
        codes, values = _codes(column)
        # Coded anew each time, so that the product of two counts can't leave 64 bits.
        group, found = _codes(group * len(values) + codes) if count > 1 else (codes, values)
        count = len(found)
        if count == rows:
            break
    first = np.empty(count, dtype=np.intp)
    first[group[::-1]] = np.arange(rows - 1, -1, -1)
    return first, group


def totals(group: NDArray[np.integer[Any]], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the weights in each group."""
    return np.bincount(group, weights).astype(np.float64, copy=False)


def _codes(values: NDArray[Any]) -> tuple[NDArray[np.int64], Any]:
    codes, found = pd.factorize(values)
    return codes.astype(np.int64, copy=False), found
