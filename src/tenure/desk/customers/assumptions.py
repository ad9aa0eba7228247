"""What the cost of churn assumes: said by the company, kept with how it works otherwise."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite

from django.db import transaction

from tenure.desk.customers.events import PracticeSet
from tenure.desk.customers.models import PracticeVersion
from tenure.desk.customers.packs import add_version, in_force, refuse, state, tell  # one way of keeping versions
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.insight.cost_of_churn import ASSUMPTIONS
from tenure.lake import Lake, Scope
from tenure.language import tr


@transaction.atomic
def set_assumptions(
    values: Mapping[str, float | None], *, lake: Lake, scope: Scope, actor: User | None, now: datetime
) -> Mapping[str, float]:
    """Say what the cost of churn assumes, by names of ASSUMPTIONS; None goes back to what is usual, or measured.

    What is not named stays. Shares are 0 to 1, money is in minor units. Figures follow at once. Gives all that the company
    says. Raises TenureError for an actor who may not, an assumption there is not, and a number out of its range.
    """
    refuse(actor, scope)
    for name, value in values.items():
        one = ASSUMPTIONS.get(name)
        if one is None:
            raise TenureError(
                tr('There is no assumption "{name}". There are: {known}.', name=name, known=", ".join(ASSUMPTIONS))
            )
        if value is not None and not (isfinite(value) and one.least <= value <= one.most):
            raise TenureError(
                tr('"{name}" can\'t be that; give {least} to {most}.', name=one.words, least=f"{one.least:g}", most=f"{one.most:g}")
            )  # fmt: skip
    was = state()
    before: dict[str, float] = dict(was.by_hand.get("assumptions", {})) if was else {}
    after = {name: value for name in ASSUMPTIONS if (value := values.get(name, before.get(name))) is not None}
    if after != before:
        row = add_version(was, PracticeVersion.Deed.BY_HAND, actor=actor, now=now, assumptions=after)
        changed = [name for name in ASSUMPTIONS if before.get(name) != after.get(name)]
        audit.record(
            "set_assumptions", "workspace", "assumptions", actor=actor, now=now,
            before={name: before[name] for name in changed if name in before},
            after={name: after[name] for name in changed if name in after},
        )  # fmt: skip
        announce(PracticeSet(row.version, "assumptions"))
        tell(lake)
    return in_force().assumptions
