"""What the models of buyers who never say goodbye have in common."""

from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np

from tenure.insight.frames import to_numbers
from tenure.insight.value import likelihood
from tenure.insight.value.base import Numbers, Parametric, columns, with_columns
from tenure.insight.value.checks import NotEnoughDataError, not_negative, purchase_histories, refuse, weights_for
from tenure.insight.value.groups import distinct
from tenure.language import tr

B = TypeVar("B", bound="Buying")

# Of many distinct histories, thinned samples find the neighbourhood of the top first: each of so many customers where
# there are at least thrice as many histories, and only as well as so many customers tell it.
THINNED = (20_000, 160_000)
NEAR = 1e-8
DEAR = 400_000  # distinct histories, of which a pass takes a good part of a second


class Buying(Parametric):
    """Foretells how often a customer will buy again from how often they did, and when last.

    x: repeat purchases: the periods (days) with a purchase, less the first. t_x: time of the last, from the first.
    T: age, time from the first purchase to the end of what was seen. t_x, T and later t share one unit, any.
    They are given as one frame with these columns (pandas, Polars, Arrow, a dict of arrays) or as three columns.
    """

    def fit(self: B, x: Any, t_x: Any = None, T: Any = None, weights: Any = None) -> B:
        """Find the most likely parameters for these customers.

        x: a frame with x, t_x and T, or x alone beside the other two. weights: how many customers each row stands for
        (1 where left out).

        Raises ValueError for what can't be a purchase history, NotEnoughDataError (also a ValueError) where nobody
        bought again, all customers have one and the same history, or several explanations fit equally well.
        """
        x_, t_x_, T_ = _histories(x, t_x, T)
        weight = weights_for(weights, len(x_))
        if not weight.all():
            x_, t_x_, T_, weight = (column[weight > 0] for column in (x_, t_x_, T_, weight))
        _enough(x_, t_x_, T_)
        seen, top = self._top(x_, t_x_, T_, weight)
        if not top.settled:
            raise NotEnoughDataError(
                tr(
                    "Not enough data to foretell purchases, because several explanations fit the {count} customers "
                    "equally well. Take more customers or a longer stretch of orders.",
                    count=len(x_),
                )
            )
        self._settle(seen, top, float(weight.sum()))
        return self

    def p_alive(self, x: Any, t_x: Any = None, T: Any = None) -> Numbers:
        """Probability that each customer is still active at the end of what was seen, 0 to 1.

        Raises ValueError for what can't be a purchase history.
        """
        self._fitted()
        return self._p_alive(*_histories(x, t_x, T))

    def expected_purchases(self, t: Any, x: Any, t_x: Any = None, T: Any = None) -> Numbers:
        """Purchases expected of each customer in the time `t` after the end of what was seen.

        t: one number for all, or one for each customer; same unit as t_x and T.

        Raises ValueError for what can't be a purchase history, or a `t` that is negative, not finite,
        or more than a million times alpha_ + T.
        """
        self._fitted()
        x_, t_x_, T_ = _histories(x, t_x, T)
        ahead = times(t, len(x_))
        first, group = distinct(x_, T_, ahead)
        return self._if_alive(ahead[first], x_[first], T_[first])[group] * self._p_alive(x_, t_x_, T_)

    def expected_purchases_new(self, t: Any) -> Any:
        """Repeat purchases expected of a new customer in the time `t` after their first; a float for one `t`.

        Raises ValueError for a `t` that is negative or not finite.
        """
        self._fitted()
        ahead = times(t, 1) if np.ndim(t) == 0 else times(t, None)
        nothing_yet = np.zeros(len(ahead))
        expected = self._if_alive(ahead, nothing_yet, nothing_yet) * self._p_alive(
            nothing_yet, nothing_yet, nothing_yet
        )
        return float(expected[0]) if np.ndim(t) == 0 else expected

    def predict(self, frame: Any, t: Any, *, errors: bool = False) -> Any:
        """The frame with p_alive and expected_purchases (in the time `t`) of each customer, of the kind it was.

        errors: also their standard errors, p_alive_error and expected_purchases_error: how well the customers seen tell
        the expectation, not how far one customer may stray from it.

        Raises ValueError as expected_purchases does, or for a frame without x, t_x and T.
        """
        x_, t_x_, T_ = columns(frame, ("x", "t_x", "T"))
        found = {"p_alive": self.p_alive(x_, t_x_, T_), "expected_purchases": self.expected_purchases(t, x_, t_x_, T_)}
        if errors:
            both = self.error_of(
                lambda model: np.stack([model.p_alive(x_, t_x_, T_), model.expected_purchases(t, x_, t_x_, T_)])
            )
            found |= {"p_alive_error": both[0], "expected_purchases_error": both[1]}
        return with_columns(frame, found)

    def _top(
        self, x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers
    ) -> tuple[likelihood.Likelihood, likelihood.Top]:
        """The compressed histories, and where their likelihood is highest."""
        seen = self._compressed(x, t_x, T, weight)
        # Wide enough for any unit of time: what the data call large or small is relative to the ages.
        start, lowest, largest = self._search(float(np.average(T, weights=weight)))
        for size in (size for size in THINNED if len(seen) > 3 * size):
            some = np.random.default_rng(0).integers(0, len(x), size=size)
            if len(sample := self._compressed(x[some], t_x[some], T[some], weight[some])) > 100:
                start = likelihood.highest(sample, start, lowest, largest, enough=NEAR).parameters
        return seen, likelihood.highest(seen, start, lowest, largest, trust=len(seen) >= DEAR)

    @staticmethod
    @abstractmethod
    def _search(age: float) -> tuple[Numbers, Numbers, Numbers]:
        """Where the search starts, and the smallest and largest parameters it goes to, for this mean age."""

    @staticmethod
    @abstractmethod
    def _compressed(x: Numbers, t_x: Numbers, T: Numbers, weight: Numbers) -> Any:
        """The likelihood of these customers; its length is that of its longest part."""

    @abstractmethod
    def _p_alive(self, x: Numbers, t_x: Numbers, T: Numbers) -> Numbers:
        """Probability to be active at T."""

    @abstractmethod
    def _if_alive(self, t: Numbers, x: Numbers, T: Numbers) -> Numbers:
        """Purchases expected in `t` of customers who are active at T."""


def times(t: Any, rows: int | None) -> Numbers:
    """`t` as one number a customer."""
    ahead = np.full(rows or 1, float(t)) if np.ndim(t) == 0 else to_numbers(t, "t")
    if rows is not None and len(ahead) != rows:
        raise ValueError(f"t must be one number, or one for each customer; found {len(ahead)} for {rows} customers")
    not_negative(ahead, "t")
    return ahead


def not_too_far(t: Numbers, T: Numbers, start: Numbers) -> None:
    """Raises ValueError for a `t` in another unit than the fit's."""
    refuse(
        t > 1e6 * start,
        "t must be at most a million times alpha_ + T",
        {"t": t, "T": T},
        "give t in the unit of the fit",
    )


def _histories(x: Any, t_x: Any, T: Any) -> tuple[Numbers, Numbers, Numbers]:
    if t_x is None and T is None:
        x, t_x, T = columns(x, ("x", "t_x", "T"))
    elif t_x is None or T is None:
        raise ValueError("give one frame with x, t_x and T, or all three as columns; found only some of them")
    return purchase_histories(x, t_x, T)


def _enough(x: Numbers, t_x: Numbers, T: Numbers) -> None:
    if not x.any():
        raise NotEnoughDataError(
            tr(
                "Not enough data to foretell purchases, because none of the {count} customers bought a second "
                "time. Wait for repeat purchases, or take a longer stretch of orders.",
                count=len(x),
            )
        )
    if all((column == column[0]).all() for column in (x, t_x, T)):
        raise NotEnoughDataError(
            tr(
                "Not enough data to foretell purchases, because all {count} customers have the same history "
                "({x} repeat purchases, the last at {t_x}, age {T}). Take a wider choice of customers.",
                count=len(x),
                x=f"{x[0]:g}",
                t_x=f"{t_x[0]:g}",
                T=f"{T[0]:g}",
            )
        )
