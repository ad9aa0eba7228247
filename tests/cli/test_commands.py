"""The command line as a person meets it: help in two languages, results in three forms, errors that say what to do."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tenure.cli import main
from tenure.lake import Lake
from tenure.workspace import create
from tests.running import PASSWORD, surroundings, tenure

COMMANDS = [
    "import",
    "template",
    "batches",
    "undo",
    "refresh",
    "show",
    "list",
    "init",
    "demo",
    "serve",
    "backup",
    "restore",
    "doctor",
    "user",
    "keys",
]
Ended: TypeAlias = subprocess.CompletedProcess[str]
REASONS = [{"feature": "complaints_90", "effect": 0.7, "en": "Complained twice", "zh": "两次投诉"},
           {"feature": "fee", "effect": 0.2, "en": "Pays 99.00 a month", "zh": "每月 99.00"}]  # fmt: skip
CHINESE = re.compile("[一-鿿]")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose figures are worked out: two customers, one of them at risk."""
    from tenure.lake.tables import COMPUTED
    from tests.cast import LI, WANG, cards

    home = tmp_path_factory.mktemp("shop") / "home"
    here = create(home, company="Shop")
    lake = Lake(here.lake_folder)
    told = json.dumps(REASONS, ensure_ascii=False)
    wang = cards(reasons={WANG: told, LI: told}, fee_base_minor={})
    lake.publish("scores/customers", wang)
    links = [{"ids_of": "shop", "customer_id": f"C-{n}", "own_id": n, "person_id": n, "why": None} for n in (WANG, LI)]
    import pyarrow as pa

    lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))
    return home


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "orders.csv"
    path.write_text(
        "order_id,customer_id,ordered_at,amount\nA-1,C-1,2026-03-01,19.90\nA-2,C-1,soon,5\n", encoding="utf-8"
    )
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process: `tenure` of `tests.running` without the seconds of a process of its own."""

    def ran(home: Path, *arguments: str | Path, fails: bool = False) -> Ended:
        monkeypatch.setenv("TENURE_HOME", str(home))
        monkeypatch.setattr(sys, "argv", ["tenure", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said, complained = capsys.readouterr()
        assert (code != 0) is fails, complained
        return Ended(arguments, code, said, complained)

    return ran


# Help


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_first_help_names_every_command_and_what_it_is_for(new: Path, lang: str) -> None:
    said = tenure(new, "--lang", lang, "--help").stdout

    for command in COMMANDS:
        line = next(line for line in said.splitlines() if line.startswith(f"│ {command} "))
        told = line.removeprefix(f"│ {command}").strip(" │")
        assert len(told) > 4
        assert bool(CHINESE.search(told)) is (lang == "zh"), line
    assert "…" not in said


def test_no_help_is_left_untranslated_in_chinese(new: Path) -> None:
    """Every command and option, walked in one process that speaks Chinese; ours and what Typer itself adds."""
    walk = """
import json
from tenure import language
language.choose("zh")
from typer.main import get_command
from tenure.cli.app import app
from typer._click import Context
found = {}
def walk(command, name):
    context = Context(command, info_name=name)
    found[name] = command.help
    for parameter in command.get_params(context):
        if not getattr(parameter, "hidden", False):  # what one process of ours says to another
            found[f"{name} {parameter.name}"] = parameter.help
    for below in getattr(command, "commands", {}).values():
        walk(below, f"{name} {below.name}")
walk(get_command(app), "tenure")
print(json.dumps(found))
"""
    ended = subprocess.run(
        [sys.executable, "-c", walk], env=surroundings(new), capture_output=True, text=True, check=True
    )
    found: dict[str, str | None] = json.loads(ended.stdout)

    assert {f"tenure {command}" for command in COMMANDS} <= set(found)
    assert "tenure user add password" in found
    assert [name for name, text in found.items() if not text or not CHINESE.search(text)] == []


# Results, in three forms


def read(text: str, format: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text) if format == "json" else list(csv.DictReader(io.StringIO(text)))
    return rows


def test_a_metric_is_read_at_the_terminal_by_period(home: Path, here: Callable[..., Ended]) -> None:
    rows = json.loads(
        here(home, "metrics", "orders", "--grain", "quarter", "--periods", "3", "--format", "json").stdout
    )

    assert [set(row) for row in rows] == [{"period", "value", "before", "year_before", "count", "judgement"}] * 3
    assert "can't be told apart by product" in here(home, "metrics", "nps", "--by", "product", fails=True).stderr
    assert "There are: day, week" in here(home, "metrics", "nps", "--grain", "eon", fails=True).stderr


@pytest.mark.django_db
def test_a_metric_is_told_apart_by_a_segment_of_the_company_s_own(home: Path, here: Callable[..., Ended]) -> None:
    from tenure.desk.customers.segments.models import Segment
    from tests.cast import MONDAY

    few = Segment.objects.create(name="A few", kind="static", shared="all", worked_out_at=MONDAY, made_at=MONDAY)

    refused = here(home, "metrics", "orders", "--by", "own:999999", fails=True).stderr
    rows = json.loads(here(home, "metrics", "orders", "--by", f"own:{few.pk}", "--format", "json").stdout)

    assert f"own:{few.pk} (A few)" in " ".join(refused.split())
    assert all(f"own:{few.pk}" in row for row in rows)


@pytest.mark.parametrize("what", ["metrics", "contracts", "sources", "features", "standards"])
@pytest.mark.parametrize("format", ["json", "csv"])
def test_programs_get_the_same_list_as_json_and_csv(
    new: Path, what: str, format: str, here: Callable[..., Ended]
) -> None:
    rows = read(here(new, "list", what, "--format", format).stdout, format)

    assert len(rows) >= 4
    assert set(rows[0]) == {"name", "words", "meaning", "file"}
    assert all((Path("src/tenure") / row["file"]).exists() for row in rows)


def test_a_customers_churn_for_programs_has_reasons_as_data(home: Path, here: Callable[..., Ended]) -> None:
    [row] = read(here(home, "show", "churn", "--customer", "C-1", "--format", "json").stdout, "json")

    assert row == {
        "customer_id": "C-1", "name": "王小明", "churn_probability": 0.62, "risk_band": "high", "reasons": REASONS,
        "stage": "mature", "open_cases": 0, "value_base_minor": 500_000,
    }  # fmt: skip


def test_csv_has_a_heading_for_every_column_and_plain_numbers(home: Path, here: Callable[..., Ended]) -> None:
    rows = read(here(home, "show", "churn", "--format", "csv").stdout, "csv")

    assert rows[0] == {
        "customer_id": "C-1", "name": "王小明", "churn_probability": "0.62", "risk_band": "high",
        "reasons": "Complained twice; Pays 99.00 a month", "stage": "mature", "open_cases": "0", "value_base_minor": "500000",
    }  # fmt: skip


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_table_fits_the_terminal_and_says_the_strongest_reason_in_words(home: Path, columns: int, lang: str) -> None:
    from rich.cells import cell_len

    said = tenure(home, "--lang", lang, "show", "churn", columns=columns).stdout

    assert all(cell_len(line.rstrip()) <= columns for line in said.splitlines())
    row = next(line for line in said.splitlines() if line.startswith("C-1 "))
    assert "王小明" in row
    assert "62%" in row
    assert "5,000" in row  # 500,000 fen
    assert ("Complained twice" if lang == "en" else "两次投诉") in row
    assert "99.00" not in said
    assert ("Mature" if lang == "en" else "成熟") in row


def test_a_column_that_nobody_has_is_left_out_of_a_table(home: Path) -> None:
    said = tenure(home, "show", "value", columns=120).stdout

    assert "Value decile" in said
    everyone = tenure(home, "show", "churn", "--customer", "C-2", columns=120).stdout
    assert "8%" in everyone
    assert "–" not in everyone


def test_segments_add_up_to_all_customers(home: Path, here: Callable[..., Ended]) -> None:
    rows = read(here(home, "show", "segments", "--format", "json").stdout, "json")

    stages = [row for row in rows if row["kind"] == "Stage"]
    assert sum(row["customers"] for row in stages) == 6
    assert sum(row["share"] for row in stages) == pytest.approx(1)


@pytest.mark.parametrize("format", ["csv", "table"])
def test_a_reader_who_has_seen_enough_is_no_error(home: Path, format: str) -> None:
    main = f"{sys.executable} -c 'from tenure.cli import main; main()'"
    command = f"{main} list features --format {format} | head -1"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=surroundings(home),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout.lower().startswith("name")
    assert ended.stderr == ""
    assert ended.returncode == 0


# Records in, and out again


def test_what_came_in_is_listed_and_undone(new: Path, orders: Path, here: Callable[..., Ended]) -> None:
    said = here(new, "import", orders, "--as", "orders")
    assert "2 rows read = 1 accepted + 1 rejected + 0 left out." in said.stdout
    assert "Next: tenure refresh" in said.stderr
    [batch] = read(here(new, "batches", "--format", "json").stdout, "json")
    assert (batch["contract"], batch["state"], batch["rows"], batch["file"]) == ("orders", "committed", 1, "orders.csv")
    assert batch["batch"] in tenure(new, "batches", columns=80).stdout

    assert "1 records are gone, 0 say again what they said before" in here(new, "undo", batch["batch"]).stdout

    [batch] = read(here(new, "batches", "--format", "csv").stdout, "csv")
    assert batch["state"] == "undone"
    assert "is undone; only a committed batch can be undone" in " ".join(
        here(new, "undo", batch["batch"], fails=True).stderr.split()
    )


def test_the_template_of_a_contract_can_be_filled_in_and_imported(new: Path, here: Callable[..., Ended]) -> None:
    path = new.parent / "template.csv"
    path.write_text(here(new, "template", "orders").stdout, encoding="utf-8")

    said = here(new, "import", path, "--as", "orders").stdout

    assert "1 rows read = 1 accepted" in said


def test_the_template_ends_with_the_companys_own_fields_where_there_are_any(
    new: Path, here: Callable[..., Ended]
) -> None:
    plain = here(new, "template", "customers").stdout
    opened_for_nothing = new.exists()
    added = """
from tenure.cli import opened
opened.desk()
from tenure.desk.customers.api import Draft, add_field
add_field(Draft(name_en="Tier"), actor=None, now=opened.now())
"""
    subprocess.run([sys.executable, "-c", added], env=surroundings(new), check=True)

    heading, example = tenure(new, "template", "customers").stdout.splitlines()

    assert not opened_for_nothing
    assert heading == plain.splitlines()[0] + ",Tier"
    assert example.startswith(plain.splitlines()[1] + ",")
    assert tenure(new, "template", "orders").stdout == here(new, "template", "orders").stdout


def test_ctrl_c_in_an_import_ends_with_130_and_nothing_is_visible(new: Path, orders: Path) -> None:
    stopped_within = """
import os, signal, sys
from tenure.lake.store import Store
append = Store.append
def stopped(self, name, rows):
    append(self, name, rows)
    if name.startswith("received/"):
        os.kill(os.getpid(), signal.SIGINT)
Store.append = stopped
from tenure.cli import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", stopped_within, "import", str(orders), "--as", "orders"],
        env=surroundings(new), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.returncode == 130, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Nothing was left half done" in " ".join(ended.stderr.split())
    assert [batch["state"] for batch in read(tenure(new, "batches", "--format", "json").stdout, "json")] == [
        "abandoned"
    ]


# What goes wrong is said, with what to do


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "churn"), "Nothing is worked out yet. Import records, then run: tenure refresh"),
        (("template", "nosuch"), 'There is no contract "nosuch". There are: cases'),
        (("undo", "nosuch"), 'There is no batch "nosuch". List them with: tenure batches'),
        (("import", "nosuch.csv", "--as", "orders"), "nosuch.csv"),
        (("init", "--zone", "Mars/Olympus"), 'There is no time zone "Mars/Olympus". Give one by its region and city'),
    ],
)
def test_an_error_is_a_sentence_with_what_to_do_and_ends_with_1(
    new: Path, arguments: tuple[str, ...], says: str, here: Callable[..., Ended]
) -> None:
    ended = here(new, *arguments, fails=True)

    assert ended.returncode == 1
    assert says in " ".join(ended.stderr.split())
    assert ended.stdout == ""


def test_an_error_is_said_in_chinese_too_and_without_a_traceback(new: Path) -> None:
    ended = tenure(new, "--lang", "zh", "template", "nosuch", fails=True)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert CHINESE.search(ended.stderr)


def test_a_customer_nobody_knows_is_said_to_be_unknown(home: Path, here: Callable[..., Ended]) -> None:
    said = here(home, "show", "churn", "--customer", "C-99", fails=True)

    assert (said.returncode, said.stdout) == (1, "")
    assert 'There is no customer "C-99". List some with: tenure show value' in " ".join(said.stderr.split())


def test_a_missing_column_names_what_the_file_has_and_the_option_that_maps_it(
    new: Path, here: Callable[..., Ended]
) -> None:
    path = new.parent / "odd.csv"
    path.write_text("order_id,customer_id,placed,amount\nA-1,C-1,2026-03-01,5\n", encoding="utf-8")

    said = " ".join(here(new, "import", path, "--as", "orders", fails=True).stderr.split())

    assert 'Source "main" has no column for ordered_at (when the order was placed).' in said
    assert "It has: order_id, customer_id, placed, amount." in said
    assert "--map" in said
    assert "1 accepted" in here(new, "import", path, "--as", "orders", "--map", "placed=ordered_at").stdout


# The workspace


def test_home_given_goes_before_the_environment(new: Path) -> None:
    other = new.parent / "other"

    said = tenure(new, "--home", other, "init", "--currency", "gbp", "--zone", "Europe/London").stdout

    assert f"Workspace {other}: zone Europe/London, currency GBP." in " ".join(said.split())
    assert (other / "tenure.toml").exists()
    assert not (new / "tenure.toml").exists()
    again = tenure(new, "--home", other, "init", "--currency", "eur").stdout
    assert "currency GBP" in " ".join(again.split()), "a workspace keeps the currency it has"


def test_someone_added_may_sign_in_and_the_doctor_finds_all_well(new: Path) -> None:
    tenure(new, "init")
    before = tenure(new, "doctor").stdout
    assert "Accounts: 0" in before
    assert "tenure user add NAME --role admin" in before

    said = tenure(new, "user", "add", "ada", "--role", "manager", "--team", "东区", TENURE_PASSWORD=PASSWORD).stdout

    assert "ada may sign in as manager." in said
    with sqlite3.connect(new / "desk.sqlite3") as desk:
        found = desk.execute(
            "select u.username, u.role, t.name from governance_user u left join governance_team t on t.id = u.team_id"
        ).fetchall()
    assert found == [("ada", "manager", "东区")]
    after = tenure(new, "doctor").stdout
    assert "Accounts: 1" in after
    assert "✗" not in after
    assert "already" in tenure(new, "user", "add", "ada", fails=True, TENURE_PASSWORD=PASSWORD).stderr


def test_the_doctor_says_how_to_mend_a_home_that_is_not_there(new: Path) -> None:
    ended = tenure(new, "doctor", fails=True)

    assert ended.returncode == 1
    assert f"tenure --home {new} init" in ended.stdout
    assert CHINESE.search(tenure(new, "--lang", "zh", "doctor", fails=True).stdout)
    assert not new.exists(), "looking changes nothing"


# The demo


def test_the_demo_refuses_to_mix_with_a_company_of_its_own(home: Path) -> None:
    said = tenure(home, "demo", fails=True)

    assert said.returncode == 1
    assert "demo records never mix with real ones" in " ".join(said.stderr.split())


def test_the_demo_made_twice_is_the_same_demo(new: Path) -> None:
    first = tenure(new, "demo", "--customers", "1000", "--months", "12")
    second = tenure(new, "demo", "--customers", "1000", "--months", "12")

    assert "Sign in as admin (admin), mia (manager)" in " ".join(first.stdout.split())
    assert second.stdout == first.stdout
    assert "Nothing has changed since the last refresh" in " ".join(second.stderr.split())
    batches = read(tenure(new, "batches", "--format", "json").stdout, "json")
    assert len({batch["contract"] for batch in batches}) == len(batches) == 18
    assert all(Lake(new / "lake").steady(batch["contract"]) for batch in batches)  # each record came once, and says so
    with sqlite3.connect(new / "desk.sqlite3") as desk:
        [(shown,)] = desk.execute("select rows from customers_publication").fetchall()
        roles = {role for (role,) in desk.execute("select role from governance_user")}
        rivals = desk.execute("select name from competitors_competitor order by id").fetchall()
    assert rivals == [("银河移动",), ("港湾宽带",), ("云雀在线",)]  # each once
    assert roles == {"admin", "manager", "agent", "analyst"}
    assert shown > 1_000
    other = tenure(new, "demo", "--customers", "1200", "--months", "12", fails=True)
    assert "a demo company of another size or seed" in " ".join(other.stderr.split())
