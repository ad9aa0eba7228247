"""The documentation is tested: what the code offers is written down, and what is written down runs."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.identity.standard import STANDARDS
from tenure.insight.features import FEATURES
from tenure.insight.metrics import METRICS
from tenure.vocabulary import TERMS
from tests.conftest import ROOT

READMES = ("README.md", "README.zh.md")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_VARIABLE = re.compile(r"^(TENURE_[A-Z_]+|DATABASE_URL)$")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, kind: str) -> list[str]:
    return [code for found, code in _FENCE.findall(text(name)) if found == kind]


def test_the_reference_pages_say_what_the_code_says() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tools.docs", "--check"], cwd=ROOT, env=os.environ | {"PYTHONPATH": "src"},
        capture_output=True, text=True,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/contracts.md", [f"## {name}\n" for name in CONTRACTS]),
        ("docs/contracts.md", [f"`{column}`" for contract in CONTRACTS.values() for column in contract.names]),
        ("docs/metrics.md", [f"## {name}\n" for name in METRICS]),
        ("docs/features.md", [f"`{name}`" for name in FEATURES]),
        ("docs/vocabulary.md", [f"`{name}`" for name in TERMS]),
        ("docs/standards.md", [f"## {name}\n" for name in STANDARDS]),
    ],
    ids=["contracts", "columns", "metrics", "features", "terms", "standards"],
)
def test_whatever_a_registry_holds_has_its_place_on_a_page(page: str, names: list[str]) -> None:
    written = text(page)

    assert not [name for name in names if name not in written]


def test_every_kind_of_one_more_has_its_page() -> None:
    pages = {path.name for path in (ROOT / "docs/adding").glob("*.md")}

    assert {"contract.md", "feature.md", "learner.md", "metric.md", "source.md", "standard.md"} <= pages
    assert all(f"docs/adding/{page}" in text("CONTRIBUTING.md") for page in pages)


def test_every_environment_variable_that_is_read_is_explained() -> None:
    read = {
        node.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.match(node.value)
    }

    assert {"TENURE_HOME", "DATABASE_URL", "TENURE_HOSTS"} <= read  # the search itself works
    assert {name for name in read if f"| `{name}` |" not in text("docs/settings.md")} == set()


def command_line() -> dict[str, set[str]]:
    """Each command with its options, as the command line itself has them."""
    import typer

    from tenure.cli.app import app

    found: dict[str, set[str]] = {}

    def walk(command: object, path: str) -> None:
        found[path] = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}  # type: ignore[attr-defined]
        for name, below in getattr(command, "commands", {}).items():
            walk(below, f"{path} {name}")

    walk(typer.main.get_command(app), "tenure")
    return found


def test_every_command_and_option_is_explained() -> None:
    sections = dict(re.findall(r"^## (tenure[^\n]*)\n(.*?)(?=^## |\Z)", text("docs/commands.md"), re.M | re.S))

    lacking = {
        (path, option) for path, options in command_line().items() for option in options
        if not re.search(rf"`{option}[ `]", sections.get(path, ""))
    }  # fmt: skip
    groups = {path for path in command_line() if any(other.startswith(path + " ") for other in command_line())}
    assert lacking == set()
    assert set(command_line()) - groups <= set(sections)


@pytest.mark.parametrize("readme", READMES)
def test_commands_shown_in_the_readme_exist_with_their_options(readme: str) -> None:
    known = command_line()
    lines = [line.split("#")[0].split() for block in blocks(readme, "sh") for line in block.splitlines()]
    shown = [words for words in lines if words[:1] == ["tenure"]]

    assert len(shown) > 10
    for words in shown:
        path = max((p for p in known if words[: len(p.split())] == p.split()), key=len)
        assert path != "tenure", words
        assert {word for word in words if word.startswith("--")} <= known[path], words


@pytest.mark.parametrize("readme", READMES)
def test_python_shown_in_the_readme_runs(
    readme: str, filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(3)
    months = chance.integers(1, 72, 400)
    stays = chance.random(400) < months / 72
    pd.DataFrame(
        {"customerID": [f"C-{n}" for n in range(400)], "tenure": months, "Contract": chance.choice(["Month", "Year"], 400),
         "Churn": np.where(stays, "No", "Yes")}
    ).to_csv(tmp_path / "telco.csv", index=False)  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENURE_HOME", str(filled_home))

    churn, value = blocks(readme, "python")
    churned: dict[str, object] = {}
    exec(churn, churned)
    valued: dict[str, object] = {}
    exec(value, valued)

    assert np.ptp(churned["risk"]) > 0.1  # type: ignore[call-overload]
    assert "tenure" in capsys.readouterr().out
    assert len(valued["value"]) == 6  # type: ignore[arg-type]
    assert np.all(np.asarray(valued["value"]) > 0)


def test_the_contract_shown_in_its_page_is_one() -> None:
    from tenure.contracts import Contract

    made: dict[str, object] = {}
    exec(blocks("docs/adding/contract.md", "python")[0], made)

    visits = made["visits"]
    assert isinstance(visits, Contract)
    assert (
        visits.template == "visit_id,customer_id,visited_at,spent,currency\nV-1,C-1001,2026-03-01 14:00:00,59.90,CNY\n"
    )
    assert visits.day == "visited_on"


def test_the_learner_of_the_page_learns() -> None:
    made: dict[str, Any] = {}
    exec(blocks("docs/adding/learner.md", "python")[0], made)
    r = np.random.default_rng(0)
    X = r.normal(size=(300, 2))
    left = X[:, 0] + r.normal(size=300) > 0.5

    chance = made["KIND"].make().fit(X, left).predict_proba(X)[:, 1]

    assert chance[left].mean() > chance[~left].mean() + 0.2


def test_every_library_asked_for_has_its_reason() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    reasons = text("docs/decisions/0006-chosen-libraries.md")

    names = {re.split(r"[\[<>=~!; ]", requirement)[0] for requirement in asked}
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", reasons)} == set()


def test_every_line_of_the_tree_is_explained() -> None:
    layers = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]["layers"]
    table = text("CONTRIBUTING.md")

    for layer in layers:
        for name in re.split(r"[|:]", layer):
            if "(" not in name:  # in brackets: not there yet
                room = name.strip().removeprefix("tenure.")
                assert f"`{room}/" in table or f"`{room}.py`" in table, room


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]

    assert numbers == list(range(1, len(numbers) + 1))
    for path in (ROOT / "docs/decisions").glob("*.md"):
        written = path.read_text(encoding="utf-8")
        assert written.startswith(f"# {int(path.name[:4])}. ")
        assert all(f"**{part}" in written for part in ("Context.", "Choice.", "What it costs.")), path.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_within_the_documentation_leads_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("readme", READMES)
def test_both_readmes_show_the_same_figures(readme: str) -> None:
    figures = re.findall(r"\d+\.\d{2,}", text(readme))

    assert figures == re.findall(r"\d+\.\d{2,}", text(READMES[0]))
    assert len(figures) > 20


def test_the_standard_form_shown_in_its_page_does_what_its_examples_say() -> None:
    from tenure.identity.standard import Standard

    made: dict[str, object] = {}
    exec(blocks("docs/adding/standard.md", "python")[0], made)

    plate = made["number_plate"]
    assert isinstance(plate, Standard)
    for shown in plate.examples:
        form, fault = plate.both(pa.array([shown.given]))
        assert (form[0].as_py(), fault[0].as_py()) == (shown.standard, shown.fault)
