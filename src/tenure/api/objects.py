"""A company's own kinds of record for programs: what there is, reading, writing, and many at once."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Body, Router, Schema
from ninja.errors import HttpError

from tenure.api.auth import Key, holder
from tenure.contracts.custom import id_of
from tenure.desk.customers.models import Customer
from tenure.desk.customers.objects import bringing, definitions, records
from tenure.desk.customers.objects.models import OwnObject, OwnRecord
from tenure.desk.customers.objects.records import Asked, Shown
from tenure.desk.governance import audit
from tenure.desk.governance.keys import Holder
from tenure.desk.lake import lake

router = Router()
MOST, BULK = 200, 10_000


class Written(Schema):
    """A record as a program says it. customers: person ids; fields: `{"c_7": "Falcon"}`, null is nothing. Left out: unchanged."""

    number: str | None = None
    customers: list[int] | None = None
    fields: dict[str, Any] = {}


class Many(Schema):
    """Rows with `number`, `customer` (numbers of their source) and fields by name or column.

    ids_of: whose customer numbers they are, where several sources have the same.
    """

    rows: list[dict[str, Any]]
    source: str = "api"
    ids_of: str = ""
    dry_run: bool = False


@router.get("/objects", url_name="objects", auth=Key("customers"))
def kinds(request: HttpRequest) -> list[dict[str, Any]]:
    """The own kinds of record there are; their fields are at `/fields?object=o_3`."""
    holder(request)
    return [
        {"code": one.code, "name": {"en": one.words.en, "zh": one.words.zh}, "many": one.many, "help": str(one.help)}
        for one in definitions.known()
    ]


@router.get("/objects/{code}/records", url_name="object_records", auth=Key("customers"))
def listed(request: HttpRequest, code: str, cursor: int = 0, limit: int = 50) -> dict[str, Any]:
    """One stretch of a kind's records, oldest first; `next` is the cursor of the one after, null at the end.

    Narrowed as on the page: `q`, `customer` (a person id), `c_7=gold`, `c_7.from=3`, `c_7.is=empty`.
    """
    asker, kind = holder(request), _kind(code)
    limit = max(1, min(limit, MOST))
    asked = Asked.read(request.GET)
    rows = records.listing(asker.scope, kind, asked).order_by("pk").filter(pk__gt=max(0, min(cursor, 2**62)))
    pks = list(rows.values_list("pk", flat=True)[: limit + 1])
    found = _seen(asker, kind, pks[:limit])
    return {"records": [_told(one) for one in found], "next": pks[limit - 1] if len(pks) > limit else None}


@router.get("/objects/{code}/records/{int:record_id}", url_name="object_record", auth=Key("customers"))
def one(request: HttpRequest, code: str, record_id: int) -> dict[str, Any]:
    """One record. Out of the key's reach is the same answer as not there: 404."""
    asker, kind = holder(request), _kind(code)
    return _told(_one(asker, kind, record_id))


@router.post("/objects/{code}/records", url_name="object_records", auth=Key("edit"))
def make(request: HttpRequest, code: str, sent: Written) -> dict[str, Any]:
    """Make a record; without a number it gets the next free one."""
    return _saved(holder(request), _kind(code), None, sent)


@router.patch("/objects/{code}/records/{int:record_id}", url_name="object_record", auth=Key("edit"))
def change(request: HttpRequest, code: str, record_id: int, sent: Written) -> dict[str, Any]:
    """Change a record; what is left out stays as it is. Where one value does not fit, nothing is changed."""
    return _saved(holder(request), _kind(code), record_id, sent)


@router.delete("/objects/{code}/records/{int:record_id}", url_name="object_record", auth=Key("edit"))
def drop(request: HttpRequest, code: str, record_id: int) -> dict[str, int]:
    """Delete a record that was made by mistake."""
    asker = holder(request)
    _one(asker, _kind(code), record_id)
    records.delete_record(record_id, scope=asker.scope, actor=asker.owner, now=timezone.now(), through="api")
    return {"deleted": 1}


@router.post("/objects/{code}/bulk", url_name="object_bulk", auth=Key("import"))
def bulk(request: HttpRequest, code: str, sent: Body[Many]) -> dict[str, Any]:
    """Bring up to 10,000 rows in as one batch: new numbers are made, known ones changed. Rejected rows say why."""
    asker, kind = holder(request), _kind(code)
    if not sent.rows or len(sent.rows) > BULK:
        raise HttpError(422, f"Send from 1 to {BULK:,} rows at a time; found {len(sent.rows):,}.")
    report = bringing.take(
        kind, sent.rows, lake=lake(), scope=asker.scope, actor=asker.owner, now=timezone.now(), source=sent.source,
        ids_of=sent.ids_of or None, dry_run=sent.dry_run,
    )  # fmt: skip
    return {
        "rows": report.rows, "made": report.made, "changed": report.changed, "same": report.same,
        "rejected": report.rejected, "batch": report.batch, "unread": list(report.plan.unread),
        "rejects": [
            {"row": row, "column": column, "value": value, "why": why} for row, column, value, why in report.rejects
        ],
    }  # fmt: skip


def _saved(asker: Holder, kind: OwnObject, record_id: int | None, sent: Written) -> dict[str, Any]:
    unknown = sorted(name for name in sent.fields if id_of(name) is None)
    if unknown:
        raise HttpError(422, f"There is no field {', '.join(unknown)[:200]}. See /api/v1/fields?object={kind.code}.")
    try:
        saved = records.save_record(
            kind, record_id=record_id, number=sent.number,
            values={id_of(name) or 0: value for name, value in sent.fields.items()}, customers=sent.customers,
            scope=asker.scope, actor=asker.owner, now=timezone.now(), through="api",
        )  # fmt: skip
    except OwnRecord.DoesNotExist:
        raise HttpError(404, "There is no such record.") from None
    except Customer.DoesNotExist:
        raise HttpError(404, "There is no such customer.") from None
    return _told(_one(asker, kind, saved.pk))


def _kind(code: str) -> OwnObject:
    found = next((one for one in definitions.known() if one.code == code), None)
    if found is None:
        raise HttpError(404, "There is no such kind of record. See /api/v1/objects.")
    return found


def _one(asker: Holder, kind: OwnObject, record_id: int) -> Shown:
    if not records.visible_to(asker.scope).filter(object=kind, pk=record_id).exists():
        raise HttpError(404, "There is no such record.")
    return _seen(asker, kind, [record_id])[0]


def _seen(asker: Holder, kind: OwnObject, pks: list[int]) -> list[Shown]:
    fields = records.fields_seen(asker.scope, kind)
    found = records.shown(asker.scope, pks, fields)
    guards = {one.guarded_as for one in fields if one.personal and asker.scope.sees(one.guarded_as)}
    if guards and found:
        audit.read(kind.code, "list", actor=asker.owner, now=timezone.now(), fields=guards, through="api")
    return found


def _told(one: Shown) -> dict[str, Any]:
    return {
        "id": one.pk, "number": one.record.number, "changed_at": one.record.changed_at,
        "customers": [{"person_id": person.pk, "customer_id": person.customer_id} for person in one.customers],
        "fields": {value.field.code: value.typed for value in one.values.values()},
    }  # fmt: skip
