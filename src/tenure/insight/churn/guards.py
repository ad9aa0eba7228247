"""What must be true of the data before anything is learned from it; the errors say what to do instead."""

import math
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn.columns import Floats, code, is_text, kind_of, numbers, out_of_fold_rates, plain, texts
from tenure.insight.churn.scores import auc
from tenure.language import Words, tr

FEWEST_ROWS = 50
FEWEST_OF_EACH = 10
TELLS_ALL = 0.995
FLAG_TELLS_ALL = 0.97  # a flag copied from the outcome with some rows in a hundred wrong


class UnfitDataError(TenureError, ValueError):
    """The data can't be learned from; a ValueError too, which is what tools built on scikit-learn look for."""


def not_learned() -> TenureError:
    """The error of a model asked before it learned: scikit-learn's own kind too, where its tools look for that."""
    from sklearn.exceptions import NotFittedError

    class NotLearnedError(TenureError, NotFittedError):  # type: ignore[misc]  # scikit-learn is untyped
        pass

    return NotLearnedError(tr("This churn model has learned nothing yet: call fit(X, y) first."))


_YES = {"yes", "y", "true", "t", "1", "1.0", "churned", "churn", "left", "是", "流失", "已流失"}
_NO = {"no", "n", "false", "f", "0", "0.0", "-1", "-1.0", "stayed", "retained", "active", "否", "未流失", "留存"}
# The outcome under another name, or written down by those who already knew it.
_NAMED_AFTER_OUTCOME = re.compile(r"churn|流失|离网|^customer[ _]?status$", re.IGNORECASE)


def outcome(y: Any) -> tuple[Floats, NDArray[Any]]:
    """The outcome as 0.0 and 1.0, and the two values it was given in: the one that stands for no, then yes.

    Takes booleans, 0 and 1 (or -1 and 1), and words as people write them: Yes/No, 是/否, churned/stayed.
    Raises TenureError where a value is missing or can't be told to mean yes or no, or only one of them occurs.
    """
    if y is None:
        raise UnfitDataError(
            tr("ChurnModel requires y to be passed, but the target y is None: say of each customer whether they left.")
        )
    values = _listed(y)
    if any(v is None or v != v for v in values):
        missing = sum(v is None or v != v for v in values)
        raise UnfitDataError(
            tr(
                "The outcome is blank in {missing} of {rows} rows. "
                "Leave those rows out: nothing can be learned from them.",
                missing=missing,
                rows=len(values),
            )
        )
    seen: dict[Any, float] = {}
    for value in set(values):
        word = str(value).strip().lower()
        if word not in _YES | _NO:
            raise UnfitDataError(
                tr(
                    'The outcome has the value "{value}", which can not be told to mean yes or no. '
                    "Give true/false, 1/0, yes/no or 是/否.",
                    value=value,
                )
            )
        seen[value] = float(word in _YES)
    y01 = np.fromiter((seen[v] for v in values), float, len(values))
    if len(set(seen.values())) < 2:
        raise UnfitDataError(
            tr(
                "Every one of the {rows} rows has the outcome {value}, so there is nothing to tell apart. "
                "Give rows of customers who left and of customers who stayed.",
                rows=len(values),
                value=next(iter(seen), ""),
            )
        )
    pairs = sorted(seen.items(), key=lambda pair: pair[1])
    return y01, np.asarray([pairs[0][0], pairs[-1][0]])


def _listed(y: Any) -> list[Any]:
    if isinstance(y, pa.Array | pa.ChunkedArray):
        return list(y.to_pylist())
    if hasattr(y, "to_numpy"):
        y = y.to_numpy()
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"y must have one dimension; found shape {array.shape}")
    return list(array.tolist())


def enough(y: Floats) -> None:
    """Raises TenureError, saying how much there is and how much is needed, where there is too little to learn from."""
    rows, left = len(y), int(y.sum())
    if rows < FEWEST_ROWS or min(left, rows - left) < FEWEST_OF_EACH:
        raise UnfitDataError(
            tr(
                "Not enough data, because there are {rows} customers, of whom {left} left and {stayed} stayed. "
                "At least {needed} customers with {each} of either kind are needed: "
                "take a longer period or a wider group.",
                rows=rows,
                left=left,
                stayed=rows - left,
                needed=FEWEST_ROWS,
                each=FEWEST_OF_EACH,
            )
        )


def unusable(table: pa.Table) -> dict[str, Words]:
    """The columns nothing can be learned from, each with the reason."""
    found: dict[str, Words] = {}
    for name in table.column_names:
        values = plain(table[name])
        given = values.drop_null()
        if not is_text(values.type):
            given = given.filter(pc.is_finite(given))
        distinct = pc.count_distinct(given).as_py()
        if not len(given):
            found[name] = Words("blank in every row", "每行都为空")
        elif distinct == 1 and len(given) == len(values):
            found[name] = Words("the same in every row", "每行都相同")
        elif kind_of(table[name]) == "text" and distinct > 0.9 * len(given) and distinct > FEWEST_ROWS // 2:
            found[name] = Words(
                "different in nearly every row, like a number or a name", "几乎每行都不同，像编号或姓名"
            )
        elif distinct == len(given) == len(values) and re.search(r"(^|[_\s-])id$|[a-z]I[Dd]$|编号$", name):
            found[name] = Words("numbers the rows", "是行的编号")
    return found


def suspects(X: pa.Table, y: Floats, folds: NDArray[np.int64], allow: Collection[str] = ()) -> dict[str, Words]:
    """The columns that are the outcome in disguise, each with what gives it away.

    A column is suspect where it alone, learned on other rows, tells who left (AUC of .995 or more, or of .97 where it has
    no more values than an outcome has), where one of its values, or being filled or blank at all, is met with leavers
    alone and too often for that to be chance, or where its name is that of the outcome. Names in `allow` pass.
    """
    found: dict[str, Words] = {}
    allow = frozenset(allow)
    # So many that, if only a tenth of the usual share of them stayed, the chance that none did is one in a million.
    enough_to_tell = math.log(1e-6) / math.log1p(-(1.0 - float(y.mean())) / 10.0)
    for name in X.column_names:
        if name in allow:
            continue
        if _NAMED_AFTER_OUTCOME.search(name):
            found[name] = Words("its name is that of the outcome", "其名称即结果本身")
            continue
        best, codes, values = _alone(X[name], y, folds)
        if best >= (TELLS_ALL if len(np.unique(codes)) > 3 else FLAG_TELLS_ALL):
            found[name] = Words(
                f"it alone tells who left (AUC {best:.3f})", f"仅凭此列就能判断谁流失（AUC {best:.3f}）"
            )
        elif telling := _only_of_leavers(codes, values, y, enough_to_tell):
            found[name] = telling
    return found


def _only_of_leavers(codes: NDArray[np.int64], values: Sequence[Any], y: Floats, least: float) -> Words | None:
    """What a column says of leavers alone: one of a few values, or anything at all, or nothing. None where there is none."""
    rows = np.bincount(codes, minlength=len(values))
    left = np.bincount(codes, weights=y, minlength=len(values))
    blank = [place for place, value in enumerate(values) if value is None or value == -np.inf]
    empty, gone = (float(rows[blank].sum()), float(left[blank].sum())) if blank else (0.0, 0.0)
    if blank and least <= len(y) - empty == y.sum() - gone:
        return Words("only customers who left have a value in it", "只有流失客户才有值")
    for place in np.flatnonzero((rows == left) & (rows >= least)).tolist() if len(values) <= 51 else blank:
        if least <= rows[place] == left[place]:
            value, n = "" if place in blank else values[place], int(rows[place])
            return Words(f'all {n} customers with "{value}" left', f"值为“{value}”的 {n} 位客户全部流失")
    return None


def still_to_come(X: pa.Table, cut: datetime, allow: Collection[str] = ()) -> dict[str, Words]:
    """The columns of dates, some of which were still to come at a cut: what happened then was not known."""
    found: dict[str, Words] = {}
    for name in X.column_names:
        kind = X.schema.field(name).type
        if name in allow or not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
            continue
        latest = pc.max(pc.cast(X[name], pa.date32())).as_py()
        if latest is not None and latest > cut.date():
            found[name] = Words(
                f"it holds {latest.isoformat()}, and the customers are as they were on {cut.date().isoformat()}",
                f"其中有 {latest.isoformat()}，而客户状况截至 {cut.date().isoformat()}",
            )
    return found


def refuse(found: dict[str, Words]) -> None:
    """Raises TenureError naming the suspect columns, where there are any."""
    if found:
        raise UnfitDataError(
            tr(
                "Refused, because these columns are the outcome, not something known before it: {columns}. "
                "Leave them out; if one really was known in time, name it in allow=.",
                columns="; ".join(f"{name} ({why})" for name, why in found.items()),
            )
        )


def _alone(column: Any, y: Floats, folds: NDArray[np.int64]) -> tuple[float, NDArray[np.int64], Sequence[Any]]:
    """The best AUC that the column alone reaches: high or low values, blanks, or each value for itself.

    With it each row's value as its place among the values; a blank is None, or minus infinity among numbers.
    """
    if kind_of(column) == "text":
        written = texts(column)
        levels = written.drop_null().unique().to_pylist()
        codes = code(written, levels)
        codes = np.where(codes < 0, len(levels), codes)  # a blank may tell as much as a word
        return auc(y, out_of_fold_rates(codes, y, len(levels) + 1, folds)), codes, [*levels, None]
    x = numbers(column)
    unknown = np.isnan(x)
    met, codes = np.unique(np.where(unknown, -np.inf, x), return_inverse=True)
    codes = codes.astype(np.int64)
    tries = [_auc_in_order(codes, y, len(met)), _auc_in_order(unknown.astype(np.int64), y, 2)]
    # Turned round, with blanks at the other end then, a value tells just as much.
    tries += [1.0 - each for each in tries]
    if len(met) <= 50:
        tries.append(auc(y, out_of_fold_rates(codes, y, len(met), folds)))
    return max(tries), codes, met.tolist()


def _auc_in_order(codes: NDArray[np.int64], y: Floats, levels: int) -> float:
    """`auc` of scores that are few whole numbers from 0, without sorting the rows again."""
    left = np.bincount(codes, weights=y, minlength=levels)
    stayed = np.bincount(codes, minlength=levels) - left
    below = np.cumsum(stayed) - stayed
    return float((left * (below + stayed / 2.0)).sum() / (left.sum() * stayed.sum()))
