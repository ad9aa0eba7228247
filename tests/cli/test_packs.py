"""The industry pack at the terminal: chosen with a new workspace, looked at, taken back; refused before anything is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenure.cli import packs, system
from tenure.cli.show import Format
from tenure.errors import TenureError
from tests.running import tenure

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_workspace_is_begun_with_a_pack_whose_names_a_file_is_read_by(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "till.csv"
    file.write_text("小票号,会员卡号,交易时间,实收金额\nT-1,M-1,2026-03-01,19.90\n", encoding="utf-8")

    begun = tenure(home, "new", "--pack", "retail").stdout
    seen = tenure(home, "look", file).stdout

    assert "Retail and e-commerce is in force: " in begun
    assert "小票号 → order_id" in seen


def test_a_pack_there_is_not_leaves_no_workspace_behind(home: Path) -> None:
    with pytest.raises(TenureError, match=r'There is no industry pack "bakery"\. There are: retail, telecom'):
        system.init(company="", zone="UTC", currency="CNY", pack="bakery")

    assert not home.exists()


def test_a_pack_is_looked_at_chosen_chosen_again_and_taken_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs.look("saas", Format.json)
    changes = json.loads(capsys.readouterr().out)
    packs.choose("saas")
    packs.choose("saas")
    chosen = " ".join(capsys.readouterr().out.split())
    packs.look("saas", Format.table)
    nothing = capsys.readouterr().out
    packs.take_back()
    back = capsys.readouterr().out
    with pytest.raises(TenureError, match="none to take back"):
        packs.take_back()

    assert {"leaving", "tiers", "targets", "names"} <= {one["part"] for one in changes}
    assert f"Software as a service is in force: {len(changes)} settings changed, 0 left as people set them." in chosen
    assert "Software as a service is in force already." in chosen
    assert "Nothing would change." in nothing
    assert "benchmark 85 " in back
    assert json.loads((home / "lake" / "documents" / "practice.json").read_text("utf-8"))["pack"] == ""
