"""Where records come from by themselves: databases pulled and folders watched, each run accounted for."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models import User
from tenure.desk.sealed import SealedJSON, SealedText, SealedUnder
from tenure.desk.work.models.mending import Corrections
from tenure.language import Words

if TYPE_CHECKING:
    from datetime import datetime


class Migration(models.Model):
    """The move away from another system: its feeds go together, are compared together and rolled back together.

    compared: what the newest comparison counted, feed by feed; never a value of a record.
    """

    class State(models.TextChoices):
        MOVING = "moving", _("Under way")
        ROLLED_BACK = "rolled_back", _("Rolled back")
        DONE = "done", _("Done")

    name = models.CharField(_("name"), max_length=80, unique=True)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.MOVING)
    compared = models.JSONField(default=dict)
    compared_at = models.DateTimeField(_("compared"), null=True)
    made_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("begun by"), related_name="+")
    made_at = models.DateTimeField(_("begun"))

    objects: "models.Manager[Migration]" = models.Manager()

    class Meta:
        verbose_name = _("migration")
        verbose_name_plural = _("migrations")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name


class FeedQuerySet(models.QuerySet["Feed"]):
    def kept(self) -> "FeedQuerySet":
        """Those that were not removed."""
        return self.filter(removed_at__isnull=True)

    def due(self, now: "datetime") -> "FeedQuerySet":
        """Those the clock says to run."""
        return self.kept().filter(state=Feed.State.ON, next_at__lte=now)


class Feed(models.Model):
    """One table, query or folder that records are brought in from, again and again.

    dsn: the database's address with its password. folder: watched on the server's own disk; move: taken files go to its
    folder `done`. table, query: one of the two. ranges: [column, order, at least, below], the slice this feed reads.
    mapping: column → field. suspects: what the last look found
    misspelt. zone: of times without one; "" is the workspace's.
    watermark, overlap: see `sources.pulling`. known: what the last run left for the next. looked: file → what its last
    look found. Schedule: every_minutes, or daily_at (HH:MM in the workspace's zone), or neither: by hand.
    """

    class Kind(models.TextChoices):
        DATABASE = "database", _("Database")
        FOLDER = "folder", _("Folder")

    class State(models.TextChoices):
        ON = "on", _("Switched on")
        PAUSED = "paused", _("Paused")

    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    source = models.CharField(_("source"), max_length=60)
    contract = models.CharField(_("records"), max_length=60)
    sealed_under = SealedUnder()
    dsn = SealedText(_("address"), blank=True)
    address = models.CharField(_("address"), max_length=300, blank=True)
    table = models.CharField(_("table"), max_length=200, blank=True)
    query = models.TextField(_("query"), blank=True)
    ranges = models.JSONField(default=list)
    folder = models.CharField(_("folder"), max_length=500, blank=True)
    move = models.BooleanField(_("move files that were taken"), default=False)
    mapping = models.JSONField(default=dict)
    suspects = models.JSONField(default=list)
    zone = models.CharField(_("time zone"), max_length=60, blank=True)
    ids_of = models.CharField(_("numbering of"), max_length=60, blank=True)
    watermark = models.CharField(_("watermark"), max_length=200, blank=True)
    overlap = models.PositiveIntegerField(_("overlap"), default=3600)
    known = SealedJSON(default=dict)
    looked = models.JSONField(default=dict)
    every_minutes = models.PositiveIntegerField(_("every (minutes)"), null=True)
    daily_at = models.CharField(_("daily at"), max_length=5, blank=True)
    next_at = models.DateTimeField(_("next run"), null=True, db_index=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ON)
    migration = models.ForeignKey(Migration, models.PROTECT, null=True, related_name="feeds")
    made_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("made by"), related_name="+")
    made_at = models.DateTimeField(_("made"))
    removed_at = models.DateTimeField(null=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        verbose_name = _("feed")
        verbose_name_plural = _("feeds")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(removed_at__isnull=True), name="feed_name_while_kept"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def corrections(self) -> dict[str, dict[str, str]]:
        """What is mended in the rows: column → {misspelt: meant}, as agreed for this source's records."""
        return Corrections.of(self.source, self.contract)

    @property
    def where(self) -> str:
        """What it reads, as told to people; no password."""
        return self.folder or f"{self.address} · {self.table or _('query')}"


class FeedRun(models.Model):
    """One run of a feed, or one file of it: what came, which batch it is, or why nothing came.

    from_mark: how far the feed had come before, [column, order, value]. leaves: what it leaves for the next run once
    its batch, told by its fingerprint, is known to be committed. error: in both languages.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        NOTHING = "nothing", _("Nothing new")
        FAILED = "failed", _("Failed")
        UNDONE = "undone", _("Undone")

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="runs")
    job = models.BigIntegerField(null=True)
    file = models.CharField(_("file"), max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField(_("started"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    fingerprint = models.CharField(max_length=64, blank=True, db_index=True)
    batch = models.CharField(_("batch"), max_length=120, blank=True)
    read = models.BigIntegerField(_("read"), default=0)
    known = models.BigIntegerField(_("received before"), default=0)
    accepted = models.BigIntegerField(_("taken"), default=0)
    rejected = models.BigIntegerField(_("rejected"), default=0)
    from_mark = models.JSONField(null=True)
    sealed_under = SealedUnder()
    leaves = SealedJSON(default=dict)
    error = models.JSONField(_("error"), default=dict)

    objects: "models.Manager[FeedRun]" = models.Manager()

    class Meta:
        verbose_name = _("run of a feed")
        verbose_name_plural = _("runs of feeds")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.feed} {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def why(self) -> str:
        """The error in the reader's language."""
        kept: dict[str, Any] = self.error
        return str(Words(kept.get("en", ""), kept.get("zh", "")))
