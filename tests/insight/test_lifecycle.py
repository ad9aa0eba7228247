from datetime import UTC, date, datetime, timedelta

import pytest

from tenure.insight import lifecycle
from tenure.insight.lifecycle import RULES, STAGES, explain, stages, transitions
from tenure.language import using
from tests.tables import company

JULY = datetime(2026, 7, 1, tzinfo=UTC)


def staged(as_of=JULY, **rows):
    return {row["person_id"]: row for row in stages(company(**rows), as_of).to_pyarrow().to_pylist()}


def every(person, days, times, last="2026-06-30"):
    """Orders `days` apart, the last on `last`."""
    end = date.fromisoformat(last)
    return [
        {"person_id": person, "ordered_on": end - timedelta(days=days * n), "amount_minor": 100} for n in range(times)
    ]


def holds(person, started, **more):
    return {"person_id": person, "started_at": started, "fee_minor": 9900, "auto_renew": True, **more}


def test_a_steady_buyer_is_mature():
    row = staged(orders=every(1, 21, 16))[1]

    assert (row["stage"], row["rule"], row["rhythm_days"]) == ("mature", "steady", 21)


def test_silence_past_three_rhythms_is_decline_and_says_why():
    row = staged(orders=every(1, 21, 16, last="2026-04-18"))[1]

    assert (row["stage"], row["since_last_days"]) == ("decline", 74)
    words = explain(row)
    assert words.en == "Usually buys every 21 days; silent for 74"
    assert words.zh == "通常每 21 天购买一次，已沉默 74 天"
    with using("zh"):
        assert str(words) == words.zh


def test_silence_past_six_rhythms_is_leaving():
    rows = staged(orders=every(1, 10, 16, last="2026-05-02") + every(2, 10, 16, last="2026-05-01"))

    assert (rows[1]["since_last_days"], rows[1]["stage"]) == (60, "decline")
    assert (rows[2]["since_last_days"], rows[2]["stage"]) == (61, "left")


def test_the_same_silence_means_different_things_to_different_rhythms():
    rows = staged(orders=every(1, 7, 30, last="2026-05-05") + every(2, 60, 14, last="2026-05-05"))

    assert (rows[1]["stage"], rows[2]["stage"]) == ("left", "mature")


def test_a_daily_buyer_is_not_given_up_within_a_fortnight():
    assert staged(orders=every(1, 1, 40, last="2026-06-19"))[1]["stage"] == "mature"


def test_two_years_of_silence_are_leaving_whatever_the_rhythm():
    assert staged(orders=every(1, 365, 6, last="2024-06-30"))[1]["rule"] == "silent"


def test_one_purchase_is_judged_by_the_rhythm_of_the_others():
    others = every(1, 20, 10) + every(2, 20, 10)

    rows = staged(
        orders=[*others, *every(3, 0, 1, last="2026-06-01"), *every(4, 0, 1, last="2026-04-20")],
    )

    assert (rows[3]["rhythm_days"], rows[3]["rule"]) == (20, "first_purchase")
    assert (rows[4]["rule"], rows[4]["stage"]) == ("quiet_once", "decline")
    assert explain(rows[4]).en == "Bought once, 72 days ago; others usually come back within 20"


def test_one_gap_of_its_own_weighs_a_third_beside_the_population():
    rows = staged(orders=every(1, 20, 10) + every(2, 20, 10) + every(3, 50, 2))

    assert rows[3]["rhythm_days"] == pytest.approx((1 * 50 + 2 * 20) / 3)


def test_where_nobody_bought_twice_the_rhythm_is_a_quarter():
    assert staged(orders=every(1, 0, 1))[1]["rhythm_days"] == lifecycle.DEFAULT_RHYTHM_DAYS


def test_a_young_customer_grows():
    assert staged(orders=every(1, 10, 16) + every(2, 10, 3))[2]["rule"] == "young"


def test_a_seldom_buyer_is_young_no_more_after_a_year():
    rows = staged(orders=every(1, 90, 4) + every(2, 90, 6))

    assert (rows[1]["rule"], rows[2]["rule"]) == ("young", "steady")


def test_buying_twice_as_often_is_growth_and_half_as_often_is_decline():
    fast = every(1, 20, 20, last="2026-03-20") + every(1, 8, 12)
    slow = every(2, 20, 20, last="2026-02-25") + every(2, 50, 3)

    rows = staged(orders=fast + slow + every(3, 20, 30) + every(4, 20, 30))

    assert (rows[1]["rule"], rows[1]["recent_days"], rows[1]["earlier_days"]) == ("faster", 13, 6)
    assert (rows[2]["rule"], rows[2]["recent_days"], rows[2]["earlier_days"]) == ("slower", 3, 6)
    assert "more often" in explain(rows[1]).en


def test_a_running_contract_is_judged_by_its_age_and_term():
    rows = staged(
        subscriptions=[
            holds(1, "2026-06-01"),
            holds(2, "2026-01-01"),
            holds(3, "2020-01-01"),
            holds(4, "2025-01-01", term_ends_at="2026-07-31", auto_renew=False),
            holds(5, "2025-01-01", term_ends_at="2026-07-31", auto_renew=True),
            holds(6, "2025-01-01", term_ends_at="2026-06-11", auto_renew=False),
        ]
    )

    assert {n: row["rule"] for n, row in rows.items()} == {
        1: "contract_new",
        2: "contract_young",
        3: "contract_steady",
        4: "contract_ending",
        5: "contract_steady",
        6: "term_over",
    }
    assert explain(rows[4]).en == "Term ends in 30 days and does not renew by itself"
    assert explain(rows[6]).en == "Term ended 20 days ago without a renewal; still running"


def test_an_ended_contract_is_leaving_unless_the_customer_bought_since():
    ended = [holds(n, "2024-01-01", ended_at="2026-05-01") for n in (1, 2)]

    rows = staged(subscriptions=ended, orders=every(2, 20, 3))

    assert (rows[1]["stage"], rows[1]["ended_days"]) == ("left", 61)
    assert explain(rows[1]).en == "Contract ended 61 days ago"
    assert (rows[2]["stage"], rows[2]["basis"]) == ("grow", "purchases")


def test_an_ending_still_to_come_is_not_known_yet():
    assert staged(subscriptions=[holds(1, "2020-01-01", ended_at="2026-07-02")])[1]["stage"] == "mature"


def test_a_downgrade_is_decline_and_an_upgrade_growth():
    rows = staged(
        subscriptions=[
            holds(1, "2020-01-01", ended_at="2026-05-01"),
            holds(1, "2026-05-01", fee_minor=4950),
            holds(2, "2020-01-01"),
            holds(2, "2026-05-01", fee_minor=4950),
        ]
    )

    assert rows[1]["rule"] == "fee_down"
    assert explain(rows[1]).en == "Pays 50 % less than 180 days ago"
    assert rows[2]["rule"] == "fee_up"


def test_somebody_on_file_who_never_bought_is_to_be_acquired():
    filed = [{"person_id": n, "customer_id": str(n), "created_at": "2026-01-01"} for n in (1, 2)]

    rows = staged(customers=filed, orders=every(1, 20, 20))

    assert rows[2]["rule"] == "not_bought"
    assert explain(rows[2]).zh == "已建档，尚未购买"


def test_a_company_without_orders_or_contracts_has_no_stages():
    assert staged(customers=[{"person_id": 1, "customer_id": "1", "created_at": "2026-01-01"}]) == {}


def test_orders_from_the_date_of_the_figure_on_are_not_read():
    rows = staged(as_of=datetime(2026, 4, 1, tzinfo=UTC), orders=every(1, 10, 30))

    assert rows[1]["since_last_days"] == 10


def test_every_rule_leads_to_a_stage_and_can_be_said():
    assert {stage for stage, _ in RULES.values()} == set(STAGES)
    row = {
        "rhythm_days": 20.4, "since_last_days": 1, "since_first_days": 2, "purchase_days": 3, "recent_days": 4,
        "earlier_days": 5, "contract_days": 6, "term_left_days": -7, "ended_days": 8, "fee_base_minor": 2.0,
        "fee_before_base_minor": 1.0,
    }  # fmt: skip

    said = {rule: explain({**row, "rule": rule}) for rule in RULES}

    assert len({words.en for words in said.values()}) == len(RULES)
    assert all("{" not in words.en + words.zh for words in said.values())


def test_one_day_is_said_as_one():
    row = staged(orders=every(1, 0, 1))[1]

    assert explain(row).en == "Bought once, 1 day ago"


def test_transitions_count_who_moved_where():
    tables = company(orders=every(1, 10, 16, last="2026-05-02") + every(2, 10, 30) + every(3, 0, 1, last="2026-06-29"))
    before = stages(tables, datetime(2026, 5, 3, tzinfo=UTC))

    moves = transitions(before, stages(tables, JULY)).to_pyarrow().to_pylist()

    assert {(move["before"], move["after"]): move["customers"] for move in moves} == {
        ("mature", "decline"): 1,
        ("mature", "mature"): 1,
        (None, "acquire"): 1,
    }
