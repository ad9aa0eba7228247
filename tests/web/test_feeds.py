"""The pages of feeds and migrations, as a person goes through them."""

from pathlib import Path
from typing import Any

import pytest

from tenure.desk.work.jobs import work_off
from tenure.desk.work.models import Feed, Migration
from tests.cast import MONDAY
from tests.sources.databases import Written, sqlite_address

pytestmark = pytest.mark.django_db
SECRET = "hunter-two"


@pytest.fixture
def old(tmp_path: Path) -> Any:
    written = Written(sqlite_address(tmp_path))
    written.run("CREATE TABLE accounts (account, sector, changed_at)")
    names = [(f"A-{n}", "technolgy" if n < 3 else "medical", "2026-03-01 10:00:00") for n in range(20)]
    written.run("INSERT INTO accounts VALUES", names)
    yield written
    written.close()


@pytest.fixture
def dee(sign_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Dee at the pages of an empty workspace."""
    client = sign_in("dee")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TENURE_HOME", str(home))
    return client


def text(response: Any) -> str:
    return str(response.content.decode())


def test_an_address_is_tried_before_anything_is_kept_and_never_shown_again(dee: Any, old: Written) -> None:
    refused = dee.post("/data/feeds/new/", {"dsn": f"postgresql://reader:{SECRET}@127.0.0.1:1/shop"})
    assert "Nobody answers at 127.0.0.1, port 1" in text(refused)
    assert SECRET not in text(refused)

    tried = dee.post("/data/feeds/new/", {"dsn": old.address})
    token = tried.context["token"]
    assert "accounts" in text(tried)
    forged = dee.post("/data/feeds/new/", {"token": token[:-8] + "AAAAAAAA"})
    assert "The form is too old" in text(forged)

    dee.post(
        "/data/feeds/new/",
        {"token": token, "table": "accounts", "contract": "customers", "of": "accounts customers", "name": "Accounts",
         "source": "crm", "field-0": "customer_id", "field-1": "industry", "watermark": "changed_at", "every": "15",
         "save": "1"},
    )  # fmt: skip

    feed = Feed.objects.get()
    assert (feed.name, feed.dsn, feed.mapping) == (
        "Accounts", old.address, {"account": "customer_id", "sector": "industry"},
    )  # fmt: skip
    assert not Feed.objects.filter(address__contains=SECRET).exists()


def test_a_feed_shows_its_runs_and_offers_to_mend_what_is_misspelt(dee: Any, old: Written) -> None:
    test_an_address_is_tried_before_anything_is_kept_and_never_shown_again(dee, old)
    feed = Feed.objects.get()

    dee.post(f"/data/feeds/{feed.pk}/run/")
    work_off(lambda: MONDAY)
    page = text(dee.get(f"/data/feeds/{feed.pk}/"))
    assert "technolgy" in page
    assert "To the batch" in page
    dee.post(f"/data/feeds/{feed.pk}/mend/", {"mend-0": "1", "to-0": "technology"})

    feed.refresh_from_db()
    assert feed.corrections == {"sector": {"technolgy": "technology"}}
    assert "Accounts" in text(dee.get("/data/feeds/"))
    dee.post(f"/data/feeds/{feed.pk}/pause/")
    assert "Let it go on" in text(dee.get(f"/data/feeds/{feed.pk}/"))
    dee.post(f"/data/feeds/{feed.pk}/remove/")
    assert dee.get(f"/data/feeds/{feed.pk}/").status_code == 404


def test_a_migration_goes_through_its_stages_and_back(dee: Any, old: Written) -> None:
    token = dee.post("/data/migrations/new/", {"dsn": old.address}).context["token"]
    dee.post(
        "/data/migrations/new/",
        {"token": token, "name": "Old CRM", "source": "old", "contract-0": "customers", "key-0": "account",
         "slices-0": "2", "watermark-0": "changed_at", "save": "1"},
    )  # fmt: skip
    made = Migration.objects.get()
    address = f"/data/migrations/{made.pk}/"
    assert "Bring a sample" in text(dee.get(address))

    for verb in ("sample", "open", "compare"):
        dee.post(f"{address}{verb}/")
        work_off(lambda: MONDAY)
    assert "Compared: both systems say the same" in text(dee.get(address))
    dee.post(f"{address}roll-back/")

    made.refresh_from_db()
    assert made.state == "rolled_back"
    assert "Rolled back" in text(dee.get("/data/migrations/"))


@pytest.mark.parametrize("path", ["/data/feeds/", "/data/feeds/new/", "/data/migrations/", "/data/migrations/new/"])
def test_who_may_not_import_sees_no_feeds(sign_in: Any, path: str) -> None:
    for name in ("ann", "ivy", "zed"):
        assert sign_in(name).get(path).status_code in (302, 403)
