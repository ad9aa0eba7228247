"""The churn report as a command: files as they come, one page written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tenure.cli.app import app
from tenure.errors import TenureError


def customers(rows: int = 120) -> list[tuple[str, str, str, str]]:
    r = np.random.default_rng(5)
    silent = r.gamma(2.0, 30.0, rows)
    left = r.random(rows) < 1 / (1 + np.exp(3.0 - 0.04 * silent))
    return [
        (f"C-{n}", f"{silent[n]:.1f}", r.choice(["包月", "包年"]), "流失" if left[n] else "在网") for n in range(rows)
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "客户.csv"
    lines = [("编号", "沉默天数", "套餐", "状态"), *customers()]
    path.write_bytes("\n".join(";".join(line) for line in lines).encode("gb18030"))
    return path


def test_a_file_in_gb18030_with_semicolons_becomes_a_page_in_chinese(file):
    out = file.parent / "report.html"

    ended = CliRunner().invoke(
        app,
        ["churn", "report", str(file), "--outcome", "状态=流失", "--id", "编号", "--customers", "3", "--out", str(out),
         "--language", "zh", "--folds", "2", "--learners", "tree,blend", "--value", "500", "--contact", "2"],
    )  # fmt: skip

    assert ended.exit_code == 0, ended.output
    text = out.read_text(encoding="utf-8")
    assert "决策树" in text
    assert "500.00" in text
    assert "沉默天数" in text
    assert "优先联系的客户" in text
    assert "120" in ended.output
    assert sorted(path.name for path in file.parent.iterdir()) == ["report.html", "客户.csv"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--outcome", "状态=离网"], "never says"),
        (["--outcome", "状态"], "Write column=value"),
        (["--outcome", "状态=流失", "--customers", "5"], "--id COLUMN"),
        (["--outcome", "状态=流失", "--language", "fr"], "Give en or zh"),
        (["--outcome", "状态=流失", "--date", "套餐"], "套餐"),
        (["--outcome", "状态=流失", "--learners", "tree,oracle"], 'There is no learner "oracle"'),
        (["--outcome", "状态=流失", "--value", "0"], "A campaign can't be reckoned"),
        (["--outcome", "状态=流失", "--value", "100", "--offer", "120"], "an offer below it"),
        (["--outcome", "状态=流失", "--accepting", "1"], "between 0 and 1"),
        (["--outcome", "状态=流失", "--left-on", "套餐"], "--date COLUMN"),
        (["--outcome", "状态=流失", "--out", "no/such/report.html"], "There is no folder"),
        (["--outcome", "状态=流失", "--out", "."], "is a folder"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_written(file, more, said, monkeypatch):
    monkeypatch.chdir(file.parent)

    ended = CliRunner().invoke(app, ["churn", "report", str(file), *more])

    assert isinstance(ended.exception, TenureError)
    assert said in str(ended.exception)
    assert [path.name for path in file.parent.iterdir()] == ["客户.csv"]


def test_the_file_itself_is_never_written_over(file):
    before = file.read_bytes()

    ended = CliRunner().invoke(app, ["churn", "report", str(file), "--outcome", "状态=流失", "--out", str(file)])

    assert isinstance(ended.exception, TenureError)
    assert file.read_bytes() == before


def test_a_page_that_can_not_be_finished_leaves_the_one_before_it(file, monkeypatch):
    out = file.parent / "report.html"
    out.write_text("the one before", encoding="utf-8")

    def full(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    ended = CliRunner().invoke(
        app, ["churn", "report", str(file), "--outcome", "状态=流失", "--out", str(out), "--folds", "2"]
    )

    assert isinstance(ended.exception, OSError)
    assert out.read_text(encoding="utf-8") == "the one before"
    assert len(list(file.parent.iterdir())) == 2
