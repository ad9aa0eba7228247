"""Tags on a customer's page."""

import pytest

from tests.cast import SMITH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db


def test_a_tag_typed_on_the_page_is_a_chip_that_opens_everybody_with_it(sign_in: SignIn) -> None:
    client = sign_in("ann")

    client.post(f"/customers/{WANG}/tags/", {"add": "VIP"})
    page = client.get(f"/customers/{WANG}/").content.decode()

    assert ">VIP</a>" in page
    field = page.partition('name="field" value="')[2].partition('"')[0]
    listed = client.get(f"/customers/?c_{field}=vip").content.decode()
    assert "王小明" in listed
    assert "李娜" not in listed
    client.post(f"/customers/{WANG}/tags/", {"field": field, "remove": "vip"})
    assert ">VIP</a>" not in client.get(f"/customers/{WANG}/").content.decode()


def test_a_label_that_is_none_is_said_on_the_page(sign_in: SignIn) -> None:
    response = sign_in("ann").post(f"/customers/{WANG}/tags/", {"add": "a, b"}, follow=True)

    assert "has a comma or the like in it" in response.content.decode()


def test_a_customer_out_of_reach_is_not_tagged(sign_in: SignIn) -> None:
    assert sign_in("ann").post(f"/customers/{SMITH}/tags/", {"add": "VIP"}).status_code == 404
