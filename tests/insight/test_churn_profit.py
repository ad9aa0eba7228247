"""Expected maximum profit against its definition, a case worked by hand, and what must hold of any."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from tenure.insight.churn.profit import PAPER, Campaign, by_customer, curve, empc


def by_definition(y: np.ndarray, score: np.ndarray, campaign: Campaign) -> float:
    """The best threshold for each accepting share, integrated over its distribution, as the paper writes it."""
    thresholds = np.append(np.unique(score), np.inf)
    reached = np.array([((score >= t) & (y == 1)).mean() for t in thresholds])
    wasted = np.array([((score >= t) & (y == 0)).mean() for t in thresholds])

    def best(share: float) -> float:
        earned = reached * (share * (1 - campaign.offer) - campaign.contact)
        return float((campaign.value * (earned - wasted * (campaign.offer + campaign.contact))).max())

    grid = np.linspace(0, 1, 41)
    parts = [
        quad(lambda g: best(g) * beta.pdf(g, campaign.alpha, campaign.beta), a, b, epsabs=1e-9, limit=200)[0]
        for a, b in pairwise(grid)
    ]
    return float(sum(parts))


@pytest.mark.parametrize(
    "campaign",
    [PAPER, Campaign(), Campaign(alpha=2, beta=3, offer=0.2, contact=0.01), Campaign(offer=0.0, contact=0.3)],
    ids=["the paper's", "ours", "a dear offer", "a dear call"],
)
def test_it_is_the_integral_of_the_best_profits(campaign):
    r = np.random.default_rng(0)
    y = (r.random(120) < 0.2).astype(float)
    score = np.round(y + r.normal(0, 1, 120), 1)  # with ties

    assert empc(y, score, campaign).profit == pytest.approx(by_definition(y, score, campaign), rel=1e-5, abs=1e-9)


def test_a_score_that_knows_all_earns_what_two_lines_on_paper_say():
    """One of four leaves. It pays to contact the leaver once g * .95 > .005, and never a stayer: the profit is the integral
    of (200 * .95 * g - 1) / 4 over g > .00526, where there is next to nothing left out: (200 * .95 * .3 - 1) / 4 = 14."""
    found = empc([1, 0, 0, 0], [0.9, 0.3, 0.2, 0.1], PAPER)

    assert found.profit == pytest.approx(14.0, abs=1e-6)
    assert found.contacted == pytest.approx(0.25, abs=1e-6)


def test_the_order_alone_counts_and_value_is_only_the_unit():
    r = np.random.default_rng(1)
    y = r.random(200) < 0.3
    score = y + r.normal(0, 1, 200)

    assert empc(y, np.exp(3 * score)) == empc(y, score)
    assert empc(y, score, PAPER).profit == pytest.approx(200 * empc(y, score).profit)


def test_a_score_that_knows_nothing_contacts_all_or_nobody_and_earns_least():
    r = np.random.default_rng(2)
    y = (r.random(400) < 0.25).astype(float)
    flat, some, good = np.zeros(400), y + r.normal(0, 2, 400), y + r.normal(0, 0.5, 400)

    earned = [empc(y, score).profit for score in (flat, some, good)]

    assert earned == sorted(earned)
    assert set(np.round(by_customer(y, flat)[1], 12)) == {round(float(by_customer(y, flat)[1][0]), 12)}


def test_what_each_customer_adds_makes_the_whole():
    r = np.random.default_rng(3)
    y = (r.random(300) < 0.3).astype(float)
    score = y + r.normal(0, 1, 300)

    each, contacted = by_customer(y, score)

    assert each.mean() == pytest.approx(empc(y, score).profit)
    assert (each[y == 0] <= 0).all()
    assert (np.diff(contacted[np.argsort(-score, kind="stable")]) <= 1e-12).all()


def test_the_curve_begins_at_nothing_and_never_beats_knowing_who_accepts():
    r = np.random.default_rng(4)
    y = (r.random(500) < 0.3).astype(float)
    score = y + r.normal(0, 1, 500)

    points = curve(y, score)

    assert points[0] == {"contacted": 0.0, "profit": 0.0}
    everybody = y.mean() * (0.3 * 0.95 - 0.005) - (1 - y.mean()) * 0.055
    assert points[-1]["profit"] == pytest.approx(everybody)
    assert max(point["profit"] for point in points) <= empc(y, score).profit


def test_impossible_campaigns_and_one_outcome_are_refused():
    for wrong in ({"alpha": 0}, {"value": -1}, {"offer": 1.0}, {"offer": 0.0, "contact": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            Campaign(**wrong)
    with pytest.raises(ValueError, match="who left and customers who stayed"):
        empc([0, 0], [1, 2])
