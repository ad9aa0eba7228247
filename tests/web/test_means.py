"""What a customer prefers and can spend, on the customer's page."""

from dataclasses import replace

import pytest

from tenure.desk.customers.models import Publication
from tenure.desk.governance import services
from tenure.desk.governance.access import role_named
from tenure.desk.governance.models import User
from tests.cast import LI, MONDAY, SMITH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db


def test_the_page_of_a_customer_fetches_preferences_with_how_often_they_were_so(sign_in: SignIn) -> None:
    client = sign_in("ann")

    assert f'hx-get="/customers/{WANG}/means/"' in client.get(f"/customers/{WANG}/").content.decode()
    piece = client.get(f"/customers/{WANG}/means/").content.decode()
    assert "Buys through" in piece
    assert "5 of 5 times" in piece  # every second month, March to November 2025
    assert "¥20" in piece  # two lines of 1,000 cents an order


def test_purchasing_power_is_told_beside_the_customers_the_reader_sees(sign_in: SignIn) -> None:
    # Every customer of the cast spends the same on a day: then there is no above.
    assert "Purchasing power" not in sign_in("ivy").get(f"/customers/{LI}/means/").content.decode()


def test_who_may_not_see_amounts_learns_nothing_of_means(sign_in: SignIn, company: dict[str, User]) -> None:
    agent = role_named("agent")
    services.save_role(replace(agent, fields={**agent.fields, "amounts": "hidden"}), actor=None, now=MONDAY)

    piece = sign_in("ann").get(f"/customers/{WANG}/means/").content.decode()

    assert "Buys through" in piece
    assert "Usual order" not in piece
    assert "¥" not in piece


def test_a_customer_out_of_reach_is_not_there(sign_in: SignIn) -> None:
    assert sign_in("ann").get(f"/customers/{SMITH}/means/").status_code == 404


def test_of_somebody_with_less_than_three_orders_it_says_why_there_is_nothing(sign_in: SignIn) -> None:
    # Nobody of the cast has a fourth of their orders in the two years before this day.
    Publication.objects.update(as_of=MONDAY.replace(year=2025, month=3, day=20))

    assert "Not enough data" in sign_in("dee").get(f"/customers/{LI}/means/").content.decode()
