"""What an industry pack says, and what it is refused for."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.insight.churn.definitions import DEFINITIONS, said
from tenure.insight.churn.definitions import checked as checked_wish
from tenure.insight.lifecycle import STAGES, Limits
from tenure.insight.metrics import METRICS
from tenure.insight.segments.tiers import TIERS, Rule
from tenure.language import Words, tr
from tenure.practice import LINES, Practice

STARTING = Words(
    "A starting point for this line of business; set against your own past first",
    "行业起步参考值；请先与自身历史比较",
)
NOTHING = Words("", "")
USUAL_LIMITS = Limits()


@dataclass(frozen=True)
class Target:
    """What a metric is held against, in its own unit (a share is 0 to 1). source: whose figure it is."""

    benchmark: float | None = None
    excellent: float | None = None
    limit: float | None = None
    source: Words = STARTING


@dataclass(frozen=True)
class Service:
    """How a tier is served: a contact at least every so many days, an answer within so many hours, a discount that may be
    given without asking, who looks after it, and what else to know. None: not said."""

    contact_days: int | None = None
    response_hours: int | None = None
    discount_percent: int | None = None
    looked_after: Words = NOTHING
    note: Words = NOTHING


@dataclass(frozen=True)
class Leaving:
    """A way to tell who left: a name of DEFINITIONS, with its days. None: what the definition itself takes.

    settings: what else the definition can be told, by name.
    """

    definition: str
    horizon_days: int | None = None
    active_days: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        days = {"horizon_days": self.horizon_days, "active_days": self.active_days}
        told = {name: value for name, value in days.items() if value is not None}
        return {"definition": self.definition, **told, **self.settings}


@dataclass(frozen=True)
class Pack:
    """What a line of business starts with.

    contracts: the records it uses, in the order to import them, each with what it is there for. names: contract → field →
    what exports of this trade call it, beside what everybody does. leaving: definitions of churn, the first whose records
    are there holds. limits: where a stage ends and the next begins; stages: what each means here. rule, service: the
    tiers, and how each is served. targets: metric → what to reach. headlines: metrics of the first page.
    """

    name: str
    words: Words
    meaning: Words
    contracts: Mapping[str, Words]
    names: Mapping[str, Mapping[str, tuple[str, ...]]]
    leaving: tuple[Leaving, ...]
    leaving_why: Words
    stages: Mapping[str, Words]
    service: Mapping[str, Service]
    targets: Mapping[str, Target]
    headlines: tuple[str, ...]
    limits: Limits = USUAL_LIMITS
    rule: Rule = field(default_factory=Rule)

    # A page shows a pack's words; a template would call whatever can be called.
    do_not_call_in_templates = True

    def practice(self) -> Practice:
        """What of it is in force once it is chosen, the tiers apart."""
        usual = asdict(USUAL_LIMITS)
        return Practice(
            pack=self.name,
            churn=[one.as_plain() for one in self.leaving],
            stages={name: value for name, value in asdict(self.limits).items() if value != usual[name]},
            targets={
                name: {"benchmark": one.benchmark, "excellent": one.excellent, "limit": one.limit,
                       "en": one.source.en, "zh": one.source.zh}
                for name, one in self.targets.items()
            },
            names={
                contract: {column: list(names) for column, names in columns.items()}
                for contract, columns in self.names.items()
            },
            headlines=self.headlines,
            contracts=tuple(self.contracts),
        )  # fmt: skip


def checked(pack: Pack) -> Pack:
    """The pack, where everything it refers to is there. Raises TenureError that names the first thing that is not."""
    for problem in problems(pack):
        raise TenureError(tr("The industry pack {name} can't be used: {problem}", name=pack.name, problem=problem))
    return pack


def problems(pack: Pack) -> Iterator[str]:
    """What is wrong with a pack, a sentence each."""
    if not pack.name.isidentifier() or pack.name != pack.name.lower():
        yield tr('its name "{name}" is no word of small letters, as its file has one', name=pack.name)
    yield from _unknown(pack.contracts, CONTRACTS, Words("contract", "数据契约"))
    yield from _unknown(pack.names, CONTRACTS, Words("contract", "数据契约"))
    for contract, columns in pack.names.items():
        if contract in CONTRACTS:
            yield from _unknown(columns, CONTRACTS[contract].names, Words(f"field of {contract}", f"{contract} 字段"))
            yield from _twice(contract, columns)
    if outside := [name for name in pack.names if name not in pack.contracts]:
        yield tr("it has names for {contracts}, which are not among its contracts", contracts=", ".join(outside))
    yield from _unknown([one.definition for one in pack.leaving], DEFINITIONS, Words("definition of churn", "流失定义"))
    for one in pack.leaving:
        if one.definition in DEFINITIONS:
            try:
                checked_wish(one.as_plain())
            except TenureError as error:
                yield str(error)
    if not pack.leaving:
        yield tr("it says nothing of what counts as churn")
    yield from _unknown(pack.stages, STAGES, Words("stage", "阶段"))
    if missing := [name for name in STAGES if name not in pack.stages]:
        yield tr("it does not say what these stages are: {missing}", missing=", ".join(missing))
    yield from _unknown(pack.service, TIERS, Words("tier", "级别"))
    if missing := [name for name in TIERS if name not in pack.service]:
        yield tr("it does not say how these tiers are served: {missing}", missing=", ".join(missing))
    yield from _unknown(pack.targets, METRICS, Words("metric", "指标"))
    yield from _unknown(pack.headlines, METRICS, Words("metric", "指标"))
    for name, target in pack.targets.items():
        if name in METRICS:
            if METRICS[name].unit == "money":
                yield tr("{metric} is money, and a target in money holds in one currency alone", metric=name)
            yield from misset(name, asdict(target))


def _unknown(named: Any, known: Any, kind: Words) -> Iterator[str]:
    for name in named:
        if name not in known:
            yield tr(
                'there is no {kind} "{name}"; there are: {known}', kind=str(kind), name=name, known=", ".join(known)
            )  # fmt: skip


def _twice(contract: str, columns: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    from tenure.contracts.custom import plain

    seen: dict[str, str] = {}
    for column, names in columns.items():
        for name in names:
            if seen.setdefault(plain(name), column) != column:
                yield tr(
                    'in {contract} the name "{name}" is given to both {first} and {second}',
                    contract=contract, name=name, first=seen[plain(name)], second=column,
                )  # fmt: skip


def misset(name: str, lines: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the lines of a metric, a sentence each. lines: by the names of LINES, None for none."""
    metric = METRICS[name]
    given = {line: lines.get(line) for line in LINES}
    if all(value is None for value in given.values()):
        yield tr("the target of {metric} says nothing", metric=name)
    if metric.better == "neither":
        yield tr("{metric} is better neither high nor low, so it has no target", metric=name)
    if metric.unit == "share" and any(value is not None and not -1 <= value < 3 for value in given.values()):
        yield tr("{metric} is a share; write 5 % as 0.05", metric=name)
    # From the worst to the best: a limit is what must not be passed, so it stands before what is aimed at.
    rising = [value for line in ("limit", "benchmark", "excellent") if (value := given[line]) is not None]
    if metric.better == "lower":
        rising = [-value for value in rising]
    if rising != sorted(rising):
        yield tr("the lines of {metric} cross: limit, benchmark and excellent go from worse to better", metric=name)


def leaving_words(wish: Mapping[str, Any]) -> Words:
    """A definition of churn as people read it, from its plain form."""
    return said(wish)


LIMITS: Mapping[str, Words] = {
    "decline_rhythms": Words("Declines after silence of so many own rhythms", "沉默达到几个自身周期即为衰退"),
    "left_rhythms": Words("Left after silence of so many own rhythms", "沉默达到几个自身周期即为流失"),
    "decline_least_days": Words("Declines never before days", "衰退不早于（天）"),
    "left_least_days": Words("Left never before days", "流失不早于（天）"),
    "left_most_days": Words("Left always after days", "流失不晚于（天）"),
    "young_days": Words("A buyer grows up to days", "买家成长期（天）"),
    "new_contract_days": Words("A contract is being won up to days", "合同引入期（天）"),
    "young_contract_days": Words("A contract is young up to days", "合同成长期（天）"),
    "ending_days": Words("A term that ends within days is in decline", "合同到期前几天视为衰退"),
}
