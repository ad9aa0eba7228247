"""What a metric's page is asked for by its address: which metric, grain and dimension, and which figure is opened."""

from datetime import date
from urllib.parse import urlencode

from django.http import Http404, HttpRequest

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Publication
from tenure.desk.customers.segments.apart import Named, named
from tenure.desk.customers.segments.asking import asker_of, narrowed
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import lake, workspace
from tenure.insight.metrics import METRICS, Metric, Period
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import DIMENSIONS, GRAINS, MOST_SEGMENTS, OWN, segments_in
from tenure.lake import Scope
from tenure.pipeline import numbers
from tenure.web.metrics.showing import Row
from tenure.web.metrics.worked import until


def known(request: HttpRequest, name: str) -> Metric:
    """The metric of the address; one that the asker may not be told is not there."""
    if name not in METRICS or not numbers.offered(scope_of(request.user), [name]):
        raise Http404
    return numbers.held(lake(), METRICS[name])


def asked_for(request: HttpRequest, metric: Metric) -> tuple[str, str]:
    """The grain and the dimension asked for; months, and the first that may apply, unless said.

    `by=own:3&own=7` asks for both segments beside each other, as the page's form says it.
    """
    given = request.POST if request.method == "POST" else request.GET
    grain, by = given.get("grain", ""), given.get("by", "")
    if first := segments_in(by):
        every = list(dict.fromkeys([*first, *given.getlist("own")]))[:MOST_SEGMENTS]
        by = f"{OWN.name}:{','.join(every)}"
    if by not in DIMENSIONS and segments_of(request, by) is None:
        person = all(CONTRACTS[name].person for name in metric.reads)
        by = (
            "team"
            if person
            else "channel"
            if all("channel" in CONTRACTS[name] for name in metric.reads)
            else "category"
        )
    return grain if grain in GRAINS else "month", by


def drill_of(request: HttpRequest, metric: Metric, publication: Publication) -> Row:
    """The figure that is opened: its period (the last full month unless said), and the part of a dimension."""
    given = request.POST if request.method == "POST" else request.GET
    zone = workspace().zone
    period = apart.spans("month", until(publication), 1, zone)[0]
    try:
        start, end = (date.fromisoformat(given.get(name, "")) for name in ("from", "to"))
        if start < end and start.year > 1900:
            period = Period(start, end, zone)
    except ValueError:
        pass
    dimension = given.get("by", "")
    if segments_in(dimension) and segments_of(request, dimension) is None:
        raise Http404
    if (dimension not in DIMENSIONS and not segments_in(dimension)) or "part" not in given:
        dimension = ""
    part = given.get("part", "")[:200].replace("\x00", "") if dimension else ""
    counted, segment = given.get("counted") == "1", number_in(given.get("segment", ""))
    return {"period": period, "dimension": dimension, "part": part, "counted": counted, "segment": segment}


def segments_of(request: HttpRequest, dimension: str) -> Named | None:
    """The segments a dimension names, where every one is the asker's to use."""
    return named(dimension, asker_of(request.user, scope_of(request.user)))


def number_in(text: str) -> int | None:
    """The number a part of an address says; None where it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def within(request: HttpRequest, segment: int | None) -> Scope:
    """Whom the asker sees, of them only those in the segment where one is asked for; one that is not theirs is not there."""
    scope = scope_of(request.user)
    if segment is None:
        return scope
    found = narrowed(scope, segment, asker_of(request.user, scope))
    if found is None:
        raise Http404
    return found


def arguments(asked: Row, segments: Named | None = None) -> Row:
    """What `numbers.behind` is called with. segments: those the dimension names."""
    kept = {name: value for name, value in asked.items() if name != "segment"}
    members = segments.members() if segments is not None else None
    return {**kept, "dimension": asked["dimension"] or None, "part": asked["part"] or None, "members": members}


def drill_query(asked: Row) -> str:
    pairs = {"from": asked["period"].start.isoformat(), "to": asked["period"].end.isoformat()}
    if asked["dimension"]:
        pairs |= {"by": asked["dimension"], "part": asked["part"] or ""}
    if asked["counted"]:
        pairs["counted"] = "1"
    if asked.get("segment"):
        pairs["segment"] = str(asked["segment"])
    return urlencode(pairs)


def opened_at(row: Row) -> Row:
    return {
        "period": Period(row["period_start"], row["period_end"]), "dimension": "", "part": "", "counted": False,
        "segment": None,
    }  # fmt: skip
