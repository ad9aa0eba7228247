"""The ways to learn who leaves, one file each, under one interface; `LEARNERS` is what the folder holds."""

import json
import sys
from pathlib import Path
from typing import Any, cast

from tenure.errors import TenureError
from tenure.insight.churn import files
from tenure.insight.churn.learners.base import Champion, Kind, Learner
from tenure.language import tr
from tenure.registry import scan

LEARNERS: dict[str, Kind] = scan(sys.modules[__name__], Kind)

__all__ = ["LEARNERS", "Champion", "Kind", "Learner", "learner_named", "load", "name_of"]


def learner_named(name: str) -> Kind:
    """The learner of this name. Raises TenureError, naming those there are, for any other."""
    try:
        return LEARNERS[name]
    except KeyError:
        raise TenureError(
            tr('There is no learner "{name}". There are: {known}.', name=name, known=", ".join(LEARNERS))
        ) from None


def name_of(model: Any) -> str:
    """Under which name a model's kind of learner goes."""
    return str(getattr(model, "NAME", "blend"))


def load(folder: Path | str) -> Champion:
    """The learner of any kind that was saved in a folder. Raises TenureError where a file is missing or was changed."""
    kind = json.loads(files.read(Path(folder))["model.json"])["kind"]
    return cast(Champion, learner_named(LEARNED_AS.get(kind, kind)).load(folder))


LEARNED_AS = {"tenure churn model": "blend"}
