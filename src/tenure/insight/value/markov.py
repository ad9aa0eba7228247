"""What a customer is worth from the state they are in, where customers move between a few states.

P. E. Pfeifer, R. L. Carraway (2000), "Modeling Customer Relationships as Markov Chains", Journal of Interactive Marketing
14(2), 43-55.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.frames import to_numbers
from tenure.insight.value.base import Numbers, ValueModel, with_columns
from tenure.insight.value.base import column as of_frame
from tenure.insight.value.checks import NotEnoughDataError
from tenure.language import tr


class MarkovCLV(ValueModel):
    """Values customers by their state: what each state brings in a period, and where customers go from it.

    With P the chances to move from state to state in a period, R what a state brings in one, and d = 1/(1+discount),

        V(n) = R + dP R + … + (dP)^(n-1) R          V(∞) = (I - dP)^-1 R

    horizon: periods counted, the running one included; None for ever. discount: for one period, 0.1 for 10 %.

    `fit(before, after, worth)`: one row a customer and period: the state at its beginning, the state at its end, and what
    the customer brought in it. Given as a frame with columns before, after and worth, or as three columns.

    Fitted: states_ (sorted), transitions_ (rows add up to 1), rewards_, values_, counts_ (how often each move was seen),
    standard_errors_ (of values_, from the counts and the spread of worth; NaN where a state was seen once).
    A state seen only as an end brings nothing known, so it is taken to be left never and to bring 0.
    """

    def __init__(self, horizon: int | None = None, *, discount: float = 0.1) -> None:
        self.horizon = horizon
        self.discount = discount

    @classmethod
    def of(
        cls, transitions: Any, rewards: Any, states: Any = None, *, horizon: int | None = None, discount: float = 0.1
    ) -> "MarkovCLV":
        """A model with given moves and rewards."""
        model = cls(horizon, discount=discount)
        P, R = np.asarray(transitions, float), np.asarray(rewards, float)
        if P.shape != (len(R), len(R)):
            raise ValueError(f"transitions must have a row and a column a state; found {P.shape} for {len(R)} rewards")
        if not (np.isfinite(P).all() and (P >= 0).all() and np.allclose(P.sum(axis=1), 1, atol=1e-9)):
            raise ValueError("each row of transitions must be chances that add up to 1; found one that does not")
        model.states_ = np.arange(len(R)) if states is None else np.asarray(states)
        model.transitions_, model.rewards_ = P, R
        model.values_ = model._value(P, R)
        return model

    states_: NDArray[Any]
    transitions_: Numbers
    rewards_: Numbers
    values_: Numbers
    counts_: Numbers

    def fit(self, before: Any, after: Any = None, worth: Any = None) -> "MarkovCLV":
        """Count the moves, average what each state brought.

        Raises ValueError for columns that can't be, NotEnoughDataError (also a ValueError) without a single move.
        """
        if after is None:
            before, after, worth = (of_frame(before, name) for name in ("before", "after", "worth"))
        start, end = np.asarray(before), np.asarray(after)
        brought = to_numbers(worth, "worth")
        if not len(start) == len(end) == len(brought):
            raise ValueError(
                f"before, after and worth must have one row each; found {len(start)}, {len(end)} and {len(brought)}"
            )
        if not len(start):
            raise NotEnoughDataError(
                tr("Not enough data to value states, because no customer was seen moving. Wait for a second period.")
            )
        if not np.isfinite(brought).all():
            raise ValueError("worth must be a finite number in every row; fill or drop the rows without one first")
        states, codes = np.unique(np.concatenate([start, end]), return_inverse=True)
        n = len(states)
        a, b = codes[: len(start)], codes[len(start) :]
        counts = np.bincount(a * n + b, minlength=n * n).reshape(n, n).astype(float)
        seen = counts.sum(axis=1)
        stuck = seen == 0
        P = np.where(stuck[:, None], np.eye(n), counts / np.maximum(seen, 1)[:, None])
        R = np.bincount(a, brought, minlength=n) / np.maximum(seen, 1)
        self.states_, self.counts_, self.transitions_, self.rewards_ = states, counts, P, R
        self.values_ = self._value(P, R)
        spread = np.bincount(a, (brought - R[a]) ** 2, minlength=n) / np.maximum(seen - 1, 1)
        self._reward_variance = np.where(stuck, 0.0, np.where(seen > 1, spread / np.maximum(seen, 1), np.nan))
        return self

    @property
    def standard_errors_(self) -> Numbers:
        """Standard error of each state's value, by the delta method over moves and rewards."""
        if not hasattr(self, "_reward_variance"):
            raise ValueError("standard errors come with a fit to customers; call fit(before, after, worth) first")
        P, R, n = self.transitions_, self.rewards_, len(self.rewards_)
        variance = np.zeros(n)
        seen = self.counts_.sum(axis=1)
        for state in range(n):
            if not seen[state]:
                continue
            step = np.zeros(n)
            step[state] = 1.0
            variance += self._value(P, step) ** 2 * self._reward_variance[state]
            # How V follows row `state` of P, for one small move of it each way; rows are multinomial.
            by = np.empty((n, n))
            for to in range(n):
                moved = P.copy()
                moved[state, to] += 1e-6
                by[to] = (self._value(moved, R) - self.values_) / 1e-6
            row = P[state]
            covariance = (np.diag(row) - np.outer(row, row)) / seen[state]
            variance += np.einsum("ik,ij,jk->k", by, covariance, by)
        found: Numbers = np.sqrt(variance)
        return found

    def predict(self, frame: Any) -> Any:
        """The frame, whose column `state` says where each customer is, with expected_value; of the kind it was.

        Raises ValueError for a state the fit has not seen.
        """
        if not hasattr(self, "values_"):
            raise ValueError("this model has no values yet; call fit(before, after, worth) first")
        state = np.asarray(of_frame(frame, "state"))
        place = np.minimum(np.searchsorted(self.states_, state), len(self.states_) - 1)
        unknown = self.states_[place] != state
        if unknown.any():
            known = ", ".join(map(str, self.states_.tolist()))
            raise ValueError(f"state {str(state[unknown][0])!r} was not seen in the fit; known are: {known}")
        return with_columns(frame, {"expected_value": self.values_[place]})

    def _value(self, P: Numbers, R: Numbers) -> Numbers:
        if not self.discount >= 0:
            raise ValueError(f"discount must be 0 or above, for one period; found {self.discount}")
        later = P / (1 + self.discount)
        if self.horizon is None:
            if not self.discount > 0:
                raise ValueError(
                    "for ever and without a discount a value may have no end; give a horizon or a discount"
                )
            found: Numbers = np.linalg.solve(np.eye(len(R)) - later, R).astype(np.float64)
            return found
        value = np.zeros(len(R))
        for _ in range(self.horizon):
            value = R + later @ value
        return value

    def _likeness(self) -> str:
        return f"{len(self.values_)} states" if hasattr(self, "values_") else ""
