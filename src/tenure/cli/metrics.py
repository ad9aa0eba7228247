"""The metric catalogue at the terminal: every number, or one of them by period and told apart."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenure.cli import opened, show
from tenure.cli.show import Format, Tell
from tenure.currencies import minor_digits
from tenure.errors import TenureError
from tenure.lake import SYSTEM, Lake
from tenure.language import tr

if TYPE_CHECKING:
    from tenure.desk.customers.segments.apart import Named

HEADINGS = ("metric", "period", "value", "before", "year_before", "count", "judgement")


def metrics(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help=tr("One metric; every one unless said."))] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="DIMENSION",
            help=tr(
                "Tell the newest period apart by: team, stage, product, channel …, or own:3 for a segment of your own"
            ),
        ),
    ] = None,
    grain: Annotated[str, typer.Option("--grain", help=tr("day, week, month, quarter or year"))] = "month",
    periods: Annotated[int, typer.Option(min=1, max=60, help=tr("How many periods."))] = 13,
    format: Tell = Format.table,
) -> None:
    lake = opened.lake()
    if not lake.exists("scores/customers"):
        raise TenureError(tr("Nothing is worked out yet. Import records, then run: tenure refresh"))
    card = lake.document("value_card") or {}
    until = date.fromisoformat(card["as_of"]) if card else opened.now().date()
    if name is None:
        _every(lake, until, format)
    else:
        _one(lake, name, until, by, grain, periods, format)


metrics.__doc__ = tr("Every number of the catalogue, or one by period, by team or by product.")


def _every(lake: Lake, until: date, format: Format) -> None:
    from tenure.insight.metrics import METRICS
    from tenure.insight.metrics.breakdown import why_nothing
    from tenure.pipeline.numbers import catalogue

    found = catalogue(lake, actor=SYSTEM, until=until, months=13)
    lines = []
    for name, told in found.items():
        metric, rows = METRICS[name], told["rows"]
        last = rows[-1]
        values = {row["period_start"]: row["value"] for row in rows}
        period = _period(last, lake)
        line = {
            "metric": str(metric.words) if format is Format.table else name,
            **_line(
                lake, metric, last, values.get(period.before().start), values.get(period.year_before().start), format
            ),
        }
        if format is Format.table and last["value"] is None:
            line["judgement"] = str(why_nothing(metric, told["lacks"], last))
        lines.append(line)
    show.rows(lines, format, headings=_named(HEADINGS))


def _one(lake: Lake, name: str, until: date, by: str | None, grain: str, periods: int, format: Format) -> None:
    from tenure.insight.metrics import metric_named
    from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS, NEITHER, segments_in, why_nothing
    from tenure.pipeline.numbers import told

    metric = metric_named(name)
    segments = _segments(by) if by and segments_in(by) else None
    for asked, known in ((grain, GRAINS), (None if segments else by, DIMENSIONS)):
        if asked is not None and asked not in known:
            raise TenureError(tr('There is no "{asked}". There are: {known}.', asked=asked, known=", ".join(known)))
    found = told(lake, actor=SYSTEM, metric=metric, grain=grain, until=until, periods=periods, dimension=by,
                 members=segments.members() if segments else None)  # fmt: skip
    called = {
        NEITHER: tr("In none of them"),
        **{str(pk): name for pk, name in (segments.names if segments else {}).items()},
    }
    if by is not None and found["by"] is None:
        raise TenureError(
            tr('"{name}" can\'t be told apart by {by}. {why}', name=name, by=by, why=str(found["why_not"][by]))
        )
    lines, before = [], None
    for row in found["rows"] if by is None else found["parts"]:
        line = _line(lake, metric, row, row.get("before", before), row["year_before"], format)
        if by is not None:
            part = row.get("name")
            line = {by: (called.get(part, part) if segments else part) or tr("Unknown"), **line}
        if format is Format.table and row["value"] is None:
            line["judgement"] = str(why_nothing(metric, found["lacks"], row))
        lines.append(line)
        before = row["value"]
    headings = ((by,) if by else ()) + HEADINGS[1:]
    show.rows(lines, format, headings=_named(headings))
    if format is Format.table:
        show.hint(f"{metric.words}: {metric.formula}")


def _segments(by: str) -> "Named":
    """The segments a dimension `own:3,7` names, as somebody who sees everything may use them."""
    opened.desk()
    from tenure.desk.customers.segments.apart import named, offered
    from tenure.desk.customers.segments.asking import EVERYTHING

    found = named(by, EVERYTHING)
    if found is None:
        known = ", ".join(f"own:{pk} ({name})" for pk, name in offered(EVERYTHING))
        raise TenureError(tr('There is no "{asked}". There are: {known}.', asked=by, known=known or "–"))
    return found


def _line(
    lake: Lake, metric: Any, row: dict[str, Any], before: float | None, year: float | None, format: Format
) -> dict[str, Any]:
    from tenure.insight.metrics import figure, judge
    from tenure.pipeline.numbers import held

    def said(value: float | None) -> Any:
        if value is None or format is not Format.table:
            return value
        return str(figure(metric.unit, value, decimals=minor_digits(lake.currency)))

    verdict = judge(held(lake, metric), row["value"])
    return {
        "period": f"{row['period_start']:%Y-%m-%d}",
        "value": said(row["value"]),
        "before": said(before),
        "year_before": said(year),
        "count": row["count"],
        "judgement": str(verdict.words) if verdict else None,
    }


def _named(columns: tuple[str, ...]) -> dict[str, str]:
    from tenure.insight.metrics.breakdown import dimension_of

    words = {
        "metric": tr("metric"), "period": tr("period"), "value": tr("figure"), "before": tr("before"),
        "year_before": tr("a year before"), "count": tr("sample"), "judgement": tr("where it stands"),
    }  # fmt: skip
    return {name: str(found.words) if (found := dimension_of(name)) else words.get(name, name) for name in columns}


def _period(row: dict[str, Any], lake: Lake) -> Any:
    from tenure.insight.metrics import Period

    return Period(row["period_start"], row["period_end"], lake.zone)
