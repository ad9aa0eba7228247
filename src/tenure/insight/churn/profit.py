"""What a score is worth in a retention campaign: the expected maximum profit, and whom to contact for it.

T. Verbraken, W. Verbeke, B. Baesens (2013), "A novel profit maximizing metric for measuring classification performance of
customer churn prediction models", IEEE Transactions on Knowledge and Data Engineering 25(5), 961-973.
"""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.insight.churn.columns import Floats


@dataclass(frozen=True)
class Campaign:
    """What is assumed of a retention campaign. Costs are shares of the value of a customer who is kept.

    alpha, beta: of the Beta distribution of the share of leavers who stay when made an offer; its mean is
    alpha / (alpha + beta), 30 % unless said. value: of a customer who is kept; 1 counts profit in customer values.
    offer: what the incentive costs, as a share of value, paid to whoever takes it; those who would have stayed all do.
    contact: what reaching one customer costs, as a share of value.

    The defaults are the paper's: a value of 200, an offer of 10, a contact of 1.
    """

    alpha: float = 6.0
    beta: float = 14.0
    value: float = 1.0
    offer: float = 0.05
    contact: float = 0.005

    def __post_init__(self) -> None:
        if min(self.alpha, self.beta, self.value) <= 0:
            raise ValueError("alpha, beta and value must be above 0")
        if not (0 <= self.offer < 1 and self.contact >= 0 and self.offer + self.contact > 0):
            raise ValueError("offer must be at least 0 and below 1, contact at least 0, and not both 0")

    @property
    def accepts(self) -> float:
        """The mean share of leavers who stay when made an offer."""
        return self.alpha / (self.alpha + self.beta)

    def to_json(self) -> dict[str, float]:
        return asdict(self)


PAPER = Campaign(value=200.0)


@dataclass(frozen=True)
class Profit:
    """profit: for each customer there is, contacted or not, in the units of value. contacted: the share to contact."""

    profit: float
    contacted: float


def empc(y: Any, score: Any, campaign: Campaign | None = None) -> Profit:
    """The expected maximum profit of contacting the highest scores, and the share contacted for it.

    Whoever runs the campaign does not know yet which share of leavers will accept, but learns it before choosing how many to
    contact: for each share that may be, the best number is taken, and the profits are averaged over its distribution. With
    a share g of accepting leavers, contacting L of n customers who would leave and S who would stay brings
    value * (L * (g * (1 - offer) - contact) - S * (offer + contact)) / n.

    Ties in the score are contacted together. Exact: on the convex hull of the ROC curve the best corner changes at a few
    shares only, and between them the integral is an incomplete beta function.
    """
    campaign = campaign or Campaign()
    each, contacted = by_customer(y, score, campaign)
    return Profit(float(each.mean()), float(contacted.mean()))


def by_customer(y: Any, score: Any, campaign: Campaign | None = None) -> tuple[Floats, Floats]:
    """What each customer adds to the expected maximum profit, and the chance that they are contacted.

    Their means are the two figures of `empc`. Where the best number to contact moves a little the profit hardly does (it is
    at its top), so that an interval of the mean is one of the profit.
    """
    from scipy.special import betainc

    campaign = campaign or Campaign()
    left = np.asarray(y, dtype=np.float64)
    order, ends = _ordered(left, score)
    reached = np.append(0.0, np.cumsum(left[order])[ends])
    apart = np.append(0.0, np.cumsum(1.0 - left[order])[ends])
    corners = _corners(reached, apart)
    # From which accepting share on each corner is better than the one before it.
    costs = np.diff(apart[corners]) / np.diff(reached[corners]) * (campaign.offer + campaign.contact)
    edges = np.clip(np.concatenate([[0.0], (costs + campaign.contact) / (1.0 - campaign.offer), [1.0]]), 0.0, 1.0)
    chance = 1.0 - betainc(campaign.alpha, campaign.beta, edges[1:])  # that a later corner is taken
    accepting = campaign.accepts * (1.0 - betainc(campaign.alpha + 1.0, campaign.beta, edges[1:]))
    # A row is contacted at its own corner and all later ones: whenever the corner before its own is left behind.
    rows = np.arange(len(left)) + 1
    own = np.searchsorted((reached + apart)[corners], rows) - 1
    reach = np.append(chance[:-1], 0.0)[own]
    accept = np.append(accepting[:-1], 0.0)[own]
    found, contacted = np.empty(len(left)), np.empty(len(left))
    leaver = accept * (1.0 - campaign.offer) - reach * campaign.contact
    found[order] = campaign.value * np.where(left[order] == 1, leaver, -reach * (campaign.offer + campaign.contact))
    contacted[order] = reach
    return found, contacted


def curve(y: Any, score: Any, campaign: Campaign | None = None, points: int = 51) -> list[dict[str, float]]:
    """The profit of contacting each share of the customers, riskiest first, at the mean share of accepting leavers.

    Rows of contacted (0 to 1) and profit for each customer there is; ties in the order of the rows.
    """
    campaign = campaign or Campaign()
    left = np.asarray(y, dtype=np.float64)[np.argsort(-np.asarray(score, dtype=np.float64), kind="stable")]
    leavers = np.append(0.0, np.cumsum(left)) / len(left)
    shares = np.linspace(0.0, 1.0, points)
    at = np.round(shares * len(left)).astype(int)
    gained = leavers[at] * (campaign.accepts * (1.0 - campaign.offer) - campaign.contact)
    spent = (at / len(left) - leavers[at]) * (campaign.offer + campaign.contact)
    return [
        {"contacted": float(share), "profit": float(campaign.value * profit)}
        for share, profit in zip(shares, gained - spent, strict=True)
    ]


def _ordered(left: Floats, score: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The rows from the highest score down, and after which of them the score falls."""
    p = np.asarray(score, dtype=np.float64)
    if not len(left) or left.min() == left.max():
        raise ValueError("profit needs customers who left and customers who stayed")
    order = np.argsort(-p, kind="stable")
    return order, np.append(np.diff(p[order]) != 0, True)


def _corners(reached: Floats, apart: Floats) -> list[int]:
    """The corners of the upper convex hull of the ROC curve.

    Only those that reach more leavers than the one before: contacting more stayers alone never pays.
    """
    hull: list[int] = []
    y, x = reached.tolist(), apart.tolist()
    for c in range(len(y)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (x[b] - x[a]) * (y[c] - y[a]) < (y[b] - y[a]) * (x[c] - x[a]):
                break
            hull.pop()
        hull.append(c)
    return [hull[0], *(b for a, b in pairwise(hull) if y[b] > y[a])]
