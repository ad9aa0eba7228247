"""The import of a file: every row accounted for, or nothing to be seen of it."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tenure.sources as sources
from tenure.contracts import Contract, contract_named
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources import dates
from tenure.sources.ahead import converted
from tenure.sources.base import Broken, Fault, Options, Reader
from tenure.sources.begun import Begun, admit, begun
from tenure.sources.convert import REPEATED, Converted, Outcome, Plan, as_written, convert
from tenure.sources.existing import ALREADY_THERE, MODES, NEW, NOT_THERE, OTHER, SAME, SEVERAL, Existing, Mode
from tenure.sources.mapping import FieldMap, as_pairs, find_header, map_columns
from tenure.sources.memory import TableReader
from tenure.sources.rejects import ABOUT, RejectFile
from tenure.sources.report import ImportReport
from tenure.sources.seen import Hashes, Seen, first_rows, hashes, number_within
from tenure.sources.spelling import Corrections, mended
from tenure.sources.watched import FileMark, digest_of, said_plainly

if TYPE_CHECKING:
    from tenure.lake import Lake

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the rows done and the rows there are."""

_SAMPLES = 5
_FEW = 100_000  # rows in memory whose keys are asked for one by one
_NAMED = 500  # characters of a list of columns


class ReconciliationError(TenureError):
    """The rows or the money that went in are not those that came out; nothing of the batch is kept."""


class StoppedError(TenureError):
    """A person wished the import to end; nothing of the batch is kept."""


def import_file(
    lake: "Lake | None",
    path: Path,
    contract: Contract | str,
    *,
    zone: str,
    currency: str,
    rejects_folder: Path,
    now: datetime,
    mapping: Mapping[str, str] | Iterable[str] | None = None,
    source: str = "main",
    ids_of: str | None = None,
    dry_run: bool = False,
    id_column: str | None = None,
    outcome: str | None = None,
    since: datetime | date | str | None = None,
    before: datetime | date | str | None = None,
    encoding: str | None = None,
    date_order: str | None = None,
    sheet: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
    mode: Mode = "upsert",
    match_on: Sequence[str] | None = None,
    resume: str | None = None,
    again: bool = False,
    stop: Callable[[], bool] | None = None,
    corrections: Corrections | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Bring a file's records into the lake as one batch that can be undone, and account for every row.

    mapping: column → field, for what names leave open. id_column: the column that names the customer. outcome:
    `Churn=Yes`, the column and value that mean it happened; the column itself is then kept out of `extra`.
    ids_of: the source whose customer numbers and keys the file uses, where they are not its own.
    since, before: take only rows whose business time lies in this half-open period; a day begins in `zone`.
    corrections: values of a column to be read as others, for all rows; what was received is kept in `extra`.
    zone: where times without a zone are read. now: the time of receipt. lake: may be None for a dry run.
    mode: `create` refuses rows whose record is there already, `update` rows whose record is not.
    match_on: fields by whose standard form a row finds its record, and takes its number; the key unless said. A row
    that finds none keeps its own number, or is given one made of the file and its row.
    resume: a batch of this very file that was begun by a process since dead; it goes on behind the last rows written,
    and reports as if nothing had been. again: import the file though it is in. stop: asked now and then whether a
    person wished the import to end; nothing of it is kept then.

    A row with a cell that can't be read goes to the reject file; the others go in. Of two rows with one key and one
    business time the first stands. Numbers of lines within an order, where the file lacks them, follow the order of
    appearance and count rejected rows too, so that a mended row takes its own place.

    Raises TenureError where the file can't be used or no row can be taken, ReconciliationError where rows or money
    don't add up, FileChangedError where the file changed meanwhile, InAlreadyError where it is in, or on its way in,
    already, StoppedError where it was stopped. Whatever is raised, nothing is to be seen.
    """
    began = time.perf_counter()
    shape = contract_named(contract) if isinstance(contract, str) else contract
    path = Path(path)
    if not path.is_file():
        raise TenureError(
            tr("There is no file {path}. Check the name and the folder you are in.", path=path)
            if not path.exists()
            else tr("{path} is a folder. Name a file in it.", path=path)
        )
    kind = sources.source_for(path)
    mark = FileMark.of(path)
    pairs = as_pairs(mapping)
    period = _bound(since, zone), _bound(before, zone)
    with said_plainly(path, mark), ExitStack() as held:
        fingerprint = digest_of(path)
        # All it takes to do the same again: what a resumed import must agree with, and can be gone on with by.
        told = {
            "path": str(path.absolute()), "contract": shape.name, "source": source, "ids_of": ids_of or source,
            "mapping": [f"{left}={right}" for left, right in pairs], "id_column": id_column, "outcome": outcome,
            "since": period[0] and period[0].isoformat(), "before": period[1] and period[1].isoformat(),
            "encoding": encoding, "date_order": date_order, "sheet": sheet, "delimiter": delimiter,
            "header_row": header_row, "mode": mode, "match_on": list(match_on or ()), "zone": zone, "currency": currency,
        } | ({"corrections": {name: dict(pairs) for name, pairs in corrections.items()}} if corrections else {})  # fmt: skip
        reader = kind.open(path, Options(encoding=encoding, sheet=sheet, delimiter=delimiter, header_row=header_row))
        reader = mended(reader, corrections)
        if reader.rows <= 0:
            raise TenureError(
                tr(
                    "{name} has a header and no rows: {columns}. There is nothing to import.",
                    name=path.name,
                    columns=", ".join(reader.headers)[:_NAMED],
                )
            )
        plan = _plan(
            shape, reader, path.stem, pairs, source, id_column, outcome, zone, currency, date_order, *period,
            mode=mode, match_on=match_on,
        )  # fmt: skip
        earlier = None
        if lake is not None and not dry_run:
            earlier = admit(lake, path.name, fingerprint, told, resume=resume, again=again, held=held, now=now)
        stamp = earlier.begun if earlier else now
        work = _Import(
            lake=None if dry_run else lake,
            looked_at=lake,
            reader=reader,
            plan=plan,
            mode=mode,
            source=source,
            ids_of=ids_of or source,
            label=path.name,
            kind=kind.name,
            fingerprint=fingerprint,
            now=now,
            told=told,
            earlier=earlier,
            reject_path=rejects_folder / f"{path.stem}-{shape.name}-{stamp:%Y%m%dT%H%M%S}-{fingerprint[:8]}.csv",
            check=lambda: mark.check(path, fingerprint),
            stop=stop,
            progress=progress,
        )
        return work.run(began)


def import_table(
    lake: "Lake | None",
    rows: pa.Table,
    contract: Contract | str,
    *,
    source: str,
    zone: str,
    currency: str,
    now: datetime,
    rejects_folder: Path | None = None,
    name: str | None = None,
    mapping: Mapping[str, str] | Iterable[str] | None = None,
    ids_of: str | None = None,
    dry_run: bool = False,
    id_column: str | None = None,
    outcome: str | None = None,
    since: datetime | date | str | None = None,
    before: datetime | date | str | None = None,
    date_order: str | None = None,
    mode: Mode = "upsert",
    match_on: Sequence[str] | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Bring rows in memory into the lake as one batch; everything is as with `import_file`, but for the file.

    rows: columns as texts, or typed as their fields are. name: what the batch list calls them. rejects_folder: None
    writes no file of rejects; the report then has up to ten thousand of them. It is not kept from being done twice, and
    one that was killed can't be gone on with: do it again.

    Raises what `import_file` does.
    """
    began = time.perf_counter()
    shape = contract_named(contract) if isinstance(contract, str) else contract
    if not rows.num_rows:
        raise TenureError(tr("There are no rows to import."))
    reader = TableReader(rows)
    label = name or source
    plan = _plan(
        shape, reader, label, as_pairs(mapping), source, id_column, outcome, zone, currency, date_order,
        _bound(since, zone), _bound(before, zone), mode=mode, match_on=match_on,
    )  # fmt: skip
    fingerprint = reader.fingerprint
    where = None
    if rejects_folder is not None:
        where = rejects_folder / f"{_as_file_name(label)}-{shape.name}-{now:%Y%m%dT%H%M%S}-{fingerprint[:8]}.csv"
    return _Import(
        lake=None if dry_run else lake,
        looked_at=lake,
        reader=reader,
        plan=plan,
        mode=mode,
        source=source,
        ids_of=ids_of or source,
        label=label,
        kind="table",
        fingerprint=fingerprint,
        now=now,
        reject_path=where,
        rejects_kept=10_000,
        among=rows.num_rows <= _FEW,
        stop=stop,
        progress=progress,
    ).run(began)


def resume_import(
    lake: "Lake",
    batch: str,
    *,
    rejects_folder: Path,
    now: datetime,
    path: Path | None = None,
    stop: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Go on with an import that was killed, as it was begun. path: where the file lies now, if it was moved.

    Raises what `import_file` does, and TenureError for a batch that can't be gone on with.
    """
    told = dict(begun(lake, batch).told)
    where = Path(told.pop("path"))
    contract = told.pop("contract")
    return import_file(
        lake, path or where, contract, resume=batch, rejects_folder=rejects_folder, now=now, stop=stop,
        progress=progress, **told,
    )  # fmt: skip


@dataclass
class _Import:
    """One import on its way: where its rows come from, what they mean, and where they go."""

    lake: "Lake | None"  # None: nothing is written
    looked_at: "Lake | None"
    reader: Reader
    plan: Plan
    mode: Mode
    source: str
    ids_of: str
    label: str
    kind: str
    fingerprint: str
    now: datetime
    reject_path: Path | None
    told: Mapping[str, Any] | None = None
    earlier: Begun | None = None
    rejects_kept: int = 100
    among: bool = False
    check: Callable[[], None] = lambda: None
    stop: Callable[[], bool] | None = None
    progress: Progress | None = None

    def run(self, began: float) -> ImportReport:
        plan, reader, shape = self.plan, self.reader, self.plan.contract
        headers = list(reader.headers[len(ABOUT) :] if plan.shielded else reader.headers)
        if plan.numbers_lines and shape.line_no:
            headers.append(shape.line_no)
        rejects = RejectFile(self.reject_path, headers, above=reader.header_row, kept=self.rejects_kept)
        pinned = self._pinned()
        receiving = (
            nullcontext(None)
            if self.lake is None
            else self.lake.receiving(
                shape.name,
                source=self.source,
                ids_of=self.ids_of,
                columns=sorted(plan.present),
                now=self.now,
                file=self.label,
                fingerprint=self.fingerprint,
                plan=None if self.told is None else {**self.told, "known": pinned},
                resume=self.earlier.batch if self.earlier else None,
            )
        )
        tally = _Tally(keys=Seen.ready_for(reader.rows))
        batch: Any
        with rejects, receiving as batch:
            converted = self._converted()
            tally.existing = Existing.of(
                self.looked_at,
                shape,
                ids_of=self.ids_of,
                present=plan.present,
                match_on=plan.match_on,
                batches=pinned,
                among=self._keys(converted) if isinstance(converted, list) else None,
            )
            for chunk in converted:
                if self.stop is not None and self.stop():
                    raise StoppedError(tr("The import of {name} was stopped. Nothing of it was kept.", name=self.label))
                rows = _settle(chunk, plan, self.mode, tally, rejects, self.fingerprint)
                if batch is not None and rows.num_rows:
                    batch.append(rows)
                if self.progress:
                    self.progress(tally.read + tally.blank, reader.rows)
            self.check()
            _reconcile(tally, reader, rejects, batch)
            _refuse_nothing(tally, plan, rejects, self.label)
            if batch is not None:
                batch.report.update(
                    read=tally.read,
                    accepted=tally.accepted,
                    rejected=tally.rejected,
                    left_out=tally.left_out,
                    created=tally.created,
                    updated=tally.updated,
                    unchanged=tally.unchanged,
                    beside=sorted(pinned),
                    refunds=tally.refunds,
                    sums=tally.appended,
                    each_key_once=_each_key_once(tally, plan),
                )
            reject_file = rejects.finish()
        return self._report(tally, rejects, batch, reject_file, time.perf_counter() - began)

    def _pinned(self) -> list[str]:
        """The batches whose word counts as what was there: a resumed import asks those it asked at first."""
        if self.earlier:
            return list(self.earlier.known)
        if self.looked_at is None:
            return []
        return [info.batch for info in self.looked_at.batches(self.plan.contract.name) if info.state == "committed"]

    def _converted(self) -> Iterable[Converted]:
        """The chunks in the contract's types; few rows are all held, so that only their keys need be asked for."""
        if self.among and not self.plan.match_on:
            return [convert(self.plan, chunk) for chunk in self.reader.chunks()]
        return converted(self.plan, self.reader)

    def _keys(self, chunks: Sequence[Converted]) -> pa.Table | None:
        key = self.plan.contract.key
        if any(name not in chunk.columns for chunk in chunks for name in key):
            return None  # numbered later, so all are looked at
        return pa.table({name: pa.chunked_array([chunk.columns[name] for chunk in chunks]) for name in key})

    def _report(
        self, tally: "_Tally", rejects: RejectFile, batch: Any, reject_file: Path | None, seconds: float
    ) -> ImportReport:
        plan, reader = self.plan, self.reader
        return ImportReport(
            batch=None if batch is None else batch.id,
            contract=plan.contract.name,
            source=self.source,
            file=self.label,
            kind=self.kind,
            read=tally.read,
            accepted=tally.accepted,
            rejected=tally.rejected,
            left_out=tally.left_out,
            blank=tally.blank,
            refunds=tally.refunds,
            rounded=tally.rounded,
            sums=dict(tally.appended),
            currency=None if "currency" in plan.fields.fields else plan.currency,
            mapping=dict(plan.fields.fields),
            given=plan.fields.given,
            unmapped=tuple(plan.extras),
            encoding=reader.encoding,
            delimiter=reader.delimiter,
            sheet=reader.sheet,
            reject_file=reject_file,
            fingerprint=self.fingerprint,
            seconds=seconds,
            dry_run=batch is None,
            reasons=dict(sorted(tally.reasons.items(), key=lambda item: -item[1])[:5]),
            created=tally.created,
            updated=tally.updated,
            unchanged=tally.unchanged,
            mode=self.mode,
            match_on=plan.match_on,
            header_row=reader.header_row,
            samples={name: tuple(rows) for name, rows in tally.samples.items()},
            rejects=tuple(rejects.first),
            resumed=self.earlier is not None,
        )


@dataclass
class _Tally:
    """What has become of the rows so far."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    left_out: int = 0
    blank: int = 0
    refunds: int = 0
    rounded: int = 0
    happened: int = 0
    parsed: dict[str, int] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    keys: Seen = field(default_factory=Seen)
    met: list[Hashes] = field(default_factory=list)  # of the keys of the rows taken
    orders: Seen = field(default_factory=Seen)
    existing: Any = None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    samples: dict[str, list[dict[str, str]]] = field(default_factory=dict)


def _plan(
    contract: Contract,
    reader: Reader,
    stem: str,
    pairs: list[tuple[str, str]],
    source: str,
    id_column: str | None,
    outcome: str | None,
    zone: str,
    currency: str,
    date_order: str | None,
    since: datetime | None,
    before: datetime | None,
    *,
    mode: Mode,
    match_on: Sequence[str] | None,
) -> Plan:
    if mode not in MODES:
        raise TenureError(tr('There is no mode "{mode}". Give one of: {modes}.', mode=mode, modes=", ".join(MODES)))
    by = _matched_on(contract, match_on)
    pairs = list(pairs)
    if id_column:
        pairs.append((id_column, contract.person or contract.key[0]))
    meaning = None
    if outcome:
        header, sign, value = outcome.partition("=")
        found = find_header(header.strip(), reader.headers)
        if not sign or not value.strip():
            raise TenureError(
                tr('Can\'t read the outcome "{outcome}". Write column=value: --outcome Churn=Yes.', outcome=outcome)
            )
        if "outcome" not in contract:
            raise TenureError(
                tr("{contract} has no outcome. Import the file as snapshot: --as snapshot.", contract=contract.name)
            )
        if found is None:
            raise TenureError(
                tr(
                    'Source "{source}" has no column "{column}". It has: {columns}.',
                    source=source,
                    column=header.strip(),
                    columns=", ".join(reader.headers),
                )
            )
        pairs.append((found, "outcome"))
        meaning = Outcome(found, value)
    about_rejects = reader.headers[: len(ABOUT)] == ABOUT
    headers = reader.headers[len(ABOUT) :] if about_rejects else reader.headers
    fields = _mapped(headers, contract, pairs, source, by)
    if (since or before) and (contract.valid_at is None or contract.valid_at not in fields.fields):
        raise TenureError(
            tr(
                "A period needs a business time, and the file has none that maps to one of {contract}.",
                contract=contract.name,
            )
        )
    return Plan(
        contract,
        fields,
        reader,
        zone,
        currency,
        stem,
        dates.order_named(date_order),
        meaning,
        since,
        before,
        list(fields.unmapped),
        about_rejects,
        by,
    )


def _matched_on(contract: Contract, match_on: Sequence[str] | None) -> tuple[str, ...]:
    """The fields to find records by; none where that is the key itself."""
    by = tuple(dict.fromkeys(match_on or ()))
    if not by or by == contract.key:
        return ()
    offered = [c.name for c in contract.columns if c.type == "text" and not c.values and c.name not in contract.key]
    if len(contract.key) > 1 or contract.fact:
        raise TenureError(
            tr("{contract} are known by {key} alone; leave out what to match them on.",
               contract=contract.name, key=" + ".join(contract.key))
        )  # fmt: skip
    if unknown := [name for name in by if name not in offered]:
        raise TenureError(
            tr(
                "{contract} can't be matched on {unknown}. Match on: {offered}.",
                contract=contract.name,
                unknown=", ".join(unknown),
                offered=", ".join((*contract.key, *offered)),
            )
        )
    return by


def _mapped(
    headers: tuple[str, ...], contract: Contract, pairs: list[tuple[str, str]], source: str, match_on: tuple[str, ...]
) -> FieldMap:
    """The map of columns; pairs are kept apart so that one column may be given for two fields."""
    absent = ["amount_minor"] if "unit_price" in contract else []
    if match_on:
        absent.append(contract.key[0])
    told = [f"{left}={right}" for left, right in pairs]
    found = map_columns(headers, contract, told, source=source, absent=absent)
    if lacking := [name for name in match_on if name not in found.fields]:
        raise TenureError(
            tr(
                'Source "{source}" has no column for {fields}, which rows are to be matched on. It has: {columns}.',
                source=source,
                fields=", ".join(lacking),
                columns=", ".join(headers),
            )
        )
    return found


def _bound(moment: datetime | date | str | None, zone: str) -> datetime | None:
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise TenureError(tr('"{text}" is not a date. Write it as 2026-03-01.', text=moment)) from None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, clock())
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _settle(
    converted: Converted, plan: Plan, mode: Mode, tally: _Tally, rejects: RejectFile, fingerprint: str
) -> pa.Table:
    """Decide what becomes of each row of a chunk, and give the rows that are taken."""
    chunk = converted.chunk
    size = chunk.batch.num_rows
    line_no = plan.contract.line_no
    known: Existing = tally.existing
    named: dict[int, str] = {}
    if plan.match_on:
        named = _find_records(converted, plan, known, fingerprint)
    if plan.numbers_lines and line_no:
        within = [converted.columns[name] for name in plan.contract.key if name != line_no]
        converted.columns[line_no] = pa.array(number_within(hashes(within), tally.orders))
    taken = ~(converted.bad | converted.late)
    first = None
    if not plan.numbers_lines and not plan.fields.numbered:
        first = _first_of_each(converted, plan, taken, tally)
        if first is not None:
            taken = taken & (first == chunk.rows)
    kinds = known.kinds(converted.columns) if size else np.empty(0, dtype=np.int8)
    if mode != "upsert" and size:
        fault, wrong = (ALREADY_THERE, kinds != NEW) if mode == "create" else (NOT_THERE, kinds == NEW)
        if (wrong & taken).any():
            converted.faults.setdefault(plan.contract.key[0], []).append((wrong & taken, fault))
            taken = taken & ~wrong
    refused = ~(taken | converted.late)

    tally.read += size + len(chunk.broken)
    tally.blank += chunk.blank
    tally.left_out += int(converted.late.sum())
    tally.rejected += int(refused.sum()) + len(chunk.broken)
    accepted = int(taken.sum())
    tally.accepted += accepted
    _count_kinds(converted, plan, kinds, taken, tally)
    if refused.any() or chunk.broken:
        _write_rejects(converted, plan, refused, first, named, tally, rejects)

    arrays = [*converted.columns.values(), converted.extra, pa.array(chunk.rows)]
    table = pa.table(arrays, names=[*converted.columns, "extra", "row"])
    if accepted < size:
        table = table.filter(pa.array(taken))
    for column in plan.contract.columns:
        if column.type == "money" and column.name in converted.columns:
            # Twice the same sum by two ways: from what was read, and from what is handed on.
            values = converted.columns[column.name].fill_null(0).to_numpy(zero_copy_only=False)
            tally.parsed[column.name] = tally.parsed.get(column.name, 0) + int(values[taken].sum())
            handed = pc.sum(table[column.name]).as_py() or 0
            tally.appended[column.name] = tally.appended.get(column.name, 0) + handed
            tally.rounded += int((converted.rounded[column.name] & taken).sum())
    if "amount_minor" in table.column_names:
        tally.refunds += pc.sum(pc.less(table["amount_minor"], 0)).as_py() or 0
    if plan.outcome:
        tally.happened += pc.sum(table["outcome"]).as_py() or 0
    return table


def _each_key_once(tally: _Tally, plan: Plan) -> bool:
    """Whether no two rows taken have one key, so that whoever reads the batch need not look which has the last word."""
    if plan.numbers_lines or plan.fields.numbered:
        return plan.numbers_lines or set(plan.contract.key) <= set(plan.fields.numbered)
    if sum(len(some) for some in tally.met) < tally.accepted:
        return False  # a key that the file has no columns for
    met = np.sort(np.concatenate(tally.met)) if tally.met else np.empty(0, dtype=np.uint64)
    return not (met[1:] == met[:-1]).any()


def _find_records(converted: Converted, plan: Plan, known: Existing, fingerprint: str) -> dict[int, str]:
    """Give each row the number of the record it is about; returns, for rows that fit several, which."""
    key = plan.contract.key[0]
    minted = pc.binary_join_element_wise(
        f"{fingerprint[:8]}", pc.cast(pa.array(converted.chunk.rows), pa.string()), "-"
    )
    matched = known.match(converted.columns, converted.forms, minted)
    converted.columns[key] = matched.keys
    for name, where in matched.several.items():
        where = where & ~converted.late
        converted.faults.setdefault(name, []).append((where, SEVERAL))
        converted.bad |= where
    return matched.names


def _count_kinds(converted: Converted, plan: Plan, kinds: Any, taken: Any, tally: _Tally) -> None:
    for name, kind in (("created", NEW), ("updated", OTHER), ("unchanged", SAME)):
        these = taken & (kinds == kind)
        count = int(these.sum())
        setattr(tally, name, getattr(tally, name) + count)
        shown = tally.samples.setdefault(name, [])
        for row in np.flatnonzero(these)[: _SAMPLES - len(shown)]:
            cells = {field: column[int(row)].as_py() for field, column in converted.columns.items()}
            shown.append({field: str(value) for field, value in cells.items() if value is not None})


def _first_of_each(converted: Converted, plan: Plan, taken: Any, tally: _Tally) -> Any:
    """For each row taken so far, the number of the first row with its key and business time."""
    names = [name for name in plan.contract.key if name in converted.columns]
    if len(names) < len(plan.contract.key) or not taken.any():
        return None
    keys = whole = hashes([converted.columns[name] for name in names])
    valid_at = plan.contract.valid_at
    if valid_at in converted.columns and valid_at not in names:
        whole = hashes([converted.columns[valid_at]], whole)
    first = converted.chunk.rows.copy()
    first[taken] = first_rows(whole[taken], converted.chunk.rows[taken], tally.keys)
    tally.met.append(keys[taken & (first == converted.chunk.rows)])
    return first


def _write_rejects(
    converted: Converted,
    plan: Plan,
    refused: Any,
    first: Any,
    named: Mapping[int, str],
    tally: _Tally,
    rejects: RejectFile,
) -> None:
    chunk = converted.chunk
    places = np.flatnonzero(refused)
    originals = as_written(chunk, places)
    place_of = {header: place for place, header in enumerate(chunk.batch.schema.names)}
    blamed: dict[int, list[tuple[str, Fault]]] = {int(place): [] for place in places}
    for name, faults in converted.faults.items():
        for where, fault in faults:
            for place in np.flatnonzero(where & refused):
                blamed[int(place)].append((name, fault))
    broken: deque[Broken] = deque(chunk.broken)
    for place, cells in zip(places, originals, strict=True):
        row = int(chunk.rows[place])
        while broken and broken[0].row < row:
            _write_broken(broken.popleft(), tally, rejects)
        columns, values, reasons, remedies = [], [], [], []
        found = blamed[int(place)]
        if not found:
            found = [(name, REPEATED) for name in plan.contract.key[:1]]
        for name, fault in found:
            header = plan.fields.fields.get(name, name)
            value = (cells[place_of[header]] if header in place_of else None) or ""
            columns.append(header)
            values.append(value)
            earlier = named.get(int(place)) if fault is SEVERAL else None if first is None else int(first[place])
            reasons.append(str(fault.reason.format(value=value, field=header, first=earlier)))
            remedies.append(str(fault.remedy))
            told = str(fault.reason.format(value="…", field=header, first="…"))
            told = f"{header}: {told}"
            tally.reasons[told] = tally.reasons.get(told, 0) + 1
        if plan.numbers_lines and plan.contract.line_no:
            cells = [*cells, str(converted.columns[plan.contract.line_no][int(place)].as_py())]
        rejects.add(row, "; ".join(columns), "; ".join(values), "; ".join(reasons), "; ".join(remedies), cells)
    while broken:
        _write_broken(broken.popleft(), tally, rejects)


def _write_broken(broken: Broken, tally: _Tally, rejects: RejectFile) -> None:
    reason = str(broken.fault.reason)
    tally.reasons[reason] = tally.reasons.get(reason, 0) + 1
    rejects.add(broken.row, "", "", reason, str(broken.fault.remedy), broken.cells)


def _reconcile(tally: _Tally, reader: Reader, rejects: RejectFile, batch: Any) -> None:
    trouble = None
    if tally.read + tally.blank != reader.rows:
        trouble = tr("rows: {there:,} in the file, {read:,} read", there=reader.rows, read=tally.read + tally.blank)
    elif tally.read != tally.accepted + tally.rejected + tally.left_out:
        trouble = tr(
            "rows: {read:,} read, {accounted:,} accounted for",
            read=tally.read,
            accounted=tally.accepted + tally.rejected + tally.left_out,
        )
    elif rejects.count != tally.rejected:
        trouble = tr(
            "rows: {rejected:,} rejected, {written:,} in the reject file",
            rejected=tally.rejected,
            written=rejects.count,
        )
    elif batch is not None and batch.rows != tally.accepted:
        trouble = tr("rows: {accepted:,} accepted, {stored:,} stored", accepted=tally.accepted, stored=batch.rows)
    else:
        for name, parsed in tally.parsed.items():
            if tally.appended[name] != parsed:
                trouble = tr(
                    "{column}: {parsed:,} minor units read, {stored:,} stored",
                    column=name,
                    parsed=parsed,
                    stored=tally.appended[name],
                )
    if trouble:
        raise ReconciliationError(
            tr(
                "The import does not add up, so nothing of it was kept ({trouble}). This is a fault of the product: "
                "please report it with the file's first rows.",
                trouble=trouble,
            )
        )


def _refuse_nothing(tally: _Tally, plan: Plan, rejects: RejectFile, name: str) -> None:
    """An import that takes no row, or an outcome that never happened, is a mistake to be told, not a result."""
    if not tally.accepted and tally.rejected:
        worst = max(tally.reasons, key=lambda reason: tally.reasons[reason])
        where = rejects.finish()
        if where is None:
            raise TenureError(
                tr(
                    "All {count:,} rows of {name} were rejected, so nothing was imported. Most often: {reason}.",
                    count=tally.rejected,
                    name=name,
                    reason=worst,
                )
            )
        raise TenureError(
            tr(
                "All {count:,} rows of {name} were rejected, so nothing was imported. Most often: {reason}. Each row "
                "with its reason is in {path}.",
                count=tally.rejected,
                name=name,
                reason=worst,
                path=where,
            )
        )
    if not tally.accepted:
        raise TenureError(
            tr(
                "No row of {name} lies in the period asked for, so nothing was imported. Check --since and --before.",
                name=name,
            )
            if tally.left_out
            else tr("{name} has no row with a cell filled. There is nothing to import.", name=name)
        )
    if plan.outcome and not tally.happened:
        raise TenureError(
            tr(
                'No row has {column} = "{value}", so nothing was imported. Give the value that means yes: '
                "--outcome {column}=VALUE.",
                column=plan.outcome.header,
                value=plan.outcome.value,
            )
        )


def _as_file_name(label: str) -> str:
    return re.sub(r"[^\w.-]+", "-", label)[:80] or "rows"
