"""Bringing a file in by page: sent, looked at, mapped, checked, imported by a worker, and taken back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tenure.contracts import CONTRACTS
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.governance.roles import BUILT_IN
from tenure.desk.work import jobs, uploads
from tenure.desk.work.models import Job, MappingTemplate, Upload
from tenure.lake import SYSTEM, Lake
from tests.cast import MONDAY
from tests.web.importing.steps import CHINESE, ORDERS, imported, mapped, orders, send, sent, signed_in

pytestmark = pytest.mark.django_db


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
