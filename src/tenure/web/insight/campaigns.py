"""What campaigns saved against their control groups."""

from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.lake import Scope
from tenure.web import figures
from tenure.web.cache import remembered
from tenure.web.parts import Context

HORIZON_DAYS = 90


def campaigns(scope: Scope, shown: Publication | None) -> Context:
    """What past campaigns saved against their control groups, with intervals."""
    from tenure.decision.experiments import campaign_outcomes, lift  # numeric libraries load slowly; here alone

    reads = ("treatments", "orders", "subscriptions")

    def compute() -> list[Any]:
        tables = {name: lake().read(f"records/{name}", actor=scope) for name in reads}
        as_of = shown.as_of if shown else None
        return list(lift(lake().to_arrow(campaign_outcomes(tables, HORIZON_DAYS, as_of))))

    found = remembered("campaigns", scope, shown, compute, *(f"records/{name}" for name in reads))
    clear = [(one.campaign, one.difference) for one in found if one.difference is not None]
    figure = None
    if clear:
        figure = figures.intervals(
            [name for name, _estimate in clear],
            [estimate.value for _name, estimate in clear],
            [estimate.low for _name, estimate in clear],
            [estimate.high for _name, estimate in clear],
            title=_("Retained more than control"),
        )
    return {"campaigns": found, "figure": figure, "horizon": HORIZON_DAYS, "height": 90 + 46 * len(clear)}
