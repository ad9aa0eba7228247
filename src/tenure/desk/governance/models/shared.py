from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class SharedValue(models.Model):
    """Something every process of the server must agree on for a while, such as how often a sign-in was tried."""

    key = models.CharField(_("key"), max_length=250, primary_key=True)
    value = models.JSONField(_("value"))
    # Seconds since 1970, as the cache counts; null: until it is deleted.
    expires_at = models.FloatField(_("expires at"), null=True, db_index=True)

    objects: ClassVar[models.Manager["SharedValue"]] = models.Manager()

    class Meta:
        verbose_name = _("shared value")
        verbose_name_plural = _("shared values")

    def __str__(self) -> str:
        return self.key
