import pyarrow as pa
import pytest

from tenure.insight.segments.tiers import TIERS, Rule, parts, tiers, why, why_moved

NAMES = ("person_id", "value_base_minor", "brought_base_minor", "before_base_minor", "margin_share", "tenure_days")


def stood(*rows):
    table = pa.table(list(zip(*rows, strict=True)), names=NAMES)
    for name in NAMES:
        kind = pa.float64() if name == "margin_share" else pa.int64()
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    return parts(table)


def tiered(table, rule=None):
    found = tiers(table, rule or Rule())
    return {row["person_id"]: {**one, **row} for one, row in zip(table.to_pylist(), found.to_pylist(), strict=True)}


TEN = [(n, n * 1000, n * 900, n * 900, None, 400) for n in range(1, 11)]


def test_the_best_tenth_is_strategic_the_next_fifth_core_and_who_does_not_grow_potential():
    rows = tiered(stood(*TEN))

    assert [rows[n]["tier"] for n in range(1, 11)] == ["potential"] * 7 + ["core"] * 2 + ["strategic"]
    assert [rows[n]["points"] for n in (1, 5, 10)] == [5, 45, 95]
    assert why(rows[10], Rule()).en == "Ahead of 95 % of customers; strategic from 90"
    assert why(rows[3], Rule()).zh == "领先 25% 的客户；核心客户需 70，且增长未达 20%"


def test_who_brings_a_fifth_more_than_last_year_grows_where_that_is_not_next_to_nothing():
    grown = [(n, v, brought, brought * 3 // 4 if n in (1, 5) else brought, m, t) for n, v, brought, _b, m, t in TEN]

    rows = tiered(stood(*grown))

    assert (rows[5]["tier"], rows[1]["tier"]) == ("growth", "potential")
    assert why(rows[5], Rule()).en == "Brought in 33 % more than in the year before; growth from 20 %"


def test_nobody_is_strategic_before_half_a_year():
    rows = tiered(stood(*TEN[:9], (10, 10_000, 9000, 0, None, 30)))

    assert (rows[10]["tier"], rows[10]["rule"]) == ("core", "too_young")
    assert "30 days only; strategic from 180" in why(rows[10], Rule()).en


def test_equal_customers_share_a_tier_whatever_their_number():
    rows = tiered(stood(*[(n, 500, 500, 500, 0.2, 400) for n in range(30)]))

    assert {row["tier"] for row in rows.values()} == {"potential"}
    assert {row["points"] for row in rows.values()} == {50}


def test_of_whom_nothing_is_known_no_tier_is_said():
    rows = tiered(stood(*TEN, (11, None, None, None, None, 20)))

    assert rows[11]["tier"] is None
    assert rows[11]["points"] is None


def test_what_is_unknown_of_a_customer_weighs_nothing_and_refunds_larger_than_orders_are_last():
    rows = tiered(stood(*TEN[:9], (10, None, 9000, 9000, 0.5, 400), (11, 0, -50_000, 100, None, 400)))

    assert rows[10]["tier"] in ("core", "strategic")
    assert (rows[11]["tier"], rows[11]["growth"]) == ("potential", -100)
    assert rows[11]["points"] == min(row["points"] for row in rows.values())


def test_a_rule_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="points must rise"):
        Rule(strategic_from=60, core_from=70)
    with pytest.raises(ValueError, match="can't both weigh nothing"):
        Rule(weights={"tenure": 10})
    with pytest.raises(ValueError, match="weights are whole numbers"):
        Rule(weights={"value": -1, "brought": 5})


def test_a_move_says_whether_the_customer_changed_or_the_rule_did():
    before, after = {"points": 68.2, "tier": "potential"}, {"points": 74.9, "tier": "core", "rule": "core"}

    said = why_moved(before, after, Rule(), rule_changed=False)
    by_rule = why_moved(before, after, Rule(), rule_changed=True)

    assert said.en == "From 68 to 74 points. Ahead of 74 % of customers; core from 70"
    assert said.zh == "积分从 68 变为 74。领先 74% 的客户；70 起为核心客户"
    assert by_rule.en.startswith("The rule for tiers was changed. ")
    assert set(TIERS) == {"strategic", "core", "growth", "potential"}
