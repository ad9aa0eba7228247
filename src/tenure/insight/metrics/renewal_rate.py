from typing import Any

from tenure.contracts.subscriptions import subscriptions
from tenure.insight.metrics.base import Example, Period, metric


@metric(
    group="customers",
    words=("Renewal rate", "续约率"),
    meaning=(
        "Share of the contracts whose term ran out in the period that went on",
        "约定期限在期间内届满的合同中，继续有效的占比",
    ),
    formula=("contracts that went on ÷ contracts whose term ran out", "继续有效的合同 ÷ 到期合同"),
    unit="share",
    better="higher",
    reads=subscriptions,
    count=("contracts whose term ran out", "到期合同数"),
    source=("Contract businesses, by number of contracts", "合同制业务通行定义，按合同数"),
    columns=("subscriptions.term_ends_at",),
    each=subscriptions,
    example=Example(
        rows={
            "subscriptions": [
                {"person_id": 1, "started_at": "2025-03-10", "term_ends_at": "2026-03-10"},
                {"person_id": 2, "started_at": "2025-03-10", "term_ends_at": "2026-03-10", "ended_at": "2026-03-10"},
                {"person_id": 3, "started_at": "2025-03-10", "term_ends_at": "2026-03-10", "ended_at": "2026-03-02"},
                {"person_id": 4, "started_at": "2025-03-10", "term_ends_at": "2026-03-10", "ended_at": "2026-09-01"},
                {"person_id": 5, "started_at": "2025-03-10", "term_ends_at": "2026-03-10", "ended_at": "2025-11-01"},
                {"person_id": 6, "started_at": "2025-03-10"},
            ]
        },
        period=Period.month(2026, 3),
        value=0.5,
        count=4,
    ),
)
def renewal_rate(subscriptions: Any, period: Period) -> Any:
    """Share of the contracts whose term ran out in the period that went on past it (0 to 1).

    One ended within the period, before its last day or on it, was due and not renewed; one ended before the period
    began was not due any more.
    """
    due = subscriptions.filter(
        period.holds(subscriptions.term_ends_at),
        subscriptions.ended_at.isnull() | (subscriptions.ended_at >= period.starts_at),
    )
    goes_on = due.ended_at.isnull() | (due.ended_at > due.term_ends_at)
    return due.group_by("segment").agg(numerator=goes_on.sum(), denominator=due.count())
