from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast
from django.test.utils import CaptureQueriesContext

from tenure.desk.customers import figures, publishing, services
from tenure.desk.customers.api import publish, shown
from tenure.desk.customers.events import CustomersPublished
from tenure.desk.customers.figures import INDEXED, score_columns
from tenure.desk.customers.models import Customer, Score
from tenure.desk.customers.selectors import moves, scores, totals
from tenure.desk.events import _listeners, subscribe
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import AuditEntry, Team, User
from tenure.lake import SYSTEM
from tests.cast import CHEN, LI, MONDAY, QUIET, TUESDAY, WANG, ZHANG, cards

pytestmark = pytest.mark.django_db

WEDNESDAY = TUESDAY + timedelta(days=1)


def risks() -> dict[int, float | None]:
    return dict(scores(SYSTEM).values_list("customer_id", "churn_probability"))


def test_a_publish_shows_the_new_figures(company: dict[str, User]) -> None:
    publish(cards(churn_probability={LI: 0.9}), as_of=TUESDAY, now=TUESDAY)

    assert risks()[LI] == 0.9
    assert shown() is not None
    assert shown().as_of == TUESDAY  # type: ignore[union-attr]


@pytest.mark.parametrize("at", ["_write_customers", "_write_scores", "_flip"])
def test_a_publish_that_breaks_leaves_the_generation_before_and_the_next_clears_up(
    company: dict[str, User], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(publishing, "CHUNK", 2)
    calls = 0
    original = getattr(publishing, at)

    def breaking(*arguments: Any, **said: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2 or at == "_flip":
            raise OSError("killed")
        original(*arguments, **said)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, at, breaking)
        with pytest.raises(OSError, match="killed"):
            publish(cards(churn_probability={LI: 0.9}), as_of=TUESDAY, now=TUESDAY)

    assert risks()[LI] == 0.08
    assert shown().as_of == MONDAY  # type: ignore[union-attr]
    publish(cards(churn_probability={LI: 0.7}), as_of=TUESDAY, now=TUESDAY)
    assert risks()[LI] == 0.7
    assert Score.objects.count() == 2 * 6


def test_only_the_shown_generation_and_the_one_before_are_kept(company: dict[str, User]) -> None:
    day = TUESDAY
    for _ in range(3):
        last = publish(cards(), as_of=(day := day + timedelta(days=1)), now=TUESDAY)

    assert set(Score.objects.values_list("generation", flat=True)) == {last, last - 1}


def test_the_same_day_again_changes_the_rows_that_differ_in_the_generation_shown(company: dict[str, User]) -> None:
    generation = publish(cards(), as_of=TUESDAY, now=TUESDAY)
    before = dict(Score.objects.filter(generation=generation).values_list("customer_id", "pk"))

    with CaptureQueriesContext(connection) as asked:
        again = publish(cards(churn_probability={LI: 0.6}, risk_band={LI: "high"}), as_of=TUESDAY, now=WEDNESDAY)

    assert again == generation
    assert risks()[LI] == 0.6
    assert dict(Score.objects.filter(generation=generation).values_list("customer_id", "pk")) == before
    (written,) = [one["sql"] for one in asked if 'UPDATE "customers_score"' in one["sql"]]
    # Of what lists are sorted and filtered along, only what moved.
    assert {name for name in INDEXED if f'"{name}" =' in written} == {"risk_key", "at_risk_minor", "risk_band"}
    publication = publishing.Publication.current()
    assert publication is not None
    assert (publication.published_at, publication.previous_as_of) == (WEDNESDAY, MONDAY)
    # Beside the day before, not beside what the same day said first.
    assert totals(SYSTEM, publication).newly_high == 1


def test_the_same_day_again_takes_out_who_has_no_card_any_more(company: dict[str, User]) -> None:
    generation = publish(cards(), as_of=TUESDAY, now=TUESDAY)

    publish(cards().filter(pa.compute.not_equal(cards()["person_id"], QUIET)), as_of=TUESDAY, now=TUESDAY)

    assert QUIET not in risks()
    assert Score.objects.filter(generation=generation).count() == 5


class Versions:
    """Publishes versions of the cards; `lake` is asked for those before."""

    def __init__(self) -> None:
        self.lake: dict[int, pa.Table] = {}
        self.asked: list[int] = []

    def publish(self, rows: pa.Table, now: Any = TUESDAY) -> int:
        self.lake[number := len(self.lake) + 1] = rows
        return publish(rows, as_of=TUESDAY, now=now, who="all", lake_version=number, before=self.before)

    def before(self, version: int) -> pa.Table | None:
        self.asked.append(version)
        return self.lake.get(version)


@pytest.mark.parametrize("known", [True, False], ids=["beside the cards before", "beside the desk"])
def test_the_same_day_again_says_of_each_customer_what_its_card_says(
    company: dict[str, User], monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    versions = Versions()
    if known:
        versions.publish(cards())
    monkeypatch.setattr(figures, "BLOCK", 2)
    monkeypatch.setattr(publishing, "CHUNK", 1)
    changes: list[dict[str, Any]] = [
        {"churn_probability": {LI: 0.61, WANG: None}, "value_base_minor": {CHEN: None}, "recency_days": {ZHANG: 400}},
        {"value_decile": {LI: None, CHEN: 3}, "stage": {WANG: "left"}, "rfm_cell": {WANG: "lost", LI: "new"}},
        {"reasons": {LI: "[]"}, "last_order_on": {WANG: None}, "extra": {ZHANG: '{"b": 1}', CHEN: None}},
        {"monetary_base_minor": {QUIET: 5, LI: None}, "risk_band": {CHEN: "high"}, "tier": {CHEN: "gold"}},
        {"r": {LI: 1}, "stage_why_zh": {QUIET: "久未来"}},
        {},
    ]
    said = [name for name in score_columns() if name not in ("generation", "sealed_under")]
    for changed in changes:
        if known:
            generation = versions.publish(cards(**changed))
        else:
            generation = publish(cards(**changed), as_of=TUESDAY, now=TUESDAY)
        found = list(scores(SYSTEM).order_by("customer_id").values_list(*said))

        Score.objects.filter(generation=generation).delete()
        publish(cards(**changed), as_of=TUESDAY, now=TUESDAY, who="all", lake_version=len(versions.lake))

        assert found == list(scores(SYSTEM).order_by("customer_id").values_list(*said))


def test_what_differs_is_known_by_the_cards_before_only_where_the_desk_shows_them_whole(
    company: dict[str, User],
) -> None:
    versions = Versions()
    versions.publish(cards())
    few = cards().filter(pa.compute.not_equal(cards()["person_id"], QUIET))

    # Not from the very first, which stood beside Monday's; from then on, while nobody wrote anything beside it.
    versions.publish(cards(r={LI: 1}))
    assert versions.asked == [1]
    versions.publish(few)
    assert versions.asked == [1, 2]
    assert QUIET not in risks()
    versions.publish(cards(r={LI: 2}))
    assert scores(SYSTEM).get(customer_id=QUIET)
    Score.objects.filter(customer_id=WANG, generation=publishing.Publication.objects.get().generation).delete()
    versions.publish(cards(r={LI: 3}))
    assert WANG in risks()
    # An earlier version may be gone from the lake.
    versions.lake.clear()
    versions.lake[0] = few
    versions.publish(cards(r={LI: 4}))
    assert scores(SYSTEM).get(customer_id=LI).r == 4


def test_where_most_of_a_day_differs_it_goes_as_a_generation_beside_the_same_day_before(
    company: dict[str, User],
) -> None:
    first = publish(cards(), as_of=TUESDAY, now=TUESDAY)

    last = publish(cards(churn_probability=dict.fromkeys((WANG, LI, ZHANG, CHEN), 0.5)), as_of=TUESDAY, now=TUESDAY)

    publication = publishing.Publication.current()
    assert publication is not None
    assert (publication.generation, publication.previous_as_of) == (last, MONDAY)
    assert not Score.objects.filter(generation=first).exists()


@pytest.mark.parametrize("known", [True, False], ids=["beside the cards before", "beside the desk"])
def test_a_publish_of_the_same_day_that_breaks_half_way_is_finished_by_the_next(
    company: dict[str, User], monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    versions = Versions()

    def published(rows: pa.Table, now: Any = TUESDAY) -> None:
        if known:
            versions.publish(rows, now)
        else:
            publish(rows, as_of=TUESDAY, now=now)

    published(cards())
    monkeypatch.setattr(publishing, "CHUNK", 1)
    later = cards(churn_probability={LI: 0.61, WANG: 0.63})
    write, written = publishing._change_scores, []

    def breaking(columns: Any, rows: Any) -> None:
        if written:
            raise OSError("killed")
        written.append(rows)
        write(columns, rows)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_change_scores", breaking)
        with pytest.raises(OSError, match="killed"):
            published(later, WEDNESDAY)
    assert {risks()[LI], risks()[WANG]} & {0.61, 0.63}
    assert not {risks()[LI], risks()[WANG]} >= {0.61, 0.63}

    published(later, WEDNESDAY)

    assert (risks()[LI], risks()[WANG]) == (0.61, 0.63)
    assert Score.objects.count() == 2 * 6


def test_customers_are_passed_over_only_where_all_of_them_are_known_to_be_shown(
    company: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(name: str, who: str, **broken: Any) -> str:
        publish(cards(name={LI: name}), as_of=TUESDAY, now=TUESDAY, who=who)
        return Customer.objects.get(pk=LI).name

    assert named("李一", "a") == "李一"
    assert named("李二", "a") == "李一"
    assert named("李二", "b") == "李二"
    # Neither is anybody passed over for what was cut off half way …
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_flip", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(cards(name={LI: "李三"}), as_of=TUESDAY, now=TUESDAY, who="c")
    assert named("李二", "b") == "李二"
    # … nor once somebody came whom the records may name as an owner.
    User.objects.create(username="newcomer")
    assert named("李四", "b") == "李四"


def test_a_customer_assigned_on_the_desk_stays_where_it_was_put(company: dict[str, User]) -> None:
    south = Team.objects.get(name="South")
    services.assign_customer(WANG, owner=company["bo"], team=south, scope=SYSTEM, actor=company["dee"], now=TUESDAY)

    publish(cards(), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=WANG)
    assert (customer.owner, customer.team) == (company["bo"], south)


def test_a_customer_the_records_move_goes_with_them(company: dict[str, User]) -> None:
    publish(cards(owner={LI: "bo"}, team={LI: "South"}), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=LI)
    assert (customer.owner, customer.team) == (company["bo"], Team.objects.get(name="South"))


def test_figures_that_stay_go_with_their_customer_into_another_region(company: dict[str, User]) -> None:
    publish(cards(), as_of=TUESDAY, now=TUESDAY)

    publish(cards(region={LI: "广东"}), as_of=TUESDAY, now=TUESDAY)

    assert scores(SYSTEM).get(customer_id=LI).region == "广东"


def test_an_unknown_team_is_made_and_an_unknown_owner_left_open(company: dict[str, User]) -> None:
    publish(cards(owner={LI: "nobody"}, team={LI: "North"}), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=LI)
    assert customer.owner is None
    assert customer.team == Team.objects.get(name="North")


def test_a_person_no_longer_in_the_cards_is_no_longer_listed(company: dict[str, User]) -> None:
    publish(cards().filter(pa.compute.not_equal(cards()["person_id"], QUIET)), as_of=TUESDAY, now=TUESDAY)

    assert QUIET not in risks()


def test_an_empty_refresh_shows_nobody(company: dict[str, User]) -> None:
    publish(cards().slice(0, 0), as_of=TUESDAY, now=TUESDAY)

    assert risks() == {}


def test_text_longer_than_its_column_or_with_a_null_byte_is_published_cut(company: dict[str, User]) -> None:
    publish(cards(name={LI: "长" * 500 + "\x00"}, city={LI: "a\x00b"}), as_of=TUESDAY, now=TUESDAY)

    customer = Customer.objects.get(pk=LI)
    assert customer.name == "长" * 300
    assert customer.city == "ab"


def test_totals_stand_beside_the_refresh_before(company: dict[str, User]) -> None:
    publish(
        cards(churn_probability={LI: 0.9}, risk_band={LI: "high"}, stage={LI: "decline", CHEN: "decline", ZHANG: "left"}),
        as_of=TUESDAY, now=TUESDAY,
    )  # fmt: skip
    publication = publishing.Publication.current()
    assert publication is not None

    found = totals(SYSTEM, publication)

    assert (found.customers, found.high_risk, found.high_risk_before, found.newly_high) == (6, 3, 2, 1)
    assert found.value_at_risk_minor == 310_000 + 81_000 + 74_400 + 165_000 + 35_000
    assert moves(SYSTEM, publication) == [("mature", "decline", 2), ("mature", "left", 1)]
    assert moves(scope_of(company["bo"]), publication) == [("mature", "decline", 1)]


@pytest.mark.django_db(transaction=True)
def test_a_publish_is_audited_and_announced_once_it_is_committed(people: dict[str, User]) -> None:
    heard: list[CustomersPublished] = []
    subscribe(CustomersPublished, heard.append)

    try:
        generation = publish(cards(), as_of=MONDAY, now=MONDAY)
    finally:
        _listeners[CustomersPublished].remove(heard.append)

    assert heard == [CustomersPublished(generation, 6)]
    assert AuditEntry.objects.get(verb="publish").object_id == str(generation)


def test_progress_reaches_the_number_of_rows_customers_first_then_their_figures(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "CHUNK", 4)
    told: list[tuple[int, int]] = []

    publish(cards(), as_of=MONDAY, now=MONDAY, progress=lambda done, total: told.append((done, total)))

    assert told == [(4, 12), (6, 12), (10, 12), (12, 12)]


def customers_written(cards: pa.Table) -> int:
    """How many customers a publish of these cards writes."""
    before = set(Customer.objects.values_list("pk", "sealed_under", Cast("phone", TextField())))
    publish(cards, as_of=TUESDAY, now=TUESDAY)
    # What is sealed again lies otherwise, whatever it says.
    return len(set(Customer.objects.values_list("pk", "sealed_under", Cast("phone", TextField()))) - before)


def test_customers_whose_card_says_what_the_desk_says_are_not_written_again(company: dict[str, User]) -> None:
    assert customers_written(cards()) == 0
    assert customers_written(cards(name={LI: "李娜娜"})) == 1
    assert customers_written(cards(name={LI: "李娜娜"}, also_known_as={WANG: ["crm-1", "erp-9"]})) == 1
    assert Customer.objects.get(pk=LI).name == "李娜娜"
    assert Customer.objects.get(pk=WANG).also_known_as == ["crm-1", "erp-9"]


@pytest.mark.parametrize(
    "changed",
    [{"name": "Somebody"}, {"city": "Nowhere"}, {"phone": "+8613900000000"}, {"email": ""}, {"sealed_under": "gone"},
     {"phone_last4": "0000"}, {"created_on": None}, {"blocked": True}, {"search_text": "?"}, {"region": "广东"}],
)  # fmt: skip
def test_whatever_was_changed_beside_the_records_is_brought_back_to_them(
    company: dict[str, User], changed: dict[str, Any]
) -> None:
    there = Customer.objects.filter(pk=LI)
    index = {name: there.values_list(name, flat=True).get() for name in ("phone_last4", "search_text")}
    there.update(**changed)

    publish(cards(), as_of=TUESDAY, now=TUESDAY)

    found = there.get()
    assert (found.name, found.city, found.region, found.blocked) == ("李娜", "杭州", "浙江", False)
    assert (found.phone, found.email) == ("+8613800001222", "c2@example.com")
    assert (found.created_on, found.sealed_under) == (date(2024, 1, LI), Customer.objects.get(pk=WANG).sealed_under)
    assert index == {name: there.values_list(name, flat=True).get() for name in index}


def test_a_value_that_no_longer_opens_is_put_right(company: dict[str, User]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE customers_customer SET phone = 'tnK1AAAA' WHERE person_id = %s", [LI])

    publish(cards(), as_of=TUESDAY, now=TUESDAY)

    assert Customer.objects.get(pk=LI).phone == "+8613800001222"


def test_figures_reach_their_columns_cut_and_with_keys_for_what_is_unknown(company: dict[str, User]) -> None:
    publish(
        cards(
            churn_probability={LI: 0.25, WANG: None, CHEN: 0.5}, value_base_minor={LI: 9, WANG: 7, CHEN: -50},
            recency_days={LI: None}, monetary_base_minor={LI: None}, tier={LI: "长" * 25 + "\x00"}, reasons={LI: None},
            extra={LI: None, CHEN: '{"a": "b"}'}, stage_why_zh={LI: "一\x00二"},
        ),
        as_of=TUESDAY, now=TUESDAY,
    )  # fmt: skip

    li, wang, chen = (scores(SYSTEM).get(customer_id=one) for one in (LI, WANG, CHEN))
    assert (li.risk_key, li.value_key, li.recency_key, li.spent_key) == (0.25, 9, -1, -(2**62))
    assert (li.recency_days, li.monetary_base_minor, li.reasons, li.extra) == (None, None, [], {})
    assert (li.tier, li.stage_why_zh, li.at_risk_minor) == ("长" * 20, "一二", 2)
    assert (wang.risk_key, wang.churn_probability, wang.at_risk_minor) == (-1, None, 0)
    assert (chen.at_risk_minor, chen.value_key, chen.extra) == (0, -50, {"a": "b"})
    assert (chen.last_order_on, chen.team_id) == (date(2026, 2, CHEN), Team.objects.get(name="South").pk)


def test_a_value_larger_than_a_fraction_holds_to_the_cent_is_published(company: dict[str, User]) -> None:
    publish(cards(churn_probability={LI: 0.5}, value_base_minor={LI: 2**61}), as_of=TUESDAY, now=TUESDAY)

    li = scores(SYSTEM).get(customer_id=LI)
    assert (li.value_key, li.at_risk_minor) == (2**61, 2**60)


def test_nothing_is_said_to_the_customers_table_where_nothing_changed(company: dict[str, User]) -> None:
    with CaptureQueriesContext(connection) as asked:
        publish(cards(), as_of=TUESDAY, now=TUESDAY)

    written = [one["sql"] for one in asked if "customers_customer" in one["sql"] and one["sql"].startswith("INSERT")]
    assert written == []


def indexes() -> set[str]:
    """The names of all indexes of customers and their figures."""
    with connection.cursor() as cursor:
        return {
            name
            for model in (Customer, Score)
            for name in connection.introspection.get_constraints(cursor, model._meta.db_table)
        }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["_write_customers", "_write_scores", "_weigh", "_flip"])
def test_first_customers_are_listed_once_they_are_there_however_often_it_was_killed(
    monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    every = indexes()
    seen: list[set[str]] = []
    original = publishing._write_scores

    def looking(*arguments: Any) -> None:
        seen.append(indexes())
        original(*arguments)

    def killed(*arguments: Any, **said: Any) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(publishing, at, killed)
        with pytest.raises(OSError, match="killed"):
            publish(cards(), as_of=MONDAY, now=MONDAY)
    assert shown() is None
    monkeypatch.setattr(publishing, "_write_scores", looking)
    publish(cards(), as_of=MONDAY, now=MONDAY)

    assert indexes() == every
    assert seen
    assert not any({"score_risk", "customer_pinyin"} & names for names in seen)
    assert all("score_once" in names for names in seen)
    publish(cards(churn_probability={LI: 0.9}), as_of=TUESDAY, now=TUESDAY)
    assert seen[-1] == every
    assert risks()[LI] == 0.9
