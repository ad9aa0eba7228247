"""The workspace, its lake and its desk, opened for a command."""

import os
from datetime import UTC, datetime

from tenure.lake import Lake
from tenure.workspace import Workspace, open_workspace


def now() -> datetime:
    """The clock; read here and passed down, never read by a rule."""
    return datetime.now(UTC)


def workspace() -> Workspace:
    return open_workspace()


def lake(here: Workspace | None = None) -> Lake:
    here = here or workspace()
    return Lake(here.lake_folder, zone=here.zone, currency=here.currency)


def desk(here: Workspace | None = None) -> None:
    """Make the desk database usable: its folder there, its tables up to date."""
    (here or workspace()).home.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure.settings")
    import django

    from tenure.desk.migrating import up_to_date

    django.setup()
    up_to_date()
