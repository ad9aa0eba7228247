from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class WebConfig(AppConfig):
    name = "tenure.web"
    label = "web"

    def ready(self) -> None:
        from tenure.wiring import connect

        connect()


class SiteConfig(SimpleAdminConfig):
    default_site = "tenure.web.site.TenureSite"
