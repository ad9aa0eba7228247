"""The page of Insight: one part of it, over the customers the asker may see."""

from collections.abc import Callable, Mapping

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.lake import Scope
from tenure.web.frame import render
from tenure.web.insight.bridge import bridge
from tenure.web.insight.campaigns import campaigns
from tenure.web.insight.cohorts import cohorts
from tenure.web.insight.forecast import forecast
from tenure.web.insight.funnel import funnel
from tenure.web.insight.model import model
from tenure.web.insight.personas import personas
from tenure.web.insight.segments import segments
from tenure.web.insight.shared import Context
from tenure.web.insight.stages import stages
from tenure.web.insight.survival import survival
from tenure.web.insight.tiers import tiers
from tenure.web.insight.value import value


def _plain(show: Callable[[Scope, Publication | None], Context]) -> Callable[..., Context]:
    """A part that takes no questions."""
    return lambda scope, shown, _given: show(scope, shown)


PARTS: dict[str, tuple[Callable[[], str], Callable[[Scope, Publication | None, Mapping[str, str]], Context]]] = {
    "segments": (lambda: _("RFM"), _plain(segments)),
    "stages": (lambda: _("Life cycle"), _plain(stages)),
    "tiers": (lambda: _("Tiers"), _plain(tiers)),
    "personas": (lambda: _("Personas"), _plain(personas)),
    "value": (lambda: _("Value"), _plain(value)),
    "survival": (lambda: _("Survival"), _plain(survival)),
    "cohorts": (lambda: _("Cohorts"), cohorts),
    "bridge": (lambda: _("Bridge"), bridge),
    "funnel": (lambda: _("Funnel"), funnel),
    "forecast": (lambda: _("Forecast"), forecast),
    "campaigns": (lambda: _("Campaigns"), _plain(campaigns)),
    "model": (lambda: _("Churn model"), _plain(model)),
}
# Made of money, and so for whom amounts are shown alone.
OF_MONEY = {"value", "tiers", "personas", "bridge"}


@require_safe
def page(request: HttpRequest, part: str = "segments") -> HttpResponse:
    """One part of Insight, over the customers the asker may see."""
    scope = scope_of(request.user)
    open_parts = {name: one for name, one in PARTS.items() if name not in OF_MONEY or scope.sees("amounts")}
    if part not in open_parts:
        raise Http404
    shown = Publication.current()
    context = open_parts[part][1](scope, shown, request.GET.dict())
    return render(
        request,
        f"insight/{part}.html",
        _("Insight"),
        part=part,
        parts=[(name, title()) for name, (title, _show) in open_parts.items()],
        shown=shown,
        **context,
    )
