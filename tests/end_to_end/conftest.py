"""One refreshed workspace a data set, made by the commands a person would give, shared by all that look at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.lake import SYSTEM, Lake
from tenure.workspace import open_workspace
from tests.conftest import DATA
from tests.running import Visitor, served, tenure


@dataclass
class Filled:
    """A workspace whose records came in, were refreshed, and are on the desk."""

    home: Path
    said: list[str]  # what each command printed

    def lake(self) -> Lake:
        here = open_workspace(self.home)
        return Lake(here.lake_folder, zone=here.zone, currency=here.currency)

    def table(self, name: str) -> pa.Table:
        lake = self.lake()
        return lake.to_arrow(lake.read(name, actor=SYSTEM))

    def card(self, name: str = "churn_card") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "lake" / "documents" / f"{name}.json").read_text("utf-8"))
        return found

    def one(self, customer_id: str) -> dict[str, Any]:
        """The published card of one customer."""
        cards = self.table("scores/customers").to_pylist()
        return next(card for card in cards if card["customer_id"] == customer_id)

    @contextmanager
    def pages(self) -> Iterator[Visitor]:
        with served(self.home) as visitor:
            yield visitor


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Filled]:
    """company(("init", …), ("import", DATA / …), …): the workspace after these commands and a refresh."""

    def filled(*commands: tuple[str | Path, ...]) -> Filled:
        if not DATA.is_dir():
            pytest.skip("needs the data sets in ../shared/data")
        home = tmp_path_factory.mktemp("company") / "home"
        said = [tenure(home, *command).stdout for command in (*commands, ("refresh",))]
        return Filled(home, said)

    return filled


def assert_back_tested(card: dict[str, Any]) -> None:
    """The card says how good the scores proved: AUC with its interval, calibration by tenths, precision by band."""
    metrics = card["metrics"]
    assert 0.5 < metrics["auc_low"] < metrics["auc"] < metrics["auc_high"] < 1
    assert len(metrics["deciles"]) == 10
    assert sum(tenth["rows"] for tenth in metrics["deciles"]) == metrics["rows"]
    observed = [tenth["observed"] for tenth in metrics["deciles"]]
    assert observed[0] > 1.3 * metrics["base_rate"] > 0.5 * metrics["base_rate"] > observed[-1]
    assert {band["band"] for band in metrics["bands"]} == {"high", "medium", "low"}
