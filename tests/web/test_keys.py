"""Settings → API keys: made, shown once, revoked."""

import re

import pytest
from django.utils import timezone

from tenure.desk.governance.keys import authenticate
from tenure.desk.governance.models import Key, User
from tests.web import SignIn

pytestmark = pytest.mark.django_db
ASKED = {"name": "till <b>", "role": "agent", "days": "90"}


def test_a_key_is_shown_this_once_and_opens(sign_in: SignIn) -> None:
    dee = sign_in("dee")

    answer = dee.post("/settings/keys/", ASKED)
    page = answer.content.decode()
    (text,) = re.findall(r'<code id="new-key">([^<]+)</code>', page)
    again = dee.get("/settings/keys/").content.decode()

    assert authenticate(text, timezone.now()) is not None
    assert text not in again
    assert f"tnr_{Key.objects.get().prefix}…" in again
    assert "till &lt;b&gt;" in again
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_manager_sees_the_own_keys_and_no_form_field_makes_one_for_another(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    dee, mia = sign_in("dee"), sign_in("mia")
    dee.post("/settings/keys/", {**ASKED, "name": "of dee"})

    mia.post("/settings/keys/", {**ASKED, "name": "taken", "owner": str(company["dee"].pk)})
    mia.post("/settings/keys/", {**ASKED, "name": "of mia"})
    shown = mia.get("/settings/keys/").content.decode()

    assert "of mia" in shown
    assert "of dee" not in shown
    assert not Key.objects.filter(name="taken").exists()
    assert 'name="owner"' not in shown
    assert '<option value="admin"' not in shown
    theirs = Key.objects.get(name="of dee")
    assert mia.post(f"/settings/keys/{theirs.pk}/revoke/").status_code == 404


def test_an_administrator_makes_a_key_for_another_and_revokes_it(sign_in: SignIn, company: dict[str, User]) -> None:
    dee = sign_in("dee")
    dee.post("/settings/keys/", {**ASKED, "owner": str(company["mia"].pk)})
    key = Key.objects.get()
    assert key.owner == company["mia"]

    assert dee.get(f"/settings/keys/{key.pk}/revoke/").status_code == 405
    assert dee.post(f"/settings/keys/{key.pk}/revoke/").status_code == 302

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "revoked" in dee.get("/settings/keys/").content.decode()


@pytest.mark.parametrize("name", ["ann", "bo"])
def test_agents_have_no_such_page(sign_in: SignIn, name: str) -> None:
    assert sign_in(name).get("/settings/keys/").status_code == 403
    assert sign_in(name).post("/settings/keys/", ASKED).status_code == 403
    assert not Key.objects.exists()


def test_a_form_that_makes_no_sense_makes_no_key(sign_in: SignIn) -> None:
    dee = sign_in("dee")

    for wrong in ({"name": ""}, {"role": "king"}, {"role": ""}):
        assert dee.post("/settings/keys/", {**ASKED, **wrong}).status_code == 200
    assert not Key.objects.exists()
    dee.post("/settings/keys/", {**ASKED, "days": "99999", "owner": "²"})
    assert (Key.objects.get().expires_at - timezone.now()).days <= 30
