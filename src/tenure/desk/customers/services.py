"""The verbs of customers: each is one transaction, one audit entry, one announced event."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from tenure.desk.customers.events import CustomerAssigned
from tenure.desk.customers.models import Customer, SavedView
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import Team, User
from tenure.errors import TenureError
from tenure.lake.scope import Scope
from tenure.language import tr


@transaction.atomic
def assign_customer(
    person_id: int, *, owner: User | None, team: Team | None, scope: Scope, actor: User | None, now: datetime
) -> Customer:
    """Put a customer into somebody's hands. From then on the records no longer move it.

    Raises Customer.DoesNotExist where the scope does not reach the customer, and TenureError for an owner who
    can no longer sign in.
    """
    customer = Customer.objects.visible_to(scope).select_for_update(of=("self",)).get(pk=person_id)
    _check_owner(owner)
    before = {"owner": customer.owner_id, "team": customer.team_id}
    customer.owner, customer.team, customer.assigned_here = owner, team, True
    customer.save(update_fields=["owner", "team", "assigned_here"])
    after = {"owner": customer.owner_id, "team": customer.team_id}
    audit.record("assign_customer", "customer", person_id, actor=actor, now=now, before=before, after=after)
    announce(CustomerAssigned(person_id, customer.owner_id, customer.team_id))
    return customer


@transaction.atomic
def assign_customers(
    person_ids: Collection[int],
    *,
    owner: User | None,
    team: Team | None,
    scope: Scope,
    actor: User | None,
    now: datetime,
) -> int:
    """Put many customers into somebody's hands: all of them, or where one is out of reach, none. Returns how many.

    One audit entry names them all. Raises Customer.DoesNotExist and TenureError as `assign_customer` does.
    """
    wanted = set(person_ids)
    found = Customer.objects.visible_to(scope).select_for_update(of=("self",)).filter(pk__in=wanted)
    before = [row.pk for row in found]
    if len(before) < len(wanted):
        raise Customer.DoesNotExist
    _check_owner(owner)
    Customer.objects.filter(pk__in=before).update(owner=owner, team=team, assigned_here=True)
    after = {"owner": owner.pk if owner else None, "team": team.pk if team else None}
    audit.record(
        "assign_customers", "customers", len(before), actor=actor, now=now, digest=audit.digest(before), after=after
    )
    for person_id in before:
        announce(CustomerAssigned(person_id, after["owner"], after["team"]))
    return len(before)


def _check_owner(owner: User | None) -> None:
    if owner is not None and not (owner.is_active and owner.role):
        raise TenureError(
            tr('"{name}" can no longer sign in, so no customer can be given to them.', name=owner.username)
        )


@transaction.atomic
def save_view(user: User, name: str, query: str, *, shared: bool, now: datetime, about: str = "customers") -> SavedView:
    """Keep a list under a name (of customers, or of an own kind of record); saving under the same name again replaces it. Raises TenureError without a name."""
    name = name.strip()[:80]
    if not name:
        raise TenureError(tr("Give the view a name."))
    view, _ = SavedView.objects.update_or_create(
        user=user, about=about, name=name, defaults={"query": query.lstrip("?")[:2000], "shared": shared}
    )
    asked, searched = apart(view.query)
    audit.record(
        "save_view", "saved_view", view.pk, actor=user, now=now, private=searched, name=name, query=asked, shared=shared
    )
    return view


@transaction.atomic
def keep_columns(user: User, columns: str, *, now: datetime) -> None:
    """Show these own fields as columns of the user's list from now on: a view of theirs without a name."""
    query = urlencode({"cols": columns}) if columns else ""
    view, _ = SavedView.objects.update_or_create(
        user=user, about="customers", name="", defaults={"query": query, "shared": False}
    )
    audit.record("save_view", "saved_view", view.pk, actor=user, now=now, name="", query=query, shared=False)


@transaction.atomic
def delete_view(user: User, view_id: int, *, now: datetime) -> None:
    """Drop a view of one's own; somebody else's is not there to be dropped. Raises SavedView.DoesNotExist."""
    view = SavedView.objects.get(pk=view_id, user=user)
    audit.record("delete_view", "saved_view", view.pk, actor=user, now=now, name=view.name)
    view.delete()


@transaction.atomic
def record_export(*, what: str, rows: int, query: str, actor: User, now: datetime) -> None:
    """Write down who took how many customers out of the desk, before the first byte leaves."""
    asked, searched = apart(query[:2000])
    audit.record("export", what, rows, actor=actor, now=now, private=searched, query=asked)


def apart(query: str) -> tuple[str, dict[str, str]]:
    """A list's query string without what was searched for, and that: it may name somebody, the rest never does."""
    pairs = parse_qsl(query)
    searched = {name: text for name, text in pairs if name == "q" or name.startswith("c_")}
    return urlencode([pair for pair in pairs if pair[0] not in searched]), searched
