"""Why customers of the simulated company really leave."""

from dataclasses import dataclass
from typing import Literal

from tenure.language import Words


@dataclass(frozen=True)
class Cause:
    """One cause of leaving.

    per_month: the hazard it adds in each month a customer is exposed to it (1 = one departure per customer-month).
    control: whether the company could have prevented it.
    stated: what such a leaver says instead, where the true cause is not named, with the chance of each.
    """

    name: str
    words: Words
    control: Literal["controllable", "uncontrollable", "mixed"]
    per_month: float
    stated: tuple[tuple[str, float], ...] = ()


# People give price as the polite reason, and "personal" when they don't want to talk.
CAUSES: dict[str, Cause] = {
    cause.name: cause
    for cause in (
        Cause("slow_delivery", Words("Slow delivery", "配送慢"), "controllable", 0.06, (("service", 0.15), ("personal", 0.15))),
        Cause("slow_service", Words("Complaint left unresolved", "投诉久未解决"), "controllable", 0.12, (("price", 0.15), ("personal", 0.15))),
        Cause("price", Words("Price rise or bill shock", "涨价或账单异常"), "controllable", 0.07, (("competitor", 0.15),)),
        Cause("network", Words("Poor network", "网络质量差"), "controllable", 0.06, (("price", 0.2), ("personal", 0.1))),
        Cause("offer_ended", Words("Offer ran out", "优惠到期"), "controllable", 0.05, (("price", 0.4),)),
        Cause("competitor", Words("Better offer elsewhere", "竞争对手更优"), "mixed", 0.007, (("price", 0.3), ("personal", 0.1))),
        Cause("moved", Words("Moved away", "搬离服务区"), "uncontrollable", 0.0025, (("personal", 0.1),)),
        Cause("gone", Words("Died or closed down", "身故或注销"), "uncontrollable", 0.0007),
    )
}  # fmt: skip

STATED: dict[str, Words] = {
    **{name: cause.words for name, cause in CAUSES.items()},
    "service": Words("Service", "服务问题"),
    "personal": Words("Personal reasons", "个人原因"),
}
