from django.db import models
from django.utils.translation import gettext_lazy as _


class FormLayout(models.Model):
    """How a form is laid out for one kind of customer, or (empty) for every kind that has none of its own.

    sections: in order, each `{"name", "fields": [{"field": "c_7", "required": true}]}`. facts: what every customer has,
    in the order shown. hidden: fields and facts left out. A field in none of them follows at the end, so that a new one
    is there at once.
    """

    contract = models.CharField(_("object"), max_length=60, default="customers")
    audience = models.CharField(_("kind of customer"), max_length=40, blank=True)
    sections = models.JSONField(default=list)
    facts = models.JSONField(default=list)
    hidden = models.JSONField(default=list)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("form layout")
        verbose_name_plural = _("form layouts")
        ordering = ["contract", "audience"]
        constraints = [models.UniqueConstraint(fields=["contract", "audience"], name="layout_once")]

    def __str__(self) -> str:
        return f"{self.contract} {self.audience}"
