from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "tenure.desk.customers"
    label = "customers"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from tenure.desk.customers import held

        held.connect()
