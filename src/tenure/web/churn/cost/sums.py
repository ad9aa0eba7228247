"""The sums behind what churn costs: who left in the last twelve months, what is at risk, as the asker may see it."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from tenure.desk.causes import api as causes_of
from tenure.desk.customers import packs
from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake, workspace
from tenure.insight import cost_of_churn as cost_
from tenure.insight.at_risk import at_risk
from tenure.insight.cost_of_churn import LEFT, MONEY, Costs
from tenure.insight.metrics import METRICS, Period, measure
from tenure.insight.metrics import breakdown as apart
from tenure.insight.metrics.breakdown import DIMENSIONS
from tenure.lake import Scope
from tenure.pipeline import numbers
from tenure.web.cache import remembered
from tenure.web.insight.shared import rows

Row = dict[str, Any]
MONTHS = 12
SPLITS = ("tier", "stage", "region", "plan", "persona", "kind")
OF_LEFT = (*SPLITS, "reason", "month", "channel")
RECORDS = ("orders", "subscriptions", "spending")
TABLES = (
    *(f"records/{name}" for name in RECORDS), "records/products", apart.CARDS, apart.STAGES, "scores/lives",
    "scores/habits",
)  # fmt: skip


def base_of(scope: Scope, shown: Publication) -> Row:
    """What the figures are made of, whatever is assumed: who left, how long all stayed, margin and winning as measured."""

    def compute() -> Row:
        zone, as_of = workspace().zone, timezone.localtime(shown.as_of)
        months = _span(shown)
        year = Period(months[0].start, months[-1].end, zone)
        silence = (lake().document("lives_card") or {}).get("silence_days") or 180
        with numbers.tables(lake(), scope, RECORDS, split=True) as kept:
            # The reason of an end is read by no metric, so it is not among what metrics read.
            contracts = lake().read("records/subscriptions", actor=scope)
            found = cost_.leavers(kept["orders"], contracts, as_of, int(silence), year)
            left = lake().to_arrow(found.order_by("person_id")).cast(LEFT)
            cards = kept[apart.CARDS]
            columns = {
                one: cards[DIMENSIONS[one].column].cast("string") for one in SPLITS if one not in ("plan", "stage")
            }
            parts = lake().to_arrow(cards.select("person_id", **columns))
            of_card = {one: _codes(left, parts["person_id"], parts[one]) for one in columns}
            # Of stages the one the year began with: those who left are all in the last one now.
            then = apart.by("stage", kept, year)
            assert not isinstance(then, str)
            stages = lake().to_arrow(then)
            of_card["stage"] = _codes(left, stages["person_id"], stages["segment"])
            margin = rows(cost_.margin_share(kept["orders"], year))[0]
            winning, won = METRICS["acquisition_cost"], []
            if rows(kept["spending"].limit(1).select("purpose")):
                won = [*measure(winning, kept, year).to_pylist(), *measure(winning, kept, year, "channel").to_pylist()]
            lives = lake().read("scores/lives", actor=scope)
            stayed = rows(
                lives.group_by("kind", "days", "ended").agg(n=ibis._.count()).order_by("kind", "days", "ended")
            )
        counts = {
            kind: tuple(
                np.array([row[name] for row in stayed if row["kind"] == kind], float) for name in ("days", "ended", "n")
            )
            for kind in {row["kind"] for row in stayed}
        }
        segments = of_card | {name: left[name].to_pylist() for name in ("plan", "reason", "channel")}
        segments["month"] = [f"{day:%Y-%m}" for day in left["left_on"].to_pylist()]
        return {
            "start": year.start, "end": year.end, "left": left, "segments": segments, "counts": counts,
            "net": margin["net"], "cost": margin["cost"], "silence": silence,
            "winning": {row["segment"]: row["value"] for row in won if row["value"] is not None},
            "months": [f"{month.start:%Y-%m}" for month in months],
        }  # fmt: skip

    return remembered("cost of churn", scope, shown, compute, *TABLES)


def _codes(left: pa.Table, people: pa.ChunkedArray, codes: pa.ChunkedArray) -> list[str | None]:
    """Each leaver's part of a split, unknown for one who has no card any more."""
    found: list[str | None] = codes.take(pc.index_in(left["person_id"], people)).to_pylist()
    return found


def margin_in_force(scope: Scope, shown: Publication) -> float | None:
    """Share of revenue that is margin: as the company says, else as the order lines of the asker's customers have it."""

    def compute() -> Row:
        months = _span(shown)
        orders = lake().read("records/orders", actor=scope)
        return rows(cost_.margin_share(orders, Period(months[0].start, months[-1].end, workspace().zone)))[0]

    held = cost_.in_force(stated())
    said = held["margin_of_orders"]
    if said is not None:
        return said
    told = remembered("margin of orders", scope, shown, compute, "records/orders")
    found = cost_.margins(told["net"], told["cost"], held)
    return found.orders if found.orders is not None else found.fees


def _span(shown: Publication) -> list[Period]:
    """The last twelve whole months."""
    return apart.spans("month", timezone.localtime(shown.as_of).date(), MONTHS, workspace().zone)


def stated() -> dict[str, float]:
    """What the company says of its own, by the assumption's name."""
    return dict(packs.in_force().assumptions)


def costs_of(base: Row) -> Costs:
    """The cost of each who left, with what is assumed now."""
    held = cost_.in_force(stated())
    lives = cost_.lives_of(base["counts"], held)
    found = cost_.margins(base["net"], base["cost"], held)
    return cost_.cost_of(base["left"], lives, found, cost_.winning_of(base["winning"], held), held)


def told_of(scope: Scope, shown: Publication) -> Row:
    """The sums: of all, by every split, and with each assumption a fifth lower and higher."""
    assumed = stated()

    def compute() -> Row:
        base = base_of(scope, shown)
        costs = costs_of(base)
        found = cost_.margins(base["net"], base["cost"], costs.held)
        by = {name: costs.told(base["segments"][name]) for name in OF_LEFT}
        there = {row["segment"]: row for row in by["month"]}
        nothing = dict.fromkeys((*MONEY, "total", "customers"), 0)
        by["month"] = [there.get(month, {"segment": month, **nothing}) for month in base["months"]]
        by["reason"] = [row for row in by["reason"] if row["segment"]] and by["reason"]
        return {
            "whole": costs.told()[0],
            "by": by,
            "kinds": sorted(costs.lives),
            "margins": {"orders": found.orders, "fees": found.fees, "measured": found.measured, "stands_in": found.stands_in},
            "winning": cost_.winning_of(base["winning"], costs.held).get(None),
            "effects": cost_.effects(
                base["left"], base["counts"], base["net"], base["cost"], base["winning"], assumed
            ),
        }  # fmt: skip

    return remembered(f"cost of churn: {sorted(assumed.items())}", scope, shown, compute, *TABLES)


def _said_since(base: Row) -> date:
    since: date = base["start"] - timedelta(days=int(base["silence"]))
    return since


def caused(scope: Scope, base: Row) -> tuple[list[str | None], list[str | None], list[bool]]:
    """Of each who left: the cause that counts, whether the company controls it, and whether people confirmed it.

    A statement has a buyer leave on the day of the last purchase, the cost once the silence is long enough.
    """
    since = _said_since(base)
    said = {one.person_id: one for one in causes_of.left_for(scope, since, base["end"])}
    mine = [said.get(person) for person in base["left"]["person_id"].to_pylist()]
    return (
        [one.cause if one else None for one in mine], [one.control if one else None for one in mine],
        [one is not None and one.confirmed for one in mine],
    )  # fmt: skip


def by_cause(scope: Scope, shown: Publication) -> Row:
    """What each cause cost, and each kind of control; confirmed: of each cause, how many leavers' people confirmed.

    better, people: what each comes to and how many leavers it has, as those asked in depth correct it; None where few were.
    """
    assumed = stated()

    def compute() -> Row:
        base = base_of(scope, shown)
        causes, controls, sure = caused(scope, base)
        costs = costs_of(base)
        persons = costs.table["person_id"].to_pylist()
        worth = dict(zip(persons, costs.table["total"].to_pylist(), strict=True))
        since = _said_since(base)
        return {
            "better": causes_of.worth_of(scope, worth, since, base["end"]),
            "people": causes_of.worth_of(scope, dict.fromkeys(persons, 1), since, base["end"]),
            "causes": costs.told(causes), "controls": costs.told(controls),
            "confirmed": Counter(cause for cause, known in zip(causes, sure, strict=True) if known),
        }  # fmt: skip

    what = f"cost of churn by cause: {sorted(assumed.items())} {causes_of.mark()}"
    return remembered(what, scope, shown, compute, *TABLES, "identity/links")


def risk_of(scope: Scope, shown: Publication) -> Row:
    """Revenue at risk of all and by every split, and the customers served at a loss."""

    def compute() -> Row:
        cards = lake().read(apart.CARDS, actor=scope)
        habits = lake().read("scores/habits", actor=scope).select("person_id", "margin_share", "brought_base_minor")
        lives = lake().read("scores/lives", actor=scope).select("person_id", "plan")
        names = {one: DIMENSIONS[one].column for one in (*SPLITS, "risk") if one != "plan"}
        table = cards.select(
            "person_id",
            "churn_probability",
            "value_base_minor",
            **{one: cards[column] for one, column in names.items()},
        )
        for other in (habits, lives):
            table = table.left_join(other, "person_id").drop("person_id_right")
        found = lake().to_arrow(table.order_by("person_id"))
        margin = found["margin_share"].to_numpy(zero_copy_only=False).astype(float)
        losing = margin < 0
        money = (found["churn_probability"], found["value_base_minor"])
        brought = np.nan_to_num(found["brought_base_minor"].to_numpy(zero_copy_only=False).astype(float))
        return {
            "whole": at_risk(*money, losing=losing)[0],
            "by": {name: at_risk(*money, found[name].to_pylist(), losing) for name in (*SPLITS, "risk")},
            "losing": {
                "customers": int(losing.sum()),
                "margin": round(float((margin * brought)[losing].sum())) if losing.any() else 0,
                "known": bool(np.isfinite(margin).any()),
            },
        }

    return remembered("revenue at risk", scope, shown, compute, *TABLES)
