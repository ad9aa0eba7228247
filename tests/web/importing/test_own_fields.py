"""The company's own fields, where a file comes in by page."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client

from tenure.desk.customers.api import Draft, add_field, tell_fields
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.governance.roles import BUILT_IN
from tenure.desk.work import jobs
from tenure.desk.work.models import Upload
from tenure.lake import Lake
from tests.cast import MONDAY
from tests.web.importing.steps import ORDERS, sent, signed_in

pytestmark = pytest.mark.django_db


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
