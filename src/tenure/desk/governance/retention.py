"""How long records are kept: a schedule for each contract, looked at before it is applied, applied only when told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from tenure.contracts import CONTRACTS, Contract, contract_named
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.events import RetentionChanged
from tenure.desk.governance.models import Retention, User
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.lake import erase as lake_erase
from tenure.language import Words, tr

ACTIONS = {"delete": Words("Delete", "删除"), "anonymise": Words("Make anonymous", "匿名化")}


@dataclass(frozen=True, slots=True)
class Due:
    """What one schedule lets go of now: the rows received before `before`."""

    schedule: Retention
    before: datetime
    rows: int


def schedulable() -> list[Contract]:
    """The contracts whose records age: things that happened to somebody, each at its own time.

    What describes a customer is a current truth however old it is; it goes with the customer, by a request.
    """
    return [contract for contract in CONTRACTS.values() if contract.fact and contract.person and contract.valid_at]


@transaction.atomic
def set_retention(contract: str, *, months: int, what: str, actor: User | None, now: datetime) -> Retention:
    """Say how long the records of a contract are kept, and what then. Nothing goes until `run`.

    Raises TenureError for a contract whose records do not age, less than a month, or an action there is not.
    """
    shape = contract_named(contract)
    if shape not in schedulable():
        raise TenureError(
            tr(
                "{contract} are no things that happened at a time; they go with their customer, by a request.",
                contract=shape.words,
            )
        )
    if not 1 <= months <= 1200:
        raise TenureError(tr("Keep them from 1 to 1200 months, not {months}.", months=months))
    if what not in ACTIONS or (what == "anonymise" and shape.person in shape.key):
        allowed = [name for name in ACTIONS if name == "delete" or shape.person not in shape.key]
        raise TenureError(tr('"{what}" is not possible here. There are: {known}.', what=what, known=", ".join(allowed)))
    found, _ = Retention.objects.update_or_create(
        contract=contract, defaults={"months": months, "what": what, "changed_at": now}
    )
    audit.record("set_retention", "retention", contract, actor=actor, now=now, months=months, what=what)
    announce(RetentionChanged(contract))
    return found


@transaction.atomic
def drop_retention(contract: str, *, actor: User | None, now: datetime) -> None:
    """Keep the records of a contract for ever again. Raises TenureError where there is no schedule."""
    deleted, _ = Retention.objects.filter(contract=contract).delete()
    if not deleted:
        raise TenureError(tr('There is no retention for "{contract}".', contract=contract))
    audit.record("drop_retention", "retention", contract, actor=actor, now=now)
    announce(RetentionChanged(contract))


def due(lake: Lake, *, now: datetime) -> list[Due]:
    """What each schedule would let go of now; nothing is changed."""
    found = []
    for schedule in Retention.objects.all():
        before = months_before(now, schedule.months)
        rows = lake_erase.expire(
            lake, CONTRACTS[schedule.contract], before, schedule.what, dry=True  # type: ignore[arg-type]
        )  # fmt: skip
        found.append(Due(schedule, before, rows))
    return found


def run(
    lake: Lake,
    *,
    actor: User | None,
    now: datetime,
    tell: Callable[[Retention, int], None] = lambda schedule, rows: None,
) -> dict[str, int]:
    """Apply every schedule; returns the rows that went, by contract. What was cut off is finished by the next run.

    Scores follow with the next refresh. Raises TenureError where somebody else is writing the lake.
    """
    went: dict[str, int] = {}
    with lake.writing("tenure retention run"):
        for schedule in Retention.objects.all():
            before = months_before(now, schedule.months)
            rows = lake_erase.expire(
                lake, CONTRACTS[schedule.contract], before, schedule.what, dry=False  # type: ignore[arg-type]
            )  # fmt: skip
            went[schedule.contract] = rows
            tell(schedule, rows)
        if Retention.objects.exists():
            lake_erase.drop_old_versions(lake)
    with transaction.atomic():
        audit.record("run_retention", "retention", "all", actor=actor, now=now, rows=went)
    return went


def months_before(now: datetime, months: int) -> datetime:
    """The same day and hour so many months earlier; the last day of a month that is shorter."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = now.day
    while True:
        try:
            date(year, month + 1, day)
        except ValueError:
            day -= 1
            continue
        return now.replace(year=year, month=month + 1, day=day)
