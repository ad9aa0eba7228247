"""The life of the churn models: learned once, kept as versions, learned anew when there is a reason, gone back to."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenure.desk.customers import churn_definitions, foresight
from tenure.desk.governance import trail
from tenure.desk.governance.models import AuditEntry
from tenure.errors import TenureError
from tenure.insight.churn import drivers
from tenure.insight.churn.learners import name_of
from tenure.insight.churn.registry import Policy, Standing
from tenure.lake import SYSTEM
from tenure.language import using
from tenure.pipeline import churn, models, records, score_history
from tenure.pipeline.clock import default_as_of, start_of
from tenure.pipeline.run import Context, Watcher, run
from tests.pipeline.conftest import CLOCK, FIRST, Shop, visits
from tests.running import surroundings

pytestmark = pytest.mark.django_db

LAST = date(2026, 3, 27)
PEOPLE = 240
DAYS = 29  # a day more than the schedule's


ORDERS = visits(PEOPLE)
CUSTOMERS = [
    {"customer_id": f"C-{n}", "name": f"Customer {n}", "phone": f"1380000{n:04}", "created_at": FIRST,
     "updated_at": FIRST, "acquisition_channel": "Trade fair" if n % 3 else f"Village {n}"}
    for n in range(PEOPLE)
]  # fmt: skip
MORE = [{**row, "order_id": f"B-{n}", "ordered_at": max(row["ordered_at"] for row in ORDERS)}
        for n, row in enumerate(ORDERS[:40])]  # fmt: skip


def refresh(shop: Shop, as_of: date | None = None, *, again: bool = False) -> bool:
    """Do what a refresh does about churn. Whether there was anything to do."""
    lake = shop.lake
    context = Context(lake, shop.here, CLOCK, CLOCK, again=again)
    with lake.writing("test"):
        foresight.tell(lake)
        run(records.STEPS, context, Watcher())
        context.as_of = (
            start_of(as_of, shop.here.zone_info) if as_of else default_as_of(lake, shop.here.zone_info, CLOCK)
        )
        [done] = run(churn.STEPS, context, Watcher(), again=again)
    return not done.skipped


def standing(shop: Shop) -> Standing:
    return models.standings(shop.lake)["silence"]


def versions(shop: Shop) -> list[int]:
    return [one["version"] for one in standing(shop).versions]


@pytest.fixture(scope="module")
def learned(new_shop: Callable[[], Shop]) -> Shop:
    """A shop whose first model was learned as of twenty-nine days before its last."""
    shop = new_shop()
    shop.receive(orders=ORDERS, customers=CUSTOMERS)
    refresh(shop, LAST - timedelta(days=DAYS))
    return shop


def copied(shop: Shop, new_shop: Callable[[], Shop]) -> Shop:
    copy = new_shop()
    shutil.rmtree(copy.here.home)
    shutil.copytree(shop.here.home, copy.here.home)
    foresight.ModelDecision.objects.all().delete()
    return copy


@pytest.fixture
def shop(learned: Shop, new_shop: Callable[[], Shop]) -> Shop:
    """The same for a test of its own."""
    return copied(learned, new_shop)


@pytest.fixture(scope="module")
def waiting(learned: Shop, new_shop: Callable[[], Shop]) -> Shop:
    """The same as of its last day, where a person is asked: the second model waits."""
    shop = copied(learned, new_shop)
    foresight.set_policy(Policy(taking="ask"), lake=shop.lake, actor=None, now=CLOCK)
    refresh(shop, LAST)
    return shop


@pytest.fixture
def asked(waiting: Shop, new_shop: Callable[[], Shop]) -> Shop:
    """The same for a test of its own."""
    shop = copied(waiting, new_shop)
    foresight.set_policy(Policy(taking="ask"), lake=shop.lake, actor=None, now=CLOCK)
    return shop


def test_while_it_is_fresh_the_champion_scores_and_nothing_is_learned(shop: Shop) -> None:
    first, before = standing(shop), shop.table("scores/churn")

    shop.receive(orders=[{**row, "ordered_at": row["ordered_at"] - timedelta(days=DAYS + 5)} for row in MORE])
    worked = refresh(shop, LAST - timedelta(days=DAYS))
    next_week = refresh(shop, LAST - timedelta(days=DAYS - 6))

    now = standing(shop)
    assert worked
    assert next_week
    assert first.versions == now.versions
    assert first.learned == now.learned
    assert shop.table("scores/churn") != before
    assert [one["learned"] for one in now.watch] == ["first", None] or [one["learned"] for one in now.watch] == [
        None,
        None,
    ]
    assert now.watch[-1]["columns"], "how far its columns have moved is noted"
    card: Any = shop.lake.document("churn_card")
    assert card["as_of"].startswith(str(LAST - timedelta(days=DAYS - 6)))
    assert card["model"]["learned_as_of"].startswith(str(LAST - timedelta(days=DAYS)))


def test_a_version_comes_out_of_its_own_snapshot_and_seed_to_the_last_digit(shop: Shop) -> None:
    kept = models.Shelf(shop.lake, "silence").read(1)

    again = models.rebuild(shop.lake, "silence", 1)

    assert again.rows > 50
    assert again.apart == 0.0
    assert again.same
    assert again.other == {}
    assert kept.made["seed"] == 0
    assert kept.made["settings"]["rounds"] == 300
    assert kept.made["versions"].keys() >= {"tenure", "lightgbm", "numpy"}
    assert kept.made["metrics"]["auc"] > 0.6
    with pytest.raises(TenureError, match="There is no version 7"):
        models.rebuild(shop.lake, "silence", 7)


def test_a_snapshot_leads_back_to_nobody(shop: Shop) -> None:
    path = shop.lake.folder / "models/churn/silence/1/training.parquet"
    training = models.Shelf(shop.lake, "silence").read(1).training

    texts = {str(value) for name in training.rows.column_names for value in training.rows[name].to_pylist()}

    assert "person_id" not in training.rows.column_names
    assert "Trade fair" in texts
    for one in CUSTOMERS:
        assert not {one["customer_id"], one["name"], one["phone"]} & texts
        assert one["acquisition_channel"] == "Trade fair" or one["acquisition_channel"] not in texts
    assert b"Village" not in path.read_bytes()
    everyone = training.frame(0)["person_id"].to_numpy()
    assert np.all(np.diff(everyone) > 0), "rows lie in the order of numbers that say nothing"


def test_by_schedule_a_new_model_takes_over_unless_it_is_shown_to_be_worse(shop: Shop) -> None:
    refresh(shop, LAST)

    now = standing(shop)
    assert [one["why"] for one in now.versions] == ["first", "schedule"]
    against = now.versions[1]["against"]
    assert against["comparable"]
    assert against["with"] == 1
    assert against["relearned"], "the champion had seen how part of the block came out, so it was set back"
    assert against["auc"]["low"] <= against["auc"]["gain"] <= against["auc"]["high"]
    assert (now.champion, now.previous) == ((1, None) if against["shown_worse"] else (2, 1))
    point = now.watch[-1]
    assert point["learned"] == "schedule"
    assert point["scores"] is not None, "how far the one before had drifted is seen on the day another is learned, too"
    assert point["columns"]


def test_who_took_over_unasked_is_written_down_once_and_what_people_chose_is_not_said_again(asked: Shop) -> None:
    foresight.promote("silence", 2, lake=asked.lake, actor=None, now=CLOCK)
    refresh(asked, LAST)

    noted = [foresight.note_takeovers(asked.lake, now=CLOCK) for _ in range(2)]

    assert [(one["version"], one["before"], one["why"]) for one in standing(asked).reigns] == [
        (1, None, "first"), (2, 1, "person"),
    ]  # fmt: skip
    assert noted == [1, 0]
    entry = AuditEntry.objects.get(verb="take_over_model")
    assert (entry.object_id, entry.actor) == ("silence 1", None)
    for language, verb, because in (
        ("en", "took over by itself", "the first of its definition"), ("zh", "自动成为现用", "该定义的首个模型"),
    ):  # fmt: skip
        with using(language):
            words = trail.Teller([entry])
            assert verb in words.verb(entry)
            assert because in dict(words.details(entry)).values()


def test_where_people_are_asked_a_challenger_waits_and_one_can_go_back(asked: Shop) -> None:
    told: Any = {"lake": asked.lake, "actor": None, "now": CLOCK}
    waits, old_scores = standing(asked), asked.table("scores/churn")

    foresight.promote("silence", 2, **told)
    refresh(asked, LAST)
    promoted, new_scores = standing(asked), asked.table("scores/churn")
    went_back = foresight.roll_back("silence", **told)
    refresh(asked, LAST)
    back = standing(asked)

    assert (waits.champion, waits.challenger) == (1, 2)
    assert (promoted.champion, promoted.previous, promoted.challenger) == (2, 1, None)
    assert new_scores != old_scores
    assert went_back == 1
    assert (back.champion, back.previous) == (1, 2)
    assert asked.table("scores/churn") == old_scores
    assert not refresh(asked, LAST)
    assert versions(asked) == [1, 2], "nothing was learned for it"


def test_any_learner_may_be_champion_with_reasons_a_history_and_its_own_snapshot(shop: Shop) -> None:
    told: Any = {"lake": shop.lake, "actor": None, "now": CLOCK}
    foresight.set_policy(Policy(taking="ask", learner="bayes"), **told)
    day = LAST - timedelta(days=DAYS)
    refresh(shop, day)
    waits = standing(shop)
    foresight.promote("silence", 2, **told)
    refresh(shop, day)

    now, scores = standing(shop), shop.table("scores/churn").to_pylist()
    found = score_history.kept_model(shop.lake)
    assert found is not None
    model, _mark = found
    with shop.lake.writing("test"):
        run(score_history.STEPS, Context(shop.lake, shop.here, start_of(day, shop.here.zone_info), CLOCK), Watcher())
    assert (waits.champion, waits.challenger, waits.versions[1]["why"]) == (1, 2, "learner")
    assert waits.versions[1]["against"]["comparable"]
    assert [one["learner"] for one in now.versions] == ["blend", "bayes"]
    assert (now.champion, now.previous) == (2, 1)
    assert name_of(model) == "bayes"
    for row in scores:
        told_score = model.baseline_ + sum(json.loads(row["drivers"]).values())
        assert drivers.chance(told_score) == pytest.approx(row["churn_probability"], rel=1e-6)
    assert sum(row["reasons"] != "[]" for row in scores) > len(scores) / 2
    card: Any = shop.lake.document("churn_card")
    assert any("Reasons are found by putting usual values" in limit["en"] for limit in card["limits"])
    board: Any = shop.lake.document("churn_leaderboard")
    assert board["champion"] == "bayes"
    assert "blend" in [line["name"] for line in board["learners"]]
    assert models.rebuild(shop.lake, "silence", 2).same
    assert not refresh(shop, day), "what was learned last is what was asked for"
    with pytest.raises(TenureError, match='There is no learner "oracle"'):
        foresight.set_policy(Policy(learner="oracle"), **told)


def test_asked_for_it_learns_anew_and_keeps_one_version_of_what_is_the_same(shop: Shop) -> None:
    before = shop.table("scores/churn")
    foresight.ask_to_learn(lake=shop.lake, actor=None, now=CLOCK)

    worked = refresh(shop, LAST - timedelta(days=DAYS))

    assert worked
    assert standing(shop).learned["why"] == "asked"
    assert standing(shop).learned["same"]
    assert versions(shop) == [1]
    assert shop.table("scores/churn") == before
    assert not refresh(shop, LAST - timedelta(days=DAYS))


def test_a_damaged_model_is_kept_aside_and_a_new_one_learned(shop: Shop) -> None:
    before = shop.table("scores/churn")
    folder = shop.lake.folder / "models/churn/silence"
    with (folder / "1/model/trees-0.txt").open("a") as file:
        file.write("\n")

    worked = refresh(shop, LAST - timedelta(days=DAYS))

    now = standing(shop)
    assert worked
    assert now.champion == 2
    assert now.learned["why"] == "damaged"
    assert "trees-0.txt" in now.note["en"]  # type: ignore[index]
    assert (folder / ".damaged-1/model/trees-0.txt").is_file()
    assert shop.table("scores/churn") == before
    assert models.whole(shop.lake)


def test_without_its_snapshot_a_champion_scores_and_is_not_compared(shop: Shop) -> None:
    (shop.lake.folder / "models/churn/silence/1/training.parquet").unlink()

    with pytest.raises(TenureError, match=r"training\.parquet"):
        models.rebuild(shop.lake, "silence", 1)
    refresh(shop, LAST)

    now = standing(shop)
    assert now.champion == 2
    assert now.versions[-1]["against"] == {"comparable": False, "with": 1}
    assert "training.parquet" in now.note["en"]  # type: ignore[index]


def test_of_an_earlier_day_it_learns_for_that_day_alone(shop: Shop) -> None:
    before = standing(shop)

    refresh(shop, LAST - timedelta(days=60))

    card: Any = shop.lake.document("churn_card")
    assert standing(shop).as_plain() == before.as_plain()
    assert card["as_of"].startswith(str(LAST - timedelta(days=60)))
    assert "model" not in card
    assert shop.table("scores/churn").num_rows > 50


def test_a_definition_beside_the_main_one_has_scores_a_card_and_models_of_its_own(shop: Shop) -> None:
    history, main_models = shop.table("scores/churn_history"), standing(shop).versions
    day = LAST - timedelta(days=DAYS)
    told: Any = {"lake": shop.lake, "scope": SYSTEM, "actor": None, "now": CLOCK}
    code = churn_definitions.put_beside({"definition": "own_rhythm", "horizon_days": 60}, **told)

    refresh(shop, day)
    scores, card = shop.table("scores/churn_beside"), shop.lake.document(f"churn_card_{code}")
    again = models.rebuild(shop.lake, code, 1)
    learned_twice = refresh(shop, day)
    refresh(shop, day + timedelta(days=6))
    week, own = shop.table("scores/churn_beside"), models.standings(shop.lake)[code]
    churn_definitions.take_from_beside(code, **told)
    refresh(shop, day + timedelta(days=6))

    assert code == "own_rhythm"
    assert scores.num_rows > 50
    assert set(scores["definition"].to_pylist()) == {code}
    effects = json.loads(scores["drivers"][0].as_py())
    model = models.Shelf(shop.lake, code).read(1).model
    chance = drivers.chance(model.baseline_ + sum(effects.values()))
    assert chance == pytest.approx(scores["churn_probability"][0].as_py(), rel=1e-6)
    assert card["definition"]["name"] == "own_rhythm"  # type: ignore[index]
    assert card["model"] == {"version": 1, "learned_as_of": card["as_of"], "code": code}  # type: ignore[index]
    assert again.same
    assert not learned_twice
    assert [one["why"] for one in own.versions] == ["first"], "while it is fresh it scores and is not learned again"
    assert [point["learned"] for point in own.watch] == ["first", None]
    assert week["churn_probability"] != scores["churn_probability"]
    assert shop.table("scores/churn_beside").num_rows == 0
    assert models.standings(shop.lake)[code].champion == 1, "it is kept for whoever puts the definition back"
    assert standing(shop).versions == main_models
    assert history.num_rows
    assert shop.table("scores/churn_history") == history, "a history is of the main definition alone"


def test_a_version_whose_files_are_gone_is_not_gone_back_to(asked: Shop) -> None:
    foresight.promote("silence", 2, lake=asked.lake, actor=None, now=CLOCK)
    shutil.rmtree(asked.lake.folder / "models/churn/silence/2")

    refresh(asked, LAST)

    assert standing(asked).champion == 1
    assert "Version 2 could not be made champion" in standing(asked).note["en"]  # type: ignore[index]
    assert not refresh(asked, LAST), "it is said once, and not tried again"


def test_killed_while_learning_or_publishing_the_old_champion_stands_or_the_new_whole(
    learned: Shop, new_shop: Callable[[], Shop]
) -> None:
    """Learning anew by schedule: its day is the last one with records, twenty-nine later than the champion's."""
    shop = copied(learned, new_shop)
    # One while the version is written, one while it is named, one while the scores and what they rest on go out.
    luck = random.Random(11)
    marks = [luck.randint(1, 5), luck.randint(6, 10), luck.randint(11, 22)]

    before, passed, undisturbed, killed_at = killed(shop, marks)

    assert passed == 22
    assert undisturbed["champion"] == 2
    assert undisturbed["kept"] == ["1", "2"]
    for at, [ended, then, again, *after] in zip(marks, killed_at, strict=True):
        assert ended == {"ended": -9}, at
        assert then["whole"], at
        assert then["champion"] in (1, 2), at
        assert then["scores"] in (before, undisturbed["scores"]), at
        assert again["marks"] <= 22, at
        assert after == [{"ended": 0}, undisturbed], at


@pytest.mark.parametrize("deed", ["promoted", pytest.param("rolled_back", marks=pytest.mark.soak)])
def test_killed_while_a_persons_choice_is_followed_the_old_champion_stands_or_the_new_whole(
    asked: Shop, deed: str
) -> None:
    told: Any = {"lake": asked.lake, "actor": None, "now": CLOCK}
    foresight.promote("silence", 2, **told)
    if deed == "rolled_back":
        refresh(asked, LAST)
        foresight.roll_back("silence", **told)
    before, after = (1, 2) if deed == "promoted" else (2, 1)
    marks = sorted(random.Random(deed).sample(range(1, 9), 2))

    old, passed, undisturbed, killed_at = killed(asked, marks)

    assert passed >= 8
    assert undisturbed["champion"] == after
    assert undisturbed["scores"] != old
    for at, [ended, then, _again, *done] in zip(marks, killed_at, strict=True):
        assert ended == {"ended": -9}, at
        assert then["whole"], at
        assert then["champion"] in (before, after), at
        assert then["scores"] in (old, undisturbed["scores"]), at
        assert done == [{"ended": 0}, undisturbed], at


def killed(shop: Shop, marks: list[int]) -> tuple[list[list[Any]], int, dict[str, Any], list[list[dict[str, Any]]]]:
    """The churn steps of a shop, undisturbed and then killed at each of the marks, in copies of it.

    The scores before; how many marks an undisturbed run passes, and how it leaves the shop; and what is told of each
    mark: five lines, of a step that was killed and one that was not.
    """
    told = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killing_models.py")), str(shop.here.home), "0", *map(str, marks)],
        env=surroundings(shop.here.home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    before = [[row["person_id"], row["churn_probability"]] for row in shop.table("scores/churn").to_pylist()]
    each = [lines[start : start + 5] for start in range(6, len(lines), 5)]
    return before, lines[0]["marks"], lines[2], each
