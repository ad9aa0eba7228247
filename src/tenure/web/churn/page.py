"""The workspace Churn: who is about to leave, why, when and at what cost, part by part."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from tenure.desk.governance.api import may
from tenure.web import parts
from tenure.web.causes.part import causes
from tenure.web.churn.competitors import competitors
from tenure.web.churn.cost.page import cost
from tenure.web.churn.definitions import definitions
from tenure.web.churn.drivers import drivers
from tenure.web.churn.model import model
from tenure.web.churn.models import models
from tenure.web.churn.roi import roi
from tenure.web.churn.survival import survival
from tenure.web.churn.tree import tree
from tenure.web.parts import Part, plain

PARTS: dict[str, Part] = {
    "model": Part(gettext_lazy("Churn model"), plain(model)),
    "drivers": Part(gettext_lazy("Drivers"), drivers),
    "causes": Part(gettext_lazy("Causes"), causes),
    "competitors": Part(gettext_lazy("Competitors"), plain(competitors)),
    "cost": Part(gettext_lazy("Cost"), cost, of_money=True),
    "tree": Part(gettext_lazy("Drivers of revenue"), tree, of_money=True),
    "roi": Part(gettext_lazy("Does it pay?"), roi, of_money=True),
    "survival": Part(gettext_lazy("Survival"), survival),
    "definitions": Part(gettext_lazy("Definitions"), definitions),
    "models": Part(gettext_lazy("Versions and drift"), plain(models)),
}


@require_safe
def page(request: HttpRequest, part: str = "model") -> HttpResponse:
    """One part of Churn, over the customers the asker may see."""
    return parts.page(request, "churn", _("Churn"), PARTS, part, may_choose_models=may(request.user, "models"))
