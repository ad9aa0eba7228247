"""An erasure as a command, killed again and again, and the files of the workspace read byte by byte afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tenure.lake import SYSTEM, Lake
from tests.rights.conftest import CRM, FILES, THEIRS
from tests.rights.test_erasing import in_bytes, in_parquet
from tests.running import ROOT, begin, surroundings, tenure


def dies(home: Path, at: int, *arguments: str) -> bool:
    """Run the command until its nth write; says whether it died there or came to its end."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.rights.killing", str(at), *arguments],
        env=surroundings(home), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


def test_killed_at_any_write_it_goes_on_and_leaves_no_byte_of_the_person(tmp_path: Path) -> None:
    home = tmp_path / "home"
    begin(home)
    for name, text in {**FILES, "crm": CRM}.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        source = "crm" if name == "crm" else "shop"
        contract = "customers" if name == "crm" else name
        tenure(home, "import", tmp_path / f"{name}.csv", "--as", contract, "--source", source)
    tenure(home, "refresh")
    for file in tmp_path.glob("*.csv"):
        file.unlink()
    assert in_bytes(home, "王小明")
    assert in_parquet(home / "lake", "C-1001")
    assert not in_parquet(home / "lake", "王小明"), "what names somebody lies in the lake sealed"

    # The first writes open the request; those after it belong to the erasure itself.
    assert dies(home, 4, "rights", "erase", "C-1001", "--yes")
    deaths = sum(dies(home, at, "rights", "resume", "1") for at in (3, 12, 30))
    assert deaths == 3
    (listed,) = shown_requests(home)
    assert (listed["state"], listed["done_at"]) == ("running", None)
    tenure(home, "rights", "certificate", "1", fails=True)
    tenure(home, "rights", "resume", "1")

    (listed,) = shown_requests(home)
    assert listed["state"] == "done"
    for text in THEIRS:
        assert in_bytes(home, text) == [], text
        assert in_parquet(home / "lake", text) == [], text
    assert "李娜娜".encode() in (home / "desk.sqlite3").read_bytes()
    certificate = tmp_path / "certificate.json"
    certificate.write_text(tenure(home, "rights", "certificate", "1").stdout, encoding="utf-8")
    assert "request 1" in tenure(home, "rights", "verify-certificate", certificate).stdout
    certificate.write_text(certificate.read_text(encoding="utf-8").replace('"erase"', '"export"'), encoding="utf-8")
    assert "changed after it was signed" in tenure(home, "rights", "verify-certificate", certificate, fails=True).stderr
    tenure(home, "refresh")
    lake = Lake(home / "lake")
    cards = lake.to_arrow(lake.read("scores/customers", actor=SYSTEM))
    assert sorted(cards["customer_id"].to_pylist()) == ["C-1002", "C-1003"]


def shown_requests(home: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(tenure(home, "rights", "list", "--format", "json").stdout)
    return rows
