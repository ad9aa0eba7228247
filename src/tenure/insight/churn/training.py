"""What a model learned from, kept so that it can be learned again: features and outcomes, and nobody's number or name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn.backtest import features_only
from tenure.insight.churn.columns import Floats, kind_of, numbers, texts, to_table
from tenure.insight.features import FEATURES
from tenure.language import tr

FEWEST_PEOPLE = 5  # a text said of fewer people could tell who one of them is
_DIGITS = 5  # of a number: 13912345678 is kept as 13912000000, which is nobody's telephone
_BLOCK, _GROUP, _LEFT = "block", "group", "left"
_KEPT_AT_ONCE = 4  # a word of fewer rows than the model learns a category from


@dataclass(frozen=True)
class Training:
    """The rows a model learned from. cuts: the date of each block, oldest first; empty where the data have no time.

    rows: `block` (its place among the cuts), `group` (one number for all rows of one customer), `left`, and the
    features under their own names with `x_` before them. A group's number comes from what its rows say, not from who
    it is; rows are in that order. Numbers have five digits, ages are whole years, and a text said of fewer than five
    people is a placeholder that no model learns from. So nothing in it leads back to a person, and a customer who is
    erased is not in it.
    """

    rows: pa.Table
    cuts: tuple[datetime, ...] = ()
    # Which of the rows given each is: known to whoever made it, and never kept.
    order: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), compare=False, repr=False)

    @classmethod
    def of(cls, frames: Mapping[datetime, Any] | Any, labels: Mapping[datetime, Any] | Any) -> "Training":
        """From frames and labels by cut date, as `learn` takes them, or from one frame and its labels.

        The same frames give the same rows, in whatever order theirs are.
        """
        cuts = tuple(sorted(frames)) if isinstance(frames, Mapping) else ()
        told = [to_table(frames[cut]) for cut in cuts] if cuts else [to_table(frames)]
        outcomes = [labels[cut] for cut in cuts] if cuts else [labels]
        bare = [features_only(table) for table in told]
        X = pa.concat_tables(bare, promote_options="permissive")
        block = np.repeat(np.arange(len(told)), [table.num_rows for table in told])
        left = np.concatenate([_truth(each) for each in outcomes])
        if all("person_id" in table.column_names for table in told):
            person = np.concatenate([table["person_id"].to_numpy() for table in told])
        else:
            person = np.arange(len(block))
        _, people = np.unique(person, return_inverse=True)
        columns = {name: _safe(name, X[name], people) for name in X.column_names}
        group = _numbered(columns, block, left, people)
        order = np.lexsort((group, block))
        named = {_BLOCK: block.astype(np.int8), _GROUP: group.astype(np.int32), _LEFT: left.astype(bool)}
        named |= {f"x_{name}": column for name, column in columns.items()}
        return cls(pa.table(named).take(pa.array(order)).combine_chunks(), cuts, order)

    def frame(self, block: int) -> pa.Table:
        """One block's features, with the group under `person_id`."""
        rows = self.rows.filter(pc.equal(self.rows[_BLOCK], block))
        features = {name[2:]: rows[name] for name in rows.column_names if name.startswith("x_")}
        return pa.table({"person_id": rows[_GROUP].cast(pa.int64()), **features})

    def label(self, block: int) -> pa.Array:
        """Who of a block left."""
        return self.rows.filter(pc.equal(self.rows[_BLOCK], block))[_LEFT].combine_chunks()

    def frames(self) -> dict[datetime, pa.Table]:
        return {cut: self.frame(block) for block, cut in enumerate(self.cuts)}

    def labels(self) -> dict[datetime, pa.Array]:
        return {cut: self.label(block) for block, cut in enumerate(self.cuts)}

    def until(self, last: datetime) -> "Training":
        """Only the blocks up to a date."""
        kept = tuple(cut for cut in self.cuts if cut <= last)
        return Training(self.rows.filter(pc.less(self.rows[_BLOCK], len(kept))), kept)

    def parquet(self) -> bytes:
        """As a Parquet file."""
        from pyarrow import parquet

        into = BytesIO()
        parquet.write_table(self.rows, into, compression="zstd")
        return into.getvalue()

    @classmethod
    def read(cls, data: bytes, cuts: Sequence[datetime]) -> "Training":
        """What `parquet` wrote. Raises TenureError where it is not that."""
        from pyarrow import parquet

        try:
            rows = parquet.read_table(BytesIO(data))
        except (pa.ArrowInvalid, OSError):
            rows = pa.table({})
        if {_BLOCK, _GROUP, _LEFT} - set(rows.column_names):
            raise TenureError(
                tr("What the model learned from can't be read: this is no snapshot of training rows. Learn anew.")
            )
        return cls(rows, tuple(cuts))


def _truth(labels: Any) -> Floats:
    if isinstance(labels, pa.Array | pa.ChunkedArray):
        labels = labels.to_numpy(zero_copy_only=False)
    return np.asarray(labels, dtype=np.float64)


def _safe(name: str, column: pa.ChunkedArray, people: NDArray[np.int64]) -> pa.Array:
    """A column without what could tell who somebody is."""
    if kind_of(column) == "number":
        x = numbers(column)
        # An age with its fractions is a birth date.
        years = name in FEATURES and FEATURES[name].unit == "years"
        return pa.array(np.round(x) if years else _rounded(x), from_pandas=True)
    values = texts(column)
    codes = values.dictionary_encode()
    words, at = codes.dictionary, np.asarray(pc.fill_null(codes.indices, -1))
    known = at >= 0
    if not known.any():
        return values
    pairs = np.unique(np.stack([at[known], people[known]]), axis=1)
    said_of = np.bincount(pairs[0], minlength=len(words))
    few = known & (said_of[at] < FEWEST_PEOPLE)
    if not few.any():
        return values
    # Placeholders of a few rows each: too rare for a category, as what is met first when scoring is.
    instead = np.full(len(at), None, dtype=object)
    instead[few] = [f"few {number // _KEPT_AT_ONCE}" for number in range(int(few.sum()))]
    return pc.if_else(pa.array(few), pa.array(instead, pa.string()), values)


def _rounded(x: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where((x != 0) & np.isfinite(x), np.floor(np.log10(np.abs(x))), 0.0)
    scale = 10.0 ** (_DIGITS - 1 - power)
    return np.asarray(np.round(x * scale) / scale, dtype=np.float64)


def _numbered(
    columns: Mapping[str, pa.Array], block: NDArray[np.int64], left: Floats, people: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A number for each row's customer, by a digest of what all its rows say; of those alike, as they come."""
    import pandas as pd

    frame = pd.DataFrame({name: column.to_pandas() for name, column in columns.items()})
    # Which placeholder a rare word got depends on the order the rows came in; the digest must not.
    for name in frame.columns:
        if frame[name].dtype == object:
            frame[name] = frame[name].where(~frame[name].str.startswith("few ", na=False), "few")
    frame["\x00block"], frame["\x00left"] = block, left
    told = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    sums = np.zeros(int(people.max(initial=-1)) + 1, dtype=np.uint64)
    np.add.at(sums, people, told)
    rank = np.empty(len(sums), dtype=np.int64)
    rank[np.argsort(sums, kind="stable")] = np.arange(len(sums))
    return np.asarray(rank[people])
