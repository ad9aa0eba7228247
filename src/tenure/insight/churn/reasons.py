"""Why a score is high, in sentences a clerk understands. A reason moved the score; it is not a cause."""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.churn.columns import Floats, Reading, numbers, texts
from tenure.insight.churn.drivers import COLUMNS, driver_of
from tenure.insight.features import written
from tenure.language import Words

__all__ = ["COLUMNS", "sentence", "written_out"]

_UNKNOWN = Words("{column}: not known", "{column}：暂无记录")
_CATEGORY = Words("{column}: {value}", "{column}：{value}")
_NUMBER = Words("{column}: {value} (usually {usual})", "{column}：{value}（一般为 {usual}）")


def sentence(reading: Reading, value: Any, *, currency: str = "") -> Words:
    """The sentence for one column and its value: the feature's own, else "Contract: Month-to-month".

    A feature says one thing where the value is high among the customers learned from, another where it is low; a
    change is up or down by its own sign. None of something is said plainly: "Complaints, last 90 days: 0".
    """
    feature = COLUMNS.get(reading.name)
    column = feature.words if feature else Words(reading.name, reading.name)
    if value is None or value != value:
        return Words(_UNKNOWN.en.format(column=column.en), _UNKNOWN.zh.format(column=column.zh))
    unit = feature.unit if feature else ""
    shown = written(unit, value, currency=currency)
    if feature:
        own = feature.reason_up if reading.kind == "text" or _is_high(unit, value, reading) else feature.reason_down
        if own is not None and not (value == 0 and unit in _NONE_OF_IT):
            return own.format(value=shown)
    if reading.kind == "text" or feature:
        return Words(
            _CATEGORY.en.format(column=column.en, value=shown), _CATEGORY.zh.format(column=column.zh, value=shown)
        )
    if value in (0.0, 1.0) and not reading.knots and (reading.low, reading.high) == (0.0, 1.0):
        yes = Words("yes", "是") if value else Words("no", "否")
        return Words(
            _CATEGORY.en.format(column=column.en, value=yes.en), _CATEGORY.zh.format(column=column.zh, value=yes.zh)
        )
    usual = written(unit, reading.median, currency=currency)
    return Words(
        _NUMBER.en.format(column=column.en, value=shown, usual=usual),
        _NUMBER.zh.format(column=column.zh, value=shown, usual=usual),
    )


def written_out(parts: Floats, table: pa.Table, readings: list[Reading], top: int, *, currency: str = "") -> list[str]:
    """For each row a JSON list of what raises its score most, strongest first: feature, driver, effect (above 0), en,
    zh.

    parts: what each reading adds to each row's score. A sentence is made once for all rows with the same value.
    """
    strongest = np.argsort(-parts, axis=1, kind="stable")[:, :top]
    effects = np.take_along_axis(parts, strongest, axis=1)
    # Where each row's reasons lie in one long list of them, row by row.
    kept = effects > 0
    said = np.empty(effects.shape, dtype=object)
    for place, reading in enumerate(readings):
        here = kept & (strongest == place)
        rows = np.flatnonzero(here.any(axis=1))
        if len(rows):
            values = _values(reading, table[reading.name].take(pa.array(rows)))
            met, which = _alike(values)
            told = np.array([_fragment(reading, value, currency) for value in met], dtype=object)
            said[here] = told[which]
    return [
        f"[{', '.join(word % effect for word, effect in zip(words, sizes, strict=True) if word)}]"
        for words, sizes in zip(said.tolist(), effects.tolist(), strict=True)
    ]


def _values(reading: Reading, column: Any) -> Any:
    return numbers(column) if reading.kind == "number" else texts(column).to_numpy(zero_copy_only=False)


def _alike(values: Any) -> tuple[list[Any], Any]:
    """The different values among these, and which of them each is."""
    met = pa.array(values, from_pandas=True).dictionary_encode(null_encoding="encode")
    return met.dictionary.to_pylist(), met.indices.to_numpy(zero_copy_only=False)


def _fragment(reading: Reading, value: Any, currency: str) -> str:
    """One reason as JSON, with a gap for the effect."""
    words = sentence(reading, value, currency=currency)
    name, driver, en, zh = (
        json.dumps(each, ensure_ascii=False).replace("%", "%%")
        for each in (reading.name, driver_of(reading.name), words.en, words.zh)
    )
    return f'{{"feature": {name}, "driver": {driver}, "effect": %.9g, "en": {en}, "zh": {zh}}}'


_NONE_OF_IT = frozenset({"count", "share", "minor units", "change"})


def _is_high(unit: str, value: float, reading: Reading) -> bool:
    return bool(value >= {"change": 0.0, "flag": 0.5}.get(unit, reading.median))
