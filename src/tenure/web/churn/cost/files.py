"""What each cause cost, as a file."""

import csv
from collections.abc import Iterator, Sequence

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenure.desk.causes import api as causes_of
from tenure.desk.customers.export import Echo, harmless
from tenure.desk.customers.models import Publication
from tenure.desk.governance import audit
from tenure.desk.governance.api import scope_of
from tenure.desk.governance.models import User
from tenure.web.causes.files import csv_file
from tenure.web.churn.cost.lines import PARTS, said_of
from tenure.web.churn.cost.sums import Row, by_cause
from tenure.web.templatetags.tenure import in_units


@require_POST
def causes_file(request: HttpRequest) -> HttpResponse:
    """What each cause cost as CSV, as said and as interviews correct it."""
    user, shown = request.user, Publication.current()
    assert isinstance(user, User)
    scope = scope_of(user)
    if not scope.sees("amounts"):
        raise PermissionDenied
    told = said_of(by_cause(scope, shown)) if shown else None
    rows = told["every"] if told else []
    with transaction.atomic():
        audit.record("export_cost", "cause", len(rows), actor=user, now=timezone.now(), through="page")
    return csv_file("cost-by-cause", _file_lines(rows, told["better"] if told else None))


def _file_lines(rows: Sequence[Row], better: causes_of.Corrected | None) -> Iterator[str]:
    writer = csv.writer(Echo())
    heading = [_("Code"), _("Cause"), _("Leavers, as said"), _("Confirmed"), *(str(words) for words in PARTS.values()),
               _("In all, as said")]  # fmt: skip
    more = [_("Leavers, estimated"), _("At least"), _("At most"), _("In all, estimated"), _("At least"), _("At most"),
            _("Asked in depth"), _("Of these meant something else")]  # fmt: skip
    yield "\ufeff" + writer.writerow([*heading, *(more if better else [])])
    for row in rows:
        cells = [row["segment"] or "", row["name"], row["customers"], row["confirmed"],
                 *(in_units(row[name]) for name in (*PARTS, "total"))]  # fmt: skip
        if better:
            n, money = row["people"], row["better"]
            cells += [round(one, 1) for one in (n.value, n.low, n.high)] if n else ["", "", ""]
            cells += (
                [round(in_units(one), 2) for one in (money.value, money.low, money.high)] if money else ["", "", ""]
            )
            cells += [better.asked, better.otherwise]
        yield writer.writerow([harmless(cell) for cell in cells])
