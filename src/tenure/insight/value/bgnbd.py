"""How often a customer will buy again, where nobody says goodbye: the BG/NBD model.

P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24(2), 275-284.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, expit, polygamma

from tenure.insight.frames import to_numbers
from tenure.insight.value import likelihood
from tenure.insight.value.checks import NotEnoughDataError, not_negative, purchase_histories, refuse, weights_for
from tenure.insight.value.groups import distinct, totals
from tenure.language import tr

Numbers = NDArray[np.float64]

NAMES = ("r", "alpha", "a", "b")

# Above this many distinct repeat histories a thinned sample finds the neighbourhood of the top first.
THIN_ABOVE = 60_000
THIN_TO = 20_000


class BGNBD:
    """Foretells each customer's purchases from how many repeat purchases they made, and when the last one was.

    While a customer is active they buy at random moments at their own rate λ; after each repeat purchase they
    leave for good with their own probability p. Over customers λ ~ Gamma(r, α) and p ~ Beta(a, b), so

        L(x, t_x, T) = B(a, b+x) / B(a, b) · Γ(r+x) α^r / Γ(r)
                       · [ (α+T)^-(r+x) + 1{x>0} · a / (b+x-1) · (α+t_x)^-(r+x) ]

    x: repeat purchases: the periods (days) with a purchase, less the first. t_x: time of the last, from the first.
    T: age, time from the first purchase to the end of what was seen. t_x, T and later t share one unit, any.
    Columns may be pandas, Polars, Arrow or NumPy, or lists.

    Fitted: r_, alpha_ (in the unit of time), a_, b_, log_likelihood_, n_customers_ (the sum of the weights),
    standard_errors_ (from the observed information; NaN where the data can't tell), at_limit_ (names of parameters
    that ran to the edge of the search: in that respect the customers are as good as alike, and forecasts still stand).
    """

    r_: float
    alpha_: float
    a_: float
    b_: float
    log_likelihood_: float
    n_customers_: float
    at_limit_: tuple[str, ...]

    @classmethod
    def of(cls, r: float, alpha: float, a: float, b: float) -> "BGNBD":
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        given = {"r": r, "alpha": alpha, "a": a, "b": b}
        for name, value in given.items():
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be above 0; found {value}")
        model = cls()
        model.r_, model.alpha_, model.a_, model.b_ = (float(value) for value in given.values())
        return model

    def fit(self, x: Any, t_x: Any, T: Any, weights: Any = None) -> "BGNBD":
        """Find the most likely parameters for these customers.

        weights: how many customers each row stands for (1 where left out).

        Raises ValueError for what can't be a purchase history, NotEnoughDataError (also a ValueError) where nobody
        bought again or all customers have one and the same history.
        """
        x_, t_x_, T_ = purchase_histories(x, t_x, T)
        weight = weights_for(weights, len(x_))
        if not weight.all():
            x_, t_x_, T_, weight = (column[weight > 0] for column in (x_, t_x_, T_, weight))
        if not x_.any():
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell purchases, because none of the {count} customers bought a second "
                    "time. Wait for repeat purchases, or take a longer stretch of orders.",
                    count=len(x_),
                )
            )
        if all((column == column[0]).all() for column in (x_, t_x_, T_)):
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell purchases, because all {count} customers have the same history "
                    "({x} repeat purchases, the last at {t_x}, age {T}). Take a wider choice of customers.",
                    count=len(x_),
                    x=f"{x_[0]:g}",
                    t_x=f"{t_x_[0]:g}",
                    T=f"{T_[0]:g}",
                )
            )
        seen, top = _top(x_, t_x_, T_, weight)
        if not top.settled:
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell purchases, because several explanations fit the {count} customers "
                    "equally well. Take more customers or a longer stretch of orders.",
                    count=len(x_),
                )
            )
        self.r_, self.alpha_, self.a_, self.b_ = (float(value) for value in top.parameters)
        self.n_customers_ = float(seen.customers)
        self.log_likelihood_ = float(seen.slope(top.parameters)[0] * seen.customers)
        self.at_limit_ = tuple(name for name, limit in zip(NAMES, top.at_limit, strict=True) if limit)
        self._errors = likelihood.standard_errors(seen, top.parameters, seen.customers)
        self._errors[top.at_limit] = np.nan
        return self

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of r, alpha, a and b, from the observed information."""
        if not hasattr(self, "_errors"):
            raise ValueError("standard errors come with a fit to customers; call fit(x, t_x, T) first")
        return {name: float(error) for name, error in zip(NAMES, self._errors, strict=True)}

    def p_alive(self, x: Any, t_x: Any, T: Any) -> Numbers:
        """Probability that each customer is still active at the end of what was seen, 0 to 1.

        Always 1 where x = 0: in this model nobody leaves before a repeat purchase.

        Raises ValueError for what can't be a purchase history.
        """
        self._fitted()
        return self._p_alive(*purchase_histories(x, t_x, T))

    def expected_purchases(self, t: Any, x: Any, t_x: Any, T: Any) -> Numbers:
        """Purchases expected of each customer in the time `t` after the end of what was seen.

        t: one number for all, or one for each customer; same unit as t_x and T.

        Raises ValueError for what can't be a purchase history, or a `t` that is negative, not finite,
        or more than a million times alpha_ + T.
        """
        self._fitted()
        x_, t_x_, T_ = purchase_histories(x, t_x, T)
        ahead = _times(t, len(x_))
        first, group = distinct(x_, T_, ahead)
        return self._if_alive(ahead[first], x_[first], T_[first])[group] * self._p_alive(x_, t_x_, T_)

    def expected_purchases_new(self, t: Any) -> Any:
        """Repeat purchases expected of a new customer in the time `t` after their first; a float for one `t`.

        Raises ValueError for a `t` that is negative or not finite.
        """
        self._fitted()
        ahead = _times(t, 1) if np.ndim(t) == 0 else _times(t, None)
        nothing_yet = np.zeros(len(ahead))
        expected = self._if_alive(ahead, nothing_yet, nothing_yet)
        return float(expected[0]) if np.ndim(t) == 0 else expected

    def _fitted(self) -> None:
        if not hasattr(self, "r_"):
            raise ValueError("this model has no parameters yet; call fit(x, t_x, T) first")

    def _p_alive(self, x: Numbers, t_x: Numbers, T: Numbers) -> Numbers:
        alive = np.ones(len(x))
        again = x > 0
        x, t_x, T = x[again], t_x[again], T[again]
        odds_against = (
            np.log(self.a_) - np.log(self.b_ + x - 1) + (self.r_ + x) * np.log1p((T - t_x) / (self.alpha_ + t_x))
        )
        alive[again] = expit(-odds_against)
        return alive

    def _if_alive(self, t: Numbers, x: Numbers, T: Numbers) -> Numbers:
        """Purchases expected in `t` of customers who are active at T.

        The paper's form, (a+b+x-1)/(a-1) · [1 - ((α+T)/(α+T+t))^(r+x) · 2F1(r+x, b+x; a+b+x-1; t/(α+T+t))],
        is 0/0 at a = 1, and its factors overflow for frequent buyers. It equals a sum of positive terms:
        purchase j+1 happens if the clock runs to more than j purchases and j coins let the customer stay,

            Σ_j P(N > j) · (b+x)_j / (a+b+x)_j,   N ~ NegativeBinomial(r+x, t/(α+T+t)).
        """
        start = self.alpha_ + T
        refuse(
            t > 1e6 * start,
            "t must be at most a million times alpha_ + T",
            {"t": t, "T": T},
            "give t in the unit of the fit",
        )
        shape, ratio, stay = self.r_ + x, t / start, self.b_ + x
        expected = np.zeros(len(x))
        long = (shape * np.log1p(ratio) > 600) | (ratio > 30)
        # Rows that need about as many terms are summed side by side, in parts that fit the processor's cache.
        short = np.flatnonzero(~long)
        short = short[np.argsort(((shape + 36) * ratio)[short])]
        for part in np.array_split(short, len(short) // 4096 + 1):
            expected[part] = _sum_of_purchases(shape[part], ratio[part], stay[part], self.a_)
        if long.any():
            expected[long] = _mean_over_leaving(shape[long], ratio[long], stay[long], self.a_)
        return expected


@dataclass(frozen=True)
class _Histories:
    """All that the likelihood needs to know of the customers; means are over `customers`.

    more_than[k]: customers with more than k repeat purchases. ages: distinct T with its customers and purchases.
    x, t_x, T, weight: distinct histories with x > 0.
    """

    customers: float
    more_than: Numbers
    ages: Numbers
    age_customers: Numbers
    age_purchases: Numbers
    x: Numbers
    t_x: Numbers
    T: Numbers
    weight: Numbers

    @classmethod
    def compressed(cls, x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers) -> "_Histories":
        by_purchases = totals(x.astype(np.int64), weight)
        first_of_age, age = distinct(T)
        again = np.flatnonzero(x > 0)  # of those who never came back, only the age matters
        first, group = distinct(x[again], T[again], t_x[again])
        return cls(
            customers=float(weight.sum()),
            more_than=by_purchases[::-1].cumsum()[::-1][1:],
            ages=T[first_of_age],
            age_customers=totals(age, weight),
            age_purchases=totals(age, weight * x),
            x=x[again][first],
            t_x=t_x[again][first],
            T=T[again][first],
            weight=totals(group, weight[again]),
        )

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Mean log-likelihood and its gradient by r, alpha, a, b."""
        r, alpha, a, b = parameters
        k = np.arange(len(self.more_than))
        log_b = np.log(b + k)
        age = alpha + self.ages
        log_age = np.log(age)
        exposure = r * self.age_customers + self.age_purchases
        before = self.x.astype(np.intp) - 1
        shape = r + self.x
        silence = np.log1p((self.T - self.t_x) / (alpha + self.t_x))
        odds = np.log(a) - log_b[before] + shape * silence  # log-odds of having left
        gone = expit(odds)
        leaving = self.weight * gone
        value = (
            self.more_than @ (np.log(r + k) + log_b - np.log(a + b + k))
            + self.customers * r * np.log(alpha)
            - exposure @ log_age
            + self.weight @ np.logaddexp(0, odds)
        )
        narrowing = 1 / (alpha + self.T) - 1 / (alpha + self.t_x)
        gradient = np.array(
            [
                self.more_than @ (1 / (r + k))
                + self.customers * np.log(alpha)
                - self.age_customers @ log_age
                + leaving @ silence,
                self.customers * r / alpha - exposure @ (1 / age) + leaving @ (shape * narrowing),
                leaving.sum() / a - self.more_than @ (1 / (a + b + k)),
                self.more_than @ (1 / (b + k) - 1 / (a + b + k)) - leaving @ (1 / (b + before)),
            ]
        )
        return float(value) / self.customers, gradient / self.customers

    def curvature(self, parameters: Numbers) -> Numbers:
        """Second derivatives of the mean log-likelihood by r, alpha, a, b."""
        r, alpha, a, b = parameters
        k = np.arange(len(self.more_than))
        exposure = r * self.age_customers + self.age_purchases
        shape, before = r + self.x, b + self.x - 1
        to_end, to_last = 1 / (alpha + self.T), 1 / (alpha + self.t_x)
        silence = np.log1p((self.T - self.t_x) * to_last)
        gone = expit(np.log(a) - np.log(before) + shape * silence)
        leaving = self.weight * gone
        # The log-odds of having left, differentiated once by each parameter ...
        by = np.stack([silence, shape * (to_end - to_last), np.full_like(before, 1 / a), -1 / before])
        second = (by * (leaving * (1 - gone))) @ by.T
        # ... and twice, with the parts of the likelihood that don't depend on having left.
        stay = self.more_than @ (1 / (a + b + k) ** 2)
        second[0, 0] -= self.more_than @ (1 / (r + k) ** 2)
        mixed = self.customers / alpha - self.age_customers @ (1 / (alpha + self.ages)) + leaving @ (to_end - to_last)
        second[0, 1] += mixed
        second[1, 0] += mixed
        second[1, 1] += (
            -self.customers * r / alpha**2
            + exposure @ (1 / (alpha + self.ages) ** 2)
            + leaving @ (shape * (to_last**2 - to_end**2))
        )
        second[2, 2] += stay - leaving.sum() / a**2
        second[2, 3] += stay
        second[3, 2] += stay
        second[3, 3] += stay - self.more_than @ (1 / (b + k) ** 2) + leaving @ (1 / before**2)
        curvature: Numbers = second / self.customers
        return curvature


def _top(x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers) -> tuple[_Histories, likelihood.Top]:
    """The compressed histories, and where their likelihood is highest."""
    seen = _Histories.compressed(x, t_x, T, weight)
    # Wide enough for any unit of time: what the data call large or small is relative to the ages.
    unit = float(np.average(T, weights=weight))
    lowest = np.array([1e-5, 1e-5 * unit, 1e-5, 1e-5])
    largest = np.array([1e5, 1e7 * unit, 1e5, 1e5])
    start = np.array([1.0, unit, 1.0, 2.0])
    if len(seen.x) > THIN_ABOVE:
        some = np.random.default_rng(0).integers(0, len(x), size=THIN_TO)
        sample = _Histories.compressed(x[some], t_x[some], T[some], weight[some])
        if len(sample.x) > 100:
            start = likelihood.highest(sample, start, lowest, largest).parameters
    return seen, likelihood.highest(seen, start, lowest, largest)


def _times(t: Any, rows: int | None) -> Numbers:
    """`t` as one number a customer."""
    times = np.full(rows or 1, float(t)) if np.ndim(t) == 0 else to_numbers(t, "t")
    if rows is not None and len(times) != rows:
        raise ValueError(f"t must be one number, or one for each customer; found {len(times)} for {rows} customers")
    not_negative(times, "t")
    return times


def _sum_of_purchases(shape: Numbers, ratio: Numbers, stay: Numbers, leave: float) -> Numbers:
    """Σ_j P(N > j) · (stay)_j / (leave+stay)_j with N ~ NegativeBinomial(shape, ratio/(1+ratio)), row by row.

    For rows where P(N = 0) does not underflow. Every term is positive, so nothing cancels.
    """
    often = ratio / (1 + ratio)
    none_at_all = -shape * np.log1p(ratio)
    exactly = np.exp(none_at_all)  # P(N = j)
    more = -np.expm1(none_at_all)  # P(N > j)
    still = np.ones(len(shape))  # chance to have stayed through j purchases
    total = np.zeros(len(shape))
    j = 0
    while True:
        total += more * still
        still *= (stay + j) / (leave + stay + j)
        exactly *= often * (shape + j) / (j + 1)
        more -= exactly
        j += 1
        if j % 8 == 0:
            # The chances fall at least as fast as a geometric series from here on; its sum bounds what is left out.
            fall = np.maximum(often, often * (shape + j) / (j + 1))
            if (fall < 1).all() and (exactly * still * fall <= 1e-15 * total * (1 - fall) ** 2).all():
                return total


def _mean_over_leaving(shape: Numbers, ratio: Numbers, stay: Numbers, leave: float) -> Numbers:
    """The same sum as an integral, for frequent buyers and far horizons, where it would have very many terms.

    E[(1 - (1 + p·ratio)^-shape) / p] over p ~ Beta(leave, stay), by the trapezoidal rule in the log-odds of p, where
    the integrand is analytic in a strip and the rule's error falls exponentially with the step. Beyond the grid the
    integrand is a pure exponential on both sides, whose terms are summed in closed form.
    """
    step = min(0.25, 0.5 * float(np.sqrt(polygamma(1, leave))))
    low = -40 - np.log(max(1.0, float((shape * ratio).max()), float(stay.max()), float(ratio.max())))
    high = 40 + np.log(max(1.0, float(shape.max()), leave))
    odds = np.arange(low, high + step, step)
    log_p, log_rest = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
    times = np.ones(len(odds))
    mean = np.empty(len(shape))
    for row, (k, z, b) in enumerate(zip(shape, ratio, stay, strict=True)):
        times[0], times[-1] = -1 / np.expm1(-leave * step), -1 / np.expm1(-b * step)
        density = np.exp((leave - 1) * log_p + b * log_rest - betaln(leave, b))
        mean[row] = step * (density * times) @ -np.expm1(-k * np.log1p(z * np.exp(log_p)))
    return mean
