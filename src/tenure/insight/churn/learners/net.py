"""A small neural net: scikit-learn's perceptron, kept as its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners.base import Given, Kind, Part, Tabular
from tenure.language import Words


@dataclass(frozen=True)
class _Nets:
    """Some nets of the same shape; the score is the mean of what goes into their last step."""

    nets: Sequence[Sequence[tuple[Floats, Floats]]]  # of each net, each layer's weights and offsets

    def score(self, given: Given) -> Floats:
        told = np.zeros(len(given))
        for layers in self.nets:
            x = given.linear
            for weights, offsets in layers[:-1]:
                x = np.maximum(x @ weights + offsets, 0.0)
            told += (x @ layers[-1][0] + layers[-1][1])[:, 0]
        return told / len(self.nets)

    def to_texts(self) -> dict[str, str]:
        return {"nets.json": json.dumps([[(w.tolist(), b.tolist()) for w, b in net] for net in self.nets])}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> _Nets:
        return cls([[(np.asarray(w), np.asarray(b)) for w, b in net] for net in json.loads(texts["nets.json"])])


class NeuralNet(Tabular):
    """A perceptron of one hidden layer on the linear matrix, the mean of a few begun differently.

    hidden: units. nets: how many are averaged. penalty: on the squares of the weights. rounds: passes over the rows,
    so few that the weights stay small; there is no stopping by how many are guessed right, which says nothing where few leave.
    """

    NAME = "net"
    OWN = ("hidden", "nets", "penalty", "rounds")
    MOST = 40_000

    def __init__(
        self, *, hidden: int = 16, nets: int = 3, penalty: float = 1.0, rounds: int = 15, **shared: Any
    ) -> None:
        super().__init__(**shared)
        self.hidden = hidden
        self.nets = nets
        self.penalty = penalty
        self.rounds = rounds

    def _learn(self, given: Given, y: Floats) -> Part:
        learned = [self._theirs(given, y, number) for number in range(self.nets)]
        return _Nets([list(zip(net.coefs_, net.intercepts_, strict=True)) for net in learned])

    def _theirs(self, given: Given, y: Floats, number: int = 0) -> Any:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        net = MLPClassifier(
            (self.hidden,), alpha=self.penalty, batch_size=min(200, len(y) // 2), learning_rate_init=0.005,
            max_iter=self.rounds, tol=0.0,  random_state=self.seed * 1000 + number,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # few rounds are what is wanted
            return net.fit(given.linear, y.astype(int))

    @classmethod
    def _part(cls, texts: Mapping[str, str]) -> Part:
        return _Nets.from_texts(texts)


KIND = Kind(
    "net",
    Words("Neural net", "神经网络"),
    Words("Many customers and smooth effects that no tree cuts well", "客户多、影响平滑、不适合用树切分的场合"),
    NeuralNet,
    NeuralNet.load,
)
