"""Whatever file is sent by page, it ends in a sentence a person understands."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from tenure.desk.work import jobs, uploads
from tenure.desk.work.models import Job, Upload
from tests.web.importing.steps import (
    ORDERS,
    mapped,
    send,
    workbook,
)

pytestmark = pytest.mark.django_db


BAD: dict[str, tuple[str, bytes | Callable[[], bytes]]] = {
    "a photo": ("a.csv", b"\xff\xd8\xff\xe0" + b"\x00\x10JFIF" * 50),
    "nothing": ("a.csv", b""),
    "only blanks": ("a.csv", b"\n\n  \n"),
    "only headings": ("a.csv", b"order_id,customer_id\n"),
    "five hundred columns": ("a.csv", (",".join(f"c{n}" for n in range(500)) + "\n" + ",".join("x" * 500) + "\n").encode()),
    "a quote that never closes": ("a.csv", b'order_id,amount\n"A-1,5\n' + b"A-2,6\n" * 2000),
    "one endless line": ("a.csv", b"x" * (9 << 20)),
    "nested JSON": ("a.jsonl", b'{"order_id": {"a": {"b": [1, {"c": 2}]}}, "amount": [1, 2]}\n' * 3),
    "brackets without end": ("a.jsonl", b"[" * 200_000),
    "names no text has": ("a.jsonl", b'{"a\\u0000": 1, "\\ud800": 2, "order_id": 3}\n' * 3),
    "a value no text has": ("a.jsonl", b'{"order_id": "\\ud800", "ordered_at": "2026-03-01", "x": "\\u0000"}\n' * 3),
    "no text": ("a.csv", bytes(range(256)) * 40),
    "cut off in a character": ("a.csv", "订单号,金额\nA-1,五".encode()[:-1]),
    "a zip named xlsx": ("a.xlsx", b"PK\x03\x04" + b"junk" * 100),
    "merged cells": ("a.xlsx", lambda: workbook(merged=[["Orders of March", None, None], ["order_id", "customer_id", "amount"], ["A-1", "C-1", 5]])),
    "formulas": ("a.xlsx", lambda: workbook(one=[["order_id", "amount"], ["A-1", "=1+1"]])),
    "an empty sheet": ("a.xlsx", lambda: workbook(one=[])),
    "no parquet": ("a.parquet", b"PAR1" + b"\0" * 100),
    "an ending nobody knows": ("a.docx", b"PK\x03\x04"),
    "a name that climbs": ("../../../etc/passwd.csv", ORDERS.encode()),
    "a name of a mile": ("长" * 300 + ".csv", ORDERS.encode()),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_whatever_is_sent_ends_in_a_sentence(dee: Client, home: Path, what: str) -> None:
    name, content = BAD[what]
    body = content() if callable(content) else content
    before = Upload.objects.count()

    answer = send(dee, body, name)
    assert answer.status_code == 200
    if Upload.objects.count() == before:
        assert [str(message) for message in answer.context["messages"]]
        return
    upload = Upload.objects.latest("pk")
    assert uploads.path_of(upload).resolve().is_relative_to(home.resolve() / "uploads")
    look = dee.get(f"/data/import/{upload.pk}/")
    assert look.status_code == 200
    if look.context["found"] is None:
        assert look.context["trouble"]
        return
    answer = mapped(dee, upload, contract="orders")
    assert answer.status_code == 200
    jobs.work_off()
    for job in Job.objects.all():
        assert job.status == "done" or (job.error["en"] and "nobody foresaw" not in job.error["en"]), job.error
    assert dee.get(f"/data/import/{upload.pk}/check/", follow=True).status_code == 200
