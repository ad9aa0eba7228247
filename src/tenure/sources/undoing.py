"""Taking a batch back, and saying what that does to each record it spoke of."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa

from tenure.contracts import contract_named
from tenure.lake.scope import SYSTEM
from tenure.language import tr

if TYPE_CHECKING:
    from tenure.lake import Lake
    from tenure.lake.batches import BatchInfo

MOST_NAMED = 1_000


@dataclass(frozen=True)
class Kept:
    """A record that was changed since, and keeps what was said last. key: as its source numbers it; batch: the last."""

    key: str
    batch: str
    source: str
    file: str | None
    at: datetime

    def __str__(self) -> str:
        return tr(
            "{key}: changed since by {source}, {file}", key=self.key, source=self.source, file=self.file or self.batch
        )


@dataclass(frozen=True)
class UndoReport:
    """What taking a batch back does to the records it spoke of.

    restored: records that say again what they said before. withdrawn: records that nobody else spoke of, and are gone.
    kept: records that later batches changed since; they keep that (the first thousand are named, kept_count counts all).
    """

    batch: str
    contract: str
    restored: int
    withdrawn: int
    kept: tuple[Kept, ...]
    kept_count: int

    def summary(self) -> list[str]:
        """The report in sentences, in the current language."""
        lines = [
            tr(
                "{withdrawn:,} records are gone, {restored:,} say again what they said before, {kept:,} were changed since "
                "and keep that.",
                withdrawn=self.withdrawn,
                restored=self.restored,
                kept=self.kept_count,
            )
        ]
        return lines + [str(record) for record in self.kept[:10]]


def undo(lake: "Lake", batch: str, now: datetime) -> UndoReport:
    """Take a committed batch back: its rows no longer count, and what later batches said stays as it is.

    Raises TenureError where there is no such batch, or it does not count already.
    """
    report = foretold(lake, batch)
    lake.undo(batch, now=now)
    return report


def foretold(lake: "Lake", batch: str) -> UndoReport:
    """What taking the batch back would do; nothing is changed.

    Raises TenureError where there is no such batch, or it does not count already.
    """
    info = lake.committed(batch)
    contract = contract_named(info.contract)
    live = [other for other in lake.batches(info.contract) if other.state == "committed"]
    place = {other.batch: number for number, other in enumerate(live)}
    key = ["ids_of", *contract.key]
    rows = lake.read(f"received/{info.contract}", actor=SYSTEM).select(*key, "batch")
    mine = rows.filter(rows.batch == batch).select(*key).distinct()
    order = ibis.memtable(pa.table({"batch": list(place), "place": pa.array(place.values(), pa.int64())}))
    others = rows.filter(rows.batch != batch).inner_join(order, "batch")
    last = others.group_by(key).agg(last=others.place.max())
    found = mine.left_join(last, key)
    found = found.select(*(found[name] for name in key), last=found["last"])
    later = found.filter(found["last"] > place[batch])
    sums = lake.to_arrow(
        found.agg(
            all=found.count(),
            alone=found["last"].isnull().sum().fill_null(0),
            later=(found["last"] > place[batch]).fill_null(False).sum().fill_null(0),
        )
    ).to_pylist()[0]
    named = lake.to_arrow(later.order_by(key).limit(MOST_NAMED)).to_pylist()
    return UndoReport(
        batch=batch,
        contract=info.contract,
        restored=sums["all"] - sums["alone"] - sums["later"],
        withdrawn=sums["alone"],
        kept=tuple(_kept(row, contract.key, live) for row in named),
        kept_count=sums["later"],
    )


def _kept(row: dict[str, Any], key: tuple[str, ...], live: "list[BatchInfo]") -> Kept:
    by = live[row["last"]]
    return Kept("/".join(str(row[name]) for name in key), by.batch, by.source, by.file, by.at)
