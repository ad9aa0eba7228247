"""A decision tree: a handful of questions anybody can follow."""

from collections.abc import Mapping
from typing import Any

from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners._grown import GrownForest, GrownTree
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular
from tenure.language import Words


class DecisionTree(Tabular):
    """One tree of few leaves, each with enough customers for its share to mean something.

    leaves: at most so many. fewest: customers in a leaf, as a share of those learned from; never under 10.
    """

    NAME = "tree"
    OWN = ("leaves", "fewest")

    def __init__(self, *, leaves: int = 16, fewest: float = 0.01, **shared: Any) -> None:
        super().__init__(**shared)
        self.leaves = leaves
        self.fewest = fewest

    def _learn(self, given: Given, y: Floats) -> Part:
        return GrownForest([GrownTree.of(self._theirs(given, y).tree_)])

    def _theirs(self, given: Given, y: Floats) -> Any:
        from sklearn.tree import DecisionTreeClassifier

        smallest = max(10, int(self.fewest * len(y)))
        found = DecisionTreeClassifier(
            max_leaf_nodes=self.leaves, min_samples_leaf=smallest, random_state=self.seed, criterion="log_loss"
        )
        return found.fit(given.trees, y)

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        return GrownForest.from_texts(texts)


KIND = Kind(
    "tree",
    Words("Decision tree", "决策树"),
    Words("A rule of thumb to explain on one slide; seldom the most exact", "可在一页纸上讲清的规则；通常不是最准确的"),
    DecisionTree,
    DecisionTree.load,
    quick=True,
)
