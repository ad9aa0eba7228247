from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models.accounts import User


class SubjectRequest(models.Model):
    """What a person asked of us about their own data, by when it is due, and how far it has come.

    steps: name → {"at": ISO instant, "counts": {what: how many}} of each step that is finished; a step that is not in
    it has not been finished, whatever became of the process that was at it.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Waiting")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        LAPSED = "lapsed", _("Lapsed")  # the person was erased before it was answered

    kind = models.CharField(_("kind"), max_length=20)
    person_id = models.BigIntegerField(_("person"), db_index=True)
    state = models.CharField(_("state"), max_length=20, choices=State.choices, default=State.OPEN)
    received_at = models.DateTimeField(_("received"))
    due_on = models.DateField(_("due"))
    note = models.TextField(_("note"), blank=True)  # sealed under the person's key
    started_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(_("done"), null=True)
    opened_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("opened by"), related_name="+")
    done_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("done by"), related_name="+")
    steps = models.JSONField(default=dict)
    # What has to be found, sealed under a key of the request's own, which goes with the last step.
    wanted = models.TextField(blank=True)
    # Who this is about, for answering after the person is gone: every number minted for them.
    own_ids = models.JSONField(default=list)
    certificate = models.JSONField(null=True)

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["export", "correct", "erase", "anonymise"]), name="request_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.person_id}"

    def finished(self, step: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.steps.get(step)
        return found


class ErasedPerson(models.Model):
    """A number that was minted for a person who is gone: never shown, contacted or linked again."""

    own_id = models.BigIntegerField(primary_key=True)
    request = models.ForeignKey(SubjectRequest, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("erased person")
        verbose_name_plural = _("erased persons")

    def __str__(self) -> str:
        return str(self.own_id)


class Retention(models.Model):
    """How long the records of one contract are kept, and what becomes of them then."""

    contract = models.CharField(_("records"), max_length=60, unique=True)
    months = models.PositiveIntegerField(_("months"))
    what = models.CharField(
        _("then"), max_length=20, choices=[("delete", _("Delete")), ("anonymise", _("Make anonymous"))]
    )
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retention")
        ordering = ["contract"]

    def __str__(self) -> str:
        return f"{self.contract} {self.months}"
