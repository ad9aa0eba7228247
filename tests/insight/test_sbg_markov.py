"""Contracts and states: published tables, and figures worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.insight.value import MarkovCLV, NotEnoughDataError, ShiftedBetaGeometric
from tenure.insight.value.sbg import _Decisions

# Fader & Hardie (2007): of 1,000 subscribers, those still there at the end of each year; fitted on the first seven.
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def cohort(there: list[int]) -> dict[str, np.ndarray]:
    """One row for those who left each year, one for those still there."""
    lost = -np.diff(there)
    years = np.arange(1, len(there))
    return {
        "periods": np.append(years, years[-1]).astype(float),
        "left": np.append(np.ones(len(lost)), 0.0),
        "weights": np.append(lost, there[-1]).astype(float),
    }


@pytest.mark.parametrize(
    ("there", "alpha", "beta", "likelihood"),
    [(HIGH_END[:8], 0.668, 3.806, -1611.2), (REGULAR, 0.704, 1.182, -1680.3)],
    ids=["high end", "regular"],
)
def test_the_published_subscribers_give_the_published_parameters(
    there: list[int], alpha: float, beta: float, likelihood: float
) -> None:
    rows = cohort(there)

    model = ShiftedBetaGeometric().fit(rows["periods"], rows["left"], weights=rows["weights"])

    assert (round(model.alpha_, 3), round(model.beta_, 3)) == (alpha, beta)
    assert model.log_likelihood_ == pytest.approx(likelihood, abs=0.05)


def test_years_eight_to_twelve_are_foretold_within_two_points() -> None:
    rows = cohort(HIGH_END[:8])
    model = ShiftedBetaGeometric().fit(rows["periods"], rows["left"], weights=rows["weights"])

    foretold = model.survival(np.arange(8, 13))

    assert np.abs(foretold - np.array(HIGH_END[8:]) / 1000).max() < 0.02


def test_retention_grows_and_survival_is_its_product() -> None:
    model = ShiftedBetaGeometric.of(0.668, 3.806)

    kept = model.retention(np.arange(1, 11))

    assert (np.diff(kept) > 0).all()
    assert np.cumprod(kept) == pytest.approx(model.survival(np.arange(1, 11)))
    assert model.p_stays(3, 2) == pytest.approx(np.prod(kept[2:5]))


def test_expected_periods_add_up_discounted_survival() -> None:
    model = ShiftedBetaGeometric.of(0.668, 3.806)

    found = model.expected_periods(5, [0, 3], 0.1)

    by_hand = [sum(model.p_stays(k, n) / 1.1**k for k in range(1, 6)) for n in (0, 3)]
    assert found == pytest.approx(by_hand)


def test_errors_agree_with_a_bootstrap() -> None:
    rows = cohort(HIGH_END[:8])
    model = ShiftedBetaGeometric().fit(rows["periods"], rows["left"], weights=rows["weights"])
    chance = np.random.default_rng(0)
    shares = rows["weights"] / 1000

    drawn = [
        ShiftedBetaGeometric()
        .fit(rows["periods"], rows["left"], weights=chance.multinomial(1000, shares))
        .expected_periods(10, [0])[0]
        for _ in range(300)
    ]

    assert model.error_of(lambda one: one.expected_periods(10, [0]))[0] == pytest.approx(np.std(drawn), rel=0.15)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0.5, 4)), min_size=1, max_size=8),
    st.floats(-3, 3).map(np.exp),
    st.floats(-3, 3).map(np.exp),
)
def test_gradient_and_curvature_are_the_slopes_of_the_likelihood(
    rows: list[tuple[int, bool, float]], alpha: float, beta: float
) -> None:
    t, left, weight = (np.array(column) for column in zip(*rows, strict=True))
    seen = _Decisions.compressed(t + left, left.astype(float), weight)
    parameters = np.array([alpha, beta])

    _, gradient = seen.slope(parameters)
    curvature = seen.curvature(parameters)

    for i in range(2):
        step = np.zeros(2)
        step[i] = 1e-5 * parameters[i]
        up, down = seen.slope(parameters + step), seen.slope(parameters - step)
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step[i]), rel=1e-4, abs=1e-5 / parameters[i])
        by_hand = (up[1] - down[1]) / (2 * step[i])
        assert curvature[i] == pytest.approx(by_hand, rel=1e-4, abs=1e-4 / parameters.min() ** 2)


@pytest.mark.parametrize(
    ("periods", "left", "said"),
    [
        ([1, 2, 3], [0, 0, 0], "0 of 3 customers have left"),
        ([1, 1, 1], [1, 0, 0], "nobody was seen for two decisions"),
        ([1, 1, 1], [1, 1, 1], "3 of 3 customers have left"),
    ],
)
def test_renewals_that_tell_nothing_are_refused_in_words(periods: list[int], left: list[int], said: str) -> None:
    with pytest.raises(NotEnoughDataError, match=said):
        ShiftedBetaGeometric().fit(periods, left)


@pytest.mark.parametrize(
    ("periods", "left", "said"),
    [
        ([1.5, 2], [1, 0], "periods must be a whole number; found periods = 1.5 in row 0"),
        ([0, 2], [1, 0], "periods must be at least 1 for a customer who left"),
        ([1, 2], [2, 0], "left must be 0 or 1; found left = 2 in row 0"),
        ([1, -2], [1, 0], "periods must not be negative"),
    ],
)
def test_what_can_not_be_a_renewal_is_named(periods: list[float], left: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ShiftedBetaGeometric().fit(periods, left)


# Pfeifer & Carraway (2000): a sale brings 40, a mailing costs 4; recency 1 to 4, then nothing more is tried; 20 % a period.
MOVES = [[0.3, 0.7, 0, 0, 0], [0.2, 0, 0.8, 0, 0], [0.15, 0, 0, 0.85, 0], [0.05, 0, 0, 0, 0.95], [0, 0, 0, 0, 1]]
BRINGS = [36, -4, -4, -4, 0]


def test_the_published_states_have_the_published_values() -> None:
    four_more = MarkovCLV.of(MOVES, BRINGS, horizon=5, discount=0.2)
    for_ever = MarkovCLV.of(MOVES, BRINGS, discount=0.2)

    assert four_more.values_ == pytest.approx([50.115, 4.220, 0.592, -1.980, 0], abs=5e-4)
    assert for_ever.values_ == pytest.approx([52.320, 5.554, 1.251, -1.820, 0], abs=5e-4)


def test_moves_and_rewards_are_counted_from_rows() -> None:
    model = MarkovCLV(2, discount=0).fit(["a", "a", "a", "b"], ["a", "b", "b", "c"], [6, 3, 0, 9])

    assert model.states_.tolist() == ["a", "b", "c"]
    assert model.transitions_.tolist() == [[1 / 3, 2 / 3, 0], [0, 0, 1], [0, 0, 1]]
    assert model.rewards_.tolist() == [3, 9, 0]
    assert model.values_ == pytest.approx([3 + 1 + 6, 9, 0])


def test_errors_of_state_values_agree_with_a_bootstrap() -> None:
    chance = np.random.default_rng(1)
    before = chance.choice(["a", "b"], 2000)
    after = np.where(chance.random(2000) < 0.6, before, chance.choice(["a", "b", "z"], 2000))
    worth = np.where(before == "a", chance.gamma(4, 10, 2000), 1.0)
    model = MarkovCLV(6).fit(before, after, worth)

    drawn = []
    for _ in range(200):
        some = chance.integers(0, 2000, 2000)
        drawn.append(MarkovCLV(6).fit(before[some], after[some], worth[some]).values_)

    assert model.standard_errors_[:2] == pytest.approx(np.std(drawn, axis=0)[:2], rel=0.2)


def test_a_state_nobody_was_seen_in_is_named() -> None:
    model = MarkovCLV(2).fit(["a", "b"], ["b", "a"], [1, 2])

    with pytest.raises(ValueError, match="state 'x' was not seen in the fit; known are: a, b"):
        model.predict({"state": ["a", "x"]})


def test_moves_that_tell_nothing_are_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="no customer was seen moving"):
        MarkovCLV().fit([], [], [])
    with pytest.raises(ValueError, match="a value may have no end"):
        MarkovCLV(discount=0).fit(["a"], ["a"], [1])
