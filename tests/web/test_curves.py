"""Bridge, cohorts, funnel and forecast as their readers see them, over the small company with contracts of its own."""

import html
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.desk.customers.boards import services
from tenure.desk.customers.boards.ready import Placed
from tenure.desk.customers.models import Segment, SegmentMember
from tenure.desk.governance.models import User
from tenure.lake import Lake
from tests.cast import CHEN, CUSTOMERS, LI, MONDAY, SMITH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

BRIDGE = "/insight/bridge/"
FEBRUARY = {"from": "2026-02-01", "to": "2026-03-01", "part": "bridge"}


def contract(
    number: int, person: int, fee: int, since: tuple[int, int, int], until: tuple[int, int, int] | None = None
) -> Any:
    return {
        "subscription_id": f"S-{number}", "customer_id": f"C-{person}", "fee_minor": fee, "currency": "CNY",
        "started_at": datetime(*since, tzinfo=UTC), "ended_at": datetime(*until, tzinfo=UTC) if until else None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def contracts_home(filled_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small company's home, with contracts in its lake: in February Wang leaves, Li pays more, Smith comes."""
    home = tmp_path_factory.mktemp("contracts") / "home"
    shutil.copytree(filled_home, home)
    lake = Lake(home / "lake")
    rows = [
        contract(1, WANG, 10_000, (2025, 1, 5), (2026, 2, 10)), contract(2, LI, 5_050, (2025, 1, 5), (2026, 2, 3)),
        contract(3, LI, 7_075, (2026, 2, 3)), contract(4, SMITH, 3_000, (2026, 2, 20)), contract(5, CHEN, 2_000, (2025, 3, 1)),
    ]  # fmt: skip
    with lake.receiving(
        "subscriptions", source="shop", columns=set(rows[0]), now=MONDAY, file="contracts.csv"
    ) as batch:
        schema = batch.contract.schema.append(pa.field("extra", pa.string())).append(pa.field("row", pa.int64()))
        filled = [dict.fromkeys(schema.names) | row | {"row": n} for n, row in enumerate(rows, start=1)]
        batch.append(pa.Table.from_pylist(filled, schema=schema))
        batch.report.update(read=len(rows), accepted=len(rows), rejected=0)
    lake.publish("records/subscriptions", lake.to_arrow(lake.current("subscriptions")))
    return home


@pytest.fixture
def _contracts(company: dict[str, User], contracts_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENURE_HOME", str(contracts_home))
    monkeypatch.setattr("tenure.web.insight.bridge.SHOWN", {"month": 2, "quarter": 1, "year": 1})


@pytest.mark.usefixtures("_contracts")
def test_the_month_is_told_to_the_cent_and_every_bar_opens_its_customers(sign_in: SignIn) -> None:
    dee = sign_in("dee")

    page = dee.get(BRIDGE)
    text = page.content.decode()
    lost = dee.get("/insight/customers/", {**FEBRUARY, "move": "churned"}).content.decode()

    (trace,) = page.context["drawn"].figure["data"]
    assert dict(zip(trace["x"], trace["y"], strict=True)) == {
        "Opening": 170.5, "New": 30.0, "Won back": 0, "Expansion": 20.25, "Contraction": 0, "Churned": -100.0,
        "Closing": 120.75,
    }  # fmt: skip
    assert "¥120.75" in text
    assert (page.context["now"]["grr"], page.context["now"]["nrr"]) == ("41.3%", "53.2%")
    assert trace["customdata"][5].replace("&", "&amp;") in text
    assert CUSTOMERS[WANG][0] in lost
    assert "−¥100.00" in lost
    assert CUSTOMERS[LI][0] not in lost


@pytest.mark.usefixtures("_contracts")
def test_a_bridge_holds_the_readers_customers_alone(sign_in: SignIn) -> None:
    mia = sign_in("mia")

    (trace,) = mia.get(BRIDGE).context["drawn"].figure["data"]
    new = mia.get("/insight/customers/", {**FEBRUARY, "move": "new"})

    assert trace["y"][-1] == 70.75
    assert new.context["opened"].people == []


@pytest.mark.usefixtures("_contracts")
def test_it_is_narrowed_to_some_customers_and_told_apart_by_who_they_are(sign_in: SignIn) -> None:
    dee = sign_in("dee")

    south = dee.get(BRIDGE, {"of": "region:广东"})
    apart = dee.get(BRIDGE, {"by": "region"})

    assert south.context["drawn"].figure["data"][0]["y"][-1] == 50.0
    assert {row["name"]: row["cells"][-1][0] for row in apart.context["split"]} == {"浙江": "¥70.75", "广东": "¥50.00"}


@pytest.mark.usefixtures("_contracts")
def test_the_customers_of_a_bar_become_a_list_of_ones_own(sign_in: SignIn) -> None:
    dee = sign_in("dee")
    query = dee.get("/insight/customers/", {**FEBRUARY, "move": "churned"}).context["query"]

    answer = dee.post("/insight/customers/keep/", {"query": query, "name": "Lost in February"})

    row = Segment.objects.get(name="Lost in February")
    assert answer.headers["Location"] == f"/segments/{row.pk}/"
    assert list(SegmentMember.objects.filter(segment=row).values_list("person_id", flat=True)) == [WANG]


def test_without_contracts_it_says_which_import_lights_it_up(sign_in: SignIn) -> None:
    page = sign_in("dee").get(BRIDGE).content.decode()

    assert "Not enough data, because there are no subscriptions and contracts among the records." in page
    assert "tenure import subscriptions.csv --as subscriptions" in page


@pytest.mark.parametrize(
    "asked", [{"move": "churned"}, {"move": "x", **FEBRUARY}, {"move": "new", **FEBRUARY, "to": "1"}]
)
@pytest.mark.usefixtures("_contracts")
def test_an_address_that_names_no_bar_is_no_page(sign_in: SignIn, asked: dict[str, str]) -> None:
    assert sign_in("dee").get("/insight/customers/", asked).status_code == 404


@pytest.mark.usefixtures("_contracts")
@pytest.mark.parametrize(
    ("by", "shares"),
    [
        ("customers", {"2025-01": 0.5, "2025-03": 1.0, "2026-02": 1.0}),
        ("revenue", {"2025-01": 0.47, "2025-03": 1.0, "2026-02": 1.0}),
    ],
)
def test_cohorts_of_contracts_are_followed_by_customers_and_by_fees(sign_in: SignIn, by: str, shares: Any) -> None:
    page = sign_in("dee").get("/insight/cohorts/", {"from": "subscriptions", "by": by})

    last = {
        month: round(next(one for one in reversed(row) if one)["part"], 2) for month, _n, row in page.context["cohorts"]
    }
    assert last == shares


@pytest.mark.usefixtures("_contracts")
def test_a_cell_of_a_cohort_opens_its_customers(sign_in: SignIn) -> None:
    dee = sign_in("dee")
    (_month, _n, row) = next(one for one in dee.get("/insight/cohorts/").context["cohorts"] if one[0] == "2025-03")

    opened = dee.get(row[2]["url"])

    assert row[2]["buyers"] == len(opened.context["opened"].people) == len(opened.context["table"])
    assert opened.context["opened"].total == [f"¥{row[2]['revenue'] / 100:,.2f}"]
    assert dee.get("/insight/customers/", {"part": "cohorts", "cohort": "2025-03-01", "age": "x"}).status_code == 404


STEPS = {"steps": "event:search>event:view>did:bought", "at": "2026-02-01", "within": "7"}


def test_a_funnel_says_who_came_how_far_and_opens_those_who_stopped(sign_in: SignIn) -> None:
    dee = sign_in("dee")

    page = dee.get("/insight/funnel/", STEPS)
    stopped = dee.get(page.context["rows"][1]["stopped_url"])

    assert [(r["reached"], r["stopped"], r["under_way"]) for r in page.context["rows"]] == [
        (1, 0, 0),
        (1, 1, 0),
        (0, 0, 0),
    ]
    assert stopped.context["opened"].people == [WANG]
    assert CUSTOMERS[WANG][0] in stopped.content.decode()
    assert sign_in("bo").get("/insight/funnel/", STEPS).status_code == 403


def test_a_funnel_is_chosen_step_by_step_and_told_apart(sign_in: SignIn) -> None:
    asked = {"s1": "event:view", "s2": "event:search", "at": "2026-02-01", "by": "region", "within": "1"}

    page = sign_in("dee").get("/insight/funnel/", asked)

    assert page.context["asked"]["steps"] == "event:view>event:search"
    assert [(row["name"], row["cells"][-1][0]) for row in page.context["split"]] == [("浙江", 1)]


def test_steps_that_nobody_took_are_said_so(sign_in: SignIn) -> None:
    page = sign_in("noa").get("/insight/funnel/", {"steps": "did:bought>did:complained", "at": "2026-02-01"})

    assert "Not enough data, because nobody took the first step (Bought) in 2026-02." in page.content.decode()


@pytest.mark.parametrize(
    "asked", [{"who": "lost", "step": "1"}, {"who": "stopped", "step": "9"}, {"who": "stopped", "step": "1", "to": ""}]
)
def test_an_address_that_names_no_step_is_no_page(sign_in: SignIn, asked: dict[str, str]) -> None:
    span = {"part": "funnel", "from": "2026-02-01", "to": "2026-03-01", **STEPS}

    assert sign_in("dee").get("/insight/customers/", {**span, **asked}).status_code == 404


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenure.web.insight.forecast.LENGTHS", {"week": (36, 4, 3), "month": (4, 12, 6)})


@pytest.mark.usefixtures("_short")
def test_a_figure_is_carried_forward_with_its_band_and_says_how_that_did(sign_in: SignIn) -> None:
    dee = sign_in("dee")
    asked = {"metric": "orders", "grain": "week"}

    waiting = dee.get("/insight/forecast/", asked)
    figures = dee.get("/insight/forecast/figures/", asked)
    ready = dee.get("/insight/forecast/", asked)

    assert "/insight/forecast/figures/?metric=orders&amp;grain=week" in waiting.content.decode()
    assert not waiting.context["ready"]
    assert len(figures.context["ahead"]) == 3
    assert f"{figures.context['covered']} of {figures.context['counted']} forecasts" in figures.content.decode()
    assert ready.context["ready"]
    assert ready.context["ahead"] == figures.context["ahead"]


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"metric": "orders"}, "Not enough data, because there are 4 periods in a row with a figure"),
        ({"metric": "recurring_revenue"}, "there are no subscriptions and contracts among the records"),
        ({"metric": "stock_cover_days", "grain": "week"}, "Not enough data"),
        (
            {"metric": "stock_cover_days", "grain": "week", "of": "region:广东"},
            "It rests on stock, which belong to no customer",
        ),
    ],
)
def test_a_figure_that_can_t_be_carried_forward_says_why(sign_in: SignIn, asked: dict[str, str], why: str) -> None:
    page = sign_in("dee").get("/insight/forecast/figures/", asked)

    assert why in page.content.decode()


@pytest.mark.usefixtures("_contracts", "_short")
@pytest.mark.parametrize("part", ["bridge", "cohorts", "funnel", "forecast"])
def test_each_part_draws_itself_for_a_tile(sign_in: SignIn, part: str) -> None:
    from importlib import import_module

    from tenure.desk.governance.api import scope_of
    from tenure.insight.metrics import Period

    sign_in("dee")
    scope = scope_of(User.objects.get(username="dee"))
    options = {
        "bridge": {},
        "cohorts": {"by": "revenue"},
        "funnel": STEPS,
        "forecast": {"metric": "orders", "grain": "week"},
    }

    drawn = import_module(f"tenure.web.insight.{part}").draw(
        scope, Period.month(2026, 2, "Asia/Shanghai"), "", options[part]
    )

    assert drawn.why == ""
    assert drawn.figure is not None
    assert len({len(row) for row in drawn.rows}) == 1
    assert sign_in("dee").get(drawn.url).status_code == 200


@pytest.mark.usefixtures("_contracts", "_short")
@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("bridge", {}, "Recurring revenue, 2026-02"),
        ("cohorts", {"from": "subscriptions", "by": "customers"}, "Customers kept"),
        ("funnel", {"s1": "event:search", "s2": "event:view"}, "search → view"),
        ("forecast", {"metric": "orders", "grain": "week"}, "Orders, forecast"),
        ("forecast", {"metric": "silent_churn_rate"}, "be carried forward for you. Choose another."),
    ],
)
def test_a_board_shows_it_as_a_tile(sign_in: SignIn, kind: str, options: dict[str, str], said: str) -> None:
    dee = sign_in("dee")
    placed = Placed(kind, options)
    board = services.make("Curves", tiles=[placed], actor=User.objects.get(username="dee"), now=MONDAY)

    tile = dee.get(f"/boards/{board.pk}/tiles/{board.tiles.get().pk}/", {"period": "month:2026-02-01"})

    assert said in html.unescape(tile.content.decode())
