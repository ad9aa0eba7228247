"""An import on its way: chunk after chunk is read, decided on and written, and everything counted before it counts."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.ahead import converted
from tenure.sources.base import Reader
from tenure.sources.begun import Begun
from tenure.sources.convert import Converted, Plan, convert
from tenure.sources.deciding import Tally, decide, each_key_once
from tenure.sources.existing import Existing, Mode
from tenure.sources.reconciling import reconcile, refuse_nothing
from tenure.sources.rejects import ABOUT, RejectFile
from tenure.sources.report import ImportReport
from tenure.sources.seen import Seen

if TYPE_CHECKING:
    from tenure.lake import Lake

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the rows done and the rows there are."""


class StoppedError(TenureError):
    """A person wished the import to end; nothing of the batch is kept."""


@dataclass
class Import:
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
        tally = Tally(keys=Seen.ready_for(reader.rows))
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
                rows = decide(chunk, plan, self.mode, tally, rejects, self.fingerprint)
                if batch is not None and rows.num_rows:
                    batch.append(rows)
                if self.progress:
                    self.progress(tally.read + tally.blank, reader.rows)
            with ThreadPoolExecutor(1, "digest") as beside:
                unchanged = beside.submit(copy_context().run, self.check)
                if batch is not None:
                    batch.send()
                once = each_key_once(tally, plan)
                unchanged.result()
            reconcile(tally, reader, rejects, batch)
            refuse_nothing(tally, plan, rejects, self.label)
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
                    each_key_once=once,
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
        self, tally: Tally, rejects: RejectFile, batch: Any, reject_file: Path | None, seconds: float
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
