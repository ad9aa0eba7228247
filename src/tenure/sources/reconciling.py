"""An import's own books: what was read is what was taken, rejected and left out, to the row and to the cent."""

from typing import Any

from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources.base import Reader
from tenure.sources.convert import Plan
from tenure.sources.deciding import Tally
from tenure.sources.rejects import RejectFile


class ReconciliationError(TenureError):
    """The rows or the money that went in are not those that came out; nothing of the batch is kept."""


def reconcile(tally: Tally, reader: Reader, rejects: RejectFile, batch: Any) -> None:
    """See that rows and money add up. Raises ReconciliationError where they don't."""
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


def refuse_nothing(tally: Tally, plan: Plan, rejects: RejectFile, name: str) -> None:
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
