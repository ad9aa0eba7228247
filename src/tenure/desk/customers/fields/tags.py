"""Tags: fields of several choices that grow as people type, shown as chips on a customer's page.

A tag is a choice of such a field, so it filters lists, comes by files, goes out in exports and answers programs like
any other value of a company's own field.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from tenure.contracts.custom import Choice, plain
from tenure.desk.customers.fields.definitions import Draft, add_field, change_field, known
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.fields.values import edit_values, values_of
from tenure.desk.customers.models import Customer
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.language import tr

LONGEST = 40
BETWEEN = ",;|，；、\n"  # what parts several choices in one text, and so is in none


@dataclass(frozen=True, slots=True)
class Tag:
    """One chip: the field and the choice behind it."""

    field: CustomField
    choice: Choice

    def __str__(self) -> str:
        return str(self.choice.words)


def growing(scope: Scope) -> list[CustomField]:
    """The fields of tags whose values this scope sees in clear."""
    return [one for one in known() if one.grows and scope.sees(one.guarded_as)]


def tags_of(scope: Scope, person_id: int, fields: Sequence[CustomField]) -> list[Tag]:
    """The tags of a customer the scope must reach already, field by field in the order of its choices."""
    there = values_of(scope, [person_id], fields)[person_id]
    found = []
    for one in fields:
        codes = set((there[one.pk].kept or "").split(",")) if one.pk in there else set()
        found += [Tag(one, choice) for choice in one.options if choice.code in codes]
    return found


@transaction.atomic
def tag(
    person_id: int, label: str, *, scope: Scope, actor: User | None, now: datetime, field_id: int | None = None
) -> list[int]:
    """Give a customer a tag; one nobody used before is made. Returns the fields that changed.

    field_id: which field of tags; the first one unless said, and where there is none, "Tags" is made.

    Raises Customer.DoesNotExist beyond the scope's reach; TenureError for a label that makes no tag, or a field that is
    none of tags.
    """
    Customer.objects.visible_to(scope).get(pk=person_id)
    label = " ".join(label.split())
    if not label or not any(character.isalnum() for character in label):
        raise TenureError(tr("Write the tag: a word or two."))
    if len(label) > LONGEST:
        raise TenureError(
            tr("That is too long: {length} characters, and {limit} fit.", length=len(label), limit=LONGEST)
        )
    if any(character in BETWEEN for character in label):
        raise TenureError(
            tr('"{value}" has a comma or the like in it, which parts tags. Add them one by one.', value=label)
        )
    field = _field(field_id, scope, actor, now)
    choice = next((one for one in field.options if plain(label) in {plain(one.en), plain(one.zh)} - {""}), None)
    if choice is None or choice.closed:
        kept = tuple(replace(one, closed=False) if one == choice else one for one in field.options)
        named = Choice("", label, "") if label.isascii() else Choice("", "", label)
        choices = kept if choice else (*kept, named)
        field = change_field(field.pk, replace(Draft.of(field), choices=choices), scope=scope, actor=actor, now=now)
        choice = next(one for one in field.open_options if plain(label) in {plain(one.en), plain(one.zh)} - {""})
    codes = [one.choice.code for one in tags_of(scope, person_id, [field])]
    return edit_values(person_id, {field.pk: [*codes, choice.code]}, scope=scope, actor=actor, now=now)


@transaction.atomic
def untag(person_id: int, code: str, *, scope: Scope, actor: User | None, now: datetime, field_id: int) -> list[int]:
    """Take a tag off a customer; one they don't have changes nothing.

    Raises Customer.DoesNotExist beyond the scope's reach; TenureError for a field that is none of tags.
    """
    Customer.objects.visible_to(scope).get(pk=person_id)
    field = _field(field_id, scope, actor, now)
    codes = [one.choice.code for one in tags_of(scope, person_id, [field])]
    left = [one for one in codes if one != code]
    return edit_values(person_id, {field.pk: left or None}, scope=scope, actor=actor, now=now) if left != codes else []


def _field(field_id: int | None, scope: Scope, actor: User | None, now: datetime) -> CustomField:
    there = growing(scope)
    if field_id is None and not there:
        return add_field(Draft(name_en="Tags", name_zh="标签", kind="choices", grows=True), actor=actor, now=now)
    found = next((one for one in there if field_id in (None, one.pk)), None)
    if found is None:
        raise TenureError(tr("There is no field {field}.", field=f"c_{field_id}"))
    return found
