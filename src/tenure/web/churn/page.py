"""The workspace Churn: who is about to leave, why, when and at what cost, part by part."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from tenure.web import parts
from tenure.web.churn.competitors import competitors
from tenure.web.churn.model import model
from tenure.web.churn.survival import survival
from tenure.web.parts import Part, plain

PARTS: dict[str, Part] = {
    "model": Part(gettext_lazy("Churn model"), plain(model)),
    "competitors": Part(gettext_lazy("Competitors"), plain(competitors)),
    "survival": Part(gettext_lazy("Survival"), survival),
}


@require_safe
def page(request: HttpRequest, part: str = "model") -> HttpResponse:
    """One part of Churn, over the customers the asker may see."""
    return parts.page(request, "churn", _("Churn"), PARTS, part)
