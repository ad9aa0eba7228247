"""What customers bring to us and how it is dealt with: cases, and calls, chats and visits."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tenure.demo import names, texts
from tenure.demo.behaviour import Orders, moments
from tenure.demo.clock import DAY, HOUR, Calendar
from tenure.demo.drawing import Numbers, constant, draw, instants, numbered, stream, table, whole, words
from tenure.demo.people import People
from tenure.demo.subscriptions import Bills

KINDS = ("complaint", "enquiry", "suggestion", "praise")
CATEGORIES = ("delivery", "billing", "network", "service", "product", "enquiry", "suggestion", "praise")
SEVERITIES = ("severe", "normal", "minor")
CHANNELS = ("hotline", "app", "web", "store", "wechat")
SLOW_HOURS = 48


@dataclass(frozen=True)
class Cases:
    """Cases in order of time, one position each; `hours` until solved, infinite where nobody ever did."""

    person: Numbers
    opened: Numbers
    category: Numbers
    kind: Numbers
    severity: Numbers
    hours: Numbers

    @property
    def slow(self) -> Numbers:
        """Complaints that stayed unresolved for two days."""
        flags: Numbers = (self.kind == 0) & (self.hours > SLOW_HOURS)
        return flags

    def only(self, kept: Numbers) -> "Cases":
        return replace(self, **{name: column[kept] for name, column in vars(self).items()})


def draw_cases(people: People, orders: Orders, bills: Bills, calendar: Calendar, seed: int) -> Cases:
    """The cases everyone would raise if nobody left.

    Three in ten late orders and four in ten bill shocks are complained of; faults of the network and the rest come
    at a steady pace. Half are solved within 14 hours, but within 55 in the North in the five months from month 9 on,
    when half the hotline had gone.
    """
    rng = stream(seed, "cases")
    person: list[Numbers] = []
    opened: list[Numbers] = []
    category: list[Numbers] = []

    late = np.flatnonzero(orders.late & (rng.random(len(orders.late)) < 0.3))
    person.append(orders.person[late])
    opened.append(orders.promised[late] + (rng.random(len(late)) * 20 * HOUR).astype(np.int64) + 4 * HOUR)
    category.append(np.zeros(len(late), dtype=np.int64))

    shocked, month = np.nonzero(bills.shock & (rng.random(bills.shock.shape) < 0.4) & people.has_plan[:, None])
    billed = calendar.starts[month] + 4 * DAY
    person.append(shocked)
    opened.append(moments(rng, billed, billed + 5 * DAY))
    category.append(np.full(len(shocked), 1))

    starts, ends = calendar.starts[:-1], calendar.starts[1:]
    organisation = np.where(people.organisation, 2.0, 1.0)[:, None]
    here = (people.joined[:, None] < ends[None, :]) * organisation
    with_plan = here * people.has_plan[:, None]
    rates = {
        2: 0.013 * with_plan,
        3: 0.004 * with_plan,
        4: 0.003 * here,
        5: 0.022 * here,
        6: 0.002 * here,
        7: 0.003 * here,
    }
    for kind_of, rate in rates.items():
        times = rng.poisson(rate)
        cell = np.repeat(np.arange(times.size), times.ravel())
        who, when = np.divmod(cell, calendar.months)
        person.append(who)
        opened.append(moments(rng, np.maximum(starts[when], people.joined[who]), ends[when]))
        category.append(np.full(len(cell), kind_of))

    who, at, about = np.concatenate(person), np.concatenate(opened), np.concatenate(category)
    known = (at < calendar.end) & (at >= people.joined[who])
    order = np.flatnonzero(known)[np.argsort(at[known], kind="stable")]
    who, at, about = who[order], at[order], about[order]
    size = len(at)
    north = people.team[who] == [t.name for t in names.TEAMS].index("North")
    month = calendar.month_of(at)
    thin = north & (month >= 9) & (month < 14)
    hours = rng.lognormal(np.log(np.where(thin, 55.0, 14.0)), 0.9)
    kind = np.where(about < 5, 0, about - 4)
    hours = np.where(kind == 0, hours, hours / 4)
    hours = np.where(rng.random(size) < 0.015, np.inf, hours)
    return Cases(who, at, about, kind, np.where(kind == 0, draw(rng, (0.08, 0.62, 0.3), size), 2), hours)


def cases_table(cases: Cases, people: People, calendar: Calendar, seed: int) -> pa.Table:
    """The cases with what was written, in the customer's language, and what became of them by the end."""
    rng = stream(seed, "case texts")
    size = len(cases.opened)
    hours = np.where(np.isfinite(cases.hours), cases.hours, 0)
    resolved = cases.opened + (hours * HOUR).astype(np.int64)
    solved = np.isfinite(cases.hours) & (resolved < calendar.end)
    answered = cases.opened + (np.minimum(hours, 72) * rng.uniform(0.05, 0.4, size) * HOUR).astype(np.int64)
    handoffs = np.minimum(rng.poisson(0.25 + hours / 40), 7)
    complaint = cases.kind == 0
    content = np.clip(np.rint(4.7 - np.log1p(hours) * 0.55 + rng.normal(0, 0.8, size)), 1, 5)
    rated = solved & (rng.random(size) < 0.5)
    paid = solved & complaint & (rng.random(size) < 0.12)
    english = people.english[cases.person]
    text, subject = _texts(rng, cases, english)
    slow = solved & cases.slow
    cause_pool = (*CATEGORIES[:5], "slow hand-over")
    cause = np.where(slow & (rng.random(size) < 0.4), 5, np.minimum(cases.category, 4))
    owners = [o for t in names.TEAMS for o in t.owners]
    # Whose fault it was has a stream of its own: what else is drawn here stays as it is.
    fault = draw(stream(seed, "faults"), (0.55, 0.25, 0.2), size)
    return table(
        "cases",
        {
            "case_id": numbered("Q-", np.arange(1, size + 1), 6),
            "customer_id": pa.array(people.id, pa.string()).take(pa.array(cases.person)),
            "opened_at": instants(cases.opened),
            "kind": words(KINDS, cases.kind),
            "severity": words(SEVERITIES, cases.severity),
            "category": words(CATEGORIES, cases.category),
            "channel": words(CHANNELS, draw(rng, (0.45, 0.25, 0.1, 0.08, 0.12), size)),
            "subject": subject,
            "text": text,
            "first_response_at": instants(answered, np.isfinite(cases.hours) & (answered < calendar.end)),
            "resolved_at": instants(resolved, solved),
            "outcome": words(
                [t for o in texts.OUTCOMES for t in (o.zh, o.en)],
                rng.integers(0, len(texts.OUTCOMES), size) * 2 + english,
                solved,
            ),
            "cause": words(cause_pool, cause, solved & complaint),
            "fault": words(("ours", "customer", "other"), fault, solved & complaint),
            "compensation_minor": whole(rng.integers(1, 11, size) * 1000, paid),
            "currency": constant("CNY", size),
            "satisfaction": pa.array(content, mask=~rated),
            "handoffs": whole(handoffs, solved),
            "agent": words(owners, people.team[cases.person] * 2 + rng.integers(0, 2, size), solved),
        },
    )


def _texts(rng: np.random.Generator, cases: Cases, english: Numbers) -> tuple[pa.Array, pa.Array]:
    """A text and a subject for each case, from the pool of its category."""
    other = {"enquiry": texts.ENQUIRIES, "suggestion": texts.SUGGESTIONS, "praise": texts.PRAISE}
    everything: list[str] = []
    position = np.zeros(len(cases.opened), dtype=np.int64)
    for number, category in enumerate(CATEGORIES):
        found = np.flatnonzero(cases.category == number)
        in_english, in_chinese = texts.pool(
            other.get(category) or texts.COMPLAINTS[category], [c.name for c in names.CITIES]
        )
        pick = rng.integers(0, len(in_english), len(found))
        position[found] = len(everything) + pick + np.where(english[found], 0, len(in_english))
        everything += in_english + in_chinese
    subjects = [t for c in CATEGORIES for t in (texts.SUBJECTS[c].zh, texts.SUBJECTS[c].en)]
    return words(everything, position), words(subjects, cases.category * 2 + english)


def interactions_table(people: People, cases: Cases, left: Numbers, calendar: Calendar, seed: int) -> pa.Table:
    """A call or chat behind each case, everyday contact besides, and visits to organisations."""
    rng = stream(seed, "interactions")
    starts, ends = calendar.starts[:-1], calendar.starts[1:]
    low = np.maximum(starts[None, :], people.joined[:, None])
    high = np.minimum(ends[None, :], left[:, None])
    share = np.clip((high - low) / (ends - starts)[None, :], 0, 1)
    topics = ("billing", "plan", "network", "delivery", "care", "visit", "complaint")
    spoken: dict[str, tuple[str, str]] = {
        "billing": ("问账单明细", "Asked about the bill"),
        "plan": ("咨询套餐变更", "Asked about changing the plan"),
        "network": ("反映网络情况", "Asked about the network"),
        "delivery": ("查询配送进度", "Asked where the parcel is"),
        "care": ("客户关怀回访", "Care call"),
        "visit": ("上门拜访", "Visit on site"),
        "complaint": ("来电投诉，已建工单", "Complained; a case was opened"),
    }
    inbound = rng.poisson(0.11 * share)
    outbound = rng.poisson(np.where(people.organisation, 0.25, 0.03)[:, None] * share)
    who: list[Numbers] = [cases.person]
    at: list[Numbers] = [cases.opened]
    topic: list[Numbers] = [np.where(cases.kind == 0, 6, 1)]
    out: list[Numbers] = [np.zeros(len(cases.opened), dtype=np.int64)]
    for times, direction in ((inbound, 0), (outbound, 1)):
        cell = np.repeat(np.arange(times.size), times.ravel())
        person, month = np.divmod(cell, calendar.months)
        who.append(person)
        at.append(moments(rng, low[person, month], high[person, month]))
        calls = draw(rng, (0.35, 0.3, 0.15, 0.2), len(cell))
        topic.append(calls if direction == 0 else np.where(people.organisation[person], 5, 4))
        out.append(np.full(len(cell), direction))
    person, moment = np.concatenate(who), np.concatenate(at)
    about, direction_of = np.concatenate(topic), np.concatenate(out)
    order = np.argsort(moment, kind="stable")
    person, moment, about, direction_of = person[order], moment[order], about[order], direction_of[order]
    size = len(moment)
    channels = ("call", "chat", "mail", "visit")
    via = np.where(about == 5, 3, draw(rng, (0.6, 0.3, 0.1), size))
    mood = np.clip(rng.normal(np.where(about == 6, -0.5, 0.2), 0.25), -1, 1)
    owners = [o for t in names.TEAMS for o in t.owners]
    # The assistant answers more of the chats and calls each month; no complaint, and nobody we went to.
    learns = np.clip(0.1 + 0.02 * calendar.month_of(moment), 0.1, 0.6)
    answered = stream(seed, "automation").random(size) < learns
    automated = answered & (via < 2) & (direction_of == 0) & (about != 6)
    sayings = [t for name in topics for t in spoken[name]]
    return table(
        "interactions",
        {
            "interaction_id": numbered("I-", np.arange(1, size + 1), 6),
            "customer_id": pa.array(people.id, pa.string()).take(pa.array(person)),
            "occurred_at": instants(moment),
            "channel": words(channels, via),
            "direction": words(("in", "out"), direction_of),
            "topic": words(topics, about),
            "text": words(sayings, about * 2 + people.english[person]),
            "duration_seconds": pa.array(np.rint(rng.gamma(2, 130, size)), mask=via == 2),
            "agent": words(owners, people.team[person] * 2 + people.owner[person]),
            "automated": pa.array(automated),
            "sentiment": pa.array(np.round(mood, 2), mask=rng.random(size) < 0.3),
        },
    )
