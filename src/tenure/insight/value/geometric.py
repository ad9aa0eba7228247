"""What BG/NBD and MBG/NBD share: buying at random moments, and a coin tossed after purchases.

With c = the coins a customer has tossed and passed but for the last (see `Coins`), the likelihood of one customer is

    B(a, b+c) / B(a, b) · Γ(r+x) α^r / Γ(r) · [ (α+T)^-(r+x) + 1{c>0} · a / (b+c-1) · (α+t_x)^-(r+x) ]

BG/NBD: c = x, for the first purchase needs no coin. MBG/NBD: c = x + 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, expit, polygamma

from tenure.insight.value.base import Numbers
from tenure.insight.value.groups import distinct, totals
from tenure.insight.value.noncontractual import Buying, not_too_far


class Coins(Buying):
    """Buyers who toss a coin after each purchase whether to leave for good.

    FIRST: coins tossed at the first purchase, 0 or 1.
    """

    NAMES = ("r", "alpha", "a", "b")
    FIRST = 0

    r_: float
    alpha_: float
    a_: float
    b_: float

    @staticmethod
    def _search(age: float) -> tuple[Numbers, Numbers, Numbers]:
        lowest = np.array([1e-5, 1e-5 * age, 1e-5, 1e-5])
        largest = np.array([1e5, 1e7 * age, 1e5, 1e5])
        return np.array([1.0, age, 1.0, 2.0]), lowest, largest

    @classmethod
    def _compressed(cls, x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers) -> "Histories":
        return Histories.compressed(x, t_x, T, weight, cls.FIRST)

    def _p_alive(self, x: Numbers, t_x: Numbers, T: Numbers) -> Numbers:
        alive = np.ones(len(x))
        tossed = x + self.FIRST > 0
        x, t_x, T = x[tossed], t_x[tossed], T[tossed]
        odds_against = (
            np.log(self.a_)
            - np.log(self.b_ + x + self.FIRST - 1)
            + (self.r_ + x) * np.log1p((T - t_x) / (self.alpha_ + t_x))
        )
        alive[tossed] = expit(-odds_against)
        return alive

    def _if_alive(self, t: Numbers, x: Numbers, T: Numbers) -> Numbers:
        """Purchases expected in `t` of customers who are active at T.

        The papers' form, with 2F1, is 0/0 at a = 1, and its factors overflow for frequent buyers. It equals a sum of
        positive terms: purchase j+1 happens if the clock runs to more than j purchases and j coins let the customer stay,

            Σ_j P(N > j) · (b+c)_j / (a+b+c)_j,   N ~ NegativeBinomial(r+x, t/(α+T+t)).
        """
        start = self.alpha_ + T
        not_too_far(t, T, start)
        shape, ratio, stay = self.r_ + x, t / start, self.b_ + x + self.FIRST
        expected = np.zeros(len(x))
        long = (shape * np.log1p(ratio) > 600) | (ratio > 30)
        # Rows that need about as many terms are summed side by side, in parts that fit the processor's cache.
        short = np.flatnonzero(~long)
        short = short[np.argsort(((shape + 36) * ratio)[short])]
        for part in np.array_split(short, len(short) // 4096 + 1):
            expected[part] = sum_of_purchases(shape[part], ratio[part], stay[part], self.a_)
        if long.any():
            expected[long] = mean_over_leaving(shape[long], ratio[long], stay[long], self.a_)
        return expected


@dataclass(frozen=True)
class Histories:
    """All that the likelihood needs to know of the customers; means are over `customers`.

    more_than[k]: customers with more than k repeat purchases. passed[k]: customers with more than k coins.
    ages: distinct T with its customers and purchases. x, t_x, T, weight: distinct histories with a coin tossed.
    """

    customers: float
    more_than: Numbers
    passed: Numbers
    ages: Numbers
    age_customers: Numbers
    age_purchases: Numbers
    x: Numbers
    t_x: Numbers
    T: Numbers
    weight: Numbers
    first: int

    @classmethod
    def compressed(cls, x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers, first: int = 0) -> "Histories":
        by_purchases = totals(x.astype(np.int64), weight)
        more_than = by_purchases[::-1].cumsum()[::-1][1:]
        first_of_age, age = distinct(T)
        tossed = np.flatnonzero(x + first > 0)  # of those who tossed none, only the age matters
        at, group = distinct(x[tossed], T[tossed], t_x[tossed])
        customers = float(weight.sum())
        return cls(
            customers=customers,
            more_than=more_than,
            passed=np.append(np.full(first, customers), more_than),
            ages=T[first_of_age],
            age_customers=totals(age, weight),
            age_purchases=totals(age, weight * x),
            x=x[tossed][at],
            t_x=t_x[tossed][at],
            T=T[tossed][at],
            weight=totals(group, weight[tossed]),
            first=first,
        )

    def __len__(self) -> int:
        return len(self.x)

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Mean log-likelihood and its gradient by r, alpha, a, b."""
        r, alpha, a, b = parameters
        k, coin = np.arange(len(self.more_than)), np.arange(len(self.passed))
        log_b = np.log(b + coin)
        age = alpha + self.ages
        log_age = np.log(age)
        exposure = r * self.age_customers + self.age_purchases
        before = self.x.astype(np.intp) + (self.first - 1)
        shape = r + self.x
        silence = np.log1p((self.T - self.t_x) / (alpha + self.t_x))
        odds = np.log(a) - log_b[before] + shape * silence  # log-odds of having left
        gone = expit(odds)
        leaving = self.weight * gone
        value = (
            self.more_than @ np.log(r + k)
            + self.passed @ (log_b - np.log(a + b + coin))
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
                leaving.sum() / a - self.passed @ (1 / (a + b + coin)),
                self.passed @ (1 / (b + coin) - 1 / (a + b + coin)) - leaving @ (1 / (b + before)),
            ]
        )
        return float(value) / self.customers, gradient / self.customers

    def curvature(self, parameters: Numbers) -> Numbers:
        """Second derivatives of the mean log-likelihood by r, alpha, a, b."""
        r, alpha, a, b = parameters
        k, coin = np.arange(len(self.more_than)), np.arange(len(self.passed))
        exposure = r * self.age_customers + self.age_purchases
        shape, before = r + self.x, b + self.x + (self.first - 1)
        to_end, to_last = 1 / (alpha + self.T), 1 / (alpha + self.t_x)
        silence = np.log1p((self.T - self.t_x) * to_last)
        gone = expit(np.log(a) - np.log(before) + shape * silence)
        leaving = self.weight * gone
        # The log-odds of having left, differentiated once by each parameter ...
        by = np.stack([silence, shape * (to_end - to_last), np.full_like(before, 1 / a), -1 / before])
        second = (by * (leaving * (1 - gone))) @ by.T
        # ... and twice, with the parts of the likelihood that don't depend on having left.
        stay = self.passed @ (1 / (a + b + coin) ** 2)
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
        second[3, 3] += stay - self.passed @ (1 / (b + coin) ** 2) + leaving @ (1 / before**2)
        curvature: Numbers = second / self.customers
        return curvature


def sum_of_purchases(shape: Numbers, ratio: Numbers, stay: Numbers, leave: float) -> Numbers:
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


def mean_over_leaving(shape: Numbers, ratio: Numbers, stay: Numbers, leave: float) -> Numbers:
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
