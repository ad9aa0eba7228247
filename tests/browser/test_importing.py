"""A file in a Chinese encoding, from the disk of the person who has it to the records, and back out again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.governance.models import User
from tenure.desk.work import jobs
from tenure.lake import Lake
from tests.browser.test_journey import browser, open_page, sign_in
from tests.conftest import ON_SERVER

__all__ = ["browser", "open_page"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

ORDERS = "三月订单\n订单编号,客户编号,下单时间,金额\nA-1,C-1,2026年3月1日,199.00\nA-2,C-2,2026年3月2日,1.2万\nA-3,C-2,待定,8\n"


@pytest.fixture
def own_home(company: dict[str, User], filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The company's workspace, to write in."""
    shutil.copytree(filled_home, tmp_path / "home")
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def work(page: Any) -> None:
    """Let a worker do what the page waits for; the page notices by itself."""
    page.wait_for_selector("[data-job]")
    assert jobs.work_off() == 1


def test_a_chinese_file_is_sent_mapped_checked_imported_and_taken_back(
    open_page: Callable[..., Any], own_home: Path, tmp_path: Path
) -> None:
    if ON_SERVER in os.environ:
        pytest.skip("asked in the run before this one")
    file = tmp_path / "三月订单.csv"
    file.write_bytes(ORDERS.encode("gb18030"))
    page = open_page(locale="zh-CN", viewport={"width": 390, "height": 844})

    sign_in(page, "dee")
    page.goto("/data/")
    page.click(".t-actions a:has-text('导入文件')")
    page.set_input_files("input[type=file]", str(file))
    page.click(".t-dropbox button")
    page.get_by_text("识别为：gb18030").wait_for(state="attached")
    assert page.locator("[name=header_row]").get_attribute("placeholder") == "2"
    page.click("button[name=next]")
    assert page.locator("[name=field-3]").input_value() == "amount_minor"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("button[name=check]")
    work(page)
    page.click("button:has-text('导入 2 行')")
    work(page)
    page.get_by_text("已导入 2 行").wait_for()
    page.get_by_text("12,199.00 CNY").wait_for()
    page.click("a:has-text('查看批次')")
    page.click(".t-actions a:has-text('撤销')")
    page.click(".t-box button")
    work(page)
    page.get_by_text("已移除 2 条记录").wait_for()

    assert [b.state for b in Lake(own_home / "lake").batches() if b.file == file.name] == ["undone"]
