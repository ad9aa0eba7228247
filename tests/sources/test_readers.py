"""Readers below the import: physical numbers, delimiters, encodings, counts that don't depend on the reading."""

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.errors import TenureError
from tenure.sources import SOURCES, source_for
from tenure.sources import csv as csv_source
from tenure.sources.base import Options, distinct
from tenure.sources.csv import CsvReader, count_rows, physical, sniff


def read(path: Path, options: Options | None = None):
    reader = source_for(path).open(path, options or Options())
    chunks = list(reader.chunks())
    rows = [number for chunk in chunks for number in chunk.rows.tolist()]
    cells = [row for chunk in chunks for row in chunk.batch.to_pylist()]
    return reader, rows, cells, [broken for chunk in chunks for broken in chunk.broken]


def test_every_source_says_what_it_reads_in_both_languages():
    suffixes = [suffix for source in SOURCES.values() for suffix in source.suffixes]

    assert set(SOURCES) == {"csv", "excel", "parquet", "jsonl"}
    assert len(suffixes) == len(set(suffixes))
    assert all(source.words.en and source.words.zh for source in SOURCES.values())


def test_an_unknown_ending_names_the_known_ones(tmp_path):
    with pytest.raises(TenureError, match=r"Read are: \.csv, \.tsv, \.txt, \.xlsx"):
        source_for(tmp_path / "orders.docx")


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [("a,b\n1,2\n", ","), ("a;b\n1,5;2,5\n", ";"), ("a\tb\n1\t2\n", "\t"), ("a|b|c\n1|2|3\n", "|"), ("a\n1\n", ",")],
)
def test_the_delimiter_is_told_from_the_first_rows(head, delimiter):
    assert sniff(head) == delimiter


def test_broken_rows_keep_their_numbers_over_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_source, "BLOCK", 4_096)
    path = tmp_path / "long.csv"
    path.write_text("a,b,c\n" + "".join(f"{n},x\n" if n % 97 == 0 else f"{n},x,y\n" for n in range(1, 20_001)))

    reader, rows, cells, broken = read(path)

    assert reader.rows == 20_000
    assert [row.row for row in broken] == [n for n in range(1, 20_001) if n % 97 == 0]
    assert rows == [int(cell["a"]) for cell in cells] == [n for n in range(1, 20_001) if n % 97]
    assert all(row.cells[0] == str(row.row) for row in broken)


def test_a_cell_may_hold_line_breaks_and_delimiters(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_bytes(b'id,note\r\n1,"two\r\nlines, and ""quotes"""\r\n\r\n2,5" pipe\r\n')

    reader, rows, cells, broken = read(path)

    assert (reader.rows, rows, broken) == (3, [1, 3], [])
    assert cells == [{"id": "1", "note": 'two\r\nlines, and "quotes"'}, {"id": "2", "note": '5" pipe'}]


def test_a_row_longer_than_a_block_is_told_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_source, "BLOCK", 1 << 20)
    path = tmp_path / "huge.csv"
    path.write_text('id,note\n1,x\n2,"' + ("y" * 1023 + "\n") * (3 << 10) + '"\n')

    with pytest.raises(TenureError, match=r"row longer than 1 MB.* after row 1\."):
        read(path)


def test_blank_and_repeated_headers_get_names_of_their_own():
    assert distinct(["total", "", "total", " total "]) == ("total", "column 2", "total (2)", "total (3)")


texts = st.lists(st.lists(st.text('ab,"\n\r ', max_size=5), min_size=2, max_size=3), min_size=1, max_size=30)


@given(texts, st.integers(1, 50), st.sampled_from(["\n", "\r\n"]))
def test_rows_are_counted_as_a_full_parse_counts_them(rows, block, ending):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows(rows)
    data = text.getvalue().encode()
    parsed = len(list(csv.reader(io.StringIO(text.getvalue(), newline=""), strict=True)))

    count = count_rows((data[i : i + block] for i in range(0, len(data), block)), ",")

    assert count == parsed


@given(st.text('ab,"\n\r', max_size=60))
def test_a_text_of_any_shape_is_read_whole_or_refused(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_bytes(b"a,b\n" + text.encode())
        try:
            reader, rows, _, broken = read(path)
        except TenureError:
            return

        blank = sum(chunk.blank for chunk in reader.chunks())
        assert len(rows) + len(broken) + blank == max(reader.rows, 0)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 9))
def test_numbers_of_good_rows_pass_over_the_bad_ones(good, size):
    bad = np.array([n for n, ok in enumerate(good, start=1) if not ok], dtype=np.int64)
    expected = [n for n, ok in enumerate(good, start=1) if ok]

    found: list[int] = []
    start = 1
    while len(found) < len(expected):
        count = min(size, len(expected) - len(found))
        numbers = physical(start, count, bad[bad >= start])
        found += numbers.tolist()
        start = found[-1] + 1

    assert found == expected


def test_a_file_can_be_read_twice_and_in_part(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("a,b\n1,2\n\n3,4\n")
    reader = CsvReader(path, Options())

    part = [chunk.batch.to_pydict() for chunk in reader.chunks(only=["b"])]

    assert part == [{"b": ["2", None, "4"]}]
    assert sum(chunk.batch.num_rows for chunk in reader.chunks()) == 2


def test_a_sheet_may_begin_below_its_top_and_hold_gaps(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet["B3"], sheet["C3"] = "id", "n"
    sheet["B4"], sheet["C4"] = "A", 1
    sheet["B6"], sheet["C6"] = "B", 2.5
    path = tmp_path / "gaps.xlsx"
    book.save(path)

    reader, rows, cells, _ = read(path)

    assert (reader.headers, reader.rows, rows) == (("id", "n"), 3, [1, 3])
    assert cells == [{"id": "A", "n": 1.0}, {"id": "B", "n": 2.5}]


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Jürgen Größe, Café Müßig", "latin-1"),
        ("Größe", "latin-1"),
        ("Łódź, Kraków", "cp1250"),
        ("Привет, мир", "cp1251"),
    ],
)
def test_western_text_is_not_taken_for_chinese(tmp_path, text, codec):
    path = tmp_path / "west.csv"
    path.write_bytes(f'id,name\n1,"{text}"\n'.encode(codec))

    with pytest.raises(TenureError, match="not UTF-8 text"):
        read(path)
    _, _, cells, _ = read(path, Options(encoding=codec))

    assert cells[0]["name"] == text


@pytest.mark.parametrize("text", ["姓名\n朱镕基\n", "客户,金额\n陶喆,5\n", "评论\n服务很好，送货也快。😀\n"])
def test_chinese_names_with_rare_characters_are_read(tmp_path, text):
    path = tmp_path / "names.csv"
    path.write_bytes(text.encode("gb18030"))

    reader, _, cells, _ = read(path)

    assert reader.encoding == "gb18030"
    assert next(iter(cells[0].values())) == text.splitlines()[1].split(",")[0]


def test_lines_left_empty_above_the_header_are_passed_over(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("\n\na,b\n1,2\n3\n5,6\n")

    reader, rows, cells, broken = read(path)

    assert (reader.headers, reader.rows, rows) == (("a", "b"), 3, [1, 3])
    assert [row.row for row in broken] == [2]
    assert cells[0] == {"a": "1", "b": "2"}


def test_a_line_of_json_without_end_is_refused(tmp_path):
    path = tmp_path / "huge.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "' + b"x" * (21 << 20))

    with pytest.raises(TenureError, match=r"line longer than 16 MB, line 2\."):
        read(path)
