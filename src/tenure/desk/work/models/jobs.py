"""A long piece of work, as a row that any worker may take up where another left it."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models import User
from tenure.language import Words

if TYPE_CHECKING:
    from datetime import datetime


class JobQuerySet(models.QuerySet["Job"]):
    def alive(self) -> "JobQuerySet":
        """Neither finished nor given up."""
        return self.filter(status__in=(Job.Status.WAITING, Job.Status.RUNNING))

    def free(self, now: "datetime") -> "JobQuerySet":
        """What a worker may take: waiting, or left behind by a worker that is heard of no more."""
        return self.filter(
            models.Q(status=Job.Status.WAITING) | models.Q(status=Job.Status.RUNNING, lease_until__lt=now)
        )


class Job(models.Model):
    """One long piece of work.

    params: what it was asked to do. state: how far it is, kept by the run itself and given back to it after a kill.
    step, error: sentences in both languages, {"en": …, "zh": …}. lease_holder: the claim that may write to this row;
    one whose lease has ended writes nothing more. tries: claims since something was last kept.
    once: at most one job alive has this mark; empty is no mark. language: what the asker reads.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Under way")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    kind = models.CharField(_("kind"), max_length=40)
    params = models.JSONField(default=dict)
    state = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    step = models.JSONField(_("step"), default=dict)
    done = models.BigIntegerField(_("done"), default=0)
    total = models.BigIntegerField(_("total"), default=0)
    status = models.CharField(_("state"), max_length=10, choices=Status.choices, default=Status.WAITING)
    error = models.JSONField(_("error"), default=dict)
    once = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("asked by"), related_name="+")
    asked_at = models.DateTimeField(_("asked"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    stop_asked_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(_("last heard of"), null=True)
    lease_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=120, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["status", "id"], name="job_by_status")]
        constraints = [
            models.UniqueConstraint(
                fields=["once"], condition=~models.Q(once="") & models.Q(status__in=["waiting", "running"]),
                name="job_once_while_alive",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def alive(self) -> bool:
        return self.status in (self.Status.WAITING, self.Status.RUNNING)

    @property
    def step_words(self) -> str:
        return _said(self.step)

    @property
    def error_words(self) -> str:
        return _said(self.error)

    @property
    def percent(self) -> int | None:
        """How far it is, where that can be told."""
        return min(100, 100 * self.done // self.total) if self.total else None


def _said(kept: dict[str, Any]) -> str:
    return str(Words(kept.get("en", ""), kept.get("zh", "")))
