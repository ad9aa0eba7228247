"""The pages of a company's own kinds of record, and the same for programs and the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tenure.desk.customers.fields.definitions import Draft, add_field
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.objects.definitions import Shape, add_object
from tenure.desk.customers.objects.models import OwnBatch, OwnLink, OwnObject, OwnRecord, OwnValue
from tenure.desk.customers.objects.records import save_record
from tenure.desk.governance import keys
from tenure.desk.governance.models import AuditEntry
from tenure.lake import SYSTEM
from tests.cast import LI, MONDAY, SMITH, WANG

if TYPE_CHECKING:
    from tenure.desk.governance.models import User

pytestmark = pytest.mark.django_db
SignIn = Callable[[str], Client]


@pytest.fixture
def car(company: dict[str, User]) -> OwnObject:
    return add_object(Shape("Vehicle", "车辆", "What they drive"), actor=None, now=MONDAY)


@pytest.fixture
def model(car: OwnObject) -> CustomField:
    return add_field(Draft(name_en="Model", name_zh="车型", contract=car.code, section="Car"), actor=None, now=MONDAY)


@pytest.fixture
def vin(car: OwnObject) -> CustomField:
    return add_field(Draft(name_en="Frame", personal=True, contract=car.code), actor=None, now=MONDAY)


def save(car: OwnObject, number: str, *customers: int, values: dict[int, object] | None = None) -> OwnRecord:
    return save_record(car, number=number, customers=customers, values=values, scope=SYSTEM, actor=None, now=MONDAY)


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_a_kind_is_made_on_its_page_and_used_at_once(sign_in: SignIn) -> None:
    dee, ann = sign_in("dee"), sign_in("ann")
    assert "no kind of record of your own yet" in text(dee.get("/records/"))
    to = dee.post("/settings/objects/new/", {"name_en": "Vehicle", "name_zh": "车辆"}).headers["Location"]
    kind = OwnObject.objects.get()
    assert to == f"/settings/fields/?object=o_{kind.pk}"
    form = {"object": kind.code, "name_en": "Model", "kind": "text", "required": "on", "searched": "on"}
    assert dee.post("/settings/fields/new/", form).headers["Location"] == to
    field = CustomField.objects.get()

    url = f"/records/{kind.pk}/"
    assert f'name="{field.code}"' in text(ann.get(f"{url}new/?customer=C-1"))
    sent = {"number": "浙A1", "customers": "c-1", field.code: ""}
    assert "This field is required." in text(ann.post(f"{url}new/", sent))
    to = ann.post(f"{url}new/", sent | {field.code: "Falcon"}).headers["Location"]

    assert "Falcon" in text(ann.get(to))
    assert "Falcon" in text(ann.get(f"/customers/{WANG}/"))
    assert "浙A1" in text(ann.get(f"{url}?q=falc"))
    assert "车辆" in text(ann.get("/records/", headers={"accept-language": "zh-hans"}))
    assert ann.post(to + "?edit=1", sent | {field.code: "Heron"}).headers["Location"] == to
    assert OwnValue.objects.get().value == "Heron"
    ann.post(f"{to}drop/")
    assert not OwnRecord.objects.exists()


def test_what_is_out_of_reach_is_not_there(sign_in: SignIn, car: OwnObject, model: CustomField) -> None:
    one = save(car, "B-secret", SMITH, values={model.pk: "Heron"})
    ann, url = sign_in("ann"), f"/records/{car.pk}/"

    for path in (f"{url}{one.pk}/", f"{url}{one.pk}/?edit=1"):
        assert ann.get(path).status_code == 404
    assert ann.post(f"{url}{one.pk}/drop/").status_code == 404
    assert "B-secret" not in text(ann.get(url)) + text(ann.get(f"{url}?customer={SMITH}"))
    assert "No customer of yours has the number" in text(ann.post(f"{url}new/", {"customers": "C-4", model.code: "x"}))
    assert OwnRecord.objects.count() == 1
    for path in (f"{url}import/", "/settings/objects/", f"/settings/objects/{car.pk}/put-away/"):
        assert ann.get(path).status_code == 403
    assert sign_in("ivy").get(f"{url}new/").status_code == 403


def test_a_list_is_filtered_saved_as_a_view_and_exported(
    sign_in: SignIn, car: OwnObject, model: CustomField, vin: CustomField
) -> None:
    save(car, "A", WANG, values={model.pk: "=cmd()", vin.pk: "LSV1"})
    save(car, "B", LI, values={model.pk: "Heron"})
    mia, url = sign_in("mia"), f"/records/{car.pk}/"

    query = f"{model.code}=heron"
    assert mia.post(f"{url}view/", {"name": "Herons", model.code: "heron"}).headers["Location"] == f"{url}?{query}"
    page = text(mia.get(f"{url}?{query}"))
    assert "Herons" in page
    assert ">B<" in page
    assert ">A<" not in page
    assert "Herons" not in text(mia.get("/customers/")), "a view of one list is no view of another"
    file = b"".join(sign_in("dee").post(f"{url}export/", {}).streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert file.splitlines() == [
        "Number,Customer number,Customer,Model,Frame", "A,C-1,王小明,'=cmd(),LSV1", "B,C-2,李娜,Heron,",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(verb="export", object_type=car.code).count() == 1


def test_a_file_is_looked_at_first_then_comes_in_and_goes_again(
    sign_in: SignIn, car: OwnObject, model: CustomField
) -> None:
    dee, url = sign_in("dee"), f"/records/{car.pk}/import/"
    rows = "Plate,customer_id,Model\n浙A1,C-1,Falcon\n浙A2,C-99,Heron\n".encode("gb18030")

    look = dee.post(url, {"file": SimpleUploadedFile("cars.csv", rows)}).headers["Location"]
    assert "No column of the file names the records" in text(dee.get(look))
    mapping = {"header": ["Plate", "customer_id", "Model"], "as.0": "number", "as.1": "customer", "as.2": model.code}
    page = text(dee.post(look, mapping | {"check": "1"}))
    assert "No customer has this number" in page
    assert not OwnRecord.objects.exists()
    assert dee.post(look, mapping | {"bring": "1"}).headers["Location"] == url

    assert list(OwnLink.objects.values_list("record__number", "own_id")) == [("浙A1", WANG)]
    assert "cars.csv" in text(dee.get(url))
    assert dee.get(look).headers["Location"] == url, "the file is no longer kept"
    dee.post(f"/records/{car.pk}/batches/{OwnBatch.objects.get().pk}/undo/")
    assert not OwnRecord.objects.exists()
    assert "Taken back" in text(dee.get(url))


def test_a_kind_with_records_is_put_away_only_after_being_asked(sign_in: SignIn, car: OwnObject) -> None:
    save(car, "A", WANG)
    dee, url = sign_in("dee"), f"/settings/objects/{car.pk}/put-away/"

    assert "1 records" in text(dee.get(url))
    save(car, "B", WANG)
    assert "has 2 records" in text(dee.post(url, {"records": "1"}))
    dee.post(url, {"records": "2"})
    assert dee.get(f"/records/{car.pk}/").status_code == 404
    dee.post(url, {"back": "1"})
    assert OwnRecord.objects.count() == 2


def test_the_form_of_a_record_is_laid_out_like_any_other(sign_in: SignIn, car: OwnObject, model: CustomField) -> None:
    seats = add_field(Draft(name_en="Seats", kind="whole", contract=car.code), actor=None, now=MONDAY)
    dee = sign_in("dee")
    sent = {f"as.{seats.code}": "required", f"section.{seats.code}": "First", f"as.{model.code}": "hidden"}

    assert dee.post("/settings/fields/layout/", sent | {"object": car.code}).headers["Location"].endswith(car.code)

    page = text(dee.get(f"/records/{car.pk}/new/"))
    assert "<h3>First</h3>" in page
    assert f'name="{model.code}"' not in page
    assert "Facts beside them" not in text(dee.get(f"/settings/fields/layout/?object={car.code}"))


def test_programs_read_and_write_records_within_their_reach(
    company: dict[str, User], car: OwnObject, model: CustomField, vin: CustomField
) -> None:
    save(car, "A", WANG, values={model.pk: "Falcon", vin.pk: "LSV1"})
    save(car, "B", SMITH)

    def call(who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        until = timezone.now() + timedelta(days=9)
        secret = keys.make_key(
            company[who], role=company[who].role, expires_at=until, name="t", actor=None, now=timezone.now()
        )[1]
        answer = Client().generic(
            method, f"/api/v1{path}", json.dumps(body) if body is not None else "", "application/json",
            headers={"authorization": f"Bearer {secret}"},
        )  # fmt: skip
        return answer.status_code, answer.json() if answer.content else None

    status, kinds = call("mia", "GET", "/objects")
    assert (status, [(one["code"], one["name"]["zh"]) for one in kinds]) == (200, [(car.code, "车辆")])
    status, found = call("mia", "GET", f"/objects/{car.code}/records?{model.code}=falcon")
    assert status == 200
    assert [(one["number"], one["customers"], one["fields"][model.code]) for one in found["records"]] == [
        ("A", [{"person_id": WANG, "customer_id": "C-1"}], "Falcon")
    ]
    assert call("mia", "GET", f"/objects/{car.code}/records")[1]["next"] is None
    body = {"number": "C", "customers": [LI], "fields": {model.code: "Swift"}}
    status, made = call("mia", "POST", f"/objects/{car.code}/records", body)
    assert (status, made["number"], made["fields"][model.code]) == (200, "C", "Swift")
    assert call("mia", "PATCH", f"/objects/{car.code}/records/{made['id']}", {"fields": {model.code: None}})[0] == 200
    assert call("mia", "POST", f"/objects/{car.code}/records", body | {"number": "D", "customers": [SMITH]})[0] == 404
    other = OwnRecord.objects.get(number="B").pk
    for method in ("GET", "PATCH", "DELETE"):
        assert call("mia", method, f"/objects/{car.code}/records/{other}", {})[0] == 404
    assert call("mia", "GET", "/objects/o_999/records")[0] == 404
    assert call("mia", "POST", f"/objects/{car.code}/bulk", {"rows": [{"number": "E"}]})[0] in (403, 422)
    status, report = call("dee", "POST", f"/objects/{car.code}/bulk", {"rows": [{"number": "E", "customer": "C-1", "Model": "Rook"}, {"number": ""}]})  # fmt: skip
    assert (status, report["made"], report["rejected"]) == (200, 1, 1)
    assert call("mia", "DELETE", f"/objects/{car.code}/records/{made['id']}")[0] == 200


def test_a_file_comes_in_at_the_command_line(
    car: OwnObject,
    model: CustomField,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tenure.cli import opened, records

    monkeypatch.setattr(opened, "desk", lambda here=None: None)  # the test's own database is open already
    path = tmp_path / "cars.csv"
    path.write_text("编号,客户号,车型\nA,C-1,Falcon\nB,C-9,\n", encoding="utf-8")

    records.import_(path, "vehicle")

    assert "2 rows: 1 new, 0 changed, 0 as they were, 1 rejected." in capsys.readouterr().out
    assert OwnRecord.objects.get().number == "A"
