"""The tiers a company serves its customers by: the rule and its versions, how each tier is served, who stands in."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction
from django.db.models import Max

from tenure.desk.customers.events import CoverSet, TiersSet
from tenure.desk.customers.models import Cover, TierRule
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.insight.segments.tiers import PARTS, TIERS, Rule, tiers, why
from tenure.lake import Lake, Scope
from tenure.language import Words, tr

DOCUMENT = "tiers"  # what the lake is told of the rule in force
MOST_TEXT = 300
REGIONS = "regions"  # beside the tiers in a version's policies: how each region is served


@dataclass(frozen=True, slots=True)
class Policy:
    """How a tier is served. contact_days: at least one contact in so many days. response_hours: an answer within so many.
    discount_percent: what may be given without asking. looked_after, note: in the company's own words. None: not said."""

    contact_days: int | None = None
    response_hours: int | None = None
    discount_percent: int | None = None
    looked_after: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    """How customers of a region are served, whatever their tier, in the company's own words: in which language, by what,
    when, and what else to mind."""

    language: str = ""
    channel: str = ""
    hours: str = ""
    note: str = ""


USUAL: Mapping[str, Policy] = {
    "strategic": Policy(30, 4, 15),
    "core": Policy(60, 8, 10),
    "growth": Policy(90, 24, 5),
    "potential": Policy(None, 48, 0),
}


@dataclass(frozen=True, slots=True)
class InForce:
    """The rule that holds, how tiers are served and, by region, in which style; version 0 is what every company starts with."""

    version: int
    rule: Rule
    policies: Mapping[str, Policy]
    styles: Mapping[str, Style] = field(default_factory=dict)


def in_force() -> InForce:
    """The rule for tiers that holds now."""
    last = TierRule.objects.first()
    if last is None:
        return InForce(0, Rule(), USUAL)
    return InForce(
        last.version,
        last.as_rule,
        {name: Policy(**last.policies.get(name, {})) for name in TIERS},
        {region: Style(**said) for region, said in last.policies.get(REGIONS, {}).items()},
    )


def versions() -> list[TierRule]:
    """Every version there was, the newest first."""
    return list(TierRule.objects.select_related("made_by"))


def may_set(user: User, scope: Scope) -> bool:
    """The rule ranks every customer by money, so it is for whoever sees them all, and their amounts."""
    return may(user, "tiers") and scope.sees_all and scope.sees("amounts")


@transaction.atomic
def set_tiers(
    rule: Rule,
    policies: Mapping[str, Policy],
    *,
    styles: Mapping[str, Style] | None = None,
    note: str,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
) -> InForce:
    """Put another rule, or another way of serving, in force, as a version of its own. Customers move with the next refresh.

    styles: by region; a region of which nothing is said is served as its tiers are. None: as they are now.
    Saving what is in force already makes no version. Raises TenureError for an actor who may not, and numbers out of
    range.
    """
    if actor is not None and not may_set(actor, scope):
        raise TenureError(tr("Tiers are set by somebody who sees every customer and all amounts."))
    for name, policy in policies.items():
        for value, most in ((policy.contact_days, 3650), (policy.response_hours, 8760), (policy.discount_percent, 100)):
            if value is not None and not 0 <= value <= most:
                raise TenureError(
                    tr("{value} is no number for {tier}; give 0 to {most}.", value=value, tier=TIERS[name], most=most)
                )
        if max(len(policy.looked_after), len(policy.note)) > MOST_TEXT:
            raise TenureError(tr("A text of a service policy has at most {most} characters.", most=MOST_TEXT))
    was = in_force()
    wanted = {name: policies.get(name, Policy()) for name in TIERS}
    served = _checked(was.styles if styles is None else styles)
    if was.version and (was.rule, dict(was.policies), dict(was.styles)) == (rule, wanted, served):
        return was
    force = add_version(rule, wanted, styles=served, note=note, actor=actor, now=now)
    audit.record(
        "set_tiers", "tiers", force.version, actor=actor, now=now, before=_flat(was.rule), after=_flat(rule),
        policies=[name for name in TIERS if was.policies[name] != wanted[name]],
        regions=sorted(one for one in {*was.styles, *served} if was.styles.get(one) != served.get(one)),
    )  # fmt: skip
    announce(TiersSet(force.version))
    # Last, so that whatever fails before it leaves rule and record as they were.
    tell(lake)
    return force


def _checked(styles: Mapping[str, Style]) -> dict[str, Style]:
    """The styles of which something is said. Raises TenureError for a text too long."""
    said = {region.strip(): one for region, one in styles.items() if region.strip() and one != Style()}
    if any(len(text) > MOST_TEXT for one in said.values() for text in asdict(one).values()):
        raise TenureError(tr("A text of a service policy has at most {most} characters.", most=MOST_TEXT))
    return said


def add_version(
    rule: Rule,
    policies: Mapping[str, Policy],
    *,
    styles: Mapping[str, Style] | None = None,
    note: str,
    actor: User | None,
    now: datetime,
) -> InForce:
    """Write another version down, as a part of the deed that puts it in force. styles: as they are now unless given."""
    styles = in_force().styles if styles is None else styles
    version = (TierRule.objects.aggregate(last=Max("version"))["last"] or 0) + 1
    TierRule.objects.create(
        version=version, rule=rule.as_plain(), policies={name: asdict(one) for name, one in policies.items()}
        | {REGIONS: {region: asdict(one) for region, one in styles.items()}},
        note=note.strip()[:300], made_by=actor, made_at=now,
    )  # fmt: skip
    return InForce(version, rule, policies, styles)


def tell(lake: Lake) -> None:
    """Let the lake know the rule in force, where it does not yet."""
    force = in_force()
    document = {"version": force.version, "rule": force.rule.as_plain()}
    if force.version and lake.document(DOCUMENT) != document:
        lake.publish_document(DOCUMENT, document)


def _flat(rule: Rule) -> dict[str, int]:
    plain = rule.as_plain()
    return {**{f"weight_{name}": plain["weights"].get(name, 0) for name in PARTS},
            **{name: value for name, value in plain.items() if name != "weights"}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """What a tier would hold by a rule: customers, what they brought in 12 months, and how many are in it now."""

    tier: str
    words: Words
    customers: int
    brought_minor: int
    now: int
    comes: int
    goes: int


def preview(rule: Rule, *, lake: Lake, scope: Scope) -> list[Share]:
    """How many customers and how much of what they bring each tier would have by this rule, beside how it is now.

    Of the customers within the scope; points stay those of all customers only where the scope is all of them.
    """
    rows = lake.to_arrow(lake.read("scores/tiers", actor=scope))
    if not rows.num_rows:
        return []
    would, now = tiers(rows, rule)["tier"], rows["tier"]
    brought = pc.max_element_wise(rows["brought_base_minor"].fill_null(0), pa.scalar(0, pa.int64()))
    shares = []
    for name, words in TIERS.items():
        inside, inside_now = pc.fill_null(pc.equal(would, name), False), pc.fill_null(pc.equal(now, name), False)
        shares.append(
            Share(
                name, words, _count(inside), pc.sum(brought.filter(inside)).as_py() or 0, _count(inside_now),
                _count(pc.and_not(inside, inside_now)), _count(pc.and_not(inside_now, inside)),
            )
        )  # fmt: skip
    return shares


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one customer stands: the tier, why, how it is served, and the moves so far (day, before, after, reason)."""

    tier: str
    why: Words | None
    policy: Policy
    parts: list[tuple[Words, float]]
    moves: list[tuple[date, str, str, Words]]


def standing_of(person_id: int, *, lake: Lake, scope: Scope) -> Standing | None:
    """Where a customer stands among tiers; None where no tier is known or amounts are hidden from the scope."""
    if not scope.sees("amounts"):
        return None
    table = lake.read("scores/tiers", actor=scope)
    found = lake.to_arrow(table.filter(table.person_id == person_id)).to_pylist()
    if not found or found[0]["tier"] is None:
        return None
    row, force = found[0], in_force()
    rule = force.rule
    if row["tier_version"] != force.version:
        told = TierRule.objects.filter(version=row["tier_version"]).first()
        rule = told.as_rule if told else Rule()
    said = {
        "rule": row["tier_rule"],
        "points": row["tier_points"],
        "growth": row["growth"],
        "tenure_days": row["tenure_days"],
    }
    moves = lake.read("scores/tier_moves", actor=scope)
    ordered = lake.to_arrow(
        moves.filter(moves.person_id == person_id).order_by(moves["at"].desc()).limit(12)
    ).to_pylist()
    return Standing(
        row["tier"], why(said, rule), force.policies[row["tier"]],
        [(words, row[f"p_{name}"]) for name, words in PARTS.items() if row[f"p_{name}"] is not None],
        [(m["as_of"], m["tier_before"], m["tier"], Words(m["tier_why_en"], m["tier_why_zh"])) for m in ordered],
    )  # fmt: skip


@transaction.atomic
def set_cover(
    manager: User, deputy: User | None, *, since: date, until: date, actor: User, now: datetime
) -> Cover | None:
    """Say who stands in for a manager from one day to another, both included; no deputy: nobody does in that time.

    What was said of that time before is replaced where the two overlap. The customers stay the manager's, and standing
    in lets nobody see more than the own role does. Raises TenureError for a deputy who can't sign in, the manager
    itself, or days in the wrong order.
    """
    if not may(actor, "assign"):
        raise TenureError(tr("Cover is set by somebody who may give customers to an owner."))
    if until < since:
        raise TenureError(tr("Cover ends on {until}, before it begins on {since}.", until=until, since=since))
    if deputy is not None and (deputy.pk == manager.pk or not (deputy.is_active and deputy.role)):
        raise TenureError(tr('"{name}" can\'t stand in: name a colleague who can sign in.', name=deputy.username))
    Cover.objects.filter(manager=manager, since__lte=until, until__gte=since).delete()
    made = Cover.objects.create(manager=manager, deputy=deputy, since=since, until=until) if deputy else None
    audit.record(
        "set_cover", "user", manager.pk, actor=actor, now=now, deputy=deputy.pk if deputy else None,
        since=since.isoformat(), until=until.isoformat(),
    )  # fmt: skip
    announce(CoverSet(manager.pk, deputy.pk if deputy else None))
    return made


def cover_of(manager_id: int | None, today: date) -> Cover | None:
    """Who stands in for a manager today."""
    rows = Cover.objects.select_related("deputy").filter(manager_id=manager_id, since__lte=today, until__gte=today)
    return rows.order_by("-pk").first() if manager_id is not None else None


def covers(today: date) -> list[Cover]:
    """Who stands in for whom, now and in days to come."""
    return list(Cover.objects.select_related("manager", "deputy").filter(until__gte=today))
