from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class PracticeVersion(models.Model):
    """One version of how the company works: its industry pack and what people set by hand. Added, never changed.

    values: what the pack said when it was chosen. by_hand: what people said themselves, which no pack goes over.
    tiers_version: the rule for tiers the pack put in force; none where people's own rule was left standing.
    """

    class Deed(models.TextChoices):
        CHOSEN = "chosen", _("chosen")
        TAKEN_BACK = "taken_back", _("taken back")
        LATER = "later", _("left for later")
        BY_HAND = "by_hand", _("set by hand")

    version = models.IntegerField(_("version"), unique=True)
    deed = models.CharField(_("deed"), max_length=20, choices=Deed.choices)
    pack = models.CharField(_("industry pack"), max_length=60, blank=True)
    values = models.JSONField(_("of the pack"), default=dict)
    by_hand = models.JSONField(_("by hand"), default=dict)
    tiers_version = models.IntegerField(_("rule for tiers"), null=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("by"), related_name="+"
    )
    made_at = models.DateTimeField(_("from"))

    class Meta:
        verbose_name = _("way of working")
        verbose_name_plural = _("ways of working")
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"{self.version}, {self.pack or '–'}"

    @property
    def targets(self) -> dict[str, Any]:
        """metric → lines that people set."""
        return dict(self.by_hand.get("targets", {}))
