"""Where each customer stands in its life with us, from its own buying rhythm or its contract, and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache, lru_cache
from string import Formatter
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.in_memory import in_memory
from tenure.insight.purchases import at, days, days_between, purchase_days
from tenure.language import Words

STAGES: dict[str, Words] = {
    "acquire": Words("Acquire", "获取（引入期）"),
    "grow": Words("Grow", "提升（成长期）"),
    "mature": Words("Mature", "成熟（成熟期）"),
    "decline": Words("Decline", "衰退（衰退期）"),
    "left": Words("Left", "流失（离网）"),
}

# The rhythm of a company where nobody has bought twice yet.
DEFAULT_RHYTHM_DAYS = 90.0
# The population's rhythm weighs as much as this many gaps of the customer's own.
POPULATION_GAPS = 2
# Silence, in own rhythms. Where gaps are as irregular as chance (exponential), the median gap is passed 3-fold by 1 gap
# in 8 and 6-fold by 1 in 64.
DECLINE_RHYTHMS, LEFT_RHYTHMS = 3, 6
# Nobody is given up within a fortnight or a month, however often they used to come …
DECLINE_LEAST_DAYS, LEFT_LEAST_DAYS = 14, 30
# … and two years of silence are leaving, however seldom they did.
LEFT_MOST_DAYS = 730
# Faster or slower: purchases of the last six rhythms beside those of the six before.
PACE_RHYTHMS = 6
# A customer of a year is young no more, however seldom it buys.
YOUNG_DAYS = 365
# Contracts.
NEW_CONTRACT_DAYS, YOUNG_CONTRACT_DAYS, ENDING_DAYS, FEE_DAYS = 90, 365, 60, 180
FEE_UP, FEE_DOWN = 1.05, 0.90


@dataclass(frozen=True)
class Limits:
    """Where one stage ends and the next begins, where a company draws these lines otherwise than most.

    decline_rhythms, left_rhythms: silence in own rhythms. decline_least_days, left_least_days: never sooner.
    left_most_days: always by then. young_days: a buyer is young no longer. new_contract_days, young_contract_days: how
    long a contract is being won, and is young. ending_days: a term that ends so soon is in decline.

    Raises ValueError for lines that cross.
    """

    decline_rhythms: float = DECLINE_RHYTHMS
    left_rhythms: float = LEFT_RHYTHMS
    decline_least_days: int = DECLINE_LEAST_DAYS
    left_least_days: int = LEFT_LEAST_DAYS
    left_most_days: int = LEFT_MOST_DAYS
    young_days: int = YOUNG_DAYS
    new_contract_days: int = NEW_CONTRACT_DAYS
    young_contract_days: int = YOUNG_CONTRACT_DAYS
    ending_days: int = ENDING_DAYS

    def __post_init__(self) -> None:
        if any(getattr(self, one.name) <= 0 for one in fields(self)):
            raise ValueError("the lines between stages lie above zero")
        if not (
            self.decline_rhythms < self.left_rhythms
            and self.decline_least_days <= self.left_least_days < self.left_most_days
            and self.new_contract_days <= self.young_contract_days
        ):
            raise ValueError("who declines has not left yet, and a new contract is young")


USUAL = Limits()

# What decided, with the numbers that did: code → (stage, its line).
RULES: dict[str, tuple[str, Words]] = {
    "not_bought": ("acquire", Words("Known to us; has not bought yet", "已建档，尚未购买")),
    "first_purchase": (
        "acquire",
        Words("Bought once, {since_last_days} days ago", "{since_last_days} 天前首次购买，仅一次"),
    ),
    "young": (
        "grow",
        Words(
            "Bought on {purchase_days} days in its first {since_first_days}; usually every {rhythm_days}",
            "首购以来 {since_first_days} 天内购买 {purchase_days} 天，通常每 {rhythm_days} 天一次",
        ),
    ),
    "faster": (
        "grow",
        Words(
            "Buys more often: {recent_days} purchases in the last {pace_days} days, {earlier_days} in the {pace_days} before",
            "购买加快：近 {pace_days} 天 {recent_days} 次，之前 {pace_days} 天 {earlier_days} 次",
        ),
    ),
    "steady": (
        "mature",
        Words(
            "Buys steadily, every {rhythm_days} days; last {since_last_days} days ago",
            "稳定购买，约每 {rhythm_days} 天一次；最近一次在 {since_last_days} 天前",
        ),
    ),
    "slower": (
        "decline",
        Words(
            "Buys less often: {recent_days} purchases in the last {pace_days} days, {earlier_days} in the {pace_days} before",
            "购买放缓：近 {pace_days} 天 {recent_days} 次，之前 {pace_days} 天 {earlier_days} 次",
        ),
    ),
    "quiet": (
        "decline",
        Words(
            "Usually buys every {rhythm_days} days; silent for {since_last_days}",
            "通常每 {rhythm_days} 天购买一次，已沉默 {since_last_days} 天",
        ),
    ),
    "silent": (
        "left",
        Words(
            "Usually bought every {rhythm_days} days; silent for {since_last_days}",
            "过去通常每 {rhythm_days} 天购买一次，已沉默 {since_last_days} 天",
        ),
    ),
    "quiet_once": (
        "decline",
        Words(
            "Bought once, {since_last_days} days ago; others usually come back within {rhythm_days}",
            "仅购买一次，已过 {since_last_days} 天；其他客户通常 {rhythm_days} 天内再次购买",
        ),
    ),
    "silent_once": (
        "left",
        Words(
            "Bought once, {since_last_days} days ago, and never came back; others usually do within {rhythm_days}",
            "仅购买一次，{since_last_days} 天未再购买；其他客户通常 {rhythm_days} 天内再次购买",
        ),
    ),
    "contract_new": (
        "acquire",
        Words("Contract began {contract_days} days ago", "合同开始 {contract_days} 天"),
    ),
    "contract_young": (
        "grow",
        Words("Contract in its first year, day {contract_days}", "合同首年，第 {contract_days} 天"),
    ),
    "fee_up": (
        "grow",
        Words("Pays {fee_change} % more than {fee_days} days ago", "费用较 {fee_days} 天前增加 {fee_change}%"),
    ),
    "contract_steady": (
        "mature",
        Words("Contract running for {contract_days} days, fee unchanged", "合同已持续 {contract_days} 天，费用稳定"),
    ),
    "fee_down": (
        "decline",
        Words("Pays {fee_change} % less than {fee_days} days ago", "费用较 {fee_days} 天前减少 {fee_change}%"),
    ),
    "contract_ending": (
        "decline",
        Words(
            "Term ends in {term_left_days} days and does not renew by itself",
            "合同 {term_left_days} 天后到期，且不自动续约",
        ),
    ),
    "term_over": (
        "decline",
        Words(
            "Term ended {over_days} days ago without a renewal; still running",
            "合同已到期 {over_days} 天未续约，仍在使用",
        ),
    ),
    "contract_ended": (
        "left",
        Words("Contract ended {ended_days} days ago", "合同已于 {ended_days} 天前终止"),
    ),
}


def stages(tables: Mapping[str, ibis.Table], as_of: datetime, limits: Limits = USUAL) -> ibis.Table:
    """The stage of each customer known at `as_of`, with the numbers that decided: one row a person.

    tables: records (or history) by contract name; reads orders, subscriptions and customers, each of which may be missing.
    Columns: person_id; stage (a key of STAGES); rule (a key of RULES); basis (contract, purchases or none); rhythm_days
    (own usual days between purchases, float); since_last_days, since_first_days (whole days); purchase_days (business days
    with a purchase); recent_days, earlier_days (purchase days of the last `pace_days` days and of as many before);
    contract_days, term_left_days (negative once over), ended_days; fee_base_minor, fee_before_base_minor (fees for a month,
    now and FEE_DAYS ago). What does not apply is null.

    Contract: who has a running subscription is judged by it. Its term within 60 days of its end, or past it, with no
    renewal by itself: decline; fees 10 % lower than half a year ago: decline; begun within 90 days: acquire; fees 5 %
    higher, or within the first year: grow; else mature. Who has none running any more has left, unless it bought since.

    Purchases: the rhythm is the median gap between the customer's purchase days, drawn towards the median customer's as
    if that were two gaps of its own: rhythm = (gaps × own + 2 × population) ÷ (gaps + 2). Silence of more than 6 rhythms
    (never within 30 days, always after 730): left; more than 3 (never within 14 days): decline. One purchase day: acquire.
    Fewer than four, or fewer than 12 rhythms and less than a year since the first: grow. Else, where there are 12 rhythms, the
    last 6 beside the 6 before them: twice as many purchase days and at least four: grow; half as many, of at least four:
    decline. Else mature.

    These are the usual lines; `limits` may draw some of them otherwise.

    Someone on file who has neither is to be acquired still, but only in a company that has orders or subscriptions at all.
    `as_of` is passed in the business zone: its own date is the day silence counts to. Nothing from that instant on is read.

    Raises ValueError where `as_of` has no zone.
    """
    bought = _rhythms(_table(tables, "orders"), as_of).mutate(moment=at(as_of))
    held = _contracts(_table(tables, "subscriptions").mutate(moment=at(as_of)))
    return _judged(_with_prospects(_together(bought, held), _table(tables, "customers"), as_of), limits).drop("moment")


def stages_on(bought: ibis.Table, subscriptions: ibis.Table, limits: Limits = USUAL) -> ibis.Table:
    """The same as `stages` at the starts of many business days, of customers whose buying was read from the orders before.

    bought: what `segments.days.PurchaseDays.rhythms` gives for each of the days, with `moment`, the instant the day
    begins. subscriptions: their records as known at each `moment`. Adds moment to the columns; somebody on file who has
    neither is left out.
    """
    return _judged(_together(bought, _contracts(subscriptions)), limits)


def _together(bought: ibis.Table, held: ibis.Table) -> ibis.Table:
    held = held.rename(held_at="moment")
    both = bought.outer_join(held, [bought.person_id == held.holder, bought.moment == held.held_at])
    return both.mutate(
        person_id=ibis.coalesce(both.person_id, both.holder), moment=ibis.coalesce(both.moment, both.held_at)
    ).drop("holder", "held_at")


def explain(row: Mapping[str, Any]) -> Words:
    """Why the customer stands where it does, in one line of both languages, from a row of `stages`."""
    rule: str = row["rule"]
    return _said(rule, tuple(_number(name, [row.get(column) for column in _from(name)]) for name in _asked(rule)))


def explained(stages: pa.Table) -> list[Words]:
    """The same of every row of a table of `stages`."""
    found: list[Words] = [Words("", "")] * stages.num_rows
    for rule in pc.unique(stages["rule"]).to_pylist():
        places = np.flatnonzero(pc.equal(stages["rule"], rule).to_numpy())
        some = stages.take(places)
        numbers = []
        for name in _asked(rule):
            columns = [some[column].to_pylist() for column in _from(name)]
            numbers.append([_number(name, values) for values in zip(*columns, strict=True)])
        for place, *told in zip(places.tolist(), *numbers, strict=True):
            found[place] = _said(rule, tuple(told))
    return found


@cache
def _asked(rule: str) -> tuple[str, ...]:
    """The numbers that a rule's words name."""
    words = RULES[rule][1]
    named = {part[1] for text in (words.en, words.zh) for part in Formatter().parse(text) if part[1]}
    return tuple(sorted(named - {"fee_days"}))


def _from(name: str) -> tuple[str, ...]:
    """The columns of `stages` a number in words is taken from."""
    made = {"pace_days": ("rhythm_days",), "over_days": ("term_left_days",)}
    return ("fee_base_minor", "fee_before_base_minor") if name == "fee_change" else made.get(name, (name,))


def _number(name: str, values: Sequence[Any]) -> Any:
    if name == "pace_days":
        return _whole(values[0] * PACE_RHYTHMS)
    if name == "over_days":
        return -values[0]
    if name == "fee_change":
        return _whole(abs(values[0] / values[1] - 1) * 100)
    return _whole(values[0])


@lru_cache(maxsize=100_000)
def _said(rule: str, numbers: tuple[Any, ...]) -> Words:
    words = RULES[rule][1].format(**dict(zip(_asked(rule), numbers, strict=True)), fee_days=FEE_DAYS)
    return Words(re.sub(r"(?<![\d.,-])1 (day|purchase)s\b", r"1 \1", words.en), words.zh)


def transitions(before: ibis.Table, after: ibis.Table) -> ibis.Table:
    """How many customers went from which stage to which: before, after (stages), customers (count).

    Takes two results of `stages`. A null `before` is a customer not known then; only moves that happened have a row, and
    staying is a move to the same stage.
    """
    then = before.select(who="person_id", before="stage")
    now = after.select("person_id", after="stage")
    both = now.left_join(then, now.person_id == then.who)
    counts = both.group_by("before", "after").agg(customers=both.count())
    return counts.order_by("before", "after")


def _table(tables: Mapping[str, ibis.Table], name: str) -> ibis.Table:
    return tables[name] if name in tables else in_memory(CONTRACTS[name].records_schema.empty_table())


def _rhythms(orders: ibis.Table, as_of: datetime) -> ibis.Table:
    bought = purchase_days(orders, as_of).mutate(since=lambda t: days_between(t.ordered_on, as_of))
    # One row a person and day, so the day alone orders them without a tie.
    before = bought.since.lag().over(group_by="person_id", order_by=bought.ordered_on)
    bought = bought.mutate(gap=before - bought.since)
    own = bought.group_by("person_id").agg(
        purchase_days=bought.count(),
        since_last_days=bought.since.min(),
        since_first_days=bought.since.max(),
        own_rhythm=bought.gap.median(),
    )
    usual = own.aggregate(usual=own.own_rhythm.median().cast("float64").fill_null(DEFAULT_RHYTHM_DAYS))
    own = own.cross_join(usual)
    gaps = own.purchase_days - 1
    rhythm = (gaps * own.own_rhythm.fill_null(0) + POPULATION_GAPS * own.usual) / (gaps + POPULATION_GAPS)
    own = own.mutate(rhythm_days=rhythm.cast("float64")).drop("own_rhythm", "usual")
    windows = own.select(who="person_id", pace=own.rhythm_days * PACE_RHYTHMS)
    paced = bought.inner_join(windows, bought.person_id == windows.who)
    pace = paced.group_by("who").agg(
        recent_days=(paced.since <= paced.pace).sum(),
        earlier_days=((paced.since > paced.pace) & (paced.since <= 2 * paced.pace)).sum(),
    )
    return own.inner_join(pace, own.person_id == pace.who).drop("who")


def _contracts(subscriptions: ibis.Table) -> ibis.Table:
    """What each customer holds at each `moment`, of subscriptions as they were known then."""
    known = subscriptions.filter(subscriptions.person_id.notnull(), subscriptions.started_at < subscriptions.moment)
    # The records know of endings that were still to come then.
    known = known.mutate(
        ended_at=(known.ended_at < known.moment).ifelse(known.ended_at, None), earlier=known.moment - days(FEE_DAYS)
    )
    runs = known.ended_at.isnull()
    ran_then = (known.started_at < known.earlier) & (runs | (known.ended_at >= known.earlier))
    fee = known.fee_base_minor.fill_null(0) / known.period_months.nullif(0).fill_null(1)
    expires = runs & ~known.auto_renew.fill_null(False)
    since_start = _days_before(known.started_at, known.moment)
    held = known.group_by("moment", holder=known.person_id).agg(
        running=runs.sum(),
        contract_days=since_start.max(where=runs),
        first_contract_days=since_start.max(),
        # The latest term counts: a customer with one open-ended or renewing subscription keeps a reason to stay.
        term_left_days=-_days_before(known.term_ends_at, known.moment).min(where=expires),
        open_ended=(runs & (known.auto_renew.fill_null(False) | known.term_ends_at.isnull())).sum(),
        ended_days=_days_before(known.ended_at, known.moment).min(),
        fee_base_minor=fee.sum(where=runs),
        fee_before_base_minor=fee.sum(where=ran_then),
    )
    return held.mutate(
        term_left_days=(held.open_ended > 0).ifelse(None, held.term_left_days),
        ended_days=(held.running > 0).ifelse(None, held.ended_days),
    ).drop("open_ended")


def _with_prospects(both: ibis.Table, customers: ibis.Table, as_of: datetime) -> ibis.Table:
    traded = both.aggregate(traded=both.count())
    filed = customers.filter(customers.person_id.notnull(), (customers.created_at < at(as_of)).fill_null(True))
    filed = filed.select("person_id").distinct().cross_join(traded)
    filed = filed.filter(filed.traded > 0).select(filer="person_id")
    return both.outer_join(filed, both.person_id == filed.filer).mutate(
        person_id=lambda t: ibis.coalesce(t.person_id, t.filer)
    )


def _judged(t: ibis.Table, limits: Limits) -> ibis.Table:
    runs = (t.running > 0).fill_null(False)
    bought = t.purchase_days.notnull()
    # A former subscriber who has come back to buy is a buyer; an ended contract alone is the end.
    over = t.running.notnull() & ~runs & ~(bought & (t.since_last_days < t.ended_days)).fill_null(False)
    basis = ibis.cases((runs | over, "contract"), (bought, "purchases"), else_="none")

    silence, rhythm = t.since_last_days, t.rhythm_days
    whole = t.since_first_days >= 2 * PACE_RHYTHMS * rhythm
    young = (t.purchase_days < 4) | (~whole & (t.since_first_days < limits.young_days))
    once = t.purchase_days == 1
    silent = (silence > limits.left_most_days) | (
        (silence > limits.left_rhythms * rhythm) & (silence > limits.left_least_days)
    )
    quiet = (silence > limits.decline_rhythms * rhythm) & (silence > limits.decline_least_days)
    by_purchases = [
        (silent & once, "silent_once"),
        (silent, "silent"),
        (quiet & once, "quiet_once"),
        (quiet, "quiet"),
        (once, "first_purchase"),
        (young, "young"),
        (whole & (t.recent_days >= 4) & (t.recent_days >= 2 * t.earlier_days), "faster"),
        (whole & (t.earlier_days >= 4) & (2 * t.recent_days <= t.earlier_days), "slower"),
    ]
    fee, fee_before = t.fee_base_minor, t.fee_before_base_minor.nullif(0)
    by_contract = [
        (~runs, "contract_ended"),
        (t.term_left_days < 0, "term_over"),
        (t.term_left_days <= limits.ending_days, "contract_ending"),
        (fee < fee_before * FEE_DOWN, "fee_down"),
        (t.contract_days < limits.new_contract_days, "contract_new"),
        (fee > fee_before * FEE_UP, "fee_up"),
        (t.contract_days < limits.young_contract_days, "contract_young"),
    ]
    rule = ibis.cases(
        (basis == "contract", ibis.cases(*by_contract, else_="contract_steady")),
        (basis == "purchases", ibis.cases(*by_purchases, else_="steady")),
        else_="not_bought",
    )
    t = t.mutate(rule=rule, basis=basis)
    stage = ibis.cases(
        *[(t.rule.isin([rule for rule, (of, _) in RULES.items() if of == name]), name) for name in STAGES]
    )
    return t.mutate(stage=stage).select(
        "moment", "person_id", "stage", "rule", "basis", "rhythm_days", "since_last_days", "since_first_days", "purchase_days",
        "recent_days", "earlier_days", "contract_days", "term_left_days", "ended_days", "fee_base_minor",
        "fee_before_base_minor",
    )  # fmt: skip


def _days_before(instant: Any, moment: Any) -> Any:
    """Whole days (of 24 hours) from an instant to a moment; negative for one still to come."""
    seconds = -instant.delta(moment, unit="second")
    return (seconds / 86400).floor().cast("int64")


def _whole(value: Any) -> Any:
    return round(value) if isinstance(value, float) else value
