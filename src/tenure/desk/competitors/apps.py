from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CompetitorsConfig(AppConfig):
    name = "tenure.desk.competitors"
    label = "competitors"
    verbose_name = _("Competitors")

    def ready(self) -> None:
        from tenure.desk.competitors import held

        held.connect()
