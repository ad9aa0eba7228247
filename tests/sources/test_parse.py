"""Text and typed cells to values: hand-worked cases, and properties against plain Python."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.sources import dates, parse
from tenure.sources.encoding import Utf8Check
from tenure.sources.seen import Seen, first_rows, hashes, number_within


def amount(cell: str):
    micro, parsed = parse.millionths(pa.array([cell]), money_in="CNY")
    return None if parsed.values[0].as_py() is None else Decimal(int(micro[0])) / 1_000_000


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,234.50", "1234.5"), ("１２３．４５", "123.45"), ("￥1,000", "1000"), ("¥ 5", "5"), ("CNY 3", "3"), ("3元", "3"),
        ("1.2万", "12000"), ("3亿", "300000000"), ("(12.50)", "-12.5"), ("-¥5", "-5"), ("¥-5", "-5"), ("5-", "-5"),
        ("−7", "-7"), ("1e3", "1000"), (" 8 ", "8"), (".5", "0.5"), ("+2", "2"), ("1 234.5", "1234.5"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(cell, value):
    assert amount(cell) == Decimal(value)


@pytest.mark.parametrize(
    "cell", ["12,50", "1.234,56", "1,23,456", "--5", "(-5)", "five", "5%", "$5", "USD 5", "1e20", "."]
)
def test_amounts_with_two_readings_or_none_are_refused(cell):
    _, parsed = parse.millionths(pa.array([cell, "1"]), money_in="CNY")

    assert parsed.fault.tolist()[0] > 0
    assert parsed.fault.tolist()[1] == 0


@pytest.mark.parametrize("cell", ["-", "N/A", "null", "无", "NaN"])
def test_words_for_nothing_are_blank_among_numbers_but_not_among_names(cell):
    assert amount(cell) is None
    assert parse.text(pa.array([cell])).values.to_pylist() == [cell]


decimals = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=8)


@given(st.lists(decimals, min_size=1, max_size=20), st.sampled_from([0, 2, 3, 4]))
def test_minor_units_are_the_decimal_rounded_half_even(values, exponent):
    micro, _ = parse.millionths(pa.array([format(v, "f") for v in values]))

    minor, _ = parse.minor_units(micro, exponent)

    assert minor.tolist() == [int(v.scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) for v in values]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_a_float_is_the_decimal_a_person_would_write_for_it(values):
    micro, _ = parse.millionths(pa.array(values))

    minor, _ = parse.minor_units(micro, 2)

    exact = [Decimal(repr(v)).scaleb(2).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) for v in values]
    assert minor.tolist() == [int(v) for v in exact]


six = st.decimals(min_value=-(10**6), max_value=10**6, allow_nan=False, allow_infinity=False, places=6)


@given(st.lists(st.tuples(six, six), min_size=1, max_size=20), st.sampled_from([0, 2, 3]))
def test_quantity_times_price_is_exact_to_the_last_digit(pairs, exponent):
    left, right = (np.array([int(pair[i].scaleb(6)) for pair in pairs]) for i in (0, 1))

    micro, rest, too_large = parse.times(left, right)
    minor, _ = parse.minor_units(micro, exponent, rest)

    exact = [(a * b).scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) for a, b in pairs]
    assert not too_large.any()
    assert minor.tolist() == [int(v) for v in exact]


def dmy():
    return "dmy"


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-01 15:05", "2026/3/1 15:05:00", "20260301150500", "1 Mar 2026 15:05", "Mar 1, 2026 3:05 PM",
        "2026年3月1日 15时05分", "2026年3月1日 下午3:05", "01/03/2026 15:05", "1.3.2026 15:05", "1/3/26 15:05",
        "2026-03-01T07:05:00Z", "2026-03-01T15:05:00+08:00", "46082.628472222", "1772348700", "1772348700000",
        "Sunday, 1 March 2026 15:05", "２０２６-０３-０１ 15:05", "2026-3-1 15:5",
    ],
)  # fmt: skip
def test_one_moment_in_many_hands(cell):
    parsed = dates.instant(pa.array([cell]), "Asia/Shanghai", dmy)

    assert parsed.fault is None
    assert parsed.values.to_pylist() == [datetime(2026, 3, 1, 15, 5, tzinfo=ZoneInfo("Asia/Shanghai"))]


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "2026/13/01", "31/04/2026", "24 Foo 2026", "12", "2026", "soon", "2026-03-01 25:00"]
)
def test_what_is_no_date_is_refused(cell):
    for column in (pa.array([cell]), pa.array([cell, "2026-03-01", "3/4/2026"])):
        assert dates.instant(column, "UTC", dmy).fault.tolist()[0] == 1


@pytest.mark.parametrize(
    "cell",
    ["2024年3月5日", "二〇二四年三月五日", "二零二四年三月五号", "２０２４年３月５日", "2024.3.5", "45356", "20240305"],
)
def test_chinese_dates_and_day_numbers_are_one_day(cell):
    for column in (pa.array([cell]), pa.array([cell, "2024-03-05"])):
        assert str(dates.day(column, dmy).values[0]) == "2024-03-05"


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("二〇二三年十二月三十一日", "2023-12-31"),
        ("一九九九年十月廿三日", "1999-10-23"),
        ("二〇〇〇年二月二十日", "2000-02-20"),
    ],
)
def test_months_and_days_in_words_are_counted(cell, day):
    assert str(dates.day(pa.array([cell]), dmy).values[0]) == day


@pytest.mark.parametrize("cell", ["民国113年3月5日", "民國一一三年三月五日", "中華民國113年3月5日"])
def test_years_of_the_republic_are_refused_with_the_reason(cell):
    for parsed in (dates.day(pa.array([cell]), dmy), dates.instant(pa.array([cell]), "Asia/Taipei", dmy)):
        assert parsed.faults[parsed.fault[0] - 1] is parse.REPUBLICAN


@pytest.mark.parametrize("cell", ["二〇二四年十三月五日", "二〇二四年三月三十二日", "二四年三月五日"])
def test_words_that_are_no_day_of_the_calendar_are_refused(cell):
    assert dates.day(pa.array([cell]), dmy).fault.tolist() == [1]


@pytest.mark.parametrize(
    ("cell", "value"), [("12%", 0.12), ("１２．５％", 0.125), ("-3 %", -0.03), ("3.5万", 35000.0), ("1,234", 1234.0)]
)
def test_shares_units_and_separators_are_read_among_numbers(cell, value):
    assert parse.number(pa.array([cell, "1"])).values.to_pylist() == [value, 1.0]


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), min_size=1, max_size=20))  # noqa: DTZ001
def test_dates_read_alike_a_column_at_a_time_and_one_by_one(moments):
    column = pa.array([f"{m.day}/{m.month}/{m.year} {m.hour}:{m.minute:02}" for m in moments])

    whole = dates.by_shape(column, "dmy")

    assert whole.to_pylist() == [dates.moment(cell, "dmy") for cell in column.to_pylist()]


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Asia/Shanghai"])
def test_a_date_of_the_business_is_not_moved_into_another_zone(zone):
    assert str(dates.day(pa.array(["1988-05-01 23:30:00", "1988/5/1"]), dmy).values[0]) == "1988-05-01"


def test_yes_and_no_in_both_languages():
    parsed = parse.boolean(pa.array(["是", "No", "TRUE", "0", "", "maybe"]))

    assert parsed.values.to_pylist() == [True, False, True, False, None, None]
    assert parsed.fault.tolist() == [0, 0, 0, 0, 0, 1]


def test_text_is_trimmed_and_composed_and_emoji_stay():
    parsed = parse.text(pa.array(["  Jose\u0301 ", "\u3000王 ", "👍🏽", " "]))

    assert parsed.values.to_pylist() == ["José", "王", "👍🏽", None]


@given(st.text(max_size=40), st.integers(1, 7))
def test_utf8_is_known_however_it_is_cut(text, size):
    data = text.encode()
    check = Utf8Check()

    good = all(check.feed(data[i : i + size]) for i in range(0, len(data), size))

    assert good
    assert not check.pending


@given(st.binary(min_size=1, max_size=30), st.integers(1, 7))
def test_what_is_not_utf8_is_known_however_it_is_cut(data, size):
    try:
        data.decode()
        is_text = True
    except UnicodeDecodeError:
        is_text = False
    check = Utf8Check()

    good = all(check.feed(data[i : i + size]) for i in range(0, len(data), size)) and not check.pending

    assert good == is_text


@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=30), max_size=6))
def test_numbers_within_groups_go_on_from_chunk_to_chunk(chunks):
    seen, counts = Seen(4), {}

    for chunk in chunks:
        found = number_within(hashes([pa.array(chunk, pa.string())]), seen).tolist()

        for letter, number in zip(chunk, found, strict=True):
            counts[letter] = counts.get(letter, 0) + 1
            assert number == counts[letter]


@given(st.lists(st.lists(st.tuples(st.text("ab", max_size=3), st.integers(0, 3)), max_size=30), max_size=6))
def test_the_first_row_of_each_key_is_found_over_all_chunks(chunks):
    seen, firsts, row = Seen(4), {}, 0

    for chunk in chunks:
        rows = np.arange(row + 1, row + 1 + len(chunk))
        row += len(chunk)
        columns = [pa.array([k for k, _ in chunk], pa.string()), pa.array([n for _, n in chunk], pa.int64())]
        found = first_rows(hashes(columns), rows, seen).tolist()

        assert found == [firsts.setdefault(key, int(number)) for key, number in zip(chunk, rows, strict=True)]


def test_a_table_of_what_was_seen_grows_to_a_million_keys():
    seen = Seen()
    keys = hashes([pa.array(np.arange(1_000_000))])

    _, new = seen.places(keys)
    _, again = seen.places(keys[::-1].copy())

    assert new.all()
    assert not again.any()
    assert len(seen) == 1_000_000
