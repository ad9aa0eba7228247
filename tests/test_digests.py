"""Digests of rows: equal rows alike, others not, however their columns lie in memory."""

import random

import numpy as np
import pyarrow as pa
import pytest

from tenure import digests
from tenure.digests import row_digests


def texts(rows: int) -> list[str | None]:
    drawn = random.Random(7)
    pieces = ["a", "常", "客", "é", "0", " ", "{", "\0"]
    return [
        None if drawn.random() < 0.05 else "".join(drawn.choices(pieces, k=drawn.randrange(0, 30))) for _ in range(rows)
    ]


@pytest.mark.parametrize("together", [3, 64, 100_000])
def test_each_text_has_a_digest_of_its_own_wherever_it_stands(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(5_000)
    plain = pa.array(said, pa.string())
    expected = row_digests([plain])
    monkeypatch.setattr(digests, "_TEXTS", together)

    pieces = pa.chunked_array([plain.slice(0, 0), plain.slice(0, 7), plain.slice(7, 1_000), plain.slice(1_007)])
    for column in (plain, pieces, plain.cast(pa.large_string()), pa.chunked_array([], pa.string())):
        assert (row_digests([column]) == expected[: len(column)]).all()
    of_text = {text: tuple(digest) for text, digest in zip(said, expected.tolist(), strict=True)}
    assert all(of_text[text] == tuple(digest) for text, digest in zip(said, expected.tolist(), strict=True))
    assert len(set(of_text.values())) == len(of_text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", None), ("", "\0"), ("\0", "\0\0"), ("a" * 8, "a" * 8 + "\0"), ("a" * 16, "a" * 15 + "b"), ("ab" * 8, "ba" * 8),
        ("x" * 8 + "y" * 8, "y" * 8 + "x" * 8), ("1234567", "12345678"),
    ],
)  # fmt: skip
def test_texts_that_are_nearly_the_same_differ(one: str | None, other: str | None) -> None:
    first, second = row_digests([pa.array([one, other], pa.string())])

    assert (first != second).all()


def test_a_row_is_what_all_its_columns_say_in_their_order() -> None:
    columns = [pa.array([1, 1, 2, None]), pa.array([0.5, None, 0.5, 0.5]), pa.array(["x", "x", "x", "x"])]
    columns.append(pa.array([None, None, None, True]))

    found = row_digests(columns)

    assert len({tuple(row) for row in found.tolist()}) == 4
    assert (found == row_digests([pa.chunked_array([one.slice(0, 1), one.slice(1)]) for one in columns])).all()
    assert (found != row_digests(columns[::-1])).any()
    assert row_digests([np.array([1.5, 2.5]), pa.nulls(2)]).shape == (2, 2)
