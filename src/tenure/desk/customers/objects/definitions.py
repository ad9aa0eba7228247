"""The verbs by which a company makes kinds of record of its own. Their fields are made as those of customers are."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count

from tenure.contracts import CONTRACTS
from tenure.contracts.custom import plain
from tenure.desk.customers.events import OwnObjectChanged
from tenure.desk.customers.fields.definitions import LONGEST_HELP, LONGEST_NAME, tidy
from tenure.desk.customers.objects.models import OwnLink, OwnObject, OwnRecord
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.language import tr

MOST = 100
_RESERVED = {plain(word) for word in ("customers", "customer", "客户", "desk", "records", "own", "new")}


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of record as somebody wishes it. many: a record may belong to several customers at once."""

    name_en: str = ""
    name_zh: str = ""
    help_en: str = ""
    help_zh: str = ""
    many: bool = False

    @classmethod
    def of(cls, known: OwnObject) -> "Shape":
        """The shape that changes nothing."""
        return cls(known.name_en, known.name_zh, known.help_en, known.help_zh, known.many)


def known(*, archived: bool = False) -> list[OwnObject]:
    """The kinds there are, oldest first; those put away only where asked for."""
    found = OwnObject.objects.order_by("pk")
    return list(found if archived else found.filter(archived_at=None))


def counted() -> dict[int, int]:
    """How many records each kind has, whoever may see them: for whoever decides about the kind."""
    return dict(OwnRecord.objects.order_by().values_list("object_id").annotate(n=Count("pk")))


def find(text: str) -> OwnObject | None:
    """The kind of this code or name, in either language; None where there is none."""
    bare = plain(text)
    names = ((one, {plain(one.code), plain(one.name_en), plain(one.name_zh)} - {""}) for one in known())
    return next((one for one, called in names if bare in called), None)


@transaction.atomic
def add_object(shape: Shape, *, actor: User | None, now: datetime) -> OwnObject:
    """Make a kind of record of the company's own. It is there at once: lists, forms, customers' pages, files, programs.

    Raises TenureError for a shape that makes no kind, and where there are too many already.
    """
    there = list(OwnObject.objects.select_for_update().order_by("pk"))
    if sum(one.archived_at is None for one in there) >= MOST:
        raise TenureError(tr("There are {limit} own kinds already, and no more fit. Put one away.", limit=MOST))
    made = OwnObject(made_at=now)
    _fill(made, _checked(shape, there, None))
    made.save()
    _done(made, "add_own_object", actor, now, after=_told(made))
    return made


@transaction.atomic
def change_object(object_id: int, shape: Shape, *, actor: User | None, now: datetime) -> OwnObject:
    """Change what a kind is called, or whether its records may belong to several customers.

    Raises OwnObject.DoesNotExist; TenureError for a shape that makes no kind, and where records that belong to several
    customers would have to lose one.
    """
    there = list(OwnObject.objects.select_for_update().order_by("pk"))
    found = next((one for one in there if one.pk == object_id), None)
    if found is None:
        raise OwnObject.DoesNotExist
    shape = _checked(shape, there, found)
    if found.many and not shape.many:
        shared = OwnLink.objects.filter(record__object=found).values("record").annotate(n=Count("pk")).filter(n__gt=1)
        if n := shared.count():
            raise TenureError(
                tr("{n:,} records belong to several customers. Leave each with one first, or keep it as it is.", n=n)
            )
    before = _told(found)
    _fill(found, shape)
    found.save()
    _done(found, "change_own_object", actor, now, before=before, after=_told(found))
    return found


@transaction.atomic
def put_away(object_id: int, *, records: int | None = None, actor: User | None, now: datetime) -> OwnObject:
    """Put a kind away: lists, forms, files and programs no longer show it. Its records and fields stay as they are.

    records: how many the asker was told of; with more by now, or none told, nothing is done.

    Raises OwnObject.DoesNotExist, and TenureError where there are records nobody was asked about.
    """
    found = OwnObject.objects.select_for_update().get(pk=object_id)
    there = OwnRecord.objects.filter(object=found).count()
    if there and records != there:
        raise TenureError(
            tr("{name} has {n:,} records. Look at what goes out of sight, and say so again.", name=found, n=there)
        )
    if found.archived_at is None:
        found.archived_at = now
        found.save(update_fields=["archived_at"])
        _done(found, "archive_own_object", actor, now, records=there)
    return found


@transaction.atomic
def bring_back(object_id: int, *, actor: User | None, now: datetime) -> OwnObject:
    """Bring a kind back, with every record it had. Raises OwnObject.DoesNotExist, TenureError where they are full."""
    there = list(OwnObject.objects.select_for_update().order_by("pk"))
    found = next((one for one in there if one.pk == object_id), None)
    if found is None:
        raise OwnObject.DoesNotExist
    if found.archived_at is not None:
        if sum(one.archived_at is None for one in there) >= MOST:
            raise TenureError(tr("There are {limit} own kinds already, and no more fit. Put one away.", limit=MOST))
        found.archived_at = None
        found.save(update_fields=["archived_at"])
        _done(found, "restore_own_object", actor, now)
    return found


def _checked(shape: Shape, there: list[OwnObject], mine: OwnObject | None) -> Shape:
    names = {name: tidy(getattr(shape, name)) for name in ("name_en", "name_zh", "help_en", "help_zh")}
    if not names["name_en"] and not names["name_zh"]:
        raise TenureError(tr("Give it a name, in English or in Chinese."))
    for name, text in names.items():
        limit = LONGEST_NAME if name.startswith("name") else LONGEST_HELP
        if len(text) > limit:
            raise TenureError(
                tr("That is too long: {length} characters, and {limit} fit.", length=len(text), limit=limit)
            )
    for name in (names["name_en"], names["name_zh"]):
        if name:
            _check_name(name, there, mine)
    return replace(shape, **names)  # type: ignore[arg-type]


def _check_name(name: str, there: list[OwnObject], mine: OwnObject | None) -> None:
    bare = plain(name)
    if not any(character.isalnum() for character in bare):
        raise TenureError(tr('"{name}" has no letter or digit, so no file could name it. Add a word.', name=name))
    for contract in CONTRACTS.values():
        if bare in {plain(contract.name), plain(contract.words.en), plain(contract.words.zh)}:
            raise TenureError(
                tr('"{name}" is a kind of record every company has already. Give yours another name.', name=name)
            )
    if bare in _RESERVED or (bare[:1] == "o" and bare[1:].isdigit()):
        raise TenureError(tr('"{name}" has a meaning of its own here. Give it another name.', name=name))
    for other in there:
        if (mine is None or other.pk != mine.pk) and bare in {
            plain(one) for one in (other.name_en, other.name_zh) if one
        }:
            if other.archived_at is not None:
                raise TenureError(tr('"{name}" was put away. Bring it back, or give this one another name.', name=name))
            raise TenureError(tr('There is a "{name}" already. Give this one another name.', name=name))


def _fill(made: OwnObject, shape: Shape) -> None:
    for name in ("name_en", "name_zh", "help_en", "help_zh", "many"):
        setattr(made, name, getattr(shape, name))


def _told(one: OwnObject) -> dict[str, Any]:
    return {"name": str(one.words), "many": one.many}


def _done(one: OwnObject, verb: str, actor: User | None, now: datetime, **detail: Any) -> None:
    audit.record(verb, "own_object", one.code, actor=actor, now=now, name=one.name_en or one.name_zh, **detail)
    announce(OwnObjectChanged(one.pk, verb))
