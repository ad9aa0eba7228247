"""A decision goes before any evidence; without decisions a person is whatever hangs together."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tenure.identity.decided import persons, touched_by

OWN = np.arange(1, 9, dtype=np.int64)
PAIRS = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda pair: pair[0] != pair[1]), max_size=12)


def of(evidence: list[tuple[int, int]], joined: list[tuple[int, int]], apart: set[tuple[int, int]]) -> dict[int, int]:
    return dict(zip(OWN.tolist(), persons(OWN, evidence, joined, apart).tolist(), strict=True))


def test_two_kept_apart_part_at_the_weakest_evidence() -> None:
    found = of([(1, 2), (2, 3), (3, 4)], [], {(1, 4)})

    assert [found[n] for n in (1, 2, 3, 4)] == [1, 1, 1, 4]


def test_what_people_joined_goes_before_what_the_records_say() -> None:
    found = of([(1, 2)], [(2, 3)], {(1, 3)})

    assert [found[n] for n in (1, 2, 3)] == [1, 2, 2]


@given(PAIRS, PAIRS, PAIRS)
def test_nobody_kept_apart_is_ever_one_person_and_a_person_is_their_oldest_number(
    evidence: list[tuple[int, int]], joined: list[tuple[int, int]], apart: list[tuple[int, int]]
) -> None:
    found = of(evidence, joined, set(apart))

    assert all(found[a] != found[b] for a, b in apart)
    assert all(found[person] == person <= own for own, person in found.items())
    # Nothing is left apart that could be together: a pair is passed over for somebody kept apart alone.
    together = {own: {other for other in found if found[other] == person} for own, person in found.items()}
    for a, b in [*joined, *evidence]:
        if found[a] != found[b]:
            assert any({x, y} in [set(pair) for pair in apart] for x in together[a] for y in together[b])


@given(PAIRS, PAIRS)
def test_without_decisions_a_person_is_whatever_hangs_together(
    evidence: list[tuple[int, int]], joined: list[tuple[int, int]]
) -> None:
    found = of(evidence, joined, set())

    reached = {one: {one} for one in OWN.tolist()}
    for _ in OWN:
        for a, b in [*evidence, *joined]:
            reached[a] |= reached[b]
            reached[b] |= reached[a]
    assert all((found[a] == found[b]) == (b in reached[a]) for a, b in combinations(OWN.tolist(), 2))


@given(PAIRS, PAIRS, PAIRS, st.integers(1, 8))
def test_working_out_only_who_hangs_together_gives_what_working_out_everybody_does(
    evidence: list[tuple[int, int]], joined: list[tuple[int, int]], apart: list[tuple[int, int]], start: int
) -> None:
    near = touched_by(OWN, [*evidence, *joined, *apart], [start])

    some = dict(zip(near.tolist(), persons(near, evidence, joined, set(apart)).tolist(), strict=True))

    everybody = of(evidence, joined, set(apart))
    assert some == {one: everybody[one] for one in near.tolist()}
