import pyarrow as pa
import pytest

from tenure.identity import link, standard

NO_LINKS = pa.table(
    {"ids_of": pa.array([], pa.string()), "customer_id": pa.array([], pa.string()), "own_id": pa.array([], pa.int64())}
)


def people(*rows):
    columns = ("ids_of", "customer_id", "name", "phone", "email", "id_number")
    return pa.table(
        {c: pa.array([row.get(c, "main" if c == "ids_of" else None) for row in rows], pa.string()) for c in columns}
    )


def linked(found, known=NO_LINKS):
    return {
        row["customer_id"]: row["person_id"]
        for row in link(found.select(["ids_of", "customer_id"]), found, known).to_pylist()
    }


def test_the_same_phone_and_name_written_two_ways_are_one_person():
    found = linked(people(
        {"customer_id": "C-1", "name": "王小明", "phone": "138 0013 8000"},
        {"customer_id": "C-2", "name": "王小明 ", "phone": "+86-１３８００１３８０００"},
    ))  # fmt: skip

    assert found == {"C-1": 1, "C-2": 1}


def test_the_same_phone_and_name_in_traditional_characters_are_one_person():
    found = linked(people(
        {"customer_id": "C-1", "name": "張偉", "phone": "13800138000"},
        {"customer_id": "C-2", "name": "张伟", "phone": "138 0013 8000"},
        {"customer_id": "C-3", "name": "张伟", "phone": "13900139000"},
    ))  # fmt: skip

    assert found == {"C-1": 1, "C-2": 1, "C-3": 3}


def test_a_family_that_shares_a_phone_stays_apart():
    found = linked(people(
        {"customer_id": "C-1", "name": "王小明", "phone": "13800138000"},
        {"customer_id": "C-2", "name": "李娜", "phone": "13800138000"},
    ))  # fmt: skip

    assert found == {"C-1": 1, "C-2": 2}


def test_joins_chain_over_different_rules():
    found = linked(people(
        {"customer_id": "C-1", "name": "Amy Lee", "phone": "+442079460000"},
        {"customer_id": "C-2", "name": "LEE, Amy", "phone": "+44 20 7946 0000", "email": "amy@example.com"},
        {"customer_id": "C-3", "name": "amy lee", "email": "AMY@example.com "},
    ))  # fmt: skip

    assert set(found.values()) == {1}


def test_a_number_once_minted_is_kept_and_the_oldest_stands_for_the_person():
    known = pa.table({"ids_of": ["main"], "customer_id": ["C-2"], "own_id": pa.array([7], pa.int64())})
    found = people(
        {"customer_id": "C-1", "name": "Ann", "phone": "13800138000"},
        {"customer_id": "C-2", "name": "Ann", "phone": "13800138000"},
        {"customer_id": "C-3"},
    )

    assert linked(found, known) == {"C-2": 7, "C-1": 7, "C-3": 9}


def test_a_switchboard_number_joins_nobody():
    found = linked(people(*({"customer_id": f"C-{n:02}", "name": "客户", "phone": "13800138000"} for n in range(30))))

    assert len(set(found.values())) == 30


@pytest.mark.parametrize(("given", "standard_form"), [
    ("13800138000", "+8613800138000"), ("0571-8888 8888", "+8657188888888"), ("+1 (415) 555-2671", "+14155552671"),
    ("not a number", None), ("", None), (None, None), ("１３８００１３８０００", "+8613800138000"),
])  # fmt: skip
def test_phones_take_one_form(given, standard_form):
    assert standard.phones(pa.array([given], pa.string())).to_pylist() == [standard_form]


def test_names_compare_without_width_case_punctuation_and_order():
    given = pa.array(["Lee, Amy", "ＡＭＹ ｌｅｅ", "王·小明", "王小明", "!!", None], pa.string())

    assert standard.names(given).to_pylist() == ["amy lee", "amy lee", "王小明", "王小明", None, None]
