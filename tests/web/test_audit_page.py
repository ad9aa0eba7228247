"""The audit page: readable, searchable, with the chain's state, and what opening a customer's page leaves on it."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import connection, transaction
from django.utils import timezone

from tenure.desk.governance import append_only, audit, chain, heads, services
from tenure.desk.governance.models import AuditEntry, User
from tests.cast import CUSTOMERS, LI, MONDAY, SMITH, TUESDAY, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_home(company: dict[str, User], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads of this test alone; the small company's lake and keys stay where they are."""
    import os

    for shared in ("lake", "keys", "vault", "sealed.json"):
        (tmp_path / shared).symlink_to(Path(os.environ["TENURE_HOME"]) / shared)
    monkeypatch.setenv("TENURE_HOME", str(tmp_path))
    caches["figures"].clear()


def shown(client: object, query: str = "") -> list[str]:
    """What the page tells: verb, object and details of each entry, on a line."""
    rows = client.get(f"/settings/audit/{query}").context["rows"]  # type: ignore[attr-defined]
    return [
        f"{row['verb']} | {row['object']} | " + ", ".join(f"{name}: {text}" for name, text in row["details"])
        for row in rows
    ]


def test_entries_are_told_in_words(sign_in: SignIn, company: dict[str, User]) -> None:
    services.change_role(company["bo"], role="analyst", actor=company["dee"], now=TUESDAY)

    lines = shown(sign_in("dee"))

    assert lines[0] == "Changed what an account may see | account bo | role: Agent → Analyst"
    assert "Published new figures | figures 1 | customers: 6, as of: 2026-03-02 09:00" in lines
    assert "{" not in "".join(lines)


def test_the_same_entries_are_told_in_chinese(sign_in: SignIn, company: dict[str, User]) -> None:
    services.change_role(company["bo"], role="analyst", actor=company["dee"], now=TUESDAY)
    services.choose_language(company["dee"], "zh-hans")

    assert shown(sign_in("dee"))[0] == "更改账号权限 | 账号 bo | 角色: 客户经理 → 分析师"


def test_teams_and_owners_are_named(sign_in: SignIn, company: dict[str, User]) -> None:
    from tenure.desk.customers.services import assign_customer
    from tenure.desk.governance.api import scope_of

    assign_customer(
        SMITH, owner=company["ann"], team=company["ann"].team, scope=scope_of(company["dee"]), actor=company["dee"],
        now=TUESDAY,
    )  # fmt: skip

    page = sign_in("dee").get("/settings/audit/")

    assert page.context["rows"][0]["details"] == [("owner", "bo → ann"), ("team", "South → East")]
    assert CUSTOMERS[SMITH][0] in page.content.decode()


def test_the_trail_is_narrowed_by_verb_person_object_and_day(sign_in: SignIn, company: dict[str, User]) -> None:
    dee = sign_in("dee")
    services.change_role(company["bo"], role="analyst", actor=company["dee"], now=TUESDAY)

    assert {line.split(" |")[0] for line in shown(dee, "?verb=create_user")} == {"Opened an account"}
    assert len(shown(dee, f"?actor={company['dee'].pk}")) == 1
    assert len(shown(dee, "?object=generation")) == 1
    assert len(shown(dee, "?since=2026-03-03")) == 1
    assert len(shown(dee, "?until=2026-03-02")) == AuditEntry.objects.count() - 1
    assert shown(dee, "?since=2026-03-04") == []


@pytest.mark.parametrize("text", ["changed", "权限", "change_access"])
def test_a_search_finds_by_words_in_either_language(sign_in: SignIn, company: dict[str, User], text: str) -> None:
    services.change_role(company["bo"], role="analyst", actor=company["dee"], now=TUESDAY)

    assert len(shown(sign_in("dee"), f"?q={text}")) >= 1


def test_a_search_finds_by_number_and_by_person(sign_in: SignIn, company: dict[str, User]) -> None:
    services.change_role(company["bo"], role="analyst", actor=company["dee"], now=TUESDAY)
    dee = sign_in("dee")

    assert len(shown(dee, "?q=dee")) == 1
    assert {line.split(" | ")[1] for line in shown(dee, f"?q={company['bo'].pk}&object=user")} == {"account bo"}
    assert shown(dee, "?q=nothing-like-it") == []


@pytest.mark.parametrize(
    "query", ["?actor=x", "?before=x", "?since=yesterday", "?before=99999999999999999999", "?q=%00"]
)
def test_a_query_that_makes_no_sense_is_passed_over(sign_in: SignIn, query: str) -> None:
    assert shown(sign_in("dee"), query)


def test_older_entries_follow_page_by_page_without_gap(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.web.audit.PAGE", 3)
    dee, query, seen = sign_in("dee"), "", []

    while True:
        page = dee.get(f"/settings/audit/?{query}")
        seen += [row["entry"].pk for row in page.context["rows"]]
        query = page.context["more"]
        if not query:
            break

    assert seen == list(AuditEntry.objects.order_by("-pk").values_list("pk", flat=True))


def test_the_chains_state_stands_above(sign_in: SignIn) -> None:
    dee = sign_in("dee")
    chain.seal()
    heads.sign(now=MONDAY)
    with transaction.atomic():
        audit.record("note", "thing", 1, actor=None, now=TUESDAY)

    page = dee.get("/settings/audit/")

    count = AuditEntry.objects.count()
    assert (page.context["state"].position, page.context["state"].unsealed) == (count - 1, 1)
    text = page.content.decode()
    assert f"Sealed up to entry {count - 1}" in text
    assert "1 entry is not sealed yet" in text
    assert "Never verified yet" in text


def test_verifying_on_the_page_says_so_and_is_written_down(sign_in: SignIn) -> None:
    dee = sign_in("dee")
    chain.seal()
    heads.sign(now=MONDAY)

    text = dee.post("/settings/audit/verify/", follow=True).content.decode()

    assert "The audit chain is whole" in text
    assert AuditEntry.objects.get(verb="verify_audit").detail["ok"] is True
    assert "Last verified" in text


def test_a_broken_chain_is_told_on_the_page_in_the_readers_language(sign_in: SignIn, company: dict[str, User]) -> None:
    dee = sign_in("dee")
    chain.seal()
    heads.sign(now=MONDAY)
    append_only.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE governance_auditentry SET verb = 'innocent' WHERE verb = 'publish'")

    dee.post("/settings/audit/verify/")

    entry = AuditEntry.objects.get(verb="verify_audit")
    assert entry.detail["ok"] is False
    text = dee.get("/settings/audit/").content.decode()
    assert "broken" in text
    assert entry.detail["first"]["en"][:20] in text
    transaction.set_rollback(True)


def test_a_long_chain_is_verified_from_the_command_line(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.web.audit.QUICK", 2)
    dee = sign_in("dee")
    chain.seal()

    assert "<code>tenure audit verify</code>" in dee.get("/settings/audit/").content.decode()
    dee.post("/settings/audit/verify/")

    assert not AuditEntry.objects.filter(verb="verify_audit").exists()


@pytest.mark.parametrize("name", ["mia", "ann", "ivy"])
def test_the_trail_is_closed_to_whose_role_does_not_read_it(sign_in: SignIn, name: str) -> None:
    assert sign_in(name).get("/settings/audit/").status_code == 403
    assert sign_in(name).post("/settings/audit/verify/").status_code == 403


def test_private_details_show_to_who_sees_everything_in_clear_and_to_nobody_else(
    sign_in: SignIn, company: dict[str, User]
) -> None:
    from dataclasses import replace

    from tenure.desk.governance.roles import BUILT_IN

    sign_in("mia").post("/customers/export/", {"q": "wang", "risk": "high"})
    analyst = BUILT_IN["analyst"]
    services.save_role(replace(analyst, permissions=analyst.permissions | {"audit"}), actor=None, now=MONDAY)

    by_dee = next(line for line in shown(sign_in("dee")) if line.startswith("Exported"))
    by_ivy = next(line for line in shown(sign_in("ivy")) if line.startswith("Exported"))

    assert by_dee.endswith("filters: risk=high, search: wang")
    assert "wang" not in by_ivy
    assert by_ivy.endswith("private details: ••••")


def test_opening_a_customer_is_written_down_once_a_quarter_of_an_hour(sign_in: SignIn) -> None:
    dee, mia = sign_in("dee"), sign_in("mia")

    for client, person in ((dee, WANG), (dee, WANG), (mia, WANG), (dee, LI)):
        assert client.get(f"/customers/{person}/").status_code == 200

    looks = AuditEntry.objects.filter(verb="read").order_by("pk")
    assert [(look.actor.username if look.actor else "", look.object_id) for look in looks] == [
        ("dee", str(WANG)),
        ("mia", str(WANG)),
        ("dee", str(LI)),
    ]
    assert looks[0].detail == {"fields": ["email", "extra", "phone", "text"], "through": "page"}
    assert abs(looks[0].at - timezone.now()) < timedelta(minutes=5)


def test_whoever_sees_no_personal_field_leaves_no_look(sign_in: SignIn) -> None:
    assert sign_in("ivy").get(f"/customers/{WANG}/").status_code == 200
    assert sign_in("ann").get(f"/customers/{SMITH}/").status_code == 404

    assert not AuditEntry.objects.filter(verb="read").exists()


def test_every_verb_that_is_written_has_words() -> None:
    """A verb without words would show as a code: `governance.trail` says them in both languages."""
    import ast

    from tenure.desk.governance import trail
    from tests.conftest import ROOT

    written: set[str] = set()
    for file in (ROOT / "src" / "tenure").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in {"record", "refused"}
                and getattr(call.func.value, "id", "") == "audit"
            ):
                verb = call.args[0]  # the verb itself, or one of two
                either = [verb.body, verb.orelse] if isinstance(verb, ast.IfExp) else [verb]
                written |= {str(one.value) for one in either if isinstance(one, ast.Constant)}

    assert {"create_user", "publish", "export", "download_grant", "grant_refused"} <= written
    assert sorted(written - set(trail.VERBS)) == []
