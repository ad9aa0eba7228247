"""The import of a file: every row accounted for, or nothing to be seen of it."""

import contextvars
import errno
import hashlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
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
from tenure.currencies import minor_digits
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources import dates
from tenure.sources.base import Broken, Chunk, Fault, Options, Reader
from tenure.sources.convert import REPEATED, Converted, Outcome, Plan, as_written, convert
from tenure.sources.mapping import FieldMap, as_pairs, find_header, map_columns
from tenure.sources.rejects import ABOUT, RejectFile
from tenure.sources.seen import Seen, first_rows, hashes, number_within

if TYPE_CHECKING:
    from tenure.lake import Lake

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the rows done and the rows there are."""

_READ_AHEAD = 2
_WORKERS = 2


class ReconciliationError(TenureError):
    """The rows or the money that went in are not those that came out; nothing of the batch is kept."""


class FileChangedError(TenureError):
    """The file is not what it was when the import began; nothing of the batch is kept."""


@dataclass(frozen=True)
class ImportReport:
    """What became of a file.

    read = accepted + rejected + left_out; blank rows are passed over and not read.
    batch: None for a dry run. sums: by money column, the minor units accepted (over all currencies).
    refunds: accepted rows with a negative amount. rounded: accepted cells of money finer than their currency.
    mapping: field → column of the file; given: the fields a person mapped, the others were guessed.
    """

    batch: str | None
    contract: str
    source: str
    file: str
    kind: str
    read: int
    accepted: int
    rejected: int
    left_out: int
    blank: int
    refunds: int
    rounded: int
    sums: Mapping[str, int]
    currency: str | None
    mapping: Mapping[str, str]
    given: frozenset[str]
    unmapped: tuple[str, ...]
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    reject_file: Path | None
    fingerprint: str
    seconds: float
    dry_run: bool = False
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def guessed(self) -> frozenset[str]:
        return frozenset(self.mapping) - self.given

    def summary(self) -> list[str]:
        """The report in sentences, in the current language."""
        lines = [
            tr(
                "{file}: {read:,} rows read = {accepted:,} accepted + {rejected:,} rejected + {left_out:,} left out.",
                file=self.file,
                read=self.read,
                accepted=self.accepted,
                rejected=self.rejected,
                left_out=self.left_out,
            )
        ]
        if self.dry_run:
            lines.append(tr("This was a dry run: nothing was imported."))
        else:
            lines.append(tr("Batch {batch}, {seconds:.1f} seconds.", batch=self.batch, seconds=self.seconds))
        pairs = ", ".join(f"{name} ← {header}" for name, header in self.mapping.items())
        lines.append(tr("Columns: {pairs}.", pairs=pairs))
        if self.unmapped:
            lines.append(
                tr("Kept beside the contract's columns, as extra: {columns}.", columns=", ".join(self.unmapped))
            )
        if self.currency:
            for name, total in self.sums.items():
                exponent = minor_digits(self.currency)
                lines.append(
                    tr(
                        "Sum of {column}: {amount} {currency}.",
                        column=name.removesuffix("_minor"),
                        amount=f"{total / 10**exponent:,.{exponent}f}",
                        currency=self.currency,
                    )
                )
        if self.refunds:
            lines.append(tr("{count:,} rows have a negative amount and count as refunds.", count=self.refunds))
        if self.rounded:
            lines.append(
                tr(
                    "{count:,} amounts were finer than their currency and were rounded half to even.",
                    count=self.rounded,
                )
            )
        if self.blank:
            lines.append(tr("{count:,} blank rows were passed over.", count=self.blank))
        for reason, count in self.reasons.items():
            lines.append(tr("Rejected {count:,}: {reason}", count=count, reason=reason))
        if self.reject_file:
            lines.append(
                tr(
                    "The rejected rows are in {path}, each with its reason. Mend them there and import that file.",
                    path=self.reject_file,
                )
            )
        return lines


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
    progress: Progress | None = None,
) -> ImportReport:
    """Bring a file's records into the lake as one batch that can be undone, and account for every row.

    mapping: column → field, for what names leave open. id_column: the column that names the customer. outcome:
    `Churn=Yes`, the column and value that mean it happened; the column itself is then kept out of `extra`.
    ids_of: the source whose customer numbers and keys the file uses, where they are not its own.
    since, before: take only rows whose business time lies in this half-open period; a day begins in `zone`.
    zone: where times without a zone are read. now: the time of receipt. lake: may be None for a dry run.

    A row with a cell that can't be read goes to the reject file; the others go in. Of two rows with one key and one
    business time the first stands. Numbers of lines within an order, where the file lacks them, follow the order of
    appearance and count rejected rows too, so that a mended row takes its own place.

    Raises TenureError where the file can't be used or no row can be taken, ReconciliationError where rows or money
    don't add up, FileChangedError where the file changed meanwhile. Whatever is raised, nothing is to be seen.
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
    mark = _Mark.of(path)
    with _said_plainly(path, mark):
        reader = kind.open(path, Options(encoding=encoding, sheet=sheet, delimiter=delimiter, header_row=header_row))
        if reader.rows <= 0:
            raise TenureError(
                tr(
                    "{name} has a header and no rows: {columns}. There is nothing to import.",
                    name=path.name,
                    columns=", ".join(reader.headers),
                )
            )
        fingerprint = _digest(path)
        plan = _plan(
            shape, reader, path, mapping, source, id_column, outcome, zone, currency, date_order, since, before
        )
        headers = list(reader.headers[len(ABOUT) :] if plan.shielded else reader.headers)
        if plan.numbers_lines and shape.line_no:
            headers.append(shape.line_no)
        rejects = RejectFile(
            rejects_folder / f"{path.stem}-{shape.name}-{now:%Y%m%dT%H%M%S}-{fingerprint[:8]}.csv", headers
        )
        tally = _Tally()
        batch: Any
        receiving = (
            nullcontext(None)
            if dry_run or lake is None
            else lake.receiving(
                shape.name,
                source=source,
                ids_of=ids_of,
                columns=sorted(plan.present),
                now=now,
                file=path.name,
                fingerprint=fingerprint,
            )
        )
        with rejects, receiving as batch:
            for converted in _pipeline(plan, reader):
                rows = _settle(converted, plan, tally, rejects)
                if batch is not None and rows.num_rows:
                    batch.append(rows)
                if progress:
                    progress(tally.read + tally.blank, reader.rows)
            mark.check(path, fingerprint)
            _reconcile(tally, reader, rejects, batch)
            _refuse_nothing(tally, plan, rejects, path)
            if batch is not None:
                batch.report.update(
                    read=tally.read,
                    accepted=tally.accepted,
                    rejected=tally.rejected,
                    left_out=tally.left_out,
                    refunds=tally.refunds,
                    sums=tally.appended,
                )
            reject_file = rejects.finish()
    return ImportReport(
        batch=None if batch is None else batch.id,
        contract=shape.name,
        source=source,
        file=path.name,
        kind=kind.name,
        read=tally.read,
        accepted=tally.accepted,
        rejected=tally.rejected,
        left_out=tally.left_out,
        blank=tally.blank,
        refunds=tally.refunds,
        rounded=tally.rounded,
        sums=dict(tally.appended),
        currency=None if "currency" in plan.fields.fields else currency,
        mapping=dict(plan.fields.fields),
        given=plan.fields.given,
        unmapped=tuple(plan.extras),
        encoding=reader.encoding,
        delimiter=reader.delimiter,
        sheet=reader.sheet,
        reject_file=reject_file,
        fingerprint=fingerprint,
        seconds=time.perf_counter() - began,
        dry_run=batch is None,
        reasons=dict(sorted(tally.reasons.items(), key=lambda item: -item[1])[:5]),
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
    orders: Seen = field(default_factory=Seen)


@dataclass(frozen=True)
class _Mark:
    """What tells a file from another one in its place, without reading it."""

    device: int
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> "_Mark":
        stat = path.stat()
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def still_holds(self, path: Path) -> bool:
        try:
            return _Mark.of(path) == self
        except OSError:
            return False

    def check(self, path: Path, fingerprint: str) -> None:
        """Raises FileChangedError unless the file still is, byte for byte, what it was."""
        if not self.still_holds(path) or _digest(path) != fingerprint or not self.still_holds(path):
            raise _changed(path)


def _changed(path: Path) -> FileChangedError:
    return FileChangedError(
        tr(
            "{name} changed while it was read, so nothing of it was imported. Wait until whatever writes it is done, "
            "then import it again.",
            name=path.name,
        )
    )


def _plan(
    contract: Contract,
    reader: Reader,
    path: Path,
    mapping: Mapping[str, str] | Iterable[str] | None,
    source: str,
    id_column: str | None,
    outcome: str | None,
    zone: str,
    currency: str,
    date_order: str | None,
    since: datetime | date | str | None,
    before: datetime | date | str | None,
) -> Plan:
    pairs = as_pairs(mapping)
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
    fields = _mapped(headers, contract, pairs, source)
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
        path.stem,
        dates.order_named(date_order),
        meaning,
        _bound(since, zone),
        _bound(before, zone),
        list(fields.unmapped),
        about_rejects,
    )


def _mapped(headers: tuple[str, ...], contract: Contract, pairs: list[tuple[str, str]], source: str) -> FieldMap:
    """The map of columns; pairs are kept apart so that one column may be given for two fields."""
    absent = ["amount_minor"] if "unit_price" in contract else []
    return map_columns(headers, contract, [f"{left}={right}" for left, right in pairs], source=source, absent=absent)


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


def _settle(converted: Converted, plan: Plan, tally: _Tally, rejects: RejectFile) -> pa.Table:
    """Decide what becomes of each row of a chunk, and give the rows that are taken."""
    chunk = converted.chunk
    size = chunk.batch.num_rows
    line_no = plan.contract.line_no
    if plan.numbers_lines and line_no:
        within = [converted.columns[name] for name in plan.contract.key if name != line_no]
        converted.columns[line_no] = pa.array(number_within(hashes(within), tally.orders))
    taken = ~(converted.bad | converted.late)
    first = None
    if not plan.numbers_lines and not plan.fields.numbered:
        first = _first_of_each(converted, plan, taken, tally)
        if first is not None:
            taken = taken & (first == chunk.rows)
    refused = ~(taken | converted.late)

    tally.read += size + len(chunk.broken)
    tally.blank += chunk.blank
    tally.left_out += int(converted.late.sum())
    tally.rejected += int(refused.sum()) + len(chunk.broken)
    accepted = int(taken.sum())
    tally.accepted += accepted
    if refused.any() or chunk.broken:
        _write_rejects(converted, plan, refused, first, tally, rejects)

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


def _first_of_each(converted: Converted, plan: Plan, taken: Any, tally: _Tally) -> Any:
    """For each row taken so far, the number of the first row with its key and business time."""
    names = [name for name in plan.contract.key if name in converted.columns]
    if len(names) < len(plan.contract.key) or not taken.any():
        return None
    valid_at = plan.contract.valid_at
    if valid_at in converted.columns and valid_at not in names:
        names.append(valid_at)
    whole = hashes([converted.columns[name] for name in names])
    first = converted.chunk.rows.copy()
    first[taken] = first_rows(whole[taken], converted.chunk.rows[taken], tally.keys)
    return first


def _write_rejects(
    converted: Converted, plan: Plan, refused: Any, first: Any, tally: _Tally, rejects: RejectFile
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
            earlier = None if first is None else int(first[place])
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


def _refuse_nothing(tally: _Tally, plan: Plan, rejects: RejectFile, path: Path) -> None:
    """An import that takes no row, or an outcome that never happened, is a mistake to be told, not a result."""
    if not tally.accepted and tally.rejected:
        worst = max(tally.reasons, key=lambda reason: tally.reasons[reason])
        raise TenureError(
            tr(
                "All {count:,} rows of {name} were rejected, so nothing was imported. Most often: {reason}. Each row "
                "with its reason is in {path}.",
                count=tally.rejected,
                name=path.name,
                reason=worst,
                path=rejects.finish(),
            )
        )
    if not tally.accepted:
        raise TenureError(
            tr(
                "No row of {name} lies in the period asked for, so nothing was imported. Check --since and --before.",
                name=path.name,
            )
            if tally.left_out
            else tr("{name} has no row with a cell filled. There is nothing to import.", name=path.name)
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


def _pipeline(plan: Plan, reader: Reader) -> Iterator[Converted]:
    """Chunks converted in the file's order: one thread reads ahead, others convert, few chunks are held at a time."""
    waiting: deque[Future[Converted]] = deque()
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="import")
    try:
        for chunk in _ahead(reader.chunks()):
            # The language is chosen for each context, and a worker may have to explain itself.
            waiting.append(pool.submit(contextvars.copy_context().run, convert, plan, chunk))
            while len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, read by a thread of their own, at most a few ahead."""
    done = object()
    line: queue.Queue[Any] = queue.Queue(maxsize=_READ_AHEAD)
    stop = threading.Event()

    def put(item: Any) -> None:
        while not stop.is_set():
            try:
                line.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for chunk in chunks:
                put(chunk)
                if stop.is_set():
                    return
            put(done)
        except BaseException as error:  # handed over to the thread that asked
            put(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(read,), daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not done:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


@contextmanager
def _said_plainly(path: Path, mark: _Mark) -> Iterator[None]:
    """Turn what the system reports into what a person can do about it."""
    try:
        yield
    except FileChangedError:
        raise
    except Exception as error:
        if _is_full(error):
            raise TenureError(
                tr(
                    "The disk is full ({error}). Nothing of {name} was imported; free some space and import it again.",
                    name=path.name,
                    error=str(error).splitlines()[0][:200],
                )
            ) from error
        if not mark.still_holds(path):
            raise _changed(path) from error
        if isinstance(error, TenureError | KeyboardInterrupt) or not isinstance(error, pa.ArrowException | OSError):
            raise
        raise TenureError(
            tr("{name} can't be read: {error}", name=path.name, error=str(error).splitlines()[0])
        ) from error


def _is_full(error: BaseException | None) -> bool:
    """Whether the disk, a quota or a limit on file size stands behind an error, however it is wrapped."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        text = str(error)
        if any(os.strerror(code) in text for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
