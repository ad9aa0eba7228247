"""What came in, and when the pages were last worked out."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from tenure.contracts import CONTRACTS
from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.web.frame import render

SHOWN = 200


def page(request: HttpRequest) -> HttpResponse:
    """The last refresh, and every batch received, newest first."""
    batches = list(reversed(lake().batches()))
    have = {info.contract for info in batches if info.state == "committed"}
    return render(
        request,
        "data.html",
        _("Data"),
        shown=Publication.current(),
        batches=[(info, str(CONTRACTS[info.contract].words)) for info in batches[:SHOWN] if info.contract in CONTRACTS],
        missing=[contract for name, contract in CONTRACTS.items() if name not in have],
    )
