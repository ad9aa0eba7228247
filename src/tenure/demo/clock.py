"""The months a simulated company lives through, in its own zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np

from tenure.demo.drawing import Numbers
from tenure.errors import TenureError
from tenure.language import tr

ZONE = "Asia/Shanghai"
HOUR = 3_600_000_000
DAY = 24 * HOUR
WEEK = 7 * DAY
OFFSET = 8 * HOUR  # the zone's one offset, winter and summer

FEWEST_MONTHS = 12


@dataclass(frozen=True)
class Calendar:
    """`months` whole months up to `until`, which itself is not in them.

    Every instant in this package is an int64 of microseconds since 1970 in UTC; months begin at local midnight.
    Raises TenureError when `until` is not the first of a month or the months are too few for the stories.
    """

    until: date
    months: int

    def __post_init__(self) -> None:
        if self.until.day != 1:
            raise TenureError(
                tr(
                    "A simulated company ends on the first of a month, not on {until}. Give {first} instead.",
                    until=self.until,
                    first=self.until.replace(day=1),
                )
            )
        if self.months < FEWEST_MONTHS:
            raise TenureError(
                tr(
                    "{months} months are too few for the company's stories. Give {fewest} or more.",
                    months=self.months,
                    fewest=FEWEST_MONTHS,
                )
            )

    @cached_property
    def starts(self) -> Numbers:
        """When each month begins, and at the end when the last one is over: months + 1 instants."""
        last = np.datetime64(self.until.strftime("%Y-%m"), "M")
        months = last + np.arange(-self.months, 1)
        starts: Numbers = months.astype("datetime64[us]").astype(np.int64) - OFFSET
        return starts

    @property
    def since(self) -> int:
        return int(self.starts[0])

    @property
    def end(self) -> int:
        return int(self.starts[-1])

    def start(self, back: int) -> int:
        """When the month `back` months before the end began; may lie before the first month."""
        month = np.datetime64(self.until.strftime("%Y-%m"), "M") - back
        return int(month.astype("datetime64[us]").astype(np.int64)) - OFFSET

    def month(self, back: int) -> tuple[datetime, datetime]:
        """The half-open month `back` months before the end, as instants: 1 is the last one."""
        return instant(self.start(back)), instant(self.start(back - 1))

    def month_of(self, at: Numbers) -> Numbers:
        """Number of the month each instant falls in, from 0; -1 is before the first one."""
        found: Numbers = np.searchsorted(self.starts, at, side="right") - 1
        return found


def instant(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(at))


def local_day(at: Numbers) -> Numbers:
    """The instant of local midnight before each instant."""
    midnight: Numbers = (at + OFFSET) // DAY * DAY - OFFSET
    return midnight


def add_months(at: Numbers, months: Numbers) -> Numbers:
    """The same local day and hour so many months later; a 29th to 31st becomes the 28th at the latest."""
    local = (at + OFFSET).astype("datetime64[us]")
    month = local.astype("datetime64[M]")
    into = np.minimum((local - month.astype("datetime64[us]")).astype(np.int64), 28 * DAY - 1)
    moved: Numbers = (month + months).astype("datetime64[us]").astype(np.int64) + into - OFFSET
    return moved
