"""Whom a customer brought to the company, as each asker may see it."""

from datetime import date, timedelta
from typing import Any

import pytest

from tenure.desk.customers import relations
from tenure.desk.customers.influence import BANDS, Influence, influence
from tenure.desk.customers.segments.asking import EVERYTHING, asker_of, ground_of, known_of
from tenure.desk.customers.segments.compiled import members
from tenure.desk.customers.segments.definition import DefinitionError, read
from tenure.desk.governance.api import note_merges, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.lake import SYSTEM
from tests.cast import CHEN, LI, MONDAY, QUIET, SMITH, WANG, ZHANG

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 2)


@pytest.fixture
def referrals(company: dict[str, User]) -> dict[str, User]:
    """Wang brought Li, Li brought Zhang and Smith, Smith brought Chen; Quiet was brought by Wang until last year."""
    for who, by in ((LI, WANG), (ZHANG, LI), (SMITH, LI), (CHEN, SMITH)):
        _say(who, by)
    _say(QUIET, WANG, until=TODAY - timedelta(days=60))
    return company


def _say(who: int, by: int, **more: Any) -> None:
    relations.relate(who, by, "referred_by", scope=SYSTEM, actor=None, now=MONDAY, **more)


def test_whom_somebody_brought_counts_through_those_they_brought(referrals: dict[str, User]) -> None:
    assert influence(SYSTEM, TODAY) == {WANG: Influence(1, 4), LI: Influence(2, 3), SMITH: Influence(1, 1)}
    assert [Influence(1, n).band for n in (1, 2, 3, 9, 10, 40)] == ["some", "some", "many", "many", "most", "most"]


def test_who_is_out_of_reach_ends_the_chain(referrals: dict[str, User]) -> None:
    seen = influence(scope_of(referrals["mia"]), TODAY)

    assert seen == {WANG: Influence(1, 2), LI: Influence(1, 1)}, "Smith and whom Smith brought are another team's"


def test_two_who_became_one_close_no_endless_circle(referrals: dict[str, User]) -> None:
    note_merges([(CHEN, WANG)])  # brought by Smith, at the end of the chain that Wang began

    found = influence(SYSTEM, TODAY)

    assert {person: one.whole for person, one in found.items()} == {WANG: 3, LI: 3, SMITH: 3}


def test_a_segment_asks_for_influence_where_every_customer_is_seen(
    referrals: dict[str, User], filled_home: Any
) -> None:
    asked = {"all": [{"field": "influence", "is": "in", "value": ["many"]}]}

    def held(definition: dict[str, Any]) -> set[int]:
        ground = ground_of(lake(), EVERYTHING, MONDAY)
        return {*lake().to_arrow(members(read(definition, known_of(EVERYTHING)), ground))["person_id"].to_pylist()}

    assert held(asked) == {WANG, LI}
    assert held({"all": [{"field": "influence", "is": "set"}]}) == {WANG, LI, SMITH}
    assert WANG not in held({"all": [{"field": "influence", "is": "empty"}]})
    assert read(asked, known_of(asker_of(referrals["dee"], scope_of(referrals["dee"]))))
    with pytest.raises(DefinitionError):
        read(asked, known_of(asker_of(referrals["mia"], scope_of(referrals["mia"]))))
    assert set(BANDS) == {"some", "many", "most"}
