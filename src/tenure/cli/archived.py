"""Commands that put records away and bring them back."""

from typing import Annotated

import typer

from tenure.cli import opened, show
from tenure.cli.show import Format, Tell
from tenure.contracts import contract_named
from tenure.errors import TenureError
from tenure.language import tr


def archive(
    contract: Annotated[str, typer.Option("--as", help=tr("What the records are; see: tenure list contracts"))],
    flaw: Annotated[str, typer.Option(help=tr("What is wrong with them: missing, stale, no_number … as Data quality has it."))],
    reason: Annotated[str, typer.Option(help=tr("Why they are archived; it is shown beside each."))],
    field: Annotated[str, typer.Option(help=tr("The field; leave it out for what is said of the whole record."))] = "",
    source: Annotated[str, typer.Option(help=tr("Only records this source sent."))] = "",
) -> None:  # fmt: skip
    here = opened.workspace()
    opened.desk(here)
    from tenure.desk.customers import archiving, findings
    from tenure.desk.lake import lake
    from tenure.insight import quality
    from tenure.lake import SYSTEM

    asked = {"contract": contract, "field": field, "flaw": flaw, "source": source}
    try:
        found = findings.finding(SYSTEM, asked)
    except findings.NoFindingError:
        shape = contract_named(contract)
        known = sorted(one.code for one in quality.flaws_of(shape, field)) if field in ("", *shape.names) else []
        raise TenureError(
            tr('There is no "{flaw}" of {what}. There are: {known}.', flaw=flaw, what=f"{contract} {field}".strip(), known=", ".join(known) or "–")
        ) from None  # fmt: skip
    done = archiving.archive(found, None, lake=lake(), scope=SYSTEM, actor=None, now=opened.now(), reason=reason)
    show.out.print(
        tr("Archived {count:,} records; bring them back with: tenure bring-back {deed}", count=done.records, deed=done.deed),
        markup=False,
    )  # fmt: skip
    show.hint(tr("Next: tenure refresh"))


archive.__doc__ = tr("Archive every record with a flaw: it leaves lists and figures, and nothing is lost.")


def archived(format: Tell = Format.table) -> None:
    opened.desk()
    from django.db.models import Count

    from tenure.desk.customers.models import Archiving

    found = Archiving.objects.annotate(left=Count("rows")).filter(left__gt=0).select_related("made_by").order_by("-pk")
    rows = [
        {
            "deed": one.deed, "contract": one.contract, "source": one.source, "finding": f"{one.field} {one.flaw}".strip(),
            "reason": one.reason or (tr("migration {number}", number=one.migration) if one.migration is not None else ""),
            "left": one.left, "records": one.records, "by": str(one.made_by or ""), "at": one.made_at,
        }
        for one in found
    ]  # fmt: skip
    headings = {"deed": tr("Deed"), "contract": tr("Records"), "source": tr("Source"), "finding": tr("Finding"),
                "reason": tr("Why"), "left": tr("Still archived"), "records": tr("Of"), "by": tr("Who"), "at": tr("When")}  # fmt: skip
    show.rows(rows, format, headings=headings)


archived.__doc__ = tr("List what is archived, by whom, when and why.")


def bring_back(deed: Annotated[str, typer.Argument(help=tr("The deed, as tenure archived lists it."))]) -> None:
    opened.desk()
    from tenure.desk.customers import archiving
    from tenure.desk.customers.models import ArchivedRecord
    from tenure.lake import SYSTEM

    rows = ArchivedRecord.objects.filter(archiving__deed=deed)
    count = archiving.bring_back(rows, scope=SYSTEM, actor=None, now=opened.now())
    show.out.print(tr("Brought {count:,} records back.", count=count), markup=False)
    show.hint(tr("Next: tenure refresh"))


bring_back.__doc__ = tr("Bring back every record of one archiving.")
