"""Which row of a file names its columns, told by its shape: titles, units and blank lines may stand above it."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.mapping import plain

LOOKED_AT = 30  # rows from the top among which the header is looked for
MOST_COLUMNS = 2_000

_UNITS = frozenset(
    "元 万元 亿元 千元 件 个 台 次 人 天 月 年 % kg g cm m usd cny eur gbp rmb pcs 美元 港元 公斤 吨 小时 分钟 岁".split()  # noqa: SIM905
)
_NUMBER = re.compile(r"[-+(]?[¥$€£]?\d[\d,.:/\- 年月日%]*[)]?")


def header_place(rows: Sequence[Sequence[str]], given: int | None, name: str) -> int:
    """The place, from 0, of the row that names the columns.

    It is the first row that is more than half as wide as the widest, unless a later one has the names of our fields
    and it has not. given: the row a person named, from 1.

    Raises TenureError where that row is not there, or is blank.
    """
    filled = [[cell.strip() for cell in row if cell.strip()] for row in rows[:LOOKED_AT]]
    if given is not None:
        if not 1 <= given <= len(rows) or not any(cell.strip() for cell in rows[given - 1]):
            raise TenureError(
                tr("{name} has no column names in row {row}. Name the row that has them.", name=name, row=given)
            )
        return given - 1
    places = [place for place, cells in enumerate(filled) if cells]
    if not places:
        # No cell filled anywhere: what comes is told by who reads the rows.
        return next((place for place, row in enumerate(rows) if row), 0)
    wide = max(len(cells) for cells in filled)
    known = {place: _known(filled[place]) for place in places}
    first = next(
        place for place in places if 2 * len(filled[place]) > wide or known[place] > 0.5 or len(filled[place]) == wide
    )
    best = max(places, key=lambda place: (known[place], -place))
    if known[best] >= known[first] + 0.3 and known[best] * len(filled[best]) >= 2:
        return best
    if _is_units(filled[first]) and first + 1 < len(filled) and len(filled[first + 1]) >= len(filled[first]):
        return first + 1
    return first


def notes_on(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    """What to say of the rows above the header, and of a header that may be none."""
    notes = []
    above = [" ".join(cell.strip() for cell in row if cell.strip()) for row in rows[:place]]
    if any(above):
        notes.append(
            tr(
                "The column names stand in row {row}; above them: {above}.",
                row=place + 1,
                above=" / ".join(text[:60] for text in above if text),
            )
        )
    elif place:
        notes.append(tr("The column names stand in row {row}, below empty rows.", row=place + 1))
    header = [cell.strip() for cell in rows[place] if cell.strip()] if place < len(rows) else []
    if header and sum(bool(_NUMBER.fullmatch(cell)) for cell in header) * 2 > len(header):
        notes.append(tr("The row of column names holds numbers or dates: does the file have column names at all?"))
    if repeated := sorted({cell for cell in header if header.count(cell) > 1}):
        notes.append(tr("Several columns have one name: {names}.", names=", ".join(repeated[:5])))
    return notes


def refuse_too_many(headers: Sequence[str], name: str) -> None:
    """Raises TenureError for a row of names that is wider than any table of records."""
    if len(headers) > MOST_COLUMNS:
        raise TenureError(
            tr(
                "{name} has {count:,} columns; at most {most:,} are read. Is it a table of records, with one on each line?",
                name=name,
                count=len(headers),
                most=MOST_COLUMNS,
            )
        )


@cache
def _names() -> frozenset[str]:
    """Every name a field of ours goes by."""
    return frozenset(
        plain(name)
        for contract in CONTRACTS.values()
        for column in contract.columns
        for name in (column.name, column.name.removesuffix("_minor"), column.words.en, column.words.zh, *column.aliases)
    )


def _known(cells: Sequence[str]) -> float:
    return sum(plain(cell) in _names() for cell in cells) / len(cells)


def _is_units(cells: Sequence[str]) -> bool:
    bare = [unicodedata.normalize("NFKC", cell).strip("()[] ").casefold() for cell in cells]
    return all(cell in _UNITS for cell in bare)
