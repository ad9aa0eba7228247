from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.customers.fields.models import FieldValue, Worded
from tenure.desk.sealed import SealedJSON, SealedUnder

PREFIX = "o_"
"""What the `contract` of a field of an own kind of record begins with: `o_3`."""


class OwnObject(Worded):
    """A kind of record the company made for itself. Its number never changes; `o_<number>` is its name everywhere.

    many: a record may belong to several customers at once.
    """

    many = models.BooleanField(_("several customers"), default=False)
    made_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("own kind of record")
        verbose_name_plural = _("own kinds of record")
        ordering = ["pk"]

    @property
    def code(self) -> str:
        """The name of the kind, everywhere."""
        return f"{PREFIX}{self.pk}"


class OwnBatch(models.Model):
    """A file of records brought in at once; undone, everything is as it was but for what was edited since."""

    object = models.ForeignKey(OwnObject, models.PROTECT, related_name="+")
    file = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()
    actor = models.ForeignKey("governance.User", models.PROTECT, null=True, related_name="+")
    made = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    same = models.IntegerField(default=0)
    rejected = models.IntegerField(default=0)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("batch of own records")
        verbose_name_plural = _("batches of own records")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.object_id}: {self.file}"


class OwnRecord(models.Model):
    """One record of an own kind: its number, unique within the kind, and who it belongs to (`OwnLink`).

    batch: the file that said the last word on it; null once somebody did by hand.
    """

    object = models.ForeignKey(OwnObject, models.PROTECT, related_name="+")
    number = models.CharField(_("number"), max_length=200)
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    batch = models.ForeignKey(OwnBatch, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("own record")
        verbose_name_plural = _("own records")
        constraints = [models.UniqueConstraint(fields=["object", "number"], name="own_record_once")]

    def __str__(self) -> str:
        return self.number


class OwnValue(FieldValue):
    """What an own record has in a field now."""

    record = models.ForeignKey(OwnRecord, models.CASCADE, related_name="values", db_index=False)

    class Meta:
        verbose_name = _("value of an own record")
        verbose_name_plural = _("values of own records")
        constraints = [models.UniqueConstraint(fields=["record", "field"], name="own_value_once")]
        indexes = [
            models.Index(fields=["field", "number", "record"], name="own_number"),
            models.Index(fields=["field", "text", "record"], name="own_text"),
            models.Index(fields=["field", "sealed_index"], condition=~models.Q(sealed_index=""), name="own_sealed"),
        ]

    def __str__(self) -> str:
        return f"{self.field_id}: {self.record_id}"


class OwnLink(models.Model):
    """That a record belongs to a customer: by the number minted when it was said, so it follows joins and unmerges."""

    record = models.ForeignKey(OwnRecord, models.CASCADE, related_name="links", db_index=False)
    own_id = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name = _("customer of an own record")
        verbose_name_plural = _("customers of own records")
        constraints = [models.UniqueConstraint(fields=["record", "own_id"], name="own_link_once")]

    def __str__(self) -> str:
        return f"{self.record_id}: {self.own_id}"


class OwnBefore(models.Model):
    """What a record was before a batch changed it, sealed; gone once the batch is undone. made: it was not there at all."""

    batch = models.ForeignKey(OwnBatch, models.CASCADE, related_name="+")
    record = models.ForeignKey(OwnRecord, models.CASCADE, related_name="+")
    made = models.BooleanField(default=False)
    # Which batch had said the last word before; 0: a person.
    said_by = models.BigIntegerField(default=0)
    links = models.JSONField(default=list)
    sealed_under = SealedUnder()
    # By field, the canonical value.
    was = SealedJSON(default=dict)

    class Meta:
        verbose_name = _("earlier state of an own record")
        verbose_name_plural = _("earlier states of own records")
        constraints = [models.UniqueConstraint(fields=["batch", "record"], name="own_before_once")]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.record_id}"
