"""A model as files in a folder, with a checksum for each. Nothing is pickled: loading can run no code."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tenure.errors import TenureError
from tenure.language import tr

SUMS = "checksums.json"


def write(folder: Path, contents: Mapping[str, str | bytes]) -> Path:
    """Write each content under its name, the checksums last: a folder without them was not written to the end."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMS).unlink(missing_ok=True)
    sums = {}
    for name, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        sums[name] = _sum(data)
    (folder / SUMS).write_text(json.dumps(sums, indent=1), encoding="utf-8")
    return folder


def read(folder: Path) -> dict[str, str]:
    """The texts `write` wrote. Raises TenureError, naming the file, where one is missing or has changed."""
    return {name: data.decode() for name, data in read_bytes(folder).items()}


def read_bytes(folder: Path, names: Iterable[str] | None = None) -> dict[str, bytes]:
    """What `write` wrote, or some of it. Raises TenureError, naming the file, where one is missing or has changed."""
    wanted = sums(folder)
    contents = {}
    for name in wanted if names is None else names:
        path = folder / Path(name).name
        data = path.read_bytes() if path.is_file() else b""
        if _sum(data) != wanted.get(name):
            raise TenureError(
                tr(
                    "The model file {file} in {folder} is missing or was changed since it was written. Train it again.",
                    file=name,
                    folder=folder,
                )
            )
        contents[name] = data
    return contents


def sums(folder: Path) -> dict[str, str]:
    """Name → SHA-256 of what was written. Raises TenureError where the folder was not written to its end."""
    if not (folder / SUMS).is_file():
        raise TenureError(
            tr("There is no finished model in {folder}: {file} is missing. Train it again.", folder=folder, file=SUMS)
        )
    try:
        found = json.loads((folder / SUMS).read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TenureError(
            tr(
                "The model file {file} in {folder} is missing or was changed since it was written. Train it again.",
                file=SUMS,
                folder=folder,
            )
        )
    return found


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
