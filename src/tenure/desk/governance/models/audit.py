from collections.abc import Iterable
from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models.accounts import User


class AppendOnlyError(Exception):
    """An audit entry is evidence: it is written once, and never changed or deleted."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, objs: Iterable["AuditEntry"], *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError


class AuditEntry(models.Model):
    """Who did what to what, and when; written in the same transaction as the change itself."""

    at = models.DateTimeField(_("at"))
    # No account with a history is deleted; it is made inactive. No actor: the product itself, or the command line.
    actor = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("actor"), related_name="+")
    verb = models.CharField(_("verb"), max_length=60)
    object_type = models.CharField(_("object type"), max_length=60)
    object_id = models.CharField(_("object"), max_length=100)
    detail = models.JSONField(_("detail"), default=dict)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["verb", "id"], name="audit_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError
