from functools import cached_property
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenure.contracts.custom import CHOOSING, NUMBERS, TEXTS, Choice, CustomColumn, plain
from tenure.currencies import minor_digits
from tenure.desk.sealed import BlindIndex, SealedText, SealedUnder
from tenure.lake.fields import FIELDS, Field
from tenure.language import Words

TEXT_KEY = 200  # characters of a value that lists are narrowed and ordered by


def whole(text: str) -> str:
    """A value as it is looked for exactly: case and blanks around it do not count."""
    return " ".join(text.casefold().split())


class Worded(models.Model):
    """What the company named itself, in one language or both: where one is missing, the other is shown."""

    name_en = models.CharField(_("name in English"), max_length=120, blank=True)
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True)
    help_en = models.CharField(max_length=300, blank=True)
    help_zh = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.words)

    @property
    def words(self) -> Words:
        return Words(self.name_en or self.name_zh, self.name_zh or self.name_en)

    @property
    def help(self) -> Words:
        return Words(self.help_en or self.help_zh, self.help_zh or self.help_en)


class CustomField(Worded):
    """A field the company added. Its number never changes and is never given again; column `c_<number>` is its alone."""

    contract = models.CharField(_("object"), max_length=60, default="customers")
    kind = models.CharField(_("kind"), max_length=20)
    choices = models.JSONField(_("choices"), default=list)
    # Whoever fills it in may add choices by typing them; such fields are shown as tags.
    grows = models.BooleanField(_("grows"), default=False)
    required = models.BooleanField(_("required"), default=False)
    default = models.TextField(_("default"), blank=True)
    section = models.CharField(_("section"), max_length=60, blank=True)
    place = models.IntegerField(default=0)
    personal = models.BooleanField(_("personal"), default=False)
    # Customers are found by its values: part of a text, a whole number, or the whole of what lies sealed.
    searched = models.BooleanField(_("found by the search"), default=True)
    # Which of the fields that roles hide or mask it belongs to.
    guarded_as = models.CharField(max_length=40, default="extra")
    # Other headers under which files bring it.
    headers = models.JSONField(default=list)
    made_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("custom field")
        verbose_name_plural = _("custom fields")
        ordering = ["contract", "place", "pk"]

    @property
    def code(self) -> str:
        """The name of its column, everywhere."""
        return f"c_{self.pk}"

    @property
    def guard(self) -> Field:
        return FIELDS[self.guarded_as]

    @cached_property
    def options(self) -> tuple[Choice, ...]:
        return tuple(Choice(**one) for one in self.choices)

    @property
    def open_options(self) -> list[Choice]:
        return [one for one in self.options if not one.closed]

    @cached_property
    def column(self) -> CustomColumn:
        """The field as everything below the desk knows it."""
        from tenure.workspace import open_workspace

        names = [self.name_en, self.name_zh, *self.headers]
        return CustomColumn(
            id=self.pk or 0,
            contract=self.contract,
            kind=self.kind,
            en=self.name_en,
            zh=self.name_zh,
            keys=tuple(dict.fromkeys(plain(name) for name in names if name)),
            choices=self.options,
            personal=self.personal,
            field=self.guarded_as,
            digits=minor_digits(open_workspace().currency),
        )

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def is_choosing(self) -> bool:
        return self.kind in CHOOSING

    @property
    def is_text(self) -> bool:
        return self.kind in TEXTS

    @property
    def finds(self) -> bool:
        """Whether the search of customers looks into it."""
        return self.searched and (self.kind == "whole" or (self.is_text and self.kind != "long_text"))

    @property
    def sorts(self) -> bool:
        """Whether a list can be put in its order: nothing sorts by what lies sealed, nor by several values at once."""
        return not self.personal and self.kind not in ("choices", "long_text")


class FieldValue(models.Model):
    """What somebody or something has in a field, with what lists look for: a text or a whole number, each in an index.

    A personal value lies sealed, and is found whole by its digest alone.
    """

    field = models.ForeignKey(CustomField, models.PROTECT, related_name="+")
    value = models.TextField(blank=True)
    text = models.CharField(max_length=TEXT_KEY, blank=True)
    number = models.BigIntegerField(null=True)
    sealed_under = SealedUnder()
    sealed = SealedText(blank=True)
    sealed_index = BlindIndex(of="sealed", normal=whole, db_index=False)

    class Meta:
        abstract = True

    @property
    def kept(self) -> str:
        """The value in its canonical form."""
        return self.sealed or self.value


class CustomValue(FieldValue):
    """What a customer has in a field now."""

    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="custom_values", db_index=False)

    class Meta:
        verbose_name = _("custom value")
        verbose_name_plural = _("custom values")
        constraints = [models.UniqueConstraint(fields=["customer", "field"], name="custom_value_once")]
        indexes = [
            models.Index(fields=["field", "number", "customer"], name="custom_number"),
            models.Index(fields=["field", "text", "customer"], name="custom_text"),
            models.Index(fields=["field", "sealed_index"], condition=~models.Q(sealed_index=""), name="custom_sealed"),
        ]

    def __str__(self) -> str:
        return f"{self.field_id}: {self.customer_id}"


class CustomEdit(models.Model):
    """What somebody said on the desk that a customer has in a field: kept for good, the newest counts.

    own_id: the number minted for the customer number it was said of, so that it goes where that number goes when
    persons are joined and parted. told_at: since when the lake has it; null: it goes there with the next refresh.
    """

    field = models.ForeignKey(CustomField, models.PROTECT, related_name="+")
    own_id = models.BigIntegerField()
    ids_of = models.CharField(max_length=100)
    customer_number = models.CharField(max_length=200)
    # Sealed for the person (governance.personal): they go with the person's key.
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    through = models.CharField(max_length=20, default="page")
    at = models.DateTimeField()
    actor = models.ForeignKey("governance.User", models.PROTECT, null=True, related_name="+")
    told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("change of a custom value")
        verbose_name_plural = _("changes of custom values")
        indexes = [
            models.Index(fields=["own_id", "field", "id"], name="custom_edit_of"),
            models.Index(fields=["id"], condition=models.Q(told_at=None), name="custom_edit_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.field_id}: {self.own_id} @ {self.at:%Y-%m-%d}"


def plain_choices(options: Any) -> list[dict[str, Any]]:
    """Choices as the column keeps them."""
    return [{"code": one.code, "en": one.en, "zh": one.zh, "closed": one.closed} for one in options]
