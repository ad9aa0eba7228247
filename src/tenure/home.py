"""Where a workspace is at home, and the trace it leaves there of what it sealed."""

import json
import os
from pathlib import Path
from typing import Any

TRACE_FILE = "sealed.json"


def home_folder() -> Path:
    """The folder named by TENURE_HOME, else ~/.tenure."""
    return Path(os.environ.get("TENURE_HOME") or Path.home() / ".tenure").expanduser().absolute()


def keys_path(home: Path) -> Path:
    """The file of the master keys: TENURE_KEYS (best on another disk, with a backup of its own), else in the home."""
    named = os.environ.get("TENURE_KEYS")
    return Path(named).expanduser().absolute() if named else home / "keys" / "master.json"


def vault_path(home: Path) -> Path:
    """The file of the keys of each subject."""
    return home / "vault" / "vault.sqlite3"


def trace(home: Path) -> dict[str, Any]:
    """What has been sealed here: `key`, the id of a master key once in use; `vault`, whether there was ever a vault.

    So that a lost key file is told from one that was never made.
    """
    try:
        found = json.loads((home / TRACE_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def leave_trace(home: Path, **what: object) -> None:
    """Add to the trace; nothing is written where it says so already."""
    before = trace(home)
    if before | what == before:
        return
    home.mkdir(parents=True, exist_ok=True)
    unfinished = home / f".{TRACE_FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(before | what), encoding="utf-8")
    unfinished.replace(home / TRACE_FILE)


def settle(folder: Path) -> None:
    """Make sure that what the folder lists survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
