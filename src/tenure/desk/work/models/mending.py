"""How misspelt values are to be read."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Corrections(models.Model):
    """What is mended in the records of one kind that one source sends, by file or by feed. pairs: column → {misspelt: meant}."""

    source = models.CharField(_("source"), max_length=60)
    contract = models.CharField(_("records"), max_length=60)
    pairs = models.JSONField(default=dict)

    objects: "models.Manager[Corrections]" = models.Manager()

    class Meta:
        verbose_name = _("corrections")
        verbose_name_plural = _("corrections")
        constraints = [models.UniqueConstraint(fields=["source", "contract"], name="corrections_of_source")]

    def __str__(self) -> str:
        return f"{self.source}: {self.contract}"

    @classmethod
    def of(cls, source: str, contract: str) -> dict[str, dict[str, str]]:
        """What is agreed of a source's records; empty where nothing is."""
        found: dict[str, dict[str, str]] | None = (
            cls.objects.filter(source=source, contract=contract).values_list("pairs", flat=True).first()
        )
        return found or {}
