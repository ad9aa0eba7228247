"""Every page × role on two teams' customers: what one may not see is nowhere in what the page sends."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenure.desk.customers.models import Customer
from tenure.desk.governance.models import AuditEntry, User
from tenure.web.middleware import POLICY
from tests.cast import CUSTOMERS, EAST, PASSWORD, PEOPLE, SECRET, SMITH, SOUTH, WANG, ZHANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

Walk = Callable[[str], dict[str, tuple[int, str]]]

WORK = ["/", "/today/numbers/", "/customers/", "/customers/?risk=high", "/customers/?q=c"]
INSIGHT = [
    "/insight/",
    "/insight/stages/",
    "/insight/value/",
    "/churn/survival/",
    "/insight/cohorts/",
    "/insight/bridge/",
    "/insight/funnel/",
    "/insight/forecast/",
    "/insight/campaigns/",
    "/churn/model/",
]
ACCOUNTS = [
    "/governance/user/",
    "/governance/user/add/",
    "/governance/team/",
    "/settings/audit/",
    "/settings/sharing/",
    "/settings/sharing/new/",
]
PAGES = [*WORK, "/customers/1/", *INSIGHT, "/data/", *ACCOUNTS]

# role → pages it may not open at all
CLOSED = {
    "dee": [],
    "mia": ACCOUNTS,
    "noa": ACCOUNTS,
    "ann": [*INSIGHT, "/data/", *ACCOUNTS],
    "bo": [*INSIGHT, "/data/", *ACCOUNTS],
    "ivy": ACCOUNTS,
}


def names(of: set[int]) -> list[str]:
    return [CUSTOMERS[person][0] for person in sorted(of)]


@pytest.fixture(scope="module")
def walks() -> dict[str, dict[str, tuple[int, str]]]:
    """What each reader was shown by each page, for all that is asked of the same walk."""
    return {}


@pytest.fixture
def walk(sign_in: SignIn, walks: dict[str, dict[str, tuple[int, str]]]) -> Walk:
    """walk("mia"): status and content of every page, opened by her one after the other; the same company in each test."""

    def walked(name: str) -> dict[str, tuple[int, str]]:
        if name not in walks:
            client = sign_in(name)
            answers = {path: client.get(path) for path in [*WORK, *INSIGHT, "/data/", *ACCOUNTS]}
            walks[name] = {path: (answer.status_code, answer.content.decode()) for path, answer in answers.items()}
        return walks[name]

    return walked


def body(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, (path, response.status_code)
    return response.content.decode()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_opens_in_both_languages_and_loads_nothing_from_elsewhere(sign_in: SignIn, language: str) -> None:
    client = sign_in("dee")

    for path in PAGES:
        response = client.get(path, headers={"accept-language": language})
        assert response.status_code == 200, path
        assert response.headers["Content-Language"] == language
        assert response.headers["Content-Security-Policy"] == POLICY
        html = response.content.decode()
        assert not re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//[^"'\s>]+""", html), path
        assert "url(http" not in html


@pytest.mark.parametrize("name", PEOPLE)
def test_a_page_names_only_the_customers_of_its_reader(walk: Walk, name: str) -> None:
    pages = walk(name)

    for path in [*WORK, *INSIGHT]:
        _status, shown = pages[path]
        assert [who for who in names((EAST | SOUTH) - PEOPLE[name][3]) if who in shown] == [], path
        if path == "/customers/":
            assert [who for who in names(PEOPLE[name][3]) if who not in shown] == []


def test_the_walk_over_the_pages_notices_a_scope_switched_off(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in("ann")
    monkeypatch.setattr("tenure.desk.customers.selectors.reach", lambda scope, prefix="": ~_nothing())

    assert CUSTOMERS[SMITH][0] in body(client, "/customers/")


def _nothing() -> object:
    from django.db.models import Q

    return Q(pk__in=[])


@pytest.mark.parametrize("name", PEOPLE)
def test_360_is_not_found_beyond_reach(sign_in: SignIn, name: str) -> None:
    client = sign_in(name)

    for person in EAST | SOUTH:
        assert client.get(f"/customers/{person}/").status_code == (200 if person in PEOPLE[name][3] else 404)
    assert client.get("/customers/999/").status_code == 404


@pytest.mark.parametrize("name", PEOPLE)
def test_pages_open_by_role_alone_and_the_sidebar_offers_no_other(walk: Walk, name: str) -> None:
    pages = walk(name)
    _status, front = pages["/"]

    for path, (status, _shown) in pages.items():
        closed = path in CLOSED[name]
        assert status == (403 if closed else 200), path
        if closed:
            assert f'href="{path}"' not in front


@pytest.mark.parametrize("name", ["zed", "old", None])
def test_whoever_has_no_role_or_left_or_is_a_stranger_is_sent_to_sign_in(
    company: dict[str, User], name: str | None
) -> None:
    client = Client()
    if name:
        client.force_login(company[name])

    for path in PAGES:
        response = client.get(path)
        assert response.status_code in {302, 403}, path
        assert not any(who in response.content.decode() for who in names(EAST | SOUTH))
    assert client.post("/customers/export/").status_code in {302, 403}
    assert client.post(f"/customers/{WANG}/assign/").status_code in {302, 403}


def test_insight_counts_only_the_readers_customers(sign_in: SignIn) -> None:
    everyone, east = (sign_in(name).get("/insight/").context for name in ("dee", "mia"))

    assert everyone["everyone"] == 6
    assert east["everyone"] == 3
    deciles = sign_in("mia").get("/insight/value/").context["deciles"]
    assert sum(row["value"] for row in deciles) == sum(CUSTOMERS[person][5] for person in EAST)
    assert sign_in("mia").get("/insight/stages/").context["total"] == 3
    cohorts = sign_in("mia").get("/insight/cohorts/").context["cohorts"]
    assert sum(size for _month, size, _row in cohorts) == 3


def test_headline_numbers_are_of_the_readers_customers(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.web.headlines.MONTHS", 13)
    monkeypatch.setattr("tenure.web.headlines.SHOWN", ("revenue",))

    def revenue(name: str) -> dict[str, float]:
        shown = {one.name: one for one in sign_in(name).get("/today/numbers/").context["headlines"]}
        return {f"{m.start:%Y-%m}": m.value for m in shown["Revenue"].months if m.value}

    # Two lines of 10 yuan × person each, in March by everybody.
    assert revenue("dee")["2025-03"] == sum(2_000 * person for person in EAST | SOUTH)
    assert revenue("mia")["2025-03"] == sum(2_000 * person for person in EAST)


def test_the_timeline_tells_each_channel_and_where_it_is_written(sign_in: SignIn) -> None:
    page = sign_in("dee").get(f"/customers/{WANG}/")

    kinds = {code for code, _word, _n in page.context["kinds"]}
    assert kinds == {"orders", "events", "interactions", "cases", "survey_responses", "treatments", "payments"}
    shown = page.content.decode()
    assert SECRET in shown
    assert "cases.csv, row 1" in shown
    assert "came 4 days late" in shown
    assert "9 events" in shown
    assert "view ×6 · search ×3" in shown


def test_the_timeline_narrows_to_a_kind_and_a_channel(sign_in: SignIn) -> None:
    client = sign_in("dee")

    only_calls = client.get(f"/customers/{WANG}/?kind=interactions").context["entries"]
    by_phone = client.get(f"/customers/{WANG}/?channel=phone").context["entries"]

    assert {entry.kind for entry in only_calls} == {"interactions"}
    assert {entry.kind for entry in by_phone} == {"interactions", "cases"}


def test_an_analyst_sees_no_phone_no_email_and_no_free_text(sign_in: SignIn) -> None:
    client = sign_in("ivy")

    for path in (f"/customers/{WANG}/", "/customers/", "/"):
        shown = body(client, path)
        assert "1211" not in shown
        assert "c1@example.com" not in shown
        assert SECRET not in shown
    assert "1211" in body(sign_in("dee"), f"/customers/{WANG}/")


def export(client: Client, **query: str) -> str:
    response = client.post("/customers/export/", query)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["dee", "mia", "noa", "ivy"])
def test_an_export_holds_the_askers_customers_and_columns_and_is_audited(sign_in: SignIn, name: str) -> None:
    text = export(sign_in(name))

    assert [who for who in names(PEOPLE[name][3]) if who not in text] == []
    assert [who for who in names((EAST | SOUTH) - PEOPLE[name][3]) if who in text] == []
    assert ("@example.com" in text) == (name != "ivy")
    assert ("E-mail" in text) == (name != "ivy")
    entry = AuditEntry.objects.get(verb="export")
    assert (entry.actor and entry.actor.username, entry.object_id) == (name, str(len(PEOPLE[name][3])))


def test_an_export_follows_the_lists_filters(sign_in: SignIn) -> None:
    text = export(sign_in("dee"), risk="high", region="浙江")

    assert [line.split(",")[1] for line in text.strip().splitlines()[1:]] == [CUSTOMERS[WANG][0]]


def test_agents_export_nothing(sign_in: SignIn) -> None:
    assert sign_in("ann").post("/customers/export/").status_code == 403
    assert not AuditEntry.objects.filter(verb="export").exists()


@pytest.mark.parametrize("name", ["=1+1", "+cmd|x", "-2", "@sum(a)", " =1", "\t=1", "＝1"])
def test_an_exported_name_is_never_a_formula(sign_in: SignIn, name: str) -> None:
    Customer.objects.filter(pk=WANG).update(name=name)

    assert f"'{name}" in export(sign_in("dee"), q="c-1")


def test_the_name_of_a_customer_cannot_run_as_script(sign_in: SignIn) -> None:
    Customer.objects.filter(pk=WANG).update(name="<script>alert(1)</script>")

    for path in ("/", "/customers/", f"/customers/{WANG}/"):
        assert "<script>alert(1)" not in body(sign_in("dee"), path)


def test_a_manager_assigns_on_the_page_and_an_agent_cannot(sign_in: SignIn, company: dict[str, User]) -> None:
    mia, ann = sign_in("mia"), sign_in("ann")
    to_ann = {"owner": str(company["ann"].pk), "team": str(company["ann"].team_id)}

    assert ann.post(f"/customers/{WANG}/assign/", to_ann).status_code == 403
    assert mia.post(f"/customers/{SMITH}/assign/", to_ann).status_code == 404
    assert mia.post(f"/customers/{ZHANG}/assign/", to_ann).headers["Location"] == f"/customers/{ZHANG}/"
    assert ann.get(f"/customers/{ZHANG}/").status_code == 200


def test_giving_a_customer_away_leads_back_to_the_list(sign_in: SignIn, company: dict[str, User]) -> None:
    away = {"owner": str(company["bo"].pk), "team": str(company["bo"].team_id)}

    assert sign_in("mia").post(f"/customers/{WANG}/assign/", away).headers["Location"] == "/customers/"


def test_counts_follow_an_assignment_at_once(sign_in: SignIn, company: dict[str, User]) -> None:
    ann = sign_in("ann")
    assert ann.get("/").context["totals"].customers == 2

    sign_in("mia").post(f"/customers/{ZHANG}/assign/", {"owner": str(company["ann"].pk), "team": ""})

    assert ann.get("/").context["totals"].customers == 3


@pytest.mark.parametrize(("path", "exactly"), [("/", 7), ("/customers/", 9), ("/customers/?q=wang&risk=high", 10),
                                            (f"/customers/{WANG}/", 17)])  # fmt: skip
def test_a_page_asks_the_database_a_fixed_number_of_times(sign_in: SignIn, path: str, exactly: int) -> None:
    client = sign_in("dee")
    client.get(path)  # figures over the whole base are remembered from the first look

    with CaptureQueriesContext(connection) as asked:
        client.get(path)

    assert len(asked) == exactly, [query["sql"][:120] for query in asked]


def test_the_right_password_lets_in_by_role(company: dict[str, User]) -> None:
    for name, status in (("ann", 302), ("zed", 200), ("old", 200)):
        response = Client().post("/account/login/", {"login": name, "password": PASSWORD})
        assert response.status_code == status, name


def test_the_language_chosen_stays_with_the_account(sign_in: SignIn, company: dict[str, User]) -> None:
    sign_in("ann").post("/language/", {"language": "zh-hans", "next": "/"})

    assert "需要关注的客户" in sign_in("ann").get("/", headers={"accept-language": "en"}).content.decode()


def test_an_account_is_opened_changed_and_audited_on_its_page(sign_in: SignIn, company: dict[str, User]) -> None:
    dee = sign_in("dee")
    given = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true", "role": "agent",
             "team": str(company["ann"].team_id), "regions": "[]", "first_name": "Eve", "last_name": "", "email": "",
             "language": "zh-hans"}  # fmt: skip

    assert dee.post("/governance/user/add/", given).status_code == 302
    eve = User.objects.get(username="eve")
    assert (eve.role, eve.team, eve.check_password(PASSWORD)) == ("agent", company["ann"].team, True)

    changed = {
        name: given[name] for name in ("username", "team", "regions", "first_name", "last_name", "email", "language")
    }
    assert dee.post(f"/governance/user/{eve.pk}/change/", {**changed, "role": "analyst"}).status_code == 302
    eve.refresh_from_db()
    assert (eve.role, eve.is_active) == ("analyst", False)
    assert list(AuditEntry.objects.filter(object_id=eve.pk).order_by("pk").values_list("verb", flat=True)) == [
        "create_user",
        "change_access",
    ]


def test_before_the_first_refresh_today_says_what_to_do(people: dict[str, User]) -> None:
    client = Client()
    client.force_login(people["dee"])

    assert "tenure import" in body(client, "/")
    assert "tenure import" in body(client, "/customers/")


def test_without_records_each_part_of_insight_names_the_import_that_lights_it_up(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    client = Client()
    client.force_login(people["dee"])

    for path in INSIGHT:
        assert "tenure import" in body(client, path), path
