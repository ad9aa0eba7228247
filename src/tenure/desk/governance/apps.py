from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class GovernanceConfig(AppConfig):
    name = "tenure.desk.governance"
    label = "governance"
    verbose_name = _("People and access")

    def ready(self) -> None:
        from tenure.desk.governance import held

        held.connect()
        post_migrate.connect(_keep_append_only, sender=self)


def _keep_append_only(using: str, **_: Any) -> None:
    from tenure.desk.governance import append_only

    append_only.install(connections[using])
