"""The churn models at the terminal: listed, kept by a policy, promoted, gone back from; refused with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tenure.cli.app import app
from tenure.desk.governance.models import AuditEntry
from tenure.errors import TenureError
from tenure.insight.churn.registry import DECISIONS, DOCUMENT
from tenure.lake import Lake
from tenure.workspace import create
from tests.web.test_churn_models import STANDING, seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    here = create(tmp_path / "home", company="Shop")
    monkeypatch.setenv("TENURE_HOME", str(here.home))
    lake = Lake(here.lake_folder)
    lake.publish_document(DOCUMENT, {"definitions": {"silence": STANDING}})
    return lake


def said(*arguments: str) -> str:
    ended = CliRunner().invoke(app, ["models", *arguments])
    if ended.exception is not None:
        raise ended.exception
    return ended.stdout


def rows(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said(*arguments, "--format", "json"))
    return found


def test_every_version_is_listed_with_its_place_and_its_figures(lake: Lake) -> None:
    found = rows("list")

    assert [(row["version"], row["place"]) for row in found] == [
        (1, "champion before"), (2, ""), (3, "champion"), (4, "challenger"),
    ]  # fmt: skip
    assert found[2]["why"] == "customers have become others than those it was made for"
    assert found[2]["auc"] == 0.715
    assert found[3]["against"] == "-0.004 (-0.012 … +0.004)"


def test_the_policy_is_shown_changed_in_part_and_refused_out_of_range(lake: Lake) -> None:
    usual = rows("policy")
    changed = rows("policy", "--days", "14", "--taking", "ask")
    again = rows("policy")

    assert usual == [{"schedule_days": 28, "threshold": 0.25, "taking": "automatic", "keep": 5, "learner": "blend"}]
    assert (
        changed == again == [{"schedule_days": 14, "threshold": 0.25, "taking": "ask", "keep": 5, "learner": "blend"}]
    )
    told: Any = lake.document(DECISIONS)
    assert told["policy"] == changed[0]
    assert AuditEntry.objects.filter(verb="set_model_policy").count() == 1
    for wrong in (["--days", "0"], ["--threshold", "9"], ["--keep", "0"], ["--taking", "perhaps"], ["--learner", "x"]):
        with pytest.raises(TenureError, match=r"give \d|found \"|no learner"):
            said("policy", *wrong)


def test_a_version_is_promoted_and_gone_back_from_and_each_is_kept_with_its_deed(lake: Lake) -> None:
    said("promote", "4")
    promoted: Any = lake.document(DECISIONS)
    back = said("roll-back")
    gone_back: Any = lake.document(DECISIONS)

    assert promoted["choose"]["silence"] == {"version": 4, "decision": 1, "deed": "promoted"}
    assert "Version 1 becomes champion with the next refresh." in back
    assert gone_back["choose"]["silence"]["deed"] == "rolled_back"
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True)) == [
        "promote_model",
        "roll_back_model",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["promote", "9"], "There is no version 9. There are: 1, 2, 3, 4."),
        (["promote", "3"], "Version 3 is champion already"),
        (["roll-back", "2"], "learned from columns that are gone: visits_of_the_shop"),
        (["promote", "4", "--definition", "usage"], "Say which definition with --definition. There are: silence."),
        (["rebuild", "9"], "There is no version 9"),
        (["rebuild", "4"], "4"),
    ],
)
def test_what_can_not_be_done_says_why_and_changes_nothing(lake: Lake, arguments: list[str], why: str) -> None:
    with pytest.raises(TenureError) as refused:
        said(*arguments)

    assert why in str(refused.value)
    assert lake.document(DECISIONS) is None


def test_drift_is_told_refresh_by_refresh_with_the_column_that_moved_most(lake: Lake) -> None:
    found = rows("drift")

    assert [row["as_of"] for row in found] == [one["as_of"][:10] for one in STANDING["watch"]]
    assert found[-1]["column"] == "order_recency_days"
    assert found[-1]["moved"] == pytest.approx(seen("2026-02-09", 0.31, 0.13, None)["columns"]["order_recency_days"])
    assert found[0]["scores"] is None


def test_before_the_first_model_every_command_says_what_to_do(lake: Lake) -> None:
    lake.publish_document(DOCUMENT, {"definitions": {}})

    for arguments in (["list"], ["drift"], ["promote", "1"], ["roll-back"], ["rebuild", "1"]):
        with pytest.raises(TenureError, match="Import records, then run: tenure refresh"):
            said(*arguments)
