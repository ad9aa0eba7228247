"""The industry pack a company works by: looked at, chosen, left for later, taken back; and what people set beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any

from django.db import transaction

from tenure.contracts import CONTRACTS
from tenure.desk.customers import tiers
from tenure.desk.customers.events import PackChosen, PackLeftForLater, PackTakenBack, PracticeSet
from tenure.desk.customers.models import PracticeVersion
from tenure.desk.customers.tiers import Policy
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.insight.lifecycle import Limits
from tenure.insight.metrics import METRICS, metric_named
from tenure.insight.segments.tiers import PARTS, TIERS, Rule
from tenure.lake import Lake, Scope
from tenure.language import LANGUAGES, Words, tr, using
from tenure.packs import LIMITS, Pack, leaving_words, misset, pack_named
from tenure.practice import DOCUMENT, LINES, Practice

Deed = PracticeVersion.Deed
BY_HAND = Words("Set by your company", "本公司设定")

PARTS_OF_A_PACK: Mapping[str, Words] = {
    "leaving": Words("What counts as churn", "流失定义"),
    "stages": Words("Life-cycle stages", "生命周期阶段"),
    "tiers": Words("Tiers", "客户分级"),
    "service": Words("How each tier is served", "各级服务政策"),
    "targets": Words("Targets", "指标目标"),
    "headlines": Words("Numbers of the first page", "首页指标"),
    "names": Words("Names of columns that imports know", "导入可识别的列名"),
    "contracts": Words("Records to import, in order", "需导入的记录及顺序"),
}
_LINE_WORDS: Mapping[str, Words] = {
    "strategic_from": Words("Strategic from points", "战略客户起始积分"),
    "tenure_least_days": Words("… and days with us", "……且合作天数"),
    "core_from": Words("Core from points", "核心客户起始积分"),
    "growth_from": Words("Growth from per cent more than a year ago", "成长客户：同比增长（%）"),
    "growth_points_from": Words("… and points", "……且积分"),
}
_TARGET_WORDS: Mapping[str, Words] = {
    "benchmark": Words("benchmark", "基准"), "excellent": Words("excellent", "优秀"), "limit": Words("limit", "警戒线"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would be another. part: of PARTS_OF_A_PACK. kept: why it stays as it is; "" where it changes."""

    part: str
    what: str
    before: str
    after: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What choosing a pack, or taking it back, would do. pack: its name, "" for none.

    sets_tiers: whether the rule for tiers is put in force, and not left as people set it.
    """

    pack: str
    practice: Practice
    rule: Rule
    policies: Mapping[str, Policy]
    sets_tiers: bool
    moves: bool
    changes: tuple[Change, ...]

    @property
    def changed(self) -> list[Change]:
        return [one for one in self.changes if not one.kept]

    @property
    def kept(self) -> list[Change]:
        return [one for one in self.changes if one.kept]


def state() -> PracticeVersion | None:
    """The version that holds; None before anybody decided anything."""
    return PracticeVersion.objects.select_related("made_by").first()


def in_force() -> Practice:
    """How the company works now: its pack, and over it what people set by hand."""
    now = state()
    return _with_hands(Practice.told(now.values), now) if now else Practice()


def undecided() -> bool:
    """Whether nobody has said yet which pack, or that it may wait."""
    return not PracticeVersion.objects.exists()


def may_choose(user: User, scope: Scope) -> bool:
    """A pack says for everybody what is a loss and who is strategic: for whoever sees all customers, and their amounts."""
    return may(user, "pack") and scope.sees_all and scope.sees("amounts")


def plan(name: str) -> Plan:
    """What choosing this pack would change, and what it would leave because people set it. Changes nothing.

    Raises TenureError for a pack there is not.
    """
    pack = pack_named(name)
    return _planned(name, pack.practice(), pack.rule, lambda: _policies(pack))


def plan_back() -> Plan:
    """What would change if the pack in force were taken back."""
    return _planned("", Practice(), Rule(), lambda: dict(tiers.USUAL))


@transaction.atomic
def choose(name: str, *, lake: Lake, scope: Scope, actor: User | None, now: datetime) -> Plan:
    """Put a pack in force, all but what people set by hand. Figures follow with the next refresh, imports at once.

    A pack that is in force already, in every part, makes no version. Raises TenureError for an actor who may not, and
    a pack there is not.
    """
    refuse(actor, scope)
    wanted = plan(name)
    if wanted.moves:
        was, row = _carry_out(wanted, Deed.CHOSEN, actor=actor, now=now)
        audit.record("choose_pack", "pack", name, actor=actor, now=now, before=_pack_of(was), **_parts(wanted))
        announce(PackChosen(row.version, name))
        tell(lake)
    return wanted


@transaction.atomic
def take_back(*, lake: Lake, scope: Scope, actor: User | None, now: datetime) -> Plan:
    """Put back what was before any pack, all but what people set by hand since.

    Raises TenureError for an actor who may not, and where no pack is in force.
    """
    refuse(actor, scope)
    was = state()
    if was is None or not was.pack:
        raise TenureError(tr("No industry pack is in force, so there is none to take back."))
    wanted = plan_back()
    _was, row = _carry_out(wanted, Deed.TAKEN_BACK, actor=actor, now=now)
    audit.record("take_back_pack", "pack", was.pack, actor=actor, now=now, **_parts(wanted))
    announce(PackTakenBack(row.version, was.pack))
    tell(lake)
    return wanted


@transaction.atomic
def leave_for_later(*, scope: Scope, actor: User, now: datetime) -> None:
    """Say that the pack may wait, so that nobody is asked again. Saying it once more changes nothing."""
    refuse(actor, scope)
    if undecided():
        row = add_version(None, Deed.LATER, actor=actor, now=now)
        audit.record("leave_pack", "pack", "", actor=actor, now=now)
        announce(PackLeftForLater(row.version))


@transaction.atomic
def set_target(
    metric: str,
    lines: Mapping[str, float | None] | None,
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
) -> Practice:
    """Say what a metric is held against: its LINES in the metric's unit. None: what the pack or the catalogue says.

    No pack goes over it from then on. Raises TenureError for a metric there is not, and lines that cross.
    """
    refuse(actor, scope)
    one = metric_named(metric)
    given = None
    if lines is not None:
        given = {name: lines.get(name) for name in LINES}
        if any(value is not None and not isfinite(value) for value in given.values()):
            raise TenureError(tr("A target is a number, or left empty."))
        for problem in misset(metric, given):
            raise TenureError(tr("This target can't be set: {problem}.", problem=problem))
    was = state()
    before = was.targets if was else {}
    targets = {name: value for name, value in before.items() if name != metric}
    if given is not None:
        targets[metric] = {**given, "en": BY_HAND.en, "zh": BY_HAND.zh}
    if targets == before:
        return in_force()
    row = add_version(was, Deed.BY_HAND, actor=actor, now=now, targets=targets)
    held = (before.get(metric), targets.get(metric))
    audit.record(
        "set_target", "metric", metric, actor=actor, now=now, name=str(one.words.en),
        before=_lines_of(held[0]), after=_lines_of(held[1]),
    )  # fmt: skip
    announce(PracticeSet(row.version, metric))
    tell(lake)
    return in_force()


def tell(lake: Lake) -> None:
    """Let the lake know how the company works, where it does not yet. Heals what was cut off between desk and lake."""
    tiers.tell(lake)
    plain = in_force().as_plain()
    if plain != (lake.document(DOCUMENT) or Practice().as_plain()):
        lake.publish_document(DOCUMENT, plain)


# How it is worked out


def refuse(actor: User | None, scope: Scope) -> None:
    """Raises TenureError for an actor who may not; None is the product itself."""
    if actor is not None and not may_choose(actor, scope):
        raise TenureError(
            tr("The industry pack, targets and what counts as churn are set by somebody who sees every customer and all amounts.")
        )  # fmt: skip


def _with_hands(practice: Practice, now: PracticeVersion | None) -> Practice:
    """The practice with what people set by hand over it."""
    if now is None:
        return practice
    churn = now.by_hand.get("churn") or practice.churn
    return replace(
        practice, version=now.version, pack=now.pack, churn=churn, beside=now.by_hand.get("beside", ()),
        targets={**practice.targets, **now.targets},
        assumptions={**practice.assumptions, **now.by_hand.get("assumptions", {})},
    )  # fmt: skip


def _planned(name: str, practice: Practice, rule: Rule, policies: Callable[[], Mapping[str, Policy]]) -> Plan:
    was, force, standing = state(), tiers.in_force(), in_force()
    own_tiers = force.version not in (0, was.tiers_version if was else None)
    wanted = policies()
    same_tiers = force.rule == rule and _same_policies(force.policies, policies)
    then = _with_hands(practice, was)
    moves = (was.pack if was else "") != name or _plain(then) != _plain(standing) or not (same_tiers or own_tiers)
    by_people = str(Words("People set this; it stays.", "人工设定，予以保留。"))
    changes = [
        *_of_leaving(standing, practice, by_people if was and was.by_hand.get("churn") else ""),
        *_of_stages(standing.limits, practice.limits),
        *(() if same_tiers else _of_tiers(force.rule, rule, by_people if own_tiers else "")),
        *(() if same_tiers else _of_service(force.policies, wanted, by_people if own_tiers else "")),
        *_of_targets(standing, practice, was.targets if was else {}, by_people),
        *_of_headlines(standing, practice),
        *_of_names(standing, practice),
        *_of_contracts(standing, practice),
    ]
    return Plan(name, then, rule, wanted, not (own_tiers or same_tiers), moves, tuple(changes))


def _plain(practice: Practice) -> dict[str, Any]:
    return {name: value for name, value in practice.as_plain().items() if name not in ("version", "pack")}


def _carry_out(
    wanted: Plan, deed: str, *, actor: User | None, now: datetime
) -> tuple[PracticeVersion | None, PracticeVersion]:
    was, force = state(), tiers.in_force()
    ours = was.tiers_version if was and was.tiers_version == force.version else None
    if wanted.sets_tiers:
        note = (
            tr("Industry pack: {name}", name=pack_named(wanted.pack).words)
            if wanted.pack
            else tr("Industry pack taken back")
        )
        ours = tiers.add_version(wanted.rule, wanted.policies, note=note, actor=actor, now=now).version
    values = pack_named(wanted.pack).practice().as_plain() if wanted.pack else {}
    return was, add_version(was, deed, actor=actor, now=now, pack=wanted.pack, values=values, tiers_version=ours)


def add_version(
    was: PracticeVersion | None, deed: str, *, actor: User | None, now: datetime, **instead: Any
) -> PracticeVersion:
    """One more version: as the one before, but for what is said."""
    by_hand = dict(was.by_hand) if was else {}
    for part in ("targets", "churn", "beside", "assumptions"):
        if part in instead:
            by_hand[part] = instead.pop(part)
    kept = {
        "pack": was.pack if was else "", "values": was.values if was else {},
        "tiers_version": was.tiers_version if was else None,
    }  # fmt: skip
    by_hand = {part: value for part, value in by_hand.items() if value}
    return PracticeVersion.objects.create(
        version=(was.version if was else 0) + 1,
        deed=deed,
        by_hand=by_hand,
        made_by=actor,
        made_at=now,
        **(kept | instead),
    )


def _pack_of(was: PracticeVersion | None) -> str:
    return was.pack if was else ""


def _parts(wanted: Plan) -> dict[str, Any]:
    """What an audit entry says of it: parts that changed, and things people set that stayed."""
    return {
        "changed": [part for part in PARTS_OF_A_PACK if any(one.part == part for one in wanted.changed)],
        "kept": [f"{one.part}: {one.what}" for one in wanted.kept],
    }


def _lines_of(told: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: told[name] for name in LINES if told.get(name) is not None} if told else {}


def _policies(pack: Pack) -> dict[str, Policy]:
    return {
        name: Policy(one.contact_days, one.response_hours, one.discount_percent, str(one.looked_after), str(one.note))
        for name, one in pack.service.items()
    }


def _same_policies(standing: Mapping[str, Policy], policies: Callable[[], Mapping[str, Policy]]) -> bool:
    # Chosen once in Chinese, and looked at in English, it is the same pack.
    for language in LANGUAGES:
        with using(language):
            if dict(policies()) == dict(standing):
                return True
    return False


# How a change is said


def said_leaving(practice: Practice) -> str:
    """What counts as leaving, in a line."""
    usual = Words(
        "By the records there are: contracts, else orders, else a snapshot", "按现有数据：合同，其次订单，再次快照"
    )
    otherwise = str(Words("; where there is nothing to tell it by: ", "；若无相应数据："))
    return otherwise.join(str(leaving_words(wish)) for wish in practice.churn) or str(usual)


def _of_leaving(standing: Practice, then: Practice, kept: str) -> list[Change]:
    before, after = said_leaving(standing), said_leaving(then)
    return [Change("leaving", str(PARTS_OF_A_PACK["leaving"]), before, after, kept)] if before != after else []


def _of_stages(before: Limits, after: Limits) -> list[Change]:
    old, new = asdict(before), asdict(after)
    return [
        Change("stages", str(words), f"{old[name]:g}", f"{new[name]:g}")
        for name, words in LIMITS.items()
        if old[name] != new[name]
    ]


def _of_tiers(before: Rule, after: Rule, kept: str) -> list[Change]:
    changes = [
        Change("tiers", str(words), str(before.weights.get(name, 0)), str(after.weights.get(name, 0)), kept)
        for name, words in PARTS.items()
        if before.weights.get(name, 0) != after.weights.get(name, 0)
    ]
    return changes + [
        Change("tiers", str(words), str(getattr(before, name)), str(getattr(after, name)), kept)
        for name, words in _LINE_WORDS.items()
        if getattr(before, name) != getattr(after, name)
    ]


def _of_service(before: Mapping[str, Policy], after: Mapping[str, Policy], kept: str) -> list[Change]:
    return [
        Change("service", str(words), _said_policy(before[name]), _said_policy(after[name]), kept)
        for name, words in TIERS.items()
        if before[name] != after[name]
    ]


def _said_policy(policy: Policy) -> str:
    parts = [
        tr("contact every {n} days", n=policy.contact_days) if policy.contact_days is not None else "",
        tr("answer within {n} h", n=policy.response_hours) if policy.response_hours is not None else "",
        tr("discount up to {n} %", n=policy.discount_percent) if policy.discount_percent is not None else "",
        policy.looked_after,
        policy.note,
    ]
    return " · ".join(part for part in parts if part) or "–"


def said_target(metric: str, told: Practice) -> str:
    """What a metric is held against, in one line."""
    from tenure.insight.metrics import figure

    one = told.held(METRICS[metric])
    lines = {name: getattr(one, name) for name in LINES}
    said = [f"{_TARGET_WORDS[name]} {figure(one.unit, line.value)}" for name, line in lines.items() if line is not None]
    return " · ".join(said) or "–"


def _of_targets(standing: Practice, then: Practice, own: Mapping[str, Any], kept: str) -> list[Change]:
    changes = []
    for name in METRICS:
        if name not in then.targets and name not in standing.targets:
            continue
        before, after = said_target(name, standing), said_target(name, then)
        if before != after and not (name in own and name not in then.targets):
            changes.append(Change("targets", str(METRICS[name].words), before, after, kept if name in own else ""))
    return changes


def _of_headlines(standing: Practice, then: Practice) -> list[Change]:
    if list(standing.headlines) == list(then.headlines):
        return []
    usual = str(Words("The usual eight", "默认八项"))
    before, after = (
        _joined([METRICS[name].words for name in one.headlines if name in METRICS]) for one in (standing, then)
    )
    return [Change("headlines", str(PARTS_OF_A_PACK["headlines"]), before or usual, after or usual)]


def _of_names(standing: Practice, then: Practice) -> list[Change]:
    changes = []
    for name, contract in CONTRACTS.items():
        before, after = (one.names.get(name, {}) for one in (standing, then))
        if before != after:
            counts = (tr("{n} names", n=sum(len(names) for names in one.values())) for one in (before, after))
            changes.append(Change("names", str(contract.words), *counts))
    return changes


def _of_contracts(standing: Practice, then: Practice) -> list[Change]:
    if list(standing.contracts) == list(then.contracts):
        return []
    any_order = str(Words("In any order", "顺序不限"))
    before, after = (
        _joined([CONTRACTS[name].words for name in one.contracts if name in CONTRACTS]) for one in (standing, then)
    )
    return [Change("contracts", str(PARTS_OF_A_PACK["contracts"]), before or any_order, after or any_order)]


def _joined(words: Sequence[Words]) -> str:
    return str(Words(", ", "、")).join(str(one) for one in words)
