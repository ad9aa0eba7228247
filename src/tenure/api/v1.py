"""Version 1 of the REST API. Its description for programs is at /api/v1/openapi.json."""

import base64
import json
from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from ninja import Body, Header, NinjaAPI, Query, Schema
from ninja.errors import HttpError

from tenure.api import boards, causes, metrics, objects, segments
from tenure.api.auth import Key, holder
from tenure.contracts import CONTRACTS
from tenure.contracts.custom import id_of
from tenure.desk.customers import relations, selectors, services
from tenure.desk.customers.cards import SENSITIVE, Card
from tenure.desk.customers.export import columns_for, lines
from tenure.desk.customers.fields.definitions import known, seen_by
from tenure.desk.customers.fields.values import MisfitError, edit_values, with_values
from tenure.desk.customers.models import Customer, CustomField, Publication, Score
from tenure.desk.customers.selectors import Filters
from tenure.desk.governance import audit
from tenure.desk.governance.keys import Holder
from tenure.desk.governance.models import Team, User
from tenure.desk.lake import about
from tenure.desk.work import imports
from tenure.errors import TenureError
from tenure.lake.fields import FIELDS, field_of

api = NinjaAPI(title="Tenure", version="1", auth=Key(), urls_namespace="api", docs_url=None)
api.add_router("", metrics.router)
api.add_router("", boards.router)
api.add_router("", causes.router)

SHOWN = (
    "person_id", "customer_id", "source", "also_known_as", "name", "kind", "phone", "email", "region", "city", "language",
    "blocked", "created_on", "first_order_on", "last_order_on", "recency_days", "frequency", "monetary_base_minor", "r",
    "f", "m", "rfm_cell", "abc", "stage", "p_alive", "value_base_minor", "value_decile", "churn_probability", "risk_band",
    "fee_base_minor", "open_cases", "last_nps", "at_risk_minor", "extra", "reasons",
)  # fmt: skip
BULK = 10_000  # rows of one call
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
    segment: str = ""
    sort: str = ""

    @property
    def filters(self) -> Filters:
        return Filters.read(self.model_dump())


def _filters(request: HttpRequest, asked: Asked) -> Filters:
    """What the list is narrowed to, the company's own fields with it: `c_7=gold`, `c_7.from=3` (see /fields)."""
    own = {name: text for name, text in request.GET.items() if name.startswith("c_")}
    return Filters.read({**asked.model_dump(), **own})


class Own(Schema):
    """One of the company's own fields. `column` names it everywhere: in filters, files and values."""

    column: str
    name: dict[str, str]
    kind: str
    required: bool
    personal: bool
    help: str
    section: str
    choices: list[dict[str, Any]]
    shown: str


class Assignment(Schema):
    """Into whose hands: a user's name and a team's; empty is nobody's."""

    owner: str = ""
    team: str = ""


class Rows(Schema):
    """Records to bring in: fields by their names in the contract, dates and instants as ISO text, money in whole units.

    all_or_nothing: one row that can't be taken refuses them all; otherwise the others come in.
    """

    rows: list[dict[str, Any]]
    source: str = "api"
    mode: Literal["upsert", "create", "update"] = "upsert"
    match_on: list[str] = []
    all_or_nothing: bool = True
    dry_run: bool = False


class Assignments(Assignment):
    person_ids: list[int]


@api.exception_handler(MisfitError)
def _misfit(request: HttpRequest, error: MisfitError) -> HttpResponse:
    wrong = {f"c_{pk}": said for pk, said in error.by_field.items()}
    return api.create_response(request, {"detail": str(error), "fields": wrong}, status=422)


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
    filters = _filters(request, asked).within(scope)
    order = selectors.order_of(scope, filters)
    rows = selectors.listing(scope, filters)
    if cursor:
        rows = rows.filter(_after(order, cursor))
    found = list(rows[: max(1, min(limit, MOST)) + 1])
    shown = found[: max(1, min(limit, MOST))]
    more = len(found) > len(shown)
    own = seen_by(scope, known())
    if shown:
        _looked(asker, None, _told(own))
    return {
        "customers": [as_json(card) for card in with_values((Card(row, scope) for row in shown), scope, own)],
        "next": _cursor(order, shown[-1]) if more else None,
    }


@api.get("/customers/count", url_name="customers_count", auth=Key("customers"))
def count(request: HttpRequest, asked: Query[Asked]) -> dict[str, int]:
    """How many customers the list holds, over all its stretches."""
    return {"count": selectors.listing(holder(request).scope, _filters(request, asked)).order_by().count()}


@api.get("/customers/export", url_name="customers_export", auth=Key("export"))
def export(request: HttpRequest, asked: Query[Asked]) -> StreamingHttpResponse:
    """The whole list as CSV; an audit entry is written before the first byte leaves."""
    asker = holder(request)
    filters = _filters(request, asked)
    rows: QuerySet[Score] = selectors.listing(asker.scope, filters)
    services.record_export(
        what="customers", rows=rows.order_by().count(), query=filters.query, actor=asker.owner, now=timezone.now()
    )
    scope = asker.scope
    own = seen_by(scope, known())
    cards = with_values((Card(row, scope) for row in rows.iterator(chunk_size=1000)), scope, own)
    return StreamingHttpResponse(lines(cards, columns_for(scope, own)), content_type="text/csv; charset=utf-8")


@api.get("/customers/{int:person_id}", url_name="customer", auth=Key("customers"))
def customer(request: HttpRequest, person_id: int) -> dict[str, Any]:
    """One customer. Out of the key's reach is the same answer as not there: 404."""
    asker = holder(request)
    card = _card(asker, person_id)
    own = seen_by(asker.scope, known())
    list(with_values([card], asker.scope, own))
    _looked(asker, person_id, _told(own))
    return as_json(card)


@api.patch("/customers/{int:person_id}/custom", url_name="customer_custom", auth=Key("edit"))
def edit_custom(request: HttpRequest, person_id: int, sent: Body[dict[str, Any]]) -> dict[str, Any]:
    """Say what the customer has in the company's own fields: `{"c_7": "gold", "c_8": null}`; null is nothing.

    Fields not named stay as they are. Where one value does not fit, nothing is changed, and `fields` says why.
    """
    asker = holder(request)
    unknown = sorted(name for name in sent if id_of(name) is None)
    if unknown:
        raise HttpError(422, f"There is no field {', '.join(unknown)[:200]}. See /api/v1/fields.")
    try:
        changed = edit_values(
            person_id, {id_of(name) or 0: value for name, value in sent.items()}, scope=asker.scope, actor=asker.owner,
            now=timezone.now(), through="api",
        )  # fmt: skip
    except Customer.DoesNotExist:
        raise HttpError(404, "There is no such customer.") from None
    card = _card(asker, person_id)
    own = seen_by(asker.scope, known())
    list(with_values([card], asker.scope, own))
    _looked(asker, person_id, {one.guarded_as for one in own if one.personal})
    return {"changed": [f"c_{pk}" for pk in changed], "custom": as_json(card)["custom"]}


@api.get("/fields", url_name="fields", auth=Key("customers"), response=list[Own])
def fields(request: HttpRequest, object: str = "customers") -> list[dict[str, Any]]:
    """The company's own fields that this key sees anything of, in the order of the form."""
    scope = holder(request).scope
    return [
        {
            "column": one.code, "name": {"en": one.words.en, "zh": one.words.zh}, "kind": one.kind,
            "required": one.required, "personal": one.personal, "help": str(one.help), "section": one.section,
            "choices": [{"code": c.code, "en": c.words.en, "zh": c.words.zh, "closed": c.closed} for c in one.options],
            "shown": scope.shows(one.guarded_as),
        }
        for one in seen_by(scope, known(object))
    ]  # fmt: skip


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


@api.post("/records/{contract}", url_name="receive_records", auth=Key("import"))
def receive_records(
    request: HttpRequest,
    contract: str,
    sent: Rows,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key")] = "",
) -> HttpResponse:
    """Bring up to 10,000 records in as one batch, which can be undone. Errors name the row, counted from 1.

    Needs a key that reaches every customer, since a record may be about any. Sent again with the same
    `Idempotency-Key` within a day, nothing is done twice and the first answer comes again; the same key with other
    rows is 409, and so is one whose first call is still under way.
    """
    asker = holder(request)
    if not asker.scope.sees_all:
        raise HttpError(403, "Records are received for every customer; this key reaches only some of them.")
    if contract not in CONTRACTS:
        raise HttpError(404, f"There are no records {contract}. There are: {', '.join(CONTRACTS)}.")
    if not sent.rows or len(sent.rows) > BULK:
        raise HttpError(422, f"Send from 1 to {BULK:,} rows at a time; found {len(sent.rows):,}.")
    if len(idempotency_key) > 100:
        raise HttpError(422, "An Idempotency-Key has up to 100 characters.")
    told = imports.Told(
        contract=contract, source=sent.source, mode=sent.mode, match_on=tuple(sent.match_on),
        all_or_nothing=sent.all_or_nothing, dry_run=sent.dry_run,
    )  # fmt: skip
    status, answer = imports.receive_once(
        sent.rows, told, once=f"{asker.key.pk}:{idempotency_key}" if idempotency_key else "", actor=asker.owner,
        now=timezone.now(),
    )  # fmt: skip
    return api.create_response(request, answer, status=status)


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
        "custom": {value.field.code: value.typed for value in card.custom.values()},
    }


def _told(own: Collection[CustomField]) -> set[str]:
    """What a customer's own page tells of a person, the company's own personal fields with it."""
    return {*SENSITIVE, *(one.guarded_as for one in own if one.personal)}


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


api.add_router("", segments.router)
api.add_router("", objects.router)
