"""Which field a column is, and how much of it shows."""

import pytest

from tenure.contracts import CONTRACTS
from tenure.lake.fields import FIELDS, field_of, shown_in_part
from tenure.lake.scope import Scope


def test_every_personal_column_and_every_sum_of_money_is_guarded() -> None:
    for contract in CONTRACTS.values():
        for name in contract.records_schema.names:
            personal = name in contract.personal or name == "extra" or name.endswith("_minor")
            assert not personal or field_of(f"records/{contract.name}", name) in FIELDS, (contract.name, name)


def test_a_column_of_the_same_name_that_is_not_personal_is_not_guarded() -> None:
    assert field_of("records/cases", "outcome") == "text"
    assert field_of("records/snapshot", "outcome") is None
    assert field_of("records/customers", "name") == "name"
    assert field_of("records/events", "name") is None


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("phone", "+8613812341234", "138****1234"),
        ("phone", "13812341234", "138****1234"),
        ("phone", "+44 20 7946 0000", "442****0000"),
        ("phone", "110", "****"),
        ("email", "ming@example.com", "m***@example.com"),
        ("email", "no address", "***"),
        ("id_number", "330106198805011234", "3301**********1234"),
        ("name", "王小明", "王**"),
        ("name", "John Smith", "J*** S***"),
        ("birth_date", "1988-05-01", None),
        ("phone", None, None),
    ],
)
def test_a_masked_field_shows_this_part(field: str, value: str | None, part: str | None) -> None:
    assert shown_in_part(field, value) == part


def test_a_scope_within_another_sees_only_what_both_see() -> None:
    owner = Scope(reach="team", team_ids=frozenset({1}), hidden=frozenset({"phone"}))
    key = Scope(reach="all", masked=frozenset({"phone", "email"}), within=owner)

    assert (key.shows("phone"), key.shows("email"), key.shows("name")) == ("hidden", "masked", "clear")
    assert not key.sees_all


def test_a_kind_of_record_may_reach_elsewhere() -> None:
    scope = Scope(reach="own", user_id=1, objects=(("cases", "all"),))

    assert scope.on("cases").reach == "all"
    assert scope.on("orders").reach == "own"
