from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GovernanceConfig(AppConfig):
    name = "tenure.desk.governance"
    label = "governance"
    verbose_name = _("People and access")

    def ready(self) -> None:
        from tenure.desk.governance import held

        held.connect()
