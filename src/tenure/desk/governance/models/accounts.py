from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class Team(models.Model):
    """People who look after customers together."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    region = models.CharField(_("region"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """Someone who signs in. What they see follows from role, team and regions alone; no role sees nothing."""

    role = models.CharField(_("role"), max_length=20, blank=True)
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, verbose_name=_("team"), related_name="members"
    )
    regions = models.JSONField(
        _("regions"), default=list, blank=True, help_text=_('For a manager: ["浙江", "上海"]; empty means the own team')
    )
    language = models.CharField(
        _("language"), max_length=10, blank=True, choices=[("en", "English"), ("zh-hans", "简体中文")]
    )

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def clean(self) -> None:
        super().clean()
        if not isinstance(self.regions, list) or not all(isinstance(name, str) for name in self.regions):
            raise ValidationError({"regions": _('Give the regions as a list of names, such as ["浙江", "上海"].')})

    @property
    def shown_name(self) -> str:
        return self.get_full_name() or self.username
