"""The rule of which source wins, and where a customer's facts come from, as people see and set them."""

import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.desk.governance.models import AuditEntry, User
from tenure.lake import Lake
from tests.cast import MONDAY, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def lake(company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    lake = Lake(home / "lake")
    for days, (source, phone) in enumerate((("crm", "13800009999"), ("shop", "+8613800001211"))):
        schema = pa.schema([CONTRACTS["customers"].schema.field(name) for name in ("customer_id", "phone")])
        with lake.receiving(
            "customers", source=source, ids_of="shop", columns=schema.names, now=MONDAY + timedelta(days=days)
        ) as batch:
            rows = pa.table({"customer_id": ["C-1"], "phone": [phone]}, schema=schema)
            batch.append(rows.append_column("row", pa.array([1], pa.int64())))
    return lake


def test_a_rule_is_set_on_the_page_audited_and_read_by_the_lake(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")
    assert "crm, shop" in client.get("/data/precedence/").content.decode()

    client.post("/data/precedence/?kind=customers", {"phone": "crm > shop", "email": ""})

    assert lake.rules("customers") == {"phone": ("desk", "crm", "shop")}
    entry = AuditEntry.objects.get(verb="set_precedence")
    assert entry.detail["after"] == {"phone": "crm > shop"}
    client.post("/data/precedence/?kind=customers", {"phone": "desk, crm, shop"})
    client.post("/data/precedence/?kind=customers", {"phone": ""})
    assert lake.rules("customers") == {}


def test_a_rule_for_everybody_is_not_set_by_who_sees_some(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("mia")
    assert '<button class="t-button">Save' not in client.get("/data/precedence/").content.decode()

    client.post("/data/precedence/?kind=customers", {"phone": "crm"})

    assert lake.rules("customers") == {}
    assert not AuditEntry.objects.filter(verb="set_precedence").exists()


def test_a_source_named_twice_or_a_key_is_refused_with_a_reason(sign_in: SignIn, lake: Lake) -> None:
    client = sign_in("dee")

    answer = client.post("/data/precedence/?kind=customers", {"phone": "crm, crm"})

    assert "Name each source once" in answer.content.decode()
    assert lake.rules("customers") == {}
    assert client.get("/data/precedence/?kind=forged").status_code == 404


def test_each_fact_says_where_it_comes_from_and_who_said_otherwise(sign_in: SignIn, lake: Lake) -> None:
    shown = sign_in("ann").get(f"/customers/{WANG}/origins/").content.decode()

    assert "from shop, 2026-03-03" in shown
    assert "crm said so on 2026-03-02" in shown
    assert "13800009999" in shown
    assert sign_in("bo").get(f"/customers/{WANG}/origins/").status_code == 404
    assert "1380000" not in sign_in("ivy").get(f"/customers/{WANG}/origins/").content.decode()
