"""Who of those that came in a month is still there, by customers and by revenue; each cell opens its customers."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake, workspace
from tenure.insight.cohorts import buyers, contract_retention, holders, retention
from tenure.insight.metrics import Period
from tenure.insight.metrics import breakdown as apart
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight import narrowed
from tenure.web.insight.bridge import exactly
from tenure.web.insight.drawn import Drawn
from tenure.web.insight.people import Opened, opened_where
from tenure.web.insight.shared import part_where, rows
from tenure.web.parts import Context

COHORTS, AGES = 18, 18
FROM = ("orders", "subscriptions")
"""The records cohorts are made of: who bought again, or whose contract runs on."""


def cohorts(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """Of those who came in a month, how many are there n months later, or what they bring then."""
    has = _has(scope, shown)
    asked = _asked(scope, {"from": "" if has["orders"] else "subscriptions", **given})
    found = _told(scope, shown, asked, _until(shown))
    latest, ages = _latest(found)
    money = asked["by"] == "revenue"
    share, part = ("revenue_share", "revenue") if money else ("share", "buyers")
    by_cohort: dict[Any, dict[int, dict[str, Any]]] = {}
    for row in found:
        told = row | {
            "part": row[share],
            "title": f"{exactly(row['revenue'])} / {exactly(row['first_revenue'])}" if money
            else f"{row['buyers']:,} / {row['size']:,}",
            "url": _opens(row["cohort"], row["age"], asked) if row["buyers"] or row[part] else "",
        }  # fmt: skip
        by_cohort.setdefault(row["cohort"], {})[row["age"]] = told
    return {
        "asked": asked,
        "froms": [(name, str(CONTRACTS[name].words)) for name in FROM if has[name]] if any(has.values()) else [],
        "bys": ways(scope),
        "offered": narrowed.offered(scope, shown),
        "narrowed": narrowed.said(asked["of"]) if asked["of"] else "",
        "ages": range(ages + 1),
        "cohorts": [
            (_month(cohort), max(row["size"] for row in by_cohort[cohort].values()),
             [by_cohort[cohort].get(age) for age in range(ages + 1)])
            for cohort in latest
        ],
    }  # fmt: skip


def draw(scope: Scope, period: Period, segment: str = "", options: Mapping[str, str] | None = None) -> Drawn:
    """Cohort retention as a heat map, cohorts up to the end of the period, over the customers the asker may see.

    segment: what to narrow to ("", "tier:strategic", "in:4"). options: from ("orders" or "subscriptions"), by ("customers"
    or "revenue").
    """
    asked = _asked(scope, {**(options or {}), "of": segment})
    shown = Publication.current()
    title = dict(ways(scope))[asked["by"]]
    url = part_where("cohorts", **asked)
    found = _told(scope, shown, asked, period.end.replace(day=1))
    if not found:
        kind = CONTRACTS[asked["from"]].words
        why = _("Not enough data, because there are no %(kind)s among the records.") % {"kind": str(kind).lower()}
        return Drawn(title, None, url, why=why, lights=(asked["from"],))
    latest, ages = _latest(found)
    share = "revenue_share" if asked["by"] == "revenue" else "share"
    cells = {(row["cohort"], row["age"]): row[share] for row in found}
    table = [[cells.get((cohort, age)) for age in range(ages + 1)] for cohort in latest]
    return Drawn(
        title,
        figures.heat(
            [str(age) for age in range(ages + 1)], [_month(one) for one in latest], table, x_title=_("Months after")
        ),
        url,
        rows=[
            [_("First month"), *range(ages + 1)],
            *([_month(c), *line] for c, line in zip(latest, table, strict=True)),
        ],
    )


def people(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Opened | None:
    """The customers of one cell, with what each brought then."""
    asked = _asked(scope, given)
    try:
        cohort, age = date.fromisoformat(given.get("cohort", "")).replace(day=1), int(given.get("age", ""))
        month = Period.months(cohort, age + 1, workspace().zone)[-1]
    except (ValueError, OverflowError, IndexError):
        return None
    kept = narrowed.read_cards(scope)
    mine = narrowed.only(
        lake().read(f"records/{asked['from']}", actor=scope), narrowed.persons(scope, asked["of"], kept)
    )
    there = buyers(mine, cohort, age) if asked["from"] == "orders" else holders(mine, cohort, month)
    found = rows(there.order_by(there.revenue.desc(), there.person_id))
    seen = scope.sees("amounts")
    return Opened(
        title=_("First in %(cohort)s, there in %(month)s") % {"cohort": _month(cohort), "month": _month(month.start)},
        said=narrowed.said(asked["of"]) if asked["of"] else "",
        back=part_where("cohorts", **asked),
        back_name=_("Cohorts"),
        people=[row["person_id"] for row in found],
        columns=[_("In that month")] if seen else [],
        values={row["person_id"]: [exactly(row["revenue"])] for row in found} if seen else {},
        total=[exactly(sum(row["revenue"] for row in found))] if seen else [],
    )


def _asked(scope: Scope, given: Mapping[str, str]) -> dict[str, str]:
    source, by = given.get("from", ""), given.get("by", "")
    return {
        "from": source if source in FROM else FROM[0],
        "by": by if by in dict(ways(scope)) else "customers",
        "of": narrowed.read(given.get("of", ""), scope),
    }


def ways(scope: Scope) -> list[tuple[str, str]]:
    """What a cohort can be followed by, as the asker may see it."""
    kept = [("customers", _("Customers kept"))]
    return [*kept, ("revenue", _("Revenue kept"))] if scope.sees("amounts") else kept


def _until(shown: Publication | None) -> date | None:
    # The running month is not over: its column would show a fall that is none.
    return timezone.localtime(shown.as_of).date().replace(day=1) if shown else None


def _told(
    scope: Scope, shown: Publication | None, asked: Mapping[str, str], until: date | None
) -> list[dict[str, Any]]:
    """The cells, oldest cohort first; none where there are no such records."""
    source, of = asked["from"], asked["of"]

    def compute() -> list[dict[str, Any]]:
        table = lake().read(f"records/{source}", actor=scope)
        if of:
            table = narrowed.only(table, narrowed.persons(scope, of, narrowed.read_cards(scope)))
        if source == "orders":
            return rows(retention(table, until))
        if until is None:
            return []
        return rows(contract_retention(table, apart.spans("month", until, COHORTS, workspace().zone)))

    what = f"cohorts:{source}:{of}:{narrowed.version(of)}:{until}"
    return remembered(what, scope, shown, compute, *narrowed.tables(f"records/{source}"))


def _has(scope: Scope, shown: Publication | None) -> dict[str, bool]:
    """Whether there are records of either kind within the asker's reach."""

    def compute() -> dict[str, bool]:
        return {
            name: bool(rows(lake().read(f"records/{name}", actor=scope).select("person_id").limit(1))) for name in FROM
        }

    return remembered("cohorts:from", scope, shown, compute, *(f"records/{name}" for name in FROM))


def _latest(found: list[dict[str, Any]]) -> tuple[list[Any], int]:
    latest = sorted({row["cohort"] for row in found})[-COHORTS:]
    return latest, min(AGES, max((row["age"] for row in found if row["cohort"] in latest), default=0))


def _opens(cohort: date, age: int, asked: Mapping[str, str]) -> str:
    return opened_where("cohorts", cohort=str(cohort)[:10], age=str(age), **asked)


def _month(cohort: Any) -> str:
    return date_format(cohort, "Y-m") if isinstance(cohort, date) else str(cohort)[:7]
