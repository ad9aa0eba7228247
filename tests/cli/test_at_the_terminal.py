"""Setting a workspace up, and what a small one says."""

import json
import tomllib

import pytest

from tests.running import tenure

ORDERS = "order_id,customer_id,ordered_at,amount\nA-1,C-1,2026-03-01,19.90\nA-2,C-1,2026-03-09,-5.00\nA-3,C-2,2026-03-10,8.00\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A workspace with three orders, refreshed."""
    home = tmp_path_factory.mktemp("shop") / "home"
    file = home.parent / "orders.csv"
    file.write_text(ORDERS, encoding="utf-8")
    tenure(home, "init", "--company", "Corner shop")
    tenure(home, "import", file, "--as", "orders")
    tenure(home, "refresh")
    return home


def test_init_keeps_what_was_chosen_and_does_not_trample_it(tmp_path):
    home = tmp_path / "home"
    tenure(home, "init", "--company", "Giftware", "--zone", "Europe/London", "--currency", "gbp")

    tenure(home, "init", "--zone", "Asia/Tokyo")

    kept = tomllib.loads((home / "tenure.toml").read_text(encoding="utf-8"))
    assert kept == {"company": "Giftware", "zone": "Europe/London", "currency": "GBP", "demo": False}


def test_a_zone_that_does_not_exist_is_refused_with_an_example(tmp_path):
    said = tenure(tmp_path / "home", "init", "--zone", "Mars/Olympus", fails=True).stderr

    assert 'no time zone "Mars/Olympus"' in said
    assert "Europe/London" in said
    assert not (tmp_path / "home").exists()


def test_metrics_without_records_say_which_import_would_light_them_up(shop):
    found = json.loads(tenure(shop, "show", "metrics", "--format", "json").stdout)

    nps = next(row for row in found if row["metric"] == "nps")
    assert nps["value"] is None
    assert nps["count"] == 0
    assert "survey_responses" in nps["needs"]
    assert "NaN" not in json.dumps(found)


def test_importing_the_very_same_file_again_counts_once_and_says_so(shop, tmp_path):
    home = tmp_path / "home"
    (tmp_path / "one.csv").write_text(ORDERS, encoding="utf-8")
    tenure(home, "import", tmp_path / "one.csv", "--as", "orders")

    said = tenure(home, "import", tmp_path / "one.csv", "--as", "orders", fails=True).stderr
    tenure(home, "import", tmp_path / "one.csv", "--as", "orders", "--again")
    tenure(home, "refresh")

    assert "This very file is in already" in " ".join(said.split())
    (row,) = json.loads(tenure(home, "show", "value", "--customer", "C-1", "--format", "json").stdout)
    assert row["monetary_base_minor"] == 1490


def test_a_user_needs_a_known_role_and_a_name_of_its_own(shop):
    tenure(shop, "user", "add", "dee", "--role", "agent", "--team", "North", TENURE_PASSWORD="correct-horse-battery")

    again = tenure(shop, "user", "add", "dee", TENURE_PASSWORD="correct-horse-battery", fails=True).stderr
    wrong = tenure(
        shop, "user", "add", "bo", "--role", "king", TENURE_PASSWORD="correct-horse-battery", fails=True
    ).stderr

    assert 'already a user "dee"' in again
    assert "king" in wrong
    assert "manager" in wrong
