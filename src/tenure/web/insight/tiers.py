"""The tiers: what each holds, how it is served, who has nobody, and who moved of late and why."""

from typing import Any

from tenure.desk.customers import selectors
from tenure.desk.customers import tiers as rules
from tenure.desk.customers.models import Publication
from tenure.desk.customers.words import TIERS, words_for
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.language import Words
from tenure.web.cache import remembered
from tenure.web.insight.shared import customers_where, rows
from tenure.web.parts import Context

RECENT = 30


def tiers(scope: Scope, shown: Publication | None) -> Context:
    """What each tier holds and how it is served; the moves since the refresh before, and the latest with their reasons."""

    def compute() -> dict[str, Any]:
        cards = lake().read("scores/customers", actor=scope)
        cards = cards.filter(cards.tier.notnull())
        held = cards.group_by("tier").agg(
            customers=cards.count(),
            value=cards.value_base_minor.sum(),
            risk=cards.churn_probability.mean(),
            at_risk=(cards.value_base_minor * cards.churn_probability).sum(),
        )
        table = lake().read("scores/tiers", actor=scope)
        brought = (
            table.filter(table.tier.notnull())
            .group_by("tier")
            .agg(brought=table.brought_base_minor.fill_null(0).clip(lower=0).sum())
        )
        moved = table.filter(table.tier_before.notnull(), table.tier_before != table.tier)
        steps = moved.group_by("tier_before", "tier").agg(n=moved.count())
        moves = lake().read("scores/tier_moves", actor=scope)
        latest = moves.order_by(moves["at"].desc(), moves.person_id).limit(RECENT)
        return {
            "held": {row["tier"]: row for row in rows(held)}, "brought": {row["tier"]: row["brought"] for row in rows(brought)},
            "steps": rows(steps), "latest": rows(latest),
        }  # fmt: skip

    found = remembered("tiers", scope, shown, compute, "scores/customers", "scores/tiers", "scores/tier_moves")
    force = rules.in_force()
    brought = sum(found["brought"].values())
    everyone = sum(row["customers"] for row in found["held"].values())
    alone = selectors.without_owner(scope, shown)
    people = {row["person_id"]: "" for row in found["latest"]}
    people |= {card.pk: str(card) for card in selectors.cards_among(scope, list(people), shown)}
    return {
        "tiers": [
            {
                "code": code, "name": str(words), "policy": force.policies[code], "url": customers_where(tier=code),
                "row": found["held"].get(code, {"customers": 0}), "brought": found["brought"].get(code, 0),
                "share": found["held"].get(code, {"customers": 0})["customers"] / everyone if everyone else None,
                "share_brought": found["brought"].get(code, 0) / brought if brought else None,
                "alone": alone.get(code, 0), "alone_url": customers_where(tier=code, owner=selectors.NOBODY),
            }
            for code, words in TIERS.items()
        ],
        "everyone": everyone,
        "version": force.version,
        "steps": sorted(
            ((words_for("tier", row["tier_before"]), words_for("tier", row["tier"]), row["n"]) for row in found["steps"]),
            key=lambda step: (-step[2], step[0], step[1]),
        ),
        "latest": [
            {**row, "name": people[row["person_id"]] or row["person_id"], "why": Words(row["tier_why_en"], row["tier_why_zh"])}
            for row in found["latest"]
        ],
    }  # fmt: skip
