"""Lists narrowed and put in order by a company's own fields.

`c_7=gold` asks for a value (text: part of it, or all of it as `c_7==gold`; choices: any of `gold,silver`), `c_7.from` and
`c_7.to` for a range, both ends with it, and `c_7.is` for `empty` or `set`. `sort=c_7` orders, `sort=-c_7` the other way.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat

from tenure.contracts.custom import canonical, order_key
from tenure.desk.customers.fields.models import TEXT_KEY, CustomField, CustomValue, whole
from tenure.desk.customers.objects.models import OwnValue
from tenure.desk.sealed import BlindIndex
from tenure.errors import TenureError
from tenure.lake.scope import Scope

ASKED = re.compile(r"c_([1-9]\d{0,8})(?:\.(from|to|is))?\Z")
SORT = re.compile(r"(-?)c_([1-9]\d{0,8})\Z")
MOST = 20  # filters at once
SHOWN = 12  # columns at once

Pairs = tuple[tuple[str, str], ...]


def read(query: Mapping[str, Any]) -> Pairs:
    """What a query string asks of own fields, tidied; what means nothing is left out."""
    found = []
    for name in query:
        if isinstance(name, str) and ASKED.match(name):
            text = str(query.get(name) or "").strip().replace("\x00", "")[:TEXT_KEY]
            if text:
                found.append((name, text))
    return tuple(sorted(found)[:MOST])


def columns_in(text: str) -> list[int]:
    """The fields a list shows as columns, as `cols=c_3,c_1` says."""
    found = [int(match[2]) for part in text.split(",") if (match := SORT.match(part)) and not match[1]]
    return list(dict.fromkeys(found))[:SHOWN]


def allowed(pairs: Pairs, scope: Scope, fields: Mapping[int, CustomField]) -> Pairs:
    """Those of the filters that are by fields this scope sees in clear: an answer would give the others away."""
    return tuple(
        (name, text)
        for name, text in pairs
        if (match := ASKED.match(name)) and (one := fields.get(int(match[1]))) and scope.sees(one.guarded_as)
    )


def sorts_by(sort: str, scope: Scope, fields: Mapping[int, CustomField]) -> CustomField | None:
    """The field this order is by, where the scope may ask for it."""
    match = SORT.match(sort)
    one = fields.get(int(match[2])) if match else None
    return one if one is not None and one.sorts and scope.sees(one.guarded_as) else None


@dataclass(frozen=True, slots=True)
class Held:
    """Where values lie, and how rows and they name whose they are: of scores both by `customer_id`."""

    model: type[CustomValue] | type[OwnValue] = CustomValue
    holder: str = "customer_id"
    key: str = "customer_id"

    def of(self, row: str = "") -> dict[str, OuterRef]:
        """The values of the row at hand."""
        return {self.holder: OuterRef(row or self.key)}


CUSTOMERS = Held()


def narrowed(
    rows: QuerySet[Any], pairs: Pairs, fields: Mapping[int, CustomField], held: Held = CUSTOMERS
) -> QuerySet[Any]:
    """Those of the rows whose values are as asked. Filters that make no sense narrow nothing."""
    by_field: dict[int, dict[str, str]] = {}
    for name, text in pairs:
        match = ASKED.match(name)
        if match and int(match[1]) in fields:
            by_field.setdefault(int(match[1]), {})[match[2] or ""] = text
    for pk, asked in by_field.items():
        field, mine = fields[pk], held.model.objects.filter(field_id=pk)
        if asked.get("is") == "empty":
            rows = rows.filter(~Exists(mine.filter(**held.of())))
            continue
        wanted = _wanted(field, asked, held)
        if wanted is not None:
            # Read once and kept by the database, whichever of the two it begins with.
            rows = rows.filter(**{f"{held.key}__in": mine.filter(wanted).values(held.holder)})
    return rows


def _wanted(field: CustomField, asked: Mapping[str, str], held: Held) -> Q | None:
    found = Q()
    sense = asked.get("is") == "set"
    if text := asked.get(""):
        one = _equal(field, text, held)
        found, sense = (found & one, True) if one is not None else (found, sense)
    if not field.personal:
        for end, lookup in (("from", "number__gte"), ("to", "number__lte")):
            if (text := asked.get(end)) and (key := _key(field, text)) is not None:
                found, sense = found & Q(**{lookup: key}), True
    return found if sense else None


def _equal(field: CustomField, text: str, held: Held) -> Q | None:
    if field.personal:
        return sealed_as(_canonical(field, text.removeprefix("=")) or "", held)
    if field.is_choosing:
        codes = [code for part in text.split(",") if (code := _canonical(field, part))]
        if field.kind == "choice":
            return Q(text__in=codes)
        some = Q(pk__in=[])
        for code in codes:
            some |= Q(text__contains=f",{code},")
        return some
    if field.is_text:
        if text.startswith("="):
            return Q(text=whole(text[1:])[:TEXT_KEY])
        part = whole(text)
        return (
            Q(text__contains=part) | Q(value__icontains=text) if field.kind == "long_text" else Q(text__contains=part)
        )
    key = _key(field, text)
    return Q(number=key) if key is not None else None


def finding(word: str, scope: Scope, fields: Iterable[CustomField]) -> Q | None:
    """Values, in fields that are searched and that this scope sees in clear, that a word finds; None where none could.

    Part of a text, or a whole number. What lies sealed is found whole, by `finding_whole`.
    """
    seen = [one for one in fields if one.finds and not one.personal and scope.sees(one.guarded_as)]
    texts = [one.pk for one in seen if one.is_text]
    found = Q(field_id__in=texts, text__contains=whole(word)) if texts else None
    numbers = [one for one in seen if one.kind == "whole"]
    if numbers and word.isascii() and word.isdigit() and (key := _key(numbers[0], word)) is not None:
        number = Q(field_id__in=[one.pk for one in numbers], number=key)
        found = number if found is None else found | number
    return found


def finding_whole(text: str, scope: Scope, fields: Iterable[CustomField], held: Held = CUSTOMERS) -> Q | None:
    """Values that lie sealed and are exactly this text, in fields that are searched and shown in clear."""
    seen = [one.pk for one in fields if one.finds and one.personal and scope.sees(one.guarded_as)]
    return Q(field_id__in=seen) & sealed_as(text, held) if seen and text.strip() else None


def sealed_as(text: str, held: Held = CUSTOMERS) -> Q:
    """Values that lie sealed and are exactly this."""
    index = held.model._meta.get_field("sealed_index")
    assert isinstance(index, BlindIndex)
    return Q(sealed_index__in=index.wanted(text))


def _canonical(field: CustomField, text: str) -> str | None:
    try:
        return canonical(field.column, text)
    except TenureError:
        return None


def _key(field: CustomField, text: str) -> int | None:
    kept = _canonical(field, text)
    return None if kept is None else order_key(field.column, kept)


def ordered(
    rows: QuerySet[Any], field: CustomField, sort: str, held: Held = CUSTOMERS
) -> tuple[QuerySet[Any], tuple[str, str]]:
    """All the rows, annotated with a key and in its order: numbers and dates from the largest, text from A.

    `-c_7` turns that round. Whoever has no value comes last either way.
    """
    mine = held.model.objects.filter(field=field, **held.of())
    turned = sort.startswith("-")
    key: Any
    if _by_number(field):
        down = not turned
        missing = -(2**62) if down else 2**62
        key = Coalesce(Subquery(mine.values("number")[:1]), Value(missing), output_field=BigIntegerField())
    else:
        down = turned
        present, absent = ("1", "0") if down else ("0", "1")
        key = Coalesce(
            Concat(Value(present), Subquery(mine.values("text")[:1]), output_field=CharField()), Value(absent),
            output_field=CharField(),
        )  # fmt: skip
        # SQL joins a text and nothing to the text alone, on one of the two databases.
        key = _absent_as(absent, mine, key)
    order = ("-own_key", f"-{held.key}") if down else ("own_key", held.key)
    return rows.annotate(own_key=key).order_by(*order), order


def _absent_as(absent: str, mine: QuerySet[Any], key: Any) -> Any:
    from django.db.models import Case, When

    return Case(When(~Exists(mine), then=Value(absent)), default=key, output_field=CharField())


def first_of(
    rows: QuerySet[Any], field: CustomField, sort: str, then: Sequence[str]
) -> tuple[QuerySet[Any], QuerySet[Any]]:
    """The same order in two stretches, each read along an index: those with a value, and behind them the others."""
    turned = sort.startswith("-")
    name = "number" if _by_number(field) else "text"
    down = turned != (name == "number")
    sign = "-" if down else ""
    having = rows.filter(customer__custom_values__field=field).annotate(own=F(f"customer__custom_values__{name}"))
    there = CustomValue.objects.filter(field=field, customer_id=OuterRef("customer_id"))
    return having.order_by(f"{sign}own", f"{sign}customer_id"), rows.filter(~Exists(there)).order_by(*then)


def _by_number(field: CustomField) -> bool:
    return not (field.is_text or field.is_choosing)
