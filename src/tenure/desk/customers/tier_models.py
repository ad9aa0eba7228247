from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.insight.segments.tiers import Rule


class TierRule(models.Model):
    """One version of the rule for tiers and of how each tier is served. Versions are added, never changed; the last holds."""

    version = models.IntegerField(_("version"), unique=True)
    rule = models.JSONField(_("rule"), default=dict)
    policies = models.JSONField(_("service policy"), default=dict)
    note = models.CharField(_("why"), max_length=300, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("by"), related_name="+"
    )
    made_at = models.DateTimeField(_("from"))

    class Meta:
        verbose_name = _("rule for tiers")
        verbose_name_plural = _("rules for tiers")
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"{self.version}"

    @property
    def as_rule(self) -> Rule:
        told: dict[str, Any] = self.rule
        return Rule(**told)


class Cover(models.Model):
    """Who stands in for a manager of customers, from one day to another (both included)."""

    manager = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("manager"))
    deputy = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("stands in"))
    since = models.DateField(_("from"))
    until = models.DateField(_("until"))

    class Meta:
        verbose_name = _("cover")
        verbose_name_plural = _("cover")
        ordering = ["since", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(until__gte=models.F("since")), name="cover_ends_after_it_begins"),
            models.CheckConstraint(condition=~models.Q(manager=models.F("deputy")), name="cover_is_somebody_else"),
        ]

    def __str__(self) -> str:
        return f"{self.manager} → {self.deputy}"
