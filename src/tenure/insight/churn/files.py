"""A model as text files in a folder, with a checksum for each. Nothing is pickled: loading can run no code."""

import hashlib
import json
from pathlib import Path

from tenure.errors import TenureError
from tenure.language import tr

_SUMS = "checksums.json"


def write(folder: Path, contents: dict[str, str]) -> Path:
    """Write each text under its name, the checksums last: a folder without them was not written to the end."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _SUMS).unlink(missing_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    sums = {name: _sum(text.encode()) for name, text in contents.items()}
    (folder / _SUMS).write_text(json.dumps(sums, indent=1), encoding="utf-8")
    return folder


def read(folder: Path) -> dict[str, str]:
    """The texts `write` wrote. Raises TenureError, naming the file, where one is missing or has changed."""
    if not (folder / _SUMS).is_file():
        raise TenureError(
            tr("There is no finished model in {folder}: {file} is missing. Train it again.", folder=folder, file=_SUMS)
        )
    contents = {}
    for name, expected in json.loads((folder / _SUMS).read_text(encoding="utf-8")).items():
        path = folder / Path(name).name
        data = path.read_bytes() if path.is_file() else b""
        if _sum(data) != expected:
            raise TenureError(
                tr(
                    "The model file {file} in {folder} is missing or was changed since it was written. Train it again.",
                    file=name,
                    folder=folder,
                )
            )
        contents[name] = data.decode()
    return contents


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
