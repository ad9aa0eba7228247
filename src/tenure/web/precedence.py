"""Which source wins for which field, under Data; and where the facts of one customer come from."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers import precedence, selectors
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import about, lake
from tenure.errors import TenureError
from tenure.web.frame import render


def page(request: HttpRequest) -> HttpResponse:
    """The rules of one kind of records, a row a field; the form saves what of them changed."""
    scope, actor = scope_of(request.user), request.user
    assert isinstance(actor, User)
    contract = request.GET.get("kind", "customers")
    if contract not in CONTRACTS:
        raise Http404
    shape, here = CONTRACTS[contract], lake()
    fields = [column for column in shape.columns if column.name not in shape.key]
    if request.method == "POST":
        orders = {
            column.name: request.POST[column.name][:1000].replace("，", ",").replace(">", ",").split(",")
            for column in fields
            if column.name in request.POST
        }
        try:
            changed = precedence.set_precedence(
                contract, orders, lake=here, scope=scope, actor=actor, now=timezone.now()
            )
        except TenureError as error:
            messages.error(request, str(error))
        else:
            if changed:
                messages.success(request, _("Saved. The next refresh works the records out by it."))
            return HttpResponseRedirect(f"{reverse('admin:precedence')}?kind={contract}")
    rules = here.rules(contract)
    return render(
        request,
        "precedence.html",
        _("Which source wins"),
        kind=contract,
        kinds=[(name, str(one.words)) for name, one in CONTRACTS.items()],
        rows=[(column, ", ".join(rules.get(column.name, ()))) for column in fields],
        usual=", ".join(here.precedence),
        sources=precedence.sources(here, contract),
        may_set=precedence.may_set(actor, scope),
    )


@require_safe
def origins(request: HttpRequest, person_id: int) -> HttpResponse:
    """Where each fact of a customer comes from, as a piece of the customer's page."""
    scope = scope_of(request.user)
    card = selectors.card_of(scope, person_id)
    if card is None:
        raise Http404
    shown = {
        name: str(getattr(card, name) or "")
        for name in ("name", "phone", "email", "kind", "region", "city", "language")
    }
    with about(person_id) as here:
        found = precedence.origins(here, scope, person_id, shown)
    return render(request, "_origins.html", "", origins=found)
