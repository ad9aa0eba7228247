"""The segment builder and the analyst's page, as a browser without scripts uses them."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tenure.desk.customers.models import Segment, SegmentMember
from tenure.desk.governance.models import AuditEntry, User
from tests.cast import CUSTOMERS, LI, SECRET, SMITH, WANG

pytestmark = pytest.mark.django_db

SignIn = Callable[[str], Client]
EAST = {"n.mode": "all", "n.0.ask": "field:region", "n.0.is": "in", "n.0.value": "浙江", "n.0.many": "1"}


def made(client: Client, name: str = "East", **sent: str) -> Segment:
    answer = client.post("/segments/new/", {"name": name, **EAST, **sent})
    assert answer.status_code == 302, answer.content.decode()
    return Segment.objects.get(name=name)


def test_what_is_typed_is_what_is_kept(sign_in: SignIn) -> None:
    sent = {
        **EAST, "n.1.mode": "any", "n.1.0.ask": "did:bought", "n.1.0.what": "sum", "n.1.0.of": "amount_base_minor",
        "n.1.0.is": "ge", "n.1.0.value": "12.5", "n.1.0.window": "days", "n.1.0.days": "400", "n.1.0.w0.column": "channel",
        "n.1.0.w0.is": "in", "n.1.0.w0.value": "app，web", "n.1.0.w0.many": "1", "n.1.1.ask": "consent:marketing",
        "n.1.1.channel": "mail", "n.1.1.is": "yes",
    }  # fmt: skip

    sign_in("dee").post("/segments/new/", {"name": "Nested", **sent})

    assert Segment.objects.get().definition == {"all": [
        {"field": "region", "is": "in", "value": ["浙江"]},
        {"any": [
            {"did": "bought", "what": "sum", "of": "amount_base_minor", "is": "ge", "value": "12.5", "days": "400",
             "where": [{"column": "channel", "is": "in", "value": ["app", "web"]}]},
            {"consent": "marketing", "channel": "mail", "is": "yes"}]}]}  # fmt: skip


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("add n", {"all": [{"field": "region", "is": "in", "value": ["浙江"]}, {}]}),
        ("group n", {"all": [{"field": "region", "is": "in", "value": ["浙江"]}, {"any": [{}]}]}),
        ("drop n.0", {"all": []}),
        ("drop n.7", {"all": [{"field": "region", "is": "in", "value": ["浙江"]}]}),
    ],
)
def test_a_button_of_the_builder_moves_conditions_and_saves_nothing(do: str, expected: Any) -> None:
    from django.http import QueryDict

    from tenure.web.segment_form import from_form

    sent = QueryDict(mutable=True)
    sent.update({**EAST, "do": do})

    assert from_form(sent) == expected


def test_the_builder_counts_while_conditions_change_and_says_them_in_words(sign_in: SignIn) -> None:
    client = sign_in("mia")

    counted = client.post("/segments/count/", EAST).content.decode()
    wrong = client.post("/segments/count/", {**EAST, "n.1.ask": "field:value_decile", "n.1.is": "ge", "n.1.value": "x"})

    assert "<b>3</b>" in counted
    assert "Region is 浙江" in counted
    assert "地区是浙江" in counted
    assert CUSTOMERS[WANG][0] in counted
    assert CUSTOMERS[SMITH][0] not in counted
    assert "<b>2</b> &quot;Value decile&quot; is compared with a number" in wrong.content.decode()
    assert client.post("/segments/build/", {**EAST, "do": "group n"}).status_code == 200


def test_a_segment_shows_its_customers_narrows_the_list_and_says_why(sign_in: SignIn) -> None:
    client = sign_in("dee")
    row = made(client, shared="all")

    page = client.get(f"/segments/{row.pk}/?customer=C-{SMITH}").content.decode()
    listed = client.get(f"/customers/?segment={row.pk}").content.decode()
    exported = client.post("/customers/export/", {"segment": row.pk})

    assert "not in the segment" in page
    assert "✗" in page
    assert "Open the customers" in page
    assert CUSTOMERS[WANG][0] in listed
    assert CUSTOMERS[SMITH][0] not in listed
    assert "Segment: East" in listed
    assert len(list(csv.reader(io.StringIO(b"".join(exported.streaming_content).decode())))) == 4  # type: ignore[attr-defined]
    # A colleague sees those within their own reach alone.
    assert "<b>3</b>" in sign_in("mia").get(f"/segments/{row.pk}/").content.decode()
    assert "<b>0</b>" in sign_in("noa").get(f"/segments/{row.pk}/").content.decode()
    assert sign_in("ann").get(f"/segments/{row.pk}/").status_code == 403
    assert CUSTOMERS[LI][0] in sign_in("ann").get(f"/customers/?segment={row.pk}").content.decode()


def test_keeping_a_list_and_putting_a_segment_away(sign_in: SignIn) -> None:
    client = sign_in("dee")
    row = made(client)

    kept = client.post(f"/segments/{row.pk}/keep/", {"name": "As of now"})
    client.post(f"/segments/{row.pk}/put-away/")

    assert kept.status_code == 302
    assert [(one.name, one.kind, one.people) for one in Segment.objects.filter(archived_at=None)] == [
        ("As of now", "static", 3)
    ]
    assert client.get(f"/segments/{row.pk}/").status_code == 404


def test_another_persons_segment_is_not_there_to_be_changed(sign_in: SignIn) -> None:
    row = made(sign_in("dee"), shared="all")
    private = made(sign_in("dee"), "Private")
    mia = sign_in("mia")

    assert mia.get(f"/segments/{private.pk}/").status_code == 404
    assert mia.post(f"/segments/{row.pk}/edit/", {"name": "Mine", **EAST}).status_code == 404
    assert mia.post(f"/segments/{row.pk}/put-away/").status_code == 404


# SQL


def test_an_analyst_asks_takes_and_keeps_what_they_may_see(sign_in: SignIn) -> None:
    ivy = sign_in("ivy")
    sql = "SELECT person_id, name, phone FROM customers WHERE region = '浙江' ORDER BY person_id"

    refused = ivy.post("/analyst/", {"sql": sql}).content.decode()
    page = ivy.post("/analyst/", {"sql": sql.replace(", phone", "")}).content.decode()
    taken = ivy.post("/analyst/", {"sql": sql.replace(", phone", ""), "take": "1"})
    kept = ivy.post("/analyst/", {"sql": sql.replace(", phone", ""), "keep": "1", "name": "From SQL"})

    assert "phone" in refused
    assert "can&#x27;t be answered" in refused
    assert CUSTOMERS[WANG][0] in page
    assert CUSTOMERS[SMITH][0] not in page
    assert "3 rows" in page
    assert b"".join(taken.streaming_content).decode().count("\n") == 4  # type: ignore[attr-defined]
    assert kept.status_code == 302
    row = Segment.objects.get()
    assert row.is_static
    assert row.definition == {"guards": ["name"]}
    assert SegmentMember.objects.filter(segment=row).count() == 3
    entries = AuditEntry.objects.filter(verb="ask_sql")
    assert entries.count() == 4
    assert SECRET not in json.dumps([entry.detail for entry in entries])
    assert {entry.detail["answered"] for entry in entries} == {None, 3}


def test_who_may_not_ask_sql_finds_no_page(sign_in: SignIn) -> None:
    assert sign_in("mia").post("/analyst/", {"sql": "SELECT 1"}).status_code == 403


def test_a_list_kept_from_sql_is_restricted_for_whom_its_tables_hide_more(
    company: dict[str, User], sign_in: SignIn
) -> None:
    from dataclasses import replace

    from tenure.desk.customers.segments.asking import Asker, restricted
    from tenure.desk.governance.access import scope_of

    sign_in("ivy").post(
        "/analyst/", {"sql": "SELECT person_id FROM customers WHERE value_decile > 3", "keep": "1", "name": "Rich"}
    )

    row = Segment.objects.get()
    assert row.definition == {"guards": ["amounts"]}
    assert restricted(row, Asker(replace(scope_of(company["mia"]), hidden=frozenset({"amounts"}))))
    assert not restricted(row, Asker(scope_of(company["dee"])))


# For programs


def test_programs_make_count_and_read_segments_within_their_reach(company: dict[str, User]) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from tenure.desk.governance import keys

    def client(name: str) -> Client:
        user = company[name]
        until = timezone.now() + timedelta(days=9)
        made = keys.make_key(user, role=user.role, expires_at=until, name="P", actor=None, now=timezone.now())[1]
        return Client(headers={"Authorization": f"Bearer {made}"})

    def send(by: Client, path: str, **told: Any) -> Any:
        return by.post(f"/api/v1/segments{path}", json.dumps(told), content_type="application/json")

    complained = {"all": [{"did": "complained", "is": "ge", "value": 1}]}
    dee, mia = client("dee"), client("mia")

    row = send(dee, "", name="Complained", definition=complained, shared="all").json()
    wrong = send(dee, "/count", definition={"all": [{"field": "shoe_size", "is": "ge"}]})

    assert (row["words"]["zh"], row["restricted"]) == ("投诉至少 1 次", False)
    assert (wrong.status_code, "shoe_size" in wrong.json()["detail"]) == (422, True)
    assert [send(one, "/count", definition=complained).json()["count"] for one in (dee, mia)] == [2, 1]
    assert [one["name"] for one in mia.get("/api/v1/segments").json()] == ["Complained"]
    members = mia.get(f"/api/v1/segments/{row['id']}/members").json()
    assert ([one["person_id"] for one in members["members"]], members["next"]) == ([WANG], None)
    first = dee.get(f"/api/v1/segments/{row['id']}/members?limit=1").json()
    assert first["next"] == WANG
    second = dee.get(f"/api/v1/segments/{row['id']}/members?limit=1&after={WANG}").json()
    assert ([one["person_id"] for one in second["members"]], second["next"]) == ([SMITH], None)


@pytest.mark.django_db(transaction=True)
def test_segments_follow_the_figures_as_they_are_published(company: dict[str, User], sign_in: SignIn) -> None:
    from datetime import timedelta

    from tenure.desk.customers.api import publish
    from tests.cast import MONDAY, cards

    row = made(sign_in("dee"))
    SegmentMember.objects.filter(segment=row, person_id=WANG).delete()

    publish(cards(), as_of=MONDAY + timedelta(days=1), now=MONDAY + timedelta(days=1))

    row.refresh_from_db()
    assert SegmentMember.objects.filter(segment=row, left_at=None, person_id=WANG).exists()
    assert row.as_of == MONDAY + timedelta(days=1)
    assert not row.changes.filter(told_at=None).exists()


def test_the_command_line_asks_as_somebody(company: dict[str, User], capsys: pytest.CaptureFixture[str]) -> None:
    from tenure.cli.show import Format
    from tenure.cli.sql import sql
    from tenure.errors import TenureError

    question = "SELECT count(*) AS n FROM customers"
    sql(question, user="mia", seconds=20, format=Format.json)
    sql(question, user=None, seconds=20, format=Format.csv)
    with pytest.raises(TenureError, match="no user"):
        sql(question, user="nemo", seconds=20, format=Format.json)

    assert capsys.readouterr().out.split() == ["[", "{", '"n":', "3", "}", "]", "n", "6"]
    asked = AuditEntry.objects.filter(verb="ask_sql").order_by("pk")
    assert [entry.actor and entry.actor.username for entry in asked] == ["mia", None]
