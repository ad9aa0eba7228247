from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance.models.accounts import User
from tenure.desk.governance.models.audit import AppendOnly, AppendOnlyQuerySet


class ConsentQuerySet(AppendOnlyQuerySet["ConsentEntry"]):
    def of(self, person_id: int) -> "ConsentQuerySet":
        """What this person said, under every number that is the same person now."""
        merged = PersonMerge.objects.filter(person_id=person_id).values("own_id")
        return self.filter(models.Q(person_id=person_id) | models.Q(person_id__in=merged))


class ConsentEntry(AppendOnly):
    """What a person agreed to, refused or withdrew, and how we know. Added to, never changed: the newest counts."""

    person_id = models.BigIntegerField(_("person"))
    purpose = models.CharField(_("purpose"), max_length=40)
    # Empty where the entry is about the purpose as a whole.
    channel = models.CharField(_("channel"), max_length=40, blank=True)
    state = models.CharField(_("state"), max_length=20)
    # Sealed under the person's own key: where that is destroyed, the entry stays and its evidence is unreadable.
    evidence = models.TextField(_("evidence"), blank=True)
    source = models.CharField(_("source"), max_length=60)
    at = models.DateTimeField(_("at"))
    recorded_at = models.DateTimeField(_("recorded"))
    expires_at = models.DateTimeField(_("runs out"), null=True)
    actor = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("actor"), related_name="+")

    objects = ConsentQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["person_id", "purpose", "channel", "at"], name="consent_standing")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["given", "refused", "withdrawn"]), name="consent_state_is_known"
            ),
            # Only a yes can run out: a no that did would turn into a yes by silence.
            models.CheckConstraint(
                condition=models.Q(state="given") | models.Q(expires_at__isnull=True), name="consent_only_a_yes_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.purpose} {self.channel} {self.state}"


class PersonMerge(models.Model):
    """A number minted for a person who turned out to be somebody we knew already; kept as the lake last said."""

    own_id = models.BigIntegerField(primary_key=True)
    person_id = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name = _("merged person")
        verbose_name_plural = _("merged persons")

    def __str__(self) -> str:
        return f"{self.own_id} → {self.person_id}"


class PreferenceLink(models.Model):
    """A link that lets one person see and change their consents without signing in, until it ends or is revoked."""

    nonce = models.CharField(max_length=43, unique=True)
    person_id = models.BigIntegerField(_("person"), db_index=True)
    issued_at = models.DateTimeField(_("issued"))
    expires_at = models.DateTimeField(_("runs out"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    issued_by = models.ForeignKey(User, models.PROTECT, null=True, verbose_name=_("issued by"), related_name="+")

    class Meta:
        verbose_name = _("preference link")
        verbose_name_plural = _("preference links")
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return f"{self.person_id} {self.issued_at:%Y-%m-%d}"
