"""Chance from a seed, and columns from what was drawn."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def stream(seed: int, name: str) -> np.random.Generator:
    """A stream of chance of its own for each part of the company, so that a change in one leaves the others alone."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def draw(rng: np.random.Generator, weights: Sequence[float] | Numbers, size: int) -> Numbers:
    """`size` positions, each with a chance in proportion to its weight."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    found: Numbers = np.searchsorted(edges / edges[-1], rng.random(size), side="right")
    return np.minimum(found, len(edges) - 1)


def words(pool: Sequence[str | None], positions: Numbers, known: Numbers | None = None) -> pa.Array:
    """The pool's text at each position; null where not known."""
    return pa.array(pool, pa.string()).take(pa.array(positions, pa.int64(), mask=None if known is None else ~known))


def where_known(known: Numbers, values: Numbers) -> Numbers:
    """The values as objects, None where not known."""
    kept = values.astype(object)
    kept[~known] = None
    return kept


def numbered(prefix: str, numbers: Numbers, width: int) -> pa.Array:
    """C-00042 and the like."""
    digits = pc.utf8_lpad(pa.array(numbers, pa.int64()).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def instants(at: Numbers, known: Numbers | None = None) -> pa.Array:
    """Microseconds in UTC as a column of instants; null where not known."""
    return pa.array(at.astype(np.int64), mask=None if known is None else ~known).cast(pa.timestamp("us", tz="UTC"))


def whole(values: Numbers, known: Numbers | None = None) -> pa.Array:
    return pa.array(values.astype(np.int64), mask=None if known is None else ~known)


def constant(text: str, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), size)


def table(contract: str, columns: Mapping[str, Any]) -> pa.Table:
    """The columns as a table of the contract, in its order and types."""
    schema = CONTRACTS[contract].schema
    if unknown := set(columns) - set(schema.names):
        raise KeyError(f"contract {contract!r} has no column {sorted(unknown)}")
    kept = [schema.field(name) for name in schema.names if name in columns]
    return pa.table(
        [
            pa.array(columns[f.name]).cast(f.type)
            if isinstance(columns[f.name], np.ndarray)
            else columns[f.name].cast(f.type)
            for f in kept
        ],
        schema=pa.schema(kept),
    )
