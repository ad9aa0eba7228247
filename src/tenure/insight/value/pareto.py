"""How often a customer will buy again, where they may leave at any moment: the Pareto/NBD model.

D. C. Schmittlein, D. G. Morrison, R. Colombo (1987), "Counting Your Customers: Who Are They and What Will They Do
Next?", Management Science 33(1), 1-24.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tenure.insight.value import pareto_kernel
from tenure.insight.value.base import Numbers
from tenure.insight.value.groups import distinct, totals
from tenure.insight.value.noncontractual import Buying, not_too_far

# Past a fall by e^-38 what is left of the integral is below the last digit of a float.
LAST_DIGIT = 38.0
# How far the logarithm of the integrand falls over its stretch, and the nodes that then give it to 1e-10 or better.
NODES = ((1.0, 6), (3.0, 8), (10.0, 14), (24.0, 24), (np.inf, 48))
CELLS = 16_384  # nodes of customers worked on at a time, so that a part stays in the processor's cache
MANY = 100_000  # so many histories are worth a compiled pass
LEFT = np.append(0.0, np.ones(NODES[-1][1]))[:, None]


class ParetoNBD(Buying):
    """Foretells each customer's purchases, letting customers leave at any moment instead of only after a purchase.

    While a customer is active they buy at random moments at their own rate λ, and leave for good at their own rate μ.
    Over customers λ ~ Gamma(r, α) and μ ~ Gamma(s, β), so

        L(x, t_x, T) = Γ(r+x)/Γ(r) α^r β^s · [ (α+T)^-(r+x) (β+T)^-s + s ∫ (α+u)^-(r+x) (β+u)^-(s+1) du ],
                       u from t_x to T

    The integral is the chance to have left between the last purchase and now. It is commonly written as a difference of
    two 2F1, which are slow and cancel; here it is a Gauss-Legendre sum, of which gradient and curvature are sums too.
    Columns, units and what is fitted are those of BGNBD, with s_ and beta_ (in the unit of time) for a_ and b_.
    """

    NAMES = ("r", "alpha", "s", "beta")

    r_: float
    alpha_: float
    s_: float
    beta_: float

    @classmethod
    def of(cls, r: float, alpha: float, s: float, beta: float) -> "ParetoNBD":
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        return cls._with((r, alpha, s, beta))

    @staticmethod
    def _search(age: float) -> tuple[Numbers, Numbers, Numbers]:
        lowest = np.array([1e-5, 1e-5 * age, 1e-5, 1e-5 * age])
        largest = np.array([1e5, 1e7 * age, 1e5, 1e7 * age])
        return np.array([1.0, age, 1.0, age]), lowest, largest

    @staticmethod
    def _compressed(x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers) -> "Lives":
        return Lives.compressed(x, t_x, T, weight)

    def _p_alive(self, x: Numbers, t_x: Numbers, T: Numbers) -> Numbers:
        first, group = distinct(x, T, t_x)
        x, t_x, T = x[first], t_x[first], T[first]
        alive = np.empty(len(x))
        for part, nodes in _lives(np.array([self.r_, self.alpha_, self.s_, self.beta_]), x, t_x, T):
            alive[part] = nodes.share[0] / nodes.share.sum(axis=0)
        return alive[group]

    def _if_alive(self, t: Numbers, x: Numbers, T: Numbers) -> Numbers:
        """Purchases expected in `t` of customers who are active at T: their mean rate times the time they stay in it.

        (r+x)/(α+T) · ∫ ((β+T)/(β+T+u))^s du, u from 0 to t. The closed form is 0/0 at s = 1, so it goes through expm1.
        """
        not_too_far(t, T, self.alpha_ + T)
        longer = np.log1p(t / (self.beta_ + T))
        less = (1 - self.s_) * longer
        near = np.abs(less) < 1e-8
        stay = np.where(near, 1 + less / 2, np.expm1(less) / np.where(near, 1.0, less)) * longer
        expected: Numbers = (self.r_ + x) / (self.alpha_ + T) * (self.beta_ + T) * stay
        return expected


@dataclass(frozen=True)
class Lives:
    """All that the likelihood needs to know of the customers: distinct histories with how many have each.

    more_than[k]: customers with more than k repeat purchases.
    """

    customers: float
    more_than: Numbers
    x: Numbers
    t_x: Numbers
    T: Numbers
    weight: Numbers
    _bends: dict[tuple[float, ...], Numbers] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def compressed(cls, x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers) -> "Lives":
        at, group = distinct(x, T, t_x)
        return cls(
            customers=float(weight.sum()),
            more_than=totals(x.astype(np.int64), weight)[::-1].cumsum()[::-1][1:],
            x=x[at],
            t_x=t_x[at],
            T=T[at],
            weight=totals(group, weight),
        )

    def __len__(self) -> int:
        return len(self.x)

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Mean log-likelihood and its gradient by r, alpha, s, beta."""
        value, gradient, second = self._moments(parameters)
        # The curvature is asked for next at most places, and comes of the same nodes for little more.
        self._bends.clear()
        self._bends[tuple(parameters)] = second
        return value, gradient

    def curvature(self, parameters: Numbers) -> Numbers:
        """Second derivatives of the mean log-likelihood by r, alpha, s, beta."""
        known = self._bends.get(tuple(parameters))
        return self._moments(parameters)[2] if known is None else known

    def _moments(self, parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        """Value, gradient and curvature of the mean log-likelihood.

        A customer's likelihood is a mixture over when they left, the nodes being the moments of leaving and T the moment
        of those still there. So its gradient is the mixture's mean of the nodes' own gradients, and its curvature the
        mean of their curvatures plus the covariance of their gradients.
        """
        r, alpha, s, beta = parameters
        k = np.arange(len(self.more_than))
        n = self.customers
        value = self.more_than @ np.log(r + k)
        gradient = np.array([self.more_than @ (1 / (r + k)), n * r / alpha, 0.0, n * s / beta])
        second = np.zeros((4, 4))
        second[0, 0] = -self.more_than @ (1 / (r + k) ** 2)
        second[0, 1] = n / alpha
        second[1, 1] = -n * r / alpha**2
        second[2, 3] = n / beta
        second[3, 3] = -n * s / beta**2
        added = (
            pareto_kernel.sums(parameters, self.x, self.t_x, self.T, self.weight, _rules())
            if len(self) >= MANY
            else self._sums(parameters)
        )
        value, gradient, second = value + added[0], gradient + added[1], second + added[2]
        second += np.triu(second, 1).T
        return float(value) / n, gradient / n, second / n

    def _sums(self, parameters: Numbers) -> tuple[float, Numbers, Numbers]:
        """What the customers' integrals add to the value, the gradient and, upper half, the curvature."""
        r, alpha, s, beta = parameters
        value, gradient, second = 0.0, np.zeros(4), np.zeros((4, 4))
        for part, nodes in _lives(parameters, self.x, self.t_x, self.T):
            weight, shape, t_x = self.weight[part], r + self.x[part], self.t_x[part]
            total = nodes.share.sum(axis=0)
            share = nodes.share * (weight / total)
            # The nodes' own gradients but for their sign, told from the last purchase on, which shifts all nodes alike.
            slopes = np.stack([nodes.a, shape * nodes.by_a, nodes.b - nodes.left / s, (s + nodes.left) * nodes.by_b])
            shared = slopes * share
            mean = shared.sum(axis=1)  # times the weight
            # ln α and ln β are taken off customer by customer, so that large parameters cancel nothing.
            log_a, log_b = np.log1p(t_x / alpha), np.log1p(t_x / beta)
            value += weight @ (np.log(total) - shape * log_a - s * log_b - self.x[part] * np.log(alpha))
            gradient -= mean.sum(axis=1) + np.array([weight @ log_a, 0, weight @ log_b, 0])
            second += np.triu(shared.reshape(4, -1) @ slopes.reshape(4, -1).T - (mean / weight) @ mean.T)
            second[0, 1] -= np.vdot(share, nodes.by_a)
            second[1, 1] += np.vdot(shared[1], nodes.by_a)
            second[2, 2] -= share[1:].sum() / s**2
            second[2, 3] -= np.vdot(share, nodes.by_b)
            second[3, 3] += np.vdot(shared[3], nodes.by_b)
        return value, gradient, second


@dataclass(frozen=True)
class Nodes:
    """The moments each of some customers may have left at, the end first: one row a moment, one column a customer.

    share: of the likelihood, but for (α+t_x)^-(r+x) (β+t_x)^-s. a, by_a: ln (α+u)/(α+t_x) and 1/(α+u); b, by_b: the same of
    β. left: 0 for those still there at T, else 1; one column.
    """

    share: Numbers
    a: Numbers
    by_a: Numbers
    b: Numbers
    by_b: Numbers
    left: Numbers


def _lives(parameters: Numbers, x: Numbers, t_x: Numbers, T: Numbers) -> Iterator[tuple[NDArray[np.intp], Nodes]]:
    """Parts of the customers, each with the moments they may have left at: as many as its integrals need."""
    r, alpha, s, beta = parameters
    shape = r + x
    end_a, end_b = np.log1p((T - t_x) / (alpha + t_x)), np.log1p((T - t_x) / (beta + t_x))
    # Where the integrand has fallen past the last digit, the stretch ends; a common bound of both logarithms helps
    # where both fall fast.
    fall = shape * end_a + (s + 1) * end_b
    until = T - t_x
    steep = np.flatnonzero(fall > LAST_DIGIT)
    if len(steep):
        k, start = shape[steep], t_x[steep]
        with np.errstate(over="ignore"):
            ends = (
                until[steep],
                (alpha + start) * np.expm1(LAST_DIGIT / k),
                (beta + start) * np.expm1(LAST_DIGIT / (s + 1)),
                (max(alpha, beta) + start) * np.expm1(LAST_DIGIT / (k + s + 1)),
            )
        until[steep] = np.minimum.reduce(ends)
        fall[steep] = k * np.log1p(until[steep] / (alpha + start)) + (s + 1) * np.log1p(until[steep] / (beta + start))
    length = np.log1p(until / (min(alpha, beta) + t_x))
    need = np.searchsorted([most for most, _ in NODES[:-1]], np.maximum(fall, 2 * length))
    need = need.astype(np.uint8)  # which are put in order in a third of the time
    order = np.argsort(need, kind="stable")
    edges = np.searchsorted(need[order], np.arange(len(NODES) + 1))
    for (_, enough), begin, end in zip(NODES, edges[:-1], edges[1:], strict=True):
        rows = CELLS // (enough + 1)
        for at in range(begin, end, rows):
            part = order[at : min(at + rows, end)]
            yield (
                part,
                _moments_of_leaving(
                    parameters, shape[part], t_x[part], T[part], end_a[part], end_b[part], length[part], enough
                ),
            )


def _moments_of_leaving(
    parameters: Numbers,
    shape: Numbers,
    t_x: Numbers,
    T: Numbers,
    end_a: Numbers,
    end_b: Numbers,
    length: Numbers,
    nodes: int,
) -> Nodes:
    """Gauss-Legendre in y = ln (c+u)/(c+t_x), with c the smaller of α and β: in y both factors fall smoothly."""
    _, alpha, s, beta = parameters
    places, weights = _rule(nodes)
    near, far = (alpha + t_x, beta + t_x) if alpha <= beta else (beta + t_x, alpha + t_x)
    y, until = np.empty((nodes + 1, len(t_x))), np.empty((nodes + 1, len(t_x)))
    np.multiply(places[:, None], length, out=y[1:])
    y[0], until[0] = (end_a, T - t_x) if alpha <= beta else (end_b, T - t_x)
    until[1:] = near * _less_one(y[1:])
    other = _log_one_more(until / far)
    a, b = (y, other) if alpha <= beta else (other, y)
    by_a, by_b = 1 / (alpha + t_x + until), 1 / (beta + t_x + until)
    share = np.exp(-shape * a - s * b)
    share[1:] *= (weights[:, None] * s) * (length * (near + until[1:]) * by_b[1:])
    return Nodes(share, a, by_a, b, by_b, LEFT[: nodes + 1])


def _less_one(y: Numbers) -> Numbers:
    """e^y - 1. Where all are small the precise function; elsewhere one that takes half the time and errs by a float's end."""
    found: Numbers = np.expm1(y) if y.max(initial=0) < 1e-3 else np.exp(y) - 1
    return found


def _log_one_more(z: Numbers) -> Numbers:
    """ln (1 + z), likewise."""
    found: Numbers = np.log1p(z) if z.max(initial=0) < 1e-3 else np.log(1 + z)
    return found


@cache
def _rule(nodes: int) -> tuple[Numbers, Numbers]:
    """Places and weights of the Gauss-Legendre rule on 0 to 1."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return (places + 1) / 2, weights / 2


@cache
def _rules() -> pareto_kernel.Rules:
    """All of them as the compiled pass reads them."""
    found = [_rule(nodes) for _, nodes in NODES]
    wide = [[np.pad(part, (0, NODES[-1][1] - len(part))) for part in rule] for rule in found]
    places, weights = np.array(wide).transpose(1, 0, 2).copy()
    return LAST_DIGIT, np.array([most for most, _ in NODES[:-1]]), np.array([n for _, n in NODES]), places, weights
