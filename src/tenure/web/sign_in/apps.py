from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SignInConfig(AppConfig):
    """Coming in: allauth with our rules, and the providers of China's workplaces."""

    name = "tenure.web.sign_in"
    label = "sign_in"
    verbose_name = _("Sign-in")

    def ready(self) -> None:
        from tenure.web.sign_in import hooks

        hooks.connect()
