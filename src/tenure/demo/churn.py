"""Who leaves, when, and of what cause: a hazard for each customer, month and cause, and one stroke of luck each.

A customer leaves at the instant the hazards lived through add up to their luck (exponential with mean 1), so the
world with the campaign and the world without it can be lived by the same person.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.demo import campaign
from tenure.demo.behaviour import Orders
from tenure.demo.catalogue import PLANS
from tenure.demo.causes import CAUSES, STATED
from tenure.demo.clock import DAY, HOUR, Calendar
from tenure.demo.drawing import Numbers, instants, stream, words
from tenure.demo.people import PRICE_SENSITIVE, People
from tenure.demo.service import SLOW_HOURS, Cases
from tenure.demo.subscriptions import EARLY_RISE_BACK, LATE_RISE_BACK, NEVER, Bills, Plans, is_early_rise

SAFE_DAYS = 31  # nobody leaves in the first month: the law lets them, the contract makes it dear
RISE_WEIGHT = 0.5  # a price rise weighs half as much as a bill shock
BREACH = 0.051  # the share that leaves in the last but one month, when prices go up
POSITION = {name: i for i, name in enumerate(CAUSES)}


@dataclass(frozen=True)
class Leaving:
    """When each person left (NEVER if they did not), of which cause and by what they said (-1 if they did not)."""

    left: Numbers
    cause: Numbers
    stated: Numbers
    lots: campaign.Draw
    effects: pa.Table

    @property
    def by_choice(self) -> Numbers:
        """Those who left for a reason of their own choosing, and so gave signs before."""
        chosen = [name for name, cause in CAUSES.items() if cause.control != "uncontrollable"]
        flags: Numbers = np.isin(self.cause, [POSITION[name] for name in chosen])
        return flags


def hazards(people: People, plans: Plans, orders: Orders, cases: Cases, bills: Bills, calendar: Calendar) -> Numbers:
    """causes × persons × months: the hazard a month lived in full would add, the last price rise left out.

    What was felt in one month drives people away in the next two. The price-sensitive feel price, the end of an offer
    and a rival twice to four times as much, and the rival more than twice that in the half year of his price war;
    organisations feel everything a little more than half as much.
    """
    size, months = len(people), calendar.months
    rate = {name: cause.per_month for name, cause in CAUSES.items()}
    keen = people.disposition == PRICE_SENSITIVE
    found = np.zeros((len(CAUSES), size, months))

    def felt(person: Numbers, at: Numbers) -> Numbers:
        panel = np.zeros((size, months + 2), dtype=bool)
        month = calendar.month_of(at)
        inside = (month >= 0) & (month < months)
        panel[person[inside], month[inside] + 1] = True
        panel[person[inside], month[inside] + 2] = True
        return panel[:, :months]

    late = felt(orders.person[orders.late], orders.promised[orders.late] + DAY)
    found[POSITION["slow_delivery"]] = rate["slow_delivery"] * late
    slow = cases.slow
    found[POSITION["slow_service"]] = rate["slow_service"] * felt(
        cases.person[slow], cases.opened[slow] + SLOW_HOURS * HOUR
    )
    faulty = cases.category == 2
    found[POSITION["network"]] = rate["network"] * felt(cases.person[faulty], cases.opened[faulty])

    shocked, month = np.nonzero(bills.shock)
    shock = felt(shocked, calendar.starts[month] + 4 * DAY).astype(float)
    early = calendar.months - EARLY_RISE_BACK
    risen = _of_first_plan(plans, size, np.array([is_early_rise(p.name) for p in PLANS])[plans.plan])
    if early >= 0:
        shock[:, early : early + 2] += RISE_WEIGHT * risen[:, None]
    found[POSITION["price"]] = rate["price"] * shock * np.where(keen, 2.0, 1.0)[:, None]

    ends = plans.term_ends[plans.first]
    over = calendar.month_of(ends)
    inside = (over >= 0) & (over < months)
    panel = np.zeros((size, months + 1))
    weight = np.where(plans.auto_renew[plans.first], 0.5, 1.0) * np.where(keen[plans.person[plans.first]], 2.0, 1.0)
    for shift in (0, 1):
        panel[plans.person[plans.first][inside], over[inside] + shift] = weight[inside]
    found[POSITION["offer_ended"]] = rate["offer_ended"] * panel[:, :months]

    war = np.ones(months)
    begins = campaign.starts_in(calendar)
    war[begins : begins + 6] = 2.5
    found[POSITION["competitor"]] = rate["competitor"] * np.where(keen[:, None], 4.0 * war[None, :], 1.0)
    found[POSITION["moved"]] = rate["moved"]
    found[POSITION["gone"]] = rate["gone"]
    found[POSITION["moved"], people.organisation] *= 0.5
    found *= np.where(people.organisation, 0.6, 1.0)[None, :, None]
    found *= _share_at_risk(people, calendar)[None]
    return found


def _of_first_plan(plans: Plans, size: int, flags: Numbers) -> Numbers:
    of_person = np.zeros(size, dtype=bool)
    of_person[plans.person[plans.first]] = flags[plans.first]
    return of_person


def _share_at_risk(people: People, calendar: Calendar) -> Numbers:
    """persons × months: the share of each month in which the person had a plan and was past the safe days."""
    starts, ends = calendar.starts[:-1], calendar.starts[1:]
    since = people.joined + SAFE_DAYS * DAY
    share: Numbers = np.clip((ends[None, :] - np.maximum(starts[None, :], since[:, None])) / (ends - starts), 0, 1)
    return share * people.has_plan[:, None]


def leave(
    people: People, plans: Plans, hazard: Numbers, calendar: Calendar, seed: int, beside: tuple[int, int]
) -> Leaving:
    """Live every customer's months, the campaign's treatment included.

    beside: the stories' own customers active when the last but one month began, and how many of them left in it;
    so that in the whole company exactly 5.1 % (to the nearest customer) leave in the month of the price rise.
    """
    rng = stream(seed, "leaving")
    size, months = len(people), calendar.months
    luck, toss, say = rng.exponential(1.0, size), rng.random(size), rng.random(size)

    begins = campaign.starts_in(calendar)
    lived = np.cumsum(hazard.sum(axis=0), axis=1)
    before = lived[:, begins - 1]
    active = people.has_plan & (people.joined < calendar.starts[begins]) & (luck > before)
    lots = campaign.draw_lots(people, active, calendar, seed)

    treated = hazard.copy()
    span = slice(begins, begins + campaign.LASTS_MONTHS)
    treated[:, :, span] *= campaign.multipliers(people)[:, :, None]
    effects = _effects(lots, people, hazard, treated, luck, calendar)
    actual = hazard.copy()
    reached = lots.person[lots.treated]
    actual[:, reached, span] = treated[:, reached, span]

    _raise_prices(actual, people, plans, luck, calendar, beside)

    total = actual.sum(axis=0)
    lived = np.cumsum(total, axis=1)
    gone = people.has_plan & (luck < lived[:, -1])
    month = np.minimum((lived <= luck[:, None]).sum(axis=1), months - 1)
    row = np.arange(size)
    of_month = total[row, month]
    part = (luck - (lived[row, month] - of_month)) / np.where(of_month > 0, of_month, 1)
    low = np.maximum(calendar.starts[month], people.joined + SAFE_DAYS * DAY)
    high = calendar.starts[month + 1]
    at = np.minimum(low + (np.clip(part, 0, 1) * (high - low)).astype(np.int64), high - 1)
    shares = np.cumsum(actual[:, row, month], axis=0) / np.where(of_month > 0, of_month, 1)
    cause = np.minimum((shares <= toss[None, :]).sum(axis=0), len(CAUSES) - 1)
    cause = np.where(gone, cause, -1)
    return Leaving(np.where(gone, at, NEVER), cause, _stated(cause, say), lots, effects)


def _effects(
    lots: campaign.Draw, people: People, hazard: Numbers, treated: Numbers, luck: Numbers, calendar: Calendar
) -> pa.Table:
    """What staying 90 days would have been like with and without the treatment."""
    until = lots.assigned + campaign.HORIZON_DAYS * DAY
    starts, ends = calendar.starts[:-1], calendar.starts[1:]
    inside = np.clip((until - np.maximum(starts, lots.assigned)) / (ends - starts), 0, 1)
    inside[: campaign.starts_in(calendar)] = 0
    before = hazard[:, lots.person, : campaign.starts_in(calendar)].sum(axis=(0, 2))
    within = [(world[:, lots.person] * inside).sum(axis=(0, 2)) for world in (hazard, treated)]
    twins = np.stack([luck[lots.person] > before + add for add in within])
    return campaign.effects_table(lots, people, np.exp(-within[0]), np.exp(-within[1]), twins)


def _raise_prices(
    hazard: Numbers, people: People, plans: Plans, luck: Numbers, calendar: Calendar, beside: tuple[int, int]
) -> None:
    """Add the price rise of the last but one month, just strong enough for its share of leavers; a trace after it."""
    month = calendar.months - LATE_RISE_BACK
    raised = _of_first_plan(plans, len(people), np.array([p.raised for p in PLANS])[plans.plan])
    keen = np.where(people.disposition == PRICE_SENSITIVE, 2.0, 1.0)
    weight = raised * keen * _share_at_risk(people, calendar)[:, month]
    before = hazard[:, :, :month].sum(axis=(0, 2))
    there = people.has_plan & (people.joined < calendar.starts[month]) & (luck > before)
    slack = luck - before - hazard[:, :, month].sum(axis=0)
    wanted = round(BREACH * (int(there.sum()) + beside[0])) - beside[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(slack <= 0, 0.0, np.where(weight > 0, slack / weight, np.inf))
    queue = np.sort(needed[there])
    strength = (queue[wanted - 1] + queue[wanted]) / 2
    hazard[POSITION["price"], :, month] += strength * weight
    hazard[POSITION["price"], :, month + 1] += 0.15 * strength * weight


def _stated(cause: Numbers, say: Numbers) -> Numbers:
    """What leavers say: mostly the true cause, else one of the polite reasons that go with it; positions in STATED."""
    reasons = list(STATED)
    stated = cause.copy()
    for name, truth in CAUSES.items():
        mine = np.flatnonzero(cause == POSITION[name])
        edge = 0.0
        for reason, chance in truth.stated:
            told = (say[mine] >= edge) & (say[mine] < edge + chance)
            stated[mine[told]] = reasons.index(reason)
            edge += chance
    return stated


def churn_table(leaving: Leaving, people: People) -> pa.Table:
    """customer_id, left_at, cause, control, stated: one row for each customer who left."""
    gone = np.flatnonzero(leaving.cause >= 0)
    cause = leaving.cause[gone]
    columns: dict[str, Any] = {
        "customer_id": pa.array(people.id[gone], pa.string()),
        "left_at": instants(leaving.left[gone]),
        "cause": words(list(CAUSES), cause),
        "control": words([c.control for c in CAUSES.values()], cause),
        "stated": words(list(STATED), leaving.stated[gone]),
    }
    return pa.table(columns)
