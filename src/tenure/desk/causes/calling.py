"""Calling colleagues in: @name in the discussion of a cause, a notice for whoever may read it, and for who is to do what was decided."""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from tenure.desk.causes.models import Idea, IdeaComment, Mention
from tenure.desk.governance.access import may, role_named
from tenure.desk.governance.models import User

MOST = 20
"""Colleagues one text calls in at most: past that it is a mailing."""
OFFERED = 8
# An address such as ann@example.com calls nobody.
_AT = re.compile(r"(?<![A-Za-z0-9_.])@(?=\S)")
_WORD = re.compile(r"[\w.+-]+")


def callable_by(actor: User) -> list[User]:
    """Whom somebody may call in: every other colleague whose role opens the pages of causes, by user name."""
    people = User.objects.filter(is_active=True).exclude(pk=actor.pk)
    # A role is looked up once, however many have it.
    roles = {code: role_named(code) for code in people.values_list("role", flat=True).distinct()}
    open_to = [code for code, role in roles.items() if role is not None and "insight" in role.permissions]
    return list(people.filter(role__in=open_to).order_by("username"))


def offered(actor: User, start: str) -> list[User]:
    """Whom a name may become that begins so: user names and names, at most OFFERED."""
    wanted = start.casefold()
    found = [
        one for one in callable_by(actor)
        if one.username.casefold().startswith(wanted) or wanted in one.shown_name.casefold()
    ]  # fmt: skip
    found.sort(key=lambda one: (not one.username.casefold().startswith(wanted), one.username))
    return found[:OFFERED]


def called_in(text: str, people: Iterable[User]) -> tuple[list[User], list[str]]:
    """Who of these people a text calls in, and the names in it that are none of theirs.

    The longest user name that stands after an @ is meant: Chinese writes no space after it, and "ann" is not "anna".
    """
    by_length = sorted(people, key=lambda one: -len(one.username))
    found: dict[int, User] = {}
    strange: list[str] = []
    for at in _AT.finditer(text):
        rest = text[at.end() :]
        one = next((one for one in by_length if _begins(rest, one.username)), None)
        if one is not None:
            found[one.pk] = one
        elif (name := _WORD.match(rest)) and not name[0][0].isdigit():
            strange.append(name[0].rstrip(".")[:40])
    return list(found.values())[:MOST], list(dict.fromkeys(strange))


def _begins(text: str, name: str) -> bool:
    if text[: len(name)].casefold() != name.casefold():
        return False
    after = text[len(name) : len(name) + 1]
    # A letter of the same script goes on with the name; a full stop may end the sentence.
    return after == "" or not (after.isascii() and (after.isalnum() or after in "_+-@"))


def call(
    people: Iterable[User], idea: Idea, comment: IdeaComment | None, *, why: str, actor: User, now: datetime
) -> None:
    """Leave each of them a notice. Call it within the verb's own transaction."""
    Mention.objects.bulk_create(
        [
            Mention(user=one, idea=idea, comment=comment, why=why, by=actor, at=now)
            for one in people
            if one.pk != actor.pk
        ]
    )


def notices(user: User) -> QuerySet[Mention]:
    """What somebody was called in for, the newest first.

    Whoever may not open the pages of causes (any more) finds the decisions they are to see to, and nothing else.
    """
    mine = Mention.objects.filter(user=user)
    if not may(user, "insight"):
        theirs = (Idea.State.DECIDED, Idea.State.DONE)
        mine = mine.filter(why=Mention.Why.DECISION, idea__owner=user, idea__state__in=theirs)
    return mine.select_related("idea", "comment", "by").order_by("-at", "-pk")


@transaction.atomic
def read(mention_id: int, *, read: bool = True, actor: User, now: datetime) -> Mention:
    """Say that one's own notice is read, or not yet. Raises Mention.DoesNotExist for another's, or one may not see it."""
    found = notices(actor).select_for_update(of=("self",)).get(pk=mention_id)
    if (found.read_at is not None) != read:
        found.read_at = now if read else None
        found.save(update_fields=["read_at"])
    return found
