"""A past retention campaign, drawn by lot, whose effect on each customer is known."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tenure.demo.causes import CAUSES
from tenure.demo.clock import DAY, Calendar
from tenure.demo.drawing import Numbers, constant, instants, numbered, stream, table, whole, words
from tenure.demo.people import DISPOSITIONS, PRICE_SENSITIVE, SLEEPING_DOG, People

NAME = "save-the-price-sensitive"
MONTHS_BACK = 9
LASTS_MONTHS = 3
HORIZON_DAYS = 90
PROPENSITY = 0.5
COST_FEN = 3000
# A discount keeps those who look at prices; a call reminds those who had forgotten they were paying at all.
KEEPS = 0.2
WAKES = 4.5


@dataclass(frozen=True)
class Draw:
    """Who was in the campaign (positions in People), and on which side the lot put them."""

    person: Numbers
    treated: Numbers
    assigned: int


def starts_in(calendar: Calendar) -> int:
    """Number of the month on whose first instant the lots were drawn."""
    return calendar.months - MONTHS_BACK


def draw_lots(people: People, active: Numbers, calendar: Calendar, seed: int) -> Draw:
    """Every individual with a plan for at least 60 days took part, whoever is blocked apart; a fair coin for each."""
    rng = stream(seed, "campaign")
    assigned = int(calendar.starts[starts_in(calendar)])
    eligible = active & ~people.organisation & ~people.blocked & (people.joined < assigned - 60 * DAY)
    person = np.flatnonzero(eligible)
    return Draw(person, rng.random(len(person)) < PROPENSITY, assigned)


def multipliers(people: People) -> Numbers:
    """What being treated does to each hazard: causes × persons, 1 where it does nothing."""
    effect = np.ones((len(CAUSES), len(people)))
    position = {name: i for i, name in enumerate(CAUSES)}
    for cause in ("price", "offer_ended", "competitor"):
        effect[position[cause], people.disposition == PRICE_SENSITIVE] = KEEPS
    effect[position["competitor"], people.disposition == SLEEPING_DOG] = WAKES
    return effect


def treatments_table(lots: Draw, people: People) -> pa.Table:
    size = len(lots.person)
    return table(
        "treatments",
        {
            "treatment_id": numbered("T-", np.arange(1, size + 1), 6),
            "customer_id": pa.array(people.id[lots.person], pa.string()),
            "assigned_at": instants(np.full(size, lots.assigned)),
            "campaign": constant(NAME, size),
            "arm": words(("control", "treated"), lots.treated.astype(np.int64)),
            "propensity": pa.array(np.full(size, PROPENSITY)),
            "channel": words(("call",), np.zeros(size), lots.treated),
            "offer": words(("两个月八折 / 20 % off for two months",), np.zeros(size), lots.treated),
            "cost_minor": whole(np.where(lots.treated, COST_FEN, 0)),
            "currency": constant("CNY", size),
            "expires_at": instants(np.full(size, lots.assigned + 60 * DAY), lots.treated),
        },
    )


def effects_table(lots: Draw, people: People, stays: Numbers, stays_treated: Numbers, twins: Numbers) -> pa.Table:
    """What the campaign really did: the chance of staying 90 days in either world, and what came of it in both.

    stays, stays_treated: chances of the lot's persons. twins: two rows of booleans, stayed untreated and treated
    under the same luck.
    """
    return pa.table(
        {
            "customer_id": pa.array(people.id[lots.person], pa.string()),
            "disposition": words(DISPOSITIONS, people.disposition[lots.person]),
            "treated": pa.array(lots.treated),
            "stays_untreated": pa.array(stays),
            "stays_treated": pa.array(stays_treated),
            "effect": pa.array(stays_treated - stays),
            "stayed_if_untreated": pa.array(twins[0]),
            "stayed_if_treated": pa.array(twins[1]),
        }
    )
