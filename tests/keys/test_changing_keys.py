"""`tenure keys`: a new master key while people work, killed in the middle, gone on with, the old one forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import surroundings, tenure

FILL = """
import pyarrow as pa
from tenure.cli import opened
opened.desk()
from tenure.desk.customers.publishing import publish
from tenure.vault import source_record, vault
from tests.cast import MONDAY, cards
cards = cards()
many = pa.concat_tables([cards.set_column(0, "person_id", pa.array(range(n, n + 6))) for n in range(1, 1_201, 6)])
publish(many, as_of=MONDAY, now=MONDAY)
names = pa.array([source_record("shop", str(n)) for n in range(4_500)])
vault().seal_column(names, names, context="x")
"""
# Moves to the new key, one chunk for each line it is sent.
STEP = """
import sys
from tenure.cli import opened
opened.desk()
from tenure.desk.governance import master_keys
master_keys.make_key(actor=None, now=opened.now())
def tell(what, done, total):
    print(what, done, total, flush=True)
    sys.stdin.readline()
master_keys.move_to_current(tell)
"""
READ = """
from tenure.cli import opened
opened.desk()
from tenure.desk.customers.selectors import Filters, listing
from tenure.lake import SYSTEM

print(listing(SYSTEM, Filters(q="+8613800001211")).count(), listing(SYSTEM, Filters(q="1211")).count())
"""


def python(home: Path, code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], env=surroundings(home), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def keys(home: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(tenure(home, "keys", "show", "--format", "json").stdout)
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop") / "home"
    home.mkdir()
    python(home, FILL)
    return home


def test_a_change_of_keys_killed_in_the_vault_and_again_in_the_desk_is_gone_on_with(home: Path) -> None:
    [only] = keys(home)
    process = subprocess.Popen(
        [sys.executable, "-c", STEP],
        env=surroundings(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    told = [process.stdout.readline()]
    while not told[-1].startswith("customers"):
        process.stdin.write("\n")
        process.stdin.flush()
        told.append(process.stdout.readline())
    process.kill()
    process.communicate()
    new, old = keys(home)
    found_meanwhile = python(home, READ)

    again = tenure(home, "keys", "rotate")

    after = keys(home)
    assert [line.split() for line in told] == [
        ["vault", "2000", "4500"], ["vault", "4000", "4500"], ["vault", "4500", "4500"], ["customers", "500", "1200"],
    ]  # fmt: skip
    assert (new["subjects"], new["rows"], old["subjects"], old["rows"]) == (4_500, 500, 0, 1_900)
    assert old["key"] == only["key"]
    assert "Going on" in again.stderr
    assert "1,900 were moved" in again.stdout
    assert [(key["key"], key["subjects"], key["rows"]) for key in after] == [
        (new["key"], 4_500, 2_400), (old["key"], 0, 0),
    ]  # fmt: skip
    assert found_meanwhile == python(home, READ) == "200 200\n"


def test_a_key_that_was_just_replaced_is_not_forgotten_yet(home: Path) -> None:
    tenure(home, "keys", "rotate")
    _, old, *_rest = keys(home)

    refused = tenure(home, "keys", "retire", str(old["key"]), "--yes", fails=True)

    assert "less than an hour ago" in refused.stderr
    assert old in keys(home)


def test_an_unknown_key_is_named(home: Path) -> None:
    refused = tenure(home, "keys", "retire", "00000000", "--yes", fails=True)

    assert "00000000" in refused.stderr
