"""What a file that was sent shows, as the pages of its import need it."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as dc_replace
from pathlib import Path
from typing import Any

import tenure.sources as sources
from tenure.contracts import CONTRACTS, Column, Contract
from tenure.contracts.custom import CustomColumn, plain
from tenure.desk.lake import lake
from tenure.desk.work import imports, uploads
from tenure.desk.work.jobs import storable
from tenure.desk.work.models import Upload
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.base import Options
from tenure.sources.looking import Sighting, look
from tenure.sources.mapping import DROP, LEAVE, ROW
from tenure.sources.parse import as_text
from tenure.sources.trade import shapes

FIRST_ROWS = 8
WIDE = 12  # columns of the first rows that are shown
CELL = 60
TOLD_BY = 2_000  # cells that tell what kind of field a column would make


@dataclass(frozen=True)
class Mapped:
    """One column of the file on the page that maps it. choice: a field, or LEAVE; guessed: nobody chose it."""

    place: int
    header: str
    samples: Sequence[str]
    choice: str
    guessed: bool


def asked(upload: Upload) -> dict[str, Any]:
    """What was said of how the file is to be read, for `look`."""
    names = ("contract", "encoding", "delimiter", "sheet", "header_row", "mapping")
    return {name: upload.choices.get(name) for name in names}


def sighting(upload: Upload, **instead: Any) -> Sighting:
    """What is understood of the file. Raises TenureError, in a sentence, for one of no use."""
    return _plainly(uploads.path_of(upload), asked(upload) | instead)


def _plainly(path: Path, options: Mapping[str, Any]) -> Sighting:
    try:
        found = look(path, contracts=shapes(lake()), **options)
        if storable(list(found.headers)) != list(found.headers):
            raise TenureError(
                tr("A name holds characters that no text has. Rename the column or the sheet, then send it again.")
            )
        return dc_replace(found, samples={name: tuple(storable(list(texts))) for name, texts in found.samples.items()})
    except (TenureError, MemoryError):
        raise
    except Exception as error:  # a reader met something none of them foresaw; the file is no use all the same
        import logging

        logging.getLogger("tenure.work").exception("a file could not be looked at")
        raise TenureError(tr("{name} can't be read: {error}", name=path.name, error=type(error).__name__)) from error


def first_rows(upload: Upload, found: Sighting) -> tuple[list[str], list[list[str]], int]:
    """Headings, the first rows, and how many columns there are besides those shown."""
    path = uploads.path_of(upload)
    options = Options(
        encoding=found.encoding, sheet=found.sheet, delimiter=found.delimiter, header_row=found.header_row or None
    )
    try:
        glance = sources.source_for(path).glance(path, options)
    except TenureError:
        return [], [], 0
    rows = [[storable(cell[:CELL]) for cell in row[:WIDE]] for row in glance.cells[:FIRST_ROWS]]
    return [name[:CELL] for name in glance.headers[:WIDE]], rows, max(0, len(glance.headers) - WIDE)


def columns(found: Sighting, mapping: Mapping[str, str], own: Sequence[CustomColumn] = ()) -> list[Mapped]:
    """Each column with what it is taken for. own: the company's fields; one kept beside under their name is theirs."""
    field_of = {header: field for field, header in found.fields.items()}
    names, keyed = {one.name for one in own}, {key: one.name for one in reversed(own) for key in one.keys}
    said = {header: mapping[header] for header in found.headers if mapping.get(header) in {DROP, *names}}
    for header in found.headers:
        named = header if header in names else keyed.get(plain(header))
        if header not in field_of and header not in said and named and named not in said.values():
            field_of[header] = named
    return [
        Mapped(
            place, header, [sample[:CELL] for sample in found.samples.get(header, ())[:3]],
            said.get(header) or field_of.get(header, LEAVE), mapping.get(header, LEAVE) == LEAVE and header in field_of,
        )
        for place, header in enumerate(found.headers)
    ]  # fmt: skip


def values(upload: Upload, found: Sighting, header: str) -> list[str]:
    """The filled cells of one column among the first rows, to tell what kind of field it would make."""
    path = uploads.path_of(upload)
    options = Options(
        encoding=found.encoding, sheet=found.sheet, delimiter=found.delimiter, header_row=found.header_row or None
    )
    cells: list[str] = []
    for chunk in sources.source_for(path).open(path, options).chunks([header]):
        texts = as_text(chunk.batch.column(0).slice(0, TOLD_BY - len(cells))).drop_null().to_pylist()
        cells += [storable(text) for text in texts if text.strip()]
        if len(cells) >= TOLD_BY:
            break
    return cells


@dataclass(frozen=True)
class Slip:
    """A misspelt value as the check offers it. mark: names it in the form; rows: None where the look did not count it."""

    mark: str
    column: str
    value: str
    better: str
    rows: int | None
    mended: bool


def slips(upload: Upload) -> list[Slip]:
    """What the check took for misspelt, and what is mended already, whoever agreed to it."""
    corrections: Mapping[str, Mapping[str, str]] = upload.choices.get("corrections", {})
    found, _rows = imports.slips_of(upload)
    offered = [one for one in found if corrections.get(one.column, {}).get(one.value) is None]
    rows = {(one.column, one.value): one.rows for one in found}
    agreed = [(column, *pair) for column, pairs in corrections.items() for pair in pairs.items()]
    return [
        *(Slip(_mark(*one), *one, rows.get(one[:2]), True) for one in agreed),
        *(
            Slip(_mark(one.column, one.value, one.better), one.column, one.value, one.better, one.rows, False)
            for one in offered
        ),
    ]


def agreed(upload: Upload, marks: Collection[str]) -> dict[str, dict[str, str]]:
    """The corrections ticked; of a chain, every link goes to its end."""
    result: dict[str, dict[str, str]] = {}
    for one in slips(upload):
        if one.mark in marks:
            result.setdefault(one.column, {})[one.value] = one.better
    return {
        column: {value: pairs.get(better, better) for value, better in pairs.items()}
        for column, pairs in result.items()
    }


def _mark(column: str, value: str, better: str) -> str:
    return hashlib.sha256(json.dumps([column, value, better]).encode()).hexdigest()[:20]


def missing(found: Sighting) -> list[Column]:
    """Fields the records can't do without, and the file has no column for."""
    shape = CONTRACTS[found.contract]
    excused = {shape.line_no} | ({"amount_minor"} if "unit_price" in shape else set())
    needed = [c for c in shape.columns if c.required or c.name in shape.key]
    return [c for c in needed if c.name not in found.fields and c.name not in excused]


def may_be_numbered(shape: Contract) -> Column | None:
    """The field that can be filled with the number of the row, where the file has none."""
    column = shape[shape.key[0]]
    return column if column.type == "text" else None


def finders(shape: Contract) -> list[str]:
    """Fields by which a row may find its record, where it lacks the record's number."""
    return [name for name in ("phone", "email", "id_number") if name in shape and shape.key == (shape.person,)]


def chosen(
    found: Sighting, posted: Mapping[str, str], shape: Contract, own: Sequence[CustomColumn] = ()
) -> dict[str, str]:
    """The mapping that was sent: every column of the file, a field, one of the company's own, or none for each."""
    taken = {*shape.names, DROP, *(one.name for one in own)}
    mapping = {}
    for place, header in enumerate(found.headers):
        field = posted.get(f"field-{place}", LEAVE)
        mapping[header] = field if field in taken else LEAVE
    column = may_be_numbered(shape)
    if posted.get("number_rows") and column is not None and column.name not in mapping.values():
        mapping[ROW] = column.name
    return mapping
