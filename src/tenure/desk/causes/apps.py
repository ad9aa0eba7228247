from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CausesConfig(AppConfig):
    name = "tenure.desk.causes"
    label = "causes"
    verbose_name = _("Causes of leaving")

    def ready(self) -> None:
        from tenure.desk.causes import held

        held.connect()
