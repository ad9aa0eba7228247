"""What of leavers is looked at: a period, a group of customers, and causes by their axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.desk.causes.reading import Asked, Counted, leavers, mark
from tenure.desk.causes.taxonomy import AXES, TITLES, Node
from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.insight.causes import Corrected, Leaver
from tenure.lake import Scope
from tenure.web.cache import remembered
from tenure.web.insight import narrowed

DAYS = ("90", "365", "730", "all")
USUAL = "365"


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody asked for. days: back from today, or "all". who: a group of customers (`narrowed`)."""

    days: str = USUAL
    who: str = ""
    control: str = ""
    side: str = ""
    nature: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str], scope: Scope) -> "Look":
        days = given.get("days", "")
        axes = {axis: value if (value := given.get(axis, "")) in AXES[axis] else "" for axis in AXES}
        return cls(days if days in DAYS else USUAL, narrowed.read(given.get("who", ""), scope), **axes)

    @property
    def told(self) -> dict[str, str]:
        """What of it is not as usual, as an address or a form says it."""
        told = {name: getattr(self, name) for name in ("days", "who", "control", "side", "nature")}
        return {name: value for name, value in told.items() if value and (name, value) != ("days", USUAL)}

    @property
    def query(self) -> str:
        return urlencode(self.told)

    def since(self, today: date) -> date | None:
        return None if self.days == "all" else today - timedelta(days=int(self.days))


def counted(scope: Scope, shown: Publication | None, look: Look, nodes: Mapping[str, Node]) -> Counted:
    """The leavers looked at, each under one cause."""

    def compute() -> tuple[list[tuple[Any, ...]], int, int, Corrected | None]:
        persons = None
        if look.who:
            who = narrowed.persons(scope, look.who, narrowed.read_cards(scope))
            persons = frozenset(lake().to_arrow(who)["person_id"].to_pylist())
        asked = Asked(look.since(today(shown)), None, look.control, look.side, look.nature, persons)
        found = leavers(scope, asked, nodes)
        rows = [(o.person, o.left_on, o.cause, o.confirmed, o.came_from, o.confidence) for o in found.leavers.values()]
        return rows, found.said, found.silent, found.corrected

    what = f"causes {look} {today(shown)} {mark()} {narrowed.version(look.who)}"
    rows, said, silent, better = remembered(what, scope, shown, compute, *narrowed.tables("identity/links"))
    return Counted({row[0]: Leaver(*row) for row in rows}, said, silent, better)


def today(shown: Publication | None) -> date:
    """The day that is looked back from: of the figures shown, or the clock's."""
    at: datetime = shown.as_of if shown else timezone.now()
    return timezone.localtime(at).date() + timedelta(days=1)


def offered(scope: Scope, shown: Publication | None, look: Look) -> dict[str, Any]:
    """The choices of the filters, for the template."""
    words = {"90": _("Last 90 days"), "365": _("Last 12 months"), "730": _("Last 24 months"), "all": _("All time")}
    return {
        "days": [(code, words[code]) for code in DAYS],
        "groups": narrowed.offered(scope, shown),
        "axes": [
            (axis, str(TITLES[axis]), [(code, str(said)) for code, said in known.items()], getattr(look, axis))
            for axis, known in AXES.items()
        ],
    }
