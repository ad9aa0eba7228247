"""What each column adds to a score, for any learner at all: Shapley values against a few made-up usual customers.

L. S. Shapley (1953); interventional, against a background (Janzing, Minorics, Blöbaum 2020); each order of the columns
is gone through forwards and backwards (Mitchell, Cooper, Frank, Holmes 2022).
"""

from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats

# Up to so many columns every combination is worked out: fewer scorings than the orders would be.
EVERY = 4

Mixed = Callable[[NDArray[np.bool_], int], Floats]


def shapley(mixed: Mixed, rows: int, columns: int, references: int, seed: int) -> Floats:
    """What each column adds to each row's score above the mean score of the references: shape (rows, columns).

    mixed(own, reference): the score of every row, had it only the columns in `own` (a mask) from itself and the others from
    that reference. The parts of a row always add up to its score less the mean of the references', whatever the seed.

    With EVERY columns or fewer they are the Shapley values exactly. With more, each reference has an order of the columns
    drawn for it; along it, and back, columns come from the row one after another, and what each moves is its part. That is
    the Shapley value exactly where no more than two columns act together, and has its mean otherwise. The cost is
    2 · references · columns scorings of all rows.
    """
    found = np.zeros((rows, columns))
    random = np.random.default_rng(seed)
    for reference in range(references):
        if columns <= EVERY:
            _every(found, mixed, columns, reference)
            continue
        order = random.permutation(columns)
        nothing, everything = mixed(np.zeros(columns, bool), reference), mixed(np.ones(columns, bool), reference)
        for way in (order, order[::-1]):
            own, before = np.zeros(columns, bool), nothing
            for place, column in enumerate(way.tolist()):
                own[column] = True
                after = everything if place == columns - 1 else mixed(own, reference)
                found[:, column] += (after - before) / 2.0
                before = after
    return np.asarray(found / references, dtype=np.float64)


def _every(found: Floats, mixed: Mixed, columns: int, reference: int) -> None:
    """Add the Shapley values against one reference, from every set of columns."""
    scores = {}
    for size in range(columns + 1):
        for some in combinations(range(columns), size):
            own = np.zeros(columns, bool)
            own[list(some)] = True
            scores[some] = mixed(own, reference)
    for some, score in scores.items():
        for column in set(range(columns)) - set(some):
            weight = 1.0 / (columns * comb(columns - 1, len(some)))
            found[:, column] += weight * (scores[tuple(sorted((*some, column)))] - score)
