"""What a board is looked at for: a period and a segment, both in its address, and the same for every tile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from tenure.desk.customers.models import Publication, Segment
from tenure.desk.customers.segments.apart import offered
from tenure.desk.customers.segments.asking import asker_of, narrowed
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import workspace
from tenure.insight.metrics import Period
from tenure.insight.metrics.breakdown import GRAINS, spans
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.metrics.asked import number_in
from tenure.web.metrics.showing import period_shown
from tenure.web.metrics.worked import until

# Grains a board is looked at by, and how many of each are offered.
OFFERED: Mapping[str, int] = {"month": 24, "quarter": 8, "year": 4, "week": 12}
NEWEST: Mapping[str, Words] = {
    "month": Words("Last full month", "上个完整月"),
    "quarter": Words("Last full quarter", "上个完整季度"),
    "year": Words("Last full year", "上个完整年度"),
    "week": Words("Last full week", "上个完整周"),
}


@dataclass(frozen=True, slots=True)
class Picked:
    """A period and a segment as they were asked for, and for whom figures are worked out then.

    code: the period as the address has it: `month` for the newest, `month:2026-01-01` for one in particular. gone: a
    segment was asked for that is not this asker's, or no more; then there are no figures rather than everybody's.
    """

    scope: Scope
    period: Period
    code: str
    segment: Segment | None
    gone: bool
    link: str

    @property
    def query(self) -> str:
        """What keeps the pick in an address; empty for the usual one."""
        return urlencode(self.pairs)

    @property
    def pairs(self) -> dict[str, str]:
        told = {"period": "" if self.code == "month" else self.code, "link": self.link}
        if self.segment is not None:
            told["segment"] = str(self.segment.pk)
        return {name: value for name, value in told.items() if value}


def picked(given: Mapping[str, Any], user: Any, publication: Publication) -> Picked:
    """What an address asks for; what it says wrongly of the period counts as not said."""
    scope = scope_of(user)
    code, period = _period(str(given.get("period", "")), publication)
    asked = str(given.get("segment", ""))
    pk = number_in(asked)
    row, within = None, None
    if pk is not None and (within := narrowed(scope, pk, asker_of(user, scope))) is not None:
        row = Segment.objects.filter(pk=pk).exclude(worked_out_at=None).first()
    gone = bool(asked) and row is None
    return Picked(
        within if row is not None and within is not None else scope,
        period,
        code,
        row,
        gone,
        str(given.get("link", ""))[:200],
    )


def _period(code: str, publication: Publication) -> tuple[str, Period]:
    grain, _colon, day = code.partition(":")
    if grain not in OFFERED:
        grain, day = "month", ""
    end, zone = until(publication), workspace().zone
    newest = spans(grain, end, 1, zone)[0]
    try:
        start = date.fromisoformat(day)
        found = spans(grain, GRAINS[grain].back(GRAINS[grain].start(start), -1), 1, zone)[0]
        if found.start.year >= 1990 and found.end <= newest.end:
            return f"{grain}:{found.start.isoformat()}", found
    except (ValueError, OverflowError):
        pass
    return grain, newest


def periods(publication: Publication, code: str) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """What the picker offers: (heading, (code, words, picked)) by grain; first the newest of each, whenever that is."""
    end, zone = until(publication), workspace().zone
    groups = [
        ("", [
            (grain, f"{words} · {period_shown(spans(grain, end, 1, zone)[0])}", grain == code)
            for grain, words in NEWEST.items()
        ])
    ]  # fmt: skip
    for grain, n in OFFERED.items():
        found = [
            (f"{grain}:{one.start.isoformat()}", period_shown(one)) for one in reversed(spans(grain, end, n, zone))
        ]
        groups.append((str(GRAINS[grain].words), [(value, words, value == code) for value, words in found]))
    if not any(chosen for _heading, offered in groups for _value, _words, chosen in offered):
        _grain, period = _period(code, publication)
        groups[0][1].append((code, period_shown(period), True))
    return groups


def segments(user: Any) -> Sequence[tuple[int, str]]:
    """The segments this asker may look at a board by."""
    return offered(asker_of(user, scope_of(user)))
