"""Boards to start from, so that nobody begins with an empty page: for whoever leads, serves or markets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure.language import Words


@dataclass(frozen=True, slots=True)
class Placed:
    """A tile that is not kept yet: kind, options, and how wide, in columns of four."""

    kind: str
    options: Mapping[str, Any]
    width: int = 1


@dataclass(frozen=True, slots=True)
class Ready:
    """A board that comes with the product; whoever wants to change it takes a copy."""

    name: str
    words: Words
    meaning: Words
    tiles: tuple[Placed, ...]


def _numbers(*metrics: str) -> tuple[Placed, ...]:
    return tuple(Placed("metric", {"metric": metric}) for metric in metrics)


def _line(metric: str, width: int = 2) -> Placed:
    return Placed("line", {"metric": metric}, width)


def _split(metric: str, by: str, width: int = 2) -> Placed:
    return Placed("split", {"metric": metric, "by": by}, width)


READY: Mapping[str, Ready] = {
    one.name: one
    for one in (
        Ready(
            "managers",
            Words("Managers", "管理层"),
            Words("Whether customers stay, and what they bring", "客户是否留存、带来多少收入"),
            (
                *_numbers("revenue", "active_customers", "retention_rate", "churn_rate"),
                _line("revenue"),
                _line("churn_rate"),
                *_numbers("net_revenue_retention", "arpu", "nps", "complaint_rate"),
                _split("revenue", "team"),
                _split("active_customers", "segment"),
            ),
        ),
        Ready(
            "service",
            Words("Service", "客户服务"),
            Words("How fast and how well customers are helped", "服务是否及时、是否解决问题"),
            (
                *_numbers("csat", "first_contact_resolution", "response_hours", "resolution_hours"),
                _line("complaint_rate"),
                _line("csat"),
                *_numbers("complaint_rate", "service_request_rate", "ces", "handling_minutes"),
                _split("complaint_rate", "region"),
                _split("service_request_rate", "segment"),
            ),
        ),
        Ready(
            "marketing",
            Words("Marketing", "市场营销"),
            Words("Who comes, who comes again, and what it costs", "新客、复购与获客成本"),
            (
                *_numbers("new_customers", "repurchase_rate", "average_order_value", "campaign_uptake"),
                _line("new_customers"),
                _line("repurchase_rate"),
                *_numbers("acquisition_cost", "clv_to_cac", "promotion_roi", "cross_sell_success"),
                _split("orders", "channel"),
                _split("average_order_value", "region"),
            ),
        ),
    )
}
