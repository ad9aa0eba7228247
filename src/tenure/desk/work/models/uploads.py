"""Files on their way in, and how a source's files are to be read."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models import User
from tenure.desk.work.models.jobs import Job
from tenure.desk.work.models.mending import Corrections


class Upload(models.Model):
    """A file somebody sent, waiting in the home folder until it is imported or its time is over.

    key: its name on the disk. choices: how it is to be read and mapped, as chosen so far: names of columns, and
    of their content only the misspelt values to be mended. gone_at: when the file was deleted; the row stays, to say what was sent.
    """

    key = models.CharField(max_length=40, unique=True)
    name = models.CharField(_("file"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20)
    size = models.BigIntegerField(_("size"))
    fingerprint = models.CharField(max_length=64, db_index=True)
    choices = models.JSONField(default=dict)
    uploaded_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("sent by"), related_name="+")
    uploaded_at = models.DateTimeField(_("sent"))
    expires_at = models.DateTimeField(_("kept until"))
    gone_at = models.DateTimeField(null=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    batch = models.CharField(_("batch"), max_length=120, blank=True)

    objects: "models.Manager[Upload]" = models.Manager()

    class Meta:
        verbose_name = _("uploaded file")
        verbose_name_plural = _("uploaded files")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name


class MappingTemplate(models.Model):
    """How the files of one source are read: saved once, offered for the next file with these columns.

    choices: as of an upload. headers: the columns of the file it was saved from, in their order. Misspelt values
    that somebody agreed to mend are mended in the next file without asking (`Corrections`).
    """

    name = models.CharField(_("name"), max_length=80)
    source = models.CharField(_("source"), max_length=60)
    contract = models.CharField(_("records"), max_length=60)
    choices = models.JSONField(default=dict)
    headers = models.JSONField(default=list)
    made_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("saved by"), related_name="+")
    made_at = models.DateTimeField(_("saved"))

    objects: "models.Manager[MappingTemplate]" = models.Manager()

    class Meta:
        verbose_name = _("mapping template")
        verbose_name_plural = _("mapping templates")
        ordering = ["source", "name"]
        constraints = [models.UniqueConstraint(fields=["source", "name"], name="mapping_template_name")]

    def __str__(self) -> str:
        return f"{self.source}: {self.name}"

    @property
    def corrections(self) -> dict[str, dict[str, str]]:
        """What is mended in its files: column → {misspelt: meant}, as agreed for this source's records."""
        return Corrections.of(self.source, self.contract)

    def fit(self, headers: list[str]) -> float:
        """The share of the saved file's columns that this file has too."""
        saved: list[Any] = self.headers
        return len(set(saved) & set(headers)) / len(saved) if saved else 0.0
