"""The stages of the life cycle: how many customers are in each, how they move, and where that leads."""

from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import ibis
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import STAGES, words_for
from tenure.desk.lake import lake
from tenure.insight.segments.markov import matrix, project
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight.shared import customers_where, rows
from tenure.web.parts import Context

STEPS = 4  # points in time the stage flow runs over
MONTHS_AHEAD = 12
TOLD_AHEAD = (1, 3, 6, 12)
LEAST_MOVES = 30  # fewer customers seen in a month's moves tell of no rate


def stages(scope: Scope, shown: Publication | None) -> Context:
    """How many customers are in each stage, how they come from one to another, and where they will be in a year."""

    def compute() -> dict[str, Any]:
        table = lake().read("scores/stages", actor=scope)
        # Everybody known at one date is known at each later one, so the next row of a person is the next date's.
        later = ibis.window(group_by="person_id", order_by="as_of")
        moved = table.mutate(after=table.stage.lead().over(later), after_on=table.as_of.lead().over(later))
        moved = moved.filter(moved.after.notnull())
        by_month = rows(moved.group_by("as_of", "after_on", "stage", "after").agg(n=moved.count()))
        counts = rows(table.group_by("as_of", "stage").agg(n=table.count()))
        dates = sorted({row["as_of"] for row in counts})
        picked = _spread(dates)
        links: list[tuple[str, str, str, str, int]] = []
        for earlier, later_on in pairwise(picked):
            a = table.filter(table.as_of == earlier).select("person_id", before="stage")
            b = table.filter(table.as_of == later_on).select("person_id", after="stage")
            both = a.inner_join(b, "person_id").group_by("before", "after").agg(n=ibis._.count())
            links += [
                (earlier.isoformat(), row["before"], later_on.isoformat(), row["after"], row["n"]) for row in rows(both)
            ]
        pooled: dict[tuple[str, str], int] = {}
        for row in by_month:
            # A month that is not over would show fewer moves than a month has.
            if 26 <= (row["after_on"] - row["as_of"]).days <= 32:
                cell = (row["stage"], row["after"])
                pooled[cell] = pooled.get(cell, 0) + row["n"]
        now = {row["stage"]: row["n"] for row in counts if dates and row["as_of"] == dates[-1]}
        known = [code for code in STAGES if code in now or any(code in cell for cell in pooled)]
        enough = sum(pooled.values()) >= LEAST_MOVES
        return {
            "links": links, "now": now, "dates": dates,
            "moves": matrix(pooled, known) if enough else [],
            "ahead": project(pooled, now, known, months=MONTHS_AHEAD) if enough else [],
            "seen": sum(pooled.values()),
        }  # fmt: skip

    found = remembered("stages", scope, shown, compute, "scores/stages")
    total = sum(found["now"].values())
    return {
        "stages": [
            {"name": str(words), "n": found["now"].get(code, 0), "share": found["now"].get(code, 0) / total if total else 0,
             "url": customers_where(stage=code)}
            for code, words in STAGES.items()
        ],
        "total": total,
        "figure": _flow(found["links"]) if found["links"] else None,
        "matrix": _matrix(found["moves"], found["dates"]),
        "columns": [(code, str(STAGES[code])) for code in STAGES if any(move.after == code for move in found["moves"])],
        "projection": _projection(found["ahead"]) if found["ahead"] else None,
        "ahead": _table(found["ahead"]),
        "told_ahead": TOLD_AHEAD,
        "seen": found["seen"],
        "least": LEAST_MOVES,
    }  # fmt: skip


def moves_where(of: str, since: date, until: date, before: str = "", after: str = "") -> str:
    """The address of the moves between two dates, or of the customers who made one of them."""
    asked = {"of": of, "from": since.isoformat(), "to": until.isoformat(), "before": before, "after": after}
    return f"{reverse('admin:moves')}?{urlencode({name: value for name, value in asked.items() if value})}"


def _matrix(moves: list[Any], dates: list[date]) -> list[tuple[str, int, list[tuple[Any, str]]]]:
    """Rows of the matrix: the stage, how many customer-months were seen in it, and each cell with its customers."""
    cells = {(move.before, move.after): move for move in moves}
    known = [code for code in STAGES if any(code == move.before for move in moves)]
    after = [code for code in STAGES if any(code == move.after for move in moves)]
    whole = [day for day in dates if day.day == 1] or dates
    since, until = (whole[0], whole[-1]) if len(whole) > 1 else (dates[0], dates[-1]) if dates else (None, None)
    table = []
    for before in known:
        row = []
        for code in after:
            move = cells.get((before, code))
            url = moves_where("stage", since, until, before, code) if since and until else ""
            row.append((move, url + "&step=1" if move and move.customers else ""))
        of = next((move.of for move in moves if move.before == before), 0)
        table.append((words_for("stage", before), of, row))
    return table


def _projection(ahead: list[Any]) -> figures.Figure:
    known = [code for code in STAGES if any(one.stage == code for one in ahead)]
    return figures.bands(
        [
            (words_for("stage", code), f"$stage-{code}", [(one.month, one.expected, one.low, one.high) for one in ahead if one.stage == code])
            for code in known
        ],
        x_title=_("Months from now"),
        y_title=_("Customers"),
    )  # fmt: skip


def _table(ahead: list[Any]) -> list[tuple[str, int, list[Any]]]:
    by = {(one.stage, one.month): one for one in ahead}
    return [
        (words_for("stage", code), round(by[code, 0].expected), [by[code, month] for month in TOLD_AHEAD])
        for code in STAGES
        if (code, 0) in by
    ]


def _flow(links: list[tuple[str, str, str, str, int]]) -> figures.Figure:
    order = {code: number for number, code in enumerate(STAGES)}
    nodes = sorted(
        {(when, stage) for link in links for when, stage in (link[:2], link[2:4])},
        key=lambda node: (node[0], order.get(node[1], 99)),
    )
    number = {node: index for index, node in enumerate(nodes)}
    return figures.flow(
        [f"{words_for('stage', stage)} · {date_format(date.fromisoformat(when), 'Y-m')}" for when, stage in nodes],
        [(number[(a, b)], number[(c, d)], n) for a, b, c, d, n in links],
        [f"$stage-{stage}" for _when, stage in nodes],
    )


def _spread(dates: list[date]) -> list[date]:
    """The latest date and up to three before it, about a quarter apart."""
    picked: list[date] = []
    for day in reversed(dates):
        if not picked or (picked[-1] - day).days >= 80:
            picked.append(day)
        if len(picked) == STEPS:
            break
    if len(picked) < 2:
        picked = list(reversed(dates[-2:]))
    return picked[::-1]
