"""What a first look says of a file, before anyone decides."""

import pytest
from openpyxl import Workbook

from tenure.errors import TenureError
from tenure.sources import csv as csv_source
from tenure.sources.looking import look

ORDERS = "订单号,客户编号,下单时间,金额\nA-1,C-1,2026年3月1日,19.90\nA-2,C-2,2026年3月2日,5\n"
TRADITIONAL = "訂單號,客戶編號,客戶姓名,城市,下單時間,金額\nA-1,C-1,陳美玲,臺北市,2026-03-01,19.90\nA-2,C-2,張國華,高雄市,2026-03-02,5\n"


def test_a_look_says_what_the_rows_may_be_and_how_its_columns_would_be_read(write):
    seen = look(write(ORDERS))

    assert (seen.kind, seen.rows, seen.estimated, seen.encoding, seen.delimiter) == ("csv", 2, False, "utf-8", ",")
    assert seen.contracts[0][0] == seen.contract == "orders"
    assert all(0 <= fit <= 1 for _, fit in seen.contracts)
    assert dict(seen.fields) == {
        "order_id": "订单号", "customer_id": "客户编号", "ordered_at": "下单时间", "amount_minor": "金额",
    }  # fmt: skip
    assert seen.guessed == set(seen.fields)
    assert seen.samples["金额"] == ("19.90", "5")
    assert seen.missing == ()


@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("gb18030", "gb18030"), ("utf-8", "utf-8")]
)
def test_the_encoding_is_told_by_the_bytes(write, encoding, told):
    assert look(write(ORDERS, encoding=encoding)).encoding == told


def test_traditional_chinese_in_big5_is_told_from_gb18030_by_its_characters(shop, write):
    path = write(TRADITIONAL, encoding="big5")

    assert look(path).encoding == "big5"
    shop.take(path)

    assert [row["customer_id"] for row in shop.rows()] == ["C-1", "C-2"]
    assert '"客戶姓名": "陳美玲"' in shop.rows()[0]["extra"]


def test_traditional_chinese_in_gb18030_is_not_taken_for_big5(write):
    assert look(write(TRADITIONAL, encoding="gb18030")).encoding == "gb18030"


def test_where_two_encodings_fit_alike_it_is_said(write):
    # Two characters either way, and everyday ones in both readings.
    path = write("名\n".encode("gb18030") + b"".join(bytes([0xB4, 0xFA, 0xB6, 0xA1]) + b"\n" for _ in range(3)))

    seen = look(path, contract="customers")

    assert any("nearly as well" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("above", "row"),
    [
        ("", 1),
        ("\n\n", 3),
        ("三月销售报表\n", 2),
        ("三月销售报表,,,\n制表人：王小明,,,\n\n", 4),
        ("三月销售报表,,,\n,,,\n,,,元\n", 4),
        ("个,个,天,元\n", 2),
    ],
)
def test_the_row_of_column_names_is_found_below_titles_blanks_and_units(shop, write, above, row):
    path = write(above + ORDERS)

    seen = look(path)
    shop.take(path)

    assert (seen.header_row, seen.rows) == (row, 2)
    assert seen.headers == ("订单号", "客户编号", "下单时间", "金额")
    assert [(r["order_id"], r["amount_minor"], r["row"]) for r in shop.rows()] == [("A-1", 1990, 1), ("A-2", 500, 2)]
    assert bool(seen.notes) == (row > 1)


def test_a_person_may_name_the_row_of_column_names(shop, write):
    path = write("order_id,customer_id,ordered_at,amount\n" + ORDERS)

    assert look(path).header_row == 1
    assert look(path, header_row=2).headers[0] == "订单号"
    shop.take(path, header_row=2)
    assert len(shop.rows()) == 2
    with pytest.raises(TenureError, match="no column names in row 9"):
        look(path, header_row=9)


def test_a_delimiter_may_be_named(shop, write):
    path = write("order_id~ordered_at~amount\nA-1~2026-03-01~5\n")

    assert look(path, delimiter="~").headers == ("order_id", "ordered_at", "amount")
    shop.take(path, delimiter="~")
    assert shop.rows()[0]["amount_minor"] == 500
    with pytest.raises(TenureError, match="can't stand between cells"):
        look(path, delimiter="ab")


def test_what_is_missing_is_said_and_not_raised(write):
    seen = look(write("order_id,when,total,total\nA-1,2026-03-01,5,6\n"), contract="orders")

    assert seen.unmapped == ("when", "total", "total (2)")
    assert [text for text in seen.missing if "more than one column that could be amount_minor" in text]
    assert [text for text in seen.missing if "no column for ordered_at" in text]
    assert any("Several columns have one name: total" in note for note in seen.notes)


def test_the_first_part_of_a_large_file_is_enough(tmp_path, monkeypatch):
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("order_id,ordered_at,amount\n")
        file.writelines(f"A-{n:07},2026-03-01,{n % 7}.25\n" for n in range(200_000))
    read = []
    blocks = csv_source.head_of
    monkeypatch.setattr(csv_source, "head_of", lambda *given: read.append(len(blocks(*given))) or blocks(*given))
    monkeypatch.setattr(csv_source, "utf8_blocks", None)

    seen = look(path)

    assert max(read) < path.stat().st_size / 2
    assert seen.estimated
    assert abs(seen.rows - 200_000) < 2_000


def workbook(path, merged=()):
    book = Workbook()
    sheet = book.active
    sheet.title = "三月"
    for row in (
        ["三月销售报表"],
        [],
        ["客户编号", "订单号", "下单时间", "金额"],
        ["C-1", "A-1", "2026-03-01", 19.9],
        [None, "A-2", "2026-03-02", 5],
        ["C-2", "A-3", "2026-03-02", 7],
    ):
        sheet.append(row)
    for cells in merged:
        sheet.merge_cells(cells)
    book.create_sheet("空")
    book.save(path)
    return path


def test_merged_cells_count_for_each_row_they_cover(shop, tmp_path):
    path = workbook(tmp_path / "merged.xlsx", ["A1:D1", "A4:A5"])

    seen = look(path)
    shop.take(path)

    assert (seen.header_row, seen.rows, seen.sheet, seen.sheets) == (3, 3, "三月", ("三月",))
    assert any("2 groups of cells are merged" in note for note in seen.notes)
    assert [(r["order_id"], r["customer_id"]) for r in shop.rows()] == [("A-1", "C-1"), ("A-2", "C-1"), ("A-3", "C-2")]


def test_cells_left_empty_without_being_merged_stay_empty(shop, tmp_path):
    shop.take(workbook(tmp_path / "plain.xlsx"))

    assert [r["customer_id"] for r in shop.rows()] == ["C-1", None, "C-2"]


def test_a_workbook_with_macros_is_read_and_nothing_of_it_is_run(shop, tmp_path):
    path = workbook(tmp_path / "macros.xlsx").rename(tmp_path / "macros.xlsm")

    assert any("macros" in note for note in look(path).notes)
    shop.take(path)
    assert len(shop.rows()) == 3


def test_nested_json_is_kept_as_text_and_said(write):
    path = write('{"order_id": "A-1", "ordered_at": "2026-03-01", "amount": 5, "ship": {"to": ["x"]}}\n', "shop.jsonl")

    seen = look(path)

    assert seen.samples["ship"] == ('{"to": ["x"]}',)
    assert any("ship" in note for note in seen.notes)


def test_a_file_of_rejects_is_known_for_one(shop, write):
    report = shop.take(write("order_id,ordered_at,amount\nA-1,2026-03-01,5\nA-2,soon,5\n"))

    seen = look(report.reject_file)

    assert seen.headers[:3] == ("order_id", "ordered_at", "amount")
    assert any("rejected rows" in note for note in seen.notes)
