"""The discussion of a cause: ideas, what others say of them and how many are for them, and what was decided."""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from tenure.desk.causes import calling
from tenure.desk.causes.events import IdeaChanged
from tenure.desk.causes.models import Idea, IdeaComment, IdeaVote, Mention
from tenure.desk.causes.taxonomy import tree
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.language import tr

LONGEST = 2000
NEXT = {
    Idea.State.OPEN: (Idea.State.DROPPED,),
    Idea.State.DECIDED: (Idea.State.DONE, Idea.State.DROPPED, Idea.State.OPEN),
    Idea.State.DONE: (Idea.State.OPEN,),
    Idea.State.DROPPED: (Idea.State.OPEN,),
}


@transaction.atomic
def add_idea(cause: str, text: str, *, actor: User, now: datetime) -> Idea:
    """Say what could be done about a cause; who is called in by @name finds a notice.

    Raises TenureError for no such cause, no text, or too much of it.
    """
    _allowed(actor, "insight")
    if cause not in tree():
        raise TenureError(tr("Choose a cause of the tree."))
    idea = Idea.objects.create(cause=cause, text=_text(text), by=actor, at=now)
    people = _call(idea.text, idea, None, Mention.Why.IDEA, actor, now)
    _told("add_idea", idea, "add", actor, now, **people)
    return idea


@transaction.atomic
def comment(idea_id: int, text: str, *, actor: User, now: datetime) -> IdeaComment:
    """Say something of an idea; who is called in finds a notice. Raises Idea.DoesNotExist, and TenureError as `add_idea`."""
    _allowed(actor, "insight")
    idea = Idea.objects.select_for_update().get(pk=idea_id)
    made = IdeaComment.objects.create(idea=idea, text=_text(text), by=actor, at=now)
    people = _call(made.text, idea, made, Mention.Why.COMMENT, actor, now)
    _told("comment_idea", idea, "comment", actor, now, **people)
    return made


@transaction.atomic
def vote(idea_id: int, *, for_it: bool, actor: User, now: datetime) -> int:
    """Be for an idea, or no more; returns how many are. One vote a person. Raises Idea.DoesNotExist."""
    _allowed(actor, "insight")
    idea = Idea.objects.select_for_update().get(pk=idea_id)
    if idea.state != Idea.State.OPEN:
        raise TenureError(tr("This idea is decided already; votes no longer change it."))
    mine = IdeaVote.objects.filter(idea=idea, user=actor)
    if for_it != mine.exists():
        if for_it:
            IdeaVote.objects.create(idea=idea, user=actor)
        else:
            mine.delete()
        _told("vote_idea", idea, "vote" if for_it else "unvote", actor, now, state="+1" if for_it else "−1")
    return IdeaVote.objects.filter(idea=idea).count()


@transaction.atomic
def decide(idea_id: int, decision: str, *, owner: User | None, due: date | None, actor: User, now: datetime) -> Idea:
    """Decide on an idea: what is done, by whom, until when; whoever sees to it finds a notice.

    Raises Idea.DoesNotExist; TenureError for an actor who may not, no text, an owner who can't sign in, a day past.
    """
    _allowed(actor, "causes")
    idea = Idea.objects.select_for_update().get(pk=idea_id)
    if idea.state in (Idea.State.DONE, Idea.State.DROPPED):
        raise TenureError(tr("This idea is closed. Open it again before you decide on it."))
    if owner is None or not owner.is_active or not owner.role:
        raise TenureError(tr("Say who sees to it: somebody with an account."))
    if due is None or due < now.date():
        raise TenureError(tr("Say until when, a day from today on."))
    idea.decision, idea.owner, idea.due = _text(decision), owner, due
    idea.decided_by, idea.decided_at, idea.state = actor, now, Idea.State.DECIDED
    idea.save()
    calling.call([owner], idea, None, why=Mention.Why.DECISION, actor=actor, now=now)
    _told("decide_idea", idea, "decide", actor, now, owner=owner.username, until=due.isoformat())
    return idea


@transaction.atomic
def move(idea_id: int, state: str, *, actor: User, now: datetime) -> Idea:
    """Say that a decision is done, drop an idea, or open it again; whoever sees to it may do so too.

    Raises Idea.DoesNotExist; TenureError for an actor who may not, and where it can't go to that state.
    """
    idea = Idea.objects.select_for_update().get(pk=idea_id)
    if idea.owner_id != actor.pk:
        _allowed(actor, "causes")
    if state not in NEXT[Idea.State(idea.state)]:
        raise TenureError(tr("This idea was changed meanwhile. Look at it again."))
    idea.state = state
    idea.save(update_fields=["state"])
    _told("move_idea", idea, state, actor, now, state=state)
    return idea


def _allowed(actor: User, permission: str) -> None:
    if not may(actor, permission):  # type: ignore[arg-type]
        raise TenureError(tr("Your role takes no part in this. Ask an administrator."))


def _text(text: str) -> str:
    said = text.replace("\x00", "").strip()
    if not said or len(said) > LONGEST:
        raise TenureError(tr("Write something, of at most {most} characters.", most=LONGEST))
    return said


def _call(
    text: str, idea: Idea, comment: IdeaComment | None, why: str, actor: User, now: datetime
) -> dict[str, list[str]]:
    """Notices for whom a text calls in; who they are, for the audit. Nothing is looked up where no name stands in it."""
    if "@" not in text:
        return {}
    people, _strange = calling.called_in(text, calling.callable_by(actor))
    calling.call(people, idea, comment, why=why, actor=actor, now=now)
    return {"called": [one.username for one in people]} if people else {}


def _told(verb: str, idea: Idea, deed: str, actor: User, now: datetime, **detail: Any) -> None:
    audit.record(verb, "idea", idea.pk, actor=actor, now=now, cause=idea.cause, **detail)
    announce(IdeaChanged(idea.pk, idea.cause, deed))
