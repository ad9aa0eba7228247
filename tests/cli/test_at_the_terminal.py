"""Commands as a person types them: what they say, in which language, how they end, and what a program reads."""

import csv
import io
import json
import re
import signal
import subprocess
import tomllib

import pytest

from tenure.contracts import CONTRACTS
from tests.running import TENURE, surroundings, tenure

COMMANDS = (
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
    "doctor",
    "user",
)
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


def test_help_names_every_command_and_says_what_each_is_for(tmp_path):
    said = tenure(tmp_path / "home", "--help").stdout

    for command in COMMANDS:
        line = re.search(rf"│ {command} +(\S.+?) +│", said)
        assert line, f"{command} has no line in the help"
        assert line[1].endswith("."), f"{command}: {line[1]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_explains_itself_in_chinese(tmp_path, command):
    said = tenure(tmp_path / "home", "--lang", "zh", command, "--help").stdout

    own = said.split("Usage", 1)[-1].replace("Show this message and exit.", "")
    for line in own.splitlines():
        words = re.sub(r"\[[^]]*\]|<[^>]*>|--?[\w-]+|[A-Z=_]{2,}|[│╭╮╰╯─*]", " ", line).strip()
        if len(re.findall(r"[A-Za-z]{2,}", words)) > 6:
            assert re.search(r"[\u4e00-\u9fff]", line), f"not in Chinese: {line}"


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


def test_home_on_the_command_line_goes_before_the_environment(tmp_path):
    tenure(tmp_path / "one", "--home", tmp_path / "two", "init")

    assert (tmp_path / "two" / "tenure.toml").exists()
    assert not (tmp_path / "one").exists()


def test_a_missing_column_is_answered_with_what_there_is_and_what_to_type(shop, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("number,order_time,total\n1,2026-03-01,5\n", encoding="utf-8")

    said = " ".join(tenure(shop, "import", file, "--as", "orders", "--source", "shop", fails=True).stderr.split())

    assert 'Source "shop" has no column for order_id' in said
    assert "It has: number, order_time, total." in said
    assert "--map" in said


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("import", "nowhere.csv", "--as", "orders"), "There is no file nowhere.csv"),
        (("import", "nowhere.csv", "--as", "order"), 'There is no contract "order"'),
        (("template", "order"), 'There is no contract "order"'),
        (("undo", "nothing"), 'There is no batch "nothing"'),
        (("show", "value", "--customer", "C-99"), 'There is no customer "C-99"'),
        (("import", "x.csv", "--as", "orders", "--map", "total"), "--map takes COLUMN=FIELD"),
    ],
)
def test_what_can_be_mended_is_said_in_a_sentence_and_ends_with_1(shop, arguments, answer):
    ended = tenure(shop, *arguments, fails=True)

    assert ended.returncode == 1
    assert answer in " ".join(ended.stderr.split())


def test_a_template_can_be_imported_as_it_is(tmp_path):
    home = tmp_path / "home"
    for contract in ("customers", "orders", "cases"):
        file = tmp_path / f"{contract}.csv"
        file.write_text(tenure(home, "template", contract).stdout, encoding="utf-8")

        said = tenure(home, "import", file, "--as", contract).stdout

        assert "1 rows read = 1 accepted + 0 rejected" in said


@pytest.mark.parametrize("what", ["metrics", "contracts", "sources", "features"])
def test_a_program_reads_the_same_list_as_json_and_as_csv(shop, what):
    as_json = json.loads(tenure(shop, "list", what, "--format", "json").stdout)
    as_csv = list(csv.DictReader(io.StringIO(tenure(shop, "list", what, "--format", "csv").stdout)))

    assert as_json == as_csv
    assert [row["name"] for row in as_json]
    if what == "contracts":
        assert [row["name"] for row in as_json] == list(CONTRACTS)


def test_one_customer_s_risk_has_its_reasons_as_data(shop):
    (row,) = json.loads(tenure(shop, "show", "churn", "--customer", "C-1", "--format", "json").stdout)

    assert row["customer_id"] == "C-1"
    assert row["reasons"] == []
    assert row["churn_probability"] is None  # three orders teach nobody who leaves


def test_metrics_without_records_say_which_import_would_light_them_up(shop):
    found = json.loads(tenure(shop, "show", "metrics", "--format", "json").stdout)

    nps = next(row for row in found if row["metric"] == "nps")
    assert nps["value"] is None
    assert nps["count"] == 0
    assert "survey_responses" in nps["needs"]
    assert "NaN" not in json.dumps(found)


def test_undo_then_refresh_gives_back_the_figures_of_before(shop, tmp_path):
    home = tmp_path / "home"
    (tmp_path / "one.csv").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "two.csv").write_text(ORDERS.replace("A-", "B-"), encoding="utf-8")
    tenure(home, "import", tmp_path / "one.csv", "--as", "orders")
    tenure(home, "refresh")
    before = tenure(home, "show", "value", "--customer", "C-1", "--format", "json").stdout
    tenure(home, "import", tmp_path / "two.csv", "--as", "orders")
    tenure(home, "refresh")
    assert tenure(home, "show", "value", "--customer", "C-1", "--format", "json").stdout != before

    last = list(csv.DictReader(io.StringIO(tenure(home, "batches", "--format", "csv").stdout)))[-1]
    tenure(home, "undo", last["batch"])
    tenure(home, "refresh")

    assert tenure(home, "show", "value", "--customer", "C-1", "--format", "json").stdout == before


def test_importing_the_very_same_file_again_counts_once_and_says_so(shop, tmp_path):
    home = tmp_path / "home"
    (tmp_path / "one.csv").write_text(ORDERS, encoding="utf-8")
    tenure(home, "import", tmp_path / "one.csv", "--as", "orders")

    said = tenure(home, "import", tmp_path / "one.csv", "--as", "orders").stdout
    tenure(home, "refresh")

    assert "This very file is in already" in " ".join(said.split())
    (row,) = json.loads(tenure(home, "show", "value", "--customer", "C-1", "--format", "json").stdout)
    assert row["monetary_base_minor"] == 1490


def test_the_doctor_finds_a_missing_workspace_and_says_how_to_make_one(tmp_path):
    ended = tenure(tmp_path / "nowhere", "doctor", fails=True)

    assert f"{tmp_path / 'nowhere'} does not exist" in ended.stdout
    assert "init" in ended.stdout


def test_the_doctor_of_a_healthy_workspace_ends_well(shop):
    said = tenure(shop, "doctor").stdout

    assert "✗" not in said
    assert "tenure user add NAME --role admin" in " ".join(said.split())


def test_a_user_needs_a_known_role_and_a_name_of_its_own(shop):
    tenure(shop, "user", "add", "dee", "--role", "agent", "--team", "North", TENURE_PASSWORD="correct-horse-battery")

    again = tenure(shop, "user", "add", "dee", TENURE_PASSWORD="correct-horse-battery", fails=True).stderr
    wrong = tenure(
        shop, "user", "add", "bo", "--role", "king", TENURE_PASSWORD="correct-horse-battery", fails=True
    ).stderr

    assert 'already a user "dee"' in again
    assert "king" in wrong
    assert "manager" in wrong


def test_demo_records_never_go_into_a_company_s_own_workspace(shop):
    said = tenure(shop, "demo", fails=True).stderr

    assert "demo records never mix with real ones" in " ".join(said.split())


def test_a_reader_that_has_seen_enough_is_no_error(shop):
    command = " ".join(f"'{part}'" for part in [*TENURE, "list", "features"])

    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --format csv | head -1"],
        env=surroundings(shop), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def test_ctrl_c_says_that_nothing_was_left_half_done(tmp_path):
    home = tmp_path / "home"
    fifo = tmp_path / "slow.toml"
    # A settings file that never comes keeps the command at its first step for as long as the test needs.
    home.mkdir()
    subprocess.run(["mkfifo", str(fifo)], check=True)
    (home / "tenure.toml").symlink_to(fifo)
    process = subprocess.Popen(
        [*TENURE, "batches"], env=surroundings(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with fifo.open("w"):  # returns once the command has opened it to read
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Stopped" in said
    assert "Traceback" not in said
