"""Who of those that came in a month bought again."""

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from tenure.desk.customers.models import Publication
from tenure.desk.lake import lake
from tenure.insight.cohorts import retention
from tenure.lake import Scope
from tenure.web.cache import remembered
from tenure.web.insight.shared import Context, rows

COHORTS, AGES = 18, 18


def cohorts(scope: Scope, shown: Publication | None) -> Context:
    """Of those who first bought in a month, how many bought again n months later."""

    def compute() -> list[dict[str, Any]]:
        # The running month is not over: its column would show a fall that is none.
        until = timezone.localtime(shown.as_of).date().replace(day=1) if shown else None
        return rows(retention(lake().read("records/orders", actor=scope), until))

    found = remembered("cohorts", scope, shown, compute, "records/orders")
    by_cohort: dict[Any, dict[int, dict[str, Any]]] = {}
    for row in found:
        by_cohort.setdefault(row["cohort"], {})[row["age"]] = row
    latest = sorted(by_cohort)[-COHORTS:]
    ages = min(AGES, max((age for cohort in latest for age in by_cohort[cohort]), default=0))
    return {
        "ages": range(ages + 1),
        "cohorts": [
            (_month(cohort), max(row["size"] for row in by_cohort[cohort].values()),
             [by_cohort[cohort].get(age) for age in range(ages + 1)])
            for cohort in latest
        ],
    }  # fmt: skip


def _month(cohort: Any) -> str:
    return date_format(cohort, "Y-m") if isinstance(cohort, date) else str(cohort)[:7]
