"""The pages of the metric catalogue: figures within reach, told apart, opened to the records, taken out as a file."""

import csv
import io
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from tenure.desk.customers.segments import changes, services
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.customers.segments.services import Draft
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tests.cast import CUSTOMERS, EAST, MONDAY, SOUTH
from tests.web import SignIn

pytestmark = pytest.mark.django_db

MARCH_2025 = "from=2025-03-01&to=2025-04-01"
REVENUE = {
    person: 2_000 * person for person in EAST | SOUTH
}  # two lines of 10 yuan × person each in March by everybody


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def test_the_catalogue_comes_at_once_and_a_chapter_not_counted_yet_follows(sign_in: SignIn) -> None:
    client = sign_in("dee")
    caches["figures"].clear()

    first = read(client, "/metrics/")
    piece = read(client, "/metrics/chapter/satisfaction/")
    again = read(client, "/metrics/")

    assert 'hx-get="/metrics/chapter/satisfaction/"' in first
    assert "Net promoter score" in piece
    assert 'hx-get="/metrics/chapter/satisfaction/"' not in again
    assert "Net promoter score" in again


def test_a_metric_without_records_says_why_and_which_import_would_light_it_up(sign_in: SignIn) -> None:
    piece = read(sign_in("dee"), "/metrics/chapter/operations/")

    assert "Not enough data, because there are no stock among the records." in piece
    assert "tenure import stock.csv --as stock" in piece
    assert "nan" not in piece.lower()


def test_what_is_there_but_for_a_column_names_the_column(sign_in: SignIn) -> None:
    page = read(sign_in("dee"), "/metrics/contribution_margin/figures/")

    assert "no record of orders says “Cost”" in page


def test_a_metric_s_page_tells_what_it_means_and_each_period_opens_its_records(sign_in: SignIn) -> None:
    client = sign_in("dee")
    client.get("/metrics/revenue/figures/?grain=quarter&by=team")
    page = read(client, "/metrics/revenue/?grain=quarter&by=team")

    assert "sales − refunds + fees" in page
    assert "/metrics/revenue/behind/?from=2025-10-01&amp;to=2026-01-01" in page
    assert "2025 Q4" in page


@pytest.mark.parametrize(("name", "reached"), [("dee", EAST | SOUTH), ("mia", EAST)])
def test_a_drill_holds_the_asker_s_customers_and_adds_up(sign_in: SignIn, name: str, reached: set[int]) -> None:
    answer = sign_in(name).get(f"/metrics/revenue/behind/?{MARCH_2025}")

    assert {row["person"] for row in answer.context["rows"]} == reached
    assert answer.context["told"]["numerator"] == sum(REVENUE[person] for person in reached)


def test_a_part_of_a_dimension_opens_its_own_customers(sign_in: SignIn) -> None:
    answer = sign_in("dee").get(f"/metrics/revenue/behind/?{MARCH_2025}&by=team&part=East")

    assert {row["person"] for row in answer.context["rows"]} == EAST


def test_parts_are_of_the_asker_s_customers(sign_in: SignIn) -> None:
    parts = sign_in("mia").get("/metrics/active_customers/figures/?grain=year&by=team").context["parts"]

    assert [(part["name"], part["count"]) for part in parts] == [("East", 3)]


@pytest.fixture
def segments(company: dict[str, User]) -> tuple[int, int]:
    """Two segments of dee's, who alone may use them: whoever lives in 浙江, and WANG with LI."""
    dee, made = company["dee"], []
    for name, told in (("Zhejiang", {"field": "region", "is": "in", "value": ["浙江"]}),
                       ("Far from new", {"field": "frequency", "is": "le", "value": 2})):  # fmt: skip
        row = services.create(Draft(name, told), asker=asker_of(dee, scope_of(dee)), actor=dee, now=MONDAY)
        made.append(changes.work_out(lake(), row.pk, now=MONDAY, actor=dee).pk)
    return made[0], made[1]


def test_segments_somebody_built_tell_a_metric_apart_and_open_their_own_customers(
    sign_in: SignIn, segments: tuple[int, int]
) -> None:
    client, (east, old) = sign_in("dee"), segments

    one = client.get(f"/metrics/active_customers/figures/?grain=year&by=own:{east}").context
    both = client.get(f"/metrics/active_customers/figures/?grain=year&by=own:{east}&own={old}")
    drilled = client.get(f"/metrics/revenue/behind/?{MARCH_2025}&by=own:{east},{old}&part=0").context["rows"]

    assert {part["name"]: part["count"] for part in one["parts"]} == {"Zhejiang": 3, "Not in it": 3}
    assert {part["name"]: part["count"] for part in both.context["parts"]} == {
        "Zhejiang": 3, "Far from new": 2, "In none of them": 3,
    }  # fmt: skip
    assert f'value="{old}" checked' in both.content.decode()
    assert {row["person"] for row in drilled} == SOUTH


def test_a_segment_that_is_not_the_reader_s_tells_nothing_apart(sign_in: SignIn, segments: tuple[int, int]) -> None:
    client, path = sign_in("ivy"), "/metrics/active_customers"

    page = client.get(f"{path}/figures/?grain=year&by=own:{segments[0]}")

    assert page.context["by"] == "team"
    assert "Zhejiang" not in page.content.decode()
    assert client.get(f"{path}/behind/?{MARCH_2025}&by=own:{segments[0]}&part=0").status_code == 404


def test_an_order_opens_as_a_record_of_its_customer(sign_in: SignIn) -> None:
    orders = sign_in("dee").get(f"/metrics/orders/behind/?{MARCH_2025}").context["rows"]

    assert len(orders) == 6
    assert {row["person"] for row in orders} == EAST | SOUTH


def test_a_figure_that_is_no_sum_names_what_it_is_made_of(sign_in: SignIn) -> None:
    page = read(sign_in("dee"), "/metrics/customer_concentration/behind/")

    assert "/metrics/revenue/behind/" in page


def test_whoever_sees_no_amounts_is_offered_nothing_that_tells_of_money(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenure.desk.governance.roles import BUILT_IN, Role
    from tenure.desk.governance.services import save_role

    analyst = BUILT_IN["analyst"]
    purse = Role("purse", analyst.words, analyst.meaning, "all", analyst.permissions, {"amounts": "hidden"})
    save_role(purse, actor=None, now=MONDAY)
    client = sign_in("ivy")
    User.objects.filter(username="ivy").update(role="purse")

    page = read(client, "/metrics/chapter/revenue/") + read(client, "/metrics/chapter/customers/")

    assert "Orders" in page
    for hidden in ("Revenue", "Customer concentration", "Refund rate", "ARPU"):
        assert hidden not in page
    for name in ("revenue", "refund_rate", "net_revenue_retention", "clv_to_cac"):
        for path in ("", "figures/", "behind/"):
            assert client.get(f"/metrics/{name}/{path}").status_code == 404
        assert client.post(f"/metrics/{name}/export/").status_code == 404


def rows_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_an_export_of_what_is_behind_holds_the_asker_s_customers_and_is_audited(sign_in: SignIn) -> None:
    sent = {"what": "behind", "from": "2025-03-01", "to": "2025-04-01", "format": "csv"}

    table = rows_of(sign_in("mia").post("/metrics/revenue/export/", sent))

    assert {row[0]: float(row[1]) for row in table[1:]} == {CUSTOMERS[p][0]: REVENUE[p] / 100 for p in EAST}
    assert AuditEntry.objects.get(verb="export").object_type == "metric revenue"


def test_figures_leave_as_an_excel_workbook_that_opens(sign_in: SignIn) -> None:
    from openpyxl import load_workbook

    answer = sign_in("dee").post("/metrics/orders/export/", {"format": "xlsx", "by": "channel", "grain": "year"})

    table = [list(row) for row in load_workbook(io.BytesIO(answer.content)).active.values]
    assert table[0][:3] == ["Year", "Channel", "Orders"]
    assert ["2025", "app"] in [row[:2] for row in table]


def test_agents_open_no_metric(sign_in: SignIn) -> None:
    client = sign_in("ann")

    for path in ("", "revenue/", "revenue/figures/", "revenue/behind/", "chapter/revenue/"):
        assert client.get(f"/metrics/{path}").status_code == 403
    assert client.post("/metrics/revenue/export/").status_code == 403


@pytest.mark.parametrize(
    "query",
    ["from=x&to=y", "from=2025-04-01&to=2025-03-01", "from=0001-01-01&to=9999-12-31", "by=nothing&part=x", "page=-1",
     "page=99999", "by=team&part=%00'%3B--"],
)  # fmt: skip
def test_an_address_typed_by_hand_breaks_nothing(sign_in: SignIn, query: str) -> None:
    assert sign_in("dee").get(f"/metrics/orders/behind/?{query}").status_code == 200


def test_before_the_first_refresh_the_catalogue_says_what_to_do(people: Any) -> None:
    client = Client()
    client.force_login(people["dee"])

    assert "tenure refresh" in read(client, "/metrics/")
    assert "tenure refresh" in read(client, "/metrics/nps/")
