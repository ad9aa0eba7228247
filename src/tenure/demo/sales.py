"""Everyday deals with organisations: equipment, sold in three stages."""

import numpy as np
import pyarrow as pa

from tenure.demo import names
from tenure.demo.behaviour import moments
from tenure.demo.clock import DAY, Calendar
from tenure.demo.drawing import Numbers, constant, instants, numbered, stream, table, whole, words
from tenure.demo.people import People

STAGES = ("lead", "quote", "order")
MEAN_DAYS = (12, 18, 10)


def deals_tables(people: People, left: Numbers, calendar: Calendar, seed: int) -> tuple[pa.Table, pa.Table]:
    """Opportunities and the stages they entered; a deal may be lost in any stage, and some are open at the end."""
    rng = stream(seed, "deals")
    firms = np.flatnonzero(people.organisation & (rng.random(len(people)) < 0.4))
    low = np.maximum(people.joined[firms], calendar.since)
    high = np.minimum(left[firms], calendar.end)
    firms, low, high = firms[high > low], low[high > low], high[high > low]
    opened = moments(rng, low, high)
    order = np.argsort(opened, kind="stable")
    firms, opened = firms[order], opened[order]
    size = len(firms)
    days = np.stack([1 + rng.gamma(2, mean / 2, size) for mean in MEAN_DAYS])
    ends = opened + np.cumsum(days * DAY, axis=0).astype(np.int64)
    lost_in = np.where(rng.random(size) < 0.45, rng.integers(0, len(STAGES), size), len(STAGES))
    closes = ends[np.minimum(lost_in, len(STAGES) - 1), np.arange(size)]
    closed = closes < calendar.end
    ids = numbered("D-", np.arange(1, size + 1), 5)
    customer = pa.array(people.id[firms], pa.string())
    opportunities = table(
        "opportunities",
        {
            "opportunity_id": ids,
            "customer_id": customer,
            "name": constant("设备采购", size),
            "pipeline": constant("equipment", size),
            "opened_at": instants(opened),
            "closed_at": instants(closes, closed),
            "outcome": words(("won", "lost"), (lost_in < len(STAGES)).astype(np.int64), closed),
            "amount_minor": whole(np.rint(rng.lognormal(np.log(30_000), 0.8, size)) * 100),
            "currency": constant("CNY", size),
            "owner": words([o for t in names.TEAMS for o in t.owners], people.team[firms] * 2 + people.owner[firms]),
        },
    )
    entered = np.concatenate([opened[None], ends[:-1]])
    deal, stage = np.nonzero(((np.arange(len(STAGES))[:, None] <= lost_in) & (entered < calendar.end)).T)
    stages = table(
        "opportunity_stages",
        {
            "opportunity_id": ids.take(pa.array(deal)),
            "customer_id": customer.take(pa.array(deal)),
            "stage": words(STAGES, stage),
            "entered_at": instants(entered[stage, deal]),
        },
    )
    return opportunities, stages
