"""Records sent by a program: all or what can be taken, each fault by its row, and the same call twice done once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenure.desk.governance import keys
from tenure.desk.governance.models import AuditEntry, User
from tenure.lake import SYSTEM, Lake

pytestmark = pytest.mark.django_db

GOOD = {"order_id": "A-1", "customer_id": "C-1", "ordered_at": "2026-03-01", "amount": 19.9}
BETTER = {"order_id": "A-2", "customer_id": "C-2", "ordered_at": "2026-03-02T10:00:00Z", "amount": "8.00", "note": "x"}
BAD = {"order_id": "A-3", "customer_id": "C-2", "ordered_at": "yesterday", "amount": "8"}

Post = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def post(home: Path, people: dict[str, User]) -> Post:
    """Sends rows as a program of dee's would, or of somebody else's."""

    def sent(*rows: Any, who: str = "dee", contract: str = "orders", once: str = "", **more: Any) -> Any:
        owner, now = people[who], timezone.now()
        _, key = keys.make_key(
            owner, role=owner.role, expires_at=now + timedelta(days=9), name="x", actor=owner, now=now
        )
        headers = {"Authorization": f"Bearer {key}"} | ({"Idempotency-Key": once} if once else {})
        return Client().post(
            f"/api/v1/records/{contract}",
            {"rows": list(rows), **more},
            content_type="application/json",
            headers=headers,
        )

    return sent


def amounts(home: Path) -> dict[str, int]:
    lake = Lake(home / "lake")
    return {
        r["order_id"]: r["amount_minor"] for r in lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).to_pylist()
    }


def test_rows_come_in_as_one_batch(post: Post, home: Path) -> None:
    answer = post(GOOD, BETTER, source="till")

    told = answer.json()
    assert answer.status_code == 200
    assert (told["accepted"], told["created"], told["errors"]) == (2, 2, [])
    assert amounts(home) == {"A-1": 1990, "A-2": 800}
    assert AuditEntry.objects.get(verb="finish_import").object_id == told["batch"]


def test_one_bad_row_refuses_all_unless_said_otherwise(post: Post, home: Path) -> None:
    whole = post(GOOD, BAD)
    parts = post(GOOD, BAD, all_or_nothing=False)

    assert (whole.status_code, parts.status_code) == (422, 200)
    assert [(e["row"], e["field"], e["value"]) for e in whole.json()["errors"]] == [(2, "ordered_at", "yesterday")]
    assert parts.json()["accepted"] == 1
    assert amounts(home) == {"A-1": 1990}


def test_where_every_row_is_bad_each_is_told(post: Post, home: Path) -> None:
    for more in ({}, {"all_or_nothing": False}):
        answer = post(BAD, BAD | {"order_id": "A-4"}, **more)

        assert answer.status_code == 422
        assert [e["row"] for e in answer.json()["errors"]] == [1, 2]
    assert list((home / "uploads").iterdir()) == []


def test_the_same_call_twice_is_done_once(post: Post, home: Path) -> None:
    from tenure.desk.governance.models import Key

    first = post(GOOD, once="n-1")
    key = Key.objects.get()
    with pytest.MonkeyPatch.context() as patch:  # the program keeps its key from call to call
        patch.setattr("tenure.api.v1.holder", lambda request: keys.holder(key))
        again = post(GOOD, once="n-1")
        other = post(BETTER, once="n-1")

    assert again.json() == first.json()
    assert other.status_code == 409
    assert [b.state for b in Lake(home / "lake").batches()] == ["committed"]


def test_a_key_that_reaches_some_customers_may_not_write(post: Post) -> None:
    assert post(GOOD, who="mia").status_code == 403
    assert post(GOOD, who="ivy").status_code == 403


@pytest.mark.parametrize(
    ("rows", "more"),
    [([], {}), ([{}], {}), ([GOOD], {"contract": "nothing"}), ([GOOD], {"mode": "replace"}), ([1], {}), ([{"x": 1}], {}),
     ([GOOD | {"amount": {"deep": [1]}}], {}), ([GOOD | {"order_id": "\x00"}], {}), ([GOOD] * 10_001, {}),
     ([GOOD], {"match_on": ["shoe_size"]})],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_a_sentence(post: Post, rows: list[Any], more: dict[str, Any]) -> None:
    answer = post(*rows, **more)

    assert answer.status_code in {404, 422}
    assert answer.json()["detail"]


def test_a_dry_run_keeps_nothing(post: Post, home: Path) -> None:
    answer = post(GOOD, dry_run=True)

    assert answer.json()["created"] == 1
    assert Lake(home / "lake").batches() == []
