"""What counts as leaving, as people set it: the main definition, and those that are scored beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from tenure.desk.customers import packs
from tenure.desk.customers.events import PracticeSet
from tenure.desk.customers.models import PracticeVersion
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.insight.churn.definitions import checked, free_code
from tenure.lake import Lake, Scope
from tenure.language import tr
from tenure.practice import Practice

MOST_BESIDE = 5
"""Each definition beside the main one is a model more to learn and to try with every refresh."""


@transaction.atomic
def set_churn(
    wish: Mapping[str, Any] | None, *, lake: Lake, scope: Scope, actor: User | None, now: datetime
) -> Practice:
    """Say what counts as leaving: a name of DEFINITIONS with its settings. None: what the pack says, or the records allow.

    What stood beside and is the main one now stands beside no longer.
    Raises TenureError for an actor who may not, a definition there is not, and settings that can't be.
    """
    packs.refuse(actor, scope)
    churn = None if wish is None else [_bare(checked(wish))]
    was = packs.state()
    before = was.by_hand.get("churn") if was else None
    if churn == before:
        return packs.in_force()
    held = [dict(one) for one in packs.in_force().beside if not churn or _bare(one) != churn[0]]
    row = packs.add_version(was, PracticeVersion.Deed.BY_HAND, actor=actor, now=now, churn=churn, beside=held)
    audit.record(
        "set_churn", "workspace", "churn", actor=actor, now=now,
        before=dict(before[0]) if before else {}, after=dict(churn[0]) if churn else {},
    )  # fmt: skip
    announce(PracticeSet(row.version, "churn"))
    packs.tell(lake)
    return packs.in_force()


@transaction.atomic
def put_beside(wish: Mapping[str, Any], *, lake: Lake, scope: Scope, actor: User | None, now: datetime) -> str:
    """Score one more definition beside the main one; gives its code. One that is there already is left as it is.

    A code stands for one definition for good: what was taken away and said otherwise later gets another.
    Raises TenureError for an actor who may not, a wish that can't be, the main definition itself, and one too many.
    """
    packs.refuse(actor, scope)
    told = _bare(checked(wish))
    was, practice = packs.state(), packs.in_force()
    for one in practice.beside:
        if _bare(one) == told:
            return str(one["code"])
    if any(dict(one) == told for one in practice.churn[:1]):
        raise TenureError(tr("This is the main definition already; beside it stands what differs from it."))
    if len(practice.beside) >= MOST_BESIDE:
        raise TenureError(
            tr("{most} definitions stand beside the main one already. Take one of them away first.", most=MOST_BESIDE)
        )
    code = _code_for(told, practice)
    held = [*(dict(one) for one in practice.beside), {**told, "code": code}]
    row = packs.add_version(was, PracticeVersion.Deed.BY_HAND, actor=actor, now=now, beside=held)
    audit.record("put_churn_beside", "workspace", "churn", actor=actor, now=now, name=code, after=told)
    announce(PracticeSet(row.version, f"churn:{code}"))
    packs.tell(lake)
    return code


@transaction.atomic
def take_from_beside(code: str, *, lake: Lake, scope: Scope, actor: User | None, now: datetime) -> Practice:
    """Score this definition no longer. Raises TenureError for an actor who may not, and a code that is not there."""
    packs.refuse(actor, scope)
    was, practice = packs.state(), packs.in_force()
    gone = [dict(one) for one in practice.beside if one.get("code") == code]
    if not gone:
        known = ", ".join(str(one.get("code")) for one in practice.beside) or tr("none")
        raise TenureError(
            tr('No definition "{code}" stands beside the main one. There are: {known}.', code=code, known=known)
        )
    held = [dict(one) for one in practice.beside if one.get("code") != code]
    row = packs.add_version(was, PracticeVersion.Deed.BY_HAND, actor=actor, now=now, beside=held)
    audit.record("take_churn_from_beside", "workspace", "churn", actor=actor, now=now, name=code, before=_bare(gone[0]))
    announce(PracticeSet(row.version, f"churn:{code}"))
    packs.tell(lake)
    return packs.in_force()


def _code_for(told: Mapping[str, Any], practice: Practice) -> str:
    """The code it had before, else the first that never stood for anything else."""
    taken = {str(one.get("definition")) for one in practice.churn}
    for by_hand in PracticeVersion.objects.values_list("by_hand", flat=True):
        for one in by_hand.get("beside", ()):
            if _bare(one) == dict(told):
                return str(one["code"])
            taken.add(str(one["code"]))
    return free_code(str(told["definition"]), taken)


def _bare(wish: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wish.items() if name != "code"}
