import numpy as np
import pytest

from tenure.insight.segments.markov import matrix, project

STAGES = ("grow", "decline", "left")
COUNTS = {("grow", "grow"): 80, ("grow", "decline"): 20, ("decline", "left"): 5, ("decline", "decline"): 5}


def test_shares_of_a_row_add_up_and_stand_within_their_intervals():
    moves = {(move.before, move.after): move for move in matrix(COUNTS, STAGES)}

    assert (moves["grow", "decline"].share, moves["grow", "decline"].of) == (0.2, 100)
    assert sum(move.share for move in moves.values() if move.before == "grow") == pytest.approx(1)
    assert all(move.low <= move.share <= move.high for move in moves.values())
    # Ten customers tell less than a hundred.
    assert moves["decline", "left"].high - moves["decline", "left"].low > 2.5 * (
        moves["grow", "decline"].high - moves["grow", "decline"].low
    )
    assert not any(before == "left" for before, _after in moves)


def test_nine_intervals_of_ten_hold_the_truth():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        went = int(rng.binomial(200, 0.2))
        found = matrix({("grow", "decline"): went, ("grow", "grow"): 200 - went}, STAGES)
        move = next(move for move in found if move.after == "decline")
        hits += move.low <= 0.2 <= move.high

    assert 0.85 < hits / 300 < 0.96


def test_a_month_ahead_is_the_matrix_and_nobody_is_lost_or_made():
    ahead = project(COUNTS, {"grow": 1000, "decline": 0}, STAGES, months=6)

    by = {(one.month, one.stage): one for one in ahead}
    assert by[1, "decline"].expected == pytest.approx(200, abs=5)
    assert all(sum(by[month, stage].expected for stage in STAGES) == pytest.approx(1000) for month in range(7))
    assert all(one.low <= one.expected + 1 and one.expected - 1 <= one.high for one in ahead)
    assert by[6, "left"].low < by[6, "left"].high
    assert (by[0, "grow"].low, by[0, "grow"].high) == (1000, 1000)


def test_a_stage_nobody_was_seen_to_leave_keeps_its_customers():
    ahead = project(COUNTS, {"left": 50}, STAGES, months=3)

    assert {one.expected for one in ahead if one.stage == "left"} == {50}


def test_the_same_seed_gives_the_same_projection():
    assert project(COUNTS, {"grow": 10}, STAGES, seed=3) == project(COUNTS, {"grow": 10}, STAGES, seed=3)
    assert matrix({}, STAGES) == []


def test_where_only_one_stage_is_known_its_interval_is_still_a_number():
    [move] = matrix({("left", "left"): 40}, ("left",))

    assert (move.share, move.high) == (1, 1)
    assert 0.9 < move.low < 1
    assert project({("left", "left"): 40}, {"left": 7}, ("left",), months=2)[-1].expected == pytest.approx(7)
