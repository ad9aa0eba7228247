from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from tenure.desk.customers import names
from tenure.desk.governance.models import PersonMerge
from tenure.desk.sealed import BlindIndex, SealedJSON, SealedText, SealedUnder
from tenure.lake.scope import CUSTOMERS, Scope
from tenure.language import is_chinese

REACHED_BY = ("owner_id", "team_id", "region")  # what of a customer decides who sees it; scores carry the same


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, scope: Scope) -> "CustomerQuerySet":
        """The customers this scope reaches."""
        return self.filter(reach(scope))

    def update(self, **kwargs: Any) -> int:
        """As ever; and where it says whose the customers are, their scores say it too."""
        if not {*REACHED_BY, "owner", "team"} & set(kwargs):
            return super().update(**kwargs)
        with transaction.atomic(using=self.db):
            moved = list(self.values_list("pk", flat=True))
            done = super().update(**kwargs)
            for start in range(0, len(moved), 500):
                say_whose(moved[start : start + 500])
        return done


def say_whose(person_ids: Sequence[int]) -> None:
    """Have the scores of these customers say whose they are, as the customers do."""
    if not person_ids:
        return
    now = Customer.objects.filter(pk=models.OuterRef("customer_id"))
    said = {name: models.Subquery(now.values(name)[:1]) for name in REACHED_BY}
    Score.objects.filter(customer_id__in=person_ids).update(**said)


def reach(scope: Scope, key: str = "person_id") -> models.Q:
    """A scope as a Django Q over customers, or over scores, whose `key` to them is `customer_id`.

    Anything unknown reaches nothing.
    """
    found = _reach(scope.on(CUSTOMERS), key)
    return found & reach(scope.within, key) if scope.within is not None else found


def reach_of_numbers(scope: Scope, kind: str = "") -> models.Q:
    """Rows that name a customer by the number minted for it (`own_id`), whoever it was joined with since.

    kind: a contract; only customers whose records of that kind the scope reaches too.
    """
    people = Customer.objects.visible_to(scope)
    if kind and scope.on(kind) is not scope:
        people = people.filter(reach(scope.on(kind)))
    joined = PersonMerge.objects.filter(person_id__in=people.values("pk"))
    alone = models.Q(own_id__in=people.values("pk")) & ~models.Q(own_id__in=PersonMerge.objects.values("own_id"))
    return alone | models.Q(own_id__in=joined.values("own_id"))


def _reach(scope: Scope, key: str) -> models.Q:
    if scope.reach == "all":
        return models.Q()
    if scope.reach == "own" and scope.user_id is not None:
        return models.Q(owner_id=scope.user_id)
    if scope.reach == "team" and scope.team_ids:
        return models.Q(team_id__in=sorted(scope.team_ids))
    if scope.reach == "region" and scope.regions:
        return models.Q(region__in=sorted(scope.regions))
    if scope.reach == "listed" and scope.persons:
        return models.Q(**{f"{key}__in": sorted(scope.persons)})
    if scope.reach == "segment" and scope.segment is not None:
        return models.Q(**{f"{key}__in": in_segment(scope.segment)})
    return models.Q(pk__in=[])


class Customer(models.Model):
    """The golden customer: who it is and who looks after it. The figures are in `Score`."""

    person_id = models.BigIntegerField(_("person"), primary_key=True)
    customer_id = models.CharField(_("customer number"), max_length=200, blank=True)
    source = models.CharField(_("source"), max_length=100, blank=True)
    also_known_as = models.JSONField(_("also known as"), default=list)
    name = models.CharField(_("name"), max_length=300, blank=True)
    pinyin = models.CharField(max_length=600, blank=True)
    search_text = models.TextField(blank=True)
    kind = models.CharField(_("kind"), max_length=40, blank=True)
    # Phone and e-mail lie sealed; they are found by the digests beside them, which say nothing without the keyring.
    sealed_under = SealedUnder()
    phone = SealedText(_("phone"), max_length=60, blank=True)
    phone_index = BlindIndex(of="phone", normal=names.whole_phone)
    phone_last4 = BlindIndex(of="phone", normal=names.last_four)
    email = SealedText(_("e-mail"), max_length=320, blank=True)
    email_index = BlindIndex(of="email", normal=names.whole_email)
    region = models.CharField(_("region"), max_length=100, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=40, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("owner"), related_name="customers"
    )
    team = models.ForeignKey("governance.Team", models.SET_NULL, null=True, verbose_name=_("team"), related_name="+")
    # Set once somebody assigns the customer on the desk; from then on the records no longer move it.
    assigned_here = models.BooleanField(default=False)
    blocked = models.BooleanField(_("blocked"), default=False)
    created_on = models.DateField(_("customer since"), null=True)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        indexes = [
            models.Index(fields=["customer_id"], name="customer_number"),
            models.Index(fields=["region"], name="customer_region"),
            models.Index(fields=["pinyin", "person_id"], name="customer_pinyin"),
        ]

    def __str__(self) -> str:
        return self.name or self.customer_id or str(self.person_id)

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        say_whose([self.pk])


class Score(models.Model):
    """A customer's figures in one generation: what the refreshes of one day found."""

    generation = models.IntegerField()
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="scores", db_index=False)
    # Whose the customer is, said here too: a list then finds its rows in the index it is sorted by.
    owner_id = models.BigIntegerField(null=True)
    team_id = models.BigIntegerField(null=True)
    region = models.CharField(max_length=100, blank=True)
    first_order_on = models.DateField(_("first order"), null=True)
    last_order_on = models.DateField(_("last order"), null=True)
    recency_days = models.IntegerField(_("recency"), null=True)
    frequency = models.IntegerField(_("frequency"), null=True)
    monetary_base_minor = models.BigIntegerField(_("spent"), null=True)
    r = models.SmallIntegerField(null=True)
    f = models.SmallIntegerField(null=True)
    m = models.SmallIntegerField(null=True)
    rfm_cell = models.CharField(_("RFM cell"), max_length=60, blank=True)
    abc = models.CharField(_("ABC"), max_length=4, blank=True)
    stage = models.CharField(_("stage"), max_length=40, blank=True)
    stage_why_en = models.TextField(blank=True)
    stage_why_zh = models.TextField(blank=True)
    p_alive = models.FloatField(_("still a customer"), null=True)
    value_base_minor = models.BigIntegerField(_("value, next 12 months"), null=True)
    value_decile = models.SmallIntegerField(_("value decile"), null=True)
    churn_probability = models.FloatField(_("churn risk"), null=True)
    risk_band = models.CharField(_("risk band"), max_length=20, blank=True)
    reasons = models.JSONField(_("reasons"), default=list)
    fee_base_minor = models.BigIntegerField(_("monthly fee"), null=True)
    open_cases = models.IntegerField(_("open cases"), null=True)
    last_nps = models.FloatField(_("last score given"), null=True)
    tier = models.CharField(_("tier"), max_length=20, blank=True)
    persona = models.CharField(_("persona"), max_length=20, blank=True)
    sealed_under = SealedUnder()
    extra = SealedJSON(default=dict)
    # Sort keys: what is unknown sorts last, on both databases and along one index, by a value below every real one.
    risk_key = models.FloatField(default=-1)
    value_key = models.BigIntegerField(default=-1)
    spent_key = models.BigIntegerField(default=-(2**62))
    recency_key = models.IntegerField(default=-1)
    at_risk_minor = models.BigIntegerField(_("value at risk"), default=0)  # churn_probability × value
    # A digest of the figures as they were published; null: of before there was any.
    told = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints = [models.UniqueConstraint(fields=["customer", "generation"], name="score_once")]
        indexes = [
            models.Index(
                fields=["generation", "risk_key", "customer", "team_id", "region", "owner_id"], name="score_risk"
            ),
            models.Index(
                fields=["generation", "value_key", "customer", "team_id", "region", "owner_id"], name="score_value"
            ),
            # The list's own order also carries what it is filtered by, so that a filter reads the index, not wide rows.
            models.Index(
                fields=[
                    "generation",
                    "at_risk_minor",
                    "customer",
                    "stage",
                    "risk_band",
                    "rfm_cell",
                    "value_decile",
                    "team_id",
                    "region",
                    "owner_id",
                ],
                name="score_at_risk",
            ),
            # One person's customers are few beside all: found by owner, sorted by whichever key.
            models.Index(
                fields=[
                    "generation",
                    "owner_id",
                    "customer",
                    "at_risk_minor",
                    "risk_key",
                    "value_key",
                    "spent_key",
                    "recency_key",
                ],
                name="score_own",
            ),
            models.Index(
                fields=["generation", "spent_key", "customer", "team_id", "region", "owner_id"], name="score_spent"
            ),
            models.Index(
                fields=["generation", "recency_key", "customer", "team_id", "region", "owner_id"], name="score_recency"
            ),
            models.Index(fields=["generation", "risk_band", "stage"], name="score_bands"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} @ {self.generation}"

    @property
    def stage_why(self) -> str:
        return self.stage_why_zh if is_chinese() else self.stage_why_en


class Publication(models.Model):
    """Which generation the pages show: one row, and the only thing that flips."""

    generation = models.IntegerField()
    previous = models.IntegerField(null=True)
    rows = models.IntegerField()
    # The version of the lake's cards that it shows; a backup takes that very version along. Null: nobody said.
    lake_version = models.BigIntegerField(null=True)
    # A digest of what the customers themselves were published from; empty: not known to be all of them.
    who = models.CharField(max_length=64, blank=True, default="")
    as_of = models.DateTimeField(_("as of"))
    previous_as_of = models.DateTimeField(null=True)
    published_at = models.DateTimeField(_("published"))

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="publication_is_one_row")]

    def __str__(self) -> str:
        return f"{self.generation}, {self.as_of:%Y-%m-%d}"

    @classmethod
    def current(cls) -> "Publication | None":
        return cls.objects.filter(pk=1).first()


class SavedView(models.Model):
    """A customer list somebody wants again: its filters and order, as the page's query string."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(_("name"), max_length=80)
    query = models.CharField(max_length=2000)
    # Of what it is a list: customers, or an own kind of record (`o_3`).
    about = models.CharField(max_length=60, default="customers")
    shared = models.BooleanField(_("shared"), default=False)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "about", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.query = self.query.lstrip("?")
        super().save(*args, **kwargs)


from tenure.desk.customers.archive_models import ArchivedRecord, Archiving  # noqa: E402  one app
from tenure.desk.customers.boards.models import Board, BoardShare, BoardTile  # noqa: E402  one app, all its tables
from tenure.desk.customers.fields.layout_models import FormLayout  # noqa: E402  one app
from tenure.desk.customers.fields.models import CustomEdit, CustomField, CustomValue  # noqa: E402  one app
from tenure.desk.customers.foresight_models import ModelDecision  # noqa: E402  one app, all its tables
from tenure.desk.customers.objects.models import (  # noqa: E402  one app
    OwnBatch,
    OwnBefore,
    OwnLink,
    OwnObject,
    OwnRecord,
    OwnValue,
)
from tenure.desk.customers.pack_models import PracticeVersion  # noqa: E402  one app, all its tables
from tenure.desk.customers.person_models import IdentityDecision, Relation  # noqa: E402  one app, all its tables
from tenure.desk.customers.segments.models import (  # noqa: E402
    Segment,
    SegmentChange,
    SegmentMember,
    SegmentVersion,
    in_segment,
)
from tenure.desk.customers.tier_models import Cover, TierRule  # noqa: E402  one app, all its tables

__all__ = [
    "REACHED_BY", "ArchivedRecord", "Archiving", "Board", "BoardShare", "BoardTile", "Cover", "CustomEdit",
    "CustomField", "CustomValue", "Customer", "CustomerQuerySet", "FormLayout", "IdentityDecision", "ModelDecision", "OwnBatch",
    "OwnBefore", "OwnLink", "OwnObject", "OwnRecord", "OwnValue", "PracticeVersion", "Publication", "Relation",
    "SavedView", "Score", "Segment", "SegmentChange", "SegmentMember", "SegmentVersion", "TierRule", "reach",
    "say_whose",
]  # fmt: skip
