"""The verbs of the register of competitors: each is one transaction, one audit entry, one announced event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from tenure.desk.competitors.events import CompetitorSaved, LossDecided, MoveNoted
from tenure.desk.competitors.models import RECORDS, Competitor, Loss, Move
from tenure.desk.customers.models import Customer
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents, personal
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.language import tr

LONGEST, MOST_TEXT, MOST_ALIASES, MOST = 80, 4_000, 30, 500
SHORTEST_ALIAS = 2  # one letter or character is in every other word
SOURCES = (*RECORDS, "said")


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a competitor."""

    name: str
    aliases: Sequence[str] = ()
    offers: str = ""
    prices: str = ""
    strengths: str = ""
    website: str = ""


@transaction.atomic
def save(told: Told, *, competitor_id: int | None = None, actor: User | None, now: datetime) -> Competitor:
    """Add a competitor, or say anew what is known of one.

    Raises Competitor.DoesNotExist for one that is not there, TenureError without a name, for a name or alias that is
    another's, and an alias of one character.
    """
    _may(actor)
    name, aliases = _names(told)
    row = Competitor.objects.select_for_update().get(pk=competitor_id) if competitor_id else Competitor(made_at=now)
    taken = {one.casefold(): other.name for other in Competitor.objects.exclude(pk=row.pk) for one in other.called}
    for one in (name, *aliases):
        if one.casefold() in taken:
            raise TenureError(tr('"{name}" is what {other} is called already.', name=one, other=taken[one.casefold()]))
    if row.pk is None and Competitor.objects.count() >= MOST:
        raise TenureError(tr("The register holds up to {limit} competitors. Put some away first.", limit=MOST))
    before = row.name
    row.name, row.aliases, row.changed_at = name, aliases, now
    for field in ("offers", "prices", "strengths"):
        setattr(row, field, getattr(told, field).strip()[:MOST_TEXT])
    row.website = told.website.strip()[:200]
    row.save()
    verb = "change_competitor" if competitor_id else "add_competitor"
    audit.record(
        verb,
        "competitor",
        row.pk,
        actor=actor,
        now=now,
        aliases=len(aliases),
        before={"name": before},
        after={"name": name},
    )
    announce(CompetitorSaved(row.pk, verb))
    return row


@transaction.atomic
def put_away(competitor_id: int, *, away: bool = True, actor: User | None, now: datetime) -> Competitor:
    """Keep a competitor out of lists and suggestions, or bring it back; what is known of it stays.

    Raises Competitor.DoesNotExist for one that is not there.
    """
    _may(actor)
    row = Competitor.objects.select_for_update().get(pk=competitor_id)
    if (row.archived_at is not None) == away:
        return row
    row.archived_at = now if away else None
    row.save(update_fields=["archived_at"])
    verb = "archive_competitor" if away else "restore_competitor"
    audit.record(verb, "competitor", row.pk, actor=actor, now=now, name=row.name)
    announce(CompetitorSaved(row.pk, verb))
    return row


@transaction.atomic
def note_move(
    competitor_id: int,
    on: date,
    kind: str,
    title: str,
    *,
    detail: str = "",
    source: str = "",
    aims_at: Sequence[str] = (),
    actor: User | None,
    now: datetime,
) -> Move:
    """Note what a competitor did on a day, where it was seen, and whom it aims at.

    Raises Competitor.DoesNotExist, TenureError without words, for a kind that is none, and a day more than a year ahead.
    """
    _may(actor)
    row = Competitor.objects.get(pk=competitor_id)
    if not title.strip():
        raise TenureError(tr("Say what they did, in a few words."))
    if kind not in Move.Kind.values:
        raise TenureError(
            tr('There is no kind "{kind}". There are: {known}.', kind=kind, known=", ".join(Move.Kind.values))
        )
    if (on - now.date()).days > 366 or on.year < 1990:
        raise TenureError(tr("{day} is no day to go by. Give the day they did it.", day=on.isoformat()))
    move = Move.objects.create(
        competitor=row, on=on, kind=kind, title=title.strip()[:200], detail=detail.strip()[:MOST_TEXT],
        source=source.strip()[:200], aims_at=[one[:100] for one in aims_at][:20], noticed_by=actor, noted_at=now,
    )  # fmt: skip
    audit.record(
        "note_move",
        "competitor",
        row.pk,
        actor=actor,
        now=now,
        name=row.name,
        kind=kind,
        on=on.isoformat(),
        move=move.pk,
    )
    announce(MoveNoted(row.pk, move.pk, "note_move"))
    return move


@transaction.atomic
def strike_move(move_id: int, *, actor: User | None, now: datetime) -> None:
    """Take back a note that was wrong. Raises Move.DoesNotExist for one that is not there."""
    _may(actor)
    move = Move.objects.select_related("competitor").select_for_update(of=("self",)).get(pk=move_id)
    row = move.competitor
    audit.record(
        "strike_move",
        "competitor",
        row.pk,
        actor=actor,
        now=now,
        name=row.name,
        kind=move.kind,
        on=move.on.isoformat(),
        move=move_id,
    )
    announce(MoveNoted(row.pk, move_id, "strike_move"))
    move.delete()


@transaction.atomic
def decide_loss(
    competitor_id: int,
    person_id: int,
    on: date,
    *,
    left: bool,
    found_in: str = "said",
    record: str = "",
    note: str = "",
    scope: Scope,
    actor: User | None,
    now: datetime,
) -> Loss:
    """Say that a customer left for a competitor, or (of a record that names it) that it did not.

    Said again of the same record, the newest counts. Raises Competitor.DoesNotExist, Customer.DoesNotExist for a customer
    out of reach, and TenureError for a day to come.
    """
    _may(actor)
    row = Competitor.objects.get(pk=competitor_id)
    here = consents.current(person_id)
    if not Customer.objects.visible_to(scope).filter(pk=here).exists():
        raise Customer.DoesNotExist
    if found_in not in SOURCES:
        raise TenureError(
            tr("{source} names no competitor. Choose one of: {known}.", source=found_in, known=", ".join(SOURCES))
        )
    if (on - now.date()).days > 1:
        raise TenureError(tr("{day} is still to come. Give the day the customer left.", day=on.isoformat()))
    verdict = Loss.Verdict.CONFIRMED if left else Loss.Verdict.DENIED
    about: dict[str, Any] = {
        "competitor": row,
        "own_id": here,
        "found_in": found_in,
        "record": (record or on.isoformat())[:200],
    }
    said: dict[str, Any] = {
        "on": on, "verdict": verdict, "note": personal.seal(here, note.strip()[:500], context="loss"),
        "decided_by": actor, "decided_at": now,
    }  # fmt: skip
    try:
        with transaction.atomic():
            loss, _new = Loss.objects.update_or_create(**about, defaults=said)
    except IntegrityError:  # two people at once
        loss = Loss.objects.get(**about)
    verb = "confirm_loss" if left else "deny_loss"
    audit.record(
        verb, "customer", here, actor=actor, now=now, competitor=row.name, found_in=found_in, on=on.isoformat(), subject=here,
        private={"note": note.strip()[:500]} if note.strip() else None,
    )  # fmt: skip
    announce(LossDecided(row.pk, here, verb))
    return loss


@transaction.atomic
def withdraw_loss(loss_id: int, *, scope: Scope, actor: User | None, now: datetime) -> None:
    """Take back what was said of a customer and a competitor; a record that names it is suggested again.

    Raises Loss.DoesNotExist for one that is not there, or that the scope does not reach.
    """
    _may(actor)
    seen = Loss.objects.visible_to(scope).filter(pk=loss_id).values("pk")
    loss = Loss.objects.select_related("competitor").select_for_update(of=("self",)).get(pk__in=seen)
    here = consents.current(loss.own_id)
    audit.record(
        "withdraw_loss",
        "customer",
        here,
        actor=actor,
        now=now,
        competitor=loss.competitor.name,
        on=loss.on.isoformat(),
        verdict=loss.verdict,
    )
    announce(LossDecided(loss.competitor_id, here, "withdraw_loss"))
    loss.delete()


def _may(actor: User | None) -> None:
    if actor is not None and not may(actor, "competitors"):
        raise TenureError(tr("Your role does not keep the register of competitors. Ask an administrator."))


def _names(told: Told) -> tuple[str, list[str]]:
    name = " ".join(told.name.split())
    if not name or len(name) > LONGEST:
        raise TenureError(tr("Give the competitor a name of up to {limit} characters.", limit=LONGEST))
    aliases: list[str] = []
    for one in (" ".join(alias.split()) for alias in told.aliases):
        if not one or one.casefold() in {name.casefold(), *(known.casefold() for known in aliases)}:
            continue
        if len(one) < SHORTEST_ALIAS:
            raise TenureError(
                tr('"{alias}" is too short to be told from other words; give two characters or more.', alias=one)
            )
        aliases.append(one[:LONGEST])
    if len(aliases) > MOST_ALIASES:
        raise TenureError(tr("A competitor goes by up to {limit} other names.", limit=MOST_ALIASES))
    return name, aliases
