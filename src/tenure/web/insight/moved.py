"""Who went from where to where between two dates: the moves in numbers, and the customers behind each."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import CELLS, STAGES
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.cache import remembered
from tenure.web.frame import render
from tenure.web.insight.shared import rows
from tenure.web.insight.stages import moves_where

# What is kept month by month: its table, its column and its words.
KEPT: Mapping[str, tuple[str, str, Mapping[str, Words]]] = {
    "stage": ("scores/stages", "stage", STAGES),
    "cell": ("scores/rfm_months", "cell", CELLS),
}
MOST = 200


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The moves between two of the dates kept; with `before` and `after`, the customers who made that move.

    `step=1`: who made it from any month to the next within the two dates, not only from the one to the other.
    """
    scope, shown = scope_of(request.user), Publication.current()
    of = request.GET.get("of", "stage")
    if of not in KEPT:
        raise Http404
    table, column, words = KEPT[of]
    dates = remembered(f"dates {of}", scope, shown, lambda: _dates(scope, table), table)
    since, until = _asked(request.GET.get("from", ""), dates, -2), _asked(request.GET.get("to", ""), dates, -1)
    if since and until and since > until:
        since, until = until, since
    before, after = (code if (code := request.GET.get(name, "")) in words else "" for name in ("before", "after"))
    step = request.GET.get("step") == "1"
    context: dict[str, Any] = {}
    if since and until and before and after:
        people, many = _who(scope, table, column, since, until, before, after, step=step)
        context = {"people": selectors.cards_among(scope, people, shown), "many": many, "shown_most": MOST}
    elif since and until:
        key = f"moves {of} {since} {until}"
        context = {"matrix": remembered(key, scope, shown, lambda: _moves(scope, table, column, since, until), table)}
        context = _as_table(context["matrix"], of, words, since, until)
    return render(
        request,
        "insight/moves.html",
        _("Moves"),
        of=of,
        kinds=[("stage", _("Life cycle")), ("cell", _("RFM"))],
        dates=[day.isoformat() for day in dates],
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
        before=before and str(words[before]),
        after=after and str(words[after]),
        step=step,
        back=moves_where(of, since, until) if since and until else "",
        **context,
    )


def _dates(scope: Scope, table: str) -> list[date]:
    kept = lake().read(table, actor=scope)
    return sorted(row["as_of"] for row in rows(kept.select("as_of").distinct()))


def _asked(text: str, dates: list[date], usual: int) -> date | None:
    """The date asked for, or the usual one; None where too few are kept."""
    found = next((day for day in dates if day.isoformat() == text), None)
    return found or (dates[usual] if len(dates) >= -usual else None)


def _moves(scope: Scope, table: str, column: str, since: date, until: date) -> list[tuple[str, str, int]]:
    kept = lake().read(table, actor=scope)
    a = kept.filter(kept.as_of == since).select("person_id", before=column)
    b = kept.filter(kept.as_of == until).select("person_id", after=column)
    both = a.inner_join(b, "person_id").group_by("before", "after").agg(n=ibis._.count())
    return [(row["before"], row["after"], row["n"]) for row in rows(both)]


def _as_table(
    moves: list[tuple[str, str, int]], of: str, words: Mapping[str, Words], since: date, until: date
) -> dict[str, Any]:
    counts = {(before, after): n for before, after, n in moves}
    here = [code for code in words if any(code in (before, after) for before, after, _n in moves)]
    totals = {code: sum(n for before, _after, n in moves if before == code) for code in here}
    return {
        "matrix": [
            (
                str(words[before]),
                totals[before],
                [
                    (counts.get((before, after), 0), counts.get((before, after), 0) / totals[before] if totals[before] else None,
                     moves_where(of, since, until, before, after), before == after)
                    for after in here
                ],
            )
            for before in here
        ],
        "columns": [str(words[code]) for code in here],
        "stayed": sum(n for before, after, n in moves if before == after),
        "everyone": sum(n for _before, _after, n in moves),
    }  # fmt: skip


def _who(
    scope: Scope, table: str, column: str, since: date, until: date, before: str, after: str, *, step: bool
) -> tuple[list[int], int]:
    """Who made the move, at most so many, and how many there are."""
    kept = lake().read(table, actor=scope)
    kept = kept.filter(kept.as_of >= since, kept.as_of <= until)
    if step:
        later = ibis.window(group_by="person_id", order_by="as_of")
        pairs = kept.mutate(after=kept[column].lead().over(later))
        found = pairs.filter(pairs[column] == before, pairs.after == after).select("person_id").distinct()
    else:
        a = kept.filter(kept.as_of == since, kept[column] == before).select("person_id")
        found = a.semi_join(kept.filter(kept.as_of == until, kept[column] == after), "person_id")
    people = [row["person_id"] for row in rows(found.order_by("person_id"))]
    return people, len(people)
