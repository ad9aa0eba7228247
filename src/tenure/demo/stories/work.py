"""Stories of our own work: causes found and corrected, hours lost between desks, deals that stick."""

from tenure.demo.catalogue import ROUTER
from tenure.demo.clock import DAY, HOUR
from tenure.demo.stories.base import Book, Borrowed
from tenure.demo.truth import Story
from tenure.language import Words

# Where the 48 hours of a disputed refund go, desk by desk.
DESKS = (("hotline", 6), ("shop", 14), ("back-office", 20), ("finance", 8))
# Days a deal spends in each stage where nothing sticks; 60 in all.
STAGES = (("lead", 10), ("qualify", 15), ("proposal", 20), ("negotiate", 15))
STUCK_DAYS = 38
PIPELINE = "dedicated-lines"


def broken_packaging(book: Book, borrowed: Borrowed) -> Story:
    """S10: routers arrive in broken boxes; the cause is found and corrected; who complains again falls from 40 to 10 %.

    Recurrence is the share of those who complained of it who did so again within 30 days.
    """
    calendar = book.calendar
    posts = ("路由器的包装破了，一角都压扁了。", "The router came in a crushed box, one corner broken.")
    for start, end, count, again in (
        (calendar.start(9), calendar.start(7) - 30 * DAY, 40, 16),
        (calendar.start(6), calendar.start(4) - 30 * DAY, 20, 2),
    ):
        for i, (person, at) in enumerate(zip(borrowed.some(count), book.spread(start, end, count), strict=True)):
            times = [at, at + (5 + i % 20) * DAY] if i < again else [at]
            for moment in times:
                book.case(
                    "S10",
                    person,
                    moment,
                    posts[i % 2],
                    category="packaging",
                    hours=20.0,
                    cause="packaging broken",
                    product_id=ROUTER,
                    compensation_minor=2000,
                )
    return Story(
        "S10",
        Words("Broken packaging found and corrected; recurrence falls", "查明包装破损原因并整改，复发率下降"),
        {"category": "packaging", "cause": "packaging broken", "within_days": "30"},
        {
            "before": (calendar.month(9)[0], calendar.month(7)[0]),
            "after": (calendar.month(6)[0], calendar.month(4)[0]),
        },
        {"complainers_before": 40, "complainers_after": 20, "recurrence_before": 0.4, "recurrence_after": 0.1},
    )


def forty_eight_hours(book: Book, borrowed: Borrowed) -> Story:
    """S11: a disputed refund took 48 hours through four desks; dispatched straight to finance it takes 12.

    Each desk's turn is an interaction on channel "desk", its agent the desk that has the case from then on.
    """
    calendar = book.calendar
    people = borrowed.some(40)
    for person, at in zip(people[:20], book.spread(calendar.start(6), calendar.start(5) - 3 * DAY, 20), strict=True):
        case = book.case(
            "S11",
            person,
            at,
            "退款拖了很久，每个部门都说不归他们管。",
            category="refund-dispute",
            hours=48.0,
            cause="no one owns refunds",
            handoffs=len(DESKS) - 1,
        )
        moment = at
        for desk, hours in DESKS:
            _hand_over(book, person, case, moment, desk)
            moment += hours * HOUR
    for person, at in zip(people[20:], book.spread(calendar.start(3), calendar.start(2) - 3 * DAY, 20), strict=True):
        case = book.case(
            "S11",
            person,
            at,
            "The refund was wrong, but finance called me the same day.",
            category="refund-dispute",
            hours=12.0,
            cause="no one owns refunds",
            handoffs=1,
        )
        _hand_over(book, person, case, at, "hotline")
        _hand_over(book, person, case, at + HOUR, "finance")
    return Story(
        "S11",
        Words(
            "Complaints take 48 hours through four desks; dispatched, 12", "投诉经四个环节耗时 48 小时；派单后 12 小时"
        ),
        {"category": "refund-dispute", "channel": "desk", "slowest": "back-office"},
        {"before": calendar.month(6), "after": calendar.month(3)},
        {"hours_before": 48, "hours_after": 12, **{f"hours_{desk}": hours for desk, hours in DESKS}},
    )


def _hand_over(book: Book, person: str, case: str, at: int, desk: str) -> None:
    book.contact(
        "S11",
        person,
        at,
        channel="desk",
        topic=case,
        direction="out",
        agent=desk,
        text=f"工单 {case} 转至 {desk} / Case {case} passed to {desk}",
    )


def deals_stick(book: Book, borrowed: Borrowed) -> Story:
    """S12: deals for dedicated lines take 78 days instead of 60, 30 % over the benchmark: the proposal is where they stick.

    Twenty won in each period; five more are open and have been in the proposal stage for over a month.
    """
    calendar = book.calendar
    firms = borrowed.firms(45)
    usual, stuck = dict(STAGES), {**dict(STAGES), "proposal": STUCK_DAYS}
    for days, start, end, mine in (
        (usual, calendar.start(10), calendar.start(6), firms[:20]),
        (stuck, calendar.start(3), calendar.start(0), firms[20:40]),
    ):
        for i, ((firm, owner), won) in enumerate(zip(mine, book.spread(start, end, 20), strict=True)):
            # One deal's stage is as many days longer as its neighbour's is shorter, so the mean is exact.
            swing = (1 + i // 2 % 4) * (1 if i % 2 else -1)
            _deal(book, firm, owner, {**days, "qualify": days["qualify"] + swing}, won)
    for i, (firm, owner) in enumerate(firms[40:]):
        opened = calendar.end - (60 + 2 * i) * DAY
        _deal(book, firm, owner, {"lead": 10, "qualify": 15, "proposal": 0}, opened=opened)
    return Story(
        "S12",
        Words("The deal cycle is 30 % over the benchmark; proposals stick", "成交周期超基准 30%，卡在方案阶段"),
        {"pipeline": PIPELINE, "stage": "proposal"},
        {
            "before": (calendar.month(10)[0], calendar.month(6)[0]),
            "after": (calendar.month(3)[0], calendar.month(0)[0]),
        },
        {
            "benchmark_days": 60,
            "cycle_days": 78,
            "over": 0.3,
            "proposal_before": 20,
            "proposal_after": STUCK_DAYS,
            "open": 5,
        },
    )


def _deal(book: Book, firm: str, owner: str, days: dict[str, int], won: int | None = None, opened: int = 0) -> None:
    """A deal won at an instant, its stages counted back from it; or one open still, counted on from its opening."""
    begun = opened if won is None else won - sum(days.values()) * DAY
    deal = book.number("opportunities", "S12")
    book.add(
        "opportunities",
        opportunity_id=deal,
        customer_id=firm,
        name="互联网专线",
        pipeline=PIPELINE,
        opened_at=begun,
        closed_at=won,
        outcome="won" if won else None,
        amount_minor=5_000_000,
        currency="CNY",
        owner=owner,
    )
    moment = begun
    for stage, length in days.items():
        book.add("opportunity_stages", opportunity_id=deal, customer_id=firm, stage=stage, entered_at=moment)
        moment += length * DAY
