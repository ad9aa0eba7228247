"""What came in, and when the pages were last worked out."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tenure.contracts import CONTRACTS
from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import may, scope_of
from tenure.desk.lake import lake
from tenure.web.frame import render
from tenure.web.importing.batches import lines
from tenure.web.jobs import running

SHOWN = 50


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The last refresh, and every batch received, newest first.

    How many rows came in is a count over everybody, so it is for whoever sees everybody.
    """
    scope = scope_of(request.user)
    shown = Publication.current()
    batches = list(reversed(lake().batches()))
    have = {info.contract for info in batches if info.state == "committed"}
    return render(
        request,
        "data.html",
        _("Data"),
        shown=shown,
        customers=selectors.scores(scope, shown).count(),
        sees_all=scope.sees_all,
        lines=lines(batches[:SHOWN]),
        running=running(request),
        may_import=may(request.user, "import"),
        missing=[(name, contract) for name, contract in CONTRACTS.items() if name not in have],
    )
