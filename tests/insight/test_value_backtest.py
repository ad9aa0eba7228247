"""Back-test figures against cases worked by hand."""

import numpy as np
import pytest

from tenure.insight.value import NotEnoughDataError
from tenure.insight.value.backtest import (
    backtest,
    calibration,
    deciles,
    moves,
    ordered_gini,
    simple_value,
    spans,
    wilson,
)


def test_a_forecast_that_came_true_is_without_fault() -> None:
    value = np.arange(1.0, 101)

    found = backtest(value, value)

    assert (found.mae, found.rmse, found.gini, found.pearson) == pytest.approx((0, 0, 1, 1))
    assert found.bias is not None
    assert (found.bias.value, found.bias.low, found.bias.high) == pytest.approx((0, 0, 0))
    assert [tenth.decile for tenth in found.deciles] == list(range(10, 0, -1))
    assert all(tenth.customers == 10 and tenth.foretold == tenth.happened.value for tenth in found.deciles)


def test_the_total_bias_and_the_order_are_told_apart() -> None:
    value = np.arange(1.0, 101)

    found = backtest(2 * value, value)

    assert found.bias is not None
    assert found.bias.value == pytest.approx(1)
    assert found.spearman is not None
    assert found.spearman.value == pytest.approx(1)
    assert ordered_gini(-value, value) == pytest.approx(-1)
    assert ordered_gini(np.ones(100), value) == pytest.approx(0, abs=1e-12)


def test_the_interval_of_the_bias_holds_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        mean = chance.gamma(1, 10, 400)
        bias = backtest(mean, chance.poisson(mean)).bias
        assert bias is not None
        held += bias.low <= 0 <= bias.high

    assert 0.91 <= held / 300 <= 0.985


def test_all_equal_forecasts_have_no_order_and_nothing_happening_no_bias() -> None:
    flat, nothing = backtest(np.ones(20), np.arange(20.0)), backtest(np.arange(20.0), np.zeros(20))

    assert flat.spearman is None
    assert flat.pearson is None
    assert nothing.bias is None
    assert nothing.gini is None


def test_chances_are_held_against_shares() -> None:
    told, came = np.repeat([0.1, 0.9], 50), np.repeat([0, 1, 1, 0], [45, 5, 45, 5])

    low, high = calibration(told, came)

    assert (low.foretold, low.happened.value, low.customers) == pytest.approx((0.1, 0.1, 50))
    assert (high.foretold, high.happened.value, high.customers) == pytest.approx((0.9, 0.9, 50))
    assert low.happened.low < 0.1 < low.happened.high


def test_wilsons_interval_is_the_textbooks() -> None:
    found = wilson(0, 10)

    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0.2775), abs=1e-4)


def test_deciles_share_the_higher_tenth_when_equal() -> None:
    assert deciles([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).tolist() == list(range(1, 11))
    assert deciles([5, 5, 5]).tolist() == [10, 10, 10]
    assert deciles([]).tolist() == []


def test_who_moved_is_counted_from_row_to_column() -> None:
    found = moves([1, 1, 10, np.nan, 5], [1, 3, 9, 2, np.nan])

    assert found.sum() == 3
    assert (found[0, 0], found[0, 2], found[9, 8]) == (1, 1, 1)


def test_the_simple_formula_is_frequency_times_value_times_time_left() -> None:
    # 10 purchases of 50 in 100 days, the last 5 days ago: 0.1 a day for 365 days; silent for 30 days, gone; one purchase.
    found = simple_value([10, 10, 1], [100, 100, 3], [50, 50, 80], [5, 30, 3], horizon=365)

    assert found == pytest.approx([0.1 * 50 * 365, 0, 80])
    assert simple_value([10], [100], [50], [5], horizon=365, remaining=73)[0] == pytest.approx(0.1 * 50 * 73)


def test_a_handful_of_customers_is_no_test() -> None:
    with pytest.raises(NotEnoughDataError, match="only 3 customers are known; ten are the least"):
        backtest([1, 2, 3], [1, 2, 3])


def test_eight_of_ten_further_customers_come_out_within_the_span_of_their_tenth() -> None:
    luck = np.random.default_rng(4)
    mean = luck.gamma(1.5, 40, 6000)
    came = mean * luck.lognormal(-0.5, 1, 6000) * (luck.random(6000) < 0.7)
    seen = np.arange(6000) < 3000

    found = spans(mean[seen], came[seen])

    assert [one.decile for one in found] == list(range(1, 11))
    tenth = deciles(mean[~seen])
    for one in found:
        times = (came[~seen] / mean[~seen])[tenth == one.decile]
        inside = ((times >= one.low) & (times <= one.high)).mean()
        assert 0.72 < inside < 0.97, "0.8, and more where many bring the very same: nothing"


def test_a_tenth_of_too_few_customers_has_no_span() -> None:
    assert spans(np.arange(1.0, 81), np.ones(80)) == ()
    assert {one.customers for one in spans(np.arange(1.0, 91), np.ones(90))} == {9}
    assert [one.decile for one in spans(np.r_[np.zeros(500), np.arange(1.0, 501)], np.ones(1000))] == [6, 7, 8, 9, 10]
