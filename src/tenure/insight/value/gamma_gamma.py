"""How much a customer spends on a purchase: the gamma-gamma model.

P. S. Fader, B. G. S. Hardie (2013), "The Gamma-Gamma Model of Monetary Value", note 025 at brucehardie.com.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln, polygamma, psi

from tenure.insight.frames import to_numbers
from tenure.insight.value import likelihood
from tenure.insight.value.base import Numbers, Parametric, columns, with_columns
from tenure.insight.value.checks import NotEnoughDataError, not_negative, refuse, same_length
from tenure.insight.value.groups import distinct, totals
from tenure.language import tr


class GammaGamma(Parametric):
    """Foretells what a customer spends on an average purchase, drawing those with few purchases towards the rest.

    A customer's purchases are worth Gamma(p, ν) each, and over customers ν ~ Gamma(q, v). With m the mean of x
    purchases,

        f(m | x) = Γ(px+q) / (Γ(px) Γ(q)) · v^q · m^(px-1) · x^(px) / (v + xm)^(px+q)
        E[M | x, m] = p (v + xm) / (px + q - 1)

    Assumed: how much a customer spends says nothing about how often they buy.
    x: repeat purchases. mean_value: what one of them was worth on average; any unit of money, minor units too.

    Fitted: p_, q_, v_ (in the unit of money), log_likelihood_, n_customers_ (those fitted on), observed_mean_ (their
    mean value, each counting once), population_value_ (foretold for somebody new), standard_errors_,
    at_limit_ (names of parameters that ran to the edge of the search).

    Where q_ ≤ 1, a few customers spend so much more than the rest that the model's mean is infinite (`heavy_tail_`).
    Then nothing is drawn towards it: a customer with repeat purchases is foretold their own mean, and somebody new
    observed_mean_.
    """

    NAMES = ("p", "q", "v")

    p_: float
    q_: float
    v_: float
    observed_mean_: float

    @classmethod
    def of(cls, p: float, q: float, v: float, observed_mean: float) -> "GammaGamma":
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        model = cls._with((p, q, v))
        model.observed_mean_ = float(observed_mean)
        return model

    def given(self) -> list[float]:
        """What `of` takes to make this model again."""
        return [*self.parameters_.values(), self.observed_mean_]

    def fit(self, x: Any, mean_value: Any = None) -> "GammaGamma":
        """Find the most likely parameters, from the customers with repeat purchases of a positive mean value.

        x: a frame with x and mean_value (or mean_value_minor), or x alone beside the other.

        Others (x = 0, or refunds as large as purchases) are left out; without repeat purchases a mean value may be
        missing.

        Raises ValueError for counts or values that can't be, NotEnoughDataError (also a ValueError) where fewer than two
        customers remain or all have the same mean value.
        """
        x_, value = _spending(*_given(x, mean_value))
        used = (x_ > 0) & (value > 0)
        x_, value = x_[used], value[used]
        if len(x_) < 2:
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell spending, because only {count} customers have a repeat purchase of a "
                    "positive value; two are the least. Wait for repeat purchases, or take a longer stretch of orders.",
                    count=len(x_),
                )
            )
        if (value == value[0]).all():
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell spending, because all {count} customers spend the same on average "
                    "({value}). That value itself is the best forecast.",
                    count=len(x_),
                    value=f"{value[0]:g}",
                )
            )
        seen = _Spending.compressed(x_, value)
        unit = float(value.mean())
        lowest = np.array([1e-5, 1e-5, 1e-10 * unit])
        largest = np.array([1e5, 1e5, 1e10 * unit])
        top = likelihood.highest(seen, np.array([1.0, 3.0, unit]), lowest, largest)
        if not top.settled:
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell spending, because several explanations fit the {count} customers "
                    "equally well. Take more customers or a longer stretch of orders.",
                    count=len(x_),
                )
            )
        self.observed_mean_ = unit
        self._settle(seen, top, float(len(x_)))
        return self

    @property
    def heavy_tail_(self) -> bool:
        """Whether q_ ≤ 1, so that the model's mean is infinite and the observed mean stands in for it."""
        self._fitted()
        return self.q_ <= 1

    @property
    def population_value_(self) -> float:
        """What a purchase of somebody new is worth: p v / (q - 1), or observed_mean_ where that is infinite."""
        return self.observed_mean_ if self.heavy_tail_ else self.p_ * self.v_ / (self.q_ - 1)

    def expected_value(self, x: Any, mean_value: Any = None) -> Numbers:
        """Mean value foretold for each customer's coming purchases, in the unit of money of the fit.

        population_value_ where x = 0, whatever mean_value says there. A mean value below 0 (refunds above purchases)
        counts as 0.

        Raises ValueError for counts or values that can't be.
        """
        self._fitted()
        x_, value = _spending(*_given(x, mean_value))
        value = np.where(x_ > 0, np.maximum(value, 0), 0)
        if self.heavy_tail_:
            return np.where(x_ > 0, value, self.observed_mean_)
        expected: Numbers = self.p_ * (self.v_ + x_ * value) / (self.p_ * x_ + self.q_ - 1)
        return expected

    def predict(self, frame: Any, *, errors: bool = False) -> Any:
        """The frame with expected_value of each customer, of the kind it was; with `errors` its standard error too.

        Raises ValueError for a frame without x and mean_value (or mean_value_minor), or with what can't be.
        """
        x_, value = _given(frame, None)
        found = {"expected_value": self.expected_value(x_, value)}
        if errors:
            found["expected_value_error"] = self.error_of(lambda model: model.expected_value(x_, value))
        return with_columns(frame, found)


@dataclass(frozen=True)
class _Spending:
    """Distinct (x, mean value) with x > 0, and the customers of each; `counts` are the distinct x."""

    customers: float
    counts: Numbers
    count_customers: Numbers
    x: Numbers
    value: Numbers
    weight: Numbers

    @classmethod
    def compressed(cls, x: Numbers, value: Numbers) -> "_Spending":
        first, group = distinct(x, value)
        first_of_count, count = distinct(x)
        return cls(
            customers=float(len(x)),
            counts=x[first_of_count],
            count_customers=totals(count, np.ones(len(x))),
            x=x[first],
            value=value[first],
            weight=totals(group, np.ones(len(x))),
        )

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Mean log-likelihood and its gradient by p, q, v."""
        p, q, v = parameters
        n, c, x, w = self.count_customers, self.counts, self.x, self.weight
        spread = v + x * self.value
        log_spread = np.log(spread)
        log_spent = np.log(x * self.value)
        value = (
            n @ (gammaln(p * c + q) - gammaln(p * c))
            + self.customers * (q * np.log(v) - gammaln(q))
            + w @ (p * x * log_spent - np.log(self.value) - (p * x + q) * log_spread)
        )
        both = psi(p * c + q)
        gradient = np.array(
            [
                (n * c) @ (both - psi(p * c)) + (w * x) @ (log_spent - log_spread),
                n @ both + self.customers * (np.log(v) - psi(q)) - w @ log_spread,
                self.customers * q / v - w @ ((p * x + q) / spread),
            ]
        )
        return float(value) / self.customers, gradient / self.customers

    def curvature(self, parameters: Numbers) -> Numbers:
        """Second derivatives of the mean log-likelihood by p, q, v."""
        p, q, v = parameters
        n, c, x, w = self.count_customers, self.counts, self.x, self.weight
        spread = v + x * self.value
        both = polygamma(1, p * c + q)
        pp = (n * c**2) @ (both - polygamma(1, p * c))
        pq = (n * c) @ both
        pv = -(w @ (x / spread))
        qq = n @ both - self.customers * polygamma(1, q)
        qv = self.customers / v - w @ (1 / spread)
        vv = -self.customers * q / v**2 + w @ ((p * x + q) / spread**2)
        curvature: Numbers = np.array([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]]) / self.customers
        return curvature


def _given(x: Any, mean_value: Any) -> tuple[Any, Any]:
    if mean_value is not None:
        return x, mean_value
    try:
        return tuple(columns(x, ("x", "mean_value")))  # type: ignore[return-value]
    except ValueError:
        return tuple(columns(x, ("x", "mean_value_minor")))  # type: ignore[return-value]


def _spending(x: Any, mean_value: Any) -> tuple[Numbers, Numbers]:
    """Repeat purchases and their mean value, checked; a mean value is needed only where there are any."""
    columns = {"x": to_numbers(x, "x"), "mean_value": to_numbers(mean_value, "mean_value")}
    same_length(columns)
    x_, value = columns.values()
    not_negative(x_, "x")
    refuse(
        (x_ > 0) & ~np.isfinite(value),
        "mean_value must be a finite number for a customer with repeat purchases",
        columns,
        "fill it or drop the row",
    )
    return x_, value
