"""Boards as pages: each reader's own figures, whoever put the board together; period, segment, link, files."""

import base64
import io
import re
import shutil
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.cache import caches
from django.test import Client

from tenure.desk.customers.boards import services
from tenure.desk.customers.boards.links import link_of
from tenure.desk.customers.boards.models import Board
from tenure.desk.customers.boards.ready import READY, Placed
from tenure.desk.customers.boards.services import With
from tenure.desk.customers.models import Publication, Segment
from tenure.desk.customers.segments import changes
from tenure.desk.customers.segments import services as segments
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.customers.segments.services import Draft
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.models import AuditEntry, User
from tenure.desk.lake import lake
from tenure.insight.metrics import METRICS
from tenure.web.boards.pdf import EDGE, PAGE_WIDTH, pdf
from tenure.web.boards.tiles import Tile as BoardTile
from tenure.web.boards.tiles import kinds
from tests.cast import EAST, MONDAY, SOUTH, WANG
from tests.web import SignIn

pytestmark = pytest.mark.django_db

MARCH = "period=month:2025-03-01"
Made = Callable[..., Board]


def yuan(reached: set[int]) -> str:
    """March's revenue of these: two lines of 10 yuan × person each."""
    return f"¥{sum(20 * person for person in reached)}"


@pytest.fixture
def made(company: dict[str, User]) -> Made:
    """A board of dee's that everyone may open."""

    def make(*tiles: Placed, shared: bool = True, owner: str = "dee") -> Board:
        board = services.make("Shown", tiles=tiles or [Placed("metric", {"metric": "revenue"})], actor=company[owner],
                              now=MONDAY)  # fmt: skip
        if shared:
            services.share(board.pk, With(everyone=True), actor=company[owner], now=MONDAY)
        return board

    return make


@pytest.fixture
def of_east(company: dict[str, User]) -> Segment:
    """A segment of noa's, shared with everyone: whoever lives in 浙江."""
    dee = company["dee"]
    draft = Draft("Zhejiang", {"field": "region", "is": "in", "value": ["浙江"]}, "all")
    row = segments.create(draft, asker=asker_of(dee, scope_of(dee)), actor=dee, now=MONDAY)
    changes.work_out(lake(), row.pk, now=MONDAY, actor=dee)
    row.refresh_from_db()
    return row


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def tile(client: Client, board: Board, query: str = MARCH, at: int = 0) -> str:
    return read(client, f"/boards/{board.pk}/tiles/{board.tiles.all()[at].pk}/?{query}")


@pytest.mark.parametrize(("name", "reached"), [("dee", EAST | SOUTH), ("mia", EAST), ("noa", SOUTH)])
def test_somebody_else_s_board_shows_each_reader_the_own_customers_figures(
    sign_in: SignIn, made: Made, name: str, reached: set[int]
) -> None:
    board = made()

    assert yuan(reached) in tile(sign_in(name), board)
    assert yuan(reached) in read(sign_in(name), f"/boards/{board.pk}/?{MARCH}")


def test_a_board_not_shared_is_not_there_for_others(sign_in: SignIn, made: Made) -> None:
    board = made(shared=False)
    spot = board.tiles.all()[0].pk

    for path in (f"/boards/{board.pk}/", f"/boards/{board.pk}/tiles/{spot}/"):
        assert sign_in("dee").get(path).status_code == 200
        assert sign_in("mia").get(path).status_code == 404
    assert sign_in("mia").post(f"/boards/{board.pk}/export/").status_code == 404
    assert sign_in("mia").post("/boards/new/", {"of": board.pk}).status_code == 404


def test_agents_and_strangers_open_no_board(sign_in: SignIn, made: Made) -> None:
    board = made()
    link = link_of(services.open_link(board.pk, actor=board.owner, now=MONDAY))

    for path in ("/boards/", f"/boards/{board.pk}/?link={link}", "/boards/managers/"):
        assert sign_in("ann").get(path).status_code == 403
        assert Client().get(path).status_code == 302


def test_a_link_opens_the_board_with_the_opener_s_own_figures_until_it_is_taken_back(
    sign_in: SignIn, made: Made
) -> None:
    board = made(shared=False)
    link = link_of(services.open_link(board.pk, actor=board.owner, now=MONDAY))
    client = sign_in("mia")

    assert yuan(EAST) in tile(client, board, f"{MARCH}&link={link}")
    page = read(client, f"/boards/{board.pk}/?{MARCH}&link={link}")
    assert yuan(EAST) in page
    assert f'name="link" value="{link}"' in page
    services.close_link(board.pk, actor=board.owner, now=MONDAY)
    assert client.get(f"/boards/{board.pk}/?link={link}").status_code == 404


def test_a_forged_link_is_as_good_as_none(sign_in: SignIn, made: Made) -> None:
    board = made(shared=False)
    services.open_link(board.pk, actor=board.owner, now=MONDAY)

    for forged in (f"{board.pk}-1", f"{board.pk}-1.x", "%00", "x" * 3000):
        assert sign_in("mia").get(f"/boards/{board.pk}/?link={forged}").status_code == 404


def test_what_is_not_counted_yet_follows_and_is_there_at_once_the_next_time(sign_in: SignIn, made: Made) -> None:
    board, client = made(), sign_in("dee")
    caches["figures"].clear()

    first = read(client, f"/boards/{board.pk}/?{MARCH}")
    tile(client, board)
    again = read(client, f"/boards/{board.pk}/?{MARCH}")

    assert "hx-get" in first
    assert yuan(EAST | SOUTH) not in first
    assert yuan(EAST | SOUTH) in again
    assert f"/boards/{board.pk}/tiles/" not in again


def test_the_first_tile_asked_for_works_out_the_numbers_of_all(
    sign_in: SignIn, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenure.pipeline import numbers

    board = made(*(Placed("metric", {"metric": name}) for name in ("revenue", "orders", "nps")))
    passes: list[Any] = []
    kept = numbers.tables
    monkeypatch.setattr(numbers, "tables", lambda *args, **more: passes.append(args) or kept(*args, **more))  # type: ignore[func-returns-value]
    client = sign_in("dee")

    for at in range(3):
        tile(client, board, at=at)

    assert len(passes) == 1


def test_a_warm_board_asks_the_desk_little_however_many_tiles_it_has(
    sign_in: SignIn, made: Made, django_assert_max_num_queries: Any
) -> None:
    board = made(*(Placed("metric", {"metric": "revenue"}) for _ in range(12)))
    client = sign_in("dee")
    tile(client, board)
    read(client, f"/boards/{board.pk}/?{MARCH}")

    with django_assert_max_num_queries(10):
        read(client, f"/boards/{board.pk}/?{MARCH}")


def test_a_segment_narrows_every_tile_and_the_drill_with_it(sign_in: SignIn, made: Made, of_east: Segment) -> None:
    board, client = made(), sign_in("dee")

    shown = tile(client, board, f"{MARCH}&segment={of_east.pk}")

    assert yuan(EAST) in shown
    (where,) = re.findall(r'href="(/metrics/revenue/behind/[^"]+)"', shown)
    drilled = client.get(where.replace("&amp;", "&"))
    assert {row["person"] for row in drilled.context["rows"]} == EAST
    assert f"segment={of_east.pk}" in where


def test_a_segment_shows_nobody_customers_beyond_their_reach(sign_in: SignIn, made: Made, of_east: Segment) -> None:
    board = made()

    shown = tile(sign_in("noa"), board, f"{MARCH}&segment={of_east.pk}")

    assert yuan(EAST) not in shown
    assert "¥0" in shown or "Not enough data" in shown


def test_a_segment_worked_out_anew_changes_the_figures_at_once(
    sign_in: SignIn, made: Made, of_east: Segment, company: dict[str, User]
) -> None:
    board, client, dee = made(), sign_in("dee"), company["dee"]
    tile(client, board, f"{MARCH}&segment={of_east.pk}")
    draft = Draft("Zhejiang", {"field": "region", "is": "in", "value": ["广东"]}, "all")
    segments.change(of_east.pk, draft, asker=asker_of(dee, scope_of(dee)), actor=dee, now=MONDAY)
    changes.work_out(lake(), of_east.pk, now=MONDAY.replace(hour=5), actor=dee)

    assert yuan(SOUTH) in tile(client, board, f"{MARCH}&segment={of_east.pk}")


@pytest.mark.parametrize("asked", ["{gone}", "987654", "x", "-1", "%00"])
def test_a_segment_that_is_gone_shows_no_figure_rather_than_everybody_s(
    sign_in: SignIn, made: Made, of_east: Segment, company: dict[str, User], asked: str
) -> None:
    board, client = made(), sign_in("dee")
    tile(client, board)
    segments.put_away(of_east.pk, actor=company["dee"], now=MONDAY)
    query = f"{MARCH}&segment={asked.replace('{gone}', str(of_east.pk))}"

    page = read(client, f"/boards/{board.pk}/?{query}")

    assert "The segment is gone" in page
    assert yuan(EAST | SOUTH) not in page
    assert client.get(f"/boards/{board.pk}/tiles/{board.tiles.all()[0].pk}/?{query}").status_code == 404
    assert client.get(f"/metrics/revenue/behind/?segment={of_east.pk}").status_code == 404


def test_a_segment_nobody_worked_out_yet_is_no_segment_to_look_by(
    sign_in: SignIn, made: Made, of_east: Segment
) -> None:
    board, client = made(), sign_in("dee")
    Segment.objects.filter(pk=of_east.pk).update(worked_out_at=None)

    page = read(client, f"/boards/{board.pk}/?{MARCH}&segment={of_east.pk}")

    assert "The segment is gone" in page
    assert "Zhejiang" not in page


def test_each_point_of_a_line_opens_its_own_period(sign_in: SignIn, made: Made) -> None:
    shown = tile(sign_in("dee"), made(Placed("line", {"metric": "orders"}, 2)))

    assert "/metrics/orders/behind/?from=2025-02-01\\u0026to=2025-03-01" in shown
    assert "/metrics/orders/behind/?from=2025-03-01\\u0026to=2025-04-01" in shown


@pytest.mark.parametrize(
    "period",
    ["x", "month:", "month:2025-13-01", "day:2025-03-01", "month:9999-12-31", "month:0001-01-01", "%00", "year:x"],
)
def test_a_period_typed_by_hand_falls_back_to_the_newest(sign_in: SignIn, made: Made, period: str) -> None:
    board, client = made(), sign_in("dee")

    answer = client.get(f"/boards/{board.pk}/?period={period}")

    assert answer.status_code == 200
    assert answer.context["picked"].code in ("month", "year")


def test_the_picked_period_stays_in_every_address_of_the_board(sign_in: SignIn, made: Made) -> None:
    page = read(sign_in("dee"), f"/boards/{made().pk}/?period=quarter:2025-04-01")

    assert 'href="?period=quarter%3A2025-04-01&amp;edit=1"' in page
    assert '<option value="quarter:2025-04-01" selected>2025 Q2</option>' in page


def test_a_month_without_records_says_so_and_shows_no_nan(sign_in: SignIn, made: Made) -> None:
    tiles = [Placed("metric", {"metric": "average_order_value"}), Placed("line", {"metric": "average_order_value"}, 2),
             Placed("split", {"metric": "average_order_value", "by": "region"}, 2)]  # fmt: skip
    board, client = made(*tiles), sign_in("dee")

    for at in range(3):
        shown = tile(client, board, "period=month:2026-02-01", at)
        assert "nan" not in shown.lower()
    assert "Not enough data" in tile(client, board, "period=month:2026-02-01")


def test_a_tile_without_records_names_the_import_that_would_light_it_up(sign_in: SignIn, made: Made) -> None:
    shown = tile(sign_in("dee"), made(Placed("metric", {"metric": "stock_cover_days"})))

    assert "tenure import stock.csv --as stock" in shown


@pytest.mark.parametrize(
    ("placed", "said"),
    [
        (Placed("metric", {"metric": "no_such_metric"}), "no longer has this metric"),
        (Placed("metric", {}), "no longer has this metric"),
        (Placed("no_such_kind", {}), "no such kind of tile"),
        (Placed("split", {"metric": "orders", "by": "no_such_dimension"}), "told apart by something that is gone"),
        (Placed("split", {"metric": "stock_cover_days", "by": "team"}), "belong to no customer"),
    ],
)
def test_a_tile_about_what_is_gone_says_so_and_the_board_stands(
    sign_in: SignIn, made: Made, placed: Placed, said: str
) -> None:
    board, client = made(placed), sign_in("dee")

    assert said in tile(client, board)
    assert said in read(client, f"/boards/{board.pk}/?{MARCH}")
    assert client.post(f"/boards/{board.pk}/export/", {"period": "month:2025-03-01"}).content.startswith(b"%PDF")


def test_whoever_sees_no_amounts_is_told_so_and_offered_nothing_of_money(
    sign_in: SignIn, made: Made, company: dict[str, User]
) -> None:
    from tenure.desk.governance import services as accounts
    from tenure.desk.governance.roles import BUILT_IN, Role

    analyst = BUILT_IN["analyst"]
    purse = Role("purse", analyst.words, analyst.meaning, "all", analyst.permissions, {"amounts": "hidden"})
    accounts.save_role(purse, actor=None, now=MONDAY)
    board, own = made(), made(owner="ivy", shared=False)
    User.objects.filter(username="ivy").update(role="purse")
    client = sign_in("ivy")

    shown = tile(client, board)
    edited = read(client, f"/boards/{own.pk}/?edit=1")

    assert "your role does not show" in shown
    assert "¥" not in shown
    assert 'value="revenue"' not in edited
    assert 'value="orders"' in edited
    refused = client.post(f"/boards/{own.pk}/add/", {"kind": "metric", "o.metric": "revenue"}, follow=True)
    assert "is not one of those offered" in refused.content.decode()


def test_parts_open_their_own_customers(sign_in: SignIn, made: Made) -> None:
    board, client = made(Placed("split", {"metric": "revenue", "by": "team"}, 2)), sign_in("dee")

    shown = tile(client, board)

    where = next(url for url in re.findall(r'href="(/metrics/revenue/behind/[^"]+)"', shown) if "part=East" in url)
    assert {row["person"] for row in client.get(where.replace("&amp;", "&")).context["rows"]} == EAST


def test_a_segment_somebody_built_tells_a_tile_apart_for_whoever_may_use_it(
    sign_in: SignIn, made: Made, of_east: Segment, company: dict[str, User]
) -> None:
    board = made(Placed("split", {"metric": "revenue", "by": f"own:{of_east.pk}"}, 2))

    shown, few = tile(sign_in("dee"), board), tile(sign_in("mia"), board)
    Segment.objects.filter(pk=of_east.pk).update(shared="")
    mine, hers = tile(sign_in("dee"), board), tile(sign_in("ivy"), board)

    assert yuan(EAST) in shown
    assert yuan(SOUTH) in shown
    assert "Not in it" in shown
    assert yuan(EAST) in few
    assert "Not in it" not in few
    assert "Zhejiang" in mine
    assert "something that is gone" in hers, "of the same reach as dee, and not let to dee's segment"
    assert yuan(EAST) not in hers


def test_a_segment_somebody_built_is_offered_to_a_tile(sign_in: SignIn, made: Made, of_east: Segment) -> None:
    board, client = made(Placed("split", {"metric": "revenue", "by": "team"}, 2)), sign_in("dee")
    sent = {"tile": board.tiles.get().pk, "o.metric": "revenue", "o.by": f"own:{of_east.pk}"}

    client.post(f"/boards/{board.pk}/change/", sent)

    assert board.tiles.get().options["by"] == f"own:{of_east.pk}"


# Changing a board by its page


def test_a_board_is_put_together_by_its_page(sign_in: SignIn) -> None:
    client = sign_in("mia")

    client.post("/boards/new/", {"name": "Morning"})
    board = Board.objects.get()
    edit = read(client, f"/boards/{board.pk}/?edit=1")
    assert "No tile is on this board yet" in edit
    for metric in ("revenue", "nps"):
        client.post(f"/boards/{board.pk}/add/", {"kind": "metric", "o.metric": metric})
    first, second = board.tiles.all()
    client.post(f"/boards/{board.pk}/move/", {"tile": second.pk, "to": "earlier"})
    client.post(f"/boards/{board.pk}/resize/", {"tile": second.pk, "width": "3"})
    client.post(f"/boards/{board.pk}/change/", {"tile": first.pk, "o.metric": "orders"})
    assert [(one.options["metric"], one.width) for one in board.tiles.all()] == [("nps", 3), ("orders", 1)]
    client.post(f"/boards/{board.pk}/order/", {"order": f"{first.pk},{second.pk},x,"})
    client.post(f"/boards/{board.pk}/remove/", {"tile": second.pk})
    assert [one.pk for one in board.tiles.all()] == [first.pk]
    client.post(f"/boards/{board.pk}/rename/", {"name": "Evening"})
    client.post(f"/boards/{board.pk}/share/", {"everyone": "1"})
    client.post(f"/boards/{board.pk}/link/")
    assert "Evening" in read(sign_in("ivy"), "/boards/")
    assert "?link=" in read(client, f"/boards/{board.pk}/?edit=1")
    client.post(f"/boards/{board.pk}/unlink/")
    client.post(f"/boards/{board.pk}/delete/")
    assert not Board.objects.exists()


@pytest.mark.parametrize(
    "verb", ["add", "change", "move", "order", "resize", "remove", "rename", "share", "delete", "x"]
)
def test_nobody_changes_another_s_board_by_its_address(sign_in: SignIn, made: Made, verb: str) -> None:
    board = made()
    sent = {"kind": "metric", "o.metric": "nps", "tile": board.tiles.all()[0].pk, "to": "later", "width": "2",
            "name": "Taken", "order": "1"}  # fmt: skip

    assert sign_in("mia").post(f"/boards/{board.pk}/{verb}/", sent).status_code == 404
    board.refresh_from_db()
    assert board.name == "Shown"
    assert board.tiles.count() == 1


@pytest.mark.parametrize(
    "sent", [{}, {"kind": "x"}, {"kind": "metric"}, {"kind": "metric", "o.metric": "x"},
             {"kind": "split", "o.metric": "nps", "o.by": "x"}, {"kind": "metric", "o.metric": "nps", "width": "9"}]
)  # fmt: skip
def test_what_is_not_offered_is_not_put_on_a_board(sign_in: SignIn, made: Made, sent: dict[str, str]) -> None:
    board = made()

    answer = sign_in("dee").post(f"/boards/{board.pk}/add/", sent, follow=True)

    assert answer.status_code == 200
    assert board.tiles.count() == 1


def test_nobody_starts_with_an_empty_page(sign_in: SignIn) -> None:
    client = sign_in("mia")

    page = read(client, "/boards/")
    assert all(f"/boards/{name}/" in page for name in READY)
    client.post("/boards/new/", {"of": "service"})
    taken = Board.objects.get()
    assert taken.name == "Service"
    assert taken.owner_id == client.get("/boards/").context["request"].user.pk


def test_ready_made_boards_are_made_of_tiles_that_there_are() -> None:
    for ready in READY.values():
        for placed in ready.tiles:
            assert placed.kind in kinds()
            assert placed.options["metric"] in METRICS


def test_every_kind_of_tile_says_what_it_is_in_both_languages() -> None:
    for name, kind in kinds().items():
        assert re.fullmatch(r"[a-z_]{1,40}", name)
        for words in (kind.words, kind.meaning, *(option.words for option in kind.options)):
            assert words.en
            assert words.zh
        assert kind.width in services.WIDTHS


def test_before_the_first_refresh_a_board_says_what_to_do(people: dict[str, User]) -> None:
    Publication.objects.all().delete()
    client = Client()
    client.force_login(people["dee"])

    assert "tenure refresh" in read(client, "/boards/managers/")


# As a file


def text_of(pdf: bytes) -> str:
    """What is written in a PDF: Latin letters as they are, Chinese as the two bytes a sign that its font takes."""
    objects = re.findall(rb"\d+ 0 obj\r?\n(.*?)endobj", pdf, re.DOTALL)
    of_han = next((one for one in objects if b"/BaseFont /STSong-Light" in one), b"")
    han = next(iter(re.findall(rb"/Name /(F\d+)", of_han)), b"none")
    found = []
    for body in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        page, font = zlib.decompress(base64.a85decode(body.strip().removesuffix(b"~>"))), b""
        for named, shown in re.findall(rb"/(F\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj", page, re.DOTALL):
            font = named or font
            signs = re.sub(rb"\\(\d{3}|.)", lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else m[1], shown)
            found.append(signs.decode("utf-16-be" if font == han else "latin-1", "replace") if shown else "")
    return "\n".join(one for one in found if one)


def test_bars_on_paper_stand_on_each_other_inside_their_tile() -> None:
    months = ["2026-01", "2026-02"]
    bars = [
        {"type": "bar", "x": months, "y": [30, 10], "marker": {"color": "$bad"}},
        {"type": "bar", "x": months, "y": [10, 50]},
    ]
    figure = {"data": bars, "layout": {"barmode": "stack"}}

    written = pdf("Board", [], [(2, BoardTile(title="Cost", figure=figure, period="2026", notes=("in all 100",)))], "")

    (page,) = re.findall(rb"stream\r?\n(.*?)endstream", written, re.DOTALL)
    page = zlib.decompress(base64.a85decode(page.strip().removesuffix(b"~>"))).decode("latin-1")
    drawn = [[float(n) for n in found] for found in re.findall(r"n ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f", page)]
    assert len(drawn) == 4
    (left, low, _, high), _second, (above_left, above, _, _), (_, _, _, tall) = drawn
    assert (left, above) == pytest.approx((above_left, low + high))
    assert high / tall == pytest.approx(30 / 50, rel=0.01)
    assert all(x > EDGE and x + w < EDGE + 2 * (PAGE_WIDTH - 2 * EDGE) / 4 for x, _y, w, _h in drawn)
    assert "in all 100" in text_of(written)
    assert all(month in text_of(written) for month in months)


def test_a_board_leaves_as_pdf_with_the_taker_s_figures_in_the_page_s_language_and_is_audited(
    sign_in: SignIn, made: Made
) -> None:
    tiles = [Placed("metric", {"metric": "revenue"}), Placed("line", {"metric": "orders"}, 2),
             Placed("split", {"metric": "revenue", "by": "region"}, 2)]  # fmt: skip
    board, client = made(*tiles), sign_in("mia")
    sent = {"format": "pdf", "period": "month:2025-03-01"}

    english = client.post(f"/boards/{board.pk}/export/", sent)
    again = client.post(f"/boards/{board.pk}/export/", sent)
    chinese = client.post(f"/boards/{board.pk}/export/", sent, headers={"Accept-Language": "zh-hans"})

    assert english["Content-Type"] == "application/pdf"
    assert yuan(EAST) in text_of(english.content)
    assert yuan(EAST | SOUTH) not in text_of(english.content)
    assert "浙江" in text_of(english.content)
    assert "广东" not in text_of(english.content)
    assert english.content == again.content
    assert "收入" in text_of(chinese.content)
    assert AuditEntry.objects.filter(verb="export", object_type=f"board {board.pk}").count() == 3


def test_a_board_leaves_as_a_workbook_with_a_sheet_for_each_tile(sign_in: SignIn, made: Made) -> None:
    from openpyxl import load_workbook

    board = made(Placed("metric", {"metric": "revenue"}), Placed("split", {"metric": "revenue", "by": "team"}, 2))

    answer = sign_in("mia").post(f"/boards/{board.pk}/export/", {"format": "xlsx", "period": "month:2025-03-01"})

    book = load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["Board", "Revenue", "Revenue by team"]
    assert [row[:2] for row in book["Revenue by team"].values][1] == ("East", 120)
    assert list(book["Revenue"].values)[-1][:2] == ("2025-03", 120)


def test_a_name_that_is_a_formula_stays_a_name_in_the_workbook(sign_in: SignIn, made: Made) -> None:
    from openpyxl import load_workbook

    board = made()
    services.rename(board.pk, "=1+1", actor=board.owner, now=MONDAY)  # type: ignore[arg-type]

    answer = sign_in("dee").post(f"/boards/{board.pk}/export/", {"format": "xlsx"})

    assert load_workbook(io.BytesIO(answer.content))["Board"]["A1"].value == "'=1+1"


def test_an_export_needs_the_permission_and_a_segment_that_is_there(
    sign_in: SignIn, made: Made, company: dict[str, User]
) -> None:
    board = made()

    answer = sign_in("dee").post(f"/boards/{board.pk}/export/", {"segment": "987654"}, follow=True)

    assert "The segment is gone" in answer.content.decode()
    assert not AuditEntry.objects.filter(verb="export").exists()
    assert sign_in("ann").post(f"/boards/{board.pk}/export/").status_code == 403


def test_signs_no_font_has_and_long_names_do_not_break_the_pdf(sign_in: SignIn, made: Made) -> None:
    board = made()
    services.rename(board.pk, "😀 龘靐齉 " + "很长的名字" * 12, actor=board.owner, now=MONDAY)  # type: ignore[arg-type]

    answer = sign_in("dee").post(f"/boards/{board.pk}/export/", {"period": "month:2025-03-01"})

    assert "很长的名字" in text_of(answer.content)


def test_money_in_a_currency_without_a_rate_is_left_out_and_said(
    sign_in: SignIn, made: Made, filled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "mixed"
    shutil.copytree(filled_home, home)
    monkeypatch.setenv("TENURE_HOME", str(home))
    caches["figures"].clear()
    row = {"order_id": "U-1", "line_no": 1, "customer_id": f"C-{WANG}", "ordered_at": datetime(2025, 3, 5, tzinfo=UTC),
           "amount_minor": 99_900, "currency": "USD", "kind": "sale", "status": "completed"}  # fmt: skip
    with lake().receiving("orders", source="shop", columns=set(row), now=MONDAY, file="dollars.csv") as batch:
        schema = batch.contract.schema.append(pa.field("extra", pa.string())).append(pa.field("row", pa.int64()))
        batch.append(pa.Table.from_pylist([dict.fromkeys(schema.names) | row | {"row": 1}], schema=schema))
        batch.report.update(read=1, accepted=1, rejected=0)
    lake().publish("records/orders", lake().to_arrow(lake().current("orders")))

    shown = tile(sign_in("dee"), made())

    assert yuan(EAST | SOUTH) in shown
    assert "1 records of Orders in USD are left out" in shown
