"""A customer's score has a history, and each change in it is put down to what changed, to the last digit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS
from tenure.insight.churn import drivers, facts, history
from tenure.lake import SYSTEM, erase
from tenure.lake.tables import COMPUTED
from tenure.pipeline import churn, records, score_history
from tenure.pipeline.run import Context, Watcher, run
from tests.pipeline.conftest import FIRST, Shop, visits

pytestmark = pytest.mark.django_db

ONE_DAY, NEXT_DAY = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)
PEOPLE = 260


def scored(shop: Shop, as_of: datetime, *, again: bool = False) -> bool:
    """Records, scores and history of a day; whether the history was worked out."""
    lake = shop.lake
    context = Context(lake, shop.here, as_of, as_of)
    with lake.writing("test"):
        run(records.STEPS, context, Watcher())
        run(churn.STEPS, context, Watcher())
        [done] = run(score_history.STEPS, context, Watcher(), again=again)
    return not done.skipped


@dataclass
class Told:
    shop: Shop
    first: list[dict[str, Any]]
    second: list[dict[str, Any]]
    told_first: dict[int, float]

    def points(self, as_of: datetime) -> dict[int, dict[str, Any]]:
        return {row["person_id"]: row for row in self.second if row["as_of"] == as_of.date()}


@pytest.fixture(scope="module")
def told(desk: None, new_shop: Callable[[], Shop]) -> Told:
    """The history after a refresh, and after the next one five weeks later."""
    shop = new_shop()
    shop.receive(orders=visits(PEOPLE, until=480, latest_stop=440))
    scored(shop, ONE_DAY)
    first = shop.table(score_history.HISTORY).to_pylist()
    scores = {row["person_id"]: row["churn_probability"] for row in shop.table("scores/churn").to_pylist()}
    scored(shop, NEXT_DAY)
    return Told(shop, first, shop.table(score_history.HISTORY).to_pylist(), scores)


def test_the_published_score_is_the_models_level_and_its_drivers(told: Told) -> None:
    found = score_history.kept_model(told.shop.lake)
    assert found is not None

    for row in told.shop.table("scores/churn").to_pylist():
        effects = json.loads(row["drivers"])
        assert set(effects) <= set(drivers.CODES)
        whole = found[0].baseline_ + sum(effects.values())
        assert whole == pytest.approx(drivers.log_odds(row["churn_probability"]), abs=1e-6)


def test_it_begins_with_the_day_the_model_was_tried_on_and_says_so(told: Told) -> None:
    card = told.shop.lake.document("churn_card")
    days = sorted({(row["as_of"], row["kind"]) for row in told.first})

    assert {kind for _day, kind in days[:-1]} == {"tried"}
    assert days[-1] == (ONE_DAY.date(), "scored")
    assert timedelta(days=30) <= days[-1][0] - days[0][0] <= timedelta(days=180)
    # And with the dates before that lead time is told by, each by a model that knew no more than was known.
    before = [row for row in told.first if row["model"] == "earlier"]
    tried_on = max(day for day, kind in days if kind == "tried")
    assert len({row["as_of"] for row in before}) >= 2
    assert all(row["as_of"] < tried_on for row in before)
    later = [row for row in told.first if row["change"] and row["kind"] == "tried"]
    assert len(later) > 100
    assert all(date.fromisoformat(json.loads(row["change"])["since"]) < row["as_of"] for row in later)
    assert card is not None
    assert card["cuts"]["test"], "the one after was tried too, but a history there is begins no more"
    assert [row for row in told.second if row["kind"] == "tried"] == [
        row for row in told.first if row["kind"] == "tried"
    ]


def test_months_since_the_day_it_was_tried_on_are_looked_back_at_once(told: Told, new_shop: Callable[[], Shop]) -> None:
    zone, empty = UTC, new_shop()
    as_of = datetime(2026, 7, 1, tzinfo=zone)

    def months(lake: Any, tried_on: datetime) -> list[str]:
        return [f"{one:%m-%d}" for one in score_history.months_since(Context(lake, empty.here, as_of, as_of), tried_on)]

    assert months(empty.lake, datetime(2026, 3, 20, tzinfo=zone)) == ["04-01", "05-01", "06-01"]
    assert months(empty.lake, datetime(2026, 5, 28, tzinfo=zone)) == []  # too near to say anything of its own
    assert months(told.shop.lake, datetime(2026, 3, 20, tzinfo=zone)) == []  # a history there is begins no more


def test_the_parts_of_every_change_add_up_to_it(told: Told) -> None:
    changes = [row for row in told.second if row["change"]]
    assert len(changes) > 100

    for row in changes:
        move = history.move_of(row)
        assert move is not None
        change = json.loads(row["change"])
        whole = drivers.log_odds(row["churn_probability"]) - drivers.log_odds(change["from"])
        assert sum(change["drivers"].values()) == pytest.approx(whole, abs=1e-6)
        assert sum(move.drivers.values()) == pytest.approx(move.after - move.before, abs=1e-6)


def test_what_a_renewed_model_adds_is_what_it_says_otherwise_of_the_old_facts(told: Told) -> None:
    lake = told.shop.lake
    found = score_history.kept_model(lake)
    assert found is not None
    model, _mark = found
    kept = told.shop.table(score_history.KEPT)
    kept = kept.filter(pa.compute.equal(kept["as_of"], ONE_DAY.date()))
    was = facts.opened(kept, model.readings)
    wide = pa.table({n: was[n] if n in was.column_names else pa.nulls(was.num_rows) for n in model.feature_names_in_})
    reread = dict(zip(was["person_id"].to_pylist(), model.decision_function(wide).tolist(), strict=True))

    before, after = told.points(ONE_DAY), told.points(NEXT_DAY)
    both = [person for person in after if person in before]
    assert len(both) > 50
    for person in both:
        change = json.loads(after[person]["change"])
        otherwise = reread[person] - drivers.log_odds(before[person]["churn_probability"])
        assert change["since"] == ONE_DAY.date().isoformat()
        assert change["drivers"].get(history.MODEL, 0.0) == pytest.approx(otherwise, abs=1e-6)


def test_a_part_names_a_fact_that_changed(told: Told) -> None:
    said = [fact for row in told.second if row["change"] for fact in json.loads(row["change"]).get("told", {}).values()]

    assert said
    for fact in said:
        before, after = fact["en"].rpartition(": ")[2].split(" → ")
        assert before, fact
        assert after, fact
    assert any("距上次下单天数：" in fact["zh"] for fact in said)


def test_a_point_stands_where_the_score_moved_and_nowhere_else(told: Told) -> None:
    points = told.points(ONE_DAY)
    tried = {row["person_id"]: row for row in told.first if row["kind"] == "tried"}

    before = [tried.get(person, {}) for person in told.told_first]
    was = pa.Table.from_pylist(
        before, pa.schema([("as_of", pa.date32()), ("churn_probability", pa.float64()), ("risk_band", pa.string())])
    )
    now = {"churn_probability": list(told.told_first.values()), "risk_band": was["risk_band"]}

    moved = history.kept_again(was, pa.table(now), ONE_DAY.date())

    assert moved.all(), "the test day lies more than a month back, so everybody has a point"
    assert {person: points[person]["churn_probability"] for person in told.told_first} == told.told_first


def test_a_day_refreshed_again_has_one_point_a_customer_as_before(told: Told) -> None:
    kept = told.shop.table(score_history.KEPT)

    assert scored(told.shop, NEXT_DAY, again=True)

    assert told.shop.table(score_history.HISTORY).to_pylist() == told.second
    assert told.shop.table(score_history.KEPT).select(["person_id", "as_of"]) == kept.select(["person_id", "as_of"])
    assert not scored(told.shop, NEXT_DAY), "and nothing is done where nothing changed"


def test_of_a_day_refreshed_again_only_points_that_would_say_otherwise_are_worked_out(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, worked = told.shop.lake, []
    changes = score_history._changes

    def counted(*given: Any) -> Any:
        worked.append(given[3].num_rows)
        return changes(*given)

    def history_of(*, again: bool = False) -> list[list[dict[str, Any]]]:
        with lake.writing("test"):
            score_history._score_history(Context(lake, told.shop.here, NEXT_DAY, NEXT_DAY, again=again))
        tables = [told.shop.table(name) for name in (score_history.HISTORY, score_history.KEPT)]
        return [table.sort_by([("person_id", "ascending"), ("as_of", "ascending")]).to_pylist() for table in tables]

    as_it_was = history_of()
    scores = told.shop.table("scores/churn").sort_by("person_id")
    chance = scores["churn_probability"].to_numpy().copy()
    chance[:5] = 1 - chance[:5]
    monkeypatch.setattr(score_history, "_changes", counted)
    lake.publish("scores/churn", scores.set_column(1, "churn_probability", pa.array(chance)))

    gone_on = history_of()

    assert 0 < sum(worked) <= 5
    assert gone_on != as_it_was
    assert gone_on == history_of(again=True)
    lake.publish("scores/churn", scores)
    # A point was taken out by somebody else: what was written then is not believed.
    lake.store.delete(score_history.HISTORY, f"person_id = 1 AND as_of = DATE '{NEXT_DAY.date()}'")
    worked.clear()
    assert history_of() == as_it_was
    assert sum(worked) > 5


def test_a_days_points_are_believed_only_while_the_files_hold_that_day_alone(told: Told) -> None:
    lake = told.shop.lake
    tables = (score_history.HISTORY, score_history.KEPT)

    def again() -> list[Any]:
        with lake.writing("test"):
            score_history._score_history(Context(lake, told.shop.here, NEXT_DAY, NEXT_DAY))
        found = [told.shop.table(name) for name in tables]
        return [table.sort_by([("person_id", "ascending"), ("as_of", "ascending")]).to_pylist() for table in found]

    as_it_was = again()
    for table in tables:  # those of the day, together with those before it
        lake.store.compact(table, files=1)
        assert len(lake.files(table)) == 1
    lake.publish_document(
        score_history.WRITTEN,
        (lake.document(score_history.WRITTEN) or {}) | {"content": [lake.content(table) for table in tables]},
    )

    assert again() == as_it_was
    assert again() == as_it_was


def test_facts_are_kept_of_the_newest_two_points_alone(told: Told) -> None:
    kept = told.shop.table(score_history.KEPT).to_pylist()
    days: dict[int, set[Any]] = {}
    for row in kept:
        days.setdefault(row["person_id"], set()).add(row["as_of"])

    assert max(len(mine) for mine in days.values()) == 2
    assert len(kept) == sum(len(mine) for mine in days.values())


def test_points_of_more_than_two_years_go_but_for_the_newest_of_somebody(told: Told) -> None:
    lake = told.shop.lake
    known = next(iter(told.points(NEXT_DAY)))
    old = {
        "as_of": date(2024, 1, 1),
        "churn_probability": 0.1,
        "risk_band": "low",
        "drivers": "{}",
        "model": "",
        "kind": "scored",
    }
    rows = [old | {"person_id": known, "change": None}, old | {"person_id": 99_999, "change": None}]
    with lake.writing("test"):
        lake.add(score_history.HISTORY, pa.Table.from_pylist(rows, schema=COMPUTED[score_history.HISTORY]))

    scored(told.shop, NEXT_DAY, again=True)

    left = told.shop.table(score_history.HISTORY)
    assert [row["person_id"] for row in left.to_pylist() if row["as_of"] == date(2024, 1, 1)] == [99_999]
    lake.store.delete(score_history.HISTORY, "person_id = 99999")
    assert told.shop.table(score_history.HISTORY).to_pylist() == told.second


def test_whoever_is_erased_leaves_the_history_and_its_facts(told: Told) -> None:
    lake = told.shop.lake
    gone = next(iter(told.points(NEXT_DAY)))
    tables = [score_history.HISTORY, score_history.KEPT, score_history.NOW, "scores/churn"]
    assert all(lake.store.count(table, f"person_id = {gone}") for table in tables)

    with lake.writing("test"):
        erase.forget_computed(lake, erase.Person((gone,), ()))

    assert not any(lake.store.count(table, f"person_id = {gone}") for table in tables)
    assert gone not in lake.to_arrow(lake.read(score_history.HISTORY, actor=SYSTEM))["person_id"].to_pylist()
    assert np.isfinite(told.told_first[gone])


def test_of_a_wide_file_what_a_model_that_had_not_seen_the_customer_says_is_a_part_of_its_own(
    new_shop: Callable[[], Shop],
) -> None:
    shop, luck = new_shop(), random.Random(4)
    rows = []
    for n in range(160):
        fee, calls, kind = luck.uniform(20, 90), luck.randint(0, 6), luck.choice(["Month-to-month", "Two year"])
        left = luck.random() < 0.08 + 0.09 * calls + (0.2 if kind == "Month-to-month" else 0)
        # Names no table of the lake could have for its columns.
        said = {"Monthly Charges": round(fee, 2), "calls,to;support{}": calls, "Contract": kind}
        rows.append({"customer_id": f"C-{n}", "observed_at": FIRST, "outcome": left, "extra": json.dumps(said)})
    schema = CONTRACTS["snapshot"].schema.append(pa.field("extra", pa.string()))
    shop.receive({"snapshot": pa.Table.from_pylist(rows, schema=pa.schema([f for f in schema if f.name in rows[0]]))})

    scored(shop, ONE_DAY)

    found = score_history.kept_model(shop.lake)
    assert found is not None
    model, _mark = found
    scores = shop.table("scores/churn").to_pylist()
    assert len(scores) == 160
    for row in scores:
        effects = json.loads(row["drivers"])
        assert set(effects) <= {"price", "service", "contract", drivers.UNSEEN}
        assert drivers.log_odds(row["churn_probability"]) == pytest.approx(
            model.baseline_ + sum(effects.values()), abs=1e-6
        )
    assert any(drivers.UNSEEN in row["drivers"] for row in scores)
    own = facts.opened(shop.table(score_history.NOW), model.readings)
    assert set(own["Contract"].to_pylist()) == {"Month-to-month", "Two year"}
    points = shop.table(score_history.HISTORY).to_pylist()
    assert [(row["kind"], row["change"]) for row in points] == [("scored", None)] * 160, (
        "no time, so nothing was tried on a day"
    )
