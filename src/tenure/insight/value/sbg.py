"""How long a subscriber stays, where leaving is seen: the shifted-beta-geometric model.

P. S. Fader, B. G. S. Hardie (2007), "How to Project Customer Retention", Journal of Interactive Marketing 21(1), 76-90;
(2010), "Customer-Base Valuation in a Contractual Setting: The Perils of Ignoring Heterogeneity", Marketing Science 29(1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaln, polygamma, psi

from tenure.insight.frames import to_numbers
from tenure.insight.value import likelihood
from tenure.insight.value.base import Numbers, Parametric, columns, with_columns
from tenure.insight.value.checks import NotEnoughDataError, not_negative, refuse, same_length, weights_for
from tenure.insight.value.groups import totals
from tenure.language import tr

# Past this many periods ahead, sums over periods are taken in closed form or not at all.
MOST_PERIODS = 10_000


class ShiftedBetaGeometric(Parametric):
    """Foretells how long customers under contract stay, when each period ends in a renewal or a goodbye.

    At the end of every period a customer leaves with their own probability θ, over customers θ ~ Beta(α, β), so

        P(leaves at the end of period t) = B(α+1, β+t-1) / B(α, β)      S(t) = B(α, β+t) / B(α, β)

    and retention (β+t-1)/(α+β+t-1) grows with tenure, though nobody changes: those likely to leave have left.

    periods: completed periods with a decision at their end, seen of each customer. left: whether the last of those
    decisions was to leave (1 or true) or to renew (0 or false). Given as one frame with these columns, or as two columns;
    with `weights`, a row may stand for a whole cohort.

    Fitted: alpha_, beta_, log_likelihood_, n_customers_, standard_errors_, covariance_, at_limit_.
    """

    NAMES = ("alpha", "beta")

    alpha_: float
    beta_: float

    @classmethod
    def of(cls, alpha: float, beta: float) -> "ShiftedBetaGeometric":
        """A model with given parameters, to foretell with what was fitted earlier or published."""
        return cls._with((alpha, beta))

    def fit(self, periods: Any, left: Any = None, weights: Any = None) -> "ShiftedBetaGeometric":
        """Find the most likely parameters for these customers.

        Raises ValueError for what can't be, NotEnoughDataError (also a ValueError) where nobody left, all left, or nobody
        was seen for two periods: then how much customers differ can't be told.
        """
        if left is None:
            periods, left = columns(periods, ("periods", "left"))
        t, gone = to_numbers(periods, "periods"), to_numbers(left, "left")
        same_length({"periods": t, "left": gone})
        weight = weights_for(weights, len(t))
        not_negative(t, "periods")
        refuse(t != np.floor(t), "periods must be a whole number", {"periods": t}, "count the decisions seen")
        refuse(
            (gone != 0) & (gone != 1), "left must be 0 or 1", {"left": gone}, "1 where the last decision was to leave"
        )
        refuse(
            (gone == 1) & (t == 0), "periods must be at least 1 for a customer who left", {"periods": t}, "drop the row"
        )
        _enough(t, gone * weight, weight)
        seen = _Decisions.compressed(t.astype(np.int64), gone, weight)
        top = likelihood.highest(seen, np.array([1.0, 2.0]), np.full(2, 1e-5), np.full(2, 1e7))
        if not top.settled:
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell renewals, because several explanations fit the {count} customers equally "
                    "well. Take more customers or a longer stretch of time.",
                    count=len(t),
                )
            )
        self._settle(seen, top, float(weight.sum()))
        return self

    def survival(self, periods: Any) -> Numbers:
        """Share of new customers still there after so many periods."""
        self._fitted()
        t = _periods(periods, "periods")
        found: Numbers = np.exp(betaln(self.alpha_, self.beta_ + t) - betaln(self.alpha_, self.beta_))
        return found

    def retention(self, period: Any) -> Numbers:
        """Share that renews at the end of this period (1 the first) of those who were there at its beginning."""
        self._fitted()
        t = _periods(period, "period")
        found: Numbers = (self.beta_ + t - 1) / (self.alpha_ + self.beta_ + t - 1)
        return found

    def p_stays(self, ahead: Any, renewed: Any) -> Numbers:
        """Probability that a customer who has renewed so often renews `ahead` times more."""
        self._fitted()
        n, t = _periods(renewed, "renewed"), _periods(ahead, "ahead")
        found: Numbers = np.exp(betaln(self.alpha_, self.beta_ + n + t) - betaln(self.alpha_, self.beta_ + n))
        return found

    def expected_periods(self, horizon: int, renewed: Any, discount: float = 0.0) -> Numbers:
        """Periods still paid for within the next `horizon` decisions by one who has renewed so often.

        The running period is paid for already; the period after a renewal counts, at 1/(1+discount) for each decision
        until then. discount: for one period, 0.1 for 10 %.

        Raises ValueError for a horizon that is no whole number from 0 to 10,000, or a discount that is not 0 or above.
        """
        self._fitted()
        if not (float(horizon).is_integer() and 0 <= horizon <= MOST_PERIODS):
            raise ValueError(f"horizon must be a whole number from 0 to {MOST_PERIODS:,}; found {horizon}")
        if not discount >= 0:
            raise ValueError(f"discount must be 0 or above, for one period; found {discount}")
        n = np.atleast_1d(_periods(renewed, "renewed"))
        kinds, group = np.unique(n, return_inverse=True)
        ahead = np.arange(int(horizon))
        stays = np.cumprod(
            (self.beta_ + kinds[:, None] + ahead) / (self.alpha_ + self.beta_ + kinds[:, None] + ahead), axis=1
        )
        found: Numbers = (stays @ (1 + discount) ** -(ahead + 1.0))[group]
        return found

    def predict(self, frame: Any, horizon: int, *, discount: float = 0.0, errors: bool = False) -> Any:
        """The frame, whose column `renewed` says how often each customer has renewed, with what comes next.

        Added: p_renews (the next decision) and expected_periods (see there); where the frame has `margin`, worth of a period,
        also expected_value; with `errors` expected_periods_error. Of the kind the frame was.
        """
        (renewed,) = columns(frame, ("renewed",))
        found = {
            "p_renews": self.p_stays(1, renewed),
            "expected_periods": self.expected_periods(horizon, renewed, discount),
        }
        try:
            (margin,) = columns(frame, ("margin",))
            found["expected_value"] = found["expected_periods"] * margin
        except ValueError:
            pass
        if errors:
            found["expected_periods_error"] = self.error_of(
                lambda model: model.expected_periods(horizon, renewed, discount)
            )
        return with_columns(frame, found)


@dataclass(frozen=True)
class _Decisions:
    """How many left, and how many renewed, at each decision: all the likelihood needs to know."""

    customers: float
    left: Numbers
    renewed: Numbers

    @classmethod
    def compressed(cls, t: Any, gone: Numbers, weight: Numbers) -> "_Decisions":
        leavers = totals(t, weight * gone)
        renewals = totals(t, weight * (1 - gone))
        return cls(float(weight.sum()), leavers, renewals)

    def slope(self, parameters: Numbers) -> tuple[float, Numbers]:
        """Mean log-likelihood and its gradient by alpha, beta."""
        a, b = parameters
        t = np.arange(len(self.left))
        last = np.maximum(t - 1, 0)
        base = betaln(a, b)
        gone, here = self.left, self.renewed
        value = gone @ (betaln(a + 1, b + last) - base) + here @ (betaln(a, b + t) - base)
        both, left_both, here_both = psi(a + b), psi(a + b + last + 1), psi(a + b + t)
        gradient = np.array(
            [
                gone @ (psi(a + 1) - left_both - psi(a) + both) + here @ (both - here_both),
                gone @ (psi(b + last) - left_both - psi(b) + both) + here @ (psi(b + t) - here_both - psi(b) + both),
            ]
        )
        return float(value) / self.customers, gradient / self.customers

    def curvature(self, parameters: Numbers) -> Numbers:
        """Second derivatives of the mean log-likelihood by alpha, beta."""
        a, b = parameters
        t = np.arange(len(self.left))
        last = np.maximum(t - 1, 0)
        gone, here = self.left, self.renewed

        def bend(at: Any) -> Any:
            return polygamma(1, at)

        mixed = bend(a + b) * (gone.sum() + here.sum()) - gone @ bend(a + b + last + 1) - here @ bend(a + b + t)
        aa = gone.sum() * (bend(a + 1) - bend(a)) + mixed
        bb = gone @ bend(b + last) + here @ bend(b + t) - (gone.sum() + here.sum()) * bend(b) + mixed
        curvature: Numbers = np.array([[aa, mixed], [mixed, bb]]) / self.customers
        return curvature


def _periods(values: Any, name: str) -> Numbers:
    numbers = np.asarray(float(values)) if np.ndim(values) == 0 else to_numbers(values, name)
    not_negative(np.atleast_1d(numbers), name)
    return numbers


def _enough(t: Numbers, leavers: Numbers, weight: Numbers) -> None:
    gone, seen = float(leavers.sum()), float(weight[t > 0].sum())
    if not gone or (gone >= seen and t.max() < 2):
        raise NotEnoughDataError(
            tr(
                "Not enough data to foretell renewals, because {left} of {count} customers have left; some must have left "
                "and some stayed. Wait, or take a wider choice of customers.",
                left=f"{gone:g}",
                count=f"{seen:g}",
            )
        )
    if t.max() < 2:
        raise NotEnoughDataError(
            tr(
                "Not enough data to foretell renewals, because nobody was seen for two decisions, so how much customers "
                "differ can't be told. Wait for a second round of renewals."
            )
        )
