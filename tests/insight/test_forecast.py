import numpy as np
import pyarrow as pa
import pytest

from tenure.insight.forecast import _METHODS as BY_NAME
from tenure.insight.forecast import LEAST, METHODS, NotEnoughData, forecast, smooth
from tenure.insight.forecast import _start as begun

SEASON = np.array([4.0, -2.0, 1.0, -3.0])


def series(n, *, seed=1, trend=0.0, season=0.0, noise=5.0):
    at = np.arange(n)
    wave = season * np.sin(at * 2 * np.pi / 12)
    return 100 + trend * at + wave + np.random.default_rng(seed).normal(0, noise, n)


def test_smoothing_is_worked_by_hand():
    errors, levels, _, _ = smooth(np.array([10.0, 12.0, 8.0]), np.array([[0.5, 0, 0, 0]]), 1, (10.0, 0.0, np.zeros(1)))

    assert errors[:, 0].tolist() == [0, 2, -3]
    assert levels[:, 0].tolist() == [10, 11, 9.5]


def test_trend_and_season_are_those_of_statsmodels():
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    values = series(48, trend=0.8, season=10)
    start = begun(values, 12, trending=True)
    errors, levels, trends, patterns = smooth(values, np.array([[0.3, 0.1, 0.2, 0.9]]), 12, start)

    theirs = ExponentialSmoothing(
        values, trend="add", damped_trend=True, seasonal="add", seasonal_periods=12, initialization_method="known",
        initial_level=start[0], initial_trend=start[1], initial_seasonal=start[2],
    ).fit(smoothing_level=0.3, smoothing_trend=0.1, smoothing_seasonal=0.2, damping_trend=0.9, optimized=False)  # fmt: skip

    np.testing.assert_allclose(errors[:, 0], theirs.resid, atol=1e-9)
    ahead = np.arange(1, 7)
    ours = levels[-1, 0] + trends[-1, 0] * np.cumsum(0.9**ahead) + patterns[-1, (48 + ahead - 1) % 12, 0]
    np.testing.assert_allclose(ours, theirs.forecast(6))


def test_theta_drifts_as_that_of_statsmodels_and_stands_where_it_stands():
    from statsmodels.tsa.forecasting.theta import ThetaModel

    values = series(48, trend=0.8)

    ours = BY_NAME["theta"](values, [48], 1, 6)[48]
    theirs = ThetaModel(values, period=1, deseasonalize=False).fit().forecast(6, theta=2).to_numpy()

    np.testing.assert_allclose(np.diff(ours), np.diff(theirs))
    np.testing.assert_allclose(ours, theirs, rtol=0.01)


def test_what_repeats_is_repeated():
    found = forecast(np.tile(SEASON, 8) + 50, season=4, horizon=6)

    assert found.method == "seasonal"
    np.testing.assert_allclose(found.expected, np.tile(SEASON, 2)[:6] + 50)
    assert (found.covered, found.counted) == (found.counted, found.covered)


def test_a_line_goes_on_as_a_line():
    found = forecast(np.arange(40.0) * 3 + 7 + np.tile([0.5, -0.5], 20), season=1, horizon=3)

    assert found.method in ("trend", "theta")
    np.testing.assert_allclose(found.expected, [127, 130, 133], atol=2.5)


@pytest.mark.parametrize("method", METHODS)
def test_no_forecast_of_the_past_knows_what_came_after(method):
    values = series(48, season=10)
    changed = values.copy()
    changed[40:] += 1000

    before, after = (BY_NAME[method](one, range(30, 41), 12, 6) for one in (values, changed))

    for origin in range(30, 41):
        np.testing.assert_array_equal(before[origin], after[origin])


def test_the_interval_holds_about_what_it_promises_and_says_how_often_it_did():
    runs = [(series(42, seed=seed), forecast(series(42, seed=seed)[:36])) for seed in range(25)]

    within = [((path[36:] >= f.low) & (path[36:] <= f.high)).mean() for path, f in runs]
    said = sum(f.covered for _, f in runs) / sum(f.counted for _, f in runs)

    assert 0.82 <= np.mean(within) <= 0.98
    assert 0.85 <= said <= 0.98


def test_of_values_without_a_surprise_few_are_flagged_and_fewer_when_asked_so():
    flagged = {}
    for rate in (20, 100):
        found = [forecast(series(36, seed=seed), one_false_in=rate) for seed in range(25)]
        flagged[rate] = sum(len(f.surprises) for f in found) / sum(f.tested for f in found)

    assert 0.01 <= flagged[20] <= 0.10
    assert flagged[100] <= min(0.03, flagged[20])


def test_one_month_out_of_line_is_flagged_and_does_not_pull_the_forecast_after_it():
    values = series(36)
    odd = values.copy()
    odd[34] += 60

    found = forecast(odd)

    (one,) = [s for s in found.surprises if s.place == 34]
    assert one.high < one.value == odd[34]
    assert abs(found.expected[0] - forecast(values).expected[0]) < 3


def test_a_new_level_is_followed():
    values = series(36)
    values[-6:] += 60

    found = forecast(values)

    assert any(s.place == 30 for s in found.surprises)
    assert found.expected[0] > 130


def test_limits_hold_for_what_is_expected_and_for_both_ends():
    values = np.clip(series(36, noise=60) - 95, 0, None) / 200

    found = forecast(values, lowest=0, highest=1)

    for one in (found.expected, found.low, found.high):
        assert ((one >= 0) & (one <= 1)).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([5, 7, 6, 8, 5, 9], "there are 6 periods in a row with a figure, and a forecast takes 12"),
        ([], "there are 0 periods in a row"),
        (
            [*range(30), None, 4, 5, 6],
            "there are 3 periods in a row with a figure since the newest one without a figure",
        ),
        ([42.0] * 36, "the figure was the same in all 36 periods"),
        ([None] * 20, "there are 0 periods in a row"),
    ],
)
def test_what_tells_too_little_says_why(values, said):
    with pytest.raises(NotEnoughData, match="Not enough data, because") as raised:
        forecast([np.nan if one is None else one for one in values])

    assert said in raised.value.why.en
    assert raised.value.why.zh.startswith("数据不足：")


def test_values_before_a_gap_are_not_used_and_places_are_those_of_the_values_given():
    values = series(40)
    values[10] = np.nan
    values[38] += 80

    found = forecast(values)

    assert found.used == 29
    assert 38 in {s.place for s in found.surprises}


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 11 + [1.0], [0.0] * 30 + [5.0, 0.0], list(np.tile([0.0, 1.0], 8)), [1e15, 1.0] * 9, list(range(12)),
        list(np.random.default_rng(4).poisson(0.2, 40).astype(float)), [-3.0, 2.0, -1.0] * 9, [1e-9, 2e-9] * 8,
    ],
)  # fmt: skip
@pytest.mark.parametrize("season", [1, 4, 12])
def test_no_figure_is_ever_nan(values, season):
    found = forecast(values, season=season)

    for one in (found.expected, found.low, found.high):
        assert np.isfinite(one).all()
    assert (found.low <= found.expected).all()
    assert (found.expected <= found.high).all()
    assert all(np.isfinite([s.value, s.low, s.high]).all() for s in found.surprises)


def test_any_column_is_taken_and_a_table_comes_out():
    values = series(LEAST + 12)

    one, other = forecast(pa.array(values)).to_table(), forecast(values.tolist()).to_table()

    assert one.equals(other)
    assert one.column_names == ["ahead", "expected", "low", "high"]
    assert one["ahead"].to_pylist() == [1, 2, 3, 4, 5, 6]
