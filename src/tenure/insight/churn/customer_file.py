"""A file of customers somebody brings along, before any model: what is asked of it, who left, and what is odd in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.errors import TenureError
from tenure.insight.churn import guards
from tenure.insight.churn.columns import Floats, is_text, kind_of, numbers, plain, texts
from tenure.insight.churn.profit import Campaign
from tenure.language import Words, tr

_LOOSE = re.compile(r"^[+-]?[¥$€£]?\s*\d{1,3}(,\d{3})+(\.\d+)?$|^[+-]?[¥$€£]\s*\d+(\.\d+)?$|^[+-]?\d+(\.\d+)?\s*%$")
_ISO_DAY = r"^\d{4}-\d{1,2}-\d{1,2}([ T]\d{2}:\d{2}(:\d{2})?)?$"


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know of a table. outcome, value: the column and what it says of those who left.

    id: the column that names the customer, learned from never. date: the column that orders customers in time; where it
    is given the model is tried on the latest. customers: how many of the riskiest are listed by name. left_on: the column
    with the day each left, never learned from; with the date it says how long before the score said so. learners: names
    of `LEARNERS` to hold against the model. campaign: what contacting customers is assumed to cost and bring.
    """

    outcome: str
    value: str
    id: str | None = None
    date: str | None = None
    tenure: str | None = None
    leave_out: tuple[str, ...] = ()
    folds: int = 5
    customers: int = 0
    title: str = ""
    left_on: str | None = None
    learners: tuple[str, ...] = ()
    campaign: Campaign = field(default_factory=Campaign)


def nearest(name: str, names: Sequence[str]) -> str:
    """' Did you mean …?' where one of the names is like the one asked for, else those there are."""
    lower = {each.casefold().strip(): each for each in names}
    close = get_close_matches(name.casefold().strip(), list(lower), n=1, cutoff=0.6)
    if close:
        return str(tr('Did you mean "{name}"?', name=lower[close[0]]))
    shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    return str(tr("There are: {names}.", names=shown))


def refuse_missing(table: pa.Table, asked: Asked) -> None:
    for name in (asked.outcome, asked.id, asked.date, asked.tenure, asked.left_on, *asked.leave_out):
        if name is not None and name not in table.column_names:
            raise TenureError(
                tr('The file has no column "{name}". {nearest}', name=name, nearest=nearest(name, table.column_names))
            )
    if not table.num_rows:
        raise TenureError(tr("The file has column names and no rows below them: there is nothing to learn from."))


def known_outcomes(table: pa.Table, asked: Asked, findings: list[Words]) -> tuple[pa.Table, Floats]:
    """The rows whose outcome is known, and 1 for those who left."""
    said = [None if value is None else value.strip() for value in texts(_worded(table[asked.outcome])).to_pylist()]
    known = np.array([value is not None for value in said])
    if not known.all():
        findings.append(
            Words("{rows} rows say nothing of the outcome and were left out", "{rows} 行没有结果，已略去").format(
                rows=f"{int((~known).sum()):,}"
            )
        )
    wanted = _as_said(asked.value)
    y = np.array([float(_as_said(value) == wanted) for value in said if value is not None])
    if not y.any():
        values = sorted({value for value in said if value})
        raise TenureError(
            tr(
                'Column "{column}" never says "{value}". {nearest}',
                column=asked.outcome,
                value=asked.value,
                nearest=nearest(asked.value, values) if values else tr("It is blank in every row."),
            )
        )
    if y.all():
        guards.outcome(["yes"] * len(y))  # refuses: nobody stayed
    others = sorted({value for value in said if value is not None and _as_said(value) != wanted})
    if len(others) > 1:
        findings.append(
            Words(
                "{column} says more than two things; whoever it does not call {value} counts as staying: {others}",
                "{column} 有两种以上取值；凡不为 {value} 者均视为留存：{others}",
            ).format(
                column=asked.outcome,
                value=asked.value,
                others=", ".join(others[:6]) + (" …" if len(others) > 6 else ""),
            )
        )
    return table.filter(pa.array(known)), y


def _worded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string()) if pa.types.is_boolean(column.type) else column


def _as_said(value: str) -> str:
    """What two spellings of one answer share: Yes and yes, 1 and 1.0."""
    word = value.strip().casefold()
    try:
        return f"{float(word):g}"
    except ValueError:
        return word


def in_time(table: pa.Table, y: Floats, asked: Asked, today: date, findings: list[Words]) -> tuple[pa.Table, Floats]:
    """The rows with a date that has come, where there is a date to go by."""
    if asked.date is None:
        return table, y
    days = days_of(table[asked.date])
    if days is None or np.isnan(days).all():
        raise TenureError(
            tr(
                'Column "{name}" holds no dates that can be read, so it can not order customers in time.',
                name=asked.date,
            )
        )
    blank, ahead = np.isnan(days), days > _day_number(today)
    for some, words in (
        (blank, Words("{rows} rows have no date in {name} and were left out", "{rows} 行的 {name} 没有日期，已略去")),
        (ahead, Words("{rows} rows have a date in {name} that lies in the future: their outcome can't be known; left out",
                      "{rows} 行的 {name} 在未来：结果不可能已知，已略去")),
    ):  # fmt: skip
        if some.any():
            findings.append(words.format(rows=f"{int(some.sum()):,}", name=asked.date))
    kept = ~(blank | ahead)
    return table.filter(pa.array(kept)), y[kept]


def days_ahead(table: pa.Table, y: Floats, asked: Asked, findings: list[Words]) -> Floats | None:
    """How many days after the day a row is of its customer left; NaN where they did not. None where nobody asked."""
    if asked.left_on is None:
        return None
    if asked.date is None:
        raise TenureError(
            tr("To say how long before they left the score says so, name the day each row is of, too: --date COLUMN.")
        )
    then, gone = days_of(table[asked.date]), days_of(table[asked.left_on])
    if then is None or gone is None:
        raise TenureError(
            tr('Column "{name}" holds no dates that can be read, so it can\'t say when each left.', name=asked.left_on)
        )
    ahead: Floats = np.where(y == 1, gone - then, np.nan)
    late = int((ahead < 0).sum())
    if late:
        findings.append(
            Words(
                "{rows} customers left, by {left_on}, before the day in {name}: what is said of them was known too late",
                "按 {left_on}，{rows} 位客户在 {name} 所示日期之前已流失：关于他们的信息得知过晚",
            ).format(rows=f"{late:,}", left_on=asked.left_on, name=asked.date)
        )
    return ahead


def _day_number(day: date) -> float:
    return float((day - date(1970, 1, 1)).days)


def days_of(column: pa.ChunkedArray) -> Floats | None:
    """Days since 1970, blank where there is none; None where these are no dates."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return numbers(column)
    if not is_text(kind):
        return None
    words = plain(column)
    given = words.drop_null()
    if not len(given) or pc.mean(pc.match_substring_regex(given, _ISO_DAY).cast(pa.float64())).as_py() < 0.95:
        return None
    return np.array([_read_day(word) for word in words.to_pylist()])


def _read_day(word: str | None) -> float:
    if word is None:
        return float("nan")
    try:
        return _day_number(date(*(int(part) for part in re.split(r"[ T]", word)[0].split("-"))))
    except ValueError:
        return float("nan")


def tidied(X: pa.Table, today: date, findings: list[Words]) -> pa.Table:
    """Columns as they were meant: dates written as text as days, numbers with a stray word in them as numbers."""
    late: list[str] = []
    for place, name in enumerate(X.column_names):
        column = X[name]
        days = days_of(column)
        if days is not None:
            if np.nanmax(days, initial=-np.inf) > _day_number(today):
                late.append(f"{name} ({int(np.nansum(days > _day_number(today))):,})")
            X = X.set_column(place, name, pa.array(days, from_pandas=True))
            continue
        if not is_text(column.type) or kind_of(column) == "number":
            continue
        words = plain(column)
        given = words.drop_null()
        if not len(given):
            continue
        read = [_number(word) for word in given.to_pylist()]
        stray = [word for word, value in zip(given.to_pylist(), read, strict=True) if value is None]
        if len(stray) <= 0.1 * len(read):
            values = [None if word is None else _number(word) for word in words.to_pylist()]
            X = X.set_column(place, name, pa.array(values, pa.float64()))
            if stray:
                findings.append(
                    Words(
                        '{name} is a column of numbers with text in {rows} rows, such as "{example}": taken as blank there',
                        "{name} 是数字列，但有 {rows} 行为文字，例如“{example}”：按空白处理",
                    ).format(name=name, rows=f"{len(stray):,}", example=stray[0][:40])
                )
    if late:
        findings.append(
            Words(
                "Dates in the future (rows): {columns}. Something known only later, or a slip of the pen: look before you trust",
                "含未来日期（行数）：{columns}。可能是事后才知道的信息或笔误：请先核对",
            ).format(columns=", ".join(late))
        )
    return X


def _number(word: str) -> float | None:
    if _LOOSE.match(word):
        word = re.sub(r"[¥$€£,%\s]", "", word)
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def oddities(table: pa.Table, X: pa.Table, asked: Asked, findings: list[Words]) -> None:
    """What a careful colleague would mention of the table, most important first."""
    gaps = []
    for name in X.column_names:
        column = plain(X[name])
        share = column.null_count / len(column)
        if 0.05 <= share < 1:
            gaps.append((share, name))
    if gaps:
        worst = sorted(gaps, reverse=True)[:8]
        findings.append(
            Words("Blank in many rows: {columns}", "较多空白：{columns}").format(
                columns=", ".join(f"{name} ({share:.0%})" for share, name in worst)
                + (f" … (+{len(gaps) - 8})" if len(gaps) > 8 else "")
            )
        )
    if asked.id:
        ids = texts(table[asked.id])
        double = len(ids) - ids.null_count - len(ids.drop_null().unique())
        if double:
            findings.append(
                Words(
                    "{rows} rows carry a number in {name} that another row has too: a customer should be one row",
                    "{rows} 行的 {name} 与其他行重复：每位客户应只有一行",
                ).format(rows=f"{double:,}", name=asked.id)
            )
    rows = table.num_rows
    if rows <= 200_000 and X.num_columns:
        same = rows - X.group_by(X.column_names).aggregate([]).num_rows
        if same > 0.01 * rows:
            findings.append(
                Words(
                    "{rows} rows are like another in every column: the same customer twice flatters what is measured",
                    "{rows} 行与其他行完全相同：同一客户重复出现会使评估偏乐观",
                ).format(rows=f"{same:,}")
            )
