"""What people confirmed before, as a model of letters: which runs of one to four characters go with which cause.

Counts of hashed character n-grams, a logistic regression on top. It needs no word list, so it picks up a company's own
words in any language. Kept as plain numbers; learning takes scikit-learn, suggesting takes numpy alone.
"""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUCKETS = 4096
LONGEST = 4  # characters of an n-gram
LEAST_STATEMENTS, LEAST_OF_CAUSE = 40, 5
_SMALL = 5e-4  # a weight below this is left out of what is kept

Real = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tried:
    """Of `asked` statements held out, how many it said something about, and in how many of these people agreed."""

    asked: int
    told: int
    agreed: int

    @property
    def agreement(self) -> float:
        return self.agreed / self.told if self.told else 0.0


@dataclass(frozen=True)
class Learned:
    """A model learned from confirmed statements. causes: what it can name. statements: how many it learned from.
    weights: causes × BUCKETS; offsets: one a cause."""

    causes: tuple[str, ...]
    weights: Real
    offsets: Real
    statements: int

    @classmethod
    def fit(cls, texts: Sequence[str], causes: Sequence[str]) -> "Learned | None":
        """Learn from plain texts and the causes people confirmed for them; None where there are too few to learn from.

        A cause confirmed fewer than LEAST_OF_CAUSE times is left out; with fewer than two causes or LEAST_STATEMENTS
        statements nothing is learned.
        """
        counts = Counter(causes)
        kept = [at for at, cause in enumerate(causes) if counts[cause] >= LEAST_OF_CAUSE and texts[at]]
        named = sorted({causes[at] for at in kept})
        if len(kept) < LEAST_STATEMENTS or len(named) < 2:
            return None
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression

        rows = csr_matrix(np.stack([features(texts[at]) for at in kept]))
        outcome = np.array([named.index(causes[at]) for at in kept])
        model = LogisticRegression(C=20.0, max_iter=400).fit(rows, outcome)
        weights, offsets = np.asarray(model.coef_, float), np.asarray(model.intercept_, float)
        if len(named) == 2:  # scikit-learn tells two apart by one row of weights
            weights, offsets = np.vstack([-weights, weights]) / 2, np.concatenate([-offsets, offsets]) / 2
        return cls(tuple(named), weights, offsets, len(kept))

    @classmethod
    def tried(cls, texts: Sequence[str], causes: Sequence[str], least: float, folds: int = 3) -> "Tried":
        """How it does on statements it has not seen: each third asked of a model of the other two.

        The same text stands in one fold alone, so that nothing is recognised by heart.
        """
        asked = told = agreed = 0
        for fold in range(folds):
            inside = [zlib.crc32(text.encode()) % folds == fold for text in texts]
            model = cls.fit(
                [text for text, held in zip(texts, inside, strict=True) if not held],
                [cause for cause, held in zip(causes, inside, strict=True) if not held],
            )
            for text, cause, held in zip(texts, causes, inside, strict=True):
                if not held:
                    continue
                asked += 1
                said, confidence = model.predict(text) if model is not None else ("", 0.0)
                if confidence >= least:
                    told += 1
                    agreed += said == cause
        return Tried(asked, told, agreed)

    def predict(self, text: str) -> tuple[str, float]:
        """The likeliest cause and its probability; none for a text that has nothing in it."""
        row = features(text)
        if not row.any():
            return "", 0.0
        scores = self.weights @ row + self.offsets
        odds = np.exp(scores - scores.max())
        shares = odds / odds.sum()
        first = int(shares.argmax())
        return self.causes[first], float(shares[first])

    def as_plain(self) -> dict[str, Any]:
        """The model as JSON can hold it: of the weights those that matter, by bucket."""
        kept = [
            {str(at): round(float(row[at]), 4) for at in np.flatnonzero(np.abs(row) >= _SMALL)} for row in self.weights
        ]
        return {
            "buckets": BUCKETS, "causes": list(self.causes), "weights": kept,
            "offsets": [round(float(one), 4) for one in self.offsets], "statements": self.statements,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, told: Mapping[str, Any] | None) -> "Learned | None":
        """The model again; None for what is none, or was made by another way of counting."""
        if not told or told.get("buckets") != BUCKETS or len(told.get("causes", ())) != len(told.get("weights", ())):
            return None
        weights = np.zeros((len(told["causes"]), BUCKETS))
        for row, kept in zip(weights, told["weights"], strict=True):
            for at, weight in kept.items():
                row[int(at)] = float(weight)
        return cls(tuple(told["causes"]), weights, np.array(told["offsets"], float), int(told["statements"]))


def features(text: str) -> Real:
    """Counts of hashed n-grams, damped and brought to length 1; all nothing for an empty text."""
    counts: Real = np.zeros(BUCKETS)
    padded = f" {text} " if text.strip() else ""
    grams = Counter(padded[at : at + size] for size in range(1, LONGEST + 1) for at in range(len(padded) - size + 1))
    for gram, count in grams.items():
        if gram.strip():
            counts[zlib.crc32(gram.encode()) % BUCKETS] += 1 + np.log(count)
    length = float(np.linalg.norm(counts))
    return counts / length if length else counts
