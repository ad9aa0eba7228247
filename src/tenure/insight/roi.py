"""Whether a programme to keep customers pays: what it costs, what it keeps, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, Literal, TypeAlias

import numpy as np

from tenure.errors import TenureError
from tenure.language import Words, tr

Unit: TypeAlias = Literal["number", "share", "money", "months"]
DRAWS, SEED = 20_000, 20_260_101
SWING = 0.2  # an input without an interval is tried a fifth lower and a fifth higher
Z = 1.959963984540054


@dataclass(frozen=True)
class Programme:
    """What a programme is reckoned from. Shares are 0 to 1; money is in minor units of the reporting currency.

    customers: how many are approached. leaving: their mean chance of leaving within the horizon. margin: what one who
    stays brings in margin over the horizon, margin_error its standard error. contact: cost of approaching one; offer: cost
    of what is offered, to whoever takes it (`taken`: the share of those approached who do). saved: share of those who would
    leave that stay because of it, with its 95-percent interval. fixed: what it costs whatever its size.
    """

    customers: float
    leaving: float
    margin: float
    saved: float
    saved_low: float
    saved_high: float
    contact: float = 0.0
    offer: float = 0.0
    taken: float = 0.0
    fixed: float = 0.0
    months: float = 12.0
    margin_error: float = 0.0


INPUTS: Mapping[str, tuple[Words, Unit, float, float]] = {
    "customers": (Words("Customers approached", "触达客户数"), "number", 0, 1e9),
    "leaving": (Words("Chance of leaving", "流失概率"), "share", 0, 1),
    "margin": (Words("Margin of one who stays, over the horizon", "留存客户在测算期内的毛利"), "money", -1e13, 1e13),
    "months": (Words("Horizon, months", "测算期（月）"), "months", 1, 120),
    "contact": (Words("Cost of approaching one", "单位触达成本"), "money", 0, 1e13),
    "offer": (Words("Cost of the offer", "单份优惠成本"), "money", 0, 1e13),
    "taken": (Words("Share who take the offer", "优惠领取率"), "share", 0, 1),
    "fixed": (Words("Fixed cost", "固定成本"), "money", 0, 1e15),
    "saved": (Words("Saved, of those who would leave", "挽留率（占将流失客户）"), "share", 0, 1),
    "saved_low": (Words("… at the least", "……下限"), "share", 0, 1),
    "saved_high": (Words("… at the most", "……上限"), "share", 0, 1),
}
assert set(INPUTS) | {"margin_error"} == {one.name for one in fields(Programme)}


@dataclass(frozen=True)
class Swing:
    """What the net comes to with one input low, and high."""

    name: str
    low_input: float
    high_input: float
    low: float
    high: float

    @property
    def span(self) -> float:
        return abs(self.high - self.low)


@dataclass(frozen=True)
class Outcome:
    """What a programme comes to; money in minor units, whole.

    leaving: who would leave without it; kept: of these, who stay; benefit: the margin they bring; net: benefit less cost;
    roi: net over cost, None where it costs nothing. break_even: the share saved at which benefit is cost, None where no
    share up to all is enough. payback_months: when what was kept has paid for it, as margin comes evenly over the
    horizon; None where that is not within it. low, high, chance: where net falls 95 times in 100 and how often above
    nothing, by DRAWS draws with one seed; they vary with the interval of the share saved, who leaves, and the margin.
    """

    leaving: float
    kept: float
    cost: int
    benefit: int
    net: int
    roi: float | None
    break_even: float | None
    payback_months: float | None
    low: int
    high: int
    chance: float
    swings: tuple[Swing, ...]

    @property
    def left_before(self) -> float:
        return self.leaving

    @property
    def left_after(self) -> float:
        return self.leaving - self.kept


def checked(programme: Programme) -> Programme:
    """The programme, where it can be.

    Raises TenureError for an input out of its range, and a share saved that is outside its own interval.
    """
    for name, (words, _unit, least, most) in INPUTS.items():
        value = getattr(programme, name)
        if not (isfinite(value) and least <= value <= most):
            raise TenureError(
                tr('"{name}" can\'t be that; give {least} to {most}.', name=words, least=f"{least:g}", most=f"{most:g}")
            )
    if not programme.saved_low <= programme.saved <= programme.saved_high:
        raise TenureError(tr("The share saved lies between its least and its most; correct one of the three."))
    return programme


def cost_of(programme: Programme) -> float:
    """What it costs, in minor units."""
    each = programme.contact + programme.taken * programme.offer
    return programme.fixed + programme.customers * each


def reckon(programme: Programme) -> Outcome:
    """What the programme comes to. Raises TenureError as `checked` does."""
    one = checked(programme)
    cost = cost_of(one)
    leaving = one.customers * one.leaving
    benefit = leaving * one.saved * one.margin
    whole_cost, whole_benefit = round(cost), round(benefit)
    at_stake = leaving * one.margin
    break_even = cost / at_stake if at_stake > 0 else None
    paid = one.months * cost / benefit if benefit > 0 else None
    drawn = _drawn(one)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Outcome(
        leaving=leaving, kept=leaving * one.saved, cost=whole_cost, benefit=whole_benefit, net=whole_benefit - whole_cost,
        roi=(whole_benefit - whole_cost) / whole_cost if whole_cost else None,
        break_even=break_even if break_even is not None and break_even <= 1 else None,
        payback_months=paid if paid is not None and paid <= one.months else None,
        low=round(low), high=round(high), chance=float((drawn > 0).mean()), swings=_swings(one),
    )  # fmt: skip


def _net(one: Programme) -> float:
    return one.customers * one.leaving * one.saved * one.margin - cost_of(one)


def _swings(one: Programme) -> tuple[Swing, ...]:
    """The net as each input moves by itself, the one that moves it most first; what moves nothing is left out."""
    found = []
    for name, (_words, _unit, least, most) in INPUTS.items():
        if name in ("saved_low", "saved_high", "months"):
            continue
        value = getattr(one, name)
        low, high = sorted((value * (1 - SWING), value * (1 + SWING)))
        if name == "saved":
            low, high = one.saved_low, one.saved_high
        low, high = max(least, low), min(most, high)
        ends = (_net(replace(one, **{name: end})) for end in (low, high))
        swing = Swing(name, low, high, *ends)
        if swing.span > 0:
            found.append(swing)
    return tuple(sorted(found, key=lambda swing: -swing.span))


def _drawn(one: Programme) -> Any:
    """The net, DRAWS times: the share saved by a beta of the interval's width, who leaves and is kept by chance."""
    rng = np.random.default_rng(SEED)
    saved = _shares(rng, one)
    n = round(one.customers)
    leaving = rng.binomial(n, one.leaving, DRAWS)
    kept = rng.binomial(leaving, saved)
    margin = rng.normal(one.margin, one.margin_error, DRAWS) if one.margin_error > 0 else one.margin
    return kept * margin - cost_of(one)


def _shares(rng: Any, one: Programme) -> Any:
    spread = (one.saved_high - one.saved_low) / (2 * Z)
    most = one.saved * (1 - one.saved)
    if spread <= 0 or most <= 0:
        return np.full(DRAWS, one.saved)
    # A share can't vary more than one that is all or nothing.
    weight = most / min(spread**2, most * 0.99) - 1
    return rng.beta(one.saved * weight, (1 - one.saved) * weight, DRAWS)
