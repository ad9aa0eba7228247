"""From a finding of data quality to the Archived page and back, as people click it, each as far as they may see."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.customers.models import ArchivedRecord, Archiving, Customer
from tenure.desk.governance.models import AuditEntry
from tests.cast import CUSTOMERS, LI, SMITH, WANG, ZHANG
from tests.web import SignIn
from tests.web.test_quality import filled_home as made_home  # noqa: F401 - the company with flawed records

pytestmark = pytest.mark.django_db
WRONG = {"contract": "customers", "field": "phone", "flaw": "no_number"}
MISSING = {"contract": "customers", "field": "phone", "flaw": "missing"}
SHARED = {"contract": "customers", "field": "email", "flaw": "shared"}


@pytest.fixture
def filled_home(made_home: Any, tmp_path: Path) -> Path:  # noqa: F811
    home = tmp_path / "home"
    shutil.copytree(made_home, home)
    return home


def boxes(page: str) -> list[str]:
    from html import unescape

    return [unescape(value) for value in re.findall(r'name="row" value="([^"]+)"', page)]


def rows_page(client: Any, asked: dict[str, str]) -> str:
    return str(client.get("/quality/rows/", asked).content.decode())


def test_the_chosen_records_of_a_finding_go_to_archived_and_come_back(sign_in: SignIn) -> None:
    client = sign_in("dee")
    [one] = boxes(rows_page(client, WRONG))

    told = client.post(
        "/quality/archive/", WRONG | {"row": one, "reason": "A desk, not a customer", "some": ""}, follow=True
    )
    page = told.content.decode()

    assert "Archived 1 records" in page
    assert CUSTOMERS[SMITH][0] in page
    assert "A desk, not a customer" in page
    assert "Phone: " in page
    row = ArchivedRecord.objects.get()
    assert (row.key, row.own_id) == (f"C-{SMITH}", SMITH)
    back = client.post("/data/archived/back/", {"row": str(row.pk), "some": ""}, follow=True).content.decode()
    assert "Brought 1 records back" in back
    assert not ArchivedRecord.objects.exists()
    assert list(AuditEntry.objects.filter(verb__endswith="_records").values_list("verb", flat=True).order_by("pk")) == [
        "archive_records", "bring_back_records",
    ]  # fmt: skip


def test_all_of_a_finding_goes_at_once_and_one_click_brings_all_back(sign_in: SignIn) -> None:
    client = sign_in("dee")
    page = rows_page(client, SHARED)
    assert "Archive all 5" in page

    client.post("/quality/archive/", SHARED | {"all": "", "expected": "5", "reason": "One address for all"})
    assert ArchivedRecord.objects.count() == 5
    deed = Archiving.objects.get().deed
    assert "Bring all 5 back" in client.get("/data/archived/", {"deed": deed}).content.decode()

    client.post("/data/archived/back/", {"deed": deed, "all": ""})

    assert not ArchivedRecord.objects.exists()
    assert client.get("/data/archived/", {"deed": deed}).status_code == 404


def test_without_a_reason_or_a_choice_nothing_goes(sign_in: SignIn) -> None:
    client = sign_in("dee")
    [one] = boxes(rows_page(client, WRONG))

    for sent in ({"row": one, "reason": " "}, {"reason": "x"}, {"row": "no json", "reason": "x"}, {"row": "7", "reason": "x"},
                 {"row": '["shop", "C-1"]', "reason": "x"}):  # fmt: skip
        assert client.post("/quality/archive/", WRONG | sent).status_code == 302
    assert client.post("/data/archived/back/", {"row": "x", "some": ""}).status_code == 302
    assert not Archiving.objects.exists()


def test_a_manager_archives_and_finds_the_own_customers_alone(sign_in: SignIn) -> None:
    mia, dee = sign_in("mia"), sign_in("dee")
    places = boxes(rows_page(dee, SHARED))
    dee.post(
        "/quality/archive/", SHARED | {"row": [one for one in places if f"C-{SMITH}" in one], "reason": "of the South"}
    )
    mia.post("/quality/archive/", MISSING | {"row": boxes(rows_page(mia, MISSING)), "reason": "of the East"})

    assert set(ArchivedRecord.objects.values_list("own_id", flat=True)) == {SMITH, ZHANG}
    page = mia.get("/data/archived/").content.decode()
    assert "of the East" in page
    assert "of the South" not in page
    assert CUSTOMERS[SMITH][0] not in page
    mia.post("/data/archived/back/", {"row": str(ArchivedRecord.objects.get(own_id=SMITH).pk), "some": ""})
    assert ArchivedRecord.objects.filter(own_id=SMITH).exists()


def test_who_may_look_but_not_archive_has_no_button_and_is_refused(sign_in: SignIn) -> None:
    ivy = sign_in("ivy")
    asked = {"contract": "customers", "field": "region", "flaw": "missing"}
    Customer.objects.filter(pk__in=[WANG, LI]).exists()

    assert "Archive the chosen" not in rows_page(ivy, asked)
    assert ivy.post("/quality/archive/", asked | {"all": "", "reason": "x"}).status_code == 403
    assert ivy.get("/data/archived/").status_code == 200
    assert sign_in("ann").get("/data/archived/").status_code == 403


def test_the_rule_for_stale_records_is_set_where_they_are_listed(sign_in: SignIn) -> None:
    client = sign_in("dee")
    asked = {"contract": "customers", "field": "", "flaw": "stale"}

    assert 'value="24"' in rows_page(client, asked)
    client.post("/quality/stale/", asked | {"months": "36"})
    page = rows_page(client, asked)

    assert 'value="36"' in page
    assert (
        "Say from 1 to 240 months"
        in client.post("/quality/stale/", asked | {"months": "x"}, follow=True).content.decode()
    )
    assert "Set the rule" not in rows_page(sign_in("mia"), asked)
