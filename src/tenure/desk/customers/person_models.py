"""What people said about who is who, and who belongs to whom."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class DecisionQuerySet(models.QuerySet["IdentityDecision"]):
    def standing(self) -> "DecisionQuerySet":
        """What counts now: neither taken back nor replaced by something newer."""
        return self.filter(withdrawn_at__isnull=True, superseded_by="")


class IdentityDecision(models.Model):
    """What somebody decided about two customer numbers. Never changed but for what became of it; the newest counts.

    It names the numbers as their sources do, so it outlives every import, undo and refresh. One deed may be several
    rows: taking two numbers out of three keeps several pairs apart.
    """

    class Kind(models.TextChoices):
        JOIN = "join", _("same person")
        APART = "apart", _("different people")
        UNMERGE = "unmerge", _("taken out")

    deed = models.CharField(max_length=32, db_index=True)
    kind = models.CharField(_("decision"), max_length=10, choices=Kind.choices)
    verdict = models.CharField(max_length=10)  # join or apart: what it says of this pair
    left_ids_of = models.CharField(max_length=100)
    left_customer_id = models.CharField(max_length=200)
    left_own = models.BigIntegerField(db_index=True)
    right_ids_of = models.CharField(max_length=100)
    right_customer_id = models.CharField(max_length=200)
    right_own = models.BigIntegerField(db_index=True)
    # Sealed under the key of the first number's person.
    note = models.TextField(_("note"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("decided by"), related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"))
    superseded_by = models.CharField(max_length=32, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(_("taken back"), null=True)
    # When the lake and the cards followed. Null: not yet, or not since it was taken back.
    settled_at = models.DateTimeField(null=True, db_index=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("identity decision")
        verbose_name_plural = _("identity decisions")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(verdict__in=["join", "apart"]), name="decision_verdict_is_known"),
            models.CheckConstraint(condition=models.Q(left_own__lt=models.F("right_own")), name="decision_is_ordered"),
        ]

    def __str__(self) -> str:
        return f"{self.left_own} {self.verdict} {self.right_own}"

    @property
    def pair(self) -> tuple[int, int]:
        return self.left_own, self.right_own


class Relation(models.Model):
    """Who belongs to whom: `from` is a branch, an employee, a member of the household … of `to`.

    The ends are numbers minted for the two when it was said, so it goes along when either is joined with somebody
    else, and comes back when they part.
    """

    from_own = models.BigIntegerField(db_index=True)
    to_own = models.BigIntegerField(db_index=True)
    kind = models.CharField(_("kind"), max_length=30)
    # What it is called, where none of the known kinds fits.
    called = models.CharField(_("called"), max_length=60, blank=True)
    since = models.DateField(_("since"), null=True)
    until = models.DateField(_("until"), null=True)
    source = models.CharField(_("source"), max_length=60)
    # It came with a file: it goes when that is undone, and follows what its source says.
    imported = models.BooleanField(default=False)
    # An imported one that somebody took off here: it stays off, whatever its source goes on to say.
    dropped_at = models.DateTimeField(null=True)
    # Sealed under the key of the first person.
    note = models.TextField(_("note"), blank=True)
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("said by"), related_name="+"
    )
    said_at = models.DateTimeField(_("said"))

    class Meta:
        verbose_name = _("relation")
        verbose_name_plural = _("relations")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["from_own", "to_own", "kind", "called"], name="relation_once"),
            models.CheckConstraint(condition=~models.Q(from_own=models.F("to_own")), name="relation_of_two"),
            models.CheckConstraint(
                condition=models.Q(until__isnull=True)
                | models.Q(since__isnull=True)
                | models.Q(until__gte=models.F("since")),
                name="relation_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_own} {self.kind} {self.to_own}"
