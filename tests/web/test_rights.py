"""The pages for what people ask about their own data."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import date

import pytest
from django.test import Client

from tenure.desk.customers.models import Customer
from tenure.desk.governance import rights
from tenure.desk.governance.certificates import verify_certificate
from tenure.desk.governance.models import Retention, SubjectRequest, User
from tenure.errors import TenureError
from tests.cast import MONDAY, SMITH, WANG
from tests.rights.conftest import Shop, dee, filled, shop
from tests.web import SignIn

__all__ = ["dee", "filled", "shop"]

pytestmark = pytest.mark.django_db
REQUESTS = "/settings/requests/"


@pytest.fixture
def desk(shop: Shop, dee: User) -> Client:
    """The pages of a company of its own, with someone signed in who may do everything."""
    from django.core.cache import cache

    cache.clear()
    client = Client()
    client.force_login(dee)
    return client


def opened(desk: Client, kind: str, number: str = "C-1002") -> int:
    answer = desk.post(f"{REQUESTS}open/", {"person": number, "kind": kind, "law": "gdpr", "note": "by letter"})
    found = re.fullmatch(rf"{REQUESTS}(\d+)/", answer.headers["Location"])
    assert found is not None, answer.headers["Location"]
    return int(found[1])


@pytest.mark.parametrize("name", ["mia", "noa", "ann", "bo", "ivy"])
def test_requests_and_retention_are_closed_to_whose_role_lacks_them(sign_in: SignIn, name: str) -> None:
    client = sign_in(name)
    request = rights.open_request("export", WANG, actor=None, now=MONDAY)

    for where in (REQUESTS, f"{REQUESTS}{request.pk}/", f"{REQUESTS}{request.pk}/certificate/", "/settings/retention/"):
        assert client.get(where).status_code == 403, where
    for where in ("open/", *(f"{request.pk}/{deed}/" for deed in ("carry-out", "package", "correct", "refuse"))):
        assert client.post(REQUESTS + where).status_code == 403, where
    assert REQUESTS not in client.get("/").content.decode()


def test_a_role_that_reaches_some_sees_their_requests_alone(sign_in: SignIn, company: dict[str, User]) -> None:
    from tenure.desk.governance.models import CustomRole

    CustomRole.objects.create(
        code="guard", name_en="Guard", name_zh="合规", reach="own", permissions=["today", "customers", "rights"]
    )
    User.objects.filter(username="ann").update(role="guard")
    company["ann"].refresh_from_db()
    theirs = rights.open_request("export", WANG, actor=None, now=MONDAY)
    others = rights.open_request("export", SMITH, actor=None, now=MONDAY)
    client = sign_in("ann")

    shown = client.get(REQUESTS).content.decode()

    assert f"{REQUESTS}{theirs.pk}/" in shown
    assert f"{REQUESTS}{others.pk}/" not in shown
    assert client.get(f"{REQUESTS}{others.pk}/").status_code == 404
    assert client.post(f"{REQUESTS}{others.pk}/package/").status_code == 404
    assert "No customer with exactly this number" in client.post(
        f"{REQUESTS}open/", {"person": "C-4", "kind": "erase"}, follow=True
    ).content.decode()  # fmt: skip


def test_an_export_is_asked_for_and_handed_over(desk: Client) -> None:
    request = opened(desk, "export")
    assert "by letter" in desk.get(f"{REQUESTS}{request}/").content.decode()

    answer = desk.post(f"{REQUESTS}{request}/package/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]

    assert "李娜娜" in archive.read("index.html").decode()
    assert SubjectRequest.objects.get().state == "done"


def test_an_erasure_needs_the_number_typed_again_and_ends_with_a_certificate(desk: Client) -> None:
    request = opened(desk, "erase")
    person = SubjectRequest.objects.get().person_id

    refused = desk.post(f"{REQUESTS}{request}/carry-out/", {"number": "C-1003"}, follow=True)
    assert "Nothing was done" in refused.content.decode()
    assert Customer.objects.filter(pk=person).exists()
    desk.post(f"{REQUESTS}{request}/carry-out/", {"number": "C-1002"})

    assert not Customer.objects.filter(pk=person).exists()
    assert desk.get(f"/customers/{person}/").status_code == 404
    page = desk.get(f"{REQUESTS}{request}/certificate/").content.decode()
    for words in ("Certificate of erasure", "数据删除证明", "Keys destroyed", "销毁密钥", "HMAC"):
        assert words in page
    assert (
        "李娜娜" not in page + desk.get(REQUESTS).content.decode() + desk.get(f"{REQUESTS}{request}/").content.decode()
    )
    file = desk.get(f"{REQUESTS}{request}/certificate/?file=1")
    assert verify_certificate(file.content.decode())["done_by"] == "dee"


def test_one_that_was_cut_off_says_so_and_goes_on(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    request = opened(desk, "anonymise")
    desk.raise_request_exception = False
    with monkeypatch.context() as patched:
        patched.setattr("tenure.lake.erase.forget_computed", lambda *given: 1 / 0)
        assert desk.post(f"{REQUESTS}{request}/carry-out/", {"number": "C-1002"}).status_code == 500

    page = desk.get(f"{REQUESTS}{request}/").content.decode()
    assert "has not come to its end" in page
    assert desk.get(f"{REQUESTS}{request}/certificate/").status_code == 404

    desk.post(f"{REQUESTS}{request}/carry-out/")
    assert SubjectRequest.objects.get().state == "done"


def test_a_correction_on_the_page_shows_at_once(desk: Client) -> None:
    request = opened(desk, "correct")

    desk.post(f"{REQUESTS}{request}/correct/", {"field": "name", "value": "李纳", "more": "1"})
    assert SubjectRequest.objects.get().state == "open"
    desk.post(f"{REQUESTS}{request}/correct/", {"field": "city", "value": "绍兴"})

    assert SubjectRequest.objects.get().state == "done"
    customer = Customer.objects.get(customer_id="C-1002")
    assert (customer.name, customer.city) == ("李纳", "绍兴")


def test_looking_at_a_request_changes_nothing(desk: Client) -> None:
    request = opened(desk, "erase")

    for deed in ("carry-out", "package", "correct", "refuse"):
        assert desk.get(f"{REQUESTS}{request}/{deed}/?number=C-1002").status_code == 405

    assert SubjectRequest.objects.get().state == "open"


def test_what_is_overdue_stands_out_and_comes_first(desk: Client) -> None:
    late, later = opened(desk, "export"), opened(desk, "export", "C-1003")
    SubjectRequest.objects.filter(pk=late).update(due_on=date(2026, 1, 1))

    html = desk.get(REQUESTS).content.decode()

    assert '<b class="t-bad">2026-01-01</b>' in html
    assert html.index(f"{REQUESTS}{late}/") < html.index(f"{REQUESTS}{later}/")


def test_a_refused_request_shows_its_reason(desk: Client) -> None:
    request = opened(desk, "erase")

    desk.post(f"{REQUESTS}{request}/refuse/", {"reason": "An invoice is open"})

    assert "An invoice is open" in desk.get(f"{REQUESTS}{request}/").content.decode()
    assert SubjectRequest.objects.get().state == "refused"


def test_retention_is_set_looked_at_and_dropped_on_its_page(desk: Client) -> None:
    desk.post("/settings/retention/", {"contract": "orders", "months": "1", "what": "delete"})

    html = desk.get("/settings/retention/").content.decode()
    assert re.search(r'Orders</td><td class="t-num">1</td>.*?<td class="t-num">4</td>', html)
    refused = desk.post("/settings/retention/", {"contract": "orders", "months": "x", "what": "delete"}, follow=True)
    assert "from 1 to 1200 months" in refused.content.decode()
    desk.post("/settings/retention/", {"drop": "orders"})
    assert not Retention.objects.exists()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_of_it_opens_in_both_languages(desk: Client, language: str) -> None:
    request = opened(desk, "erase")
    desk.post(f"{REQUESTS}{request}/carry-out/", {"number": "C-1002"})
    others = [opened(desk, kind, "C-1003") for kind in ("export", "correct", "anonymise")]

    for where in (REQUESTS, f"{REQUESTS}{request}/certificate/", "/settings/retention/",
                  *(f"{REQUESTS}{one}/" for one in (request, *others))):  # fmt: skip
        answer = desk.get(where, headers={"accept-language": language})
        assert answer.status_code == 200, where
        assert not re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//""", answer.content.decode())


def test_a_certificate_changed_by_a_byte_is_told(desk: Client) -> None:
    request = opened(desk, "erase")
    desk.post(f"{REQUESTS}{request}/carry-out/", {"number": "C-1002"})
    told = json.loads(desk.get(f"{REQUESTS}{request}/certificate/?file=1").content)

    told["done"][0]["counts"]["rows"] = 99

    with pytest.raises(TenureError, match="changed after it was signed"):
        verify_certificate(json.dumps(told))
