"""What a score was made from, kept beside it: of each customer the columns the model reads, whatever they are called."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.insight.churn.columns import Reading, numbers, texts

SCHEMA = pa.schema(
    [
        ("person_id", pa.int64()),
        ("columns", pa.string()),  # JSON: the names of the numbers, and those of the texts
        ("numbers", pa.list_(pa.float64())),
        ("texts", pa.list_(pa.string())),
    ]
)


def packed(people: pa.ChunkedArray | pa.Array, X: pa.Table, readings: Sequence[Reading]) -> pa.Table:
    """The facts of these people as a table whose shape is the same for every model (SCHEMA).

    A company's own columns may have any name, and one may be a number in one model and a category in the next.
    """
    rows = X.num_rows
    of_numbers = [reading.name for reading in readings if reading.kind == "number"]
    of_texts = [reading.name for reading in readings if reading.kind == "text"]
    columns = json.dumps([of_numbers, of_texts], ensure_ascii=False)
    figures = np.column_stack([numbers(X[name]) for name in of_numbers]) if of_numbers else np.zeros((rows, 0))
    said = pa.chunked_array([texts(X[name]) for name in of_texts], pa.string()).combine_chunks() if of_texts else None
    # Texts lie column after column; a row wants its own side by side.
    turned = (
        np.arange(rows * len(of_texts)).reshape(len(of_texts), rows).T.ravel() if of_texts else np.zeros(0, np.int64)
    )
    people = people.combine_chunks() if isinstance(people, pa.ChunkedArray) else people
    return pa.table(
        [
            people.cast(pa.int64()),
            pa.array([columns], pa.string()).take(pa.array(np.zeros(rows, np.int64))),
            _lists(pa.array(figures.ravel(), from_pandas=True), rows, len(of_numbers)),
            _lists(said.take(pa.array(turned)) if said is not None else pa.array([], pa.string()), rows, len(of_texts)),
        ],
        schema=SCHEMA,
    )


def _lists(values: pa.Array, rows: int, width: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), values)


def alike(one: pa.Table, other: pa.Table) -> NDArray[np.bool_]:
    """Of each row of two tables of as many rows, whether both say the same; False where they are not kept alike."""
    shapes = pc.unique(pa.chunked_array([*one["columns"].chunks, *other["columns"].chunks], pa.string()))
    if len(shapes) != 1:
        return np.zeros(one.num_rows, bool)
    width, said = (len(names) for names in json.loads(shapes[0].as_py()))
    rows = one.num_rows
    numbers_of = [_flat(table["numbers"]).to_numpy(zero_copy_only=False).reshape(rows, width) for table in (one, other)]
    texts_of = [pc.fill_null(_flat(table["texts"]), "\0") for table in (one, other)]
    same_texts = pc.equal(*texts_of).to_numpy(zero_copy_only=False).reshape(rows, said)
    found = np.equal(*numbers_of) | (np.isnan(numbers_of[0]) & np.isnan(numbers_of[1]))
    same: NDArray[np.bool_] = found.all(axis=1) & same_texts.astype(bool).all(axis=1)
    return same


def _flat(lists: pa.ChunkedArray) -> pa.Array:
    return pc.list_flatten(lists.combine_chunks())


def opened(kept: pa.Table, readings: Sequence[Reading]) -> pa.Table:
    """The facts as the columns of these readings, person_id first; what was not kept of somebody is null.

    The rows come in groups of those kept alike, each in the order they had.
    """
    schema = pa.schema(
        [("person_id", pa.int64())]
        + [(reading.name, pa.float64() if reading.kind == "number" else pa.string()) for reading in readings]
    )
    found = []
    for columns in pc.unique(kept["columns"]).to_pylist():
        mine = kept.filter(pc.equal(kept["columns"], columns))
        of_numbers, of_texts = json.loads(columns)
        parts = {
            name: values
            for names, column in ((of_numbers, mine["numbers"]), (of_texts, mine["texts"]))
            for name, values in zip(names, _columns(column, len(names)), strict=True)
        }
        told = [mine["person_id"].combine_chunks()]
        for field in list(schema)[1:]:
            values = parts.get(field.name)
            fits = values is not None and values.type == field.type
            told.append(values if fits else pa.nulls(mine.num_rows, field.type))
        found.append(pa.table(told, schema=schema))
    return pa.concat_tables(found).combine_chunks() if found else schema.empty_table()


def _columns(lists: pa.ChunkedArray, width: int) -> list[pa.Array]:
    flat = pc.list_flatten(lists.combine_chunks())
    rows = len(lists)
    return [flat.take(pa.array(np.arange(rows, dtype=np.int64) * width + place)) for place in range(width)]
