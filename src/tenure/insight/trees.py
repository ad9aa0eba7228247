"""Boosted trees as tables: what each tree says of a row, and what each column adds to it, read off by its few turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight import trees_kernel

Floats = NDArray[np.float64]

_MOST_TURNS = 7  # a table has two to the power of it rows, and as many again for the groups of columns
MANY = 20_000  # so many rows are worth a compiled pass
_ROWS_AT_ONCE = 4_096  # so few stay in the processor's own memory from one tree to the next


@dataclass(frozen=True)
class _Tree:
    """turns: (column, threshold, blanks go left, blanks count as nought) of each inner node, in the bits' order.

    value: what the tree says, by the bits of the turns taken to the left. shares: for the same, what each of the
    `columns` adds to `level`, the mean of the rows learned from.
    """

    turns: Sequence[tuple[int, float, bool, bool]]
    columns: NDArray[np.int64]
    value: Floats
    shares: Floats
    level: float


class Forest:
    """LightGBM's trees of a few leaves, from the text they are kept in. Scores and Shapley values are LightGBM's own.

    A tree of k turns answers in one of 2^k ways. For each of them the Shapley values are worked out once, over all
    groups of its columns (Lundberg et al. 2020, path-dependent); a row's are then looked up. Trees with more turns
    than fit a table are left to LightGBM.
    """

    def __init__(self, text: str) -> None:
        import lightgbm

        self._booster = lightgbm.Booster(model_str=text)
        self.columns = int(self._booster.num_feature())
        trees = [tree["tree_structure"] for tree in self._booster.dump_model()["tree_info"]]
        self._kernel: trees_kernel.Compiled | None = None
        self._trees = None if any(_turns(tree) > _MOST_TURNS for tree in trees) else [_tabled(tree) for tree in trees]

    @property
    def level(self) -> float:
        """What the trees say on average of the rows they learned from: Shapley values are counted from it."""
        if self._trees is None:
            blank = np.full((1, self.columns), np.nan)
            return float(np.asarray(self._booster.predict(blank, pred_contrib=True))[0, -1])
        return float(sum(tree.level for tree in self._trees))

    def score(self, matrix: Floats) -> Floats:
        """What the trees say of each row, in log-odds."""
        if self._trees is None:
            return np.asarray(self._booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64)
        if len(matrix) >= MANY:
            return self._compiled().score(matrix)
        found = np.zeros(len(matrix))
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            rows = _Rows(matrix[start : start + _ROWS_AT_ONCE])
            for tree in self._trees:
                found[start : start + _ROWS_AT_ONCE] += tree.value[rows.bits(tree)]
        return found

    def shapley(self, matrix: Floats) -> Floats:
        """What each column adds to what the trees say of each row: shape (n, columns)."""
        if self._trees is None:
            return np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)[:, :-1]
        if len(matrix) >= MANY:
            return self._compiled().shapley(matrix)
        found = np.zeros((self.columns, len(matrix)))
        for start in range(0, len(matrix), _ROWS_AT_ONCE):
            rows = _Rows(matrix[start : start + _ROWS_AT_ONCE])
            for tree in self._trees:
                bits = rows.bits(tree)
                for place, column in enumerate(tree.columns.tolist()):
                    found[column, start : start + _ROWS_AT_ONCE] += tree.shares[place][bits]
        return np.ascontiguousarray(found.T)

    def _compiled(self) -> trees_kernel.Compiled:
        if self._kernel is None:
            assert self._trees is not None
            self._kernel = trees_kernel.Compiled(self._trees, self.columns)
        return self._kernel


class _Rows:
    """Some rows, and which of the trees' turns each takes to the left."""

    def __init__(self, matrix: Floats) -> None:
        self._columns = np.ascontiguousarray(matrix.T)
        self._blank: NDArray[np.bool_] = np.isnan(self._columns)
        self._some: NDArray[np.bool_] = np.logical_or.reduce(self._blank, axis=1)

    def bits(self, tree: _Tree) -> NDArray[np.uint8]:
        found = np.zeros(self._columns.shape[1], np.uint8)
        for place, (column, threshold, blank_left, blank_is_nought) in enumerate(tree.turns):
            left = self._columns[column] <= threshold
            if self._some[column]:
                goes = threshold >= 0.0 if blank_is_nought else blank_left
                left = np.where(self._blank[column], goes, left)
            found |= left.view(np.uint8) << np.uint8(place)
        return found


def _turns(node: dict[str, Any]) -> int:
    if "split_feature" not in node:
        return 0
    return 1 + _turns(node["left_child"]) + _turns(node["right_child"])


def _tabled(root: dict[str, Any]) -> _Tree:
    turns: list[tuple[int, float, bool, bool]] = []

    def number(node: dict[str, Any]) -> None:
        if "split_feature" in node:
            if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
                raise ValueError(f"a tree turns by {node['decision_type']}, {node['missing_type']}: not one of ours")
            node["bit"] = len(turns)
            turns.append(
                (node["split_feature"], node["threshold"], bool(node["default_left"]), node["missing_type"] == "None")
            )
            number(node["left_child"])
            number(node["right_child"])

    number(root)
    columns = np.unique(np.array([turn[0] for turn in turns], dtype=np.int64))
    answers = np.arange(2 ** len(turns))[:, None]  # down: which turns go left
    groups = np.arange(2 ** len(columns))[None, :]  # across: of which columns we know that
    place = {int(column): at for at, column in enumerate(columns)}

    def rows(node: dict[str, Any]) -> float:
        return float(node["internal_count"] if "split_feature" in node else node.get("leaf_count", 0))

    def expected(node: dict[str, Any]) -> Any:
        """What the tree says where only a group's columns are known: both sides by their rows where one is not."""
        if "split_feature" not in node:
            return float(node["leaf_value"])
        one, other = expected(node["left_child"]), expected(node["right_child"])
        left = rows(node["left_child"]) / rows(node)
        known = (groups >> place[node["split_feature"]]) & 1 == 1
        goes = (answers >> node["bit"]) & 1 == 1
        return np.where(known, np.where(goes, one, other), left * one + (1.0 - left) * other)

    said = np.broadcast_to(np.asarray(expected(root), dtype=np.float64), (len(answers), groups.shape[1]))
    count = len(columns)
    sizes = np.array([bin(group).count("1") for group in groups[0].tolist()])
    shares = np.zeros((count, len(answers)))
    for at in range(count):
        without = np.flatnonzero((groups[0] >> at) & 1 == 0)
        weight = np.array([factorial(s) * factorial(count - s - 1) / factorial(count) for s in sizes[without].tolist()])
        shares[at] = (said[:, without | (1 << at)] - said[:, without]) @ weight
    return _Tree(turns, columns, np.ascontiguousarray(said[:, -1]), shares, float(said[0, 0]))
