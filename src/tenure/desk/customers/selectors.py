"""Reading customers across rows. Every function starts from what the scope may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from tenure.desk.customers.cards import Card
from tenure.desk.customers.fields import asking
from tenure.desk.customers.fields.definitions import known
from tenure.desk.customers.models import Customer, CustomField, CustomValue, Publication, SavedView, Score, reach
from tenure.desk.customers.segments.models import in_segment
from tenure.desk.governance.models import User
from tenure.desk.sealed import BlindIndex
from tenure.lake.scope import Scope

PAGE = 50
NOBODY = 0  # as an owner to filter by: those nobody looks after
COUNTED = 2_000  # a list is counted this far; past it nobody pages, they filter

# Largest first but for the name; what is unknown comes last (see Score).
SORTS: Mapping[str, tuple[str, ...]] = {
    "at_risk": ("-at_risk_minor", "-customer_id"),
    "risk": ("-risk_key", "-customer_id"),
    "value": ("-value_key", "-customer_id"),
    "spent": ("-spent_key", "-customer_id"),
    "silent": ("-recency_key", "-customer_id"),
    "name": ("customer__pinyin", "customer_id"),
}
# What an order or a filter gives away of a field, it may only give to whoever sees that field in clear.
TELLS: Mapping[str, str] = {
    "at_risk": "amounts",
    "value": "amounts",
    "spent": "amounts",
    "name": "name",
    "decile": "amounts",
    "tier": "amounts",
    "persona": "amounts",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a customer list is narrowed to; empty means not narrowed. Numbers that are none are passed over."""

    q: str = ""
    stage: str = ""
    risk: str = ""
    region: str = ""
    team: int | None = None
    owner: int | None = None
    cell: str = ""
    decile: int | None = None
    r: int | None = None
    f: int | None = None
    kind: str = ""
    tier: str = ""
    persona: str = ""  # the number of a group of customers alike
    segment: int | None = None
    moved: str = ""  # "high": came to high risk with the latest refresh
    sort: str = ""  # empty: the list's own order
    cols: str = ""  # own fields shown as columns, `c_3,c_1`
    custom: asking.Pairs = ()  # what is asked of own fields (see fields.asking)

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> "Filters":
        """From a page's query string; what means nothing here is left out."""
        found: dict[str, Any] = {}
        for field in fields(cls):
            if field.name == "custom":
                found["custom"] = asking.read(query)
                continue
            text = str(query.get(field.name) or "").strip().replace("\x00", "")[:200]
            if field.name in {"team", "owner", "decile", "r", "f", "segment"}:
                found[field.name] = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
            elif text:
                found[field.name] = text
        if found.get("sort") not in SORTS and not asking.SORT.match(found.get("sort", "")):
            found["sort"] = ""
        if "cols" in found:
            found["cols"] = ",".join(f"c_{pk}" for pk in asking.columns_in(found["cols"]))
        return cls(**found)

    def within(self, scope: Scope) -> "Filters":
        """The same without what would give away a field the scope does not see in clear."""
        kept = replace(self, decile=None, tier="", persona="") if not scope.sees(TELLS["decile"]) else self
        if kept.segment is not None:
            from tenure.desk.customers.segments.asking import asker_as, usable

            kept = kept if usable(kept.segment, asker_as(scope)) else replace(kept, segment=None)
        own = _own_fields() if self.custom or asking.SORT.match(self.sort) else {}
        if kept.custom:
            kept = replace(kept, custom=asking.allowed(kept.custom, scope, own))
        may = kept.sort in sorts(scope) or asking.sorts_by(kept.sort, scope, own) is not None
        return kept if may else replace(kept, sort="")

    @property
    def pairs(self) -> list[tuple[str, Any]]:
        """What is asked for, by name, without what goes unsaid."""
        values = [(field.name, getattr(self, field.name)) for field in fields(self) if field.name != "custom"]
        return [*((name, value) for name, value in values if value not in ("", None)), *self.custom]

    @property
    def query(self) -> str:
        """The query string that gives this list again."""
        return urlencode(self.pairs)

    def but(self, **changes: Any) -> str:
        """The query string of the same list, changed."""
        return replace(self, **changes).query

    @property
    def narrowed(self) -> bool:
        return bool(Filters(sort=self.sort, cols=self.cols) != self)

    def without(self, field: int) -> str:
        """The query string of the same list, no longer narrowed by this own field."""
        names = {f"c_{field}", *(f"c_{field}.{part}" for part in ("from", "to", "is"))}
        return self.but(custom=tuple(pair for pair in self.custom if pair[0] not in names))


def sorts(scope: Scope) -> list[str]:
    """The orders the scope may ask for, the list's own first."""
    return [name for name in SORTS if name not in TELLS or scope.sees(TELLS[name])]


def scores(scope: Scope, publication: Publication | None = None) -> QuerySet[Score]:
    """The scores now shown, of the customers this scope reaches. Before the first refresh there are none."""
    publication = publication or Publication.current()
    if publication is None:
        return Score.objects.none()
    return Score.objects.filter(reach(scope, "customer_id"), generation=publication.generation)


def listing(scope: Scope, filters: Filters, publication: Publication | None = None) -> QuerySet[Score]:
    """The customer list: filtered, searched and sorted, with customer, owner and team at hand."""
    publication = publication or Publication.current()
    filters = filters.within(scope)
    rows = scores(scope, publication)
    wanted = {
        "stage": filters.stage,
        "risk_band": filters.risk,
        "rfm_cell": filters.cell,
        "value_decile": filters.decile,
        "r": filters.r,
        "f": filters.f,
        "region": filters.region,
        "team_id": filters.team,
        "owner_id": filters.owner,
        "customer__kind": filters.kind,
        "tier": filters.tier,
        "persona": filters.persona,
    }
    if filters.owner == NOBODY:
        wanted |= {"owner_id": None, "owner_id__isnull": True}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value not in ("", None)})
    if filters.segment is not None:
        rows = rows.filter(customer_id__in=in_segment(filters.segment))
    if filters.q:
        # By the customers first: their table is read once, in order, where a join would fetch each from its score.
        rows = rows.filter(customer__in=Customer.objects.filter(matching(filters.q, scope)).values("pk"))
    if filters.moved == "high" and publication is not None:
        rows = _newly_high(rows, publication)
    own = _own_fields() if filters.custom or asking.SORT.match(filters.sort) else {}
    rows = asking.narrowed(rows, filters.custom, own)
    rows = rows.select_related("customer__owner", "customer__team")
    if (by := asking.sorts_by(filters.sort, scope, own)) is not None:
        return asking.ordered(rows, by, filters.sort)[0]
    return rows.order_by(*SORTS[filters.sort or sorts(scope)[0]])


def _own_fields() -> dict[int, CustomField]:
    return {one.pk: one for one in known()}


def order_of(scope: Scope, filters: Filters) -> tuple[str, str]:
    """The names `listing` is ordered by, which a stretch of it is continued from."""
    filters = filters.within(scope)
    by = asking.sorts_by(filters.sort, scope, _own_fields()) if asking.SORT.match(filters.sort) else None
    if by is not None:
        return asking.ordered(Score.objects.none(), by, filters.sort)[1]
    first, second = SORTS[filters.sort or sorts(scope)[0]]
    return first, second


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. found: how many there are in all, counted up to COUNTED; more: there are more than that."""

    rows: list[Card]
    number: int
    pages: int
    found: int
    more: bool

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1


def page_in(scope: Scope, filters: Filters, number: int, publication: Publication | None = None) -> Page:
    """The page of this number of the list; one that is ordered by an own field is read along that field's index."""
    by = None
    if asking.SORT.match(filters.sort):
        by = asking.sorts_by(filters.within(scope).sort, scope, _own_fields())
    if by is None:
        return page_of(scope, listing(scope, filters, publication), number)
    rows = listing(scope, replace(filters, sort=""), publication)
    having, others = asking.first_of(rows, by, filters.sort, SORTS[sorts(scope)[0]])
    return page_of(scope, having, number, others)


def page_of(scope: Scope, rows: QuerySet[Score], number: int, behind: QuerySet[Score] | None = None) -> Page:
    """The page of this number, or the nearest there is. Filters run once: they give the keys, which count and cut.

    behind: rows that come after all of these.
    """
    keys = list(rows.values_list("pk", flat=True)[: COUNTED + 1])
    if behind is not None and len(keys) <= COUNTED:
        keys += behind.values_list("pk", flat=True)[: COUNTED + 1 - len(keys)]
    found = min(len(keys), COUNTED)
    pages = max(1, -(-found // PAGE))
    number = min(max(number, 1), pages)
    wanted = keys[:found][(number - 1) * PAGE : number * PAGE]
    by_key = Score.objects.select_related("customer__owner", "customer__team").in_bulk(wanted)
    return Page([Card(by_key[key], scope) for key in wanted], number, pages, found, len(keys) > COUNTED)


def matching(text: str, scope: Scope) -> Q:
    """Name, pinyin, initials or number contain every word; phones and e-mail match whole, or by the last four digits.

    So do the values of the company's own fields that are searched: texts contain a word, sealed ones are the whole text.

    Somebody who may not see a field cannot find by it either: an answer would give it away. Who sees a phone in part
    sees its last four digits, and may look for those.
    """
    words = text.lower().split()
    own = [one for one in known() if one.finds] if words else []
    found = Q()
    for word in words:
        # Without the name, only a whole number: part of one could be part of a name.
        one = Q(search_text__contains=word) if scope.sees("name") else Q(customer_id__iexact=word)
        if (said := asking.finding(word, scope, own)) is not None:
            one |= Q(pk__in=CustomValue.objects.filter(said).values("customer_id"))
        found &= one
    if (said := asking.finding_whole(text, scope, own)) is not None:
        found |= Q(pk__in=CustomValue.objects.filter(said).values("customer_id"))
    if len(words) != 1:
        return found
    digits = "".join(character for character in words[0] if character.isdigit())
    if scope.shows("phone") != "hidden" and len(digits) == len(words[0].lstrip("+").replace("-", "")):
        if len(digits) == 4:
            found |= _indexed("phone_last4", digits)
        elif len(digits) >= 7 and scope.sees("phone"):
            found |= _indexed("phone_index", digits)
    if scope.sees("email") and "@" in words[0]:
        found |= _indexed("email_index", words[0])
    return found


def _indexed(index: str, value: str) -> Q:
    """Customers whose sealed field has this value, as its index tells."""
    field = Customer._meta.get_field(index)
    assert isinstance(field, BlindIndex)
    return Q(**{f"{index}__in": field.wanted(value)})


def person_ids(scope: Scope, only: Sequence[int] = ()) -> list[int]:
    """The persons the scope reaches, for the lake to join with; `only` asks about these alone."""
    seen = Customer.objects.visible_to(scope)
    if only:
        seen = seen.filter(pk__in=only)
    return list(seen.values_list("person_id", flat=True))


def within_reach(scope: Scope, person_ids: Sequence[int]) -> set[int]:
    """Those of these persons whom the scope reaches; asked some thousands at a time."""
    seen = Customer.objects.visible_to(scope)
    return {
        person
        for start in range(0, len(person_ids), 5000)
        for person in seen.filter(pk__in=person_ids[start : start + 5000]).values_list("pk", flat=True)
    }


def card_of(scope: Scope, person_id: int) -> Card | None:
    """One customer with the figures now shown; None where the scope does not reach it or there is no such customer."""
    found = scores(scope).select_related("customer__owner", "customer__team").filter(customer_id=person_id).first()
    return Card(found, scope) if found else None


def cards_among(
    scope: Scope, person_ids: Sequence[int], publication: Publication | None = None, limit: int = 200
) -> list[Card]:
    """The cards of those among these persons whom the scope reaches, in the list's own order, at most so many."""
    rows = scores(scope, publication)
    found: list[Score] = []
    order = SORTS[sorts(scope)[0]]
    for start in range(0, len(person_ids), 5000):
        among = rows.filter(customer_id__in=person_ids[start : start + 5000])
        found += among.select_related("customer__owner", "customer__team").order_by(*order)[:limit]
    key = order[0].removeprefix("-")
    found.sort(key=lambda score: (-getattr(score, key), -score.customer_id))
    return [Card(row, scope) for row in found[:limit]]


def without_owner(scope: Scope, publication: Publication | None = None) -> dict[str, int]:
    """How many customers of each tier nobody looks after."""
    if not scope.sees(TELLS["tier"]):
        return {}
    alone = scores(scope, publication).filter(owner_id__isnull=True).exclude(tier="")
    return dict(alone.order_by().values_list("tier").annotate(n=Count("pk")))


def attention(scope: Scope, publication: Publication | None = None, limit: int = 12) -> list[Card]:
    """Who needs attention first: the most expected revenue in danger, or the highest risk for whom amounts are hidden.

    A blocked customer is left alone.
    """
    rows = scores(scope, publication).filter(risk_band__in=("high", "medium"), customer__blocked=False)
    if scope.sees("amounts"):
        rows = rows.filter(at_risk_minor__gt=0)
    rows = rows.select_related("customer__owner", "customer__team").order_by(*SORTS[sorts(scope)[0]])
    return [Card(row, scope) for row in rows[:limit]]


@dataclass(frozen=True, slots=True)
class Totals:
    """The headline of a customer base: counts, and money in minor units of the reporting currency."""

    customers: int
    high_risk: int
    value_at_risk_minor: int | None  # None where amounts are hidden
    high_risk_before: int | None  # at the refresh before; None where there was none
    newly_high: int | None


def totals(scope: Scope, publication: Publication) -> Totals:
    """The headline numbers of what the scope reaches, beside the refresh before."""
    now = scores(scope, publication)
    figures = now.aggregate(customers=Count("pk"), at_risk=Sum("at_risk_minor"))
    before = newly = None
    if publication.previous is not None:
        earlier = Score.objects.filter(reach(scope, "customer_id"), generation=publication.previous)
        before = earlier.filter(risk_band="high").count()
        newly = _newly_high(now, publication).count()
    return Totals(
        customers=figures["customers"],
        high_risk=now.filter(risk_band="high").count(),
        value_at_risk_minor=(figures["at_risk"] or 0) if scope.sees("amounts") else None,
        high_risk_before=before,
        newly_high=newly,
    )


def moves(scope: Scope, publication: Publication) -> list[tuple[str, str, int]]:
    """How many customers went from one stage to another with the latest refresh: (from, to, customers), most first."""
    if publication.previous is None:
        return []
    before = Score.objects.filter(generation=publication.previous, customer_id=OuterRef("customer_id"))
    now = scores(scope, publication).annotate(before=before.values("stage")[:1])
    rows = now.exclude(before="").exclude(stage="").values_list("before", "stage").annotate(n=Count("pk"))
    return sorted(((a, b, n) for a, b, n in rows if a and a != b), key=lambda row: (-row[2], row[0], row[1]))


def newcomers(scope: Scope, publication: Publication) -> int:
    """Customers the latest refresh shows and the one before did not know."""
    if publication.previous is None:
        return 0
    before = Score.objects.filter(generation=publication.previous, customer_id=OuterRef("customer_id"))
    return scores(scope, publication).filter(~Exists(before)).count()


def _newly_high(rows: QuerySet[Score], publication: Publication) -> QuerySet[Score]:
    if publication.previous is None:
        return rows.none()
    before = Score.objects.filter(
        generation=publication.previous, customer_id=OuterRef("customer_id"), risk_band="high"
    )
    return rows.filter(risk_band="high").filter(~Exists(before))


@dataclass(frozen=True, slots=True)
class Choices:
    """What the list's filters offer: only what the scope reaches."""

    regions: list[str]
    kinds: list[str]
    teams: list[tuple[int, str]]
    owners: list[tuple[int, str]]


def choices(scope: Scope) -> Choices:
    """The regions, kinds, teams and owners there are among the customers the scope reaches."""
    seen = Customer.objects.visible_to(scope)

    def distinct(field: str) -> list[Any]:
        return sorted(value for value in seen.order_by().values_list(field, flat=True).distinct() if value)

    owners = User.objects.filter(pk__in=distinct("owner_id")).order_by("username")
    teams = seen.order_by().filter(team__isnull=False).values_list("team_id", "team__name").distinct()
    return Choices(
        regions=distinct("region"),
        kinds=distinct("kind"),
        teams=sorted(teams, key=lambda row: row[1]),
        owners=[(owner.pk, owner.shown_name) for owner in owners],
    )


def saved_views(user: User, about: str = "customers") -> list[SavedView]:
    """The user's own views of this list and those colleagues share. A view is a question, not an answer: each asker's scope applies."""
    return list(SavedView.objects.filter(Q(user=user) | Q(shared=True), about=about).select_related("user"))


def kept_columns(views: Sequence[SavedView], user: User) -> str:
    """The columns this user last kept, as `cols` takes them: a view of theirs that has no name."""
    for view in views:
        if not view.name and view.user_id == user.pk:
            return Filters.read(dict(parse_qsl(view.query))).cols
    return ""
