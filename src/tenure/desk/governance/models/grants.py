from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models.accounts import User


class Grant(models.Model):
    """What a partner may see for a while, by a secret link: these fields of these customers.

    The customers are named one by one when the grant is made: who comes into the list later is not shared. Neither is
    the link kept, only its hash.
    """

    partner = models.CharField(_("partner"), max_length=200)
    fields = models.JSONField(_("fields"), default=list)
    person_ids = models.JSONField(default=list)
    starts_at = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("until"))
    created_by = models.ForeignKey(User, models.PROTECT, verbose_name=_("given by"), related_name="+")
    created_at = models.DateTimeField(_("given"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    revoked_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("revoked by"), related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name = _("sharing grant")
        verbose_name_plural = _("sharing grants")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(until__gt=models.F("starts_at")), name="grant_ends_after_start")
        ]

    def __str__(self) -> str:
        return f"{self.partner}: {len(self.person_ids)}"

    def is_open(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired nor yet to begin."""
        return self.revoked_at is None and self.starts_at <= now < self.until
