"""BG/NBD against published figures, brute force, simulation and every kind of frame."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, gammaln, hyp2f1

from tenure.contracts import CONTRACTS
from tenure.insight.value import BGNBD, NotEnoughDataError, ParetoNBD, summary
from tenure.insight.value.geometric import Histories, mean_over_leaving

CDNOW = Path(__file__).resolve().parents[3] / "shared" / "data" / "cdnow"


def needs_cdnow(test: Any) -> Any:
    absent = pytest.mark.skipif(not CDNOW.is_dir(), reason="the CDNOW data set is not beside the checkout")
    return pytest.mark.data(absent(test))


# Fader, Hardie & Lee (2005), table 2.
PUBLISHED = {"r_": 0.2426, "alpha_": 4.4136, "a_": 0.7929, "b_": 2.4259, "log_likelihood_": -9582.4}


def records(rows: list[dict[str, Any]]) -> ibis.Table:
    """records/orders with these rows; what a row does not say is null."""
    schema = CONTRACTS["orders"].records_schema
    return ibis.memtable(pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema))


def order(person: int | None, day: str, worth: int | None, **more: Any) -> dict[str, Any]:
    placed = datetime.fromisoformat(f"{day}T09:00+00:00")
    return {
        "person_id": person,
        "ordered_at": placed,
        "ordered_on": placed.date(),
        "amount_base_minor": worth,
        "kind": "sale",
        "status": "completed",
    } | more


def simulated(customers: int, seed: int, r: float, alpha: float, a: float, b: float) -> tuple[Any, Any, Any]:
    """x, t_x and T drawn from the model's own story."""
    chance = np.random.default_rng(seed)
    rate, leave = chance.gamma(r, 1 / alpha, customers), chance.beta(a, b, customers)
    T = chance.uniform(20, 40, customers)
    x, t_x = np.zeros(customers), np.zeros(customers)
    for i in range(customers):
        now = chance.exponential(1 / rate[i])
        while now < T[i]:
            x[i], t_x[i] = x[i] + 1, now
            if chance.random() < leave[i]:
                break
            now += chance.exponential(1 / rate[i])
    return x, t_x, T


def log_likelihood(parameters: Any, x: Any, t_x: Any, T: Any) -> float:
    """The paper's equation 6, customer by customer, as it is written there."""
    r, alpha, a, b = parameters
    total = 0.0
    for x_, t_x_, T_ in zip(x, t_x, T, strict=True):
        alive = betaln(a, b + x_) - betaln(a, b) + gammaln(r + x_) - gammaln(r) + r * np.log(alpha)
        alive -= (r + x_) * np.log(alpha + T_)
        total += alive
        if x_ > 0:
            gone = betaln(a + 1, b + x_ - 1) - betaln(a, b) + gammaln(r + x_) - gammaln(r) + r * np.log(alpha)
            gone -= (r + x_) * np.log(alpha + t_x_)
            total += np.logaddexp(0, gone - alive)
    return total


@needs_cdnow
def test_the_published_parameters_come_out_of_the_published_summary() -> None:
    people = pq.read_table(CDNOW / "cdnow_rfm_summary.parquet")

    model = BGNBD().fit(people["frequency"], people["recency"], people["T"])

    assert {name: getattr(model, name) for name in PUBLISHED} == pytest.approx(PUBLISHED, rel=1e-4)
    assert model.n_customers_ == 2357
    assert model.at_limit_ == ()


@needs_cdnow
def test_the_published_parameters_come_out_of_the_raw_orders() -> None:
    raw = pq.read_table(CDNOW / "cdnow_sample.parquet").to_pylist()
    orders = records(
        [order(row["sample_customer_id"], str(row["date"]), round(row["spend"] * 100)) for row in raw],
    )

    people = summary(orders, datetime(1997, 10, 1, tzinfo=UTC)).to_pyarrow()
    model = BGNBD().fit(people["x"], people["t_x"], people["T"])

    found = {name: getattr(model, name) for name in PUBLISHED}
    assert found["log_likelihood_"] == pytest.approx(PUBLISHED["log_likelihood_"], abs=0.05)
    assert {name: round(value, 4) for name, value in found.items() if name != "log_likelihood_"} == {
        name: value for name, value in PUBLISHED.items() if name != "log_likelihood_"
    }


def test_the_likelihood_is_the_papers() -> None:
    x, t_x, T = simulated(200, 1, 0.4, 5, 0.9, 2.0)
    seen = Histories.compressed(x, t_x, T, np.ones(200))

    for parameters in ((0.3, 4.0, 0.8, 2.5), (2.0, 30.0, 0.1, 0.3)):
        value, _ = seen.slope(np.array(parameters))
        assert value * 200 == pytest.approx(log_likelihood(parameters, x, t_x, T), rel=1e-12)


positive = st.floats(-3, 3).map(np.exp)
history = st.tuples(st.integers(0, 12), st.integers(1, 40), st.integers(0, 40), st.floats(0.5, 4))


@settings(max_examples=30, deadline=None)
@given(st.lists(history, min_size=1, max_size=12), positive, positive, positive, positive)
def test_gradient_and_curvature_are_the_slopes_of_the_likelihood(
    rows: list[tuple[int, int, int, float]], r: float, alpha: float, a: float, b: float
) -> None:
    x, t_x, more, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    t_x = np.where(x > 0, t_x, 0)
    seen = Histories.compressed(x, t_x, t_x + more + 1, weight)
    parameters = np.array([r, alpha, a, b])

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


def test_a_weighted_row_counts_as_that_many_customers() -> None:
    x, t_x, T = simulated(300, 2, 0.5, 6, 0.9, 2.0)
    times = np.random.default_rng(0).integers(0, 3, 300)

    weighted = BGNBD().fit(x, t_x, T, weights=times)
    repeated = BGNBD().fit(*(np.repeat(column, times) for column in (x, t_x, T)))

    assert weighted.n_customers_ == repeated.n_customers_ == times.sum()
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-10)
    assert weighted.alpha_ == pytest.approx(repeated.alpha_, rel=1e-6)


def test_the_fit_does_not_depend_on_the_unit_of_time() -> None:
    x, t_x, T = simulated(500, 3, 0.5, 6, 0.9, 2.0)

    weeks, seconds = BGNBD().fit(x, t_x, T), BGNBD().fit(x, t_x * 604800, T * 604800)

    assert seconds.r_ == pytest.approx(weeks.r_, rel=1e-6)
    assert seconds.alpha_ == pytest.approx(weeks.alpha_ * 604800, rel=1e-6)
    assert seconds.b_ == pytest.approx(weeks.b_, rel=1e-6)


def test_known_parameters_are_recovered_from_simulated_customers() -> None:
    truth = {"r": 0.4, "alpha": 3.0, "a": 0.8, "b": 2.5}

    model = BGNBD().fit(*simulated(20_000, 4, **truth))

    for name, value in truth.items():
        assert abs(getattr(model, f"{name}_") - value) < 4 * model.standard_errors_[name]
        assert model.standard_errors_[name] < 0.15 * value


def fitted_to_five_thousand(model: type[Any]) -> tuple[Any, Any]:
    people = simulated(5_000, 5, 0.4, 3.0, 0.8, 2.5)
    return people, model().fit(*people)


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD])
def test_a_thinned_start_reaches_the_same_top_and_errors(
    model: type[BGNBD] | type[ParetoNBD], monkeypatch: pytest.MonkeyPatch
) -> None:
    people, plain = fitted_to_five_thousand(model)

    monkeypatch.setattr("tenure.insight.value.noncontractual.THINNED", (200, 500))
    thinned = model().fit(*people)

    assert thinned.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)
    assert thinned.parameters_ == pytest.approx(plain.parameters_, rel=1e-6)
    assert thinned.standard_errors_ == pytest.approx(plain.standard_errors_, rel=1e-5)


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD])
def test_a_last_step_on_trust_ends_at_the_same_top(
    model: type[BGNBD] | type[ParetoNBD], monkeypatch: pytest.MonkeyPatch
) -> None:
    people, plain = fitted_to_five_thousand(model)

    monkeypatch.setattr("tenure.insight.value.noncontractual.DEAR", 0)
    trusting = model().fit(*people)

    assert trusting.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-12)
    assert trusting.parameters_ == pytest.approx(plain.parameters_, rel=1e-6)
    assert trusting.standard_errors_ == pytest.approx(plain.standard_errors_, rel=1e-3)


def test_standard_errors_agree_with_a_bootstrap() -> None:
    x, t_x, T = simulated(3_000, 6, 0.5, 3.0, 0.9, 2.0)
    model = BGNBD().fit(x, t_x, T)
    chance = np.random.default_rng(7)

    drawn = [
        BGNBD().fit(x, t_x, T, weights=np.bincount(chance.integers(0, 3_000, 3_000), minlength=3_000))
        for _ in range(200)
    ]

    for name, error in model.standard_errors_.items():
        assert error > 0
        # In logs, where the estimates are near normal; 200 draws tell a spread to within 5 % (one sigma).
        spread = np.std([np.log(getattr(again, f"{name}_")) for again in drawn])
        assert error / getattr(model, f"{name}_") == pytest.approx(spread, rel=0.2)


def by_integration(model: BGNBD, t: float, x: float, T: float) -> float:
    """Purchases expected of a customer active at T: E[(1 - e^(-λpt)) / p] over what is then known of λ and p."""
    shape, ratio, stay = model.r_ + x, t / (model.alpha_ + T), model.b_ + x

    def integrand(odds: float) -> float:
        log_p, log_rest = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
        density = np.exp((model.a_ - 1) * log_p + stay * log_rest - betaln(model.a_, stay))
        return float(density * -np.expm1(-shape * np.log1p(ratio * np.exp(log_p))))

    edges = (-400, -60, -30, -12, -8, -5, -3, -1.5, 0, 1.5, 4, 10, 60)
    return float(sum(quad(integrand, *edge, epsabs=0, epsrel=1e-12, limit=200)[0] for edge in pairwise(edges)))


MODELS = {
    "cdnow": BGNBD.of(0.2426, 4.4136, 0.7929, 2.4259),
    "a = 1, where the published form is 0/0": BGNBD.of(0.25, 4, 1, 2.4),
    "nearly nobody leaves": BGNBD.of(0.25, 4, 0.2, 50),
    "nearly alike": BGNBD.of(40, 100, 30, 200),
}
HORIZONS = {
    "new": (39, 0, 38.86),
    "example of the paper": (39, 2, 38.86),
    "short": (1e-4, 3, 10),
    "frequent": (39, 26, 38.86),
    "very frequent": (100, 2000, 50),
    "far": (5000, 2, 3),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("horizon", HORIZONS.values(), ids=HORIZONS)
def test_expected_purchases_agree_with_integration(model: BGNBD, horizon: tuple[float, float, float]) -> None:
    t, x, T = horizon

    expected = model.expected_purchases(t, [x], [T if x else 0], [T])  # bought just now, so alive is known below

    alive = model.p_alive([x], [T if x else 0], [T])
    assert expected / alive == pytest.approx(by_integration(model, t, x, T), rel=1e-9)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_sum_and_the_integral_for_long_sums_agree(model: BGNBD) -> None:
    x, T = np.array([0.0, 3.0, 60.0]), np.array([5.0, 20.0, 60.0])
    alive = model.p_alive(x, np.where(x > 0, T, 0), T)

    summed = model.expected_purchases(30, x, np.where(x > 0, T, 0), T) / alive

    integral = mean_over_leaving(model.r_ + x, 30 / (model.alpha_ + T), model.b_ + x, model.a_)
    assert integral == pytest.approx(summed, rel=1e-11)


def test_expected_purchases_agree_with_the_papers_formula_and_example() -> None:
    model = MODELS["cdnow"]
    r, alpha, a, b = model.r_, model.alpha_, model.a_, model.b_
    t, x, t_x, T = 39.0, 2.0, 30.43, 38.86

    expected = model.expected_purchases(t, [x], [t_x], [T])[0]

    ahead = ((alpha + T) / (alpha + T + t)) ** (r + x)
    ahead *= hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
    formula = (a + b + x - 1) / (a - 1) * (1 - ahead)
    formula /= 1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x)
    assert expected == pytest.approx(formula, rel=1e-12)
    assert expected == pytest.approx(1.226, abs=5e-4)  # customer 1 of the authors' worked spreadsheet


def test_each_customer_may_have_their_own_horizon() -> None:
    model = MODELS["cdnow"]
    x, t_x, T = [0, 2, 2], [0, 30, 30], [38, 38, 38]

    together = model.expected_purchases([10, 20, 0], x, t_x, T)

    alone = [model.expected_purchases(t, [x[i]], [t_x[i]], [T[i]])[0] for i, t in enumerate((10, 20, 0))]
    assert together == pytest.approx(alone, rel=1e-12)
    assert together[2] == 0


def test_a_new_customer_is_foretold_like_one_of_age_zero() -> None:
    model = MODELS["cdnow"]

    assert model.expected_purchases_new(39) == pytest.approx(model.expected_purchases(39, [0], [0], [0])[0])
    assert model.expected_purchases_new([0, 39]) == pytest.approx([0, model.expected_purchases_new(39)])


def test_simulated_customers_buy_as_often_as_foretold() -> None:
    truth = {"r": 0.5, "alpha": 3.0, "a": 0.9, "b": 2.0}

    x, _, T = simulated(20_000, 8, **truth)

    foretold = BGNBD.of(**truth).expected_purchases_new(T)
    assert x.mean() == pytest.approx(foretold.mean(), abs=4 * x.std() / np.sqrt(len(x)))


@settings(max_examples=50, deadline=None)
@given(st.tuples(positive, positive, positive, positive), st.lists(history, min_size=1, max_size=20))
def test_the_chance_to_be_active_is_a_probability(
    parameters: tuple[float, float, float, float], rows: list[tuple[int, int, int, float]]
) -> None:
    x, t_x, more, _ = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    t_x = np.where(x > 0, t_x, 0)

    alive = BGNBD.of(*parameters).p_alive(x, t_x, t_x + more)

    assert ((alive >= 0) & (alive <= 1)).all()
    assert (alive[x == 0] == 1).all()


def test_a_longer_silence_makes_a_customer_less_likely_to_be_active() -> None:
    alive = MODELS["cdnow"].p_alive([3, 3, 3], [10, 10, 10], [10, 20, 40])

    assert alive[0] > alive[1] > alive[2]


@pytest.mark.parametrize(
    "kind",
    [list, np.array, pd.Series, pl.Series, pa.array, lambda v: pa.chunked_array([v[:5], v[5:]])],
    ids=["list", "numpy", "pandas", "polars", "arrow", "arrow chunks"],
)
def test_any_kind_of_column_is_taken(kind: Any) -> None:
    x, t_x, T = ([float(v) for v in column] for column in simulated(60, 9, 0.8, 3, 0.9, 2))
    plain = BGNBD().fit(x, t_x, T)

    model = BGNBD().fit(kind(x), kind(t_x), kind(T))

    assert model.r_ == plain.r_
    assert model.expected_purchases(10, kind(x), kind(t_x), kind(T)) == pytest.approx(
        plain.expected_purchases(10, x, t_x, T)
    )


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (([1, -1], [1, 1], [2, 2]), r"x must not be negative; found x = -1 in row 1"),
        (([1, 1], [1, 3], [2, 2]), r"t_x must not be later than T; found t_x = 3, T = 2 in row 1"),
        (([0, 1], [1, 1], [2, 2]), r"t_x must be 0 for a customer without a repeat purchase .*found t_x = 1 in row 0"),
        (([1, 1], [0, 1], [2, 2]), r"t_x must be above 0 for a customer with repeat purchases; .* in row 0"),
        (([0.5, 1], [1, 1], [2, 2]), r"x must be a whole number; found x = 0.5 in row 0"),
        (([1, 5e6], [1, 1], [2, 2]), r"x must be at most 1,000,000"),
        (([1, None], [1, 1], [2, 2]), r"x must be a finite number; found x = nan in row 1"),
        (([1, 1], [1, 1], [2, float("inf")]), r"T must be a finite number; found T = inf in row 1"),
        (([], [], []), r"x and t_x and T are empty"),
        (([1], [1, 1], [2, 2]), r"found: x has 1, t_x has 2, T has 2"),
        ((["a"], [1], [2]), r"x must be numbers"),
    ],
)
def test_what_can_not_be_a_purchase_history_is_named(columns: tuple[Any, Any, Any], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        BGNBD().fit(*columns)


@pytest.mark.parametrize(
    ("weights", "found"),
    [([1], "found 1 for 2 customers"), ([1, -1], "weights must not be negative"), ([0, 0], "must not all be 0")],
)
def test_what_can_not_be_weights_is_named(weights: list[float], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        BGNBD().fit([1, 0], [1, 0], [2, 2], weights=weights)


@pytest.mark.parametrize(
    ("columns", "because"),
    [
        (([0, 0, 0], [0, 0, 0], [1, 2, 3]), "none of the 3 customers bought a second time"),
        (([2, 2], [3, 3], [5, 5]), "all 2 customers have the same history"),
    ],
)
def test_too_little_to_learn_from_is_said_and_why(columns: tuple[Any, Any, Any], because: str) -> None:
    with pytest.raises(NotEnoughDataError, match=because):
        BGNBD().fit(*columns)


@pytest.mark.parametrize("seed", range(6))
def test_a_handful_of_customers_gives_finite_forecasts(seed: int) -> None:
    """With customers who all stay, or all alike, the likelihood rises to the edge; forecasts must still stand."""
    chance = np.random.default_rng(seed)
    T = chance.integers(5, 60, 12).astype(float)
    x = np.minimum(chance.poisson(4, 12), T)
    t_x = np.where(x > 0, T, 0)

    model = BGNBD().fit(x, t_x, T)

    expected = model.expected_purchases(52, x, t_x, T)
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()
    assert np.isfinite(model.log_likelihood_)
    for name in model.at_limit_:
        assert np.isnan(model.standard_errors_[name])


def test_a_model_without_parameters_says_to_fit_it() -> None:
    with pytest.raises(ValueError, match="call fit"):
        BGNBD().p_alive([0], [0], [1])
    with pytest.raises(ValueError, match="call fit"):
        _ = BGNBD.of(1, 1, 1, 1).standard_errors_


# ---- from orders to histories


def people(rows: list[dict[str, Any]], as_of: datetime = datetime(2026, 3, 1, tzinfo=UTC), **more: Any) -> Any:
    table = summary(records(rows), as_of, **more).order_by("person_id").to_pyarrow()
    return {row.pop("person_id"): row for row in table.to_pylist()}


def test_purchases_are_counted_after_the_first_up_to_the_last_day_seen() -> None:
    rows = [order(1, "2026-01-04", 900), order(1, "2026-01-11", 100), order(1, "2026-02-01", 200)]

    found = people(rows)

    # The last day seen is 28 February: 55 days after 4 January.
    assert found == {1: {"x": 2, "t_x": 4.0, "T": pytest.approx(55 / 7), "mean_value_minor": 150}}


def test_two_orders_on_one_day_are_one_purchase_worth_both() -> None:
    rows = [order(1, "2026-01-04", 900), order(1, "2026-01-11", 100), order(1, "2026-01-11", 50)]

    assert people(rows)[1] | {"T": 0} == {"x": 1, "t_x": 1.0, "T": 0, "mean_value_minor": 150}


def test_days_are_a_unit_too() -> None:
    rows = [order(1, "2026-02-01", 900), order(1, "2026-02-11", 100)]

    assert people(rows, unit_days=1)[1] == {"x": 1, "t_x": 10.0, "T": 27.0, "mean_value_minor": 100}


def test_a_refund_lowers_the_worth_of_the_purchase_before_it_and_is_none_itself() -> None:
    first, second, third = order(1, "2026-01-04", 900), order(1, "2026-01-11", 500), order(1, "2026-02-01", 300)
    refund = order(1, "2026-01-20", -100, kind="refund")

    found = people([first, second, refund, third])[1]

    assert (found["x"], found["t_x"], found["mean_value_minor"]) == (2, 4.0, 350)


def test_a_refund_of_the_first_purchase_does_not_touch_the_later_ones() -> None:
    rows = [order(1, "2026-01-04", 900), order(1, "2026-01-05", -900, kind="refund"), order(1, "2026-01-11", 500)]

    assert people(rows)[1]["mean_value_minor"] == 500


def test_a_negative_line_without_a_kind_is_a_refund() -> None:
    rows = [order(1, "2026-01-04", 900, kind=None), order(1, "2026-01-11", -100, kind=None)]

    assert people(rows)[1]["x"] == 0


def test_a_refund_lowers_the_worth_whatever_sign_its_amount_was_written_with() -> None:
    rows = [order(1, "2026-01-04", 900), order(1, "2026-01-11", 500), order(1, "2026-01-11", 100, kind="refund")]

    assert people(rows)[1]["mean_value_minor"] == 400


def test_whoever_has_only_refunds_or_cancelled_orders_is_left_out() -> None:
    rows = [
        order(1, "2026-01-04", 900),
        order(2, "2026-01-04", -100, kind="refund"),
        order(3, "2026-01-04", 100, status="cancelled"),
        order(None, "2026-01-04", 100),
    ]

    assert people(rows) == {1: {"x": 0, "t_x": 0.0, "T": pytest.approx(55 / 7), "mean_value_minor": None}}


def test_an_order_without_a_status_or_amount_is_a_purchase() -> None:
    rows = [order(1, "2026-01-04", 900), order(1, "2026-01-11", None, status=None)]

    assert (people(rows)[1]["x"], people(rows)[1]["mean_value_minor"]) == (1, 0)


def test_the_first_instant_not_seen_is_not_seen() -> None:
    rows = [order(1, "2026-02-01", 900), order(1, "2026-02-08", 100)]

    before = people(rows, datetime(2026, 2, 8, 9, 0, tzinfo=UTC))
    after = people(rows, datetime(2026, 2, 8, 9, 0, 0, 1, tzinfo=UTC))

    assert (before[1]["x"], after[1]["x"]) == (0, 1)


def test_the_last_day_seen_is_told_in_the_zone_of_as_of() -> None:
    shanghai = timezone(timedelta(hours=8))
    late = order(1, "2026-02-08", 100, ordered_at=datetime(2026, 2, 8, 15, 30, tzinfo=UTC), ordered_on=date(2026, 2, 8))

    found = people([order(1, "2026-02-01", 900), late], datetime(2026, 2, 9, tzinfo=shanghai), unit_days=1)

    assert (found[1]["x"], found[1]["t_x"], found[1]["T"]) == (1, 7.0, 7.0)


def test_an_order_dated_past_the_last_day_seen_waits_so_that_nobody_is_younger_than_their_last_purchase() -> None:
    # Placed on the 9th in the business zone, the 8th still in the zone of as_of.
    early = order(1, "2026-02-09", 100, ordered_at=datetime(2026, 2, 8, 17, tzinfo=UTC))

    found = people([order(1, "2026-02-01", 900), early], datetime(2026, 2, 8, 20, tzinfo=UTC), unit_days=1)

    assert (found[1]["x"], found[1]["t_x"], found[1]["T"]) == (0, 0.0, 7.0)


def test_no_orders_give_nobody() -> None:
    assert people([]) == {}


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="as_of must carry its zone"):
        summary(records([]), datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_fit_read_back_from_plain_values_tells_the_same_with_the_same_errors() -> None:
    _people, fitted = fitted_to_five_thousand(BGNBD)

    again = BGNBD.of_document(json.loads(json.dumps(fitted.as_document())))

    assert again.parameters_ == fitted.parameters_
    assert (again.log_likelihood_, again.n_customers_, again.at_limit_) == (
        fitted.log_likelihood_, fitted.n_customers_, fitted.at_limit_,
    )  # fmt: skip
    assert np.array_equal(again.covariance_, fitted.covariance_, equal_nan=True)
    with pytest.raises(ValueError, match="call fit"):
        BGNBD.of(0.24, 4.4, 0.8, 2.4).as_document()
