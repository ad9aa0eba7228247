"""The stages of the life cycle, and the flow between them."""

from datetime import date
from itertools import pairwise
from typing import Any

import ibis
from django.utils.formats import date_format

from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import STAGES, words_for
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.insight.shared import Context, customers_where, rows

STEPS = 4  # points in time the stage flow runs over


def stages(scope: Scope, shown: Publication | None) -> Context:
    """How many customers are in each stage, and how they came from one to another."""

    def compute() -> dict[str, Any]:
        table = lake().read("scores/stages", actor=scope)
        dates = sorted(row["as_of"] for row in rows(table.select("as_of").distinct()))
        picked = _spread(dates)
        links: list[tuple[str, str, str, str, int]] = []
        for earlier, later in pairwise(picked):
            a = table.filter(table.as_of == earlier).select("person_id", before="stage")
            b = table.filter(table.as_of == later).select("person_id", after="stage")
            both = a.inner_join(b, "person_id").group_by("before", "after").agg(n=ibis._.count())
            links += [
                (earlier.isoformat(), row["before"], later.isoformat(), row["after"], row["n"]) for row in rows(both)
            ]
        now = table.filter(table.as_of == picked[-1]).group_by("stage").agg(n=ibis._.count()) if picked else None
        return {"links": links, "now": {row["stage"]: row["n"] for row in rows(now)} if now is not None else {}}

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
    }  # fmt: skip


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
