from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.lake.scope import Scope


class SegmentQuerySet(models.QuerySet["Segment"]):
    def open_to(self, scope: Scope) -> "SegmentQuerySet":
        """One's own, those shared with the own team, and those shared with everyone; put away ones are nobody's."""
        mine = models.Q(owner_id=scope.user_id) if scope.user_id is not None else models.Q(pk__in=[])
        team = models.Q(shared="team", team_id__in=sorted(scope.team_ids))
        return self.filter(mine | team | models.Q(shared="all"), archived_at=None)


class Segment(models.Model):
    """A named group of customers: whoever a definition holds for, or a list taken once and kept."""

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic", _("Kept up to date")
        STATIC = "static", _("Fixed list")

    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.DYNAMIC)
    # See `definition`; of a fixed list what it was once taken from, {} where that was no definition.
    definition = models.JSONField(default=dict)
    version = models.IntegerField(default=1)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    shared = models.CharField(
        _("shared with"), max_length=10, blank=True, choices=[("team", _("the team")), ("all", _("everyone"))]
    )
    team = models.ForeignKey("governance.Team", models.SET_NULL, null=True, related_name="+")
    # Membership: how many are in it, of which day's figures, and which version they were worked out by.
    people = models.IntegerField(null=True)
    as_of = models.DateTimeField(null=True)
    worked_out_at = models.DateTimeField(null=True)
    worked_out_by = models.IntegerField(null=True)
    made_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_static(self) -> bool:
        return self.kind == self.Kind.STATIC


class SegmentVersion(models.Model):
    """What a segment was from some moment on: never changed, the highest number counts."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="versions")
    number = models.IntegerField()
    name = models.CharField(max_length=120)
    definition = models.JSONField(default=dict)
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("version of a segment")
        verbose_name_plural = _("versions of segments")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["segment", "number"], name="segment_version_once")]

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.number}"


class SegmentChange(models.Model):
    """Some customers came into a segment, or left it, in one write. told_at: since when its followers know."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="changes")
    entered = models.BooleanField()
    people = models.IntegerField()
    # With the first membership everybody enters, who was in it all along as well.
    first = models.BooleanField(default=False)
    at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("change of a segment")
        verbose_name_plural = _("changes of segments")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["segment", "at"], name="segment_change_of"),
            models.Index(fields=["id"], condition=models.Q(told_at=None), name="segment_change_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.segment_id} {'+' if self.entered else '-'}{self.people}"


class SegmentMember(models.Model):
    """One customer's stay in a segment, from entering to leaving; left_at null: in it now.

    entered_with, left_with: the changes it is part of; whom a change is about is told by these rows alone.
    """

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members", db_index=False)
    person_id = models.BigIntegerField()
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    entered_with = models.ForeignKey(SegmentChange, models.CASCADE, related_name="+")
    left_with = models.ForeignKey(SegmentChange, models.CASCADE, null=True, related_name="+")

    class Meta:
        verbose_name = _("member of a segment")
        verbose_name_plural = _("members of segments")
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "person_id"], condition=models.Q(left_at=None), name="segment_member_once"
            )
        ]
        indexes = [models.Index(fields=["person_id", "segment"], name="segment_member_person")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.person_id}"


def in_segment(pk: int) -> models.QuerySet[SegmentMember, Any]:
    """The ids of those who are in it now."""
    return SegmentMember.objects.filter(segment_id=pk, left_at=None).values("person_id")
