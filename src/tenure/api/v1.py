"""Version 1 of the REST API. Its description for programs is at /api/v1/openapi.json."""

import base64
import json
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from ninja import NinjaAPI, Query, Schema
from ninja.errors import HttpError

from tenure.api.auth import Key, holder
from tenure.contracts import CONTRACTS
from tenure.desk.customers import relations, selectors, services
from tenure.desk.customers.cards import SENSITIVE, Card
from tenure.desk.customers.export import columns_for, lines
from tenure.desk.customers.models import Customer, Publication, Score
from tenure.desk.customers.selectors import SORTS, Filters
from tenure.desk.governance import audit
from tenure.desk.governance.keys import Holder
from tenure.desk.governance.models import Team, User
from tenure.desk.lake import about
from tenure.errors import TenureError
from tenure.lake.fields import FIELDS, field_of

api = NinjaAPI(title="Tenure", version="1", auth=Key(), urls_namespace="api", docs_url=None)

SHOWN = (
    "person_id", "customer_id", "source", "also_known_as", "name", "kind", "phone", "email", "region", "city", "language",
    "blocked", "created_on", "first_order_on", "last_order_on", "recency_days", "frequency", "monetary_base_minor", "r",
    "f", "m", "rfm_cell", "abc", "stage", "p_alive", "value_base_minor", "value_decile", "churn_probability", "risk_band",
    "fee_base_minor", "open_cases", "last_nps", "at_risk_minor", "extra", "reasons",
)  # fmt: skip
RECORDS = tuple(name for name, contract in CONTRACTS.items() if contract.person)
MOST = 200


class Asked(Schema):
    """What a list of customers is narrowed to, as on the customer page."""

    q: str = ""
    stage: str = ""
    risk: str = ""
    region: str = ""
    team: str = ""
    owner: str = ""
    cell: str = ""
    decile: str = ""
    r: str = ""
    f: str = ""
    kind: str = ""
    moved: str = ""
    sort: str = ""

    @property
    def filters(self) -> Filters:
        return Filters.read(self.model_dump())


class Assignment(Schema):
    """Into whose hands: a user's name and a team's; empty is nobody's."""

    owner: str = ""
    team: str = ""


class Assignments(Assignment):
    person_ids: list[int]


@api.exception_handler(TenureError)
def _refused(request: HttpRequest, error: TenureError) -> HttpResponse:
    return api.create_response(request, {"detail": str(error)}, status=422)


@api.get("/me", url_name="me")
def me(request: HttpRequest) -> dict[str, Any]:
    """Whom this key acts for, what it may do and how fields are shown to it."""
    asker = holder(request)
    scope = asker.scope
    return {
        "owner": asker.owner.username,
        "role": asker.role.code,
        "reach": [scope.reach, scope.within.reach if scope.within else scope.reach],
        "permissions": sorted(name for name in asker.role.permissions if asker.may(name)),  # type: ignore[arg-type]
        "masked": sorted(scope.masked | (scope.within.masked if scope.within else frozenset())),
        "hidden": sorted(scope.hides),
    }


@api.get("/customers", url_name="customers", auth=Key("customers"))
def customers(request: HttpRequest, asked: Query[Asked], cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """One stretch of the customer list; `next` is the cursor of the one after, null at the end."""
    asker = holder(request)
    scope = asker.scope
    filters = asked.filters.within(scope)
    order = SORTS[filters.sort or selectors.sorts(scope)[0]]
    rows = selectors.listing(scope, filters)
    if cursor:
        rows = rows.filter(_after(order, cursor))
    found = list(rows[: max(1, min(limit, MOST)) + 1])
    shown = found[: max(1, min(limit, MOST))]
    more = len(found) > len(shown)
    if shown:
        _looked(asker, None)
    return {
        "customers": [as_json(Card(row, scope)) for row in shown],
        "next": _cursor(order, shown[-1]) if more else None,
    }


@api.get("/customers/count", url_name="customers_count", auth=Key("customers"))
def count(request: HttpRequest, asked: Query[Asked]) -> dict[str, int]:
    """How many customers the list holds, over all its stretches."""
    return {"count": selectors.listing(holder(request).scope, asked.filters).order_by().count()}


@api.get("/customers/export", url_name="customers_export", auth=Key("export"))
def export(request: HttpRequest, asked: Query[Asked]) -> StreamingHttpResponse:
    """The whole list as CSV; an audit entry is written before the first byte leaves."""
    asker = holder(request)
    rows: QuerySet[Score] = selectors.listing(asker.scope, asked.filters)
    services.record_export(
        what="customers", rows=rows.order_by().count(), query=asked.filters.query, actor=asker.owner, now=timezone.now()
    )
    scope = asker.scope
    cards = (Card(row, scope) for row in rows.iterator(chunk_size=1000))
    return StreamingHttpResponse(lines(cards, columns_for(scope)), content_type="text/csv; charset=utf-8")


@api.get("/customers/{int:person_id}", url_name="customer", auth=Key("customers"))
def customer(request: HttpRequest, person_id: int) -> dict[str, Any]:
    """One customer. Out of the key's reach is the same answer as not there: 404."""
    asker = holder(request)
    card = _card(asker, person_id)
    _looked(asker, person_id)
    return as_json(card)


@api.get("/customers/{int:person_id}/records/{contract}", url_name="customer_records", auth=Key("customers"))
def records(request: HttpRequest, person_id: int, contract: str, limit: int = 100) -> list[dict[str, Any]]:
    """The customer's records of one kind, newest first, at most a thousand."""
    asker = holder(request)
    if contract not in RECORDS:
        raise HttpError(404, f"There are no records {contract}. There are: {', '.join(RECORDS)}.")
    _card(asker, person_id)
    told = {field_of(f"records/{contract}", column) or "" for column in CONTRACTS[contract].records_schema.names}
    _looked(asker, person_id, told & FIELDS.keys() - {"amounts", "name"})
    with about(person_id) as lake:
        table = lake.read(f"records/{contract}", actor=asker.scope)
        newest = table.filter(table.person_id == person_id).order_by(table.valid_at.desc(), table.row)
        rows: list[dict[str, Any]] = lake.to_arrow(newest.limit(max(1, min(limit, 1000)))).to_pylist()
    return rows


@api.get("/customers/{int:person_id}/relations", url_name="customer_relations", auth=Key("customers"))
def related(request: HttpRequest, person_id: int) -> list[dict[str, Any]]:
    """Who belongs to this customer, and to whom it belongs, of those within the key's reach."""
    asker = holder(request)
    _card(asker, person_id)
    found = relations.relations_of(asker.scope, person_id, today=timezone.localdate())
    _looked(asker, person_id, ["text"] if any(one.note for one in found) else [])
    return [
        {
            "kind": one.kind, "is": one.words, "person_id": one.other.pk, "customer_id": one.other.customer_id,
            "name": one.other.name, "since": one.since, "until": one.until, "source": one.source, "note": one.note,
        }
        for one in found
    ]  # fmt: skip


@api.post("/customers/assign", url_name="assign_customers", auth=Key("assign"))
def assign_many(request: HttpRequest, sent: Assignments) -> dict[str, int]:
    """Put many customers into somebody's hands: all, or where one is out of reach, none."""
    asker = holder(request)
    owner, team = _hands(sent)
    try:
        done = services.assign_customers(
            sent.person_ids, owner=owner, team=team, scope=asker.scope, actor=asker.owner, now=timezone.now()
        )
    except Customer.DoesNotExist:
        raise HttpError(404, "One of these customers is not there. Nothing was changed.") from None
    return {"assigned": done}


@api.post("/customers/{int:person_id}/assign", url_name="assign_customer", auth=Key("assign"))
def assign(request: HttpRequest, person_id: int, sent: Assignment) -> dict[str, int]:
    """Put one customer into somebody's hands."""
    asker = holder(request)
    owner, team = _hands(sent)
    try:
        services.assign_customer(
            person_id, owner=owner, team=team, scope=asker.scope, actor=asker.owner, now=timezone.now()
        )
    except Customer.DoesNotExist:
        raise HttpError(404, "There is no such customer.") from None
    return {"assigned": 1}


@api.get("/totals", url_name="totals", auth=Key("today"))
def totals(request: HttpRequest) -> dict[str, Any]:
    """The headline of the customers within reach: counts, and money in minor units of the reporting currency."""
    shown = Publication.current()
    if shown is None:
        raise HttpError(404, "Nothing has been worked out yet. Run: tenure refresh")
    found = selectors.totals(holder(request).scope, shown)
    return {name: getattr(found, name) for name in found.__slots__} | {"as_of": shown.as_of}


def as_json(card: Card) -> dict[str, Any]:
    """A card as the API tells it, owner and team by name."""
    return {
        **{name: getattr(card, name) for name in SHOWN},
        "owner": card.owner.username if card.owner else None,
        "team": card.team.name if card.team else None,
    }


def _looked(asker: Holder, person_id: int | None, told: Collection[str] = SENSITIVE) -> None:
    """Write down who read whose personal fields through the API; of a list, that it was read."""
    in_clear = [field for field in told if asker.scope.sees(field)]
    kind, number = ("customer", person_id) if person_id is not None else ("customers", "list")
    audit.read(kind, number, actor=asker.owner, now=timezone.now(), fields=in_clear, through="api")


def _card(asker: Holder, person_id: int) -> Card:
    card = selectors.card_of(asker.scope, person_id)
    if card is None:
        raise HttpError(404, "There is no such customer.")
    return card


def _hands(sent: Assignment) -> tuple[User | None, Team | None]:
    owner = User.objects.filter(username=sent.owner).first()
    team = Team.objects.filter(name=sent.team).first()
    if (sent.owner and owner is None) or (sent.team and team is None):
        raise HttpError(422, "There is no such user or team. Nothing was changed.")
    return owner, team


def _cursor(order: tuple[str, ...], last: Score) -> str:
    """Where a stretch ended: the sort key of its last row. Opaque to programs; the list may change between two."""
    values = []
    for name in order:
        value: Any = last
        for part in name.lstrip("-").split("__"):
            value = getattr(value, part)
        values.append(value)
    return base64.urlsafe_b64encode(json.dumps(values, cls=DjangoJSONEncoder).encode()).decode()


def _after(order: tuple[str, ...], cursor: str) -> Q:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        first, second = values
    except ValueError:
        raise HttpError(422, "This cursor is none of ours; begin again without one.") from None
    a, b = order
    past = "lt" if a.startswith("-") else "gt"
    onward = "lt" if b.startswith("-") else "gt"
    a, b = a.lstrip("-"), b.lstrip("-")
    if not all(isinstance(value, int | float | str | date | datetime) for value in values):
        raise HttpError(422, "This cursor is none of ours; begin again without one.")
    return Q(**{f"{a}__{past}": first}) | Q(**{a: first, f"{b}__{onward}": second})
