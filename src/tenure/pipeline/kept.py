"""What a refresh keeps for the next one: results under a digest of all they depend on, in the lake's `.kept`.

Only what working it out again would give in the very same way is kept, so nothing here is ever wrong: where the digest
is another, or a file was cut off, it is worked out. Numbers stand without anybody's name or number, and no backup takes
them along.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenure.digests import row_digests
from tenure.lake import Lake
from tenure.pipeline.run import Context

Numbers: TypeAlias = NDArray[np.float64]


def path_of(lake: Lake, *names: str) -> Path:
    """Where something of that name is kept, the folder made."""
    path = lake.folder.joinpath(".kept", *names)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def digest(*parts: str | NDArray[Any]) -> str:
    """One digest of texts and arrays."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).data)
    return found.hexdigest()


def arrays(context: Context, path: Path, of: str) -> dict[str, NDArray[Any]] | None:
    """The arrays kept there of that digest; None where there are none, or nothing is to be believed."""
    if context.again:
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files if name != "of"} if str(kept["of"]) == of else None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # none was kept, or it was cut off


def keep_arrays(path: Path, of: str, told: Mapping[str, NDArray[Any]]) -> None:
    """Keep arrays under a digest in the place of what was there."""
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(unfinished, of=np.array(of), **told)  # type: ignore[arg-type]
    unfinished.replace(path)


def document(context: Context, path: Path, of: str) -> Any:
    """The plain values kept there of that digest; None where there are none, or nothing is to be believed."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told["told"] if not context.again and told.get("of") == of else None


def keep_document(path: Path, of: str, told: Any) -> None:
    """Keep plain values under a digest in the place of what was there."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({"of": of, "told": told}), encoding="utf-8")
    unfinished.replace(path)


def keep_rows(path: Path, of: str, digests: NDArray[np.uint64]) -> None:
    """Keep which rows were met, by their `row_digests`."""
    order = np.argsort(digests[:, 0], kind="stable")
    keep_arrays(path, of, {"first": digests[order, 0], "second": digests[order, 1]})


def rows_met(context: Context, path: Path, of: str, digests: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of these rows were kept under that digest."""
    known = arrays(context, path, of)
    if known is None or not len(known["first"]):
        return np.zeros(len(digests), bool)
    return _found(known, digests)[1]


def _found(
    known: Mapping[str, NDArray[Any]], digests: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each row is among those kept, and whether it is."""
    place = np.minimum(np.searchsorted(known["first"], digests[:, 0]), len(known["first"]) - 1)
    met: NDArray[np.bool_] = (known["first"][place] == digests[:, 0]) & (known["second"][place] == digests[:, 1])
    return place, met


def by_row(context: Context, path: Path, of: str, features: Numbers, work_out: Callable[[Numbers], Numbers]) -> Numbers:
    """What is worked out of each row by itself (rows × features to rows × results), rows met before taken from there.

    of: a digest of everything else the results depend on.
    """
    mine = row_digests(list(features.T))
    kept = arrays(context, path, of)
    if kept is None or not len(kept["first"]):
        told = work_out(features)
    else:
        place, met = _found(kept, mine)
        told = np.empty((len(features), kept["told"].shape[1]))
        told[met] = kept["told"][place[met]]
        if not met.all():
            told[~met] = work_out(features[~met])
    order = np.argsort(mine[:, 0], kind="stable")
    keep_arrays(path, of, {"first": mine[order, 0], "second": mine[order, 1], "told": told[order]})
    return told
