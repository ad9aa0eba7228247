"""The verbs of statements: written down by hand, and reviewed one or many at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction

from tenure.desk.causes.events import StatementRecorded, StatementsReviewed
from tenure.desk.causes.models import CameFrom, Statement
from tenure.desk.causes.suggesting import suggester
from tenure.desk.causes.taxonomy import tree
from tenure.desk.customers.models import Customer
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents, personal
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.lake.scope import Scope
from tenure.language import tr

LONGEST = 10_000
MOST_AT_ONCE = 500
CANT_TELL = "cant_tell"
CONTEXT = "statement"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wrote down. cause: where they know it, which confirms it at once."""

    came_from: str
    text: str
    said_on: date
    left_on: date | None = None
    competitor: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What came of a review. done: how many were settled; moved: those somebody else settled first, left as they are."""

    done: int
    moved: tuple[int, ...]


def may_record(user: User) -> bool:
    """Whoever works with customers may write down what they said."""
    return may(user, "edit") or may(user, "causes")


@transaction.atomic
def record_statement(
    person_id: int, said: Said, *, lake: Lake, scope: Scope, actor: User | None, now: datetime
) -> Statement:
    """Write down what a leaver, or one of us about them, said of why they leave.

    Raises Customer.DoesNotExist where the scope does not reach the customer; TenureError for an actor who may not, an
    unknown origin, neither text nor cause, text too long, a day to come, or a cause that is none or retired.
    """
    if actor is not None and not may_record(actor):
        raise TenureError(tr("Your role does not write down what customers say. Ask an administrator."))
    text = said.text.replace("\x00", "").strip()
    if said.came_from not in CameFrom.values:
        raise TenureError(tr("Say where it was said: {known}.", known=", ".join(str(one) for one in CameFrom.labels)))
    if not text and not said.cause:
        raise TenureError(tr("Write down what was said, or choose the cause."))
    if len(text) > LONGEST:
        raise TenureError(
            tr("The text has {n} characters; {most} are kept. Shorten it to what says why.", n=len(text), most=LONGEST)
        )
    today = now.astimezone(ZoneInfo(lake.zone)).date()
    if said.said_on > today or (said.left_on is not None and said.left_on > today):
        raise TenureError(tr("That day is still to come; give the day it was said."))
    if said.cause:
        _choosable(said.cause)
        if actor is not None and not may(actor, "causes"):
            raise TenureError(tr("Your role does not confirm causes. Leave the cause open; somebody will review it."))
    person = consents.current(person_id)
    if not Customer.objects.visible_to(scope).filter(pk=person).exists():
        raise Customer.DoesNotExist
    found = suggester(lake)
    guess = found.suggest(text)
    confirmed = bool(said.cause)
    made = Statement.objects.create(
        own_id=person, said_at=_noon(said.said_on, lake, now), came_from=said.came_from,
        text=personal.seal(person, text, context=CONTEXT), competitor=" ".join(said.competitor.split())[:80],
        left_on=said.left_on, suggested=guess.cause, confidence=guess.confidence,
        suggested_by=guess.by if guess.told else "",
        went_by=personal.seal(person, ", ".join(guess.words), context=CONTEXT), looked_with=found.mark,
        state=Statement.State.CONFIRMED if confirmed else Statement.State.WAITING, confirmed=said.cause,
        reviewed_by=actor if confirmed else None, reviewed_at=now if confirmed else None, said_by=actor, made_at=now,
    )  # fmt: skip
    audit.record(
        "record_statement", "customer", person, actor=actor, now=now, statement=made.pk, source=said.came_from,
        cause=said.cause or guess.cause, subject=person, private={"text": text[:500]} if text else None,
    )  # fmt: skip
    announce(StatementRecorded(made.pk, person))
    return made


@transaction.atomic
def review(versions: Mapping[int, int], verdict: str, *, scope: Scope, actor: User | None, now: datetime) -> Reviewed:
    """Say what statements mean: each is confirmed as its own suggestion (verdict ""), as one cause, or can't be told.

    versions: statement → the version the actor looked at. One that somebody else settled meanwhile is left to them
    and named. Raises Statement.DoesNotExist where the scope does not reach one, TenureError for an actor who may not,
    nothing or too much at once, a cause that is none or retired, and suggestions that are to be confirmed where there
    is none.
    """
    if actor is not None and not may(actor, "causes"):
        raise TenureError(tr("Your role does not confirm causes. Ask an administrator."))
    if not versions:
        raise TenureError(tr("Choose at least one statement."))
    if len(versions) > MOST_AT_ONCE:
        raise TenureError(tr("At most {most} statements are reviewed at once.", most=MOST_AT_ONCE))
    if verdict not in ("", CANT_TELL):
        _choosable(verdict)
    reached = set(Statement.objects.visible_to(scope).filter(pk__in=list(versions)).values_list("pk", flat=True))
    if reached != set(versions):
        raise Statement.DoesNotExist
    rows = list(Statement.objects.select_for_update(of=("self",)).filter(pk__in=list(versions)).order_by("pk"))
    fresh = [row for row in rows if row.version == versions[row.pk]]
    moved = tuple(row.pk for row in rows if row.version != versions[row.pk])
    nodes = tree()
    for row in fresh:
        cause = verdict or row.suggested
        if verdict == CANT_TELL:
            row.state, row.confirmed = Statement.State.CANT_TELL, ""
        elif not cause or cause not in nodes or nodes[cause].retired:
            raise TenureError(
                tr("Nothing is suggested for some of these. Choose a cause for them, or say that it can't be told.")
            )
        else:
            row.state, row.confirmed = Statement.State.CONFIRMED, cause
        row.reviewed_by, row.reviewed_at = actor, now
        row.version += 1
    Statement.objects.bulk_update(
        fresh, ["state", "confirmed", "reviewed_by", "reviewed_at", "version"], batch_size=200
    )
    if fresh:
        ids = [row.pk for row in fresh]
        audit.record(
            "review_statements", "statements", len(ids), actor=actor, now=now, digest=audit.digest(ids),
            statements=ids[:20], cause=verdict or sorted({row.confirmed for row in fresh}),
        )  # fmt: skip
        announce(StatementsReviewed(tuple(ids), verdict))
    return Reviewed(len(fresh), moved)


def _choosable(code: str) -> None:
    node = tree().get(code)
    if node is None or not node.parent:
        raise TenureError(tr("Choose a cause of the tree."))
    if node.retired:
        raise TenureError(tr('"{name}" is retired. Choose another cause.', name=str(node.words)))


def _noon(day: date, lake: Lake, now: datetime) -> datetime:
    """An instant within that business day; never one to come."""
    return min(datetime.combine(day, time(12), ZoneInfo(lake.zone)), now)
