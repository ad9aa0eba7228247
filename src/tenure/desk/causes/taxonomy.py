"""The company's tree of causes: what every company starts with, as this one changed it; and the verbs that do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from tenure.desk.causes.events import CauseChanged
from tenure.desk.causes.models import KeptCause, Statement
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.insight.causes import BY_CODE, CONTROL, DEFAULT, NATURE, SIDE, Cause
from tenure.language import Words, tr

MOST, LONGEST = 200, 80
AXES: Mapping[str, Mapping[str, Words]] = {"control": CONTROL, "side": SIDE, "nature": NATURE}
TITLES: Mapping[str, Words] = {
    "control": Words("Control", "可控性"),
    "side": Words("Origin", "内外部"),
    "nature": Words("Nature", "主客观"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One cause as it stands. own: the company's, or a usual one it changed; version 0: as every company has it."""

    cause: Cause
    retired: bool = False
    version: int = 0

    @property
    def code(self) -> str:
        return self.cause.code

    @property
    def words(self) -> Words:
        return self.cause.words

    @property
    def parent(self) -> str:
        return self.cause.parent

    @property
    def control(self) -> str:
        return self.cause.control

    @property
    def axes(self) -> list[str]:
        """Its three axes in words."""
        return [str(AXES[name][getattr(self.cause, name)]) for name in AXES]


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants a cause to be."""

    name_en: str
    name_zh: str
    parent: str
    control: str = "controllable"
    side: str = "internal"
    nature: str = "objective"
    vague: bool = False


def tree() -> dict[str, Node]:
    """Every cause by its code, a branch before its causes; retired ones among them."""
    kept = {row.code: row for row in KeptCause.objects.all()}
    every = [_node(kept[one.code]) if one.code in kept else Node(one) for one in DEFAULT]
    every += [_node(row) for row in kept.values() if not row.usual]
    branches = [one for one in every if not one.parent]
    return {one.code: one for top in branches for one in (top, *(low for low in every if low.parent == top.code))}


def open_causes(nodes: Mapping[str, Node] | None = None) -> list[tuple[Node, list[Node]]]:
    """The branches with their causes that may be chosen: what is retired, or hangs on a retired branch, is left out."""
    nodes = tree() if nodes is None else nodes
    found = [
        (top, [one for one in nodes.values() if one.parent == top.code and not one.retired])
        for top in nodes.values()
        if not top.parent and not top.retired
    ]
    return [(top, causes) for top, causes in found if causes]


def _node(row: KeptCause) -> Node:
    cause = Cause(
        row.code, Words(row.name_en, row.name_zh), row.parent, row.control, row.side, row.nature, row.vague  # type: ignore[arg-type]
    )  # fmt: skip
    return Node(cause, row.retired_at is not None, row.version)


@transaction.atomic
def add_cause(draft: Draft, *, code: str = "", actor: User | None, now: datetime) -> Node:
    """Add a cause of the company's own, or a branch (`parent` empty). code: as a file has it; else made from the name.

    Raises TenureError for an actor who may not, names that are none or taken, a branch that is none, or axes unknown.
    """
    allowed(actor)
    nodes = tree()
    if len(nodes) >= MOST:
        raise TenureError(tr("A tree holds up to {most} causes. Retire what nobody uses.", most=MOST))
    draft = _checked(draft, nodes)
    stem = re.sub(r"[^a-z0-9]+", "_", draft.name_en.lower()).strip("_")[:40] or "cause"
    code, number = code or stem, 2
    while code in nodes or code in BY_CODE:
        code, number = f"{stem}_{number}", number + 1
    try:
        with transaction.atomic():
            row = KeptCause.objects.create(code=code, **_columns(draft))
    except IntegrityError:
        raise TenureError(tr("Somebody added a cause by this name just now. Look at the list again.")) from None
    _told("add_cause", code, "add", actor, now, after=_columns(draft))
    return _node(row)


@transaction.atomic
def change_cause(code: str, draft: Draft, *, version: int, actor: User | None, now: datetime) -> Node:
    """Rename a cause, move it to another branch, or set its axes; statements keep it.

    version: of what the actor looked at. Raises KeyError for no such cause, TenureError as `add_cause`, where somebody
    changed it meanwhile, and where a branch that has causes would become one.
    """
    allowed(actor)
    nodes, row = tree(), _locked(code)
    before = nodes[code]
    _fresh(row, version)
    draft = _checked(draft, nodes, code)
    if bool(before.parent) != bool(draft.parent):
        raise TenureError(tr("A branch stays a branch, and a cause stays a cause. Add another one instead."))
    columns = _columns(draft)
    if columns == _columns(draft_of(before)):
        return before
    row = _kept(row, before, columns)
    _told("change_cause", code, "change", actor, now, before=_columns(draft_of(before)), after=columns)
    return _node(row)


@transaction.atomic
def retire_cause(code: str, *, into: str = "", version: int, actor: User | None, now: datetime) -> int:
    """Offer a cause no more. What people confirmed keeps it; waiting statements it was suggested for are given `into`,
    or wait without a suggestion. Returns how many these were.

    Raises KeyError for no such cause, TenureError for a branch with causes in it, and as `change_cause`.
    """
    allowed(actor)
    nodes, row = tree(), _locked(code)
    before = nodes[code]
    _fresh(row, version)
    if before.retired:
        return 0
    if any(one.parent == code and not one.retired for one in nodes.values()):
        raise TenureError(tr("This branch still has causes. Move or retire them first."))
    if into and (into == code or into not in nodes or nodes[into].retired or not nodes[into].parent):
        raise TenureError(tr("Choose a cause that is in use to take its place."))
    _kept(row, before, _columns(draft_of(before)) | {"retired_at": now})
    waiting = Statement.objects.filter(suggested=code, state=Statement.State.WAITING)
    anew: dict[str, Any] = {"suggested": into}
    if not into:
        anew |= {"confidence": 0, "suggested_by": "", "went_by": "", "looked_with": ""}
    from django.db.models import F

    moved = waiting.update(version=F("version") + 1, **anew)
    _told("retire_cause", code, "retire", actor, now, into=into, statements=moved)
    return moved


@transaction.atomic
def restore_cause(code: str, *, actor: User | None, now: datetime) -> Node:
    """Offer a retired cause again. Raises KeyError for no such cause, TenureError where its branch is retired."""
    allowed(actor)
    nodes, row = tree(), _locked(code)
    node = nodes[code]
    if row is None or not node.retired:
        return node
    if node.parent and nodes[node.parent].retired:
        raise TenureError(tr("Its branch is retired. Bring the branch back first, or move the cause."))
    row = _kept(row, node, {"retired_at": None})
    _told("restore_cause", code, "restore", actor, now)
    return _node(row)


def allowed(actor: User | None) -> None:
    """Raises TenureError for an actor who may not change the tree."""
    if actor is not None and not may(actor, "pack"):
        raise TenureError(tr("Your role does not change the tree of causes. Ask an administrator."))


def _locked(code: str) -> KeptCause | None:
    return KeptCause.objects.select_for_update().filter(code=code).first()


def _fresh(row: KeptCause | None, version: int) -> None:
    if (row.version if row else 0) != version:
        raise TenureError(tr("Somebody changed this cause meanwhile. Look at it again before you save."))


def _kept(row: KeptCause | None, before: Node, columns: Mapping[str, Any]) -> KeptCause:
    if row is None:
        try:
            with transaction.atomic():
                return KeptCause.objects.create(code=before.code, **(_columns(draft_of(before)) | dict(columns)))
        except IntegrityError:
            raise TenureError(tr("Somebody changed this cause meanwhile. Look at it again before you save.")) from None
    for name, value in columns.items():
        setattr(row, name, value)
    row.version += 1
    row.save()
    return row


def draft_of(node: Node) -> Draft:
    """What a cause is now, as a draft to change."""
    one = node.cause
    return Draft(one.words.en, one.words.zh, one.parent, one.control, one.side, one.nature, one.vague)


def _columns(draft: Draft) -> dict[str, Any]:
    return {
        "name_en": draft.name_en, "name_zh": draft.name_zh, "parent": draft.parent, "control": draft.control,
        "side": draft.side, "nature": draft.nature, "vague": draft.vague,
    }  # fmt: skip


def _checked(draft: Draft, nodes: Mapping[str, Node], code: str = "") -> Draft:
    from dataclasses import replace

    names = [" ".join(name.replace("\x00", "").split()) for name in (draft.name_en, draft.name_zh)]
    en, zh = names[0] or names[1], names[1] or names[0]
    if not en or max(len(en), len(zh)) > LONGEST:
        raise TenureError(tr("Give the cause a name of at most {most} characters.", most=LONGEST))
    for other in nodes.values():
        if (
            other.code != code
            and other.parent == draft.parent
            and {en.casefold(), zh} & {other.words.en.casefold(), other.words.zh}
        ):
            raise TenureError(tr('There is a cause called "{name}" already in this branch.', name=str(other.words)))
    if draft.parent and (
        draft.parent not in nodes or nodes[draft.parent].parent or nodes[draft.parent].retired or draft.parent == code
    ):
        raise TenureError(tr("Choose a branch that is in use."))
    for axis, known in AXES.items():
        if getattr(draft, axis) not in known:
            raise TenureError(
                tr('"{value}" is nothing a cause can be. Choose one of the list.', value=getattr(draft, axis)[:40])
            )
    return replace(draft, name_en=en, name_zh=zh)


def _told(verb: str, code: str, deed: str, actor: User | None, now: datetime, **detail: Any) -> None:
    audit.record(verb, "cause", code, actor=actor, now=now, **detail)
    announce(CauseChanged(code, deed))
