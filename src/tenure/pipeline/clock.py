"""As of when: the end of the last day with records, unless a date is given."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tenure.contracts import CONTRACTS
from tenure.lake import SYSTEM, Lake

# Facts that go with the passing of business days; a due date or a rate may lie in the future.
_CLOCKED = ("orders", "events", "interactions", "cases", "survey_responses", "subscriptions")


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a business day."""
    return datetime.combine(day, time(), tzinfo=zone)


def default_as_of(lake: Lake, zone: ZoneInfo, now: datetime) -> datetime:
    """The midnight that ends the last business day with a fact, and never later than the end of today.

    So history imported today is scored as on its last day, and live records as of today; a second run on one day
    finds nothing changed. A lake without facts is scored as of the end of today.
    """
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    last = None
    for name in _CLOCKED:
        contract = CONTRACTS[name]
        if contract.day and lake.exists(f"records/{name}"):
            rows = lake.read(f"records/{name}", actor=SYSTEM)
            day = lake.to_arrow(rows.filter(rows.valid_at <= now).agg(last=rows[contract.day].max()))["last"][0].as_py()
            last = max(filter(None, (last, day)), default=None)
    return start_of(min(last + timedelta(days=1), tomorrow) if last else tomorrow, zone)
