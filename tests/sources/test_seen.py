"""How repeated keys are known: equal keys hash alike wherever they stand, others apart."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as some

from tenure.sources.seen import hashes

TEXTS = some.lists(some.one_of(some.none(), some.text(max_size=40)), max_size=30)


@given(TEXTS, TEXTS)
def test_a_text_hashes_alike_in_whatever_column_it_stands(before: list[str | None], texts: list[str | None]) -> None:
    alone = hashes([pa.array(texts, pa.string())])
    among = hashes([pa.array([*before, *texts, "after"], pa.string()).slice(len(before), len(texts))])

    assert alone.tolist() == among.tolist()


@given(TEXTS)
def test_rows_hash_alike_just_where_they_are_alike(texts: list[str | None]) -> None:
    hashed = hashes([pa.array(texts, pa.string())])

    assert len(set(hashed.tolist())) == len(set(texts))


def test_keys_that_differ_by_little_are_told_apart() -> None:
    # What goes wrong first in a weak hash: bytes of nothing at the end, like words in another order, one bit far out.
    words = ["", "\0", "\0\0", "a" * 8, "a" * 16, "a" * 8 + "b" * 8, "b" * 8 + "a" * 8, "\0" * 8 + "a", "a" + "\0" * 8]
    counted = [f"O-{number}" for number in range(200_000)]
    padded = [f"{number:024d}" for number in range(0, 200_000, 3)]
    texts = [*words, *counted, *padded]

    assert len(np.unique(hashes([pa.array(texts)]))) == len(texts)
