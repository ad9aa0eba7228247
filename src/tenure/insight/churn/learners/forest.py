"""Random forest: many deep trees on samples of rows and columns, averaged."""

from collections.abc import Mapping
from typing import Any

from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners._grown import GrownForest, GrownTree
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular
from tenure.language import Words


class RandomForest(Tabular):
    """Breiman (2001). trees: how many; fewest: customers in a leaf, as a share; never under 3."""

    NAME = "forest"
    OWN = ("trees", "fewest")

    def __init__(self, *, trees: int = 200, fewest: float = 0.002, **shared: Any) -> None:
        super().__init__(**shared)
        self.trees = trees
        self.fewest = fewest

    def _learn(self, given: Given, y: Floats) -> Part:
        return GrownForest([GrownTree.of(one.tree_) for one in self._theirs(given, y).estimators_])

    def _theirs(self, given: Given, y: Floats) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        smallest = max(3, int(self.fewest * len(y)))
        found = RandomForestClassifier(self.trees, min_samples_leaf=smallest, random_state=self.seed, n_jobs=1)
        return found.fit(given.trees, y)

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        return GrownForest.from_texts(texts)


KIND = Kind(
    "forest",
    Words("Random forest", "随机森林"),
    Words("A sturdy second opinion that needs no tuning", "稳健、无需调参的对照模型"),
    RandomForest,
    RandomForest.load,
)
