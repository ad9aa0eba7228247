"""What models foretold of a past is kept; the choice between them is the one that working it out again would make."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tenure.insight.value import choice
from tenure.insight.value.log import PurchaseLog
from tenure.lake import Lake
from tenure.pipeline.run import Context
from tenure.pipeline.value import _foretold
from tenure.workspace import create

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
HORIZON, END = 60, 200


@pytest.fixture
def context(tmp_path: Path) -> Context:
    here = create(tmp_path / "home")
    return Context(Lake(here.lake_folder), here, APRIL, APRIL)


def bought(*, late: int = 0, early: int = 0) -> PurchaseLog:
    """Purchases of 300 customers; late: so many more on the last day; early: so many more long ago."""
    luck = np.random.default_rng(5)
    person = luck.integers(1, 301, 3_000)
    when = luck.integers(0, END, 3_000).astype(float)
    value = luck.gamma(3, 900, 3_000).round()
    person = np.concatenate([person, np.arange(1, late + 1), np.arange(1, early + 1)])
    when = np.concatenate([when, np.full(late, END - 1.0), np.full(early, 3.0)])
    value = np.concatenate([value, np.full(late + early, 500.0)])
    return PurchaseLog.of({"person_id": person, "when": when, "value": value}, END)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    for name, model in list(choice.MODELS.items()):

        def told(*given: object, name: str = name, model: object = model) -> choice.Forecast:
            asked.append(name)
            return model(*given)  # type: ignore[operator, no-any-return]

        monkeypatch.setitem(choice.MODELS, name, told)
    return asked


def test_new_purchases_leave_what_was_foretold_before_them_and_change_how_it_came_true(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(monkeypatch)
    kept = partial(_foretold, context)
    before = choice.choose(bought(), END, HORIZON, kept)
    assert set(asked) == set(choice.MODELS)
    asked.clear()

    after = choice.choose(bought(late=40), END, HORIZON, kept)

    assert asked == []
    assert after == choice.choose(bought(late=40), END, HORIZON) != before


def test_a_late_purchase_of_long_ago_has_everything_foretold_anew(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = partial(_foretold, context)
    choice.choose(bought(), END, HORIZON, kept)
    asked = counted(monkeypatch)

    found = choice.choose(bought(early=1), END, HORIZON, kept)

    assert set(asked) == set(choice.MODELS)
    assert found == choice.choose(bought(early=1), END, HORIZON)


@pytest.mark.parametrize("content", [b"", b"PK", b"half"])
def test_what_was_cut_off_is_worked_out_again(context: Context, content: bytes) -> None:
    past = bought().before(END - HORIZON)
    told = _foretold(context, "bgnbd", past, END - HORIZON, HORIZON)
    path = context.lake.folder / ".kept" / "value" / "bgnbd.npz"
    path.write_bytes(path.read_bytes()[:400] if content == b"half" else content)

    again = _foretold(context, "bgnbd", past, END - HORIZON, HORIZON)

    assert (again.value == told.value).all()
    assert (_foretold(context, "bgnbd", past, END - HORIZON, HORIZON).value == told.value).all()


def test_a_refresh_asked_to_do_everything_again_believes_nothing_kept(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = bought().before(END - HORIZON)
    _foretold(context, "bgnbd", past, END - HORIZON, HORIZON)
    asked = counted(monkeypatch)
    context.again = True

    _foretold(context, "bgnbd", past, END - HORIZON, HORIZON)

    assert asked == ["bgnbd"]
