"""A small company of its own for each test, received and refreshed as people do it: what is erased here stays erased."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.governance.models import SubjectRequest, User
from tenure.lake import SYSTEM, Lake
from tenure.workspace import Workspace
from tests.cast import MONDAY

# Two sources; 王小明 is in both, joined by phone and name. Names as no other text has them, to be looked for.
SHOP = """customer_id,name,phone,email,region,city,id_number,birth_date,updated_at,vip_note
C-1001,王小明,13800138001,ming@example.com,浙江,杭州,330102198805010011,1988-05-01,2025-01-05,likes jasmine tea
C-1002,李娜娜,13800138002,nana@example.com,浙江,宁波,,,2025-01-06,
C-1003,John Smithson,13800138003,smithson@example.com,广东,深圳,,,2025-01-07,
"""
CRM = """customer_id,name,phone,email,region,updated_at
K-77,王小明,13800138001,xiaoming@work.example,上海,2025-02-01
"""
ORDERS = """order_id,customer_id,ordered_at,amount,product_id,gift_note
A-1,C-1001,2025-03-01 10:00,19.90,P-1,for 小明
A-2,C-1001,2025-04-01 10:00,29.90,P-2,
A-3,C-1002,2025-03-05 10:00,9.90,P-1,
A-4,C-1003,2025-03-06 10:00,5.00,P-1,
A-5,C-1001,not a date,5.00,P-1,bad row of 王小明
A-6,C-1002,not a date,5.00,P-1,
"""
CASES = """case_id,customer_id,opened_at,kind,text
Q-1,C-1001,2025-05-01 10:00,complaint,My name is 王小明 and the tea was stale
Q-2,C-1003,2025-05-02 10:00,complaint,Late again
"""
FILES = {"customers": SHOP, "orders": ORDERS, "cases": CASES}
THEIRS = ("王小明", "13800138001", "ming@example.com", "xiaoming@work.example", "330102198805010011", "jasmine", "C-1001",
          "K-77", "wang xiao ming", "wangxiaoming")  # fmt: skip


@dataclass
class Shop:
    """The company: its workspace, its lake, and what people do with it."""

    workspace: Workspace
    lake: Lake

    def take_in(self, contract: str, text: str, source: str = "shop", name: str = "") -> Any:
        from tenure.sources.importing import import_file

        path = self.workspace.home.parent / f"{name or contract}.csv"
        path.write_text(text, encoding="utf-8")
        return import_file(
            self.lake, path, contract, zone="Asia/Shanghai", currency="CNY",
            rejects_folder=self.workspace.rejects_folder, again=True, now=MONDAY, source=source,
        )  # fmt: skip

    def refresh(self, days: int = 0) -> None:
        """The steps that say who is who, what is true and what the desk shows; learning has its own tests."""
        from tenure.pipeline import cards, clock, records
        from tenure.pipeline.run import Context, Watcher, run

        now = MONDAY + timedelta(days=days)
        moment = clock.start_of(now.date(), self.workspace.zone_info)
        with self.lake.writing("tenure refresh"):
            run((*records.STEPS, *cards.STEPS), Context(self.lake, self.workspace, moment, now), Watcher())

    def person(self, number: str) -> int:
        links = self.lake.read("identity/links", actor=SYSTEM)
        (found,) = self.lake.to_arrow(links.filter(links.customer_id == number))["person_id"].to_pylist()
        return int(found)

    def carry_out(self, request: SubjectRequest | int, **more: Any) -> SubjectRequest:
        from tenure.desk.governance import rights

        key = request if isinstance(request, int) else request.pk
        given = {"lake": self.lake, "workspace": self.workspace, "actor": None, "now": MONDAY} | more
        return rights.carry_out(key, **given)

    def take_away(self, kind: str, number: str = "C-1001", **more: Any) -> SubjectRequest:
        from tenure.desk.governance import rights

        return self.carry_out(rights.open_request(kind, self.person(number), actor=None, now=MONDAY), **more)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.lake.to_arrow(self.lake.read(table, actor=SYSTEM)).to_pylist())


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with the company's records received, and who is who settled; copied, never written, by the tests."""
    from tenure.pipeline import cards, clock, records, segments
    from tenure.pipeline.run import Context, Watcher, run

    home = tmp_path_factory.mktemp("shop") / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TENURE_HOME", str(home))
        workspace = Workspace(home)
        company = Shop(workspace, Lake(workspace.lake_folder))
        for contract, text in FILES.items():
            company.take_in(contract, text)
        company.take_in("customers", CRM, source="crm", name="crm")
        moment = clock.start_of(MONDAY.date(), workspace.zone_info)
        steps = [step for step in (*records.STEPS, *segments.STEPS, *cards.STEPS) if step.name != "publish"]
        run(steps, Context(company.lake, workspace, moment, MONDAY), Watcher())
    return home


@pytest.fixture
def shop(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Shop:
    """The company on its first morning: refreshed, and shown on the desk."""
    from tenure.pipeline import cards, clock
    from tenure.pipeline.run import Context, Watcher, run

    home = tmp_path / "home"
    shutil.copytree(filled, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    workspace = Workspace(home)
    company = Shop(workspace, Lake(workspace.lake_folder))
    moment = clock.start_of(MONDAY.date(), workspace.zone_info)
    run(cards.STEPS[-1:], Context(company.lake, workspace, moment, MONDAY), Watcher())
    return company


@pytest.fixture
def dee(shop: Shop) -> User:
    from tenure.desk.governance.services import create_user
    from tests.cast import PASSWORD

    return create_user("dee", password=PASSWORD, role="admin", actor=None, now=MONDAY)
