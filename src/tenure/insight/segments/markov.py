"""How customers go from one stage to the next, and where that leads: a transition matrix and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Move:
    """How many of those in one stage were in another (or the same) a month later, as a share with a 90 % interval."""

    before: str
    after: str
    customers: int
    of: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many customers are expected in a stage so many months from now, with a 90 % interval."""

    month: int
    stage: str
    expected: float
    low: int
    high: int

    @property
    def whole(self) -> int:
        """The expected number in whole customers."""
        return round(self.expected)


def matrix(counts: Counts, stages: Sequence[str], *, level: float = 0.90) -> list[Move]:
    """The share of each stage's customers that went to each stage: a row of the transition matrix for every stage seen.

    counts: (before, after) → customers, summed over the months looked at; staying is a move to the same stage. The
    interval is that of the Beta marginals of a Dirichlet posterior with one pseudo-move a row (1/k a cell); the share
    is the plain one. A stage nobody was in has no row: nothing is known of where it leads.
    """
    from scipy.stats import beta  # loads slowly; here alone

    seen = _array(counts, stages)
    prior = 1 / max(len(stages), 2)  # where there is one stage alone, it is still not certain that there is no other
    moves = []
    for i, before in enumerate(stages):
        of = int(seen[i].sum())
        if not of:
            continue
        for j, after in enumerate(stages):
            n = int(seen[i, j])
            a, b = n + prior, of - n + 1 - prior
            low, high = beta.ppf([(1 - level) / 2, (1 + level) / 2], a, b)
            share = n / of
            moves.append(Move(before, after, n, of, share, min(float(low), share), max(float(high), share)))
    return moves


def project(
    counts: Counts,
    now: Mapping[str, int],
    stages: Sequence[str],
    *,
    months: int = 12,
    draws: int = 2000,
    seed: int = 7,
    level: float = 0.90,
) -> list[Ahead]:
    """Where today's customers will be, month by month, should they go on moving as they did: expected, and an interval.

    now: customers in each stage today; month 0 is that. Each draw takes a matrix from the posterior of `matrix` and lets
    every customer move by chance, so the interval holds both what we don't know of the rates and the luck of the draw.
    Customers still to be won are not counted, so the sum stays. A stage nobody was seen to leave from keeps its
    customers. The same seed gives the same numbers.
    """
    seen = _array(counts, stages)
    k = len(stages)
    rng = np.random.default_rng(seed)
    rates = np.empty((draws, k, k))
    for i in range(k):
        rates[:, i] = rng.dirichlet(seen[i] + 1 / k, draws) if seen[i].sum() else np.eye(k)[i]
    mean = np.where(seen.sum(1, keepdims=True) > 0, (seen + 1 / k) / (seen.sum(1, keepdims=True) + 1), np.eye(k))
    start = np.array([now.get(stage, 0) for stage in stages], np.int64)
    expected, drawn = start.astype(float), np.tile(start, (draws, 1))
    ahead = [Ahead(0, stage, float(n), int(n), int(n)) for stage, n in zip(stages, start, strict=True)]
    for month in range(1, months + 1):
        expected = expected @ mean
        drawn = rng.multinomial(drawn, rates).sum(axis=1)
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        ahead += [
            Ahead(month, stage, float(expected[j]), int(np.floor(low[j])), int(np.ceil(high[j])))
            for j, stage in enumerate(stages)
        ]
    return ahead


def _array(counts: Counts, stages: Sequence[str]) -> NDArray[Any]:
    return np.array([[counts.get((a, b), 0) for b in stages] for a in stages], float)
