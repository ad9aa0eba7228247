"""Pareto/NBD against published figures, 2F1, integration and finite differences."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1

from tenure.insight.value import MBGNBD, ParetoNBD, pareto_kernel
from tenure.insight.value.geometric import Histories
from tenure.insight.value.pareto import Lives, _lives, _rules

CDNOW = Path(__file__).resolve().parents[3] / "shared" / "data" / "cdnow"
positive = st.floats(-3, 3).map(np.exp)
history = st.tuples(st.integers(0, 12), st.integers(1, 40), st.integers(0, 40), st.floats(0.5, 4))


@pytest.mark.data
@pytest.mark.data
def test_the_published_parameters_come_out_of_the_published_summary() -> None:
    people = pq.read_table(CDNOW / "cdnow_rfm_summary.parquet")

    model = ParetoNBD().fit(people["frequency"], people["recency"], people["T"])

    # Fader, Hardie & Lee (2005), table 2, for the same 2,357 customers.
    found = (model.r_, model.alpha_, model.s_, model.beta_)
    assert found == pytest.approx((0.5533, 10.5776, 0.6061, 11.6664), rel=5e-4)
    assert model.log_likelihood_ == pytest.approx(-9595.0, abs=0.05)


def by_2f1(r: float, alpha: float, s: float, beta: float, x: float, t_x: float, T: float) -> float:
    """The integral over leaving as a difference of two 2F1 (Schmittlein, Morrison & Colombo, A11 and A12)."""
    high, low = max(alpha, beta), min(alpha, beta)
    b = s + 1 if alpha >= beta else r + x

    def term(at: float) -> float:
        return float(hyp2f1(r + s + x, b, r + s + x + 1, (high - low) / (high + at)) / (high + at) ** (r + s + x))

    return s / (r + s + x) * (term(t_x) - term(T))


GRID = [
    (r, alpha, s, beta, x, t_x, T)
    for r, alpha, s, beta in [(0.55, 10.6, 0.61, 11.7), (0.6, 11.6, 0.5, 8.8), (1.2, 30, 0.3, 6), (0.8, 5, 1.5, 20)]
    for x, t_x, T in [(0, 0, 39), (1, 2, 39), (2, 30, 39), (5, 10, 30), (12, 25, 39)]
]


@pytest.mark.parametrize(("r", "alpha", "s", "beta", "x", "t_x", "T"), GRID)
def test_the_nodes_chosen_give_what_2f1_gives(
    r: float, alpha: float, s: float, beta: float, x: float, t_x: float, T: float
) -> None:
    _, moments = next(_lives(np.array([r, alpha, s, beta]), *(np.array([float(v)]) for v in (x, t_x, T))))

    left = float(moments.share[1:].sum())

    scale = (alpha + t_x) ** -(r + x) * (beta + t_x) ** -s
    assert left * scale == pytest.approx(by_2f1(r, alpha, s, beta, x, t_x, T), rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.tuples(positive, st.floats(-2, 4).map(np.exp), positive, st.floats(-2, 4).map(np.exp)), history)
def test_the_nodes_chosen_are_enough_for_any_parameters(
    parameters: tuple[float, ...], row: tuple[int, int, int, float]
) -> None:
    r, alpha, s, beta = parameters
    x, t_x, more, _ = row
    t_x = t_x if x else 0
    T = t_x + more
    columns = [np.array([float(v)]) for v in (x, t_x, T)]

    _, moments = next(_lives(np.array(parameters), *columns))
    left = float(moments.share[1:].sum())

    def integrand(y: float) -> float:  # in ln of the time since the last purchase, from the smaller of α and β
        smaller = min(alpha, beta) + t_x
        u = smaller * np.expm1(y)
        falls = (r + x) * np.log1p(u / (alpha + t_x)) + (s + 1) * np.log1p(u / (beta + t_x))
        return float(s / (beta + t_x) * (smaller + u) * np.exp(-falls))

    end = float(np.log1p(more / (min(alpha, beta) + t_x)))
    edges = np.linspace(0, end, 9)
    truth = sum(quad(integrand, a, b, epsabs=0, epsrel=1e-12)[0] for a, b in itertools.pairwise(edges))
    staying = float((1 + more / (alpha + t_x)) ** -(r + x) * (1 + more / (beta + t_x)) ** -s)
    assert left == pytest.approx(truth, rel=1e-8, abs=1e-9 * (staying + truth))


def in_columns(rows: list[tuple[int, int, int, float]], apart: float = 0) -> tuple[np.ndarray, ...]:
    """x, t_x, T and weight of histories drawn; apart: how much later than drawn they end."""
    x, t_x, more, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    t_x = np.where(x > 0, t_x, 0)
    return x, t_x, t_x + more + apart, weight


drawn = (st.lists(history, min_size=1, max_size=8), st.tuples(positive, positive, positive, positive))


@settings(max_examples=30, deadline=None)
@given(*drawn, st.sampled_from([0, 1, 2]))
def test_gradient_and_curvature_are_the_slopes_of_the_likelihood(
    rows: list[tuple[int, int, int, float]], given: tuple[float, ...], which: int
) -> None:
    columns = in_columns(rows, apart=1)
    seen = Lives.compressed(*columns) if which == 0 else Histories.compressed(*columns, first=which - 1)
    parameters = np.array(given)

    _, gradient = seen.slope(parameters)
    curvature = seen.curvature(parameters)

    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * parameters[i]
        up, down = seen.slope(parameters + step), seen.slope(parameters - step)
        scale = 1 / parameters[i]
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step[i]), rel=1e-5, abs=1e-5 * scale)
        by_hand = (up[1] - down[1]) / (2 * step[i])
        assert curvature[i] == pytest.approx(by_hand, rel=1e-4, abs=1e-4 * scale / parameters.min())


@settings(max_examples=60, deadline=None)
@given(*drawn, st.sampled_from([1.0, 30.0, 3000.0]))
def test_the_compiled_pass_says_what_the_matrices_say(
    rows: list[tuple[int, int, int, float]], given: tuple[float, ...], unit: float
) -> None:
    x, t_x, T, weight = in_columns(rows)
    seen = Lives.compressed(x, t_x * unit, T * unit, weight)
    parameters = np.array(given)

    value, gradient, second = seen._sums(parameters)
    compiled = pareto_kernel.sums(parameters, seen.x, seen.t_x, seen.T, seen.weight, _rules())

    size = np.abs(second).max() + np.abs(gradient).max() + abs(value)
    assert compiled[0] == pytest.approx(value, rel=1e-10, abs=1e-12)
    assert compiled[1] == pytest.approx(gradient, rel=1e-9, abs=1e-12 * size)
    assert compiled[2] == pytest.approx(second, rel=1e-9, abs=1e-12 * size)


def test_very_many_customers_are_fitted_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    people = simulated(3_000, 8)
    few = ParetoNBD().fit(*people)

    monkeypatch.setattr("tenure.insight.value.pareto.MANY", 0)
    monkeypatch.setattr("tenure.insight.value.pareto_kernel._AT_ONCE", 500)
    many = ParetoNBD().fit(*people)

    assert many.parameters_ == pytest.approx(few.parameters_, rel=1e-7)
    assert many.standard_errors_ == pytest.approx(few.standard_errors_, rel=1e-6)


def simulated(customers: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, t_x and T of customers of the model's own kind, whose purchases come at any moment."""
    chance = np.random.default_rng(seed)
    rate, leave = chance.gamma(0.6, 1 / 5, customers), chance.gamma(0.7, 1 / 10, customers)
    T = chance.uniform(5, 60, customers)
    stay = np.minimum(chance.exponential(1 / leave), T)
    x = chance.poisson(rate * stay).astype(float)
    return x, np.where(x > 0, stay * chance.beta(np.maximum(x, 1), 1), 0), T


def test_a_customer_foretold_at_s_one_lies_between_its_neighbours() -> None:
    near = [ParetoNBD.of(0.5, 10, s, 12).expected_purchases(39, [2], [30], [39])[0] for s in (0.999999, 1.0, 1.000001)]

    assert near[0] > near[1] > near[2]
    assert near[0] == pytest.approx(near[2], rel=1e-5)


def test_simulated_customers_buy_as_often_as_foretold() -> None:
    chance = np.random.default_rng(3)
    rate, leave = chance.gamma(0.6, 1 / 5, 40_000), chance.gamma(0.7, 1 / 10, 40_000)
    stay = chance.exponential(1 / leave)
    bought = chance.poisson(rate * np.minimum(stay, 30))

    foretold = ParetoNBD.of(0.6, 5, 0.7, 10).expected_purchases_new(30)

    assert bought.mean() == pytest.approx(foretold, abs=4 * bought.std() / 200)


def test_mbg_lets_a_silent_first_time_buyer_fade() -> None:
    alive = MBGNBD.of(0.5, 6, 0.9, 1.6).p_alive([0, 0, 0], [0, 0, 0], [0, 10, 40])

    assert alive[0] == pytest.approx(1.6 / 2.5)
    assert alive[0] > alive[1] > alive[2]


def test_mbg_foretells_simulated_customers() -> None:
    chance = np.random.default_rng(4)
    rate, leave = chance.gamma(0.6, 1 / 5, 40_000), chance.beta(0.8, 2.0, 40_000)
    coins = chance.geometric(leave)  # purchases until the coin says leave, the first included
    bought = np.minimum(chance.poisson(rate * 30), coins - 1)

    foretold = MBGNBD.of(0.6, 5, 0.8, 2.0).expected_purchases_new(30)

    assert bought.mean() == pytest.approx(foretold, abs=4 * bought.std() / 200)
