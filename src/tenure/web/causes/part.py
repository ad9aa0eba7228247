"""The part Causes of the workspace Churn: why people left as they say, beside what the model reads."""

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.causes import statements
from tenure.desk.causes.models import Statement
from tenure.desk.causes.reading import Counted, mark, spent_by
from tenure.desk.causes.taxonomy import AXES, Node, tree
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.insight.causes import Estimate, Tally, tally
from tenure.insight.churn.drivers import CODES, words_of
from tenure.lake import Scope
from tenure.pipeline.score_history import HISTORY
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.causes import fishbone
from tenure.web.causes.asked import Look, counted, offered, today
from tenure.web.churn.drivers import points_of
from tenure.web.insight import narrowed
from tenure.web.parts import Context
from tenure.web.templatetags.tenure import said as said_of

SHOWN = 14  # causes of the Pareto; the rest are few
NOBODY = Estimate(0.0, 0.0, 0.0)
LEAST = 20  # leavers scored before they left, below which their drivers say little


def causes(scope: Scope, shown: Publication | None, given: Mapping[str, str]) -> Context:
    """Leavers by cause over the asker's customers; every leaver counts once."""
    look, nodes = Look.read(given, scope), tree()
    found = counted(scope, shown, look, nodes)
    visible = Statement.objects.visible_to(scope)
    waiting = visible.filter(state=Statement.State.WAITING).count()
    asker = User.objects.filter(pk=scope.user_id or 0).first()
    context: Context = {
        "may_review": may(asker, "causes"), "may_export": may(asker, "export"), "may_tree": may(asker, "pack"),
        "may_record": asker is not None and statements.may_record(asker),
        "look": look, "offered": offered(scope, shown, look), "waiting": waiting,
        "any": bool(found.leavers) or bool(found.said) or visible.exists(), "found": found,
        # Learned from everybody's statements: how many these are is for those who see everybody.
        "learned": (lake().document("causes_learned") or {}) if scope.sees_all else {},
    }  # fmt: skip
    if not found.leavers:
        return context
    estimated = found.corrected is not None and given.get("rank") != "said"
    rows = rows_of(found, nodes, scope, look, estimated=estimated)
    controllable = [row for row in rows if row["node"].control == "controllable"]
    of_control = found.corrected.groups.get(("control", "controllable")) if found.corrected and estimated else None
    drivers, of = read_by_the_model(scope, shown, look, found)
    total = len(found.leavers)
    bones = bones_of(found, nodes, look, estimated=estimated)
    head = _("Left: %(n)s") % {"n": f"{total:,}"}
    label = _("Fishbone diagram of why customers left")
    return context | {
        "rows": rows, "total": total, "estimated": estimated, "share": sum(row["share"] for row in controllable),
        "controllable": round(sum(row["weight"] for row in controllable)), "of_control": of_control,
        "controllable_said": sum(row["leavers"] for row in controllable), "as_said": other_rank(look, "said"),
        "as_estimated": other_rank(look, ""), "asked_as": asked_as(look, estimated=estimated),
        "confirmed": sum(row["confirmed"] for row in rows),
        "spent": sum(row["spent"] for row in rows) if rows[0]["spent"] is not None else None,
        "vague": sum(row["leavers"] for row in rows if row["node"].cause.vague),
        "wide": fishbone.lying(bones, head, label), "tall": fishbone.standing(bones, head, label),
        "pareto": pareto(rows[:SHOWN], estimated=estimated), "rest": len(rows) - SHOWN,
        "drivers": drivers[:8], "of_drivers": of, "most": max((one["effect"] for one in drivers), default=0),
        "said_most": max(row["weight"] for row in rows),
    }  # fmt: skip


def rows_of(
    found: Counted, nodes: Mapping[str, Node], scope: Scope, look: Look, *, estimated: bool = False
) -> list[dict[str, Any]]:
    """One row a cause, the most frequent first, as said or (`estimated`) as interviews correct it.

    weight: what it is ranked by. better: the estimate, None where there is none. spent: what its leavers had spent with
    us, None where hidden.
    """
    spent = spent_by(scope, found.leavers)
    by_cause, said = found.by_cause(), {one.cause: one for one in tally(found.leavers.values())}
    better = found.corrected
    # What one of those asked meant, and nobody said, has a row as well.
    order = [
        *said,
        *(
            cause
            for cause in (better.ranked() if better else [])
            if cause not in said and better and better.causes[cause].value >= 0.5
        ),
    ]
    weights: dict[str, float] = {cause: said[cause].leavers if cause in said else 0 for cause in order}
    if estimated and better:
        weights = {cause: better.causes.get(cause, NOBODY).value for cause in order}
        order.sort(key=lambda cause: -weights[cause])
    told, so_far, total = [], 0.0, sum(weights.values())
    for cause in order:
        so_far += weights[cause]
        node, one = nodes[cause], said.get(cause, Tally(cause, 0, 0))
        told.append(
            {
                "node": node, "name": str(node.words), "branch": str(nodes[node.parent].words) if node.parent in nodes else "",
                "confirmed": one.confirmed, "suggested": one.suggested, "leavers": one.leavers, "weight": weights[cause],
                "better": better.causes.get(cause, NOBODY) if better else None,
                "share": weights[cause] / total if total else 0.0, "so_far": so_far / total if total else 0.0,
                "spent": None if spent is None else sum(spent.get(leaver.person, 0) for leaver in by_cause.get(cause, [])),
                "url": url_of(cause, look), "control": str(AXES["control"][node.control]),
            }
        )  # fmt: skip
    return told


def other_rank(look: Look, rank: str) -> str:
    """The address of the same page, its causes ranked the other way."""
    return f"?{look.query}{'&' if look.query and rank else ''}{f'rank={rank}' if rank else ''}#by-cause"


def asked_as(look: Look, *, estimated: bool) -> str:
    """What a file of the same is asked by."""
    return look.query if estimated else f"{look.query}{'&' if look.query else ''}rank=said"


def read_by_the_model(
    scope: Scope, shown: Publication | None, look: Look, found: Counted
) -> tuple[list[dict[str, Any]], int]:
    """The drivers that raised the risk of these leavers most, by the last score each had before leaving; of how many.

    Each: words, effect (points of chance, on average). Where too few of them were scored, the model's own drivers over
    everybody, of 0.
    """

    def compute() -> tuple[list[tuple[str, float]], int]:
        here = lake()
        if shown is None or not here.exists(HISTORY):
            return [], 0
        left = pa.table({
            "person_id": pa.array(list(found.leavers), pa.int64()),
            "left_on": pa.array([one.left_on for one in found.leavers.values()], pa.date32()),
        })  # fmt: skip
        points = here.read(HISTORY, actor=scope).filter(lambda t: t.drivers.notnull())
        points = points.inner_join(ibis.memtable(left), "person_id").filter(lambda t: t.as_of <= t.left_on)
        last = points.group_by("person_id").agg(as_of=points.as_of.max())
        kept = points.semi_join(last, ["person_id", "as_of"]).select("person_id", "churn_probability", "drivers")
        table = here.to_arrow(kept.order_by("person_id"))
        if table.num_rows < LEAST:
            return [], table.num_rows
        raised = np.clip(points_of(table)[:, : len(CODES)], 0, None).mean(axis=0)
        return sorted(zip(CODES, raised.tolist(), strict=True), key=lambda one: (-one[1], one[0])), table.num_rows

    what = f"drivers of leavers {look} {today(shown)} {mark()} {narrowed.version(look.who)}"
    told, n = remembered(what, scope, shown, compute, *narrowed.tables(HISTORY, "identity/links"))
    if told:
        return [{"words": words_of(code), "effect": raised} for code, raised in told if raised > 0], n
    drivers = (lake().document("churn_card") or {}).get("drivers", [])
    return [{"words": said_of(one), "effect": one.get("effect", 0)} for one in drivers], 0


def bones_of(found: Counted, nodes: Mapping[str, Node], look: Look, *, estimated: bool = False) -> list[fishbone.Bone]:
    """The branches anybody left for, the most frequent first, each with its causes; as said, or as interviews correct it."""
    better = found.corrected if estimated else None
    said = {one.cause: one.leavers for one in tally(found.leavers.values())}
    meant = {cause: one for cause, one in (better.causes if better else {}).items() if one.value >= 0.5}
    branches: dict[str, list[Node]] = {}
    for cause in (*said, *(cause for cause in meant if cause not in said)):
        node = nodes[cause]
        branches.setdefault(node.parent or node.code, []).append(node)

    def figure(n: int, one: Estimate | None) -> fishbone.Figure:
        if better is None:
            return fishbone.Figure(n, f"{n:,}")
        one = one or NOBODY
        return fishbone.Figure(
            one.value,
            _("≈%(n)s (%(low)s–%(high)s), said %(said)s")
            % {"n": f"{one.value:,.0f}", "low": f"{one.low:,.0f}", "high": f"{one.high:,.0f}", "said": f"{n:,}"},
        )

    made = []
    for top, low in branches.items():
        group = better.groups.get(("branch", top)) if better else None
        ribs = [
            fishbone.Rib(
                str(node.words), figure(said.get(node.code, 0), meant.get(node.code)), node.control, url_of(node.code, look)
            )
            for node in low if node.code != top
        ]  # fmt: skip
        made.append(
            fishbone.Bone(
                str(nodes[top].words), figure(sum(said.get(node.code, 0) for node in low), group), nodes[top].control,
                url_of(top, look), sorted(ribs, key=lambda rib: -rib.figure.count),
            )
        )  # fmt: skip
    return sorted(made, key=lambda bone: (-bone.figure.count, bone.name))


def url_of(code: str, look: Look) -> str:
    """The page of a cause, looked at the same way."""
    return reverse("admin:cause", args=[code]) + (f"?{look.query}" if look.query else "")


def pareto(rows: list[dict[str, Any]], *, estimated: bool = False) -> figures.Figure:
    """Bars of leavers, confirmed and suggested told apart, or of the estimate with its interval beside what was said;
    and the share so far as a line."""
    names = [row["name"] for row in rows]
    links = [row["url"] for row in rows]
    if estimated:
        bars: list[dict[str, Any]] = [
            {"type": "bar", "name": _("Estimated"), "x": names, "y": [row["better"].value for row in rows], "customdata": links,
             "marker": {"color": "$primary"}, "hovertemplate": "%{x}: %{y:.0f}",
             "error_y": {"type": "data", "symmetric": False, "array": [row["better"].high - row["better"].value for row in rows],
                         "arrayminus": [row["better"].value - row["better"].low for row in rows], "color": "$text", "thickness": 1.2}},
            {"type": "scatter", "mode": "markers", "name": _("As said"), "x": names, "y": [row["leavers"] for row in rows],
             "marker": {"symbol": "diamond", "size": 9, "color": "$muted"}, "hovertemplate": "%{x}: %{y}"},
        ]  # fmt: skip
    else:
        bars = [
            {"type": "bar", "name": name, "x": names, "y": [row[key] for row in rows], "customdata": links,
             "marker": {"color": tint}, "hovertemplate": "%{x}: %{y}"}
            for name, key, tint in ((_("Confirmed"), "confirmed", "$primary"), (_("Suggested"), "suggested", "$veil"))
        ]  # fmt: skip
    line = {
        "type": "scatter", "mode": "lines+markers", "name": _("Cumulative"), "x": names, "y": [row["so_far"] for row in rows],
        "yaxis": "y2", "line": {"color": "$bad", "width": 2}, "marker": {"size": 5}, "hovertemplate": "%{y:.0%}",
    }  # fmt: skip
    return {
        "data": [*bars, line],
        "layout": {
            "barmode": "stack", "xaxis": {"type": "category", "tickangle": -35}, "yaxis": {"title": {"text": _("Leavers")}, "rangemode": "tozero"},
            "yaxis2": {"overlaying": "y", "side": "right", "range": [0, 1.04], "tickformat": ".0%", "showgrid": False},
            "showlegend": True, "legend": {"orientation": "h", "y": 1.12}, "margin": {"l": 48, "r": 44, "t": 12, "b": 42},
        },
    }  # fmt: skip
