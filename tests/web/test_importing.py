"""Bringing a file in by page: sent, looked at, mapped, checked, imported by a worker, and taken back."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tenure.contracts import CONTRACTS
from tenure.desk.customers.api import Draft, add_field, tell_fields
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.governance.roles import BUILT_IN
from tenure.desk.work import jobs, uploads
from tenure.desk.work.models import Job, MappingTemplate, Upload
from tenure.lake import SYSTEM, Lake
from tests.cast import MONDAY
from tests.conftest import DATA

pytestmark = pytest.mark.django_db

ORDERS = "order_id,customer_id,ordered_at,amount,Note\nA-1,C-1,2026-03-01,19.90,x\nA-2,C-1,2026-03-09,-5.00,y\nA-3,C-2,nonsense,8.00,z\n"
CHINESE = "订单号,客户编号,下单时间,金额\nA-1,C-1,2026年3月1日,19.90\nA-2,C-2,2026年3月9日,1.2万\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: dict[str, User]) -> Path:
    """A workspace of the test's own, with nothing received yet."""
    monkeypatch.setenv("TENURE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def dee(home: Path, people: dict[str, User]) -> Client:
    return signed_in(people["dee"])


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


def test_a_file_goes_from_the_page_into_the_lake_step_by_step(dee: Client, home: Path) -> None:
    upload = sent(dee, ORDERS)

    look = dee.get(f"/data/import/{upload.pk}/")
    checked = mapped(dee, upload)
    waits = checked.content.decode()
    jobs.work_off()
    check = dee.get(f"/data/import/{upload.pk}/check/")
    nothing = Lake(home / "lake").batches()
    dee.post(f"/data/import/{upload.pk}/run/")
    jobs.work_off()
    result = dee.get(f"/data/import/{upload.pk}/result/")

    assert [cell for row in look.context["rows"] for cell in row][:2] == ["A-1", "C-1"]
    assert "data-job=" in waits
    assert dict(check.context["result"]) | {"accepted": 2, "rejected": 1, "read": 3} == check.context["result"]
    assert [(r.row, r.value) for r in check.context["rejects"]] == [("3", "nonsense")]
    assert nothing == []
    assert orders(home) == {"A-1": 1990, "A-2": -500}
    assert ("Amount", "14.90 CNY") in result.context["sums"] or "14.90 CNY" in result.content.decode()
    assert "/data/refresh/" in result.content.decode()
    verbs = list(
        AuditEntry.objects.filter(object_type__in=["upload", "batch"]).order_by("pk").values_list("verb", flat=True)
    )
    assert verbs == ["upload_file", "start_import", "finish_import"]


def test_the_file_is_gone_once_it_is_in(dee: Client, home: Path) -> None:
    upload = sent(dee, ORDERS)
    there = uploads.path_of(upload)
    assert there.is_file()
    assert there.stat().st_mode & 0o077 == 0

    with pytest.MonkeyPatch.context() as patch:
        _commit_at_once(patch)
        imported(dee, upload)

    assert not there.exists()
    assert upload.gone_at is not None


def _commit_at_once(patch: pytest.MonkeyPatch) -> None:
    """A test's own transaction never commits; do what follows a commit when it is asked for."""
    patch.setattr("tenure.desk.work.uploads.transaction.on_commit", lambda call, robust=False: call())


def test_chinese_headings_in_gb18030_are_understood(dee: Client, home: Path) -> None:
    upload = sent(dee, CHINESE.encode("gb18030"), "订单.csv")

    page = dee.get(f"/data/import/{upload.pk}/")
    batch = imported(dee, upload)

    assert page.context["found"].encoding == "gb18030"
    assert page.context["contract"] == "orders"
    assert orders(home) == {"A-1": 1990, "A-2": 1_200_000}
    assert dee.get(f"/data/batches/{batch}/").context["info"].file == "订单.csv"


def test_a_delimiter_and_a_row_of_headings_can_be_said(dee: Client, home: Path) -> None:
    upload = sent(dee, "Export of March\n\n" + ORDERS.replace(",", ";"))

    dee.post(f"/data/import/{upload.pk}/", {"delimiter": ";", "header_row": "3", "again": "1"})
    found = dee.get(f"/data/import/{upload.pk}/").context["found"]

    assert (found.header_row, found.headers[:2]) == (3, ("order_id", "customer_id"))


def test_what_is_missing_is_said_before_anything_is_tried(dee: Client, home: Path) -> None:
    upload = sent(dee, "Nr,Wer,Betrag\n1,C-1,5\n", "x.csv")

    answer = mapped(dee, upload, contract="orders")

    assert [c.name for c in answer.context["missing"]] == ["order_id", "ordered_at"]
    assert Job.objects.count() == 0


def test_a_column_left_out_is_nowhere_and_one_kept_beside_is_extra(dee: Client, home: Path) -> None:
    upload = sent(dee, "order_id,customer_id,ordered_at,amount,Secret,Note\nA-1,C-1,2026-03-01,5,hush,hello\n")
    dee.post(f"/data/import/{upload.pk}/", {"next": "1"})
    page = dee.get(f"/data/import/{upload.pk}/map/")
    fields = {f"field-{c.place}": c.choice for c in page.context["columns"]} | {"field-4": "--"}
    dee.post(f"/data/import/{upload.pk}/map/", fields | {"check": "1"})
    jobs.work_off()
    dee.post(f"/data/import/{upload.pk}/run/")
    jobs.work_off()

    lake = Lake(home / "lake")
    assert lake.to_arrow(lake.read("received/orders", actor=SYSTEM))["extra"].to_pylist() == ['{"Note": "hello"}']


def test_a_mapping_is_kept_for_the_next_file_of_its_source(dee: Client, home: Path) -> None:
    content = "Nr,Wer,Wann,Betrag\n1,C-1,2026-03-01,5\n"
    upload = sent(dee, content, "x.csv")
    dee.post(f"/data/import/{upload.pk}/", {"next": "1", "contract": "orders", "source": "till"})
    fields = {"field-0": "order_id", "field-1": "customer_id", "field-2": "ordered_at", "field-3": "amount_minor"}
    dee.post(f"/data/import/{upload.pk}/map/", fields | {"save": "1", "template_name": "Till"})
    template = MappingTemplate.objects.get()

    second = sent(dee, content.replace("1,C-1", "2,C-2"), "y.csv")
    offered = dee.get(f"/data/import/{second.pk}/").context["templates"]
    dee.post(f"/data/import/{second.pk}/", {"template": str(template.pk)})
    page = dee.get(f"/data/import/{second.pk}/map/")

    assert offered == [(template, 100)]
    assert [c.choice for c in page.context["columns"]] == list(fields.values())
    assert page.context["missing"] == []


def test_an_import_is_undone_from_its_page(dee: Client, home: Path) -> None:
    batch = imported(dee, sent(dee, ORDERS))
    later = imported(dee, sent(dee, ORDERS.replace("19.90", "29.90").replace("A-2", "A-9"), "later.csv"))

    asked = dee.get(f"/data/batches/{batch}/undo/")
    dee.post(f"/data/batches/{batch}/undo/now/")
    jobs.work_off()
    page = dee.get(f"/data/batches/{batch}/")

    assert "2 rows" in asked.content.decode()
    assert "1 records were edited since" in asked.content.decode()
    assert orders(home) == {"A-1": 2990, "A-9": -500}
    assert page.context["info"].state == "undone"
    assert page.context["undone"].actor.username == "dee"
    assert page.context["undone"].detail["withdrawn"] == 1
    assert [("A-1" in one, "later.csv" in one) for one in page.context["kept"]] == [(True, True)]
    assert dee.get(f"/data/batches/{later}/").context["info"].state == "committed"


def test_rejected_rows_are_downloaded_by_who_may_see_them_and_that_is_noted(
    dee: Client, home: Path, people: dict[str, User]
) -> None:
    batch = imported(dee, sent(dee, ORDERS))

    answer = dee.get(f"/data/batches/{batch}/rejects/")
    ivy = signed_in(people["ivy"]).get(f"/data/batches/{batch}/rejects/")

    assert b"A-3,C-2,nonsense" in b"".join(answer.streaming_content)
    assert ivy.status_code == 404
    assert AuditEntry.objects.filter(verb="export", object_id=batch).count() == 1


def test_a_worker_that_died_between_the_lake_and_the_desk_imports_nothing_twice(
    dee: Client, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = sent(dee, ORDERS)
    mapped(dee, upload)
    jobs.work_off()
    dee.post(f"/data/import/{upload.pk}/run/")

    def killed(*_args: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenure.desk.work.imports.finish", killed)
        with pytest.raises(KeyboardInterrupt):
            jobs.work_off()
    jobs.work_off()

    upload.refresh_from_db()
    batches = Lake(home / "lake").batches()
    assert [b.state for b in batches] == ["committed"]
    assert upload.batch == batches[0].batch
    assert dee.get(f"/data/import/{upload.pk}/result/").context["result"]["accepted"] == 2


def test_who_else_imports_the_same_file_is_said(dee: Client, home: Path, people: dict[str, User]) -> None:
    mine = sent(dee, ORDERS)
    mapped(dee, mine)
    dee.post(f"/data/import/{mine.pk}/run/")
    people["mia"].role = "admin"
    people["mia"].save()
    theirs = sent(signed_in(people["mia"]), ORDERS, "copy.csv")

    page = signed_in(people["mia"]).get(f"/data/import/{theirs.pk}/").content.decode()

    assert "dee is importing this very file right now" in page


def test_a_file_past_its_time_is_deleted_and_its_page_leads_back(dee: Client, home: Path) -> None:
    upload = sent(dee, ORDERS)
    stray = uploads.folder() / "left-behind"
    stray.mkdir()
    path = uploads.path_of(upload)

    with pytest.MonkeyPatch.context() as patch:
        _commit_at_once(patch)
        uploads.forget(timezone.now() + uploads.KEPT + timedelta(minutes=1))

    assert not path.exists()
    assert not stray.exists()
    assert dee.get(f"/data/import/{upload.pk}/", follow=True).redirect_chain == [("/data/import/", 302)]


def test_an_erasure_takes_what_waits_to_be_imported(dee: Client, home: Path) -> None:
    from tenure.desk.governance.holdings import HOLDINGS, Wanted

    upload = sent(dee, "name,phone\n王小明,13800001111\n", "王小明.csv")
    path = uploads.path_of(upload)
    wanted = Wanted((1,), (), {"name": ("王小明",)})

    gone = HOLDINGS["uploads"].let_go(wanted, MONDAY)

    upload.refresh_from_db()
    assert (gone, path.exists(), upload.name) == (1, False, "…")
    assert HOLDINGS["uploads"].left(wanted) == 0


def test_only_who_may_import_gets_to_the_pages(home: Path, people: dict[str, User]) -> None:
    for name in ("mia", "ann", "ivy", "zed"):
        assert signed_in(people[name]).get("/data/import/").status_code in {302, 403}, name


def test_somebody_elses_file_is_not_there_for_who_sees_less(dee: Client, home: Path, people: dict[str, User]) -> None:
    from tenure.desk.governance import services

    upload = sent(dee, ORDERS)
    analyst = BUILT_IN["analyst"]
    loader = replace(analyst, code="loader", permissions=analyst.permissions | {"import"}, fields={"phone": "masked"})
    services.save_role(loader, actor=people["dee"], now=MONDAY)
    people["ivy"].role = "loader"
    people["ivy"].save()

    assert signed_in(people["ivy"]).get(f"/data/import/{upload.pk}/").status_code == 404


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


def test_a_file_larger_than_allowed_is_refused_with_the_way_that_is_left(
    dee: Client, home: Path, settings: Any
) -> None:
    settings.TENURE_UPLOAD_MB = 1

    answer = send(dee, b"a,b\n" + b"1,2\n" * 400_000)

    assert "larger than 1 MB" in answer.content.decode()
    assert Upload.objects.count() == 0
    assert not uploads.folder().exists()


def test_a_file_that_vanished_is_told_not_crashed_on(dee: Client, home: Path) -> None:
    upload = sent(dee, ORDERS)
    uploads.path_of(upload).unlink()

    for step in ("", "map/", "check/", "result/"):
        assert dee.get(f"/data/import/{upload.pk}/{step}", follow=True).status_code == 200


def test_every_contract_can_be_chosen(dee: Client, home: Path) -> None:
    upload = sent(dee, ORDERS)
    page = dee.get(f"/data/import/{upload.pk}/").content.decode()

    for contract in CONTRACTS:
        assert f'<option value="{contract}"' in page
        dee.post(f"/data/import/{upload.pk}/", {"next": "1", "contract": contract})
        assert dee.get(f"/data/import/{upload.pk}/map/").status_code == 200, contract


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


def test_a_misspelt_value_is_mended_when_it_is_ticked_and_stays_beside(dee: Client, home: Path) -> None:
    upload = sent(dee, deals(2))
    check = f"/data/import/{upload.pk}/check/"
    mapped(dee, upload)
    jobs.work_off()
    page = dee.get(check)
    found = offered(page)
    dee.post(check, {"mend": page.context["slips"][0].mark})
    jobs.work_off()
    again = dee.get(check)
    dee.post(f"/data/import/{upload.pk}/run/")
    jobs.work_off()

    assert found == [("Series", "GTXPro", "GTX Pro", 2, False)]
    assert "<code>GTXPro</code>" in page.content.decode()
    assert "in the first" not in page.content.decode()
    assert offered(again) == [("Series", "GTXPro", "GTX Pro", 2, True)]
    assert extras(home)[:2] == ['{"Series": "GTX Pro", "Series (original)": "GTXPro"}'] * 2
    assert set(extras(home)[2:]) <= {'{"Series": "GTX Pro"}', '{"Series": "GTX Pro", "Series (original)": null}'}
    assert MappingTemplate.objects.count() == 0


def test_a_misspelt_value_nobody_ticks_comes_in_as_it_is(dee: Client, home: Path) -> None:
    imported(dee, sent(dee, deals(2)))

    assert sum('"GTXPro"' in one for one in extras(home)) == 2


def test_what_was_agreed_to_is_mended_in_the_next_file_without_asking(dee: Client, home: Path) -> None:
    first = sent(dee, deals(2), "first.csv")
    mapped(dee, first)
    jobs.work_off()
    marks = [one.mark for one in dee.get(f"/data/import/{first.pk}/check/").context["slips"]]
    dee.post(f"/data/import/{first.pk}/check/", {"mend": marks, "keep_as": "Shop"})
    template = MappingTemplate.objects.get()

    second = sent(dee, deals(3, first=20), "second.csv")
    dee.post(f"/data/import/{second.pk}/", {"source": "shop", "template": str(template.pk)})
    page = dee.get(f"/data/import/{second.pk}/map/")
    fields = {f"field-{c.place}": c.choice for c in page.context["columns"]}
    dee.post(f"/data/import/{second.pk}/map/", fields | {"check": "1"})
    jobs.work_off()
    check = dee.get(f"/data/import/{second.pk}/check/")
    dee.post(f"/data/import/{second.pk}/run/")
    jobs.work_off()

    assert template.corrections == {"Series": {"GTXPro": "GTX Pro"}}
    assert (offered(check), check.context["keep_as"]) == ([("Series", "GTXPro", "GTX Pro", 3, True)], "Shop")
    assert sum('"GTX Pro"' in one for one in extras(home)) == 12


def test_a_correction_taken_back_leaves_the_template_too(dee: Client, home: Path) -> None:
    upload = sent(dee, deals(2))
    check = f"/data/import/{upload.pk}/check/"
    mapped(dee, upload)
    jobs.work_off()
    dee.post(check, {"mend": dee.get(check).context["slips"][0].mark, "keep_as": "Shop"})
    jobs.work_off()
    dee.post(check, {"keep_as": "Shop"})
    jobs.work_off()

    upload.refresh_from_db()
    assert MappingTemplate.objects.get().corrections == {}
    assert "corrections" not in upload.choices
    assert offered(dee.get(check)) == [("Series", "GTXPro", "GTX Pro", 2, False)]


def test_misspelt_values_are_looked_for_in_so_many_rows_and_the_page_says_so(
    dee: Client, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure.desk.work.imports.LOOKED_INTO", 10)
    monkeypatch.setattr("tenure.sources.csv.BLOCK", 400)
    upload = sent(dee, deals(2) + deals(0, first=20).partition("\n")[2])
    mapped(dee, upload)
    jobs.work_off()

    page = dee.get(f"/data/import/{upload.pk}/check/")

    assert 10 <= page.context["looked_into"] < 24
    assert offered(page) == [("Series", "GTXPro", "GTX Pro", 2, False)]
    assert f"Looked for in the first {page.context['looked_into']} rows" in page.content.decode()


def test_an_erasure_takes_a_correction_that_names_the_person(dee: Client, home: Path) -> None:
    from tenure.desk.governance.holdings import HOLDINGS, Wanted
    from tenure.desk.work.models import Corrections

    kept = Corrections.objects.create(
        source="shop", contract="orders", pairs={"Series": {"x": "王小明", "GTXPro": "GTX Pro"}}
    )
    wanted = Wanted((1,), (), {"name": ("王小明",)})

    gone = HOLDINGS["corrections"].let_go(wanted, MONDAY)

    kept.refresh_from_db()
    assert (gone, kept.pairs, HOLDINGS["corrections"].left(wanted)) == (1, {"Series": {"GTXPro": "GTX Pro"}}, 0)


def test_what_was_agreed_to_at_an_import_is_mended_by_the_feeds_of_the_source(dee: Client, home: Path) -> None:
    from tenure.desk.work import feeds
    from tenure.desk.work.feeds import Wished

    folder = home.parent / "watched"
    folder.mkdir()
    feed = feeds.add_feed(Wished("Deals", "orders", source="shop", folder=str(folder)), actor=None, now=MONDAY)
    upload = sent(dee, deals(2))
    mapped(dee, upload)
    jobs.work_off()
    check = f"/data/import/{upload.pk}/check/"
    dee.post(check, {"mend": dee.get(check).context["slips"][0].mark, "keep_as": "Shop"})

    assert feed.corrections == {"Series": {"GTXPro": "GTX Pro"}}

    feeds.correct_feed(feed.pk, {"Series": {"MGSpecial": "MG Special"}}, actor=None, now=MONDAY)

    assert MappingTemplate.objects.get().corrections["Series"] == {"GTXPro": "GTX Pro", "MGSpecial": "MG Special"}


PEOPLE = "customer_id,name,Tier\n" + "".join(f"C-{n},Wang {n},{('Gold', 'Silver')[n % 2]}\n" for n in range(8))


def at_the_columns(client: Client, content: str, **more: str) -> tuple[Upload, dict[str, str]]:
    upload = sent(client, content, "people.csv")
    client.post(f"/data/import/{upload.pk}/", {"next": "1", "source": "crm", "contract": "customers", **more})
    page = client.get(f"/data/import/{upload.pk}/map/")
    return upload, {f"field-{c.place}": c.choice for c in page.context["columns"]}


def test_a_column_nobody_knows_becomes_a_field_with_one_click(dee: Client, home: Path) -> None:
    upload, fields = at_the_columns(dee, PEOPLE)
    page = dee.get(f"/data/import/{upload.pk}/map/").content.decode()

    after = dee.post(f"/data/import/{upload.pk}/map/", fields | {"make": "2"}, follow=True)
    field = CustomField.objects.get()
    dee.post(f"/data/import/{upload.pk}/map/", {**fields, "field-2": f"c_{field.pk}", "check": "1"})
    jobs.work_off()
    dee.post(f"/data/import/{upload.pk}/run/")
    jobs.work_off()

    assert page.count("Make a field of it") == 1
    assert (field.name_en, field.kind, [one.en for one in field.options]) == ("Tier", "choice", ["Gold", "Silver"])
    assert [c.choice for c in after.context["columns"]] == ["customer_id", "name", f"c_{field.pk}"]
    assert "Make a field of it" not in after.content.decode()
    assert AuditEntry.objects.filter(verb="add_custom_field", actor__username="dee").count() == 1
    lake = Lake(home / "lake")
    tell_fields(lake, now=MONDAY)
    rows = lake.to_arrow(lake.current("customers"))
    assert set(rows[f"c_{field.pk}"].to_pylist()) == {one.code for one in field.options}


def test_fields_of_the_company_are_offered_and_the_one_named_so_is_guessed(dee: Client, home: Path) -> None:
    tier = add_field(Draft(name_en="Tier"), actor=None, now=MONDAY)
    other = add_field(Draft(name_en="Grade"), actor=None, now=MONDAY)
    upload, fields = at_the_columns(dee, PEOPLE)

    page = dee.get(f"/data/import/{upload.pk}/map/")
    answer = dee.post(f"/data/import/{upload.pk}/map/", {**fields, "field-2": f"c_{other.pk}", "check": "1"})

    assert fields["field-2"] == f"c_{tier.pk}"
    assert f'<option value="c_{other.pk}"' in page.content.decode()
    assert answer.status_code == 302
    assert Upload.objects.get(pk=upload.pk).choices["mapping"]["Tier"] == f"c_{other.pk}"


def test_a_field_whose_name_is_taken_is_not_made_twice(dee: Client, home: Path) -> None:
    add_field(Draft(name_en="Tier"), actor=None, now=MONDAY)
    upload, fields = at_the_columns(dee, PEOPLE)

    answer = dee.post(f"/data/import/{upload.pk}/map/", {**fields, "field-2": "-", "make": "2"})

    assert CustomField.objects.count() == 1
    assert [str(one) for one in answer.context["messages"]]


def test_no_field_is_made_without_the_permission_nor_of_other_records(
    dee: Client, home: Path, people: dict[str, User]
) -> None:
    from tenure.desk.governance import services

    admin = BUILT_IN["admin"]
    loader = replace(admin, code="loader", permissions=admin.permissions - {"fields"})
    services.save_role(loader, actor=people["dee"], now=MONDAY)
    people["ivy"].role = "loader"
    people["ivy"].save()
    ivy = signed_in(people["ivy"])
    upload, fields = at_the_columns(ivy, PEOPLE)
    ivy.post(f"/data/import/{upload.pk}/map/", fields | {"make": "2"})
    other = sent(dee, ORDERS)
    dee.post(f"/data/import/{other.pk}/", {"next": "1", "contract": "orders"})
    page = dee.get(f"/data/import/{other.pk}/map/").content.decode()
    dee.post(f"/data/import/{other.pk}/map/", {"make": "4"})

    assert "Make a field of it" not in ivy.get(f"/data/import/{upload.pk}/map/").content.decode()
    assert "Make a field of it" not in page
    assert not CustomField.objects.exists()


@pytest.mark.parametrize("place", ["99", "-1", "x", "²"])
def test_a_column_that_is_not_there_makes_no_field(dee: Client, home: Path, place: str) -> None:
    upload, fields = at_the_columns(dee, PEOPLE)

    answer = dee.post(f"/data/import/{upload.pk}/map/", fields | {"make": place})

    assert (answer.status_code, CustomField.objects.count()) == (200, 0)


def test_the_file_to_fill_in_has_the_companys_own_fields_and_goes_in_as_it_is(dee: Client, home: Path) -> None:
    field = add_field(Draft(name_en="Tier"), actor=None, now=MONDAY)

    answer = dee.get("/data/template/customers/")
    start = dee.get("/data/import/").content.decode()
    _upload, fields = at_the_columns(dee, answer.content.decode("utf-8-sig"))

    assert answer.content.decode("utf-8-sig").splitlines()[0].endswith(",Tier")
    assert 'attachment; filename="customers.csv"' in answer.headers["Content-Disposition"]
    assert 'href="/data/template/customers/"' in start
    assert f"c_{field.pk}" in fields.values()
    assert dee.get("/data/template/nothing/").status_code == 404


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "contract", "found"),
    [
        ("accounts", "customers", ("sector", "technolgy", "technology")),
        ("sales_pipeline", "opportunities", ("product", "GTXPro", "GTX Pro")),
    ],
)
def test_the_misspelt_values_of_a_real_sales_desk_are_offered(
    dee: Client, home: Path, name: str, contract: str, found: tuple[str, str, str]
) -> None:
    if contract == "opportunities":  # every deal has GTXPro: only the list of products tells
        products = sent(dee, (DATA / "crm_sales" / "products.parquet").read_bytes(), "products.parquet")
        mapped(dee, products, contract="products")
        dee.post(f"/data/import/{products.pk}/run/")
        jobs.work_off()
    upload = sent(dee, (DATA / "crm_sales" / f"{name}.parquet").read_bytes(), f"{name}.parquet")
    dee.post(f"/data/import/{upload.pk}/", {"next": "1", "contract": contract})
    page = dee.get(f"/data/import/{upload.pk}/map/")
    fields = {f"field-{c.place}": c.choice for c in page.context["columns"]} | {"number_rows": "1"}
    dee.post(f"/data/import/{upload.pk}/map/", fields | {"check": "1"})
    jobs.work_off()

    check = dee.get(f"/data/import/{upload.pk}/check/", follow=True)

    assert found in [one[:3] for one in offered(check)], [str(m) for m in check.context["messages"]]


@pytest.mark.parametrize(("personal", "offers"), [(True, []), (False, ["GTXPro"])])
def test_a_personal_field_of_the_company_is_not_looked_into(
    dee: Client, home: Path, personal: bool, offers: list[str]
) -> None:
    add_field(Draft(name_en="Series", personal=personal, contract="orders"), actor=None, now=MONDAY)
    tell_fields(Lake(home / "lake"), now=MONDAY)
    upload = sent(dee, deals(2))
    mapped(dee, upload)
    jobs.work_off()

    page = dee.get(f"/data/import/{upload.pk}/check/")

    assert page.context["result"]["accepted"] == 12
    assert [one.value for one in page.context["slips"]] == offers
