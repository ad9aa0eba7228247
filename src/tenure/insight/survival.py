"""How long customers stay: survival by tenure, the life still to be expected, and when they are likeliest to leave.

E. L. Kaplan, P. Meier (1958), JASA 53, 457-481; M. Greenwood (1926); intervals on the log-log scale, J. D. Kalbfleisch,
R. L. Prentice (1980).
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn.definitions import rhythm_days, rhythm_of_gaps
from tenure.insight.frames import to_numbers
from tenure.insight.purchases import seconds_of
from tenure.insight.value.summary import last_seen, purchases
from tenure.language import tr

Numbers = NDArray[np.float64]
Z = 1.959963984540054


class NotEnoughLivesError(TenureError, ValueError):
    """The input is sound, but nobody in it was seen for any time."""


@dataclass(frozen=True)
class Survival:
    """The share still there after each time at which somebody left. Starts at time 0 with all; 95 % intervals (log-log).

    at_risk: there just before; left: who left then; error: Greenwood's. last_seen: the longest time anybody was seen.
    """

    times: Numbers
    share: Numbers
    low: Numbers
    high: Numbers
    error: Numbers
    at_risk: Numbers
    left: Numbers
    customers: float
    last_seen: float

    def at(self, time: float) -> float:
        """The share still there after so long; that at the end of what was seen for anything later."""
        return float(self.share[np.searchsorted(self.times, time, side="right") - 1])

    def median(self) -> float | None:
        """The time by which half have left; None where more than half are still there."""
        below = np.flatnonzero(self.share <= 0.5)
        return float(self.times[below[0]]) if len(below) else None

    def expected_life(self, until: float, since: float = 0.0) -> tuple[float, float] | None:
        """Mean time still to come up to `until` for somebody there at `since`, and its standard error.

        The area under the curve from `since` to `until`, over the share at `since` (restricted mean). What was not seen is
        not told: `until` is cut to the longest time anybody was seen. None where nobody was there at `since`.
        """
        end = min(until, self.last_seen)
        there = self.at(since)
        if end <= since or there <= 0:
            return None
        edges = np.unique(np.concatenate([[since], self.times[(self.times > since) & (self.times < end)], [end]]))
        heights = self.share[np.searchsorted(self.times, edges[:-1], side="right") - 1]
        areas = heights * np.diff(edges)
        # Each leaving after `since` moves what lies under the curve to its right.
        right = areas[::-1].cumsum()[::-1]
        later = (self.times > since) & (self.times < end)
        at_risk, left = self.at_risk[later], self.left[later]
        beyond = right[np.searchsorted(edges, self.times[later])]
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(at_risk > left, left / (at_risk * (at_risk - left)), 0.0)
        return float(areas.sum() / there), float(np.sqrt((beyond**2 * each).sum()) / there)


def kaplan_meier(lasted: Any, ended: Any, weights: Any = None) -> Survival:
    """The share of customers still there by tenure, where some are still there at the end of what was seen.

    lasted: how long each was seen, in any unit. ended: whether they left then (1) or were still there (0). weights: how many
    customers a row stands for. Whoever left at a time counts as there just before it, so does whoever was last seen then.

    Raises ValueError for columns that can't be, NotEnoughLivesError without a customer.
    """
    time, gone = to_numbers(lasted, "lasted"), to_numbers(ended, "ended")
    weight = np.ones(len(time)) if weights is None else to_numbers(weights, "weights")
    if not len(time) == len(gone) == len(weight):
        raise ValueError(
            f"lasted, ended and weights must have one row each; found {len(time)}, {len(gone)}, {len(weight)}"
        )
    if not (np.isfinite(time).all() and (time >= 0).all()):
        raise ValueError("lasted must be a finite number not below 0 in every row; correct or drop the others first")
    if not np.isin(gone, (0, 1)).all():
        raise ValueError("ended must be 0 or 1 in every row")
    if not len(time) or not weight.sum():
        raise NotEnoughLivesError(
            tr("Not enough data for a survival curve, because no customer was seen for any time.")
        )
    moments, place = np.unique(time, return_inverse=True)
    left = np.bincount(place, weight * gone, minlength=len(moments)).astype(float)
    out = np.bincount(place, weight, minlength=len(moments)).astype(float)
    at_risk = out[::-1].cumsum()[::-1]
    some = left > 0
    moments, left, at_risk = moments[some], left[some], at_risk[some]
    share = np.cumprod(1 - left / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(np.where(at_risk > left, left / (at_risk * (at_risk - left)), np.inf))
        error = np.where(share > 0, share * np.sqrt(spread), 0.0)
        log_share = np.log(share)
        half = Z * np.sqrt(spread) / np.abs(log_share)
        low, high = np.exp(log_share * np.exp(half)), np.exp(log_share * np.exp(-half))
    low, high = np.where(share > 0, low, 0.0), np.where(share > 0, high, 0.0)
    total = float(weight.sum())
    if not len(moments) or moments[0] > 0:
        moments, share, low, high = (
            np.insert(column, 0, first) for column, first in ((moments, 0), (share, 1), (low, 1), (high, 1))
        )
        error, at_risk, left = (
            np.insert(column, 0, first) for column, first in ((error, 0), (at_risk, total), (left, 0))
        )
    return Survival(moments, share, low, high, error, at_risk, left, total, float(time.max()))


def hazard(lasted: Any, ended: Any, edges: Any, weights: Any = None) -> pa.Table:
    """How likely customers leave by tenure: leavers over time at risk, between edges.

    Columns: since, until (unit of `lasted`), at_risk (customers there at since), left, rate (leavers for each unit of time at
    risk; null without any), rate_low, rate_high (95 %, log scale; null where nobody left).
    """
    time, gone, cuts = to_numbers(lasted, "lasted"), to_numbers(ended, "ended"), to_numbers(edges, "edges")
    weight = np.ones(len(time)) if weights is None else to_numbers(weights, "weights")
    rows = []
    for since, until in pairwise(cuts.tolist()):
        there = time >= since if since else np.ones(len(time), bool)
        exposure = float((weight * np.clip(time - since, 0, until - since)).sum())
        left = float((weight * gone)[(time > since) & (time <= until) | (since == 0) & (time == 0)].sum())
        rate = left / exposure if exposure > 0 else None
        spread = np.exp(Z / np.sqrt(left)) if left else None
        rows.append(
            {"since": float(since), "until": float(until), "at_risk": float(weight[there].sum()), "left": left, "rate": rate,
             "rate_low": rate / spread if rate and spread else None, "rate_high": rate * spread if rate and spread else None}
        )  # fmt: skip
    schema = [(name, pa.float64()) for name in ("since", "until", "at_risk", "left", "rate", "rate_low", "rate_high")]
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def lives(
    orders: ibis.Table, subscriptions: ibis.Table, as_of: datetime, silence_days: int | None = None
) -> ibis.Table:
    """How long each customer has been one, and whether they have left: person_id, days, ended, kind, plan.

    kind "contract": from the first day of their first contract to the day the last ended; ended where none runs.
    kind "buyer" (no contract known): from the first purchase; ended `silence_days` after the last, if nothing came by then.
    silence_days: where left out, twice the time within which four of five gaps between purchases end.
    """
    days = purchases(orders, as_of)
    bought = days.group_by("person_id").agg(first=days.day.min(), last=days.day.max())
    return lives_between(bought, subscriptions, as_of, silence_days or silence_of(orders))


def lives_between(bought: ibis.Table, subscriptions: ibis.Table, as_of: datetime, silence: int) -> ibis.Table:
    """`lives` by the first and the last day each bought up to `as_of`: person_id, first, last (dates)."""
    last_day = ibis.literal(last_seen(as_of))
    held = subscriptions.filter(subscriptions.person_id.notnull(), subscriptions.started_at.notnull())
    by_contract = held.group_by("person_id").agg(
        began=held.started_at.min(),
        ended_at=held.ended_at.max(),
        running=held.ended_at.isnull().any(),
        plan=held.plan.argmax(held.started_at),
    )
    end = ibis.ifelse(by_contract.running, ibis.literal(as_of).cast(by_contract.began.type()), by_contract.ended_at)
    seconds = (seconds_of(end) - seconds_of(by_contract.began)).cast("float64")
    contract = by_contract.filter(seconds >= 0).select(
        "person_id", days=(seconds / 86_400).floor().cast("int64"), ended=~by_contract.running,
        kind=ibis.literal("contract"), plan=by_contract.plan,
    )  # fmt: skip
    quiet = last_day.delta(bought.last, unit="day")
    buyer = bought.anti_join(by_contract, "person_id").select(
        "person_id",
        days=(bought.last.delta(bought.first, unit="day") + ibis.least(quiet, silence)).cast("int64"),
        ended=quiet >= silence,
        kind=ibis.literal("buyer"),
        plan=ibis.null("string"),
    )
    return contract.union(buyer)


def silence_of(orders: ibis.Table) -> int:
    """Days of silence after which a buyer counts as having left, by the base's own rhythm."""
    return 2 * rhythm_days(orders)


def silence_after(gaps: Any) -> int:
    """`silence_of` by the days between purchase days that followed one another, as an array."""
    return 2 * rhythm_of_gaps(gaps)
