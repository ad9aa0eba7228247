"""The compiled pass over boosted trees: what `trees.py` looks up in matrices, some rows at a time, for very many of them.

Both add up the same numbers in the same order, so they agree to the last digit.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tenure.insight.compiled import compiled

Floats = NDArray[np.float64]

_THREADS = 2
_AT_ONCE = 16_384  # rows a thread takes at a time
_STRETCH = 512  # rows that stay in the processor's cache from one tree to the next


class Tabled(Protocol):
    """A tree as `trees.py` has it."""

    @property
    def turns(self) -> Sequence[tuple[int, float, bool, bool]]: ...
    @property
    def columns(self) -> NDArray[np.int64]: ...
    @property
    def value(self) -> Floats: ...
    @property
    def shares(self) -> Floats: ...


class Compiled:
    """Trees end to end: the turns of each, and by the turns taken what it says and what of that each column adds."""

    def __init__(self, trees: Sequence[Tabled], columns: int) -> None:
        turns = [turn for tree in trees for turn in tree.turns]
        self.columns = columns
        self._turns = (
            _ends([len(tree.turns) for tree in trees]),
            np.array([turn[0] for turn in turns], np.int64),
            np.array([turn[1] for turn in turns], np.float64),
            np.array([turn[1] >= 0.0 if turn[3] else turn[2] for turn in turns], np.bool_),  # where a blank goes left
        )
        self._said = _tables([(np.zeros(1), tree.value) for tree in trees])
        self._shared = _tables([(tree.columns, tree.shares) for tree in trees])

    def score(self, matrix: Floats) -> Floats:
        """What the trees say of each row, in log-odds."""
        return self._added(matrix, self._said, 1)[:, 0]

    def shapley(self, matrix: Floats) -> Floats:
        """What each column adds to it: shape (n, columns)."""
        return self._added(matrix, self._shared, self.columns)

    def _added(self, matrix: Floats, tables: tuple[NDArray[Any], ...], columns: int) -> Floats:
        found = np.empty((len(matrix), columns))

        def work(start: int) -> None:
            rows = slice(start, start + _AT_ONCE)
            _looked_up(np.ascontiguousarray(matrix[rows]), *self._turns, *tables, found[rows])

        with ThreadPoolExecutor(_THREADS, "trees") as pool:
            for _ in pool.map(work, range(0, len(matrix), _AT_ONCE)):
                pass
        return found


def _tables(trees: Sequence[tuple[NDArray[Any], Floats]]) -> tuple[NDArray[Any], ...]:
    """What each tree adds to which column of the result, by its answer: where a tree's columns begin, which they are,
    where its numbers begin, and these."""
    columns = np.concatenate([np.empty(0), *(columns for columns, _ in trees)]).astype(np.int64)
    numbers = np.concatenate([np.empty(0), *(numbers.ravel() for _, numbers in trees)])
    return _ends([len(columns) for columns, _ in trees]), columns, _ends([n.size for _, n in trees]), numbers


def _ends(sizes: Sequence[int]) -> NDArray[np.int64]:
    """Where each part begins, and the last one ends."""
    return np.append(0, np.cumsum(np.array(sizes, np.int64)))


@compiled
def _looked_up(
    matrix: Any, ends: Any, column: Any, threshold: Any, blank_left: Any,
    places: Any, columns: Any, numbers_at: Any, numbers: Any, out: Any,
) -> None:  # fmt: skip
    for begin in range(0, len(matrix), _STRETCH):
        some = matrix[begin : begin + _STRETCH].T.copy()
        rows = some.shape[1]
        found = np.zeros((out.shape[1], rows))
        answer = np.empty(rows, np.int64)
        for tree in range(len(ends) - 1):
            answer[:] = numbers_at[tree]
            for turn in range(ends[tree], ends[tree + 1]):
                x, most, bit = some[column[turn]], threshold[turn], 1 << (turn - ends[tree])
                # Two loops without a branch in them, which become instructions that take several rows at once.
                if blank_left[turn]:
                    for row in range(rows):
                        answer[row] += 0 if x[row] > most else bit
                else:
                    for row in range(rows):
                        answer[row] += bit if x[row] <= most else 0
            answers = 1 << (ends[tree + 1] - ends[tree])
            for place in range(places[tree], places[tree + 1]):
                added, first = found[columns[place]], (place - places[tree]) * answers
                for row in range(rows):
                    added[row] += numbers[first + answer[row]]
        out[begin : begin + rows] = found.T
