"""Commands that work figures out and show them."""

import json
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from ibis import _

from tenure.cli import opened, show
from tenure.cli.show import Format, Tell
from tenure.contracts import CONTRACTS
from tenure.currencies import minor_digits
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake
from tenure.language import is_chinese, tr


def refresh_with_bars(*, as_of: datetime | None = None, again: bool = False) -> None:
    """Refresh the workspace and say how it went."""
    from tenure.cli.bars import Bars
    from tenure.pipeline import refresh as run_refresh

    here = opened.workspace()
    opened.desk(here)
    with show.progress() as bar:
        result = run_refresh(
            here,
            opened.lake(here),
            now=opened.now(),
            as_of=as_of.date() if as_of else None,
            watcher=Bars(bar),
            again=again,
        )
    skipped = sum(done.skipped for done in result.steps)
    day = result.as_of.date() - timedelta(days=1)
    if skipped == len(result.steps):
        show.err.print(tr("Nothing has changed since the last refresh; figures are as of the end of {day}.", day=day))
    else:
        show.err.print(
            tr("Done in {seconds:.1f} s: {ran} steps, {skipped} unchanged; figures are as of the end of {day}.",
               seconds=result.seconds, ran=len(result.steps) - skipped, skipped=skipped, day=day)
        )  # fmt: skip


def refresh(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            help=tr("Work the figures out as at the start of this day; the day after the last record unless said."),
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help=tr("Do every step, changed or not."))] = False,
) -> None:
    refresh_with_bars(as_of=as_of, again=again)
    show.hint(tr("Next: tenure show churn, or tenure serve for the pages"))


refresh.__doc__ = tr("Bring figures, scores and pages up to date with what was imported.")


class What(StrEnum):
    metrics = "metrics"
    segments = "segments"
    value = "value"
    churn = "churn"


def show_(
    what: Annotated[What, typer.Argument(help=tr("metrics, segments, value or churn"))],
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help=tr("One customer, by number."))
    ] = None,
    format: Tell = Format.table,
    limit: Annotated[int, typer.Option(help=tr("How many customers to list."))] = 20,
) -> None:
    lake = opened.lake()
    if not lake.exists("scores/customers"):
        raise TenureError(tr("Nothing is worked out yet. Import records, then run: tenure refresh"))
    if customer is not None:
        _one(lake, what, customer, format)
    elif what is What.metrics:
        _metrics(lake, format)
    elif what is What.segments:
        _segments(lake, format)
    else:
        _most(lake, what, format, limit)


show_.__doc__ = tr("Read the results: metrics, segments, value or churn.")

_ABOUT = {
    What.segments: (
        "rfm_cell",
        "r",
        "f",
        "m",
        "abc",
        "stage",
        "why",
        "recency_days",
        "frequency",
        "monetary_base_minor",
    ),
    What.value: ("value_base_minor", "value_decile", "p_alive", "frequency", "monetary_base_minor", "last_order_on"),
    What.churn: ("churn_probability", "risk_band", "reasons", "stage", "open_cases", "value_base_minor"),
}


_MONEY = ("monetary_base_minor", "value_base_minor")
_SHARES = ("churn_probability", "p_alive")


def _headings() -> dict[str, str]:
    currency = opened.workspace().currency
    return {
        "customer_id": tr("Customer"), "name": tr("Name"), "rfm_cell": tr("RFM cell"), "r": "R", "f": "F", "m": "M",
        "abc": "ABC", "stage": tr("Stage"), "why": tr("Why"), "recency_days": tr("Days since last order"),
        "frequency": tr("Days with an order"), "monetary_base_minor": tr("Paid, {currency}", currency=currency),
        "value_base_minor": tr("Value of 12 months, {currency}", currency=currency), "value_decile": tr("Value decile"),
        "p_alive": tr("Chance still active"), "last_order_on": tr("Last order"), "churn_probability": tr("Churn risk"),
        "risk_band": tr("Risk band"), "reasons": tr("Strongest reasons"), "open_cases": tr("Open cases"),
        "customers": tr("Customers"), "share": tr("Share"), "metric": tr("Metric"), "value": tr("Value"),
        "count": tr("Count"), "unit": tr("Unit"), "period": tr("Period"), "judgement": tr("Judgement"), "needs": tr("Needs"),
    }  # fmt: skip


def _picked(names: tuple[str, ...]) -> dict[str, str]:
    headings = _headings()
    return {name: headings.get(name, name) for name in names}


def _spoken(row: dict[str, Any], format: Format, *, reasons: int = 3) -> dict[str, Any]:
    """The card in the reader's language: one `why`, and so many reasons as sentences; for programs, as data."""
    row["why"] = row.get("stage_why_zh") if is_chinese() else row.get("stage_why_en")
    found = json.loads(row["reasons"]) if row.get("reasons") else []
    if format is Format.json:
        row["reasons"] = found
    else:
        row["reasons"] = "; ".join(reason["zh" if is_chinese() else "en"] for reason in found[:reasons]) or None
    return _written(row) if format is Format.table else row


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """Codes as words, shares as percentages, money in whole units of the currency: as a person reads them."""
    from tenure.insight.lifecycle import STAGES
    from tenure.insight.segments import CELLS

    unit = 10 ** minor_digits(opened.workspace().currency)
    for name, words in (("stage", STAGES), ("rfm_cell", CELLS)):
        if row.get(name) in words:
            row[name] = str(words[row[name]])
    row |= {name: round(row[name] / unit) for name in _MONEY if row.get(name) is not None}
    return row | {name: f"{row[name]:.0%}" for name in _SHARES if row.get(name) is not None}


def _one(lake: Lake, what: What, customer: str, format: Format) -> None:
    links = lake.read("identity/links", actor=SYSTEM).filter(_.customer_id == customer).select("person_id")
    cards = lake.read("scores/customers", actor=SYSTEM).semi_join(links, "person_id")
    found = lake.to_arrow(cards).to_pylist()
    if not found:
        raise TenureError(tr('There is no customer "{customer}". List some with: tenure show value', customer=customer))
    names = (
        tuple(dict.fromkeys(name for names in _ABOUT.values() for name in names))
        if what is What.metrics
        else _ABOUT[what]
    )
    names = ("customer_id", "name", *names)
    spoken = [_spoken(row, format) for row in found]
    if format is Format.table:
        for row in spoken:
            told = ((heading, row.get(name)) for name, heading in _picked(names).items())
            show.facts((heading, value) for heading, value in told if value is not None)
    else:
        show.rows(spoken, format, headings=_picked(names))


def _most(lake: Lake, what: What, format: Format, limit: int) -> None:
    cards = lake.read("scores/customers", actor=SYSTEM)
    by = cards.churn_probability if what is What.churn else cards.value_base_minor
    found = lake.to_arrow(cards.filter(by.notnull()).order_by([by.desc(), cards.person_id]).limit(limit)).to_pylist()
    if not found:
        card = lake.document("churn_card" if what is What.churn else "value_card") or {}
        note, out = card.get("not_enough_data"), card.get("way_out")
        language = "zh" if is_chinese() else "en"
        raise TenureError(
            tr(
                "No customer could be scored: {why}",
                why=f"{note[language]} {out[language]}"
                if note and out
                else note[language]
                if note
                else tr("there are no orders, subscriptions or snapshot yet"),
            )
        )
    headings = _picked(("customer_id", "name", *_ABOUT[what]))
    if format is Format.table and "reasons" in headings:
        headings["reasons"] = tr("Strongest reason")
    show.rows(
        [_spoken(row, format, reasons=1 if format is Format.table else 3) for row in found], format, headings=headings
    )


def _segments(lake: Lake, format: Format) -> None:
    cards = lake.read("scores/customers", actor=SYSTEM)
    total = lake.to_arrow(cards.agg(n=cards.count()))["n"][0].as_py()
    found = []
    for kind in ("stage", "rfm_cell", "abc"):
        counted = cards.filter(cards[kind].notnull()).group_by(segment=cards[kind]).agg(customers=_.count())
        for row in lake.to_arrow(counted.order_by([_.customers.desc(), _.segment])).to_pylist():
            found.append({"kind": _headings()[kind], **row, "share": row["customers"] / total})
    headings = {"kind": tr("Kind"), "segment": tr("Segment"), **_picked(("customers", "share"))}
    show.rows(found, format, headings=headings)


def _metrics(lake: Lake, format: Format) -> None:
    from tenure.pipeline.numbers import monthly

    card = lake.document("value_card") or {}
    until = date.fromisoformat(card["as_of"]) if card else opened.now().date()
    found = monthly(lake, actor=SYSTEM, until=until, months=2)
    if format is Format.table:
        for row in found:
            row |= {
                "metric": row["words"],
                "value": row["shown"] or tr("needs {what}", what=row["needs"] or tr("more records")),
            }
        show.rows(found, format, headings=_picked(("metric", "period", "value", "count", "judgement")))
    else:
        show.rows(found, format, headings=_picked(("metric", "period", "value", "count", "unit", "judgement", "needs")))


class Listed(StrEnum):
    metrics = "metrics"
    contracts = "contracts"
    sources = "sources"
    features = "features"
    standards = "standards"
    packs = "packs"
    learners = "learners"


def list_(
    what: Annotated[
        Listed, typer.Argument(help=tr("metrics, contracts, sources, features, standards, packs or learners"))
    ],
    format: Tell = Format.table,
) -> None:
    show.rows(
        _listed(what),
        format,
        headings={"name": tr("Name"), "words": tr("What it is"), "meaning": tr("Meaning"), "file": tr("File")},
    )


list_.__doc__ = tr(
    "List what there is one file each of: metrics, contracts, sources, features, standards, packs, learners."
)


def _listed(what: Listed) -> list[dict[str, Any]]:
    if what is Listed.contracts:
        return [
            {"name": c.name, "words": str(c.words), "meaning": str(c.meaning), "file": f"contracts/{c.name}.py"}
            for c in CONTRACTS.values()
        ]
    if what is Listed.sources:
        from tenure.sources import SOURCES

        return [
            {"name": s.name, "words": str(s.words), "meaning": " ".join(s.suffixes), "file": f"sources/{s.name}.py"}
            for s in SOURCES.values()
        ]
    if what is Listed.features:
        from tenure.insight.features import FAMILIES

        return [
            {"name": feature.name, "words": str(feature.words), "meaning": feature.unit, "file": f"insight/features/{family.name}.py"}
            for family in FAMILIES.values() for feature in family.features
        ]  # fmt: skip
    if what is Listed.standards:
        from tenure.identity.standard import STANDARDS

        return [
            {"name": s.name, "words": str(s.words), "meaning": str(s.meaning), "file": f"identity/standard/{s.file}.py"}
            for s in STANDARDS.values()
        ]
    if what is Listed.packs:
        from tenure.packs import packs

        return [
            {"name": p.name, "words": str(p.words), "meaning": str(p.meaning), "file": f"packs/{p.name}.py"}
            for p in packs().values()
        ]
    if what is Listed.learners:
        from tenure.insight.churn.learners import LEARNERS

        return [
            {
                "name": k.name,
                "words": str(k.words),
                "meaning": str(k.when),
                "file": f"insight/churn/learners/{k.name}.py",
            }
            for k in LEARNERS.values()
        ]
    from tenure.insight.metrics import METRICS

    return [
        {"name": m.name, "words": str(m.words), "meaning": str(m.meaning), "file": f"insight/metrics/{m.name}.py"}
        for m in METRICS.values()
    ]
