from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tenure.lake import SYSTEM, Lake
from tenure.language import using
from tenure.sources.importing import import_file
from tenure.sources.report import ImportReport

NOW = datetime(2026, 4, 1, tzinfo=UTC)


class Shop:
    """A small workspace: files go in by `take`, rows come out by `rows`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lake = Lake(home / "lake", zone="Asia/Shanghai", currency="CNY")

    def take(self, path: Path, contract: str = "orders", **given: Any) -> ImportReport:
        settings: dict[str, Any] = {
            "zone": "Asia/Shanghai", "currency": "CNY", "rejects_folder": self.home / "rejects", "now": NOW,
        }  # fmt: skip
        return import_file(self.lake, path, contract, **{**settings, **given})

    def rows(self, contract: str = "orders") -> list[dict[str, Any]]:
        return self.table(contract).to_pylist()

    def table(self, contract: str = "orders") -> pa.Table:
        found = self.lake.to_arrow(self.lake.read(f"received/{contract}", actor=SYSTEM))
        return found.sort_by("row")

    @property
    def is_untouched(self) -> bool:
        """Whether nothing is to be seen of any import, not even its waste."""
        states = {info.state for info in self.lake.batches()}
        unfinished = list((self.home / "rejects").glob(".*")) if (self.home / "rejects").exists() else []
        return "committed" not in states and not self.rows() and not unfinished


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "home")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "shop.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture(autouse=True)
def _in_english() -> Any:
    with using("en"):
        yield
