"""The import of a file: every row accounted for, or nothing to be seen of it."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

import tenure.sources as sources
from tenure.contracts import Contract
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.base import Options
from tenure.sources.begun import admit, begun
from tenure.sources.existing import Mode
from tenure.sources.mapping import as_pairs
from tenure.sources.memory import TableReader
from tenure.sources.planning import bound, planned
from tenure.sources.reconciling import ReconciliationError
from tenure.sources.report import ImportReport
from tenure.sources.running import Import, Progress, StoppedError
from tenure.sources.spelling import Corrections, mended
from tenure.sources.trade import shape_of
from tenure.sources.watched import FileMark, digest_of, said_plainly

if TYPE_CHECKING:
    from tenure.lake import Lake

__all__ = ["Progress", "ReconciliationError", "StoppedError", "import_file", "import_table", "resume_import"]

_FEW = 100_000  # rows in memory whose keys are asked for one by one
_NAMED = 500  # characters of a list of columns


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
    shape = shape_of(lake, contract)
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
    period = bound(since, zone), bound(before, zone)
    with said_plainly(path, mark), ExitStack() as held, ThreadPoolExecutor(1, "digest") as beside:
        digest = beside.submit(digest_of, path)
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
        fingerprint = digest.result()
        if reader.rows <= 0:
            raise TenureError(
                tr(
                    "{name} has a header and no rows: {columns}. There is nothing to import.",
                    name=path.name,
                    columns=", ".join(reader.headers)[:_NAMED],
                )
            )
        plan = planned(
            shape, reader, path.stem, pairs, source, id_column, outcome, zone, currency, date_order, *period,
            mode=mode, match_on=match_on,
        )  # fmt: skip
        earlier = None
        if lake is not None and not dry_run:
            earlier = admit(lake, path.name, fingerprint, told, resume=resume, again=again, held=held, now=now)
        stamp = earlier.begun if earlier else now
        work = Import(
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
    shape = shape_of(lake, contract)
    if not rows.num_rows:
        raise TenureError(tr("There are no rows to import."))
    reader = TableReader(rows)
    label = name or source
    plan = planned(
        shape, reader, label, as_pairs(mapping), source, id_column, outcome, zone, currency, date_order,
        bound(since, zone), bound(before, zone), mode=mode, match_on=match_on,
    )  # fmt: skip
    fingerprint = reader.fingerprint
    where = None
    if rejects_folder is not None:
        where = rejects_folder / f"{_as_file_name(label)}-{shape.name}-{now:%Y%m%dT%H%M%S}-{fingerprint[:8]}.csv"
    return Import(
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


def _as_file_name(label: str) -> str:
    return re.sub(r"[^\w.-]+", "-", label)[:80] or "rows"
