"""What the cost of churn assumes: the form."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.customers import packs
from tenure.desk.customers.assumptions import set_assumptions
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.insight.cost_of_churn import ASSUMPTIONS, Assumption
from tenure.lake import Scope
from tenure.web.churn.cost.sums import Row, stated
from tenure.web.templatetags.tenure import symbol
from tenure.web.typed import number, typed


@require_POST
def assume(request: HttpRequest) -> HttpResponse:
    """What the cost of churn assumes, as typed in; a field left blank goes back to what is usual, or measured."""
    actor = request.user
    assert isinstance(actor, User)
    try:
        values = {
            name: number(request.POST[name], one.unit) for name, one in ASSUMPTIONS.items() if name in request.POST
        }
        set_assumptions(values, lake=lake(), scope=scope_of(actor), actor=actor, now=timezone.now())
    except TenureError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved. The figures go by it from now on."))
    return HttpResponseRedirect(reverse("admin:churn_part", args=["cost"]) + "#assumptions")


def may_set(scope: Scope) -> bool:
    """Whether the asker may change what is assumed."""
    user = User.objects.filter(pk=scope.user_id).first() if scope.user_id else None
    return user is not None and packs.may_choose(user, scope)


def field(name: str, one: Assumption, held: Mapping[str, float | None], told: Row) -> Row:
    """One assumption as the form shows it, with what a fifth less and more of it would change."""
    ends, own = told["effects"][name], stated().get(name)
    now = told["whole"]["total"]
    measured = {
        "margin_of_orders": told["margins"]["orders"], "margin_of_fees": told["margins"]["fees"],
        "acquisition_cost": told["winning"],
    }.get(name)  # fmt: skip
    stands = held[name] if held[name] is not None else measured
    return {
        "name": name, "words": one.words, "meaning": one.meaning, "unit": {"share": "%", "money": symbol().strip()}.get(one.unit, ""),
        "own": own is not None, "typed": typed(own, one.unit), "usual": "–" if stands is None else typed(float(f"{stands:.4g}"), one.unit),
        "measured": held[name] is None and measured is not None and name != "margin_of_fees",
        "stands_in": name == "margin_of_fees" and held[name] is None and measured is not None,
        "less": None if ends is None else ends[0] - now, "more": None if ends is None else ends[1] - now,
    }  # fmt: skip
