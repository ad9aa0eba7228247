from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.desk.customers.models import reach_of_numbers
from tenure.lake.scope import Scope

# Kinds of records whose text may name a competitor.
RECORDS = ("subscriptions", "survey_responses", "cases", "interactions")


class Competitor(models.Model):
    """A company that customers leave for. aliases: what people call it, in any language, one each."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    aliases = models.JSONField(_("also called"), default=list)
    offers = models.TextField(_("what they offer"), blank=True)
    prices = models.TextField(_("price points"), blank=True)
    strengths = models.TextField(_("strengths"), blank=True)
    website = models.CharField(_("website"), max_length=200, blank=True)
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("competitor")
        verbose_name_plural = _("competitors")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def called(self) -> list[str]:
        """Every name it goes by."""
        return [self.name, *self.aliases]


class Move(models.Model):
    """Something a competitor did on a day: an offer, a price, an opening. It is struck, never changed."""

    class Kind(models.TextChoices):
        OFFER = "offer", _("Offer")
        PRICE = "price", _("Price change")
        PRODUCT = "product", _("Product or service")
        CAMPAIGN = "campaign", _("Campaign")
        OPENING = "opening", _("Opening or closing")
        OTHER = "other", _("Other")

    competitor = models.ForeignKey(Competitor, models.CASCADE, related_name="moves")
    on = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    title = models.CharField(_("what they did"), max_length=200)
    detail = models.TextField(_("detail"), blank=True)
    source = models.CharField(_("where it was seen"), max_length=200, blank=True)
    # Codes of whom it aims at: `region:浙江`, `tier:core`, or a segment's number as `in:4`.
    aims_at = models.JSONField(_("aims at"), default=list)
    noticed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("noticed by"), related_name="+"
    )
    noted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("move of a competitor")
        verbose_name_plural = _("moves of competitors")
        ordering = ["-on", "-pk"]

    def __str__(self) -> str:
        return f"{self.on} {self.title}"


class LossQuerySet(models.QuerySet["Loss"]):
    def visible_to(self, scope: Scope) -> "LossQuerySet":
        """Those of customers this scope reaches, found in records of a kind that it reaches of them."""
        found = reach_of_numbers(scope)
        for kind in RECORDS:
            if scope.on(kind) is not scope:
                found &= ~models.Q(found_in=kind) | reach_of_numbers(scope, kind)
        return self.filter(found)


class Loss(models.Model):
    """What people decided about a customer and a competitor: it left for them, or it did not.

    own_id is the number minted for the customer when it was said, so it goes along when two customers are joined.
    found_in and record say which record named the competitor; "said" where nobody but the person who says so did.
    """

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed", _("Left for them")
        DENIED = "denied", _("Did not")

    competitor = models.ForeignKey(Competitor, models.CASCADE, related_name="losses")
    own_id = models.BigIntegerField(db_index=True)
    on = models.DateField(_("day"))
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    found_in = models.CharField(max_length=30)
    record = models.CharField(max_length=200)
    # Sealed under the key of the customer.
    note = models.TextField(_("note"), blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField()

    objects = LossQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer lost to a competitor")
        verbose_name_plural = _("customers lost to competitors")
        ordering = ["-on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["competitor", "own_id", "found_in", "record"], name="loss_once"),
            models.CheckConstraint(
                condition=models.Q(verdict__in=["confirmed", "denied"]), name="loss_verdict_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.own_id} → {self.competitor_id}"
