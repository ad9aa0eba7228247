"""Who is who stays so: whatever the order of rows, whoever joins, whatever people decide and take back."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from splink import DuckDBAPI

from tenure.identity import identify
from tenure.identity.clusters import gather
from tenure.identity.match import DECISIONS

NO_LINKS = pa.table(
    {"ids_of": pa.array([], pa.string()), "customer_id": pa.array([], pa.string()), "own_id": pa.array([], pa.int64())}
)
COLUMNS = ("ids_of", "customer_id", "name", "phone", "email", "id_number", "birth_date", "city")
START = datetime(2026, 7, 1, tzinfo=UTC)
# Two valid identity cards (GB 11643) of nobody's district, and a slip of the pen in the first.
ONE, OTHER, SLIP = "99010119880501001X", "990101199001010019", "990101198805010011"


def people(rows):
    rows = [{"ids_of": "main"} | row for row in rows]
    return pa.table({c: pa.array([row.get(c) for row in rows], pa.string()) for c in COLUMNS})


def found(rows, known=NO_LINKS, decisions=(), probable=True):
    table = people(rows)
    word = pa.Table.from_pylist(
        [
            {"left_ids_of": "main", "left_customer_id": a, "right_ids_of": "main", "right_customer_id": b,
             "verdict": verdict, "at": START + timedelta(hours=at)}
            for at, (a, b, verdict) in enumerate(decisions)
        ],
        schema=DECISIONS,
    )  # fmt: skip
    return identify(
        table.select(["ids_of", "customer_id"]), table, known, decisions=word, database=DuckDBAPI if probable else None
    )


def who(identified):
    return {row["customer_id"]: row["person_id"] for row in identified.links.to_pylist()}


def bands(identified):
    number = {row["own_id"]: row["customer_id"] for row in identified.links.to_pylist()}
    return {
        (number[row["left_own"]], number[row["right_own"]]): (row["band"], row["decided"])
        for row in identified.pairs.to_pylist()
    }


HOMOPHONES = [
    {"customer_id": "C-1", "name": "王晓铭", "phone": "13800138000", "city": "杭州"},
    {"customer_id": "C-2", "name": "王小明", "phone": "+86 138 0013 8000", "city": "杭州市"},
    {"customer_id": "C-3", "name": "李娜", "phone": "13800138000", "city": "杭州"},
]


def test_a_homophone_with_the_same_phone_is_joined_and_the_wife_is_not():
    identified = found(HOMOPHONES)

    assert who(identified) == {"C-1": 1, "C-2": 1, "C-3": 3}
    assert "name" in identified.links["why"][0].as_py()


def test_two_valid_id_numbers_are_asked_about_whatever_else_agrees():
    same = {"name": "王伟", "phone": "13800138000", "email": "wei@shop.cn"}
    rows = [{"customer_id": "C-1", "id_number": ONE, **same}, {"customer_id": "C-2", "id_number": OTHER, **same},
            {"customer_id": "C-3", **same}]  # fmt: skip

    identified = found(rows)

    persons = who(identified)
    assert persons["C-1"] != persons["C-2"]
    assert bands(identified)["C-1", "C-2"][0] == "ask"
    assert who(found(rows, decisions=[("C-1", "C-2", "join")])) == {"C-1": 1, "C-2": 1, "C-3": 1}


def test_a_slip_in_an_id_number_is_no_second_person():
    same = {"name": "王伟", "phone": "13800138000"}

    assert set(who(found([{"customer_id": "C-1", "id_number": ONE, **same},
                          {"customer_id": "C-2", "id_number": SLIP, **same}])).values()) == {1}  # fmt: skip


def test_the_newest_word_on_a_pair_counts_and_taking_it_back_restores_both():
    apart, join, back = ("C-1", "C-2", "apart"), ("C-2", "C-1", "join"), ("C-1", "C-2", "")

    assert who(found(HOMOPHONES, decisions=[apart]))["C-2"] == 2
    assert bands(found(HOMOPHONES, decisions=[apart]))["C-1", "C-2"] == ("apart", "apart")
    assert who(found(HOMOPHONES, decisions=[apart, join]))["C-2"] == 1
    assert who(found(HOMOPHONES, decisions=[("C-1", "C-3", "join")])) == {"C-1": 1, "C-2": 1, "C-3": 1}
    assert who(found(HOMOPHONES, decisions=[("C-1", "C-3", "join"), ("C-3", "C-1", "")]))["C-3"] == 3
    assert who(found(HOMOPHONES, decisions=[apart, back])) == who(found(HOMOPHONES))


def test_a_split_gives_each_side_its_own_oldest_and_a_new_number_follows_its_side():
    rows = [{"customer_id": f"C-{n}", "name": "王伟", "phone": "13800138000"} for n in (1, 2, 3)]
    before = found(rows).links

    split = found(rows, before, [("C-1", "C-2", "apart"), ("C-1", "C-3", "apart")])

    assert set(who(found(rows)).values()) == {1}
    assert who(split) == {"C-1": 1, "C-2": 2, "C-3": 2} or who(split) == {"C-1": 1, "C-2": 2, "C-3": 3}
    assert who(found(rows, split.links)) == {"C-1": 1, "C-2": 1, "C-3": 1}


def test_no_personal_value_is_kept_with_a_pair():
    told = str(found(HOMOPHONES).pairs.to_pylist())

    assert not any(value in told for value in ("王", "13800138000", "杭州"))


# Small worlds in which names, phones and e-mails collide by chance.
PERSON = st.fixed_dictionaries({
    "name": st.sampled_from(["王小明", "王晓铭", "李娜", "Amy Lee", "Lee, Amy", None]),
    "phone": st.sampled_from(["13800138000", "13912345678", None]),
    "email": st.sampled_from(["a@shop.cn", "b@shop.cn", None]),
    "id_number": st.sampled_from([ONE, OTHER, None]),
})  # fmt: skip


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(rows=st.lists(PERSON, min_size=1, max_size=7), seed=st.randoms(use_true_random=False), data=st.data())
def test_whatever_comes_in_and_whatever_is_decided_who_is_who_is_lawful(rows, seed, data):
    rows = [row | {"customer_id": f"C-{n}"} for n, row in enumerate(rows)]
    number = st.integers(0, len(rows) - 1)
    words = data.draw(st.lists(st.tuples(number, number, st.sampled_from(["join", "apart", ""])), max_size=6))
    decisions = [(f"C-{a}", f"C-{b}", verdict) for a, b, verdict in words if a != b]

    identified = found(rows, decisions=decisions)
    persons = who(identified)

    mixed = list(rows)
    seed.shuffle(mixed)
    again = found(mixed, decisions=decisions)
    assert again.links.equals(identified.links)
    assert again.pairs.equals(identified.pairs)
    newest = {}
    for a, b, verdict in decisions:
        newest[frozenset((a, b))] = verdict
    for pair, verdict in newest.items():
        a, b = pair
        assert verdict != "apart" or persons[a] != persons[b]
    own = {row["customer_id"]: row["own_id"] for row in identified.links.to_pylist()}
    for customer, person in persons.items():
        assert person == min(own[other] for other, its in persons.items() if its == person)
        assert person <= own[customer]
    # A later refresh that knows the numbers, and one more customer, keep every number and every own_id.
    more = [*rows, {"customer_id": "Z", "name": "张三", "phone": "18600000000"}]
    later = found(more, identified.links, decisions)
    assert {c: p for c, p in who(later).items() if c != "Z"} == persons


@settings(max_examples=60, deadline=None)
@given(
    joins=st.dictionaries(st.tuples(st.integers(1, 8), st.integers(1, 8)), st.integers(0, 3), max_size=14),
    apart=st.sets(st.tuples(st.integers(1, 8), st.integers(1, 8)), max_size=5),
    marks=st.dictionaries(st.integers(1, 8), st.sampled_from("xy"), max_size=8),
    seed=st.randoms(use_true_random=False),
)
def test_groups_never_hold_what_must_be_apart_and_lose_no_join_for_nothing(joins, apart, marks, seed):
    nodes = np.arange(1, 9)
    joins = {(min(a, b), max(a, b)): strength for (a, b), strength in joins.items() if a != b}
    apart = {pair for pair in apart if pair[0] != pair[1]}
    groups = gather(nodes, list(joins), list(joins.values()), apart, [marks])
    mixed = list(joins)
    seed.shuffle(mixed)

    assert (gather(nodes, mixed, [joins[pair] for pair in mixed], apart, [marks]) == groups).all()
    of = dict(zip(nodes.tolist(), groups.tolist(), strict=True))
    assert not any(of[a] == of[b] for a, b in apart)
    for group in set(of.values()):
        held = {marks[node] for node in of if of[node] == group and node in marks}
        assert len(held) <= 1
        assert group == min(node for node in of if of[node] == group)
    for a, b in joins:
        if of[a] != of[b]:
            one, two = ({node for node in of if of[node] == of[end]} for end in (a, b))
            foes = any((x in one and y in two) or (x in two and y in one) for x, y in apart)
            assert foes or len({marks[node] for node in one | two if node in marks}) > 1
