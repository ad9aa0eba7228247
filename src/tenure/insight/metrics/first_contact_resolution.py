from typing import Any

from tenure.contracts.cases import cases
from tenure.insight.metrics.base import Example, Period, metric
from tenure.insight.purchases import days

RETURN_DAYS = 7


@metric(
    group="service",
    words=("First-contact resolution", "首次解决率"),
    meaning=(
        "Share of solved cases that never changed hands and did not come back within 7 days",
        "已解决工单中，未转手且 7 天内未再次发生的占比",
    ),
    formula=("cases solved at once and for good ÷ solved cases", "一次解决的工单 ÷ 已解决工单"),
    unit="share",
    better="higher",
    reads=cases,
    count=("solved cases", "已解决工单数"),
    source=("Service-desk practice, with a return window of 7 days", "服务台惯例，回访窗口 7 天"),
    each=cases,
    example=Example(
        rows={
            "cases": [
                {"person_id": 1, "category": "bill", "opened_at": "2026-03-02", "resolved_at": "2026-03-02T04:00", "handoffs": 0},
                {"person_id": 2, "category": "bill", "opened_at": "2026-03-02", "resolved_at": "2026-03-04", "handoffs": 2},
                {"person_id": 3, "category": "bill", "opened_at": "2026-03-02", "resolved_at": "2026-03-03", "handoffs": 0},
                {"person_id": 3, "category": "bill", "opened_at": "2026-03-08", "resolved_at": "2026-03-09", "handoffs": 0},
                {"person_id": 4, "category": "bill", "opened_at": "2026-03-20", "handoffs": 0},
            ]
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=4,
    ),
)  # fmt: skip
def first_contact_resolution(cases: Any, period: Period) -> Any:
    """Share of the solved cases opened in the period that never changed hands and did not come back (0 to 1).

    It came back where the same customer opened a case of the same category before 7 days had passed since the solution.
    Cases that do not say how often they changed hands are left out, as are those not solved yet.
    """
    order = [cases.opened_at, cases.case_id]
    known = cases.mutate(next_at=cases.opened_at.lead().over(group_by=["person_id", "category"], order_by=order))
    solved = known.filter(period.holds(known.opened_on), known.resolved_at.notnull(), known.handoffs.notnull())
    until = solved.resolved_at + days(RETURN_DAYS)
    # Cases of nobody, or about nothing in particular, can't be told to come back.
    traceable = solved.person_id.notnull() & solved.category.notnull()
    back = (traceable & (solved.next_at < until)).fill_null(False)
    return solved.group_by("segment").agg(numerator=((solved.handoffs == 0) & ~back).sum(), denominator=solved.count())
