"""Which column of a file is which field of a contract: guessed from names in both languages, settled by a person."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tenure.contracts import Column, Contract
from tenure.contracts.custom import id_of
from tenure.contracts.custom import plain as plain
from tenure.errors import TenureError
from tenure.language import tr

ROW = "row"
"""Maps to a field as if it were a column: the file's name and the row's number in it."""
LEAVE = "-"
"""As the field of a pair: leave this column unmapped, whatever its name suggests."""
DROP = "--"
"""As the field of a pair: leave this column out altogether; it is not even kept beside the fields."""

_COUNT = re.compile(r" \(\d+\)$")


@dataclass(frozen=True)
class FieldMap:
    """field → header, for the fields the file has.

    given: fields a person mapped; the others were guessed. unmapped: headers that no field took, in the file's order.
    numbered: fields filled with the file's name and the row's number. custom: of the unmapped headers, those that a
    person said are a field of the company's own (`c_7`); what names alone say is found where records are made.
    """

    fields: Mapping[str, str]
    given: frozenset[str]
    unmapped: tuple[str, ...]
    numbered: tuple[str, ...] = ()
    custom: Mapping[str, str] = field(default_factory=dict)


def as_pairs(mapping: Mapping[str, str] | Iterable[str] | None) -> list[tuple[str, str]]:
    """`order_date=ordered_at` strings, or a mapping, as pairs. Raises TenureError for a string without a sign between."""
    if mapping is None:
        return []
    if isinstance(mapping, Mapping):
        return list(mapping.items())
    pairs = []
    for text in mapping:
        left, sign, right = text.rpartition("=")
        if not sign or not left.strip() or not right.strip():
            raise TenureError(
                tr(
                    "Can't read the mapping \"{text}\". Write the file's column, =, and the field: "
                    "--map order_date=ordered_at.",
                    text=text,
                )
            )
        pairs.append((left.strip(), right.strip()))
    return pairs


def map_columns(
    headers: Sequence[str],
    contract: Contract,
    mapping: Mapping[str, str] | Iterable[str] | None = None,
    *,
    source: str = "main",
    absent: Iterable[str] = (),
) -> FieldMap:
    """Find the contract's fields among the file's headers.

    headers: as they stand in the file, no two alike. mapping: pairs column → field that settle what names leave open;
    the other way round is understood too, where only that way makes sense. absent: fields that are not required here.

    Raises TenureError where a required field has no column, two columns could be one field, or a pair names nothing.
    """
    found, problems = draft(headers, contract, mapping, source=source, absent=absent)
    if problems:
        raise problems[0]
    return found


def draft(
    headers: Sequence[str],
    contract: Contract,
    mapping: Mapping[str, str] | Iterable[str] | None = None,
    *,
    source: str = "main",
    absent: Iterable[str] = (),
) -> tuple[FieldMap, list[TenureError]]:
    """As `map_columns`, but what names leave open stays open: the map so far, and what is still to be settled.

    Raises TenureError where a pair names nothing, or a field is mapped twice.
    """
    problems: list[TenureError] = []
    fields: dict[str, str] = {}
    numbered: list[str] = []
    left_out: set[str] = set()
    dropped: set[str] = set()
    custom: dict[str, str] = {}
    for left, right in as_pairs(mapping):
        header, field = _settle(left, right, headers, contract, source)
        if field in (LEAVE, DROP):
            left_out.add(header)
            if field == DROP:
                dropped.add(header)
            continue
        if id_of(field) is not None:
            left_out.add(header)
            if custom.setdefault(header, field) != field or list(custom.values()).count(field) > 1:
                first = next(one for one, name in custom.items() if name == field or one == header)
                raise TenureError(
                    tr(
                        "{field} is mapped twice: from {first} and from {second}. Keep one of the two.",
                        field=field,
                        first=first,
                        second=header,
                    )
                )
            continue
        taken = fields.get(field) or (ROW if field in numbered else None)
        if taken and taken != header:
            raise TenureError(
                tr(
                    "{field} is mapped twice: from {first} and from {second}. Keep one of the two.",
                    field=field,
                    first=taken,
                    second=header,
                )
            )
        if header == ROW and ROW not in headers:
            numbered.append(field)
        else:
            fields[field] = header
    given = frozenset(fields) | frozenset(numbered)

    free = [header for header in headers if header not in left_out and header not in fields.values()]
    excused = {*absent, *numbered, contract.line_no}
    claims: dict[str, list[tuple[int, str]]] = {}
    for header in free:
        for field, rank in _claims(header, contract, headers):
            if field not in given:
                claims.setdefault(field, []).append((rank, header))
    for column in contract.columns:
        # A header goes to the first field in the contract's order that it names best.
        rivals = [(rank, h) for rank, h in claims.get(column.name, []) if h not in fields.values()]
        rivals = [(rank, h) for rank, h in rivals if rank == _best_rank(h, contract, set(given), headers)]
        if not rivals:
            continue
        best = min(rank for rank, _ in rivals)
        names = [h for rank, h in rivals if rank == best]
        if len(names) > 1:
            problems.append(
                TenureError(
                    tr(
                        'Source "{source}" has more than one column that could be {field} ({meaning}): {columns}. Say '
                        "which with {example}.",
                        source=source,
                        field=column.name,
                        meaning=column.meaning,
                        columns=", ".join(names),
                        example=_example(names[0], column.name),
                    )
                )
            )
            excused.add(column.name)
            continue
        fields[column.name] = names[0]

    for column in contract.columns:
        needed = column.required or column.name in contract.key
        if needed and column.name not in fields and column.name not in excused:
            problems.append(_missing(column, headers, contract, source))
    taken_headers = set(fields.values())
    found = FieldMap(
        {name: fields[name] for name in contract.names if name in fields},
        given,
        tuple(header for header in headers if header not in taken_headers and header not in dropped),
        tuple(numbered),
        custom,
    )
    return found, problems


def _claims(header: str, contract: Contract, headers: Sequence[str]) -> list[tuple[str, int]]:
    """Fields the header may name, each with how well: 0 its own name, 1 its words on the screen, 2 what the company's
    line of business calls it, 3 another name."""
    # The second of two columns named `total` is `total (2)` and may be meant just as well.
    stem = _COUNT.sub("", header)
    wanted = plain(stem if stem in headers else header)
    found = []
    for column in contract.columns:
        own = {plain(column.name), plain(column.name.removesuffix("_minor"))}
        if wanted in own:
            found.append((column.name, 0))
        elif wanted in {plain(column.words.en), plain(column.words.zh)}:
            found.append((column.name, 1))
        elif wanted in {plain(name) for name in column.trade}:
            found.append((column.name, 2))
        elif wanted in {plain(alias) for alias in column.aliases}:
            found.append((column.name, 3))
    return found


def _best_rank(header: str, contract: Contract, settled: set[str], headers: Sequence[str]) -> int:
    return min((rank for field, rank in _claims(header, contract, headers) if field not in settled), default=9)


def _settle(left: str, right: str, headers: Sequence[str], contract: Contract, source: str) -> tuple[str, str]:
    """Read a pair as column → field, or as field → column where only that fits."""
    header, field = find_header(left, headers), _field(right, contract)
    if header is not None and field is not None:
        return header, field
    other_header, other_field = find_header(right, headers), _field(left, contract)
    if (
        other_header is not None
        and other_field is not None
        and other_field not in (LEAVE, DROP)
        and id_of(other_field) is None
    ):
        return other_header, other_field
    if header is None:
        raise TenureError(
            tr(
                'Source "{source}" has no column "{column}". It has: {columns}.',
                source=source,
                column=left,
                columns=", ".join(headers),
            )
        )
    raise TenureError(
        tr(
            '{contract} has no field "{field}". It has: {fields}.',
            contract=contract.name,
            field=right,
            fields=", ".join(contract.names),
        )
    )


def find_header(name: str, headers: Sequence[str]) -> str | None:
    if name in headers:
        return name
    alike = [header for header in headers if plain(header) == plain(name)]
    if len(alike) == 1:
        return alike[0]
    return ROW if name == ROW else None


def _field(name: str, contract: Contract) -> str | None:
    if name in (LEAVE, DROP) or id_of(name) is not None:
        return name
    for candidate in (name, name + "_minor"):
        if candidate in contract:
            return candidate
    alike = [
        column.name
        for column in contract.columns
        if plain(name) in {plain(column.name), plain(column.name.removesuffix("_minor")), plain(column.words.zh)}
    ]
    return alike[0] if len(alike) == 1 else None


def _missing(column: Column, headers: Sequence[str], contract: Contract, source: str) -> TenureError:
    free = [header for header in headers if not _claims(header, contract, headers)]
    text = tr(
        'Source "{source}" has no column for {field} ({meaning}). It has: {columns}. Map one with {example}.',
        source=source,
        field=column.name,
        meaning=column.meaning,
        columns=", ".join(headers),
        example=_example((free or list(headers))[0], column.name),
    )
    if contract.key == (column.name,) or column.name == contract.key[0]:
        text += " " + tr("Or number the rows with {example}.", example=_example(ROW, column.name))
    return TenureError(text)


def _example(header: str, field: str) -> str:
    pair = f"{header}={field.removesuffix('_minor')}"
    return f'--map "{pair}"' if re.search(r"[\s'&|;()<>*$`\"]", pair) else f"--map {pair}"
