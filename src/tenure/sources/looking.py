"""A look at a file before anyone decides: what it seems to be, from its first part alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tenure.sources as sources
from tenure.contracts import CONTRACTS, Contract, contract_named
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.base import Glance, Options
from tenure.sources.mapping import draft
from tenure.sources.rejects import ABOUT

_SAMPLES = 5
_LONGEST = 200  # characters of a sample


@dataclass(frozen=True)
class Sighting:
    """What was understood of a file.

    kind: the source that reads it. rows: how many rows of records; `estimated` where that follows from the file's size.
    header_row: the row that names the columns, from 1; 0 where the format names them itself.
    samples: header → the first filled cells. contracts: what the rows may be, each with its fit from 0 to 1, best first.
    contract: the one asked for, or the best. fields: field → header; guessed: the fields nobody named; unmapped: headers
    that no field took. notes: sentences in the current language on what is odd. missing: what is to be settled before
    the file can be imported as `contract`.
    """

    kind: str
    rows: int
    estimated: bool
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: tuple[str, ...]
    header_row: int
    headers: tuple[str, ...]
    samples: Mapping[str, tuple[str, ...]]
    contracts: tuple[tuple[str, float], ...]
    contract: str
    fields: Mapping[str, str]
    guessed: frozenset[str]
    unmapped: tuple[str, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()


def look(
    path: Path,
    *,
    contract: Contract | str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
    mapping: Mapping[str, str] | Iterable[str] | None = None,
    contracts: Mapping[str, Contract] = CONTRACTS,
) -> Sighting:
    """Say what a file seems to hold, and how its columns would be read; only its first part is read.

    What is given settles what was only guessed. header_row: from 1, as a spreadsheet numbers its rows. contracts: as the
    company's line of business calls their columns.

    Raises TenureError for a file of no use, and for a mapping that names nothing.
    """
    path = Path(path)
    if not path.is_file():
        raise TenureError(tr("There is no file {path}. Check the name and the folder you are in.", path=path))
    kind = sources.source_for(path)
    options = Options(encoding=encoding, sheet=sheet, delimiter=delimiter, header_row=header_row)
    seen = kind.glance(path, options)
    notes = list(seen.notes)
    headers = seen.headers
    if headers[: len(ABOUT)] == ABOUT:
        headers = headers[len(ABOUT) :]
        notes.append(tr("This is a file of rejected rows: the reasons in front are passed over."))
    asked = contracts[contract_named(contract).name] if isinstance(contract, str) else contract
    fits = sorted(((shape.name, _fit(shape, headers, seen)) for shape in contracts.values()), key=lambda pair: -pair[1])
    shape = asked or contracts[fits[0][0]]
    absent = ["amount_minor"] if "unit_price" in shape else []
    found, problems = draft(headers, shape, mapping, source=path.stem, absent=absent)
    if seen.rows <= 0:
        notes.append(tr("There are column names, and no rows below them."))
    return Sighting(
        kind=kind.name,
        rows=seen.rows,
        estimated=seen.estimated,
        encoding=seen.encoding,
        delimiter=seen.delimiter,
        sheet=seen.sheet,
        sheets=seen.sheets,
        header_row=seen.header_row,
        headers=headers,
        samples=_samples(seen),
        contracts=tuple(fits),
        contract=shape.name,
        fields=dict(found.fields),
        guessed=frozenset(found.fields) - found.given,
        unmapped=found.unmapped,
        notes=tuple(notes),
        missing=tuple(str(problem) for problem in problems),
    )


def _fit(contract: Contract, headers: tuple[str, ...], seen: Glance) -> float:
    """How well a contract explains the columns: half by those it knows, half by those it can't do without."""
    absent = ["amount_minor"] if "unit_price" in contract else []
    found, problems = draft(headers, contract, absent=absent)
    known = len(found.fields) / max(1, len(headers))
    needed = {c.name for c in contract.columns if c.required} | set(contract.key)
    needed -= {contract.line_no, *absent}
    there = needed & set(found.fields)
    own = len(there) / max(1, len(needed))
    # A name or a date may be anybody's; a contract that lacks its own key was not meant.
    keyed = contract.key[0] in found.fields or contract.open
    fit = (known + own) / 2 if keyed else known / 2
    return round(fit * (0.8 if problems else 1.0), 3)


def _samples(seen: Glance) -> dict[str, tuple[str, ...]]:
    samples = {}
    for place, header in enumerate(seen.headers):
        cells = [row[place].strip() for row in seen.cells if place < len(row) and row[place].strip()]
        samples[header] = tuple(cell[:_LONGEST] for cell in cells[:_SAMPLES])
    return samples
