"""The churn models as an analyst keeps them: looked at, learned anew, promoted, gone back from; and who may not."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.customers import foresight
from tenure.desk.customers.models import ModelDecision
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.work.models import Job
from tenure.errors import TenureError
from tenure.insight.churn.registry import DECISIONS, DOCUMENT, Policy
from tenure.lake import Lake
from tests.cast import MONDAY
from tests.web import SignIn

pytestmark = pytest.mark.django_db

FIELDS = {"horizon_days": 60, "active_days": 120}


def version(number: int, why: str, day: str, auc: float, **more: Any) -> dict[str, Any]:
    metrics = {"auc": auc, "auc_low": auc - 0.02, "auc_high": auc + 0.02, "top_decile_lift": 2.8, "brier": 0.0645}
    return {
        "version": number, "as_of": f"{day}T00:00:00+08:00", "made_at": f"{day}T03:00:00+00:00", "why": why, "fields": FIELDS,
        "horizon_days": 60, "rows": 5000, "metrics": metrics, "columns": ["order_recency_days", "p_alive"], "cuts": [],
        "against": None, **more,
    }  # fmt: skip


def seen(day: str, scores: float | None, foretold: float, left: float | None) -> dict[str, Any]:
    columns = {} if scores is None else {"order_recency_days": scores + 0.1, "p_alive": 0.04}
    return {
        "as_of": f"{day}T00:00:00+08:00", "version": 3, "people": 900, "mean_predicted": foretold, "horizon_days": 60,
        "learned": None, "observed": left, "rows": 900, "scores": scores, "columns": columns,
    }  # fmt: skip


AGAINST = {
    "comparable": True, "with": 3, "shown_worse": False, "rows": 900, "block": "2026-01-01T00:00:00+08:00", "relearned": True,
    "auc": {"gain": -0.004, "low": -0.012, "high": 0.004}, "brier": {"gain": 0.0, "low": 0.0, "high": 0.0},
}  # fmt: skip
STANDING = {
    "definition": {"name": "silence", "horizon_days": 60, "en": "No purchase within 60 days", "zh": "60 天内没有购买", "timed": True},
    "versions": [
        version(1, "first", "2025-11-03", 0.701),
        version(2, "schedule", "2025-12-01", 0.709, columns=["order_recency_days", "visits_of_the_shop"]),
        version(3, "drift_inputs", "2026-01-05", 0.715),
        version(4, "schedule", "2026-02-02", 0.711, against=AGAINST),
    ],
    "champion": 3, "previous": 1, "challenger": 4, "next": 5, "note": None,
    "learned": {"as_of": "2026-02-02T00:00:00+08:00", "why": "schedule", "version": 4, "definition": FIELDS,
                "columns": ["order_recency_days", "p_alive", "new_one"], "same": False},
    "watch": [seen("2026-01-05", None, 0.11, None), seen("2026-02-02", 0.06, 0.12, 0.14), seen("2026-02-09", 0.31, 0.13, None)],
}  # fmt: skip


@pytest.fixture
def lake(company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    home = tmp_path / "home"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    lake = Lake(home / "lake")
    lake.publish_document(DOCUMENT, {"definitions": {"silence": STANDING}})
    return lake


def test_the_page_shows_versions_drift_and_who_waits(sign_in: SignIn, lake: Lake) -> None:
    analyst, manager = sign_in("ivy"), sign_in("mia")

    page = analyst.get("/churn/models/").content.decode()
    looked_at = manager.get("/churn/models/").content.decode()

    assert "No purchase within 60 days" in page
    assert "customers have become others than those it was made for" in page
    assert "version 3: AUC −0.004 (−0.012 … +0.004)" in page
    assert "visits_of_the_shop" in page, "what it lacks is said where it can't be gone back to"
    assert "Make version 4 champion" in page
    assert "Go back to version 1" in page
    assert "drift-silence" in page
    assert "2026-03-01" in page, "twenty-eight days after the last time"
    assert "Make version 4 champion" not in looked_at
    assert "Learn now" not in looked_at


def test_an_analyst_makes_a_challenger_champion_and_a_job_follows(sign_in: SignIn, lake: Lake) -> None:
    analyst = sign_in("ivy")

    answer = analyst.post("/churn/models/decide/", {"deed": "promote", "code": "silence", "version": "4"})
    page = analyst.get("/churn/models/").content.decode()
    twice = analyst.post("/churn/models/decide/", {"deed": "promote", "code": "silence", "version": "4"}, follow=True)

    job = Job.objects.get()
    assert answer.headers["Location"].endswith(f"/{job.pk}/")
    assert job.kind == "refresh"
    assert "Version 4 becomes champion with the next refresh." in page
    assert "is champion already, or is about to be" in twice.content.decode()
    told: Any = lake.document(DECISIONS)
    assert told["choose"] == {"silence": {"version": 4, "decision": 1, "deed": "promoted"}}
    entry = AuditEntry.objects.get(verb="promote_model")
    assert (entry.object_id, entry.actor and entry.actor.username) == ("silence 4", "ivy")


def test_a_role_that_keeps_no_models_changes_nothing(sign_in: SignIn, lake: Lake, company: dict[str, User]) -> None:
    manager = sign_in("mia")

    refused = [
        manager.post("/churn/models/decide/", {"deed": "learn"}).status_code,
        manager.post("/churn/models/policy/", {"schedule_days": "1"}).status_code,
    ]

    assert refused == [403, 403]
    with pytest.raises(TenureError, match="kept by somebody whose role says so"):
        foresight.ask_to_learn(lake=lake, actor=company["mia"], now=MONDAY)
    assert not ModelDecision.objects.exists()


def test_the_policy_is_set_once_and_nonsense_is_refused(sign_in: SignIn, lake: Lake) -> None:
    analyst = sign_in("dee")
    good = {"schedule_days": "7", "threshold": "0.3", "keep": "3", "taking": "ask", "learner": "logistic"}

    for _ in range(2):
        analyst.post("/churn/models/policy/", good)
    for wrong in ({"schedule_days": "0"}, {"threshold": "nan"}, {"keep": "1e400"}, {"schedule_days": "七"}):
        said = analyst.post("/churn/models/policy/", good | wrong, follow=True).content.decode()
        assert "can&#x27;t be" in said or "is no number" in said

    assert foresight.policy() == Policy(7, 0.3, "ask", 3, "logistic")
    assert Policy.told((lake.document(DECISIONS) or {})["policy"]) == Policy(7, 0.3, "ask", 3, "logistic")
    assert AuditEntry.objects.filter(verb="set_model_policy").count() == 1


def test_one_goes_back_only_to_what_can_stand(lake: Lake) -> None:
    told: Any = {"lake": lake, "actor": None, "now": MONDAY}

    for number, why in ((2, "columns that are gone: visits_of_the_shop"), (9, "There are: 1, 2, 3, 4")):
        with pytest.raises(TenureError, match=why):
            foresight.roll_back("silence", number, **told)
    with pytest.raises(TenureError, match=r'no models of "usage"'):
        foresight.promote("usage", 1, **told)
    back = foresight.roll_back("silence", **told)

    assert back == 1
    assert ModelDecision.objects.get().deed == "rolled_back"


def test_a_decision_cut_off_between_desk_and_lake_is_told_by_the_next_refresh(lake: Lake) -> None:
    foresight.ask_to_learn(lake=lake, actor=None, now=MONDAY)
    (lake.folder / "documents" / f"{DECISIONS}.json").unlink()

    foresight.tell(lake)
    foresight.ask_to_learn(lake=lake, actor=None, now=MONDAY)

    assert lake.document(DECISIONS) == {"policy": {}, "learn": 1, "choose": {}}
    assert ModelDecision.objects.count() == 1
