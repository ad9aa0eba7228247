"""The workspace Insight: what the records say of customers, part by part."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from tenure.web import parts
from tenure.web.insight.bridge import bridge
from tenure.web.insight.campaigns import campaigns
from tenure.web.insight.cohorts import cohorts
from tenure.web.insight.forecast import forecast
from tenure.web.insight.funnel import funnel
from tenure.web.insight.personas import personas
from tenure.web.insight.segments import segments
from tenure.web.insight.stages import stages
from tenure.web.insight.tiers import tiers
from tenure.web.insight.value import value
from tenure.web.parts import Part, plain

PARTS: dict[str, Part] = {
    "segments": Part(gettext_lazy("RFM"), plain(segments)),
    "stages": Part(gettext_lazy("Life cycle"), plain(stages)),
    "tiers": Part(gettext_lazy("Tiers"), plain(tiers), of_money=True),
    "personas": Part(gettext_lazy("Personas"), plain(personas), of_money=True),
    "value": Part(gettext_lazy("Value"), plain(value), of_money=True),
    "cohorts": Part(gettext_lazy("Cohorts"), cohorts),
    "bridge": Part(gettext_lazy("Bridge"), bridge, of_money=True),
    "funnel": Part(gettext_lazy("Funnel"), funnel),
    "forecast": Part(gettext_lazy("Forecast"), forecast),
    "campaigns": Part(gettext_lazy("Campaigns"), plain(campaigns)),
}


@require_safe
def page(request: HttpRequest, part: str = "segments") -> HttpResponse:
    """One part of Insight, over the customers the asker may see."""
    return parts.page(request, "insight", _("Insight"), PARTS, part)
