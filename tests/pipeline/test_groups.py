"""Tiers and personas from refresh to refresh: who moved is told once, with its reason; who is alike keeps a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.insight.segments.tiers import Rule
from tenure.lake import SYSTEM, Lake
from tenure.lake.tables import COMPUTED
from tenure.pipeline import segments
from tenure.pipeline.run import Context
from tenure.workspace import create

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
STEPS = {step.name: step for step in segments.GROUPS}


def company(folder: Path) -> Context:
    here = create(folder / "home")
    return Context(Lake(here.lake_folder, zone=here.zone, currency=here.currency), here, APRIL, APRIL)


def brought(lake: Lake, amounts: dict[int, int], **more: Any) -> None:
    rows = [
        {
            "person_id": p,
            "brought_base_minor": amount,
            "before_base_minor": amount,
            "tenure_days": 400,
            "visits": 1 + p % 5,
        }
        | {name: values[p] for name, values in more.items()}
        for p, amount in amounts.items()
    ]
    lake.publish("scores/habits", pa.Table.from_pylist(rows, schema=COMPUTED["scores/habits"]))
    value = [{"person_id": p, "value_base_minor": amount} for p, amount in amounts.items()]
    lake.publish("scores/value", pa.Table.from_pylist(value, schema=pa.schema([("person_id", pa.int64()), ("value_base_minor", pa.int64())])))  # fmt: skip


def rows(lake: Lake, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.to_arrow(lake.read(table, actor=SYSTEM)).to_pylist()
    return found


def test_a_move_is_told_once_with_its_reason_and_a_changed_rule_is_told_as_such(tmp_path: Path) -> None:
    context = company(tmp_path)
    lake, amounts = context.lake, {p: 1000 * p for p in range(1, 11)}
    brought(lake, amounts)
    STEPS["tiers"].run(context)
    assert rows(lake, "scores/tier_moves") == [], "nobody has been in another tier yet"

    brought(lake, amounts | {5: 20_000})
    context.as_of += timedelta(days=1)
    STEPS["tiers"].run(context)
    STEPS["tiers"].run(context)

    moved = {row["person_id"]: row for row in rows(lake, "scores/tier_moves")}
    assert len(moved) == len(rows(lake, "scores/tier_moves")) == 3
    assert (moved[5]["tier_before"], moved[5]["tier"]) == ("potential", "strategic")
    assert moved[5]["tier_why_en"] == "From 45 to 95 points. Ahead of 95 % of customers; strategic from 90"
    assert (moved[10]["tier"], moved[8]["tier"]) == ("core", "potential")

    lake.publish_document("tiers", {"version": 1, "rule": Rule(core_from=40).as_plain()})
    STEPS["tiers"].run(context)

    by_rule = [row for row in rows(lake, "scores/tier_moves") if row["tier_version"] == 1]
    assert {row["person_id"] for row in by_rule} == {6, 7, 8}
    assert all(row["tier_why_zh"].startswith("分级规则已修改。") for row in by_rule)
    assert {row["tier_before"] for row in rows(lake, "scores/tiers") if row["person_id"] == 8} == {"potential"}


def test_groups_keep_their_names_at_the_next_refresh_and_too_few_customers_have_none(tmp_path: Path) -> None:
    context = company(tmp_path)
    lake, luck = context.lake, np.random.default_rng(4)

    def habits(people: int) -> None:
        kind = np.arange(people) % 3
        noise = luck.normal(0, 0.05, people)
        brought(
            lake, {p: int(np.exp(4 + 3 * kind[p] + noise[p])) for p in range(people)},
            channel={p: ("app", "shop", "phone")[kind[p]] for p in range(people)},
            visits={p: 2 + 9 * int(kind[p]) for p in range(people)},
            recency_days={p: int(10 + 100 * kind[p] + 20 * noise[p]) for p in range(people)},
        )  # fmt: skip

    habits(12)
    STEPS["personas"].run(context)
    why = lake.document("personas")["not_enough_data"]  # type: ignore[index]
    assert why["en"] == "Not enough data, because groups need at least 40 customers; there are 12."
    assert rows(lake, "scores/clusters") == []

    habits(90)
    STEPS["personas"].run(context)
    first = {row["person_id"]: row["persona"] for row in rows(lake, "scores/clusters")}
    named = {group["number"]: group["en"] for group in lake.document("personas")["groups"]}  # type: ignore[index]
    assert len(named) == 3
    habits(120)
    STEPS["personas"].run(context)

    again = lake.document("personas")
    assert again is not None
    assert again["kept_share"] == 1
    assert {group["number"]: group["en"] for group in again["groups"]} == named
    assert {row["person_id"]: row["persona"] for row in rows(lake, "scores/clusters") if row["person_id"] < 90} == first


def test_what_others_do_on_a_day_moves_nobody_into_another_group(tmp_path: Path) -> None:
    context = company(tmp_path)
    lake, luck = context.lake, np.random.default_rng(8)
    kind = luck.integers(0, 3, 300)
    visits = luck.poisson(np.array([4, 12, 30])[kind])

    def refreshed(visits: Any, day: datetime = APRIL, *, again: bool = False) -> dict[int, str]:
        brought(
            lake, {p: int(np.exp(4 + 2 * kind[p]) * 100) + p for p in range(len(visits))},
            visits={p: int(many) for p, many in enumerate(visits)}, channel={p: ("app", "shop", "web")[kind[p]] for p in range(len(visits))},
        )  # fmt: skip
        STEPS["personas"].run(Context(lake, context.workspace, day, day, again=again))
        return {row["person_id"]: row["persona"] for row in rows(lake, "scores/clusters")}

    first = refreshed(visits)
    found = lake.document("personas")
    assert found is not None
    assert refreshed(visits) == first, "placed in the nearest is where they were found"
    later = visits.copy()
    later[kind == 0] += 40  # a third of the customers come in all at once

    placed = refreshed(later[:290])

    moved = {person for person, persona in placed.items() if persona != first[person]}
    assert moved <= set(np.flatnonzero(kind == 0).tolist()), "of whom nothing came stays"
    card = lake.document("personas")
    assert card is not None
    assert {group["number"]: group["en"] for group in card["groups"]} == {
        group["number"]: group["en"] for group in found["groups"]
    }
    assert sum(group["rows"] for group in card["groups"]) == card["customers"] == 290
    assert [group["rows"] for group in card["groups"]] == sorted(
        (group["rows"] for group in card["groups"]), reverse=True
    )
    assert card["kept_share"] == 1 - len(moved) / 290
    # Found anew on the next day, when asked to, and where many came or went.
    for day, again, some in (
        (APRIL + timedelta(days=1), False, later),
        (APRIL, True, later),
        (APRIL, False, later[:200]),
    ):
        refreshed(some, day, again=again)
        anew = lake.document("personas")
        assert anew is not None
        assert anew["tried"] != found["tried"], (day, again, len(some))
