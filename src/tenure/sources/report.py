"""What became of a file that was imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tenure.contracts import CONTRACTS
from tenure.currencies import minor_digits
from tenure.language import tr
from tenure.sources.rejects import Reject


@dataclass(frozen=True)
class ImportReport:
    """What became of a file.

    read = accepted + rejected + left_out; blank rows are passed over and not read.
    batch: None for a dry run. sums: by money column, the minor units accepted (over all currencies).
    accepted = created + updated + unchanged, by what was there when the import began: created counts rows whose record
    was not, updated rows that say something else of one that was (the source's own clock is no such thing).
    refunds: accepted rows with a negative amount. rounded: accepted cells of money finer than their currency.
    samples: "created", "updated", "unchanged" → a few rows of each, field → text; rejects: the first rows not taken.
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
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    mode: str = "upsert"
    match_on: tuple[str, ...] = ()
    header_row: int = 1
    samples: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    resumed: bool = False

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
        if self.updated or self.unchanged:
            lines.append(
                tr(
                    "Of these {created:,} new, {updated:,} changed, {unchanged:,} as they were.",
                    created=self.created,
                    updated=self.updated,
                    unchanged=self.unchanged,
                )
            )
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
        if self.accepted and (whose := CONTRACTS[self.contract].person) and whose not in self.mapping:
            lines.append(
                tr(
                    "No column says whose they are ({words}), so they count for nobody in particular. "
                    "If one does: --map COLUMN={column}",
                    words=str(CONTRACTS[self.contract][whose].words),
                    column=whose,
                )
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
