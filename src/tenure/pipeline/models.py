"""The churn models of a workspace: each version in a folder of its own, and which of them is champion.

    models/churn/<definition>/<version>/model/          the artefact: text and JSON (as `save` writes it)
                                       made.json        how it was made
                                       card.json        its model card
                                       training.parquet what it learned from, without anybody's number or name

A version is written beside, whole, and then takes its name; only then does the document name it. So whatever kills a
refresh, the champion named is one whose files are all there. Only who holds the lake's writing place writes here.
"""

import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import tenure
from tenure.errors import TenureError
from tenure.insight.churn import files, registry
from tenure.insight.churn.learners import Champion, load
from tenure.insight.churn.registry import DECISIONS, DOCUMENT, Policy, Standing
from tenure.insight.churn.training import Training
from tenure.lake import Lake
from tenure.language import tr

_LIBRARIES = ("lightgbm", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy")
_ASIDE = 2  # damaged versions kept to be looked at


@dataclass(frozen=True)
class Kept:
    """A version as it lies in its folder. made, card: plain JSON."""

    folder: Path
    model: Champion
    made: dict[str, Any]
    card: dict[str, Any]

    @property
    def version(self) -> int:
        return int(self.made["version"])

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.made["as_of"])

    @property
    def mark(self) -> str:
        """What tells the model from any other, whatever is written about it."""
        return json.dumps(files.sums(self.folder / "model"), sort_keys=True)

    @cached_property
    def training(self) -> Training:
        """What it learned from. Raises TenureError where that is missing or damaged; the model itself may be whole."""
        data = files.read_bytes(self.folder, ["training.parquet"])["training.parquet"]
        return Training.read(data, [datetime.fromisoformat(cut) for cut in self.made["cuts"]])


class Shelf:
    """The versions of one definition."""

    def __init__(self, lake: Lake, code: str) -> None:
        self.folder = lake.folder / "models" / "churn" / code

    def read(self, number: int) -> Kept:
        """A version, held against its checksums. Raises TenureError where a file is missing or was changed."""
        folder = self.folder / str(number)
        told = files.read_bytes(folder, ["made.json", "card.json"])
        model = load(folder / "model")
        return Kept(folder, model, json.loads(told["made.json"]), json.loads(told["card.json"]))

    def write(self, model: Champion, training: Training, made: Mapping[str, Any], card: Mapping[str, Any]) -> Path:
        """Put a version in its place, whole or not at all; one of that number nobody was told of gives way."""
        final = self.folder / str(made["version"])
        unfinished = self.folder / f".{made['version']}.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        model.save(unfinished / "model")
        files.write(
            unfinished,
            {"made.json": _json(made), "card.json": _json(card), "training.parquet": training.parquet()},
        )
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
        return final

    def digest(self, number: int) -> str | None:
        """What tells a model from another, whatever is written about it; None where it can't be read."""
        try:
            return json.dumps(files.sums(self.folder / str(number) / "model"), sort_keys=True)
        except TenureError:
            return None

    def set_aside(self, number: int) -> None:
        """Keep what was damaged out of the way, for whoever wants to know what happened to it."""
        folder = self.folder / str(number)
        if folder.is_dir():
            aside = self.folder / f".damaged-{number}"
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)

    def sweep(self, keep: set[int]) -> None:
        """Remove versions nobody names, and what was left half written."""
        for path in self.folder.parent.glob("*.*"):
            if path.is_file():  # of a version of the product that kept one model, and wrote it over
                path.unlink()
        damaged = sorted(self.folder.glob(".damaged-*"), key=lambda path: int(path.name.partition("-")[2]))
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            wanted = path.name.isdigit() and int(path.name) in keep
            if not wanted and path not in damaged[-_ASIDE:]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def standings(lake: Lake) -> dict[str, Standing]:
    """Where the models of each definition stand."""
    told = (lake.document(DOCUMENT) or {}).get("definitions", {})
    return {code: Standing.told(one) for code, one in told.items()}


def publish(lake: Lake, code: str, standing: Standing) -> None:
    """Say where a definition's models stand: from this on the champion is another, or still the old one."""
    told = lake.document(DOCUMENT) or {"definitions": {}}
    told["definitions"][code] = standing.as_plain()
    lake.publish_document(DOCUMENT, told)


def decisions(lake: Lake) -> dict[str, Any]:
    """What people decided about models: policy, choose, learn."""
    found: dict[str, Any] = lake.document(DECISIONS) or {}
    return found


def policy(lake: Lake) -> Policy:
    return Policy.told(decisions(lake).get("policy"))


def made_with() -> dict[str, str]:
    """The product and the libraries that make a model, by version."""
    return {
        "tenure": tenure.__version__,
        "python": platform.python_version(),
        **{one: version(one) for one in _LIBRARIES},
    }


def whole(lake: Lake) -> bool:
    """Whether the files of every champion are as they were written."""
    for code, standing in standings(lake).items():
        if standing.champion is not None:
            folder = lake.folder / "models" / "churn" / code / str(standing.champion)
            try:
                files.read_bytes(folder / "model")
                files.read_bytes(folder, ["made.json", "card.json"])
            except TenureError:
                return False
    return True


@dataclass(frozen=True)
class Rebuilt:
    """A version learned again from its snapshot. apart: the largest difference of a chance from the kept model's, on
    `rows` of the snapshot. same: whether the artefacts are the same byte for byte. other: versions that differ now.
    """

    version: int
    rows: int
    apart: float
    same: bool
    other: dict[str, tuple[str, str]]


def rebuild(lake: Lake, code: str, number: int) -> Rebuilt:
    """Learn a version again from its own snapshot, settings and seed, and hold the two against each other.

    Changes nothing. Raises TenureError where there is no such version, or its files are missing or damaged.
    """
    import tempfile

    shelf = Shelf(lake, code)
    standing = standings(lake).get(code, Standing())
    if standing.version(number) is None:
        raise TenureError(
            tr(
                'There is no version {number} of "{code}". There are: {known}.', number=number, code=code,
                known=", ".join(str(one["version"]) for one in standing.versions) or tr("none"),
            )
        )  # fmt: skip
    kept = shelf.read(number)
    training = kept.training
    learner = kept.made.get("learner", "blend")
    again = registry.relearn(training, int(kept.made["horizon_days"]), kept.made["settings"], learner)
    rows = training.frame(max(0, len(training.cuts) - 1))
    apart = np.abs(again.predict_proba(rows)[:, 1] - kept.model.predict_proba(rows)[:, 1])
    with tempfile.TemporaryDirectory() as folder:
        again.save(Path(folder))
        same = json.dumps(files.sums(Path(folder)), sort_keys=True) == shelf.digest(number)
    now, then = made_with(), kept.made["versions"]
    other = {name: (then.get(name, ""), now[name]) for name in now if then.get(name) != now[name]}
    return Rebuilt(number, rows.num_rows, float(apart.max(initial=0.0)), same, other)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False, sort_keys=True)
