"""Misspelt values, offered to be mended where a file comes in by page."""

from pathlib import Path

import pytest
from django.test import Client

from tenure.desk.customers.api import Draft, add_field, tell_fields
from tenure.desk.work import jobs
from tenure.desk.work.models import MappingTemplate
from tenure.lake import Lake
from tests.cast import MONDAY
from tests.conftest import DATA
from tests.web.importing.steps import deals, extras, imported, mapped, offered, sent

pytestmark = pytest.mark.django_db


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
