"""Relations from a file to the desk and back: through the lake, a refresh, an undo and an erasure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tenure.desk.customers import relations
from tenure.desk.customers.imported_relations import follow, left_out_of
from tenure.desk.customers.models import Customer, Relation
from tenure.desk.governance.models import AuditEntry
from tenure.lake import SYSTEM, erase
from tenure.pipeline import cards as cards_steps
from tenure.pipeline import records as records_steps
from tenure.pipeline.run import Context, Watcher, run
from tenure.sources.importing import import_file
from tests.pipeline.conftest import CLOCK, Shop

pytestmark = pytest.mark.django_db
COMPANIES = "customer_id,name,kind\n" + "\n".join(
    f"C-{n},{name},enterprise"
    for n, name in enumerate(("远山集团", "远山杭州", "远山宁波", "Blue Ltd", "王小明"), start=1)
)
HEADER = "客户编号,关联客户,关系,开始日期,备注"


@pytest.fixture
def shop(new_shop: Callable[[], Shop], monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = new_shop()
    monkeypatch.setenv("TENURE_HOME", str(made.here.home))
    monkeypatch.setattr("tenure.desk.lake._own", __import__("threading").local())
    bring(made, COMPANIES, "customers")
    return made


def bring(shop: Shop, text: str, contract: str, name: str = "a.csv") -> str:
    path = Path(shop.here.home) / name
    path.write_text(text + "\n", encoding="utf-8")
    report = import_file(
        shop.lake, path, contract, zone=shop.here.zone, currency=shop.here.currency,
        rejects_folder=shop.here.rejects_folder, now=CLOCK, source="crm",
    )  # fmt: skip
    assert report.batch is not None
    return report.batch


def say(shop: Shop, *rows: str) -> str:
    return bring(shop, "\n".join([HEADER, *rows]), "relations", "relations.csv")


def settle(shop: Shop) -> None:
    """The steps of a refresh that relations pass through; the models between are no concern of theirs."""
    wanted = ("identity", "records/customers", "records/relations", "cards", "publish", "relations")
    steps = [step for step in (*records_steps.STEPS, *cards_steps.STEPS) if step.name in wanted]
    with shop.lake.writing("a test"):
        run(steps, Context(shop.lake, shop.here, CLOCK, CLOCK), Watcher())


def told() -> list[tuple[str, str, str]]:
    """Everything the desk shows: from, kind or its own name, to, as customer numbers."""
    number = dict(Customer.objects.values_list("pk", "customer_id"))
    rows = Relation.objects.filter(dropped_at=None)
    return sorted((number[row.from_own], row.called or row.kind, number[row.to_own]) for row in rows)


def person(number: str) -> int:
    return Customer.objects.get(customer_id=number).pk


def test_a_file_of_relations_shows_on_the_pages_and_goes_with_its_batch(shop: Shop) -> None:
    say(shop, "C-2,C-1,上级公司,2024-01-01,Signed by 王小明")
    settle(shop)
    batch = say(shop, "C-1,C-3,branch,,", "C-5,C-2,Employer,,", "C-4,C-1,供应商,,")
    settle(shop)

    assert told() == [
        ("C-1", "供应商", "C-4"),
        ("C-2", "branch", "C-1"),
        ("C-3", "branch", "C-1"),
        ("C-5", "employee", "C-2"),
    ]
    (line,) = (one for one in relations.relations_of(SYSTEM, person("C-2"), today=date(2026, 7, 2)) if one.since)
    assert (line.words, line.since, line.source, line.note) == (
        "Parent company",
        date(2024, 1, 1),
        "crm",
        "Signed by 王小明",
    )
    assert "王小明" not in str(list(Relation.objects.values()))

    shop.lake.undo(batch, now=CLOCK)
    settle(shop)

    assert told() == [("C-2", "branch", "C-1")]
    entry = AuditEntry.objects.filter(verb="follow_relations").latest("pk")
    assert entry.detail == {"made": 0, "changed": 0, "gone": 3}


def test_rows_that_make_no_relation_are_told_with_their_batch(shop: Shop) -> None:
    batch = say(
        shop, "C-1,C-2,parent,,", "C-2,C-3,parent,,", "C-3,C-1,parent,,", "C-1,C-4,parent,,", "C-5,C-99,employer,,",
        "C-5,C-5,household,,",
    )  # fmt: skip

    settle(shop)

    assert told() == [("C-1", "branch", "C-2"), ("C-2", "branch", "C-3")]
    left = left_out_of(shop.lake, batch)
    assert left is not None
    assert (left["rows"], left["why"]) == (4, {"circle": 1, "second": 1, "nobody": 1, "same": 1})
    assert left["first"] == [[3, "circle"], [4, "second"], [5, "nobody"], [6, "same"]]


def test_what_the_desk_says_goes_before_a_file(shop: Shop) -> None:
    settle(shop)
    relations.relate(person("C-1"), person("C-4"), "branch", scope=SYSTEM, actor=None, now=CLOCK)
    say(shop, "C-1,C-2,parent,,", "C-3,C-2,parent,,")
    settle(shop)
    assert told() == [("C-1", "branch", "C-4"), ("C-3", "branch", "C-2")]

    imported = Relation.objects.get(imported=True)
    relations.unrelate(imported.pk, scope=SYSTEM, actor=None, now=CLOCK)
    say(shop, "C-3,C-2,parent,2025-01-01,")
    settle(shop)
    assert told() == [("C-1", "branch", "C-4")]

    again = relations.relate(person("C-3"), person("C-2"), "branch", scope=SYSTEM, actor=None, now=CLOCK)
    assert not again.imported
    assert told() == [("C-1", "branch", "C-4"), ("C-3", "branch", "C-2")]


def test_a_second_look_changes_nothing(shop: Shop) -> None:
    say(shop, "C-2,C-1,parent,2024-01-01,Signed")
    settle(shop)

    found = follow(shop.lake, now=CLOCK)

    assert (found.shown, found.made, found.changed, found.gone) == (1, 0, 0, 0)


def test_an_erased_customer_leaves_no_row_that_names_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    say(shop, "C-2,C-1,parent,,", "C-5,C-2,employer,,", "C-3,C-5,decision maker,,", "C-3,C-1,parent,,")
    settle(shop)
    lake = shop.lake
    with lake.writing("a test"):
        who = erase.find(lake, {person("C-5")})
        erase.bury(lake, who, "erase")
        gone = erase.purge(lake, relations_contract(), who, "erase")
        assert gone == 2
        assert not [name for name in erase.traces(lake, who) if name.endswith("relations")]

    say(shop, "C-2,C-5,employee,,", "C-5,C-1,employer,,")
    settle(shop)

    assert told() == [("C-2", "branch", "C-1"), ("C-3", "branch", "C-1")]
    kept = lake.to_arrow(lake.read("received/relations", actor=SYSTEM)).to_pylist()
    assert "C-5" not in {row[name] for row in kept for name in ("customer_id", "related_id")}


def relations_contract() -> Any:
    from tenure.contracts import CONTRACTS

    return CONTRACTS["relations"]
