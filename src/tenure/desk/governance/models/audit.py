from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models.accounts import User

Row = TypeVar("Row", bound=models.Model)


class AppendOnlyError(Exception):
    """An audit entry is evidence: it is written once, and never changed or deleted."""


class AppendOnlyQuerySet(models.QuerySet[Row]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError


class AppendOnly(models.Model):
    """A row of evidence. Of the audit tables the database refuses a change or deletion as well (`append_only`)."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError


class AuditEntry(AppendOnly):
    """Who did what to what, and when; written in the same transaction as the change itself.

    sealed: personal details, as a token of the vault: the chain is over the token, so erasing a person (destroying
    the key) leaves the chain whole. once: what must be written once only, such as one look in one quarter hour.
    """

    at = models.DateTimeField(_("at"))
    # No account with a history is deleted; it is made inactive. No actor: the product itself, or the command line.
    actor = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("actor"), related_name="+")
    verb = models.CharField(_("verb"), max_length=60)
    object_type = models.CharField(_("object type"), max_length=60)
    object_id = models.CharField(_("object"), max_length=100)
    detail = models.JSONField(_("detail"), default=dict)
    sealed = models.TextField(default="", blank=True)
    once = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 (many rows have none)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["verb", "id"], name="audit_verb"),
            models.Index(fields=["at", "id"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"


class ChainLink(AppendOnly):
    """One entry's place in the chain: its hash stands on the hash of the place before.

    A place is taken once and an entry linked once, by constraint: two sealers at once can't fork the chain, one of
    them fails.
    """

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, models.PROTECT, related_name="link")
    hash = models.CharField(max_length=64)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(position__gte=1), name="chain_begins_at_one")]

    def __str__(self) -> str:
        return f"{self.position}: {self.hash[:12]}"
