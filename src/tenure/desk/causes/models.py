from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.customers.models import reach_of_numbers
from tenure.insight.causes.tree import BY_CODE
from tenure.lake.scope import Scope
from tenure.language import Words


class KeptCause(models.Model):
    """A cause as the company keeps it: one of its own, or a usual one it changed. The usual ones need no row.

    Never deleted: statements name it by its code. A retired one is offered no more.
    """

    code = models.CharField(max_length=60, unique=True)
    name_en = models.CharField(_("name in English"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80)
    parent = models.CharField(_("branch"), max_length=60, blank=True)
    control = models.CharField(max_length=20)
    side = models.CharField(max_length=20)
    nature = models.CharField(max_length=20)
    vague = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        verbose_name = _("cause of leaving")
        verbose_name_plural = _("causes of leaving")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(parent=models.F("code")), name="cause_not_its_own_branch"),
        ]

    def __str__(self) -> str:
        return str(Words(self.name_en, self.name_zh))

    @property
    def usual(self) -> bool:
        return self.code in BY_CODE


class CameFrom(models.TextChoices):
    EXIT_SURVEY = "exit_survey", _("Exit survey")
    CANCELLATION = "cancellation", _("Cancellation")
    COMPLAINT = "complaint", _("Complaint")
    CALL_NOTE = "call_note", _("Call note")
    STAFF_INTERVIEW = "staff_interview", _("Staff interview")
    NOTE = "note", _("Own note")


# Records a statement was made from: whoever may not see those of a customer does not see it either.
RECORDS = {
    CameFrom.EXIT_SURVEY: "survey_responses",
    CameFrom.CANCELLATION: "subscriptions",
    CameFrom.COMPLAINT: "cases",
    CameFrom.CALL_NOTE: "interactions",
    CameFrom.STAFF_INTERVIEW: "survey_responses",
}


class StatementQuerySet(models.QuerySet["Statement"]):
    def standing(self) -> "StatementQuerySet":
        """Those whose record is still there, or that were never a record."""
        return self.filter(withdrawn_at=None)

    def visible_to(self, scope: Scope) -> "StatementQuerySet":
        """What was said by customers this scope reaches, and in records of a kind that it reaches of them."""
        found = reach_of_numbers(scope)
        for came_from, kind in RECORDS.items():
            if scope.on(kind) is not scope:
                mine = models.Q(came_from=came_from)
                if came_from == CameFrom.STAFF_INTERVIEW:  # as a rule written down here, of no record
                    mine &= models.Q(record_key__isnull=False)
                found &= ~mine | reach_of_numbers(scope, kind)
        return self.standing().filter(found)


class Statement(models.Model):
    """What a leaver, or one of us who spoke with them, said of why: as it was said, and what it was taken to mean.

    own_id: the number minted for the customer when it was said, so it goes along when two are joined, and comes back
    when they part.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("to be reviewed")
        CONFIRMED = "confirmed", _("confirmed")
        CANT_TELL = "cant_tell", _("can't tell")

    own_id = models.BigIntegerField(db_index=True)
    said_at = models.DateTimeField(_("said on"))
    came_from = models.CharField(_("source"), max_length=20, choices=CameFrom.choices)
    # A digest of the record's key; null where somebody wrote it down here.
    record_key = models.CharField(max_length=32, null=True, unique=True)  # noqa: DJ001  many have none
    # Sealed under the customer's own key.
    text = models.TextField(_("text"), blank=True)
    competitor = models.CharField(_("competitor"), max_length=80, blank=True)
    # The day the customer left; null: has not, or nobody knows when.
    left_on = models.DateField(_("left on"), null=True)
    suggested = models.CharField(max_length=60, blank=True)
    confidence = models.FloatField(default=0)
    suggested_by = models.CharField(max_length=10, blank=True)
    # Words of the lists it was suggested by; they may repeat what the customer wrote, so they lie sealed as well.
    went_by = models.TextField(blank=True)
    # Which suggester looked at it last.
    looked_with = models.CharField(max_length=16, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    confirmed = models.CharField(max_length=60, blank=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("written down by"), related_name="+"
    )
    made_at = models.DateTimeField()
    # Its record is no longer there; what people confirmed is kept, and comes back with the record.
    withdrawn_at = models.DateTimeField(null=True)
    # Grows with each change: two people who review at once are told apart by it.
    version = models.IntegerField(default=1)

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        ordering = ["-said_at", "-pk"]
        indexes = [
            models.Index(fields=["state", "-said_at"], name="statement_queue"),
            models.Index(fields=["left_on"], name="statement_left"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(state="confirmed") & ~models.Q(confirmed=""))
                | (~models.Q(state="confirmed") & models.Q(confirmed="")),
                name="statement_confirmed_has_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.own_id} {self.came_from}"

    @property
    def cause(self) -> str:
        """What it counts under: what people confirmed, else what was suggested; nothing where it can't be told."""
        if self.state == self.State.CONFIRMED:
            return self.confirmed
        return self.suggested if self.state == self.State.WAITING else ""


class Idea(models.Model):
    """Something that could be done about a cause, and what became of it."""

    class State(models.TextChoices):
        OPEN = "open", _("under discussion")
        DECIDED = "decided", _("decision taken")
        DONE = "done", _("carried out")
        DROPPED = "dropped", _("dropped")

    cause = models.CharField(max_length=60, db_index=True)
    text = models.TextField(_("idea"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decision = models.TextField(_("what was decided"), blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    due = models.DateField(_("by when"), null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("idea")
        verbose_name_plural = _("ideas")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class IdeaComment(models.Model):
    idea = models.ForeignKey(Idea, models.CASCADE, related_name="comments")
    text = models.TextField(_("comment"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]


class IdeaVote(models.Model):
    idea = models.ForeignKey(Idea, models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        constraints = [models.UniqueConstraint(fields=["idea", "user"], name="idea_vote_once")]

    def __str__(self) -> str:
        return f"{self.idea_id}: {self.user_id}"


class Mention(models.Model):
    """A notice that somebody is called in to the discussion of a cause. It holds no text: that is read where it stands."""

    class Why(models.TextChoices):
        IDEA = "idea", _("in an idea")
        COMMENT = "comment", _("in a comment")
        DECISION = "decision", _("to see to a decision")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    idea = models.ForeignKey(Idea, models.CASCADE, related_name="mentions")
    comment = models.ForeignKey(IdeaComment, models.CASCADE, null=True, related_name="mentions")
    why = models.CharField(max_length=10, choices=Why.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [models.Index(fields=["user", "read_at", "-at"], name="mention_of_user")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.idea_id}"

    @property
    def said(self) -> str:
        """The text that calls, as it stands now."""
        if self.comment is not None:
            return self.comment.text
        return self.idea.decision if self.why == self.Why.DECISION else self.idea.text

    @property
    def to_do(self) -> bool:
        """Whether it is a decision that waits for whoever is told of it."""
        return (
            self.why == self.Why.DECISION
            and self.idea.owner_id == self.user_id
            and self.idea.state == Idea.State.DECIDED
        )
