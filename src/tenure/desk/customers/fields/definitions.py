"""The verbs by which a company makes fields of its own, and what they are told to the lake."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from tenure.contracts import CONTRACTS
from tenure.contracts._shared import CUSTOMER
from tenure.contracts.custom import CHOOSING, KINDS, Choice, CustomColumn, canonical, id_of, plain
from tenure.desk.customers.events import CustomFieldChanged
from tenure.desk.customers.fields.models import CustomField, CustomValue, plain_choices
from tenure.desk.customers.objects.models import PREFIX, OwnObject, OwnValue
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.lake.custom import DOCUMENT
from tenure.lake.fields import FIELDS
from tenure.lake.scope import Scope
from tenure.language import tr

MOST_FIELDS, MOST_CHOICES, MOST_CONVERTED = 500, 200, 20_000
LONGEST_NAME, LONGEST_SECTION, LONGEST_HELP = 80, 60, 300
OBJECTS: tuple[str, ...] = (
    "customers",
    *(name for name, one in CONTRACTS.items() if one.person and name != "customers"),
)
"""The kinds of records that may have fields of their own."""
_RESERVED = {
    plain(name)
    for name in ("row", "extra", "source", "ids_of", "batch", "valid_at", "received_at", "person_id", "own_id", "id",
                 "custom", "sort", "page", "cols", "limit", "cursor")
}  # fmt: skip

OF_RECORDS = {
    plain(name)
    for name in ("number", "编号", "record", "记录", "customers", "changed", "made",
                 *(word for word in (CUSTOMER.name, CUSTOMER.words.en, CUSTOMER.words.zh, *CUSTOMER.aliases)))
}  # fmt: skip
"""What every own record has already."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A field as somebody wishes it; what `add_field` and `change_field` take. Empty texts are left open.

    guarded_as: one of `lake.fields`; empty lets the kind decide. headers: other names files have for it. grows: whoever
    fills it in may add choices by typing them (several choices only). searched: the search of customers finds by it.
    """

    name_en: str = ""
    name_zh: str = ""
    kind: str = "text"
    choices: tuple[Choice, ...] = ()
    required: bool = False
    default: str = ""
    help_en: str = ""
    help_zh: str = ""
    section: str = ""
    personal: bool = False
    guarded_as: str = ""
    headers: tuple[str, ...] = ()
    contract: str = "customers"
    grows: bool = False
    searched: bool = True

    @classmethod
    def of(cls, known: CustomField) -> "Draft":
        """The draft that changes nothing."""
        return cls(
            known.name_en, known.name_zh, known.kind, known.options, known.required, known.default, known.help_en,
            known.help_zh, known.section, known.personal, known.guarded_as, tuple(known.headers), known.contract,
            known.grows, known.searched,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do to the values there are. lost: some that would not fit, each with why."""

    values: int
    misfits: int
    lost: tuple[tuple[str, str], ...] = field(default=())


def known(contract: str = "customers", *, archived: bool = False) -> list[CustomField]:
    """The fields of a contract in the order of their form; those put away only where asked for."""
    found = CustomField.objects.filter(contract=contract).order_by("place", "pk")
    return list(found if archived else found.filter(archived_at=None))


def seen_by(scope: Scope, fields: Iterable[CustomField]) -> list[CustomField]:
    """Those of which anything shows to this asker."""
    hidden = scope.hides
    return [one for one in fields if one.guarded_as not in hidden]


def guard_for(kind: str, *, personal: bool) -> str:
    """Which of the fields that roles hide or mask a new one belongs to, unless somebody says otherwise."""
    if personal:
        return {"phone": "phone", "email": "email", "long_text": "text"}.get(kind, "identity")
    return "amounts" if kind == "money" else "extra"


@transaction.atomic
def add_field(draft: Draft, *, actor: User | None, now: datetime) -> CustomField:
    """Make a field of the company's own. It is there at once: in forms, lists, filters, imports and the API.

    Raises TenureError for a draft that makes no field, and where there are too many already.
    """
    there = _locked(draft.contract)
    if sum(one.archived_at is None for one in there) >= MOST_FIELDS:
        raise TenureError(
            tr("There are {limit} fields already, and no more fit. Archive one that nobody uses.", limit=MOST_FIELDS)
        )
    draft = _checked(draft, there, None)
    last = max((one.place for one in there), default=0)
    made = CustomField(contract=draft.contract, place=last + 1, made_at=now)
    _fill(made, draft)
    made.save()
    _done(made, "add_custom_field", actor, now, after=_told(made))
    return made


@transaction.atomic
def change_field(field_id: int, draft: Draft, *, scope: Scope, actor: User | None, now: datetime) -> CustomField:
    """Change what a field is called, offers or demands. Its column stays; its values must all fit, or nothing changes.

    Choices left out are closed, not deleted: whoever has one keeps it.

    Raises CustomField.DoesNotExist, and TenureError for a draft that makes no field, or where a value would be lost.
    """
    there = _locked(CustomField.objects.values_list("contract", flat=True).get(pk=field_id))
    found = next(one for one in there if one.pk == field_id)
    draft = _checked(replace(draft, contract=found.contract), there, found)
    before = _told(found)
    converts = (draft.kind, draft.personal) != (found.kind, found.personal)
    if converts:
        outlook = preview(found, draft, scope=scope)
        if outlook.misfits:
            value, why = outlook.lost[0]
            raise TenureError(
                tr(
                    "{n:,} of {values:,} values do not fit: {value} ({why}). Mend them first, or add a new field.",
                    n=outlook.misfits, values=outlook.values, value=value, why=why,
                )
            )  # fmt: skip
    _fill(found, draft)
    found.save()
    found.__dict__.pop("column", None)
    found.__dict__.pop("options", None)
    if converts:
        _convert(found)
    _done(found, "change_custom_field", actor, now, before=before, after=_told(found))
    return found


def preview(found: CustomField, draft: Draft, *, scope: Scope) -> Preview:
    """What would become of the values there are if the field were as in the draft.

    Raises TenureError for whoever may not see every value, and where there are more than can be converted at once.
    """
    if not scope.sees_all or not scope.sees(found.guarded_as):
        raise TenureError(
            tr("The kind is changed for everybody's values, so only whoever sees them all may. Ask an administrator.")
        )
    column = _as_column(draft, found.column)
    values: QuerySet[Any] = held_in(found.contract)[0].objects.filter(field=found)
    count = values.count()
    if count > MOST_CONVERTED:
        raise TenureError(
            tr(
                "The field has {n:,} values, and no more than {limit:,} are converted at once. Add a new field instead.",
                n=count, limit=MOST_CONVERTED,
            )
        )  # fmt: skip
    misfits = 0
    lost: list[tuple[str, str]] = []
    for row in values.order_by("pk").iterator(chunk_size=2000):
        try:
            canonical(column, row.kept)
        except TenureError as error:
            misfits += 1
            if len(lost) < 5:
                lost.append((row.kept[:60], str(error)))
    return Preview(count, misfits, tuple(lost))


@transaction.atomic
def order_fields(order: Sequence[int], *, actor: User | None, now: datetime, contract: str = "customers") -> None:
    """Put the fields of the form in this order; those not named follow in the order they have."""
    there = _locked(contract)
    asked = {pk: place for place, pk in enumerate(dict.fromkeys(order))}
    if unknown := set(asked) - {one.pk for one in there}:
        raise TenureError(tr("There is no field {field}.", field=", ".join(f"c_{pk}" for pk in sorted(unknown))))
    ordered = sorted(there, key=lambda one: (asked.get(one.pk, len(asked)), one.place, one.pk))
    for place, one in enumerate(ordered, start=1):
        one.place = place
    CustomField.objects.bulk_update(ordered, ["place"])
    audit.record(
        "order_custom_fields", "custom_field", contract, actor=actor, now=now, after=[one.code for one in ordered]
    )
    announce(CustomFieldChanged(0, "order_custom_fields"))
    transaction.on_commit(_tell, robust=True)


@transaction.atomic
def archive_field(field_id: int, *, actor: User | None, now: datetime) -> CustomField:
    """Put a field away: forms, lists and programs no longer show it. Its values stay as they are."""
    found = CustomField.objects.select_for_update().get(pk=field_id)
    if found.archived_at is None:
        found.archived_at = now
        found.save(update_fields=["archived_at"])
        _done(found, "archive_custom_field", actor, now)
    return found


@transaction.atomic
def restore_field(field_id: int, *, actor: User | None, now: datetime) -> CustomField:
    """Bring an archived field back, with every value it had. Raises TenureError where the fields are full."""
    there = _locked(CustomField.objects.values_list("contract", flat=True).get(pk=field_id))
    found = next(one for one in there if one.pk == field_id)
    if found.archived_at is not None:
        if sum(one.archived_at is None for one in there) >= MOST_FIELDS:
            raise TenureError(
                tr(
                    "There are {limit} fields already, and no more fit. Archive one that nobody uses.",
                    limit=MOST_FIELDS,
                )
            )
        found.archived_at = None
        found.save(update_fields=["archived_at"])
        _done(found, "restore_custom_field", actor, now)
    return found


def publish_definitions(lake: Lake) -> bool:
    """Say in the lake what the fields are, archived ones too (their columns stay); returns whether that was news.

    Called after every change, and again by each refresh: a desk killed between the two is healed there.
    """
    told: dict[str, list[dict[str, Any]]] = {}
    # The lake holds no records of own kinds, and so needs none of their fields.
    for one in CustomField.objects.exclude(contract__startswith=PREFIX).order_by("pk"):
        told.setdefault(one.contract, []).append(one.column.as_plain())
    before = lake.document(DOCUMENT)
    # As JSON has it: lists where there were tuples.
    if _listed(told) == (before or {}):
        return False
    lake.publish_document(DOCUMENT, told)
    return True


def propose(header: str, samples: Sequence[str], *, contract: str = "customers") -> Draft:
    """A draft for a column of a file that no field takes: the kind that every sample fits, and a name from its header.

    Few values that come again and again make choices. Samples that look like a person's number or address make the
    field personal. The draft passes `add_field` unless its name is taken.
    """
    name = (
        " ".join(unicodedata.normalize("NFC", header.replace("_", " ")).split())[:LONGEST_NAME] or header[:LONGEST_NAME]
    )
    chinese = bool(re.search(r"[\u4e00-\u9fff]", name))
    told = [text for sample in samples if (text := (sample or "").strip())]
    kind = next((one for one in ("yes_no", "date", "whole", "money", "decimal", "email", "link", "phone")
                 if told and _all_fit(one, told)), "")  # fmt: skip
    choices: tuple[Choice, ...] = ()
    distinct = list(dict.fromkeys(told))
    if not kind:
        few = len(told) >= 6 and len(distinct) <= min(20, len(told) // 3)
        if few and all(len(text) <= 40 for text in distinct):
            kind = "choice"
            words = [("", text) if chinese or not text.isascii() else (text, "") for text in distinct]
            choices = tuple(Choice("", en, zh) for en, zh in words)
        else:
            kind = "long_text" if any(len(text) > 200 for text in told) else "text"
    personal = kind in {"phone", "email"}
    return Draft(
        name_en="" if chinese else name, name_zh=name if chinese else "", kind=kind, choices=choices, personal=personal,
        guarded_as=guard_for(kind, personal=personal), headers=(header,), contract=contract,
    )  # fmt: skip


def template(contract: str) -> str:
    """The CSV file to fill in, with the company's own fields at its end."""
    lines = CONTRACTS[contract].template.rstrip("\n").split("\n")
    for one in known(contract):
        example = str(one.open_options[0].words) if one.open_options else _EXAMPLES.get(one.kind, "")
        lines[0] += "," + _cell(str(one.words))
        lines[1] += "," + _cell(example)
    return "\n".join(lines) + "\n"


_EXAMPLES = {"whole": "12", "decimal": "1.5", "money": "19.90", "date": "2026-03-01", "yes_no": "yes",
             "link": "https://example.com", "phone": "13800138000", "email": "ming@example.com", "text": "…"}  # fmt: skip


def _cell(text: str) -> str:
    from tenure.desk.customers.export import harmless

    text = str(harmless(text))
    return '"' + text.replace('"', '""') + '"' if re.search(r'[,"\n]', text) else text


def _all_fit(kind: str, samples: Sequence[str]) -> bool:
    column = CustomColumn(0, "customers", kind, "", "")
    if kind == "money" and not any(re.search(r"[¥$€£元]", text) for text in samples):
        return False
    if kind == "yes_no" and all(text in {"0", "1"} for text in samples) and len(samples) < 3:
        return False
    # Digits with a leading zero, or as long as a number of something, are names and not amounts.
    if kind in {"whole", "decimal"} and any(re.match(r"0\d|\d{11,}", text) for text in samples):
        return False
    if kind == "phone" and not all(len(re.sub(r"\D", "", text)) >= 7 for text in samples):
        return False
    try:
        return all(canonical(column, text) is not None for text in samples)
    except TenureError:
        return False


def own_object(contract: str) -> OwnObject | None:
    """The own kind of record whose fields these are; None for a contract, and for what is none."""
    number = contract.removeprefix(PREFIX)
    if not contract.startswith(PREFIX) or not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    return OwnObject.objects.filter(pk=int(number)).first()


def held_in(contract: str) -> tuple[type[CustomValue] | type[OwnValue], str]:
    """The table where values of these fields lie, and its column that says whose they are."""
    return (OwnValue, "record_id") if contract.startswith(PREFIX) else (CustomValue, "customer_id")


def _locked(contract: str) -> list[CustomField]:
    if contract not in OBJECTS and own_object(contract) is None:
        raise TenureError(
            tr('"{name}" can\'t have fields of its own. These can: {known}.', name=contract, known=", ".join(OBJECTS))
        )
    return list(CustomField.objects.select_for_update().filter(contract=contract).order_by("place", "pk"))


def _checked(draft: Draft, there: Sequence[CustomField], mine: CustomField | None) -> Draft:
    """The draft, tidied. Raises TenureError, saying what to do, where it makes no field."""
    if draft.kind not in KINDS:
        raise TenureError(
            tr('"{kind}" is no kind of field. There are: {known}.', kind=draft.kind, known=", ".join(KINDS))
        )
    names = {name: tidy(getattr(draft, name)) for name in ("name_en", "name_zh", "help_en", "help_zh", "section")}
    if not names["name_en"] and not names["name_zh"]:
        raise TenureError(tr("Give the field a name, in English or in Chinese."))
    for name, limit in (("name_en", LONGEST_NAME), ("name_zh", LONGEST_NAME), ("section", LONGEST_SECTION),
                        ("help_en", LONGEST_HELP), ("help_zh", LONGEST_HELP)):  # fmt: skip
        if len(names[name]) > limit:
            raise TenureError(
                tr("That is too long: {length} characters, and {limit} fit.", length=len(names[name]), limit=limit)
            )
    headers = tuple(dict.fromkeys(header.strip() for header in draft.headers if header.strip()))[:20]
    for name in (names["name_en"], names["name_zh"]):
        if name:
            _check_name(name, draft.contract, there, mine)
    choices = _choices(draft, mine)
    guard = draft.guarded_as or guard_for(draft.kind, personal=draft.personal)
    if guard not in FIELDS:
        raise TenureError(
            tr('Roles know no field "{field}". They know: {known}.', field=guard, known=", ".join(FIELDS))
        )
    if draft.personal and guard == "extra":
        guard = guard_for(draft.kind, personal=True)
    grows = draft.grows and draft.kind == "choices"
    done = replace(draft, **names, headers=headers, choices=choices, guarded_as=guard, grows=grows)  # type: ignore[arg-type]
    if done.default:
        if done.personal:
            raise TenureError(tr("A personal field has no default: everybody has a value of their own."))
        done = replace(done, default=canonical(_as_column(done, None), done.default) or "")
    return done


def _check_name(name: str, contract: str, there: Sequence[CustomField], mine: CustomField | None) -> None:
    bare = plain(name)
    if not any(character.isalnum() for character in bare):
        raise TenureError(tr('"{name}" has no letter or digit, so no file could name it. Add a word.', name=name))
    if bare in _RESERVED or id_of(name.strip().lower()) is not None or re.fullmatch(r"c\d+", bare):
        raise TenureError(tr('"{name}" has a meaning of its own here. Give the field another name.', name=name))
    if contract.startswith(PREFIX) and bare in OF_RECORDS:
        raise TenureError(tr('"{name}" has a meaning of its own here. Give the field another name.', name=name))
    for column in CONTRACTS[contract].columns if contract in CONTRACTS else ():
        taken = {column.name, column.name.removesuffix("_minor"), column.words.en, column.words.zh, *column.aliases}
        if bare in {plain(one) for one in taken}:
            raise TenureError(
                tr(
                    '"{name}" is what files call {column}, which every customer has already. Give it another name.',
                    name=name, column=column.words,
                )
            )  # fmt: skip
    for other in there:
        if (mine is None or other.pk != mine.pk) and bare in {
            plain(one) for one in (other.name_en, other.name_zh) if one
        }:
            if other.archived_at is not None:
                raise TenureError(
                    tr('"{name}" is an archived field. Bring it back, or give this one another name.', name=name)
                )
            raise TenureError(tr('There is a field "{name}" already. Give this one another name.', name=name))


def _choices(draft: Draft, mine: CustomField | None) -> tuple[Choice, ...]:
    """The choices with a code each; those a field had and the draft leaves out are closed, and stay."""
    if draft.kind not in CHOOSING:
        return ()
    asked = [replace(one, en=tidy(one.en), zh=tidy(one.zh)) for one in draft.choices]
    asked = [one for one in asked if one.en or one.zh]
    if not draft.grows and not any(not one.closed for one in asked):
        raise TenureError(tr("Give the field at least one choice."))
    if len(asked) > MOST_CHOICES:
        raise TenureError(
            tr(
                "{n} choices are too many: {limit} fit. A text field with a filter may serve.",
                n=len(asked),
                limit=MOST_CHOICES,
            )
        )
    there = {one.code: one for one in mine.options} if mine else {}
    codes = set(there)
    words: dict[str, str] = {}
    done = []
    for one in asked:
        if len(one.en) > LONGEST_NAME or len(one.zh) > LONGEST_NAME:
            raise TenureError(
                tr("That is too long: {length} characters, and {limit} fit.", length=max(len(one.en), len(one.zh)),
                   limit=LONGEST_NAME)
            )  # fmt: skip
        if one.code not in there:
            one = replace(one, code=_code(one.en or one.zh, codes))
            codes.add(one.code)
        for word in {plain(one.en), plain(one.zh)} - {""}:
            if words.setdefault(word, one.code) != one.code:
                raise TenureError(tr('The choice "{name}" is there twice. Keep one of the two.', name=one.en or one.zh))
        done.append(one)
    kept = {one.code for one in done}
    return (*done, *(replace(one, closed=True) for one in there.values() if one.code not in kept))


def _code(words: str, taken: set[str]) -> str:
    bare = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", words).casefold()).strip("_")[:40] or "choice"
    code, n = bare, 1
    while code in taken:
        n += 1
        code = f"{bare}_{n}"
    return code


def _as_column(draft: Draft, like: CustomColumn | None) -> CustomColumn:
    from tenure.currencies import minor_digits
    from tenure.workspace import open_workspace

    digits = like.digits if like else minor_digits(open_workspace().currency)
    return CustomColumn(
        like.id if like else 0, draft.contract, draft.kind, draft.name_en, draft.name_zh, choices=draft.choices,
        personal=draft.personal, field=draft.guarded_as, digits=digits,
    )  # fmt: skip


def _fill(made: CustomField, draft: Draft) -> None:
    for name in ("name_en", "name_zh", "kind", "required", "default", "help_en", "help_zh", "section", "personal",
                 "guarded_as", "grows", "searched"):  # fmt: skip
        setattr(made, name, getattr(draft, name))
    made.headers = list(draft.headers)
    made.choices = plain_choices(draft.choices)


def _convert(found: CustomField) -> None:
    """Rewrite the values of a field whose kind changed; all of them fit."""
    from tenure.desk.customers.fields.values import write

    model, holder = held_in(found.contract)
    values = {getattr(row, holder): row.kept for row in model.objects.filter(field=found)}
    write([(pk, found, canonical(found.column, kept)) for pk, kept in values.items()], model, holder)


def tidy(text: str) -> str:
    """Words as they are kept: one form of Unicode, one blank between, nothing that does not print."""
    text = unicodedata.normalize("NFC", text or "")
    return " ".join("".join(character for character in text if character.isprintable() or character == " ").split())


def _told(one: CustomField) -> dict[str, Any]:
    """What the audit says of a field."""
    return {
        "name": str(one.words), "kind": one.kind, "required": one.required, "personal": one.personal,
        "grows": one.grows, "searched": one.searched, "fields": one.guarded_as, "choices": [choice.code for choice in one.options if not choice.closed],
    }  # fmt: skip


def _done(one: CustomField, verb: str, actor: User | None, now: datetime, **detail: Any) -> None:
    audit.record(verb, "custom_field", one.code, actor=actor, now=now, name=one.name_en or one.name_zh, **detail)
    announce(CustomFieldChanged(one.pk, verb))
    transaction.on_commit(_tell, robust=True)


def _tell() -> None:
    from tenure.desk.lake import lake

    publish_definitions(lake())


def _listed(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _listed(value) for key, value in content.items()}
    return [_listed(value) for value in content] if isinstance(content, list | tuple) else content
