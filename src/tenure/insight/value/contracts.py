"""What running contracts will still bring: renewals by sBG or by the share that left at each renewal, times the fee."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.value.backtest import Backtest, backtest
from tenure.insight.value.base import Numbers
from tenure.insight.value.sbg import ShiftedBetaGeometric

DAYS_OF_A_MONTH = 365.25 / 12
PRIOR = 1.0  # renewals that count as seen beside each decision's own, at the average share: few decisions tell little


@dataclass(frozen=True)
class Contracts:
    """Contracts, one a row: whose, first day, the day they ended (NaN while they run), fee and months a fee covers."""

    person: NDArray[np.int64]
    began: Numbers
    ended: Numbers
    fee: Numbers
    months: Numbers

    def at(self, day: float) -> "Contracts":
        """As known at a day: what began before it, and what had ended by then."""
        there = self.began < day
        ended = np.where(self.ended < day, self.ended, np.nan)
        return Contracts(self.person[there], self.began[there], ended[there], self.fee[there], self.months[there])

    def periods(self, day: float) -> tuple[Numbers, Numbers]:
        """Renewal decisions seen of each contract by a day, and whether the last of them was to leave."""
        length = self.months * DAYS_OF_A_MONTH
        left = np.isfinite(self.ended)
        lasted = np.where(left, self.ended, day) - self.began
        whole = np.floor(lasted / length + 1e-6)
        return np.where(left, np.maximum(np.ceil(lasted / length - 0.1), 1), whole), left.astype(float)

    def paid(self, since: float, until: float) -> Numbers:
        """What each contract brought in a stretch: its fee for each period that began in it."""
        length = self.months * DAYS_OF_A_MONTH
        end = np.where(np.isfinite(self.ended), np.minimum(self.ended, until), until)
        first = np.ceil(np.maximum(since - self.began, 0) / length - 1e-6)
        last = np.ceil(np.maximum(end - self.began, 0) / length - 1e-6)
        found: Numbers = np.maximum(last - first, 0) * self.fee
        return found


def by_sbg(contracts: Contracts, day: float, horizon_days: float) -> tuple[Numbers, dict[str, Any]]:
    """Each running contract's expected payments by the shifted-beta-geometric model, one for each length of period."""
    periods, left = contracts.periods(day)

    def ahead(mine: NDArray[np.bool_], steps: int) -> Numbers:
        model = ShiftedBetaGeometric().fit(periods[mine], left[mine])
        card[f"{contracts.months[mine][0]:g}"] = {**model.parameters_, "log_likelihood": model.log_likelihood_}
        return model.expected_periods(steps, periods[mine])

    card: dict[str, Any] = {}
    return _each_length(contracts, horizon_days, ahead), card


def by_hazard(contracts: Contracts, day: float, horizon_days: float) -> tuple[Numbers, dict[str, Any]]:
    """Each running contract's expected payments by the share that left at each renewal, drawn towards the average."""
    periods, left = contracts.periods(day)

    def ahead(mine: NDArray[np.bool_], steps: int) -> Numbers:
        count, gone = periods[mine].astype(int), left[mine]
        leavers = np.bincount(count, gone, minlength=count.max() + 1)
        # Everybody took every decision up to their last.
        took = np.bincount(count, minlength=count.max() + 1)[::-1].cumsum()[::-1].astype(float)
        share = leavers[1:].sum() / max(took[1:].sum(), 1)
        hazard = np.append((leavers[1:] + PRIOR * share) / (took[1:] + PRIOR), np.full(steps, share))
        stays = np.cumprod(np.stack([1 - hazard[n : n + steps] for n in range(count.max() + 1)]), axis=1).sum(axis=1)
        found: Numbers = stays[count]
        return found

    return _each_length(contracts, horizon_days, ahead), {}


MODELS = {"sbg": by_sbg, "hazard": by_hazard}


def choose(contracts: Contracts, day: float, horizon_days: float) -> tuple[str, dict[str, Backtest]]:
    """The model that explains most of what was paid in the stretch before `day`, and how each did."""
    if not len(contracts.began):
        return "hazard", {}
    reach = min(horizon_days, float(np.floor((day - contracts.began.min()) / 2)))
    cut = day - reach
    past = contracts.at(cut)
    running = ~np.isfinite(past.ended)
    later = contracts.paid(cut, day)[contracts.began < cut]
    tried = {}
    for name, foretell in MODELS.items():
        try:
            tried[name] = backtest(foretell(past, cut, reach)[0][running], later[running])
        except ValueError:
            continue
    return (max(tried, key=lambda name: tried[name].explained or -np.inf) if tried else "hazard"), tried


def _each_length(contracts: Contracts, horizon_days: float, ahead: Any) -> Numbers:
    value = np.zeros(len(contracts.began))
    running = ~np.isfinite(contracts.ended)
    for months in np.unique(contracts.months):
        mine = contracts.months == months
        steps = max(1, round(horizon_days / (months * DAYS_OF_A_MONTH)))
        value[mine] = ahead(mine, steps) * contracts.fee[mine]
    return np.where(running, value, 0.0)
