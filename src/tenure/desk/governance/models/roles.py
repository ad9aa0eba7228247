from django.db import models
from django.utils.translation import gettext_lazy as _


class CustomRole(models.Model):
    """A role as the company made or changed it; one that starts with every company shows here once it is changed."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    name_en = models.CharField(max_length=60)
    name_zh = models.CharField(max_length=60)
    meaning_en = models.CharField(max_length=200, blank=True)
    meaning_zh = models.CharField(max_length=200, blank=True)
    reach = models.CharField(max_length=10)
    objects_reach = models.JSONField(default=dict)
    permissions = models.JSONField(default=list)
    fields = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code
