"""Segments: what their conditions mean, who may ask them, who came and who went."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tenure.desk.customers.models import Customer, SavedView
from tenure.desk.customers.segments import changes, services
from tenure.desk.customers.segments.asking import EVERYTHING, Asker, asker_of, ground_of, known_of, restricted, usable
from tenure.desk.customers.segments.compiled import count_of, members
from tenure.desk.customers.segments.definition import DefinitionError, Known, read
from tenure.desk.customers.segments.models import Segment, SegmentChange, SegmentMember
from tenure.desk.customers.segments.reading import said
from tenure.desk.customers.segments.services import Draft
from tenure.desk.customers.selectors import Filters, listing
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.consents import record_consent
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tests.cast import CHEN, EAST, LI, MONDAY, QUIET, SMITH, SOUTH, WANG, ZHANG

pytestmark = pytest.mark.django_db

EVERYONE = EAST | SOUTH
EAST_REGION = {"field": "region", "is": "in", "value": ["浙江"]}
NOW = MONDAY + timedelta(hours=1)


def who(told: Any, asker: Asker = EVERYTHING) -> set[int]:
    node = read(told, known_of(asker))
    return set(lake().to_arrow(members(node, ground_of(lake(), asker, NOW)))["person_id"].to_pylist())


def asker(user: User) -> Asker:
    return asker_of(user, scope_of(user))


# What conditions mean, against the company of tests/cast.py

CASES: dict[str, tuple[Any, set[int]]] = {
    "a region": (EAST_REGION, EAST),
    "not a region": ({"field": "region", "is": "not_in", "value": "浙江"}, SOUTH),
    "part of a text": ({"field": "city", "is": "has", "value": "圳"}, SOUTH),
    "risk in percent": ({"field": "churn_probability", "is": "ge", "value": 55}, {WANG, SMITH}),
    "unknown risk is not low": ({"field": "churn_probability", "is": "le", "value": 100}, EVERYONE - {QUIET}),
    "empty": ({"field": "risk_band", "is": "empty"}, {QUIET}),
    "money in whole units": ({"field": "value_base_minor", "is": "ge", "value": "3,000"}, {WANG, SMITH, CHEN}),
    "a date": ({"field": "created_on", "is": "from", "value": "2024-01-05"}, {CHEN, QUIET}),
    "days before the figures": ({"field": "last_order_on", "is": "within", "value": 25}, {CHEN, QUIET}),
    "longer ago": ({"field": "last_order_on", "is": "longer", "value": 28}, {WANG}),
    "owner, as the desk knows": ({"field": "owner", "is": "empty"}, {ZHANG, QUIET}),
    "orders of two lines count once": ({"did": "bought", "is": "ge", "value": 10}, {LI, SMITH, QUIET}),
    "in a window": ({"did": "bought", "days": 90, "is": "ge", "value": 1}, {LI, SMITH, QUIET}),
    "nothing in a window": ({"did": "bought", "days": 90, "is": "eq", "value": 0}, {WANG, ZHANG, CHEN}),
    "at most once holds for never": ({"did": "complained", "is": "le", "value": 1}, EVERYONE),
    "complained": ({"did": "complained", "days": 30, "is": "ge", "value": 1}, {WANG, SMITH}),
    "a sum between days": (
        {"did": "bought", "what": "sum", "of": "amount_base_minor", "from": "2025-12-01", "to": "2025-12-31",
         "is": "ge", "value": 80}, {SMITH, QUIET}),
    "where a column says so": (
        {"did": "bought", "where": [{"column": "channel", "is": "in", "value": ["web"]}], "is": "ge", "value": 1}, set()),
    "on different days": ({"did": "bought", "what": "days", "is": "eq", "value": 5}, {WANG, ZHANG, CHEN}),
    "days since the last": ({"did": "bought", "what": "since", "is": "le", "value": 90}, {LI, SMITH, QUIET}),
    "long since or never": ({"did": "visited", "what": "since", "is": "ge", "value": 30}, EVERYONE - {WANG}),
    "different values": ({"did": "visited", "what": "distinct", "of": "name", "is": "ge", "value": 2}, {WANG}),
    "the most at once": ({"did": "had_to_pay", "what": "max", "of": "amount_base_minor", "is": "ge", "value": 99}, {WANG}),
    "any": ({"any": [{"did": "complained", "is": "ge", "value": 1}, {"field": "city", "is": "in", "value": "深圳"}]},
            {WANG, *SOUTH}),
    "none": ({"none": [EAST_REGION, {"did": "complained", "is": "ge", "value": 1}]}, {CHEN, QUIET}),
    "not, nested": ({"all": [EAST_REGION, {"not": {"any": [{"did": "complained"}, {"field": "r", "is": "le", "value": 3}]}}]},
                    {LI} - {LI} | {p for p in EAST if p != WANG and 5 - p % 5 > 3}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_condition_means_what_it_says(company: dict[str, User], name: str) -> None:
    told, expected = CASES[name]

    assert who(told) == expected
    # Its opposite is everybody else, whatever is unknown of them.
    assert who({"none": [told]}) == EVERYONE - expected


def test_another_limit_on_the_same_number_is_answered_from_what_was_kept(company: dict[str, User]) -> None:
    ground = ground_of(lake(), EVERYTHING, NOW)
    counts = [count_of(read({"did": "bought", "is": "ge", "value": n}, Known.plain()), ground) for n in (2, 6, 11)]

    assert counts == [6, 3, 0]


def test_consents_are_asked_by_the_rules_of_the_gate(company: dict[str, User]) -> None:
    for person, state in ((WANG, "given"), (LI, "refused")):
        record_consent(person, purpose="marketing", channel="mail", state=state, source="page", evidence="said so",
                       at=MONDAY, actor=company["dee"], now=MONDAY)  # fmt: skip

    assert who({"consent": "marketing", "channel": "mail", "is": "yes"}) == {WANG}
    assert who({"consent": "marketing", "channel": "mail", "is": "no"}) == EVERYONE - {WANG}
    # Service messages rest on the contract: silence is a yes.
    assert who({"consent": "service", "channel": "mail", "is": "yes"}) == EVERYONE


def test_a_segment_can_ask_about_another_but_never_about_itself(company: dict[str, User]) -> None:
    dee = company["dee"]
    made = services.create(Draft("East", {"all": [EAST_REGION]}), asker=asker(dee), actor=dee, now=NOW)
    asks = {"all": [{"segment": made.pk, "is": "in"}, {"did": "complained", "is": "ge", "value": 1}]}
    second = services.create(Draft("East, complained", asks), asker=asker(dee), actor=dee, now=NOW)

    assert who(asks) == {WANG}
    round_ = {"all": [{"segment": second.pk, "is": "out"}]}
    with pytest.raises(TenureError, match="East → East, complained → East"):
        services.change(made.pk, Draft("East", round_), asker=asker(dee), actor=dee, now=NOW)
    with pytest.raises(TenureError, match="East, complained"):
        services.put_away(made.pk, actor=dee, now=NOW)


WRONG: dict[str, tuple[Any, str]] = {
    "an unknown field": ({"field": "shoe_size", "is": "ge", "value": 40}, 'no field "shoe_size"'),
    "a personal field": ({"field": "phone", "is": "in", "value": "1"}, 'no field "phone"'),
    "an unknown code": ({"field": "stage", "is": "in", "value": "married"}, 'never "married"'),
    "no number": ({"field": "value_decile", "is": "ge", "value": "many"}, 'found "many"'),
    "no finite number": ({"field": "value_decile", "is": "ge", "value": "NaN"}, 'found "NaN"'),
    "no date": ({"field": "created_on", "is": "from", "value": "2024-02-31"}, "2024-02-31"),
    "a comparison of another kind": ({"field": "region", "is": "ge", "value": 3}, "compared by one of"),
    "an unknown deed": ({"did": "flew"}, 'no deed "flew"'),
    "a sum of nothing": ({"did": "complained", "what": "sum", "value": 1}, "which number"),
    "a stretch turned round": ({"did": "bought", "from": "2025-02-01", "to": "2025-01-01"}, "ends"),
    "an empty group": ({"all": [EAST_REGION, {"any": []}]}, "empty"),
    "nothing at all": ({"all": []}, "Add a condition"),
    "no object": ({"all": ["region"]}, "is an object"),
    "too deep": ({"all": [{"any": [{"all": [{"any": [{"all": [{"any": [{"all": [EAST_REGION]}]}]}]}]}]}]}, "deep"),
    "too many": ({"all": [EAST_REGION] * 61}, "up to 60"),
    "too large": ({"did": "bought", "what": "count", "is": "ge", "value": 10**40}, "too large"),
    "a segment that is not there": ({"segment": 999, "is": "in"}, "is there for you"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_be_asked_is_refused_with_what_would_fit(db: None, name: str) -> None:
    told, expected = WRONG[name]

    with pytest.raises(DefinitionError, match=expected):
        read(told, known_of(EVERYTHING))


def test_an_error_names_the_condition_it_is_about() -> None:
    with pytest.raises(DefinitionError) as caught:
        read({"all": [EAST_REGION, {"any": [{"field": "r", "is": "ge", "value": "x"}]}]}, Known.plain())

    assert list(caught.value.by_path) == [(1, 0)]


def test_a_definition_reads_as_one_would_say_it() -> None:
    told = {"all": [EAST_REGION, {"any": [
        {"did": "bought", "days": 90, "is": "ge", "value": 3},
        {"did": "bought", "what": "sum", "of": "amount_base_minor", "from": "2025-01-01", "to": "2025-12-31",
         "where": [{"column": "category", "is": "in", "value": ["Tea"]}], "is": "ge", "value": 1000}]},
        {"none": [{"did": "complained", "is": "ge", "value": 1}]},
        {"field": "churn_probability", "is": "ge", "value": 55.5}, {"segment": 7, "is": "out"}]}  # fmt: skip

    words = said(read(told, replace(Known.plain(), segments={7: "Staff"})), {7: "Staff"})

    assert words.en == (
        "Region is 浙江 and (Bought at least 3 times in the last 90 days or Bought for at least 1,000 in all (Amount) "
        "from 2025-01-01 to 2025-12-31, where Category of the product is Tea) and not (Complained at least once) "
        'and Churn risk at least 55.5% and not in "Staff"'
    )
    assert words.zh.startswith("地区是浙江，并且（最近 90 天购买不少于 3 次")


# Who may ask


def test_everybody_counts_within_their_own_reach(company: dict[str, User]) -> None:
    told = {"did": "complained", "is": "ge", "value": 1}

    assert who(told, asker(company["mia"])) == {WANG}
    assert who(told, asker(company["bo"])) == {SMITH}
    assert who({"none": [told]}, asker(company["ann"])) == {LI}


def test_what_is_hidden_from_somebody_is_not_there_to_ask(company: dict[str, User]) -> None:
    scope = replace(scope_of(company["mia"]), hidden=frozenset({"amounts"}), objects=(("cases", "none"),))
    blind = Asker(scope)

    for told in (
        {"field": "value_decile", "is": "ge", "value": 9},
        {"did": "bought", "what": "sum", "of": "amount_base_minor", "is": "ge", "value": 1},
        {"did": "bought", "where": [{"column": "amount_base_minor", "is": "ge", "value": 9}]},
        {"did": "complained"},
        {"consent": "marketing", "channel": "mail", "is": "yes"},
    ):
        with pytest.raises(DefinitionError):
            read(told, known_of(blind))
    assert who({"did": "bought", "is": "ge", "value": 1}, blind) == EAST


def test_a_segment_by_what_one_may_not_see_is_restricted_however_far_round(company: dict[str, User]) -> None:
    dee, mia = company["dee"], company["mia"]
    rich = {"all": [{"field": "value_decile", "is": "ge", "value": 5}]}
    first = services.create(Draft("Rich", rich, "all"), asker=asker(dee), actor=dee, now=NOW)
    asks = {"all": [{"segment": first.pk, "is": "in"}]}
    second = services.create(Draft("Again", asks, "all"), asker=asker(dee), actor=dee, now=NOW)
    changes.work_out_all(lake(), now=NOW)
    scope = scope_of(mia)
    blind = replace(scope, hidden=frozenset({"amounts"}))

    assert usable(second.pk, asker(mia))
    assert not restricted(second, asker(mia))
    assert restricted(first, Asker(blind))
    assert restricted(second, Asker(blind))
    assert Filters(segment=second.pk).within(blind).segment is None
    assert {row.customer_id for row in listing(scope, Filters(segment=second.pk))} == set()
    assert {row.customer_id for row in listing(scope_of(dee), Filters(segment=second.pk))} == {CHEN, QUIET, SMITH} & {
        5,
        6,
        4,
    }


def test_a_segment_is_open_to_those_it_is_shared_with(company: dict[str, User]) -> None:
    ann, mia, bo = (company[name] for name in ("ann", "mia", "bo"))
    rows = {
        shared: services.create(
            Draft(shared or "own", {"all": [EAST_REGION]}, shared), asker=asker(ann), actor=ann, now=NOW
        ).pk
        for shared in ("", "team", "all")
    }

    def opened(user: User) -> set[int]:
        return set(Segment.objects.open_to(scope_of(user)).values_list("pk", flat=True))

    assert opened(ann) == set(rows.values())
    assert opened(mia) == {rows["team"], rows["all"]}
    assert opened(bo) == {rows["all"]}
    with pytest.raises(Segment.DoesNotExist):
        services.change(rows["all"], Draft("Mine now", {"all": [EAST_REGION]}), asker=asker(bo), actor=bo, now=NOW)


# Who came and who went


@pytest.fixture
def followed() -> Iterator[Callable[[], list[Any]]]:
    """What a follower writes on the desk for each change it is told."""

    def write(event: Any) -> None:
        owner = User.objects.get(username="dee")
        for person in event.person_ids:
            SavedView.objects.create(user=owner, name=f"{type(event).__name__} {event.change_id} {person}", query="")

    changes.follow(write)
    yield lambda: sorted((*name.split()[::2],) for name in SavedView.objects.values_list("name", flat=True))
    changes.unfollow(write)


def _segment(dee: User, people: set[int] | None = None) -> Segment:
    row = services.create(Draft("East", {"all": [EAST_REGION]}), asker=asker(dee), actor=dee, now=NOW)
    return changes.settle(row, np.array(sorted(people)), now=NOW, actor=None) if people else row


def test_members_come_and_go_with_the_time_of_each(company: dict[str, User], followed: Callable[[], list[Any]]) -> None:
    row = _segment(company["dee"], {LI, SMITH})
    changes.tell(now=NOW)
    later = NOW + timedelta(days=1)

    changes.work_out(lake(), row.pk, now=later)
    changes.tell(now=later)
    changes.tell(now=later)

    row.refresh_from_db()
    assert row.people == 3
    stays = {m.person_id: (m.entered_at, m.left_at) for m in SegmentMember.objects.filter(segment=row)}
    assert stays == {LI: (NOW, None), SMITH: (NOW, later), WANG: (later, None), ZHANG: (later, None)}
    assert followed() == sorted(
        [("SegmentEntered", str(LI)), ("SegmentEntered", str(SMITH)), ("SegmentEntered", str(WANG)),
         ("SegmentEntered", str(ZHANG)), ("SegmentLeft", str(SMITH))]
    )  # fmt: skip
    assert AuditEntry.objects.filter(verb="work_out_segment").count() == 2


def test_killed_at_any_write_nothing_is_lost_and_nothing_told_twice(
    company: dict[str, User], followed: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = _segment(company["dee"])
    monkeypatch.setattr(changes, "CHUNK", 2)
    writes = {"n": 0, "dies_at": 0}

    class Killed(BaseException):
        pass

    def dying(name: str) -> None:
        deed = getattr(changes, name)

        def either(*args: Any, **kwargs: Any) -> Any:
            writes["n"] += 1
            if writes["n"] == writes["dies_at"]:
                raise Killed
            return deed(*args, **kwargs)

        monkeypatch.setattr(changes, name, either)

    for name in ("_enter", "_leave", "_tell"):
        dying(name)
    wanted = [{WANG, LI, ZHANG}, {ZHANG, SMITH, CHEN, QUIET}]
    deaths = 0
    for people in wanted:
        writes.update(n=0, dies_at=1)
        while True:
            try:
                changes.settle(row, np.array(sorted(people)), now=NOW, actor=None)
                changes.tell(now=NOW)
                break
            except Killed:
                deaths += 1
                writes.update(n=0, dies_at=writes["dies_at"] + 1)

    assert deaths >= 4
    entered = [WANG, LI, ZHANG, SMITH, CHEN, QUIET]
    assert followed() == sorted(
        [("SegmentEntered", str(p)) for p in entered] + [("SegmentLeft", str(p)) for p in (WANG, LI)]
    )
    assert not SegmentChange.objects.filter(told_at=None).exists()
    inside = SegmentMember.objects.filter(segment=row, left_at=None)
    assert set(inside.values_list("person_id", flat=True)) == wanted[1]


def test_a_follower_that_fails_is_told_again_and_leaves_nothing_half_done(company: dict[str, User]) -> None:
    row = _segment(company["dee"], {WANG})
    heard: list[int] = []

    def failing(event: Any) -> None:
        SavedView.objects.create(user=company["dee"], name="half", query="")
        heard.append(event.change_id)
        if len(heard) == 1:
            raise RuntimeError("no")

    changes.follow(failing)
    try:
        assert changes.tell(now=NOW) == 0
        assert not SavedView.objects.filter(name="half").exists()
        assert changes.tell(now=NOW) == 1
    finally:
        changes.unfollow(failing)

    assert heard[0] == heard[1]
    assert SavedView.objects.filter(name="half").count() == 1
    assert row.changes.count() == 1


def test_a_fixed_list_is_kept_within_the_reach_of_whoever_took_it(company: dict[str, User]) -> None:
    dee, mia = company["dee"], company["mia"]
    row = services.create(
        Draft("Complained", {"all": [{"did": "complained", "is": "ge", "value": 1}]}, "all"),
        asker=asker(dee),
        actor=dee,
        now=NOW,
    )
    changes.work_out(lake(), row.pk, now=NOW)

    fixed = services.snapshot(row.pk, "Mine", asker=asker(mia), actor=mia, now=NOW)
    changes.work_out(lake(), fixed.pk, now=NOW)

    assert set(SegmentMember.objects.filter(segment=fixed).values_list("person_id", flat=True)) == {WANG}
    assert who({"segment": fixed.pk, "is": "out"}) == EVERYONE - {WANG}


def test_every_version_of_a_definition_is_kept(company: dict[str, User]) -> None:
    dee = company["dee"]
    row = services.create(Draft("East", {"all": [EAST_REGION]}), asker=asker(dee), actor=dee, now=NOW)
    other = {"all": [{"field": "region", "is": "in", "value": ["广东"]}]}

    services.change(row.pk, Draft("South", other), asker=asker(dee), actor=dee, now=NOW)
    services.change(row.pk, Draft("South", other), asker=asker(dee), actor=dee, now=NOW)

    assert [(v.number, v.name, v.definition) for v in row.versions.all()] == [
        (2, "South", other), (1, "East", {"all": [EAST_REGION]}),
    ]  # fmt: skip


def test_erasing_a_person_takes_them_out_of_every_segment(company: dict[str, User]) -> None:
    from tenure.desk.governance.holdings import HOLDINGS, Wanted

    row = _segment(company["dee"], {WANG, LI})
    services.create(
        Draft("Wang 王小明's group", {"all": [{"field": "city", "is": "in", "value": ["王小明", "杭州"]}]}),
        asker=asker(company["dee"]), actor=company["dee"], now=NOW,
    )  # fmt: skip
    wanted = Wanted((WANG,), (("shop", "C-1"),), {"name": ("王小明",)})

    for name in ("segments", "segment_names"):
        holding = HOLDINGS[name]
        assert holding.left(wanted) > 0
        holding.let_go(wanted, NOW)
        assert holding.left(wanted) == 0

    assert list(SegmentMember.objects.filter(segment=row).values_list("person_id", flat=True)) == [LI]
    assert Customer.objects.filter(pk=WANG).exists()
