"""Columns that by their names are parts of one whole, which may tell more than any of them: total charge, not its hours."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats, Reading, numbers, out_of_fold_rates

_WORD = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]")
_MOST_PARTS = 12  # more columns than this with names alike are a list, not parts
_MOST_WHOLES = 20
_SURE = 3.0  # standard errors by which a whole must tell more than its best part
_STEPS = 16


def groups(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Names that are alike but for one word before the last, in the order of their first.

    `day_charge, eve_charge, intl_charge` are a group: the last word is what is measured, in which unit. Numbers are no
    such word: `orders_30, orders_90` count the same orders twice. Chinese is read sign by sign, and two signs are a word.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        words = [word.lower() for word in _WORD.findall(name)]
        for start in range(len(words)):
            wide = 2 if _sign(words[start]) else 1
            rest, word = (*words[:start], "", *words[start + wide :]), words[start : start + wide]
            ends = len(rest) - 1 == start or (wide == 2 and not all(_sign(each) for each in word))
            if not ends and not word[0].isdigit() and len(word) == wide:
                found.setdefault(rest, []).append(name)
    return list(dict.fromkeys(tuple(group) for group in found.values() if 2 <= len(group) <= _MOST_PARTS))


def _sign(word: str) -> bool:
    return len(word) == 1 and not word.isascii()


def telling(
    table: pa.Table, y: Floats, folds: NDArray[np.int64], signs: Mapping[str, int], names: Sequence[str]
) -> list[Reading]:
    """How to read the sums of those groups that foretell rows of other folds better than any of their parts does.

    Each row is foretold by the rate of the sixteenth its sum falls in, and of the sixteenth each part falls in; the sum
    must win over the best part by three standard errors of the log-loss. names: columns of numbers. Parts whose sign is
    held are in no sum: what the others do in it would bend it.
    """
    found: list[Reading] = []
    values: dict[str, Floats] = {}
    lost: dict[str, Floats] = {}
    for parts in groups([name for name in names if not signs.get(name)])[:_MOST_WHOLES]:
        for part in parts:
            if part not in values:
                values[part] = numbers(table[part])
                lost[part] = _loss(values[part], y, folds)
        whole = np.sum([values[part] for part in parts], axis=0)
        if np.isnan(whole).all():
            continue
        gain = np.min([lost[part].mean() for part in parts])
        best = next(lost[part] for part in parts if lost[part].mean() == gain) - _loss(whole, y, folds)
        if best.mean() > _SURE * best.std() / np.sqrt(len(best)) > 0:
            reading = Reading.learn(" + ".join(parts), "number", pa.chunked_array([pa.array(whole)]), y)
            reading.parts = {part: float(np.nanmean(values[part])) for part in parts}
            found.append(reading)
    return found


def _loss(x: Floats, y: Floats, folds: NDArray[np.int64]) -> Floats:
    """Minus the log-likelihood of each row, foretold by what rows of other folds alike in x did."""
    given = x[~np.isnan(x)]
    edges = np.unique(np.quantile(given, np.linspace(0, 1, _STEPS + 1)[1:-1])) if len(given) else np.zeros(0)
    parts = np.where(np.isnan(x), 0, 1 + np.searchsorted(edges, x)).astype(np.int64)
    mean = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    score = out_of_fold_rates(parts, y, len(edges) + 2, folds) + np.log(mean) - np.log1p(-mean)
    return np.asarray(np.logaddexp(0.0, score) - y * score, dtype=np.float64)
