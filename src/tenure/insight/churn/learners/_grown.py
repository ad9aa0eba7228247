"""Trees as arrays: scikit-learn's own numbers, scored without it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.chances import logit
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given

_FIELDS = ("feature", "threshold", "left", "right", "blank_left", "share")


@dataclass(frozen=True)
class GrownTree:
    """One tree by its nodes: a leaf has feature -2 and the share who left there."""

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    blank_left: NDArray[np.bool_]
    share: Floats

    @classmethod
    def of(cls, tree: Any) -> GrownTree:
        """From scikit-learn's tree of a classifier of two classes."""
        value = tree.value[:, 0, :]
        return cls(
            tree.feature.astype(np.int64), tree.threshold.astype(np.float64), tree.children_left.astype(np.int64),
            tree.children_right.astype(np.int64), tree.missing_go_to_left.astype(bool),
            np.asarray(value[:, 1] / value.sum(axis=1), dtype=np.float64),
        )  # fmt: skip

    def shares(self, matrix: NDArray[np.float32]) -> Floats:
        at = np.zeros(len(matrix), dtype=np.int64)
        rows = np.arange(len(matrix))
        while len(rows):
            here = at[rows]
            rows = rows[self.feature[here] >= 0]
            here = at[rows]
            x = matrix[rows, self.feature[here]]
            goes_left = np.where(np.isnan(x), self.blank_left[here], x <= self.threshold[here])
            at[rows] = np.where(goes_left, self.left[here], self.right[here])
        return self.share[at]


@dataclass(frozen=True)
class GrownForest:
    """The mean share over some trees, as log-odds."""

    trees: Sequence[GrownTree]

    def score(self, given: Given) -> Floats:
        matrix = given.trees.astype(np.float32)  # thresholds were chosen between numbers of that width
        return logit(np.mean([tree.shares(matrix) for tree in self.trees], axis=0))

    def to_texts(self) -> dict[str, str]:
        kept = [{name: getattr(tree, name).tolist() for name in _FIELDS} for tree in self.trees]
        return {"trees.json": json.dumps(kept)}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> GrownForest:
        made = []
        for kept in json.loads(texts["trees.json"]):
            made.append(
                GrownTree(
                    np.asarray(kept["feature"], np.int64), np.asarray(kept["threshold"], np.float64),
                    np.asarray(kept["left"], np.int64), np.asarray(kept["right"], np.int64),
                    np.asarray(kept["blank_left"], bool), np.asarray(kept["share"], np.float64),
                )
            )  # fmt: skip
        return cls(made)
