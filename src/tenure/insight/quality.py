"""How good the records are: what is missing, wrong, shared, repeated or old, field by field, and by whom it came.

Everything is counted over the records in force, by the source that has the last word and the month it sent them. No
value of a person is read but to see whether several share it, and none is returned.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, Literal, TypeAlias

import ibis

from tenure.contracts import CONTRACTS, Contract, fault_column, standard_column
from tenure.identity.standard import STANDARDS
from tenure.language import Words

Weight: TypeAlias = Literal["missing", "wrong", "shared", "noted", "old", "waits"]
"""What a flaw takes from a field's score; `noted` is said and takes nothing, `waits` is not even a flaw."""
Step: TypeAlias = Literal["source", "duplicates", "import"]
"""What to do next: mend in the source and import again, look at duplicates, or import anew."""

RECORD = ""  # in place of a field's name: what is said of the record as a whole
STALE_DAYS = 730
_LONG_AGO = date(1970, 1, 1)
_OVERDUE = 2.0  # times its own rhythm that a source may be silent

# What happened can't be in the future; what is due, promised or expires may be.
_HAPPENED = frozenset((
    "created_at", "updated_at", "ordered_at", "delivered_at", "occurred_at", "opened_at", "first_response_at",
    "resolved_at", "closed_at", "entered_at", "paid_at", "answered_at", "assigned_at", "observed_at",
))  # fmt: skip
_NEVER_NEGATIVE = frozenset((
    "unit_price", "price", "cost", "cost_minor", "fee_minor", "duration_seconds", "discount_minor",
    "compensation_minor", "period_months", "handoffs", "rate", "line_no",
))  # fmt: skip
_SHARES = frozenset({"propensity"})
# An identifier and how many people may have it: families and front desks share a phone, nobody an identity card.
_OWN: Mapping[str, int] = {"phone": 3, "email": 3, "id_number": 1}


@dataclass(frozen=True)
class Flaw:
    """One thing that can be said against a value, its remedy, and where to go with it."""

    code: str
    words: Words
    remedy: Words
    weight: Weight
    step: Step = "source"


MISSING = Flaw(
    "missing",
    Words("Missing", "缺失"),
    Words("Fill it in at the source and import again", "在来源系统中补填后重新导入"),
    "missing",
)
NOT_YET = Flaw(
    "not_yet",
    Words("Rightly blank: it has not happened yet", "理应为空：尚未发生"),
    Words("Nothing to do", "无需处理"),
    "waits",
)
SHARED = Flaw(
    "shared",
    Words("Several people share it", "多人共用"),
    Words("Look whether they are one person, or the value is a filler", "核对是否为同一人，或该值是否为占位内容"),
    "shared",
    "duplicates",
)
FUTURE = Flaw(
    "future",
    Words("In the future", "日期在未来"),
    Words(
        "Look for day and month changed over, or a clock that is wrong", "请检查日月是否颠倒，或来源系统时钟是否有误"
    ),
    "wrong",
)
LONG_AGO = Flaw(
    "long_ago",
    Words("Before 1970: a filler", "早于 1970 年，疑为占位"),
    Words("Leave it blank at the source where it is not known", "未知时请在来源系统中留空"),
    "wrong",
)
NEGATIVE = Flaw(
    "negative",
    Words("Negative", "为负数"),
    Words("Mend the sign in the source; a refund is a kind of its own", "在来源系统中更正正负号；退款请用单独的类型"),
    "wrong",
)
RANGE = Flaw("range", Words("Out of range", "超出范围"), Words("Mend it in the source", "在来源系统中更正"), "wrong")
CODE = Flaw(
    "code",
    Words("Not one of the codes allowed", "不在允许的取值内"),
    Words("Use one of the contract's codes", "请使用数据契约中的取值"),
    "wrong",
)
UNSEEN = Flaw(
    "unseen",
    Words("Never looked at: received before there was a standard form", "未检查：接收时尚无标准形式"),
    Words("Import the file again", "重新导入该文件"),
    "noted",
    "import",
)
NOBODY = Flaw(
    "nobody",
    Words("Belongs to no customer", "不属于任何客户"),
    Words("Put the customer's number in at the source", "在来源系统中补上客户编号"),
    "missing",
)
DUPLICATE = Flaw(
    "duplicate",
    Words("Another row of this source is the same person", "同一来源中另有一行是同一人"),
    Words("Join the two rows at the source, or keep them apart here", "在来源系统中合并，或在此处标记为不同的人"),
    "shared",
    "duplicates",
)
STALE = Flaw(
    "stale",
    Words("Stale: nothing heard for as long as your rule says", "过时：超过规定期限没有任何动静"),
    Words("Ask the customer, update the row, or archive it", "与客户核实后更新，或予以归档"),
    "old",
    "import",
)


def flaws_of(contract: Contract, field: str) -> tuple[Flaw, ...]:
    """What can be said against a field of a contract, or (RECORD) against a whole record."""
    if field == RECORD:
        found = (NOBODY, DUPLICATE) if contract.name == "customers" else (NOBODY,) if contract.person else ()
        return found if contract.fact else (*found, STALE)
    column = contract[field]
    flaws = [MISSING, NOT_YET] if column.known_at else [MISSING]
    if column.standard:
        faults = STANDARDS[column.standard].faults
        flaws += [Flaw(code, one.words, one.remedy, "wrong" if one.wrong else "noted") for code, one in faults.items()]
        flaws.append(UNSEEN)
    if field in _OWN and contract.name == "customers":
        flaws.append(SHARED)
    if column.values:
        flaws.append(CODE)
    if field in _HAPPENED:
        flaws += [FUTURE, LONG_AGO]
    if field in _NEVER_NEGATIVE:
        flaws.append(NEGATIVE)
    if field in _SHARES:
        flaws.append(RANGE)
    return tuple(flaws)


def fields_of(contract: Contract) -> tuple[str, ...]:
    """The fields whose quality is told: all but the record's own number."""
    return tuple(column.name for column in contract.columns if column.name not in contract.key)


def with_heard(rows: ibis.Table, facts: Sequence[ibis.Table], now: datetime, stale_days: int) -> ibis.Table:
    """The rows with `heard`: whether anything happened with their person (facts: person_id, valid_at) in that time."""
    since = ibis.literal(now - timedelta(days=stale_days))
    known = [one.filter(one.person_id.notnull(), one.valid_at >= since).select("person_id") for one in facts]
    people = (ibis.union(*known) if len(known) > 1 else known[0]).distinct().select(heard_of="person_id")
    joined = rows.left_join(people, rows.person_id == people.heard_of)
    return joined.mutate(heard=joined.heard_of.notnull()).drop("heard_of")


def shows(
    rows: ibis.Table, contract: Contract, field: str, code: str, now: datetime, stale_days: int = STALE_DAYS
) -> ibis.Value:
    """Whether a flaw is to be found in each row, by the row alone. now: the instant from which the future is told.

    A record is stale when it was not touched for `stale_days` and, where the rows say so (`with_heard`), nothing
    happened with its customer either. Looks at no personal value but for whether it is there; `having` finds what several rows are needed to see.
    """
    if field == RECORD and code == NOBODY.code:
        return rows[contract.person or ""].isnull()
    if field == RECORD:
        old = rows.valid_at < ibis.literal(now - timedelta(days=stale_days))
        return old & ~rows.heard if "heard" in rows.columns else old
    value = rows[field]
    column = contract[field]
    if code in (MISSING.code, NOT_YET.code):
        # An end that has not come, the outcome of a case that is open: blank is the truth there.
        waits = _waits(rows, contract, field)
        return value.isnull() & (waits if code == NOT_YET.code else ~waits)
    if code == CODE.code and column.values:
        return value.notnull() & value.notin(list(column.values))
    instant = column.type == "instant"
    if code == FUTURE.code and field in _HAPPENED:
        return (value > ibis.literal(now if instant else now.date())).fill_null(False)
    if code == LONG_AGO.code and field in _HAPPENED:
        start = datetime(1970, 1, 2, tzinfo=now.tzinfo) if instant else _LONG_AGO
        return (value < ibis.literal(start)).fill_null(False)
    if code == NEGATIVE.code:
        return (value < 0).fill_null(False)
    if code == RANGE.code:
        return ((value < 0) | (value > 1)).fill_null(False)
    if code == UNSEEN.code:
        return value.notnull() & rows[fault_column(field)].isnull()
    return (rows[fault_column(field)] == code).fill_null(False)


def _waits(rows: ibis.Table, contract: Contract, field: str) -> ibis.Value:
    """Whether what a field tells could not have happened yet, by the column that says when it did."""
    told_by = contract[field].known_at
    if told_by is None:
        return ibis.literal(False)
    return ibis.literal(True) if told_by == field else rows[told_by].isnull()


def having(
    rows: ibis.Table, contract: Contract, field: str, code: str, now: datetime, stale_days: int = STALE_DAYS
) -> ibis.Table:
    """The rows with a flaw."""
    if code == SHARED.code:
        return rows.semi_join(_many(rows, field), standard_column(field))
    if code == DUPLICATE.code:
        return rows.semi_join(_twice(rows), ["source", "person_id"])
    return rows.filter(shows(rows, contract, field, code, now, stale_days))


def _many(rows: ibis.Table, field: str) -> ibis.Table:
    """The values of a field that more people have than may have one."""
    known = rows.select("person_id", value=rows[standard_column(field)]).filter(ibis._.value.notnull())
    many = known.group_by("value").agg(persons=known.person_id.nunique())
    return many.filter(many.persons > _OWN[field]).select(**{standard_column(field): many.value})


def _twice(rows: ibis.Table) -> ibis.Table:
    known = rows.filter(rows.person_id.notnull())
    many = known.group_by("source", "person_id").agg(times=known.count())
    return many.filter(many.times > 1).select("source", "person_id")


def measure(rows: ibis.Table, contract: Contract, now: datetime, stale_days: int = STALE_DAYS) -> ibis.Table:
    """Count the flaws of a contract's records: one row per source and month of receipt.

    rows: `records/<contract>`, with `month` (date, the first of the month of receipt in the business zone).
    Returns source, month, rows, and `<field>__<code>` for each flaw that can be counted in one pass; what people share
    is counted by `sharing`, so that what is sealed is opened only there.
    """
    counts = {
        f"{field}__{flaw.code}": shows(rows, contract, field, flaw.code, now, stale_days).sum()
        for field in (RECORD, *fields_of(contract))
        for flaw in flaws_of(contract, field)
        if flaw.code not in (SHARED.code, DUPLICATE.code)
    }
    return rows.group_by("source", "month").agg(rows=rows.count(), newest=rows.valid_at.max(), **counts)


def sharing(rows: ibis.Table, field: str) -> ibis.Table:
    """How many records have a value of `field` that too many people have: source, month, n."""
    kept = rows.select("source", "month", "person_id", standard_column(field))
    found = kept.semi_join(_many(kept, field), standard_column(field))
    return found.group_by("source", "month").agg(n=found.count())


def doubles(rows: ibis.Table) -> ibis.Table:
    """How many records are the same person as another record of the same source: source, month, n."""
    kept = rows.select("source", "month", "person_id")
    found = kept.semi_join(_twice(kept), ["source", "person_id"])
    return found.group_by("source", "month").agg(n=found.count())


def shared_fields(contract: Contract) -> tuple[str, ...]:
    """The fields of which it is counted how many people share a value."""
    return tuple(f for f in fields_of(contract) if SHARED in flaws_of(contract, f))


@dataclass(frozen=True)
class Told:
    """What is told of one field of one source: how many rows, how many have it, and how often each flaw is found.

    expected: whether a record ought to have it: the contract requires it, or most sources fill it in. Of a field that
    need not be there, blanks are told and cost nothing.
    """

    contract: str
    source: str
    field: str
    rows: int
    flaws: Mapping[str, int]
    expected: bool = True

    @property
    def due(self) -> int:
        """Rows in which it could be known by now."""
        return self.rows - min(self.count("waits"), self.rows)

    @property
    def filled(self) -> int:
        return self.due - min(self.count("missing"), self.due)

    @property
    def required(self) -> bool:
        shape = CONTRACTS[self.contract]
        return self.field in shape and shape[self.field].required

    def count(self, *weights: Weight) -> int:
        """How many values have a flaw of these weights."""
        known = {flaw.code: flaw.weight for flaw in flaws_of(CONTRACTS[self.contract], self.field)}
        return sum(n for code, n in self.flaws.items() if known.get(code) in weights)

    @property
    def completeness(self) -> float:
        """The share of rows that have it, of those that could."""
        return self.filled / self.due if self.due else 0.0

    @property
    def validity(self) -> float | None:
        return 1 - min(self.count("wrong"), self.filled) / self.filled if self.filled else None

    @property
    def uniqueness(self) -> float | None:
        return 1 - min(self.count("shared"), self.filled) / self.filled if self.filled else None

    @property
    def score(self) -> float:
        """0 to 100: the share of rows whose value is there, valid, and nobody else's (completeness × validity × uniqueness).

        Of a field that need not be there, of the values that are.
        """
        there = self.completeness if self.expected else 1.0
        return 100 * there * (self.validity or 0.0) * (self.uniqueness or 0.0) if self.filled else 0.0

    @property
    def cost(self) -> float:
        """What the list is sorted by: how much is wrong, twice where the contract requires the field, half where it is optional."""
        return (100 - self.score) * (2.0 if self.required else 1.0 if self.expected else 0.5)

    @property
    def mendable(self) -> bool:
        """Whether there is anything to be said of it at all."""
        return bool(self.worst or self.count("noted"))

    @property
    def worst(self) -> tuple[Flaw, int] | None:
        """The flaw that takes most from the score."""
        flaws = {flaw.code: flaw for flaw in flaws_of(CONTRACTS[self.contract], self.field)}
        silent = {"noted", "waits"} if self.expected else {"noted", "waits", "missing"}
        found = [
            (n, code) for code, n in self.flaws.items() if n and code in flaws and flaws[code].weight not in silent
        ]
        if not found:
            return None
        n, code = max(found)
        return flaws[code], n

    @property
    def sentence(self) -> Words:
        """What stands worst with the field, in a plain sentence."""
        if not self.filled and self.field != RECORD:
            return Words("Never filled in", "从未填写")
        if self.worst is None:
            noted = self.count("noted")
            if not noted and not self.expected and self.completeness < 1:
                return Words("Nothing to mend; it need not be there", "无需改进；该字段可不填")
            if not noted:
                return Words("Nothing to mend", "无需改进")
            return Words("Nothing to mend; {n} were put in standard form", "无需改进；{n} 条已统一为标准形式").format(
                n=f"{noted:,}"
            )
        flaw, n = self.worst
        share = f"{n / self.rows:.1%}" if n * 1000 >= self.rows else f"{n:,}"
        return Words("{share}: {en}", "{share}：{zh}").format(
            share=share, en=flaw.words.en[:1].lower() + flaw.words.en[1:], zh=flaw.words.zh
        )


def told(rows: Iterable[Mapping[str, Any]]) -> list[Told]:
    """Rows of `quality/fields` (contract, source, field, rows, flaws as a mapping) summed over their months, what costs most first."""
    summed: dict[tuple[str, str, str], tuple[int, dict[str, int]]] = {}
    for row in rows:
        key = (row["contract"], row["source"], row["field"])
        count, flaws = summed.get(key, (0, {}))
        for code, n in row["flaws"].items():
            flaws[code] = flaws.get(code, 0) + n
        summed[key] = (count + row["rows"], flaws)
    found = [Told(*key, count, flaws) for key, (count, flaws) in summed.items()]
    usual = _usual(found)
    found = [one if (one.contract, one.field) in usual else replace(one, expected=False) for one in found]
    return sorted(found, key=lambda one: (-one.cost, -one.rows, one.contract, one.source, one.field))


def _usual(found: Sequence[Told]) -> set[tuple[str, str]]:
    """The fields a record ought to have: required by its contract, or filled in for half the rows by most sources."""
    fills: dict[tuple[str, str], list[bool]] = {}
    for one in found:
        fills.setdefault((one.contract, one.field), []).append(
            2 * one.filled >= one.due or one.required or one.field == RECORD
        )
    return {key for key, sources in fills.items() if 2 * sum(sources) > len(sources)}


def score_of(fields: Sequence[Told]) -> float | None:
    """One figure for a source: the mean score of the fields it fills in; None where it fills in none."""
    scores = [one.score for one in fields if one.field != RECORD and one.filled]
    return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True)
class Freshness:
    """How recent what a source sends is. every_days: its own rhythm, the median between its deliveries; None before the third."""

    contract: str
    source: str
    newest: datetime | None
    received: datetime
    every_days: float | None
    overdue: bool


def freshness(deliveries: Mapping[tuple[str, str], Sequence[datetime]], newest: Mapping[tuple[str, str], datetime], now: datetime) -> list[Freshness]:  # fmt: skip
    """How fresh each contract of each source is. deliveries: when its batches came; newest: the latest business time in them.

    A source is overdue when it has been silent for more than twice its own rhythm; with fewer than three deliveries it has none.
    """
    found = []
    for key, came in sorted(deliveries.items()):
        days = sorted({at.date(): at for at in came}.values())
        gaps = [(later - earlier).total_seconds() / 86_400 for earlier, later in pairwise(days)]
        every = median(gaps) if len(gaps) > 1 else None
        silent = (now - days[-1]).total_seconds() / 86_400
        found.append(
            Freshness(*key, newest.get(key), days[-1], every, every is not None and silent > _OVERDUE * max(every, 1))
        )
    return found


__all__ = [
    "RECORD",
    "Flaw",
    "Freshness",
    "Told",
    "doubles",
    "fields_of",
    "flaws_of",
    "freshness",
    "having",
    "measure",
    "score_of",
    "shared_fields",
    "sharing",
    "shows",
    "told",
    "with_heard",
]
