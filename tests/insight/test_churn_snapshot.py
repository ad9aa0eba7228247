"""A wide file's own columns come out of their text with the types they have."""

import json
from typing import Any

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.insight.churn import attributes, widen


def snapshot(*extra: Any) -> pa.Table:
    texts = [e if isinstance(e, str) or e is None else json.dumps(e, ensure_ascii=False) for e in extra]
    rows = [{"person_id": i, "customer_id": f"C{i}", "outcome": i % 2 == 0, "extra": t} for i, t in enumerate(texts)]
    return pa.Table.from_pylist(rows, schema=CONTRACTS["snapshot"].records_schema)


def columns(*extra: Any) -> dict[str, list[Any]]:
    return attributes(snapshot(*extra)).to_pydict()


def test_text_that_reads_as_numbers_becomes_numbers_and_blank_becomes_null():
    wide = attributes(snapshot({"TotalCharges": "29.85", "tenure": "1"}, {"TotalCharges": " ", "tenure": "34"}))

    assert wide.schema.field("TotalCharges").type == pa.float64()
    assert wide.schema.field("tenure").type == pa.int64()
    assert wide.to_pydict() == {"TotalCharges": [29.85, None], "tenure": [1, 34]}


def test_one_word_among_numbers_makes_the_column_text():
    assert columns({"a": "1"}, {"a": "n/a"}) == {"a": ["1", "n/a"]}


def test_true_and_false_stay_as_they_are():
    assert columns({"a": True}, {"a": None}, {"a": False}) == {"a": [True, None, False]}


def test_numbers_and_words_under_one_key_become_text():
    assert columns({"a": 3}, {"a": "many"}, {"a": 2.5}) == {"a": ["3", "many", "2.5"]}


def test_a_date_stays_the_text_it_was():
    assert columns({"a": "2026-01-05"}, {"a": "2026-02-05 10:00:00"}) == {"a": ["2026-01-05", "2026-02-05 10:00:00"]}


def test_missing_keys_null_and_empty_objects_are_null():
    assert columns({"a": 1}, None, {}, {"b": "x"}) == {"a": [1, None, None, None], "b": [None, None, None, "x"]}


def test_chinese_emoji_quotes_and_line_breaks_survive():
    told = '套餐 "A"\n第二行 😀'

    assert columns({"备注": told}, {"备注": "普通"}) == {"备注": [told, "普通"]}


def test_json_laid_out_over_lines_is_read():
    assert columns('{\n "a": 1\n}', '{"a": 2}') == {"a": [1, 2]}


def test_objects_inside_are_kept_as_their_text():
    assert columns({"a": {"b": 1}}, {"a": [1, 2]}) == {"a": ['{"b": 1}', "[1, 2]"]}


def test_what_is_no_json_is_refused_with_its_row():
    with pytest.raises(ValueError, match="row 2"):
        widen(snapshot({"a": 1}, "{not json"))


def test_what_is_no_object_is_refused_with_its_row():
    with pytest.raises(ValueError, match="row 1 must be a JSON object; found list"):
        widen(snapshot("[1]"))


def test_own_columns_are_kept_and_a_key_of_the_same_name_stands_beside_its_own():
    wide = widen(snapshot({"outcome": "No", "fee": "3"}, {"outcome": "Yes", "fee": "4"}))

    assert "extra" not in wide.column_names
    assert wide["outcome"].to_pylist() == [True, False]
    assert wide["outcome_extra"].to_pylist() == ["No", "Yes"]
    assert wide["fee"].to_pylist() == [3, 4]


def test_a_snapshot_without_rows_or_extras_has_no_columns_more():
    assert attributes(snapshot()).column_names == []
    assert widen(snapshot(None, None)).num_rows == 2


def test_types_agree_over_more_rows_than_one_slice(monkeypatch):
    monkeypatch.setattr("tenure.insight.churn.snapshot._SLICE_ROWS", 2)

    found = columns({"a": 1, "b": "1"}, {"a": 2, "b": "2"}, {"a": 2.5, "b": "x"}, {"a": None, "c": True})

    assert found == {"a": [1.0, 2.0, 2.5, None], "b": ["1", "2", "x", None], "c": [None, None, None, True]}


def test_a_slice_of_a_table_reads_only_its_own_rows():
    whole = snapshot(*({"a": n} for n in range(10)))

    assert attributes(whole.slice(4, 3)).to_pydict() == {"a": [4, 5, 6]}
