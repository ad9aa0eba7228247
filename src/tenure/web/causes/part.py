"""The part Causes of the workspace Churn: why people left as they say, beside what the model reads."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.causes import statements
from tenure.desk.causes.models import Statement
from tenure.desk.causes.reading import Counted, spent_by
from tenure.desk.causes.taxonomy import AXES, Node, tree
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.insight.causes import tally
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.causes import fishbone
from tenure.web.causes.asked import Look, counted, offered
from tenure.web.parts import Context

SHOWN = 14  # causes of the Pareto; the rest are few


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
    rows = rows_of(found, nodes, scope, look)
    controllable = sum(row["leavers"] for row in rows if row["node"].control == "controllable")
    card = lake().document("churn_card") or {}
    drivers = card.get("drivers", [])
    total = len(found.leavers)
    bones = bones_of(found, nodes, look)
    head = _("Left: %(n)s") % {"n": f"{total:,}"}
    label = _("Fishbone diagram of why customers left")
    return context | {
        "rows": rows, "total": total, "controllable": controllable, "share": controllable / total,
        "confirmed": sum(row["confirmed"] for row in rows),
        "spent": sum(row["spent"] for row in rows) if rows[0]["spent"] is not None else None,
        "vague": sum(row["leavers"] for row in rows if row["node"].cause.vague),
        "wide": fishbone.lying(bones, head, label), "tall": fishbone.standing(bones, head, label),
        "pareto": pareto(rows[:SHOWN]), "rest": len(rows) - SHOWN,
        "drivers": drivers[:8], "most": max((one.get("effect", 0) for one in drivers), default=0),
        "said_most": rows[0]["leavers"],
    }  # fmt: skip


def rows_of(found: Counted, nodes: Mapping[str, Node], scope: Scope, look: Look) -> list[dict[str, Any]]:
    """One row a cause, the most frequent first. spent: what its leavers had spent with us, None where hidden."""
    spent = spent_by(scope, found.leavers)
    by_cause = found.by_cause()
    told, so_far = [], 0
    total = len(found.leavers)
    for one in tally(found.leavers.values()):
        so_far += one.leavers
        node = nodes[one.cause]
        told.append(
            {
                "node": node, "name": str(node.words), "branch": str(nodes[node.parent].words) if node.parent in nodes else "",
                "confirmed": one.confirmed, "suggested": one.suggested, "leavers": one.leavers,
                "better": found.corrected.leavers.get(one.cause, 0.0) if found.corrected else None, "share": one.leavers / total, "so_far": so_far / total,
                "spent": None if spent is None else sum(spent.get(leaver.person, 0) for leaver in by_cause[one.cause]),
                "url": url_of(one.cause, look), "control": str(AXES["control"][node.control]),
            }
        )  # fmt: skip
    return told


def bones_of(found: Counted, nodes: Mapping[str, Node], look: Look) -> list[fishbone.Bone]:
    """The branches anybody left for, the most frequent first, each with its causes."""
    counts: dict[str, list[tuple[Node, int]]] = {}
    for one in tally(found.leavers.values()):
        node = nodes[one.cause]
        counts.setdefault(node.parent or node.code, []).append((node, one.leavers))
    made = [
        fishbone.Bone(
            str(nodes[top].words), sum(n for _node, n in low), nodes[top].control, url_of(top, look),
            [fishbone.Rib(str(node.words), n, node.control, url_of(node.code, look)) for node, n in low if node.code != top],
        )
        for top, low in counts.items()
    ]  # fmt: skip
    return sorted(made, key=lambda bone: (-bone.count, bone.name))


def url_of(code: str, look: Look) -> str:
    """The page of a cause, looked at the same way."""
    return reverse("admin:cause", args=[code]) + (f"?{look.query}" if look.query else "")


def pareto(rows: list[dict[str, Any]]) -> figures.Figure:
    """Bars of leavers, confirmed and suggested told apart, and the share so far as a line."""
    names = [row["name"] for row in rows]
    links = [row["url"] for row in rows]
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
            "barmode": "stack", "xaxis": {"type": "category", "tickangle": -35}, "yaxis": {"title": {"text": _("Leavers")}},
            "yaxis2": {"overlaying": "y", "side": "right", "range": [0, 1.04], "tickformat": ".0%", "showgrid": False},
            "showlegend": True, "legend": {"orientation": "h", "y": 1.12}, "margin": {"l": 48, "r": 44, "t": 12, "b": 42},
        },
    }  # fmt: skip
