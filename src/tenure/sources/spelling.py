"""Values that are likely one thing spelt in two ways, found in columns of few different values, and mended for all rows.

Found is only what a person would nod at: the same letters in another form (GTXPro, GTX Pro), or one slip of the keys
(technolgy) away from a value that is far more frequent or stands in a list of what there is. Nothing is mended unasked,
and what was received stays beside it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.base import Chunk, Reader
from tenure.sources.mapping import plain
from tenure.sources.parse import as_text

Corrections: TypeAlias = Mapping[str, Mapping[str, str]]
"""header → {value as received: value as meant}, for one source; a part of how its columns are read."""
How: TypeAlias = Literal["form", "slip"]

MOST_VALUES = 1_000  # a column of more different values holds names or numbers, not words of a list
LONGEST = 80
_FEW = 0.5  # and so does one in which most rows differ
_OFTEN = 5  # how many times more frequent the right one must be, where only the column itself tells
_ONE_SLIP, _TWO_SLIPS = 5, 12  # from how many letters on a word may have one slip, and two

_BETWEEN = re.compile(r"(?<=\w)[\s\-_./'’·,]+(?=\w)")
_WORDS = re.compile(r"[\s\-_./'’·,]+")
_DIGITS = re.compile(r"\d+|[一二三四五六七八九十百千甲乙丙丁东西南北中上下左右前后内外大小]")


@dataclass(frozen=True)
class Suspect:
    """One value that is likely meant as another. rows: how many have it.

    among: how many rows have the better one, None where only a list does. how: another form of the same letters, or
    one slip of the keys. of: what the better one was found in: "" the column itself, else the list's name.
    """

    column: str
    value: str
    rows: int
    better: str
    among: int | None
    how: How
    of: str = ""


@dataclass(frozen=True)
class Known:
    """A list of what there is: `values` are right, whatever they look like. name: as told to people."""

    name: str
    values: frozenset[str]


def suspects(column: str, counts: Mapping[str, int], known: Sequence[Known] = ()) -> list[Suspect]:
    """The values of one column that are likely misspelt, most rows first.

    counts: value → rows. A value that stands in a list is right; one is suspected only if exactly one better is near.
    """
    listed = {value: one.name for one in reversed(known) for value in one.values}
    total = sum(counts.values())
    few = len(counts) <= MOST_VALUES and len(counts) <= max(1.0, _FEW * total)
    by_form: dict[str, list[str]] = {}
    for value in {**dict.fromkeys(listed), **dict.fromkeys(counts if few else ())}:
        by_form.setdefault(form(value), []).append(value)
    found = []
    for value, rows in counts.items():
        if value in listed or len(value) > LONGEST or not form(value):
            continue
        better = _better(value, rows, counts if few else {}, listed, by_form)
        if better is not None:
            name, how = better
            found.append(Suspect(column, value, rows, name, counts.get(name), how, listed.get(name, "")))
    return sorted(found, key=lambda one: (-one.rows, one.value))


def _better(
    value: str, rows: int, counts: Mapping[str, int], listed: Mapping[str, str], by_form: Mapping[str, list[str]]
) -> tuple[str, How] | None:
    def right(other: str, times: int) -> bool:
        return other != value and (other in listed or counts.get(other, 0) >= times * rows)

    alike = [other for other in by_form.get(form(value), ()) if right(other, 1)]
    if alike:
        # Of two forms equally frequent one has to be it: the one that keeps the words apart.
        best = max(alike, key=lambda other: (other in listed, counts.get(other, 0), len(other), other))
        tie = best not in listed and counts.get(best, 0) == rows
        return None if tie and (len(value), value) > (len(best), best) else (best, "form")
    forms = {name: others for name, others in by_form.items() if any(right(other, _OFTEN) for other in others)}
    near = [name for name in forms if name != form(value) and is_slip(value, forms[name][0])]
    if len(near) != 1:
        return None
    others = [other for other in forms[near[0]] if right(other, _OFTEN)]
    return max(others, key=lambda other: (other in listed, counts.get(other, 0), other)), "slip"


@cache
def form(value: str) -> str:
    """A value without what people write now so, now so: case, width, accents, and signs between letters.

    A sign at an end stays (A-, C++), and so does one between digits (1.5).
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", value).strip().casefold())
    text = unicodedata.normalize("NFC", "".join(c for c in text if not unicodedata.combining(c)))

    def join(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1], text[match.end()]
        return match[0] if before.isdigit() and after.isdigit() else ""

    return _BETWEEN.sub(join, text)


def is_slip(value: str, other: str) -> bool:
    """Whether one of the two may be the other with a key missed, doubled, swapped or struck beside.

    Digits, and characters that count or point (一, 东), must be the same: GTK 500 is not GTK 550, 华东 not 华北. Each word
    is held to its own length, so that East is never West.
    """
    left, right = form(value), form(other)
    if left[:1] != right[:1] or _DIGITS.findall(left) != _DIGITS.findall(right):
        return False
    words = [_WORDS.split(unicodedata.normalize("NFKC", text).strip().casefold()) for text in (value, other)]
    if len(words[0]) != len(words[1]):
        return _within(left, right)
    return all(a == b or _within(a, b) for a, b in zip(*words, strict=True))


def _within(left: str, right: str) -> bool:
    short = min(len(left), len(right))
    most = 0 if short < _ONE_SLIP else 1 if short < _TWO_SLIPS else 2
    return abs(len(left) - len(right)) <= most and slips(left, right) <= most


def slips(left: str, right: str) -> int:
    """How many keys were missed, added, mistaken or swapped (optimal string alignment distance)."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        row = [i]
        for j, b in enumerate(right, start=1):
            cost = min(row[j - 1] + 1, last[j] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


# Of whole tables


def find(
    chunks: Iterable[pa.RecordBatch],
    fields: Mapping[str, str],
    known: Mapping[str, Sequence[Known]] | None = None,
) -> list[Suspect]:
    """The suspects of every text column of a table, column by column.

    fields: field → header, as the table is mapped; columns that hold people are passed over. known: header → lists. A
    list of our own (countries, lines of business) counts for a column of which half the values stand in it.
    """
    personal = {header for name, header in fields.items() if _is_personal(name)}
    counters: dict[str, Counter[str] | None] = {}
    for batch in chunks:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in personal or not _is_text(column.type):
                continue
            counter = counters.setdefault(name, Counter())
            if counter is None:
                continue
            for entry in as_text(column).drop_null().value_counts().to_pylist():
                counter[entry["values"].strip()] += entry["counts"]
            if len(counter) > 50 * MOST_VALUES:
                counters[name] = None
    found = []
    for name, counter in counters.items():
        if counter and not all(re.fullmatch(r"[\d\s.:,+-]*", value) for value in list(counter)[:20]):
            counts = {value: n for value, n in counter.items() if value}
            own = [one for one in _our_lists() if len(one.values & counts.keys()) * 2 >= len(counts)]
            found += suspects(name, counts, [*(known or {}).get(name, ()), *own])
    return found


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_dictionary(kind)
    )  # fmt: skip


def _is_personal(name: str) -> bool:
    return any(name in contract and contract[name].personal for contract in CONTRACTS.values())


@cache
def _our_lists() -> tuple[Known, ...]:
    return Known("countries", _countries()), Known("industries", INDUSTRIES)


def refers_to(header: str) -> str | None:
    """The contract whose records a column names: `product` names one of the products."""
    product = CONTRACTS["products"]["product_id"]
    names = {plain(name) for name in (product.name, product.words.zh, *product.aliases, "product_name", "商品名称")}
    return "products" if plain(header) in names else None


@cache
def _countries() -> frozenset[str]:
    from phonenumbers.geodata.locale import LOCALE_DATA

    found = set()
    for names in LOCALE_DATA.values():
        for language in ("en", "zh"):
            name = names.get(language, "")
            # "*aa" says: as in language aa.
            found.add(names.get(name[1:], "") if name.startswith("*") else name)
    return frozenset(found - {""}) | {"UK", "USA"}


INDUSTRIES = frozenset(
    """accounting advertising aerospace agriculture automotive aviation banking biotechnology broadcasting chemicals
    communications construction consulting consumer defence defense education electronics employment energy engineering
    entertainment environmental fashion finance financial fishing food forestry furniture gaming government healthcare
    hospitality hotels import information insurance internet investment jewellery journalism legal leisure logistics
    machinery manufacturing maritime marketing media medical metals military mining music nonprofit oil packaging paper
    pharmaceutical pharmaceuticals photography plastics printing property publishing railway recreation recruitment
    recycling research restaurants retail security semiconductors services shipping software sports staffing
    supermarkets telecommunications telecom textiles tobacco tourism toys trade training transport transportation travel
    technology utilities warehousing waste wholesale
    农业 林业 渔业 采矿业 制造业 建筑业 批发业 零售业 批发和零售业 交通运输业 仓储业 住宿业 餐饮业 信息技术 软件业 金融业 保险业 房地产业
    租赁业 商务服务业 科学研究 水利 环境 居民服务业 教育 卫生 社会工作 文化 体育 娱乐业 公共管理 医疗 物流 电信 互联网""".split()  # noqa: SIM905
)


# Mending


def checked(corrections: Corrections) -> dict[str, dict[str, str]]:
    """Corrections without those that change nothing. Raises TenureError where one's result is itself corrected."""
    kept = {
        header: {wrong: right for wrong, right in pairs.items() if wrong != right}
        for header, pairs in corrections.items()
    }
    for header, pairs in kept.items():
        if chained := sorted(set(pairs.values()) & set(pairs)):
            raise TenureError(
                tr(
                    'In column {column}, "{value}" is both what is meant and what is mended. Keep one of the two.',
                    column=header,
                    value=chained[0],
                )
            )
    return {header: pairs for header, pairs in kept.items() if pairs}


def original(header: str) -> str:
    """The column beside a mended one that keeps what was received, for the rows that were mended."""
    return f"{header} (original)"


class Mended:
    """A reader whose misspelt values read as what was meant; what was received stands in a column beside."""

    def __init__(self, reader: Reader, corrections: Corrections) -> None:
        self._reader = reader
        self._pairs = {
            header: dict(pairs) for header, pairs in checked(corrections).items() if header in reader.headers
        }
        self.headers = (*reader.headers, *(original(header) for header in self._pairs))
        self.rows, self.header_row, self.from_1904 = reader.rows, reader.header_row, reader.from_1904
        self.encoding, self.delimiter, self.sheet = reader.encoding, reader.delimiter, reader.sheet

    def chunks(self, only: Sequence[str] | None = None) -> Iterator[Chunk]:
        beside = {original(header): header for header in self._pairs}
        wanted = None if only is None else list(dict.fromkeys(beside.get(header, header) for header in only))
        for chunk in self._reader.chunks(wanted):
            columns = dict(zip(chunk.batch.schema.names, chunk.batch.columns, strict=True))
            for header, pairs in self._pairs.items():
                if header in columns:
                    columns[header], columns[original(header)] = _mended(columns[header], pairs)
            names = self.headers if only is None else only
            batch = pa.RecordBatch.from_arrays([columns[name] for name in names], names=list(names))
            width = len(self._pairs)
            broken = tuple(replace(row, cells=(*row.cells, *[""] * width)) for row in chunk.broken)
            yield Chunk(batch, chunk.rows, broken, chunk.blank)


def _mended(column: pa.Array, pairs: Mapping[str, str]) -> tuple[pa.Array, pa.Array]:
    """The column mended, and beside it what was received where the two differ."""
    text = as_text(column)
    text = pc.cast(text, pa.string())
    found = pc.index_in(pc.utf8_trim_whitespace(text), pa.array(list(pairs), pa.string()))
    right = pc.take(pa.array(list(pairs.values()), pa.string()), found)
    hit = pc.is_valid(found)
    return pc.if_else(hit, right, text), pc.if_else(hit, text, pa.scalar(None, pa.string()))


def mended(reader: Reader, corrections: Corrections | None) -> Reader:
    """The reader with these corrections, or as it is where there are none for it."""
    return Mended(reader, corrections) if corrections and any(corrections.values()) else reader


def corrections_of(
    found: Iterable[Suspect], agreed: Collection[tuple[str, str]] | None = None
) -> dict[str, dict[str, str]]:
    """The suspects, all or those agreed to by (column, value), as corrections."""
    result: dict[str, dict[str, str]] = {}
    for one in found:
        if agreed is None or (one.column, one.value) in agreed:
            result.setdefault(one.column, {})[one.value] = one.better
    # Where the better one is mended itself, both go to the end of the chain.
    for pairs in result.values():
        for wrong, right in pairs.items():
            pairs[wrong] = pairs.get(right, right)
    return result
