"""The data quality page: worst first, every figure opens its records, and nobody sees more there than elsewhere."""

import re
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from tenure.desk.customers.api import publish
from tenure.desk.governance import services
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.governance.roles import BUILT_IN
from tenure.lake import Lake
from tenure.pipeline.quality import STEPS
from tenure.pipeline.run import Context
from tests.cast import CHEN, CUSTOMERS, LI, MONDAY, QUIET, SMITH, WANG, ZHANG, cards, fill
from tests.web import SignIn

pytestmark = pytest.mark.django_db

PHONES = {
    WANG: "65551234",
    LI: "138 0000 0022",
    ZHANG: None,
    SMITH: "打前台",
    CHEN: "13800000055",
    QUIET: "13800000066",
}
EMAILS = dict.fromkeys(CUSTOMERS, "front@example.com") | {WANG: "ming@gmial.com"}


@pytest.fixture(scope="module")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("flawed")
    lake = fill(home / "lake").lake
    rows = [
        {"customer_id": f"C-{p}", "name": name, "phone": PHONES[p], "email": EMAILS[p], "region": region, "extra": None, "row": p}
        for p, (name, _owner, _team, region, _risk, _value) in CUSTOMERS.items()
    ]  # fmt: skip
    columns = ["customer_id", "name", "phone", "email", "region"]
    with lake.receiving("customers", source="crm", columns=columns, ids_of="shop", now=MONDAY, file="crm.csv") as batch:
        batch.append(pa.Table.from_pylist(rows))
    attributes = [
        {"customer_id": f"C-{WANG}", "attribute": "credit_score", "provider": "bureau", "value": value, "number": float(value),
         "observed_at": MONDAY - timedelta(days=days), "row": days, "extra": None}
        for value, days in (("712", 1), ("640", 400))
    ]  # fmt: skip
    columns = ["customer_id", "attribute", "provider", "value", "number", "observed_at"]
    with lake.receiving("external_attributes", source="crm", columns=columns, ids_of="shop", now=MONDAY) as batch:
        batch.append(pa.Table.from_pylist(attributes))
    lake.publish("records/external_attributes", lake.to_arrow(lake.current("external_attributes")))
    lake.publish("records/customers", lake.to_reader(lake.current("customers", sealed=True)), sealed=True)
    STEPS[0].run(Context(lake, SimpleNamespace(), MONDAY, MONDAY))  # type: ignore[arg-type]
    return home


def rows_of(page: str) -> list[str]:
    return [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]]


def test_the_worst_field_stands_first_with_a_sentence(sign_in: SignIn) -> None:
    page = sign_in("dee").get("/quality/?source=crm").content.decode()

    first, second, *_rest = rows_of(page)
    # Five of six share one address; two of six phones are wrong and one is missing.
    assert "E-mail" in first
    assert "83.3%: several people share it" in first
    assert "Phone" in second
    assert "50" in second


def test_every_flaw_opens_the_records_it_is_made_of(sign_in: SignIn) -> None:
    client = sign_in("dee")
    page = client.get("/quality/").content.decode()
    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/quality/rows/[^"]+)"', page)}

    assert len(links) == 5
    for link in links:
        opened = client.get(link)
        assert opened.status_code == 200, link
        assert rows_of(opened.content.decode()), link


def test_the_records_opened_are_those_with_the_flaw_and_lead_to_the_customer(sign_in: SignIn) -> None:
    page = sign_in("dee").get("/quality/rows/?contract=customers&field=phone&flaw=no_area_code").content.decode()

    [row] = rows_of(page)
    assert CUSTOMERS[WANG][0] in row
    assert "65551234" in row
    assert "crm.csv, row 1" in row
    assert f"/customers/{WANG}/" in page


def test_a_mistyped_host_comes_with_what_was_probably_meant(sign_in: SignIn) -> None:
    page = sign_in("dee").get("/quality/rows/?contract=customers&field=email&flaw=host").content.decode()

    [row] = rows_of(page)
    assert "ming@gmial.com" in row
    assert "ming@gmail.com" in row


def test_a_manager_reads_of_the_own_customers_alone(sign_in: SignIn) -> None:
    client = sign_in("mia")

    page = client.get("/quality/").content.decode()
    wrong = client.get("/quality/rows/?contract=customers&field=phone&flaw=no_number").content.decode()
    missing = client.get("/quality/rows/?contract=customers&field=phone&flaw=missing").content.decode()

    assert "3 records" in page
    assert "打前台" not in wrong
    assert rows_of(wrong) == []
    assert CUSTOMERS[ZHANG][0] in missing
    assert client.get("/quality/rows/?contract=orders&field=amount_minor&flaw=missing").status_code == 404


def test_a_role_from_whom_phones_are_kept_is_told_nothing_of_them(sign_in: SignIn) -> None:
    client = sign_in("ivy")

    page = client.get("/quality/?all=1").content.decode()

    assert "Region" in page
    assert "Phone" not in page
    assert "E-mail" not in page
    assert client.get("/quality/rows/?contract=customers&field=phone&flaw=no_area_code").status_code == 404


def test_whose_phones_were_looked_at_is_written_down(sign_in: SignIn) -> None:
    sign_in("dee").get("/quality/rows/?contract=customers&field=phone&flaw=no_area_code")

    assert AuditEntry.objects.filter(verb="read", object_id="quality").get().detail["fields"] == ["phone"]


def test_agents_and_strangers_do_not_get_in(sign_in: SignIn) -> None:
    for address in ("/quality/", "/quality/rows/?contract=customers&field=phone&flaw=missing"):
        assert sign_in("ann").get(address).status_code == 403


def test_an_address_that_names_nothing_is_not_there(sign_in: SignIn) -> None:
    for path in (
        ("nothing", "phone", "missing"), ("customers", "nothing", "missing"), ("customers", "phone", "nothing"),
        ("customers", "customer_id", "missing"), ("", "", ""),
    ):  # fmt: skip  # fmt: skip
        assert (
            sign_in("dee").get(f"/quality/rows/?contract={path[0]}&field={path[1]}&flaw={path[2]}").status_code == 404
        )


def test_no_value_of_anybody_lies_in_the_table_of_quality(filled_home: Any) -> None:
    from tenure.lake import SYSTEM

    lake = Lake(filled_home / "lake")
    told = str(lake.to_arrow(lake.read("quality/fields", actor=SYSTEM)).to_pylist()) + str(lake.document("quality"))

    assert "no_area_code" in told
    for value in ("65551234", "gmial", "example.com", "王小明", "打前台"):
        assert value not in told


def test_a_customers_page_shows_what_the_source_wrote_beside_the_standard(sign_in: SignIn) -> None:
    mia, ivy = (sign_in(name).get(f"/customers/{WANG}/").content.decode() for name in ("mia", "ivy"))

    assert "65551234" in mia
    assert "ming@gmial.com" in mia
    assert "65551234" not in ivy
    assert "gmial" not in ivy


def test_a_customers_page_shows_what_is_known_from_outside_with_provider_and_day(sign_in: SignIn) -> None:
    page = re.sub(r"<[^>]+>|\s+", " ", sign_in("ann").get(f"/customers/{WANG}/").content.decode())

    assert re.search(r"credit_score\s+712\s+bureau · 2026-03-01", page)
    assert "640" not in page


def test_a_customer_on_the_block_list_says_so_on_its_page(sign_in: SignIn) -> None:
    client = sign_in("dee")
    publish(cards(blocked={WANG: True}), as_of=MONDAY, now=MONDAY)

    tag = 'class="t-tag"'
    assert tag in client.get(f"/customers/{WANG}/").content.decode()
    assert tag not in client.get(f"/customers/{LI}/").content.decode()


def test_before_anything_is_counted_the_page_says_what_to_do(
    people: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    client = Client()
    client.force_login(people["dee"])

    assert "tenure refresh" in client.get("/quality/").content.decode()


def test_what_several_share_leads_to_the_duplicates_for_whom_may_join_them(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    analyst = BUILT_IN["analyst"]
    services.save_role(replace(analyst, code="checker", fields={}), actor=company["dee"], now=MONDAY)
    User.objects.filter(username="ivy").update(role="checker")
    shared = "/quality/rows/?contract=customers&field=email&flaw=shared"

    dee, ivy = (sign_in(name).get(shared).content.decode() for name in ("dee", "ivy"))
    other = sign_in("dee").get("/quality/rows/?contract=customers&field=phone&flaw=no_area_code").content.decode()

    assert '<a class="t-more" href="/duplicates/">Look through the likely duplicates</a>' in dee
    assert '<a class="t-more" href="/customers/">Look at these customers</a>' in ivy
    assert '<a class="t-more" href="/data/">' in other
    assert "/duplicates/" not in other.partition("t-warn")[2].partition("</section>")[0]
