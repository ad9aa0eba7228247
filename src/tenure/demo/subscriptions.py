"""Plans people sign up for, and the monthly bills that follow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.demo.catalogue import PLANS
from tenure.demo.causes import STATED
from tenure.demo.clock import DAY, Calendar, add_months
from tenure.demo.drawing import Numbers, constant, draw, instants, numbered, stream, table, whole, words
from tenure.demo.people import CHANNELS, PRICE_SENSITIVE, People

NEVER = np.iinfo(np.int64).max
RISE = 1.1  # what a bill is multiplied by from a price rise on
EARLY_RISE_BACK, LATE_RISE_BACK = 16, 2  # months before the end: fibre went up first, then everything marked `raised`


@dataclass(frozen=True)
class Plans:
    """Signed contracts, one position each, whether or not they turn out to last; `person` is a position in People."""

    person: Numbers
    plan: Numbers
    started: Numbers
    term_months: Numbers
    term_ends: Numbers
    auto_renew: Numbers
    first: Numbers  # the person's first plan, which decides what price rises and term ends they feel


def draw_plans(people: People, calendar: Calendar, seed: int) -> Plans:
    """One plan for everyone who has any, from the day they joined; a second for some, months later."""
    rng = stream(seed, "plans")
    holders = np.flatnonzero(people.has_plan)
    organisation = people.organisation[holders]
    plan = np.where(
        organisation,
        draw(rng, [p.organisations for p in PLANS], len(holders)),
        draw(rng, [p.individuals for p in PLANS], len(holders)),
    )
    # The price-sensitive choose the cheapest half of the tariffs.
    cheap = draw(rng, [p.individuals if p.fee < 100 else 0 for p in PLANS], len(holders))
    plan = np.where(people.disposition[holders] == PRICE_SENSITIVE, cheap, plan)
    more = rng.random(len(holders)) < 0.15
    second = holders[more]
    other = np.where(
        people.organisation[second],
        draw(rng, [p.organisations for p in PLANS], len(second)),
        draw(rng, [p.individuals for p in PLANS], len(second)),
    )
    later = people.joined[second] + ((60 + rng.random(len(second)) * 600) * DAY).astype(np.int64)
    person = np.concatenate([holders, second])
    started = np.concatenate([people.joined[holders], later])
    term = np.where(people.organisation[person], 36, np.where(rng.random(len(person)) < 0.6, 24, 12))
    return Plans(
        person=person,
        plan=np.concatenate([plan, other]),
        started=started,
        term_months=term,
        term_ends=add_months(started, term),
        auto_renew=rng.random(len(person)) < 0.55,
        first=np.arange(len(person)) < len(holders),
    )


def subscriptions_table(
    plans: Plans, people: People, left: Numbers, stated: Numbers, calendar: Calendar
) -> tuple[pa.Table, Numbers]:
    """The contracts that came about, ended by what `left` and `stated` say of each person; and whose they are.

    A renewed contract stays one row: it goes on past `term_ends_at`, which is never moved, so an earlier date
    cannot read the future from it.
    """
    channel = people.channel[plans.person]
    real = (plans.started < calendar.end) & (plans.started < left[plans.person])
    order = np.flatnonzero(real)[np.argsort(plans.started[real], kind="stable")]
    person, ended = plans.person[order], left[plans.person[order]]
    gone = ended != NEVER
    fee = np.array([p.fee * 100 for p in PLANS])[plans.plan[order]]
    contracts = table(
        "subscriptions",
        {
            "subscription_id": numbered("S-", np.arange(1, len(order) + 1), 6),
            "customer_id": pa.array(people.id[person], pa.string()),
            "plan": words([p.name for p in PLANS], plans.plan[order]),
            "product_id": words([p.product for p in PLANS], plans.plan[order]),
            "started_at": instants(plans.started[order]),
            "term_ends_at": instants(plans.term_ends[order]),
            "ended_at": instants(np.where(gone, ended, 0), gone),
            "end_reason": words(list(STATED), stated[person], gone),
            "fee_minor": whole(fee),
            "currency": constant("CNY", len(order)),
            "period_months": whole(np.ones(len(order))),
            "auto_renew": pa.array(plans.auto_renew[order]),
            "channel": words(CHANNELS, channel[order]),
        },
    )
    return contracts, person


@dataclass(frozen=True)
class Bills:
    """Who had a bill out of the ordinary in which month (persons × months), and who tends to pay late (persons)."""

    shock: Numbers
    late_payer: Numbers


def draw_bills(people: People, calendar: Calendar, seed: int) -> Bills:
    """Roaming, overage and mistakes hit one and a half customers in a hundred each month."""
    rng = stream(seed, "bills")
    shock = rng.random((len(people), calendar.months)) < 0.015
    late = rng.random(len(people)) < np.where(people.disposition == PRICE_SENSITIVE, 0.35, 0.12)
    return Bills(shock, late)


def payments_table(
    subscriptions: pa.Table, positions: Numbers, bills: Bills, calendar: Calendar, seed: int
) -> pa.Table:
    """A bill on the fifth of each month for every contract running that day, and when it was paid.

    positions: each subscription's person, -1 for the stories' own customers. A price rise shows in the bills,
    not in the contract; a bill shock is two to three times the usual.
    """
    rng = stream(seed, "payments")
    started = np.asarray(subscriptions["started_at"].cast(pa.int64()))
    ended = np.asarray(pc.fill_null(subscriptions["ended_at"].cast(pa.int64()), NEVER))
    fee = np.asarray(subscriptions["fee_minor"])
    names = np.array(subscriptions["plan"].to_pylist(), dtype=object)
    due_in = calendar.starts[:-1] + 4 * DAY
    contract, month = np.nonzero((started[:, None] < due_in) & (ended[:, None] > due_in) & (due_in < calendar.end))
    order = np.lexsort((contract, month))
    contract, month = contract[order], month[order]
    person = positions[contract]
    size = len(contract)

    amount = fee[contract].astype(float)
    amount *= np.where(_raised(names, calendar)[contract] <= month, RISE, 1.0)
    shocked = bills.shock[person, month] & (person >= 0)
    amount *= np.where(shocked, 2 + rng.random(size), 1.0)
    due = due_in[month]
    late = np.where(person >= 0, bills.late_payer[person], False)
    days = np.where(late, rng.exponential(9, size), rng.normal(-1.5, 1.5, size))
    last = (ended[contract] - due) < 31 * DAY
    unpaid = rng.random(size) < np.where(last, 0.12, 0.002)
    paid = due + (days * DAY).astype(np.int64)
    known = (paid < calendar.end) & ~unpaid
    methods: tuple[tuple[str, float], ...] = (("wechat", 0.42), ("alipay", 0.33), ("bank", 0.17), ("counter", 0.08))
    ids: Any = pa.array(np.asarray(contract))
    return table(
        "payments",
        {
            "payment_id": numbered("F-", np.arange(1, size + 1), 7),
            "customer_id": subscriptions["customer_id"].combine_chunks().take(ids),
            "subscription_id": subscriptions["subscription_id"].combine_chunks().take(ids),
            "due_at": instants(due),
            "paid_at": instants(np.where(known, paid, 0), known),
            "amount_minor": whole(np.rint(amount)),
            "currency": constant("CNY", size),
            "method": words([m[0] for m in methods], draw(rng, [m[1] for m in methods], size)),
        },
    )


def _raised(plan_names: Numbers, calendar: Calendar) -> Numbers:
    """The month from which each contract's bill is higher; past the last month for those that never rose."""
    early, late, never = calendar.months - EARLY_RISE_BACK, calendar.months - LATE_RISE_BACK, calendar.months
    month = {p.name: (early if is_early_rise(p.name) else late if p.raised else never) for p in PLANS}
    return np.array([month[name] for name in plan_names])


def is_early_rise(plan_name: str) -> bool:
    """Whether the plan went up in the first of the two price rises rather than the second."""
    return plan_name in ("fibre-500", "fibre-1000")
