"""Gamma-gamma against published figures, brute force and simulation."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from tenure.insight.value import GammaGamma, NotEnoughDataError
from tenure.insight.value.gamma_gamma import _Spending

CDNOW = Path(__file__).resolve().parents[3] / "shared" / "data" / "cdnow"


def simulated(customers: int, seed: int, p: float, q: float, v: float) -> tuple[Any, Any]:
    """x and the mean value of x purchases, drawn from the model's own story."""
    chance = np.random.default_rng(seed)
    x = 1 + chance.poisson(2, customers)
    scale = chance.gamma(q, 1 / v, customers)
    return x, chance.gamma(p * x, 1 / (scale * x))


@pytest.mark.data
@pytest.mark.data
def test_the_published_parameters_come_out_of_the_published_summary() -> None:
    people = pq.read_table(CDNOW / "cdnow_rfm_monetary_summary.parquet")

    model = GammaGamma().fit(people["x"], people["zbar"])

    assert (model.p_, model.q_, model.v_) == pytest.approx((6.25, 3.74, 15.44), rel=2e-3)
    assert model.n_customers_ == 946
    assert model.log_likelihood_ == pytest.approx(-4055.92, abs=0.01)


@pytest.mark.data
@pytest.mark.data
def test_cents_and_dollars_give_the_same_forecast() -> None:
    people = pq.read_table(CDNOW / "cdnow_rfm_monetary_summary.parquet").to_pandas()

    dollars, cents = GammaGamma().fit(people.x, people.zbar), GammaGamma().fit(people.x, people.zbar * 100)

    assert cents.v_ == pytest.approx(100 * dollars.v_, rel=1e-6)
    assert cents.expected_value(people.x, people.zbar * 100) == pytest.approx(
        100 * dollars.expected_value(people.x, people.zbar), rel=1e-6
    )


positive = st.floats(-2, 3).map(np.exp)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0.5, 300)), min_size=1, max_size=12), positive, positive, positive
)
def test_gradient_and_curvature_are_the_slopes_of_the_papers_likelihood(
    rows: list[tuple[int, float]], p: float, q: float, v: float
) -> None:
    x, m = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    seen = _Spending.compressed(x, m)
    parameters = np.array([p, q, v])

    value, gradient = seen.slope(parameters)
    curvature = seen.curvature(parameters)

    paper = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(m)
    paper += p * x * np.log(x) - (p * x + q) * np.log(v + x * m)
    assert value == pytest.approx(paper.mean(), rel=1e-9, abs=1e-9)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5 * parameters[i]
        up, down = seen.slope(parameters + step), seen.slope(parameters - step)
        scale = 1 / parameters[i]
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step[i]), rel=1e-4, abs=1e-4 * scale)
        by_hand = (up[1] - down[1]) / (2 * step[i])
        assert curvature[i] == pytest.approx(by_hand, rel=1e-3, abs=1e-4 * scale / parameters.min())


def test_known_parameters_are_recovered_from_simulated_customers() -> None:
    truth = {"p": 5.0, "q": 4.0, "v": 20.0}

    model = GammaGamma().fit(*simulated(20_000, 1, **truth))

    for name, value in truth.items():
        assert 0 < model.standard_errors_[name] < 0.1 * value
        assert abs(getattr(model, f"{name}_") - value) < 4 * model.standard_errors_[name]
    assert model.population_value_ == pytest.approx(5 * 20 / 3, rel=0.03)


def test_standard_errors_agree_with_a_bootstrap() -> None:
    x, m = simulated(2_000, 2, 5.0, 4.0, 20.0)
    model = GammaGamma().fit(x, m)
    chance = np.random.default_rng(3)

    drawn = []
    for _ in range(200):
        some = chance.integers(0, 2_000, 2_000)
        drawn.append(GammaGamma().fit(x[some], m[some]))

    for name, error in model.standard_errors_.items():
        spread = np.std([np.log(getattr(again, f"{name}_")) for again in drawn])
        assert error / getattr(model, f"{name}_") == pytest.approx(spread, rel=0.2)


def test_the_forecast_is_the_mean_of_what_is_then_known_of_the_customer() -> None:
    model = GammaGamma().fit(*simulated(2_000, 4, 5.0, 4.0, 20.0))
    chance = np.random.default_rng(5)
    x, m = 3, 60.0

    # After x purchases of mean m, ν ~ Gamma(px + q, v + xm), and a purchase is worth p/ν on average.
    scale = chance.gamma(model.p_ * x + model.q_, 1 / (model.v_ + x * m), 400_000)

    assert model.expected_value([x], [m])[0] == pytest.approx((model.p_ / scale).mean(), rel=2e-3)


def test_the_forecast_lies_between_the_customers_mean_and_everybodys_and_nearer_to_it_with_each_purchase() -> None:
    model = GammaGamma().fit(*simulated(2_000, 4, 5.0, 4.0, 20.0))

    once, often, very_often = model.expected_value([1, 5, 50], [300, 300, 300])

    assert model.population_value_ < once < often < very_often < 300


def test_without_repeat_purchases_the_population_answers() -> None:
    model = GammaGamma().fit(*simulated(500, 4, 5.0, 4.0, 20.0))

    expected = model.expected_value([0, 0, 0], [None, 0, 1e9])

    assert expected == pytest.approx([model.population_value_] * 3)


def test_refunds_above_purchases_count_as_nothing_spent() -> None:
    model = GammaGamma().fit(*simulated(500, 4, 5.0, 4.0, 20.0))

    negative, zero = model.expected_value([2, 2], [-50, 0])

    assert negative == zero > 0


def test_customers_without_a_positive_repeat_value_are_left_out_of_the_fit() -> None:
    x, m = simulated(500, 6, 5.0, 4.0, 20.0)
    plain = GammaGamma().fit(x, m)

    model = GammaGamma().fit([*x, 0, 0, 3, 3], [*m, None, 7.0, 0.0, -4.0])

    assert (model.p_, model.n_customers_) == (plain.p_, 500)


def test_an_infinite_mean_gives_way_to_what_was_observed() -> None:
    x, m = simulated(3_000, 7, 3.0, 0.7, 5.0)
    model = GammaGamma().fit(x, m)
    assert model.q_ < 1

    expected = model.expected_value([0, 2], [None, 12.0])

    assert model.heavy_tail_
    assert model.population_value_ == pytest.approx(m.mean())
    assert expected == pytest.approx([m.mean(), 12.0])


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series, pa.array])
def test_any_kind_of_column_is_taken(kind: Any) -> None:
    x, m = (list(map(float, column)) for column in simulated(80, 8, 5.0, 4.0, 20.0))

    model = GammaGamma().fit(kind(x), kind(m))

    assert model.v_ == GammaGamma().fit(x, m).v_
    assert np.isfinite(model.expected_value(kind(x), kind(m))).all()


@pytest.mark.parametrize(
    ("x", "mean_value", "found"),
    [
        ([1, -2], [5, 5], "x must not be negative; found x = -2 in row 1"),
        ([1, 2], [5, None], "mean_value must be a finite number .* found x = 2, mean_value = nan in row 1"),
        ([], [], "x and mean_value are empty"),
        ([1], [5, 6], "found: x has 1, mean_value has 2"),
    ],
)
def test_what_can_not_be_spending_is_named(x: Any, mean_value: Any, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        GammaGamma().fit(x, mean_value)


@pytest.mark.parametrize(
    ("x", "mean_value", "because"),
    [
        ([0, 0], [None, None], "only 0 customers have a repeat purchase"),
        ([0, 3], [None, 5.0], "only 1 customers have a repeat purchase"),
        ([1, 2, 3], [5.0, 5.0, 5.0], r"all 3 customers spend the same on average \(5\)"),
    ],
)
def test_too_little_to_learn_from_is_said_and_why(x: Any, mean_value: Any, because: str) -> None:
    with pytest.raises(NotEnoughDataError, match=because):
        GammaGamma().fit(x, mean_value)


def test_a_model_without_parameters_says_to_fit_it() -> None:
    with pytest.raises(ValueError, match="call fit"):
        GammaGamma().expected_value([1], [1])
