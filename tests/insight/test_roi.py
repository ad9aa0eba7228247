"""Whether a programme pays, worked by hand."""

from dataclasses import replace

import pytest

from tenure.errors import TenureError
from tenure.insight.roi import INPUTS, Programme, reckon

# 1,000 approached, 20 % would leave, a quarter of them stay and bring 300.00 each over a year: 50 × 300.00 = 15,000.00.
# 1,000 × 2.00 + 400 × 10.00 + 500.00 = 6,500.00.
ONE = Programme(
    customers=1000, leaving=0.2, margin=30_000, saved=0.25, saved_low=0.15, saved_high=0.35, contact=200, offer=1_000,
    taken=0.4, fixed=50_000, months=12,
)  # fmt: skip


def test_benefit_cost_break_even_and_payback_are_as_by_hand():
    found = reckon(ONE)

    assert (found.benefit, found.cost, found.net) == (1_500_000, 650_000, 850_000)
    assert (found.leaving, found.kept, found.left_after) == (200, 50, 150)
    assert found.roi == pytest.approx(850_000 / 650_000)
    assert found.break_even == pytest.approx(650_000 / (200 * 30_000))
    assert found.payback_months == pytest.approx(12 * 650_000 / 1_500_000)


def test_at_its_break_even_a_programme_comes_to_nothing():
    even = reckon(ONE).break_even

    assert reckon(replace(ONE, saved=even, saved_low=even, saved_high=even)).net == 0


def test_the_interval_is_the_same_each_time_and_holds_the_net():
    found, again = reckon(ONE), reckon(ONE)

    assert (found.low, found.high, found.chance) == (again.low, again.high, again.chance)
    assert found.low < found.net < found.high
    assert found.chance > 0.95
    sure = reckon(replace(ONE, saved_low=0.25, saved_high=0.25))
    assert sure.high - sure.low < found.high - found.low


def test_the_input_that_moves_most_comes_first_and_what_moves_nothing_is_left_out():
    found = reckon(replace(ONE, fixed=0))

    assert found.swings[0].name == "saved"
    assert (found.swings[0].low, found.swings[0].high) == (900_000 - 600_000, 2_100_000 - 600_000)
    assert "fixed" not in {swing.name for swing in found.swings}
    assert [swing.span for swing in found.swings] == sorted((swing.span for swing in found.swings), reverse=True)


def test_customers_at_a_loss_are_not_worth_keeping():
    found = reckon(replace(ONE, margin=-1_000))

    assert (found.net, found.break_even, found.payback_months) == (-50_000 - 650_000, None, None)
    assert found.chance == 0


def test_nobody_approached_costs_what_is_fixed_and_divides_by_nothing():
    found = reckon(replace(ONE, customers=0, fixed=0))

    assert (found.cost, found.net, found.roi, found.break_even) == (0, 0, None, None)
    assert (found.low, found.high, found.chance) == (0, 0, 0.0)


@pytest.mark.parametrize(
    "wrong", [{"saved": 1.2}, {"leaving": float("nan")}, {"customers": -1}, {"saved": 0.5}, {"months": 0}]
)
def test_what_can_not_be_is_refused_and_said(wrong):
    with pytest.raises(TenureError):
        reckon(replace(ONE, **wrong))


def test_every_input_has_words_in_both_languages():
    assert all(words.en and words.zh for words, *_rest in INPUTS.values())
