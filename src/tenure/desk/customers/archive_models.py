"""What is put away: which records, by whom, when and why."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Archiving(models.Model):
    """One deed that put records away: by somebody from a finding of data quality, or by a migration."""

    deed = models.CharField(max_length=32, unique=True)
    contract = models.CharField(_("records"), max_length=60)
    # The finding: whose records (a source), which field, what is wrong with it. Of a migration all are blank.
    source = models.CharField(max_length=200, blank=True)
    field = models.CharField(max_length=100, blank=True)
    flaw = models.CharField(max_length=60, blank=True)
    migration = models.BigIntegerField(null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    records = models.IntegerField(_("records"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("archived by"), related_name="+"
    )
    made_at = models.DateTimeField(_("archived"))

    class Meta:
        verbose_name = _("archiving")
        verbose_name_plural = _("archivings")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["contract"], name="archiving_contract")]

    def __str__(self) -> str:
        return f"{self.contract} {self.deed}"


class ArchivedRecord(models.Model):
    """A record that is archived now. Bringing it back deletes this row, and nothing else has to be put right.

    It is named as its source names it, so it outlives every import, undo and refresh. own_id: who its customer was.
    """

    archiving = models.ForeignKey(Archiving, models.CASCADE, related_name="rows")
    contract = models.CharField(max_length=60)
    ids_of = models.CharField(max_length=100)
    key = models.CharField(_("record"), max_length=900)
    source = models.CharField(_("source"), max_length=200, blank=True)
    number = models.CharField(max_length=200, blank=True)
    own_id = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        verbose_name = _("archived record")
        verbose_name_plural = _("archived records")
        ordering = ["-archiving", "pk"]
        constraints = [models.UniqueConstraint(fields=["contract", "ids_of", "key"], name="archived_once")]

    def __str__(self) -> str:
        return f"{self.contract} {self.ids_of} {self.key}"
