from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ModelDecision(models.Model):
    """One decision of a person about the churn models. Added, never changed; the newest of its kind counts.

    definition, model_version: which version of which definition is to be champion. policy: how models are kept.
    """

    class Deed(models.TextChoices):
        POLICY = "policy", _("set how models are kept")
        LEARN = "learn", _("asked for a new model")
        PROMOTED = "promoted", _("made champion")
        ROLLED_BACK = "rolled_back", _("gone back to")

    number = models.IntegerField(_("number"), unique=True)
    deed = models.CharField(_("deed"), max_length=20, choices=Deed.choices)
    definition = models.CharField(_("definition"), max_length=80, blank=True)
    model_version = models.IntegerField(_("version"), null=True)
    policy = models.JSONField(_("policy"), default=dict)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("by"), related_name="+"
    )
    made_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("decision about models")
        verbose_name_plural = _("decisions about models")
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number}, {self.get_deed_display()}"
