from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models.accounts import User

if TYPE_CHECKING:
    from datetime import datetime


class KeyQuerySet(models.QuerySet["Key"]):
    def of(self, owner: User) -> "KeyQuerySet":
        """The keys of one person."""
        return self.filter(owner=owner)


class Key(models.Model):
    """What a program shows instead of a password: of it, only a digest is kept. It may at most what its owner may."""

    owner = models.ForeignKey(User, models.PROTECT, verbose_name=_("owner"), related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    role = models.CharField(_("role"), max_length=20)
    prefix = models.CharField(_("begins with"), max_length=20, unique=True)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = KeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def lives(self, now: "datetime") -> bool:
        """Whether it is neither revoked nor past its time."""
        return self.revoked_at is None and now < self.expires_at
