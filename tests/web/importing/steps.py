"""The steps of bringing a file in by page, as somebody takes them, and what is found in the lake then."""

import io
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tenure.desk.governance.models import User
from tenure.desk.work import jobs
from tenure.desk.work.models import Upload
from tenure.lake import SYSTEM, Lake

ORDERS = "order_id,customer_id,ordered_at,amount,Note\nA-1,C-1,2026-03-01,19.90,x\nA-2,C-1,2026-03-09,-5.00,y\nA-3,C-2,nonsense,8.00,z\n"
CHINESE = "订单号,客户编号,下单时间,金额\nA-1,C-1,2026年3月1日,19.90\nA-2,C-2,2026年3月9日,1.2万\n"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, content: str | bytes, name: str = "orders.csv") -> Any:
    body = content.encode() if isinstance(content, str) else content
    return client.post("/data/import/", {"file": SimpleUploadedFile(name, body)}, follow=True)


def sent(client: Client, content: str | bytes, name: str = "orders.csv") -> Upload:
    answer = send(client, content, name)
    assert answer.redirect_chain, answer.content.decode()
    return Upload.objects.latest("pk")


def mapped(client: Client, upload: Upload, **more: str) -> Any:
    """Say "next" until the check is asked for, every guess as it is."""
    client.post(f"/data/import/{upload.pk}/", {"next": "1", "source": "shop", **more})
    page = client.get(f"/data/import/{upload.pk}/map/")
    fields = {f"field-{c.place}": c.choice for c in page.context["columns"]}
    return client.post(f"/data/import/{upload.pk}/map/", fields | {"check": "1"}, follow=True)


def imported(client: Client, upload: Upload) -> str:
    mapped(client, upload)
    jobs.work_off()
    client.post(f"/data/import/{upload.pk}/run/")
    jobs.work_off()
    upload.refresh_from_db()
    return upload.batch


def orders(home: Path) -> dict[str, int]:
    lake = Lake(home / "lake")
    rows = lake.to_arrow(lake.read("received/orders", actor=SYSTEM)).to_pylist()
    return {row["order_id"]: row["amount_minor"] for row in rows}


def deals(slips: int, first: int = 0) -> str:
    rows = [
        f"A-{n},C-{n},2026-03-01,5,{'GTXPro' if n < first + slips else 'GTX Pro'}\n" for n in range(first, first + 12)
    ]
    return "order_id,customer_id,ordered_at,amount,Series\n" + "".join(rows)


def offered(page: Any) -> list[tuple[str, str, str, int | None, bool]]:
    return [(one.column, one.value, one.better, one.rows, one.mended) for one in page.context["slips"]]


def extras(home: Path) -> list[str]:
    lake = Lake(home / "lake")
    return sorted(lake.to_arrow(lake.read("received/orders", actor=SYSTEM))["extra"].to_pylist())


def workbook(**sheets: list[list[Any]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name == "merged":
            sheet.merge_cells("A1:C1")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
