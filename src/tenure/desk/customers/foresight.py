"""What people decide about the churn models: how they are kept, which is champion, and that one be learned now.

The desk says what is wished; the next refresh, which alone writes models, does it and says what came of it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from tenure.desk.customers.events import ChampionChosen, ChampionTookOver, LearningAsked, ModelPolicySet
from tenure.desk.customers.models import ModelDecision
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.insight.churn import registry
from tenure.insight.churn.learners import learner_named
from tenure.insight.churn.registry import DECISIONS, DOCUMENT, Policy, Standing
from tenure.lake import Lake
from tenure.language import Words, tr

Deed = ModelDecision.Deed
SCHEDULE_DAYS, THRESHOLDS, KEPT = (1, 730), (0.05, 5.0), (1, 50)


@dataclass(frozen=True, slots=True)
class Definition:
    """The models of one definition, as they stand and as they are wished to. waits: a decision no refresh has followed."""

    code: str
    words: Words
    standing: Standing
    waits: Mapping[str, Any]
    learning: bool

    @property
    def back_to(self) -> int | None:
        """The version to go back to: the champion before this one."""
        return self.standing.previous


def policy() -> Policy:
    """How models are kept now."""
    row = ModelDecision.objects.filter(deed=Deed.POLICY).first()
    return Policy.told(row.policy) if row else Policy()


def definitions(lake: Lake) -> list[Definition]:
    """The definitions there are models of, those with a champion first."""
    told = _wished()
    found = []
    for code, one in (lake.document(DOCUMENT) or {}).get("definitions", {}).items():
        standing = Standing.told(one)
        wanted = registry.chosen(told, code)
        waits = wanted if wanted and wanted["decision"] > standing.applied.get("choose", 0) else {}
        words = Words(standing.definition.get("en", code), standing.definition.get("zh", code))
        learning = told["learn"] > standing.applied.get("learn", 0)
        found.append(Definition(code, words, standing, waits, learning))
    return sorted(found, key=lambda one: (one.standing.champion is None, one.code))


@transaction.atomic
def set_policy(wanted: Policy, *, lake: Lake, actor: User | None, now: datetime) -> Policy:
    """Say how models are kept. Raises TenureError for an actor who may not, and figures out of range."""
    _refuse(actor)
    for value, (least, most), what in (
        (wanted.schedule_days, SCHEDULE_DAYS, tr("days between two models")),
        (wanted.threshold, THRESHOLDS, tr("threshold of drift")),
        (wanted.keep, KEPT, tr("versions kept")),
    ):
        if not least <= value <= most:  # also refuses what is no number
            raise TenureError(
                tr("{value} can't be ({what}); give {least} to {most}.", value=value, what=what, least=least, most=most)
            )
    if wanted.taking not in ("automatic", "ask"):
        raise TenureError(
            tr('A new model takes over "automatic" or after "ask"; found "{taking}".', taking=wanted.taking)
        )
    lacking = learner_named(wanted.learner).lacking()
    if lacking is not None:
        raise TenureError(lacking)
    before = policy()
    if wanted == before:
        return before
    row = _add(Deed.POLICY, actor=actor, now=now, policy=asdict(wanted))
    audit.record(
        "set_model_policy", "workspace", "models", actor=actor, now=now, before=asdict(before), after=asdict(wanted)
    )
    announce(ModelPolicySet(row.number))
    tell(lake)
    return wanted


@transaction.atomic
def ask_to_learn(*, lake: Lake, actor: User | None, now: datetime) -> None:
    """Have the next refresh learn anew, whatever schedule and drift say. Asked twice before it, it learns once."""
    _refuse(actor)
    there = definitions(lake)
    if there and all(one.learning for one in there):
        return
    row = _add(Deed.LEARN, actor=actor, now=now)
    audit.record("ask_to_learn", "workspace", "models", actor=actor, now=now)
    announce(LearningAsked(row.number))
    tell(lake)


@transaction.atomic
def promote(code: str, version: int, *, lake: Lake, actor: User | None, now: datetime) -> None:
    """Make a version champion; scores follow with the next refresh.

    Raises TenureError for an actor who may not, and a version that is not there, was never back-tested, answers another
    definition, or learned from columns that are gone.
    """
    _choose(Deed.PROMOTED, code, version, lake=lake, actor=actor, now=now)


@transaction.atomic
def roll_back(code: str, version: int | None = None, *, lake: Lake, actor: User | None, now: datetime) -> int:
    """Go back to an earlier version, the champion before this one unless said; scores follow with the next refresh.

    Returns the version. Raises TenureError as `promote` does, and where there is nothing to go back to.
    """
    wanted = version
    if wanted is None:
        wanted = _definition(code, lake).back_to
    if wanted is None:
        raise TenureError(
            tr('No champion of "{code}" came before this one, so there is none to go back to.', code=code)
        )
    _choose(Deed.ROLLED_BACK, code, wanted, lake=lake, actor=actor, now=now)
    return wanted


def note_takeovers(lake: Lake, *, now: datetime) -> int:
    """Write into the audit which models took over by themselves since; returns how many.

    The refresh says it in the lake, with the champion; told again it is written once, so one killed between the two is
    made good by the next. What a person chose stands there already.
    """
    noted = 0
    for one in definitions(lake):
        for reign in one.standing.reigns:
            if reign["why"] != "person":
                noted += _note_takeover(one.code, reign, now)
    return noted


@transaction.atomic
def _note_takeover(code: str, reign: Mapping[str, Any], now: datetime) -> bool:
    version = int(reign["version"])
    new = audit.once(
        f"take_over:{code}:{version}:{reign['at']}", "take_over_model", "model", f"{code} {version}", actor=None, now=now,
        before=reign["before"], after=version, because=reign["why"],
    )  # fmt: skip
    if new:
        announce(ChampionTookOver(code, version, str(reign["why"])))
    return new


def tell(lake: Lake) -> None:
    """Let the lake know what was decided, where it does not yet. Heals what was cut off between desk and lake."""
    wished = _wished()
    if wished != (lake.document(DECISIONS) or _NOTHING):
        lake.publish_document(DECISIONS, wished)


# How it is worked out

_NOTHING: dict[str, Any] = {"policy": {}, "learn": 0, "choose": {}}


def _choose(deed: str, code: str, version: int, *, lake: Lake, actor: User | None, now: datetime) -> None:
    _refuse(actor)
    one = _definition(code, lake)
    wanted = one.waits.get("version", one.standing.champion)
    why_not = cant_stand(one.standing, version)
    if why_not:
        raise TenureError(why_not)
    if version == wanted:
        raise TenureError(tr("Version {version} is champion already, or is about to be.", version=version))
    row = _add(deed, actor=actor, now=now, definition=code, model_version=version)
    verb = "promote_model" if deed == Deed.PROMOTED else "roll_back_model"
    audit.record(verb, "model", f"{code} {version}", actor=actor, now=now, before=one.standing.champion, after=version)
    announce(ChampionChosen(row.number, code, version))
    tell(lake)


def cant_stand(standing: Standing, version: int) -> str:
    """Why a version can't be champion; "" where it can."""
    told = standing.version(version)
    if told is None:
        known = ", ".join(str(one["version"]) for one in standing.versions) or tr("none")
        return tr("There is no version {version}. There are: {known}.", version=version, known=known)
    if (told.get("metrics") or {}).get("auc") is None:
        return tr("Version {version} was never tried on customers whose outcome is known.", version=version)
    if told["fields"] != standing.learned.get("definition"):
        return tr(
            "Version {version} was learned for another definition of churn, which no longer holds.", version=version
        )
    gone = registry.lacking(told["columns"], standing.learned.get("columns", []))
    if gone:
        return tr(
            "Version {version} learned from columns that are gone: {columns}. Import them again, or learn anew.",
            version=version, columns=", ".join(gone),
        )  # fmt: skip
    return ""


def _definition(code: str, lake: Lake) -> Definition:
    there = {one.code: one for one in definitions(lake)}
    if code not in there:
        raise TenureError(
            tr('There are no models of "{code}". There are some of: {known}.', code=code, known=", ".join(there) or tr("none"))
        )  # fmt: skip
    return there[code]


def _refuse(actor: User | None) -> None:
    if actor is not None and not may(actor, "models"):
        raise TenureError(tr("Churn models are kept by somebody whose role says so."))


def _wished() -> dict[str, Any]:
    """What counts of everything decided, as the lake is told."""
    wished: dict[str, Any] = {"policy": {}, "learn": 0, "choose": {}}
    for row in ModelDecision.objects.order_by("number"):
        if row.deed == Deed.POLICY:
            wished["policy"] = row.policy
        elif row.deed == Deed.LEARN:
            wished["learn"] = row.number
        else:
            wished["choose"][row.definition] = {"version": row.model_version, "decision": row.number, "deed": row.deed}
    return wished


def _add(deed: str, *, actor: User | None, now: datetime, **told: Any) -> ModelDecision:
    last = ModelDecision.objects.first()
    return ModelDecision.objects.create(
        number=(last.number if last else 0) + 1, deed=deed, made_by=actor, made_at=now, **told
    )
