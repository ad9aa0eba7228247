"""Why customers leave: the tree, what was said, who reviewed it, and the discussion of a cause."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tenure.desk.causes import api, board, calling, importing, reading, statements, taxonomy
from tenure.desk.causes.exporting import statement_lines, taxonomy_lines
from tenure.desk.causes.held import _naming
from tenure.desk.causes.models import Idea, KeptCause, Mention, Statement
from tenure.desk.causes.statements import CANT_TELL, Said
from tenure.desk.causes.taxonomy import Draft
from tenure.desk.customers.models import Customer
from tenure.desk.customers.words import words_for
from tenure.desk.governance.api import note_merges, scope_of
from tenure.desk.governance.holdings import HOLDINGS, Wanted
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.language import using
from tests.cast import CHEN, LI, MONDAY, SMITH, TUESDAY, WANG, ZHANG

pytestmark = pytest.mark.django_db

DAY = date(2026, 2, 20)


def say(who: User, person: int, text: str = "太贵了，别家便宜很多", **more: Any) -> Statement:
    told = Said(**{"came_from": "staff_interview", "text": text, "said_on": DAY, "left_on": DAY} | more)
    return statements.record_statement(person, told, lake=lake(), scope=scope_of(who), actor=who, now=MONDAY)


def settle(who: User, *rows: Statement, verdict: str = "") -> statements.Reviewed:
    return statements.review(
        {row.pk: row.version for row in rows}, verdict, scope=scope_of(who), actor=who, now=TUESDAY
    )


def test_what_was_said_lies_sealed_and_is_given_a_cause_with_its_words(company: dict[str, User]) -> None:
    made = say(company["ann"], WANG, "配送慢，等了三天", competitor="  Other  Co ")

    (line,) = reading.of_customer(scope_of(company["ann"]), WANG)

    assert (line.text, line.suggested.code if line.suggested else "", line.went_by) == (
        "配送慢，等了三天", "delivery_late", "配送慢"
    )  # fmt: skip
    assert "配送慢" not in made.text + made.went_by
    assert (made.competitor, made.state, made.cause) == ("Other Co", "waiting", "delivery_late")
    entry = AuditEntry.objects.get(verb="record_statement")
    assert "配送" not in str(entry.detail)


def test_statements_are_seen_as_far_as_their_customers_are(company: dict[str, User]) -> None:
    say(company["dee"], WANG)
    say(company["dee"], SMITH)

    seen = {name: [line.person_id for line in reading.lines(scope_of(company[name]), list(
        Statement.objects.visible_to(scope_of(company[name]))))] for name in ("mia", "bo", "ann", "zed")}  # fmt: skip

    assert seen == {"mia": [WANG], "bo": [SMITH], "ann": [WANG], "zed": []}
    with pytest.raises(Customer.DoesNotExist):
        say(company["mia"], SMITH)


def test_a_role_that_sees_no_complaints_sees_no_statement_made_of_one(company: dict[str, User]) -> None:
    say(company["dee"], WANG, came_from="complaint")
    say(company["dee"], LI, came_from="note")
    scope = replace(scope_of(company["mia"]), objects=(("cases", "none"),))

    assert [row.own_id for row in Statement.objects.visible_to(scope)] == [LI]


def test_an_interview_read_from_a_survey_is_kept_from_who_sees_no_surveys_and_one_written_down_here_is_not(
    company: dict[str, User],
) -> None:
    read = say(company["dee"], WANG)
    Statement.objects.filter(pk=read.pk).update(record_key="a" * 32)
    say(company["dee"], LI)
    scope = replace(scope_of(company["mia"]), objects=(("survey_responses", "none"),))

    assert [row.own_id for row in Statement.objects.visible_to(scope)] == [LI]


def test_text_hidden_from_a_role_stays_hidden_on_pages_and_in_files(company: dict[str, User]) -> None:
    say(company["dee"], WANG, "价格太高 SECRETLY")
    scope = scope_of(company["ivy"])

    told = reading.lines(scope, list(Statement.objects.visible_to(scope)))

    assert [(line.text, line.went_by) for line in told] == [("", "")]
    assert "SECRETLY" not in "".join(statement_lines(told, scope))
    mine = scope_of(company["mia"])
    assert "SECRETLY" in "".join(statement_lines(reading.lines(mine, list(Statement.objects.visible_to(mine))), mine))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": "  "}, "Write down what was said"),
        ({"text": "x" * 10_001}, "10001 characters"),
        ({"came_from": "gossip"}, "Say where it was said"),
        ({"said_on": date(2030, 1, 1)}, "still to come"),
        ({"cause": "competition"}, "Choose a cause of the tree"),
        ({"cause": "nothing"}, "Choose a cause of the tree"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_to_do(
    company: dict[str, User], change: dict[str, Any], said: str
) -> None:
    with pytest.raises(TenureError, match=said):
        say(company["dee"], WANG, **change)
    assert not Statement.objects.exists()


def test_text_in_another_language_waits_without_a_suggestion(company: dict[str, User]) -> None:
    made = say(company["dee"], WANG, "Всё было очень плохо")

    assert (made.suggested, made.cause) == ("", "")
    with pytest.raises(TenureError, match="Nothing is suggested"):
        settle(company["dee"], made)
    settle(company["dee"], made, verdict="service_poor")
    made.refresh_from_db()
    assert made.cause == "service_poor"


def test_many_are_reviewed_at_once_and_one_settled_meanwhile_is_left_to_whoever_did(company: dict[str, User]) -> None:
    dee, mia = company["dee"], company["mia"]
    rows = [say(dee, person) for person in (WANG, LI, ZHANG)]
    settle(mia, rows[1], verdict=CANT_TELL)

    told = settle(dee, *rows)

    assert (told.done, told.moved) == (2, (rows[1].pk,))
    states = {row.own_id: (row.state, row.cause, row.reviewed_by_id) for row in Statement.objects.all()}
    assert states[LI] == ("cant_tell", "", mia.pk)
    assert states[WANG][:2] == ("confirmed", rows[0].suggested)
    assert AuditEntry.objects.filter(verb="review_statements").count() == 2


def test_who_may_not_confirm_can_still_write_down_what_was_said(company: dict[str, User]) -> None:
    ann = company["ann"]
    made = say(ann, WANG)

    with pytest.raises(TenureError, match="does not confirm"):
        settle(ann, made)
    with pytest.raises(TenureError, match="does not confirm"):
        say(ann, WANG, cause="price_high")
    with pytest.raises(Statement.DoesNotExist):
        settle(company["mia"], say(company["dee"], SMITH))
    with pytest.raises(TenureError, match="does not write down"):
        say(company["ivy"], WANG)


def test_statements_go_along_with_a_join_and_a_leaver_counts_once(company: dict[str, User]) -> None:
    dee = company["dee"]
    say(dee, WANG, "信号差")
    settle(dee, say(dee, LI, "太贵"))
    scope = scope_of(dee)
    assert [one.person_id for one in api.left_for(scope)] == [WANG, LI]

    note_merges([(LI, WANG)])

    assert [(one.person_id, one.cause, one.confirmed) for one in api.left_for(scope)] == [(WANG, "price_high", True)]
    assert len(reading.of_customer(scope, WANG)) == 2
    note_merges([])
    assert len(reading.of_customer(scope, LI)) == 1


def test_a_retired_cause_keeps_what_was_confirmed_and_gives_up_what_waits(company: dict[str, User]) -> None:
    dee = company["dee"]
    sure, waits = say(dee, WANG, "太贵"), say(dee, LI, "太贵")
    settle(dee, sure)

    moved = taxonomy.retire_cause("price_high", into="contract_terms", version=0, actor=dee, now=TUESDAY)

    assert moved == 1
    causes = {one.person_id: one.cause for one in api.left_for(scope_of(dee))}
    assert causes == {WANG: "price_high", LI: "contract_terms"}
    with pytest.raises(TenureError, match="is retired"):
        statements.review({waits.pk: waits.version + 1}, "price_high", scope=scope_of(dee), actor=dee, now=TUESDAY)
    assert say(dee, CHEN, "太贵").suggested != "price_high"
    taxonomy.restore_cause("price_high", actor=dee, now=TUESDAY)
    assert say(dee, CHEN, "太贵").suggested == "price_high"


def test_the_tree_is_the_companys_to_change_and_two_do_not_overwrite_each_other(company: dict[str, User]) -> None:
    dee = company["dee"]
    added = taxonomy.add_cause(Draft("No night service", "没有夜间服务", "service"), actor=dee, now=MONDAY)
    assert added.code == "no_night_service"
    named = Draft("Too dear", "太贵了", "contract", control="mixed", side="external", nature="objective")
    taxonomy.change_cause("price_high", named, version=0, actor=dee, now=MONDAY)

    node = taxonomy.tree()["price_high"]
    assert (node.words.en, node.parent, node.control, node.version) == ("Too dear", "contract", "mixed", 1)
    assert say(dee, WANG, "no night service").suggested == "no_night_service"
    with pytest.raises(TenureError, match="changed this cause meanwhile"):
        taxonomy.change_cause("price_high", replace(named, name_en="Dear"), version=0, actor=dee, now=MONDAY)
    for wrong, why in (
        (Draft("", "", "service"), "Give the cause a name"),
        (Draft("No night service", "x", "service"), "already in this branch"),
        (Draft("A", "甲", "price_high"), "Choose a branch"),
        (Draft("A", "甲", "service", control="perhaps"), "nothing a cause can be"),
    ):
        with pytest.raises(TenureError, match=why):
            taxonomy.add_cause(wrong, actor=dee, now=MONDAY)
    with pytest.raises(TenureError, match="still has causes"):
        taxonomy.retire_cause("service", version=0, actor=dee, now=MONDAY)
    with pytest.raises(TenureError, match="does not change the tree"):
        taxonomy.add_cause(Draft("B", "乙", "service"), actor=company["mia"], now=MONDAY)
    assert KeptCause.objects.count() == 2
    assert any(row.startswith("no_night_service,service,") for row in taxonomy_lines(taxonomy.tree()))


def test_leavers_are_counted_by_what_is_asked_and_the_vague_yields_to_the_exact(company: dict[str, User]) -> None:
    dee = company["dee"]
    say(dee, WANG, "Personal reasons", came_from="exit_survey")
    say(dee, WANG, "配送慢", came_from="complaint")
    say(dee, LI, "搬到外地了")
    say(dee, SMITH, "no signal at home", left_on=date(2025, 6, 1))
    say(dee, CHEN, "???")
    scope = scope_of(dee)

    found = reading.leavers(scope, reading.Asked(since=date(2026, 1, 1)))

    assert {one.person: one.cause for one in found.leavers.values()} == {WANG: "delivery_late", LI: "moved"}
    assert (found.said, found.silent) == (2, 1)
    only = reading.leavers(scope, reading.Asked(control="uncontrollable"))
    assert [one.cause for one in only.leavers.values()] == ["moved"]
    assert reading.spent_by(scope, only.leavers) == {LI: 20_000}
    assert reading.spent_by(scope_of(company["ivy"]) and replace(scope, hidden=frozenset({"amounts"})), [LI]) is None


def test_an_idea_is_voted_on_decided_and_done(company: dict[str, User]) -> None:
    dee, mia, ivy, ann = (company[name] for name in ("dee", "mia", "ivy", "ann"))
    idea = board.add_idea("delivery_late", "Warehouse in the East", actor=ivy, now=MONDAY)
    board.comment(idea.pk, "Two days less", actor=mia, now=MONDAY)
    assert [board.vote(idea.pk, for_it=True, actor=who, now=MONDAY) for who in (dee, mia, mia)] == [1, 2, 2]
    assert board.vote(idea.pk, for_it=False, actor=dee, now=MONDAY) == 1

    with pytest.raises(TenureError, match="takes no part"):
        board.decide(idea.pk, "Do it", owner=ann, due=date(2026, 6, 1), actor=ivy, now=MONDAY)
    with pytest.raises(TenureError, match="a day from today"):
        board.decide(idea.pk, "Do it", owner=ann, due=date(2020, 6, 1), actor=mia, now=MONDAY)
    board.decide(idea.pk, "Rent one", owner=ann, due=date(2026, 6, 1), actor=mia, now=MONDAY)
    with pytest.raises(TenureError, match="decided already"):
        board.vote(idea.pk, for_it=True, actor=dee, now=MONDAY)
    board.move(idea.pk, "done", actor=ann, now=MONDAY)  # who sees to it says so

    (found,) = reading.ideas("delivery_late")
    assert (found.state, found.decision, found.owner, found.due) == ("done", "Rent one", ann, date(2026, 6, 1))
    with pytest.raises(TenureError, match="changed meanwhile"):
        board.move(idea.pk, "dropped", actor=mia, now=MONDAY)
    assert {"add_idea", "comment_idea", "vote_idea", "decide_idea", "move_idea"} <= set(
        AuditEntry.objects.values_list("verb", flat=True)
    )


def test_a_colleague_called_by_name_finds_a_notice_and_says_it_is_read(company: dict[str, User]) -> None:
    dee, mia, ivy = (company[name] for name in ("dee", "mia", "ivy"))
    idea = board.add_idea(
        "delivery_late", "Warehouse in the East, @Mia请看 and mail ivy@example.com", actor=dee, now=MONDAY
    )
    board.comment(idea.pk, "@ivy. @ivy! @dee", actor=dee, now=TUESDAY)

    (hers,) = calling.notices(mia)
    (both,) = calling.notices(ivy)
    assert (hers.said, hers.why, hers.by, hers.read_at) == (idea.text, "idea", dee, None)
    assert (both.said, both.why) == ("@ivy. @ivy! @dee", "comment")
    assert not calling.notices(dee).exists()  # nobody calls themselves
    assert calling.read(hers.pk, actor=mia, now=TUESDAY).read_at == TUESDAY
    assert calling.read(hers.pk, read=False, actor=mia, now=TUESDAY).read_at is None
    with pytest.raises(Mention.DoesNotExist):
        calling.read(hers.pk, actor=ivy, now=TUESDAY)
    entry = AuditEntry.objects.get(verb="comment_idea")
    assert entry.detail["called"] == ["ivy"]


def test_who_may_not_see_causes_is_not_called_and_who_may_no_more_is_told_nothing(company: dict[str, User]) -> None:
    dee, mia = company["dee"], company["mia"]
    idea = board.add_idea("delivery_late", "@ann @zed @old @nobody @mia", actor=dee, now=MONDAY)

    assert [row.user for row in Mention.objects.all()] == [mia]
    assert {one.username for one in calling.callable_by(dee)} == {"mia", "noa", "ivy"}
    assert [one.username for one in calling.offered(dee, "M")] == ["mia"]
    assert calling.offered(dee, "ann") == calling.offered(dee, "zed") == []
    User.objects.filter(pk=mia.pk).update(role="agent")
    later = User.objects.get(pk=mia.pk)
    assert not calling.notices(later).exists()
    with pytest.raises(Mention.DoesNotExist):
        calling.read(Mention.objects.get().pk, actor=later, now=TUESDAY)
    idea.delete()
    assert not Mention.objects.exists()


def test_whoever_sees_to_a_decision_is_told(company: dict[str, User]) -> None:
    dee, mia = company["dee"], company["mia"]
    idea = board.add_idea("delivery_late", "Warehouse", actor=dee, now=MONDAY)

    board.decide(idea.pk, "Rent one", owner=mia, due=date(2026, 6, 1), actor=dee, now=MONDAY)

    (notice,) = calling.notices(mia)
    assert (notice.why, notice.said) == ("decision", "Rent one")


def test_an_agent_finds_what_they_are_to_do_and_only_while_it_is_theirs(company: dict[str, User]) -> None:
    """Agents may not open the pages of causes."""
    dee, ann, mia = company["dee"], company["ann"], company["mia"]
    idea = board.add_idea("delivery_late", "Warehouse", actor=dee, now=MONDAY)
    Mention.objects.create(user=ann, idea=idea, why=Mention.Why.IDEA, by=dee, at=MONDAY)

    board.decide(idea.pk, "Rent one", owner=ann, due=date(2026, 6, 1), actor=dee, now=MONDAY)

    (notice,) = calling.notices(ann)
    assert (notice.why, notice.said, notice.to_do) == ("decision", "Rent one", True)
    board.move(idea.pk, "done", actor=ann, now=TUESDAY)
    assert not calling.notices(ann).get().to_do
    board.move(idea.pk, "open", actor=dee, now=TUESDAY)
    assert not calling.notices(ann).exists()
    board.decide(idea.pk, "Buy one", owner=mia, due=date(2026, 6, 1), actor=dee, now=TUESDAY)
    assert not calling.notices(ann).exists()
    with pytest.raises(Mention.DoesNotExist):
        calling.read(notice.pk, actor=ann, now=TUESDAY)


@pytest.mark.parametrize(
    ("text", "called", "strange"),
    [
        ("@mia", ["mia"], []), ("请@mia看", ["mia"], []), ("@mianna", [], ["mianna"]), ("x@mia", [], []), ("@MIA?", ["mia"], []),
        ("@ mia", [], []), ("at @10:30", [], []), ("@mia-2", [], ["mia-2"]), ("@mia @mia", ["mia"], []), ("@王", [], ["王"]),
        ("@mia@ivy", [], ["mia"]),
    ],
)  # fmt: skip
def test_a_name_is_read_as_people_write_it(
    company: dict[str, User], text: str, called: list[str], strange: list[str]
) -> None:
    found, unknown = calling.called_in(text, [company["mia"], company["ivy"]])

    assert ([one.username for one in found], unknown) == (called, strange)


def test_a_reason_of_a_record_is_told_in_words_and_an_unknown_one_as_it_was_written(company: dict[str, User]) -> None:
    taxonomy.add_cause(Draft("Roof leaks", "屋顶漏水", "delivery"), code="X-17", actor=company["dee"], now=MONDAY)

    assert [api.reason_words(one) for one in ("slow_delivery", "X-17", "delivery_late", "Umzug_Q3", "太贵了")] == [
        "Slow delivery", "Roof leaks", "Slow or late delivery", "Umzug_Q3", "太贵了",
    ]  # fmt: skip
    with using("zh-hans"):
        assert api.reason_words("slow_delivery") == "配送慢"
        assert words_for("channel", "call-centre") == "呼叫中心"
        assert words_for("channel", "KiezLaden") == "KiezLaden"


def test_an_erasure_takes_what_was_said_and_the_name_out_of_ideas(company: dict[str, User]) -> None:
    dee = company["dee"]
    say(dee, WANG)
    say(dee, LI)
    board.add_idea("price_high", "Call 王小明 back", actor=dee, now=MONDAY)
    wanted = Wanted((WANG,), values={"name": ("王小明",)})

    assert HOLDINGS["statements"].rows((WANG,))[0]["text"] == "太贵了，别家便宜很多"
    for name in ("statements", "ideas"):
        assert HOLDINGS[name].let_go(wanted, MONDAY) == 1
        assert HOLDINGS[name].left(wanted) == 0

    assert [row.own_id for row in Statement.objects.all()] == [LI]
    assert Idea.objects.get().text == "…"
    assert _naming(wanted) == []


def test_what_leavers_said_is_collected_once_and_goes_with_its_record(company: dict[str, User], tmp_path: Any) -> None:
    from tests.cast import fill

    left = MONDAY - timedelta(days=3)
    held = fill(tmp_path / "lake").lake

    def receive(contract: str, rows: list[dict[str, Any]]) -> str:
        import pyarrow as pa

        with held.receiving(contract, source="shop", columns=set(rows[0]), now=MONDAY, file="x.csv") as batch:
            schema = batch.contract.schema.append(pa.field("extra", pa.string())).append(pa.field("row", pa.int64()))
            filled = [dict.fromkeys(schema.names) | row | {"row": n} for n, row in enumerate(rows, start=1)]
            batch.append(pa.Table.from_pylist(filled, schema=schema))
            batch.report.update(read=len(rows), accepted=len(rows), rejected=0)
        held.publish(f"records/{contract}", held.to_arrow(held.current(contract)))
        return str(batch.id)

    receive("subscriptions", [
        {"subscription_id": f"S-{p}", "customer_id": f"C-{p}", "started_at": MONDAY - timedelta(days=400),
         "ended_at": left if p in (WANG, SMITH) else None, "end_reason": "price" if p in (WANG, SMITH) else None}
        for p in (WANG, SMITH, LI)
    ])  # fmt: skip
    exits = receive("survey_responses", [
        {"response_id": "X-1", "question": "main_reason", "customer_id": f"C-{WANG}", "survey": "exit",
         "answered_at": MONDAY - timedelta(days=1), "text": "信号差"},
    ])  # fmt: skip

    first = api.collect(held, now=MONDAY)
    again = api.collect(held, now=TUESDAY)

    # Two cancellations, one exit answer, and the two complaints of the last week; the call of WANG's names no cause.
    assert (first.made, again.made, again.changed, again.gone) == (5, 0, 0, 0)
    assert (first.standing, again.standing) == (5, 5)
    told = {(row.own_id, row.came_from): row.suggested for row in Statement.objects.all()}
    assert told[WANG, "exit_survey"] == "network_quality"
    assert told[SMITH, "cancellation"] == "price_high"
    assert told[SMITH, "complaint"] == "delivery_late"
    # Said on leaving goes before complained of earlier.
    assert {one.person_id: one.cause for one in api.left_for(scope_of(company["dee"]))} == {
        WANG: "network_quality", SMITH: "price_high"
    }  # fmt: skip

    exit_row = Statement.objects.get(came_from="exit_survey")
    settle(company["dee"], exit_row)
    held.undo(exits, now=TUESDAY)
    held.publish("records/survey_responses", held.to_arrow(held.current("survey_responses")))
    gone = api.collect(held, now=TUESDAY)

    assert gone.gone == 1
    exit_row.refresh_from_db()
    assert exit_row.withdrawn_at is not None
    assert exit_row.confirmed == "network_quality"
    assert exit_row not in Statement.objects.visible_to(scope_of(company["dee"]))


def bring(who: User, text: str | bytes) -> importing.Brought:
    return importing.import_tree(text.encode() if isinstance(text, str) else text, actor=who, now=MONDAY)


def test_an_exported_tree_comes_back_as_it_was_and_moves_to_another_company(company: dict[str, User]) -> None:
    dee = company["dee"]
    added = taxonomy.add_cause(
        Draft("=Night service", "夜间服务", "service", nature="subjective"), actor=dee, now=MONDAY
    )
    taxonomy.retire_cause("no_need", version=0, actor=dee, now=MONDAY)
    exported = "".join(taxonomy_lines(taxonomy.tree()))
    before = [(node.code, taxonomy.draft_of(node), node.retired) for node in taxonomy.tree().values()]

    assert bring(dee, exported) == importing.Brought(same=len(before))
    KeptCause.objects.all().delete()
    assert bring(dee, exported) == importing.Brought(added=1, retired=1, same=len(before) - 2)

    assert [(node.code, taxonomy.draft_of(node), node.retired) for node in taxonomy.tree().values()] == before
    assert taxonomy.tree()[added.code].words.en == "=Night service"


def test_a_tree_somebody_typed_adds_changes_and_brings_back_and_leaves_the_rest(company: dict[str, User]) -> None:
    dee = company["dee"]
    taxonomy.retire_cause("moved", version=0, actor=dee, now=MONDAY)
    typed = "name_zh;branch;control;retired;code\n客服排队;service_desk;可控;;\n客服中心;;;;service_desk\n太贵;;部分可控;;price_high\n;;;否;moved\n"

    told = bring(dee, typed.encode("gb18030"))

    nodes = taxonomy.tree()
    assert told == importing.Brought(added=2, changed=1, restored=1)
    assert nodes["cause"].parent == "service_desk"
    assert (nodes["price_high"].words.zh, nodes["price_high"].control, nodes["price_high"].parent) == (
        "太贵", "mixed", "price_bills"
    )  # fmt: skip
    assert nodes["price_high"].words.en == "Price too high, or raised"
    assert not nodes["moved"].retired
    assert AuditEntry.objects.filter(verb__in=("add_cause", "change_cause", "restore_cause")).count() == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The file is empty"),
        ("\x00\n", "names the columns"),
        ("code,cost\nx,1\n", "names the columns"),
        ("code,code\nx,1\n", "names the columns"),
        ("code,name_en\n", "no cause below"),
        ("code,name_en\nx,y,z\n", "Line 2: 3 cells"),
        ("name_en,control\nA,controllable\nB,a bit\n", 'Line 3: "a bit" under control'),
        ("name_en,vague\nA,perhaps\n", "neither yes nor no"),
        ("code,name_en\nA B,C\n", "is no code"),
        ("code,name_en\nx,A\nx,B\n", "stands in line 2"),
        ("code\nx\n", "needs a name"),
        ("name_en,branch\nA,nowhere\n", 'Line 2: There is no branch "nowhere"'),
        ("name_en,branch\nA,moved\n", "Line 2: Choose a branch"),
        ("name_en,branch\nMoved out of reach,away\n", "Line 2: There is a cause called"),
        ("code,retired\naway,yes\n", "Line 2: This branch still has causes"),
        ("code,branch\naway,service\n", "Line 2: A branch stays a branch"),
        (b"\xff\xff\xff", "no text"),
        (b"name_en\n" + b"x\n" * 2000, "2001 lines"),
        (b"x" * 1_000_001, "larger than 1 MB"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_changes_nothing_and_says_where(
    company: dict[str, User], text: str | bytes, said: str
) -> None:
    good = b"name_en\nKept only with the rest\n"
    content = text.encode() if isinstance(text, str) else text

    with pytest.raises(TenureError, match=said):
        bring(company["dee"], content)
    with pytest.raises(TenureError, match="does not change the tree"):
        bring(company["ann"], good)

    assert not KeptCause.objects.exists()
