"""One workspace = one company = one home folder: where its lake, its desk database and its settings live."""

import os
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tenure import sign_in
from tenure.errors import TenureError
from tenure.home import home_folder, keys_path, vault_path
from tenure.language import tr

__all__ = ["SETTINGS_FILE", "Workspace", "create", "home_folder", "open_workspace"]

SETTINGS_FILE = "tenure.toml"


@dataclass(frozen=True)
class Workspace:
    """A home folder with its business zone and reporting currency (design rule 7: one of each)."""

    home: Path
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    company: str = ""
    demo: bool = False
    # Whom to ask for an account: a name, an address, a telephone number.
    contact: str = ""
    # Roles that must sign in with a second factor; "*" is every role.
    second_factor: tuple[str, ...] = ()
    # Who else may vouch for a person, besides the own password.
    providers: tuple[sign_in.Provider, ...] = ()

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def lake_folder(self) -> Path:
        return self.home / "lake"

    @property
    def rejects_folder(self) -> Path:
        return self.home / "rejects"

    @property
    def keys_path(self) -> Path:
        """The keyring's file: TENURE_KEYS, else in the home folder."""
        return keys_path(self.home)

    @property
    def vault_path(self) -> Path:
        """The file of the keys of each subject."""
        return vault_path(self.home)

    @property
    def database_url(self) -> str:
        """Where the desk lives: DATABASE_URL, else an SQLite file in the home folder."""
        return os.environ.get("DATABASE_URL") or f"sqlite:///{self.home / 'desk.sqlite3'}"


def create(
    home: Path, *, zone: str = "Asia/Shanghai", currency: str = "CNY", company: str = "", demo: bool = False
) -> Workspace:
    """Make the home folder and its settings file; an existing workspace keeps its own settings."""
    if (home / SETTINGS_FILE).exists():
        return open_workspace(home)
    _check_zone(zone)
    home.mkdir(parents=True, exist_ok=True)
    lines = [f'company = "{company}"', f'zone = "{zone}"', f'currency = "{currency}"', f"demo = {str(demo).lower()}"]
    unfinished = home / (SETTINGS_FILE + ".new")
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(home / SETTINGS_FILE)
    return open_workspace(home)


def open_workspace(home: Path | None = None) -> Workspace:
    """Read the workspace at `home` (default: TENURE_HOME). One that has no settings file yet has the defaults."""
    home = (home or home_folder()).absolute()
    path = home / SETTINGS_FILE
    if not path.exists():
        return Workspace(home)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TenureError(
            tr(
                "{path} can't be read: {error}. Mend the line it names, or delete the file to start from the defaults.",
                path=path,
                error=error,
            )
        ) from error
    known = {"company", "zone", "currency", "demo", "contact", "second_factor", "sign_in"}
    if unknown := sorted(set(found) - known):
        raise TenureError(
            tr(
                "{path} has settings that mean nothing here: {unknown}. Known are: {known}.",
                path=path,
                unknown=", ".join(unknown),
                known=", ".join(sorted(known)),
            )
        )
    if "second_factor" in found:
        found["second_factor"] = sign_in.second_factor(found["second_factor"], path=path)
    if "sign_in" in found:
        found["providers"] = sign_in.read(found.pop("sign_in"), path=path)
    workspace = Workspace(home, **found)
    _check_zone(workspace.zone)
    return workspace


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise TenureError(
            tr(
                'There is no time zone "{zone}". Give one by its region and city, for example Asia/Shanghai or Europe/London.',
                zone=zone,
            )
        ) from error
