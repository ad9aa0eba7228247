"""The simulated company's records keep the contracts, and one seed gives one company."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tenure.contracts import CONTRACTS
from tenure.demo import simulate
from tenure.errors import TenureError

RECORDS = sorted(set(CONTRACTS) - {"snapshot"})  # a wide file is another way to bring customers in
LOCAL_MIDNIGHT = datetime(2026, 6, 30, 16, tzinfo=UTC)  # 1 July begins in Shanghai


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def test_the_same_seed_gives_the_same_bytes(company):
    again = simulate(customers=1_500, seed=7)

    assert {name: _bytes(rows) for name, rows in again.tables.items()} == {
        name: _bytes(rows) for name, rows in company.tables.items()
    }
    for part in ("persons", "traps", "churn", "buying"):
        assert _bytes(getattr(again.truth, part)) == _bytes(getattr(company.truth, part))


def test_another_seed_gives_another_company(company):
    other = simulate(customers=1_500, seed=8)

    for name in ("customers", "orders", "subscriptions", "events", "cases", "treatments"):
        assert not other.tables[name].equals(company.tables[name])


def test_every_contract_of_records_has_rows(company):
    assert sorted(company.tables) == RECORDS
    assert all(rows.num_rows > 0 for rows in company.tables.values())


@pytest.mark.parametrize("name", RECORDS)
def test_a_table_has_the_columns_and_types_of_its_contract(company, name):
    rows, schema = company.tables[name], CONTRACTS[name].schema

    assert "person_id" not in rows.column_names
    assert rows.schema == pa.schema([schema.field(c) for c in rows.column_names])


@pytest.mark.parametrize("name", RECORDS)
def test_keys_are_unique_and_required_columns_filled(company, name):
    rows, contract = company.tables[name], CONTRACTS[name]
    required = {c.name for c in contract.columns if c.required} | set(contract.key)

    assert rows.group_by(list(contract.key)).aggregate([]).num_rows == rows.num_rows
    assert {c: rows[c].null_count for c in required} == dict.fromkeys(required, 0)


@pytest.mark.parametrize("name", RECORDS)
def test_coded_columns_hold_only_the_codes_of_the_contract(company, name):
    rows = company.tables[name]

    for column in CONTRACTS[name].columns:
        if column.values and column.name in rows.column_names:
            assert set(pc.unique(rows[column.name].drop_null()).to_pylist()) <= set(column.values)


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_is_known_from_the_last_day_on(company, name):
    rows, contract = company.tables[name], CONTRACTS[name]
    known = {contract.valid_at} | {c.known_at for c in contract.columns if c.known_at}

    for column in known & set(rows.column_names):
        latest = pc.max(rows[column]).as_py()
        assert latest < (LOCAL_MIDNIGHT if isinstance(latest, datetime) else company.until)


@pytest.mark.parametrize("name", [n for n in RECORDS if CONTRACTS[n].person])
def test_every_row_with_a_customer_belongs_to_a_known_one(company, name):
    known = company.tables["customers"]["customer_id"]

    strangers = pc.invert(pc.is_in(company.tables[name]["customer_id"].drop_null(), value_set=known.combine_chunks()))

    assert not pc.any(strangers).as_py()


@pytest.mark.parametrize("name", ["orders", "cases", "events", "interactions", "survey_responses", "subscriptions"])
def test_nobody_acts_before_becoming_a_customer(frames, name):
    since = frames["customers"].set_index("customer_id").created_at
    rows = frames[name].dropna(subset=["customer_id"])

    assert (rows[CONTRACTS[name].valid_at].to_numpy() >= since[rows.customer_id].to_numpy()).all()


def test_an_outcome_waits_for_its_instant(frames):
    cases, orders = frames["cases"], frames["orders"]

    assert cases[cases.resolved_at.isna()][["outcome", "cause", "handoffs", "agent", "satisfaction"]].isna().all().all()
    assert (cases.resolved_at.dropna() >= cases.opened_at[cases.resolved_at.notna()]).all()
    assert (orders.delivered_at.dropna() >= orders.ordered_at[orders.delivered_at.notna()]).all()


def test_a_line_comes_to_quantity_times_price_less_discount(frames):
    orders = frames["orders"]

    in_fen = orders.quantity * orders.unit_price.astype(float) * 100 - orders.discount_minor

    assert np.abs(in_fen - orders.amount_minor).max() < 0.5
    assert (orders.amount_minor[orders.kind == "refund"] < 0).all()
    assert (orders.amount_minor[orders.kind == "sale"] > 0).all()


def test_a_refund_gives_back_a_line_that_was_sold(frames):
    orders = frames["orders"]
    sold = orders[orders.kind == "sale"].set_index(["order_id", "line_no"])
    back = orders[orders.kind == "refund"]

    origin = sold.loc[list(zip(back.order_id.str.replace("A-R", "A-"), back.line_no, strict=True))]

    assert len(back) > 50
    assert (origin.amount_minor.to_numpy() == -back.amount_minor.to_numpy()).all()
    assert (origin.delivered_at.to_numpy() < back.ordered_at.to_numpy()).all()


def test_complaints_are_written_in_chinese_and_in_english(frames):
    complaints = frames["cases"][frames["cases"].kind == "complaint"]
    language = frames["customers"].set_index("customer_id").language
    chinese = complaints.text.str.contains(r"[\u4e00-\u9fff]{4}")
    everyday = complaints[complaints.case_id.str.match(r"Q-\d")]

    assert chinese.sum() > 100
    assert (~chinese).sum() > 20
    # Each writes in the language they prefer; a city's name stays Chinese in an English text.
    english = everyday[language[everyday.customer_id].to_numpy() == "en"]
    assert len(english) > 20
    assert english.text.str.contains(r"[A-Za-z]{3} [a-z]+ ").all()


def test_everybody_has_a_team_of_their_region_and_one_of_its_owners(frames):
    customers = frames["customers"]

    assert customers.groupby("region").team.nunique().max() == 1
    assert customers.groupby("team").owner.unique().map(sorted).to_dict() == {
        "North": ["amy", "bo"],
        "East": ["chen", "dee"],
        "South": ["fang", "gu"],
    }


def test_all_kinds_of_customers_are_there_and_organisations_have_contacts(frames):
    customers, contacts = frames["customers"], frames["contacts"]
    organisations = customers[customers.kind != "individual"].customer_id

    assert set(customers.kind) == {"individual", "enterprise", "government", "institution"}
    assert set(contacts.customer_id) == set(organisations)


def test_identity_cards_have_a_right_check_character(frames):
    customers = frames["customers"]
    cards = customers.id_number[(customers.kind == "individual")].dropna()
    weights = [2 ** (17 - i) % 11 for i in range(17)]

    for card in cards:
        assert card[-1] == "10X98765432"[sum(int(d) * w for d, w in zip(card[:17], weights, strict=True)) % 11]
    assert len(cards) > 500


def test_a_price_rise_shows_in_the_bills_not_in_the_contract(frames):
    payments = frames["payments"].merge(frames["subscriptions"][["subscription_id", "plan", "fee_minor"]])
    mobile = payments[payments.plan == "mobile-99"]
    usual = mobile.groupby(mobile.due_at.dt.strftime("%Y-%m")).amount_minor.median()

    assert set(mobile.fee_minor) == {9900}
    assert usual["2026-04"] == 9900
    assert usual["2026-05"] == 10890


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"customers": 10}, "10 customers are too few"),
        ({"months": 3}, "3 months are too few"),
        ({"until": date(2026, 7, 15)}, "not on 2026-07-15. Give 2026-07-01"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_a_hint(asked, said):
    with pytest.raises(TenureError, match=said):
        simulate(**{"customers": 1_500, **asked})


@pytest.mark.parametrize(
    ("customers", "months", "until"), [(1_000, 12, date(2025, 3, 1)), (1_200, 30, date(2026, 1, 1))]
)
def test_other_sizes_and_dates_work_as_well(customers, months, until):
    company = simulate(customers=customers, months=months, seed=3, until=until)

    assert pc.max(company.tables["orders"]["ordered_at"]).as_py() < datetime(until.year, until.month, 1, tzinfo=UTC)
    assert company.tables["customers"].num_rows > customers
    assert len(company.truth.stories) == 19


def test_id_numbers_pass_every_check_and_belong_to_no_place_there_is(frames):
    from tenure.identity.standard import valid_id_number

    customers = frames["customers"]
    cards = customers.id_number[(customers.kind == "individual")].dropna()

    assert all(map(valid_id_number, cards))
    assert {card[2:4] for card in cards} == {"99"}
