"""Correcting what we hold about a customer: at once on the desk, and in the lake as a record of the desk's own."""

from collections.abc import Mapping
from datetime import date, datetime

import pyarrow as pa
from django.db import transaction
from django.db.models import Q, QuerySet

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Customer
from tenure.desk.customers.publishing import described
from tenure.desk.events import announce
from tenure.desk.governance import audit, consents, rights
from tenure.desk.governance.events import PersonCorrected
from tenure.desk.governance.models import SubjectRequest, User
from tenure.errors import TenureError
from tenure.lake import Lake, Scope
from tenure.lake import erase as lake_erase
from tenure.language import tr

# What a person may have put right: what describes them, not what they did.
CORRECTABLE: tuple[str, ...] = (
    "name", "phone", "email", "id_number", "birth_date", "gender", "kind", "region", "city", "street", "language",
)  # fmt: skip
_ON_THE_DESK = ("name", "phone", "email", "kind", "region", "city", "language")


def correct_customer(
    person_id: int,
    *,
    field: str,
    value: str,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    request: SubjectRequest | None = None,
) -> Customer:
    """Put one field of a customer right; an empty value says that there is none.

    It goes into the lake as a record of source `desk`, which goes before every other, for each number of the person;
    the desk shows it at once and whatever is worked out from it follows with the next refresh. Before and after are
    sealed in the audit under the person's key.

    Raises Customer.DoesNotExist beyond the scope's reach, TenureError for a field that can't be corrected or a value
    it can't hold.
    """
    customer = Customer.objects.visible_to(scope).get(pk=person_id)
    if consents.is_erased(person_id):
        raise TenureError(tr("This person's data were erased; nothing more can be recorded about them."))
    typed = _typed(field, value)
    person = lake_erase.find(lake, {person_id})
    if not person.numbers:
        raise TenureError(tr("The lake does not know this customer yet. Run tenure refresh, then try again."))
    before = str(getattr(customer, field, "") or "")
    for ids_of in sorted({ids_of for ids_of, _ in person.numbers}):
        numbers = [number for source, number in person.numbers if source == ids_of]
        with lake.receiving(
            "customers", source="desk", ids_of=ids_of, columns=["customer_id", field], now=now
        ) as batch:
            column = pa.array([typed] * len(numbers), CONTRACTS["customers"][field].arrow_type)
            batch.append(
                pa.table(
                    {"customer_id": numbers, field: column, "row": pa.array(range(1, len(numbers) + 1), pa.int64())}
                )
            )
    with transaction.atomic():
        customer = Customer.objects.select_for_update(of=("self",)).get(pk=person_id)
        if field in _ON_THE_DESK:
            for name, text in described(customer, {field: value.strip()}).items():
                setattr(customer, name, text)
            customer.save()
        audit.record(
            "correct_customer", "customer", person_id, actor=actor, now=now, field=field,
            subject=person_id, private={"before": before, "after": value.strip()},
        )  # fmt: skip
        if request is not None:
            rights.close_request(request, counts={"fields": 1}, actor=actor, now=now)
        announce(PersonCorrected(person_id, field))
    return customer


def requests_visible_to(scope: Scope) -> "QuerySet[SubjectRequest]":
    """The requests of persons the scope reaches; those of the erased only where it reaches everybody."""
    if scope.sees_all:
        return SubjectRequest.objects.all()
    return SubjectRequest.objects.filter(Q(person_id__in=Customer.objects.visible_to(scope).values("pk")))


def _typed(field: str, value: str) -> str | date | None:
    if field not in CORRECTABLE:
        raise TenureError(
            tr('"{field}" can\'t be corrected here. These can: {known}.', field=field, known=", ".join(CORRECTABLE))
        )
    column = CONTRACTS["customers"][field]
    text = value.strip()
    if not text:
        return None
    if column.values and text not in column.values:
        raise TenureError(
            tr(
                '"{value}" is no {field}. There are: {known}.',
                value=text,
                field=column.words,
                known=", ".join(column.values),
            )
        )
    if column.type == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise TenureError(
                tr('"{value}" is no date. Write it as year-month-day, such as 1988-05-01.', value=text)
            ) from None
    if len(text) > 300:
        raise TenureError(tr("That is too long: {length} characters, and {limit} fit.", length=len(text), limit=300))
    return text


def values_of(customer: Customer) -> Mapping[str, str]:
    """What the desk shows now of each field that can be corrected."""
    return {name: str(getattr(customer, name, "") or "") for name in CORRECTABLE}
