"""The pages of competitors: who is lost to whom, within reach, and the forms that keep the register."""

import pytest

from tenure.desk.competitors import services
from tenure.desk.competitors.models import Competitor, Loss, Move
from tenure.desk.competitors.services import Told
from tenure.desk.governance.models import User
from tests.cast import LI, MONDAY, SMITH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db
LIST = "/churn/competitors/"


@pytest.fixture
def whale(company: dict[str, User]) -> Competitor:
    return services.save(Told("Whale Telecom", ["those who serve"], offers="<b>Fibre</b>"), actor=None, now=MONDAY)


def page_of(row: Competitor) -> str:
    return f"{LIST}{row.pk}/"


def test_an_empty_register_says_what_it_is_for_and_offers_the_form_to_who_keeps_it(sign_in: SignIn) -> None:
    assert "Add a competitor" in sign_in("mia").get(LIST).content.decode()
    assert "Add a competitor" not in sign_in("ivy").get(LIST).content.decode()
    assert sign_in("ivy").get(f"{LIST}new/").status_code == 403


def test_a_competitor_is_added_and_changed_by_the_form(sign_in: SignIn) -> None:
    client = sign_in("mia")
    sent = {"name": "Whale", "aliases": "白鲸, Orca\n虎鲸", "offers": "Fibre", "website": "whale.example"}

    client.post(f"{LIST}save/", sent)
    row = Competitor.objects.get()
    assert row.aliases == ["白鲸", "Orca", "虎鲸"]
    client.post(f"{LIST}save/", {**sent, "competitor": row.pk, "name": "Whale Telecom"})

    assert Competitor.objects.get().name == "Whale Telecom"
    assert "虎鲸" in client.get(f"{page_of(row)}edit/").content.decode()
    assert "whale.example" in client.get(page_of(row)).content.decode()


def test_a_suggestion_is_confirmed_on_the_page_and_counts_where_it_happened(sign_in: SignIn, whale: Competitor) -> None:
    client = sign_in("mia")
    before = client.get(LIST)
    one, _name, where = before.context["suggested"][0]
    assert (one.person_id, where) in {(WANG, "Cases"), (WANG, "Interactions")}

    client.post(
        f"{page_of(whale)}loss/",
        {
            "person": one.person_id,
            "on": "2026-02-25",
            "found_in": one.found_in,
            "record": one.record,
            "left": "yes",
            "back": "list",
        },
    )
    after = client.get(LIST)

    assert after.context["rows"][0]["lost"] == 1
    assert after.context["rows"][0]["spent"] == 10_000
    assert len(after.context["suggested"]) == len(before.context["suggested"]) - 1
    assert after.context["figure"]["data"][0]["x"] == ["2026-02"]
    assert dict(after.context["groups"])["Region"] == [{"name": "浙江", "n": 1, "by": [1]}]


def test_moves_are_drawn_beside_losses_and_not_beside_none(sign_in: SignIn, whale: Competitor) -> None:
    client = sign_in("mia")
    client.post(f"{page_of(whale)}move/", {"on": "2026-01-05", "kind": "price", "title": "Half price"})
    alone = client.get(LIST).context["figure"]
    one, _name, _where = client.get(LIST).context["suggested"][0]
    loss = {"person": one.person_id, "on": "2026-02-25", "found_in": one.found_in, "record": one.record, "left": "yes"}
    client.post(f"{page_of(whale)}loss/", loss)

    drawn = client.get(LIST).context["figure"]

    assert alone is None
    assert [line["x"] for line in drawn["data"]] == [["2026-01", "2026-02"], ["2026-01"]]
    assert drawn["layout"]["yaxis"]["dtick"] == 1


def test_losses_out_of_reach_are_neither_shown_nor_counted(
    sign_in: SignIn, company: dict[str, User], whale: Competitor
) -> None:
    from tenure.desk.governance.api import scope_of

    for person in (WANG, SMITH):
        services.decide_loss(
            whale.pk, person, MONDAY.date(), left=True, scope=scope_of(company["dee"]), actor=None, now=MONDAY
        )

    mine, his = (sign_in(name).get(page_of(whale)) for name in ("mia", "dee"))

    assert (mine.context["n"], his.context["n"]) == (1, 2)
    assert "John Smith" not in mine.content.decode()


def test_a_move_is_noted_with_whom_it_aims_at_and_struck_again(sign_in: SignIn, whale: Competitor) -> None:
    client = sign_in("mia")

    client.post(
        f"{page_of(whale)}move/",
        {"on": "2026-02-10", "kind": "price", "title": "Half price", "aims_at": ["region:浙江", "region:", "nonsense"]},
    )
    text = client.get(page_of(whale)).content.decode()

    assert Move.objects.get().aims_at == ["region:浙江"]
    assert "Half price" in text
    assert "&lt;b&gt;Fibre&lt;/b&gt;" in text
    client.post(f"{page_of(whale)}strike/", {"move": Move.objects.get().pk})
    assert not Move.objects.exists()


@pytest.mark.parametrize(
    ("verb", "sent", "status"),
    [
        ("loss", {"person": SMITH, "on": "2026-02-10"}, 404),
        ("loss", {"number": "C-4", "on": "2026-02-10"}, 302),
        ("loss", {"number": "C-1", "on": "some day"}, 302),
        ("loss", {"person": "x", "on": "2026-02-10"}, 404),
        ("move", {"title": "x", "on": "", "kind": "offer"}, 302),
        ("strike", {"move": "999"}, 404),
        ("withdraw", {"loss": "0"}, 404),
        ("nothing", {}, 404),
    ],
)
def test_what_can_not_be_done_changes_nothing(
    sign_in: SignIn, whale: Competitor, verb: str, sent: dict[str, str], status: int
) -> None:
    assert sign_in("mia").post(f"{page_of(whale)}{verb}/", sent).status_code == status
    assert (Loss.objects.count(), Move.objects.count()) == (0, 0)


def test_a_customer_is_said_to_have_left_by_its_number_and_taken_back(sign_in: SignIn, whale: Competitor) -> None:
    client = sign_in("mia")

    client.post(f"{page_of(whale)}loss/", {"number": "c-2", "on": "2026-02-10", "note": "Told us"})
    loss = Loss.objects.get()
    assert (loss.own_id, loss.found_in) == (LI, "said")
    assert "Told us" in client.get(page_of(whale)).content.decode()
    client.post(f"{page_of(whale)}withdraw/", {"loss": loss.pk})

    assert not Loss.objects.exists()


def test_the_page_of_the_list_asks_no_more_questions_for_more_losses(
    sign_in: SignIn, company: dict[str, User], whale: Competitor
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tenure.desk.governance.api import scope_of

    client, counts = sign_in("dee"), []
    for person in (WANG, LI, SMITH):
        services.decide_loss(
            whale.pk, person, MONDAY.date(), left=True, scope=scope_of(company["dee"]), actor=None, now=MONDAY
        )
        client.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            client.get(LIST)
        counts.append(len(asked))

    assert len(set(counts)) == 1
