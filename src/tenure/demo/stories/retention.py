"""Stories of leaving and staying: a breach, two cohorts, a mended city, and four people."""

from decimal import Decimal

from tenure.demo.catalogue import GATEWAY, PHONE
from tenure.demo.churn import BREACH
from tenure.demo.clock import DAY, HOUR, OFFSET
from tenure.demo.stories.base import ZHOUSHAN, Book
from tenure.demo.subscriptions import LATE_RISE_BACK
from tenure.demo.truth import Story
from tenure.language import Words


def churn_breaches_its_line(book: Book) -> Story:
    """S03: prices go up, and 5.1 % of those active when the month begins leave in it: over the line of 5 %.

    To the nearest customer; `churn.leave` makes the rise just strong enough.
    """
    return Story(
        "S03",
        Words("Churn of 5.1 % breaches the 5 % line", "月流失率 5.1%，突破 5% 警戒线"),
        {"of": "customers with a subscription"},
        {"month": book.calendar.month(LATE_RISE_BACK)},
        {"churn": BREACH, "line": 0.05},
    )


def two_campus_cohorts(book: Book) -> Story:
    """S04: of fifty who joined on the campus 40 are there after six months, of the next fifty 46: 80 → 92 %, +15 %."""
    calendar = book.calendar
    cast: list[str] = []
    for cohort, back, leavers in (("before", 14, 10), ("after", 8, 4)):
        for i, at in enumerate(book.spread(calendar.start(back), calendar.start(back - 1), 50)):
            name = f"C-S04-{cohort}-{i + 1:02d}"
            cast.append(book.customer(name, joined=at, city="南京", acquisition_channel="campus"))
            ended = at + (40 + 10 * (i // 5)) * DAY if i % 5 == 0 and i // 5 < leavers else None
            cause = ("network", "competitor", "moved")[i // 5 % 3] if ended else None
            book.subscribe("S04", name, "mobile-59", at, ended=ended, cause=cause)
    return Story(
        "S04",
        Words("Retention of campus cohorts: 80 → 92 %, +15 % relative", "校园客群留存由 80% 升至 92%（相对 +15%）"),
        {"acquisition_channel": "campus", "after_months": "6"},
        {"before": calendar.month(14), "after": calendar.month(8)},
        {"before": 0.8, "after": 0.92, "relative_rise": 0.15, "points": 0.12},
        tuple(cast),
    )


def a_city_mended(book: Book) -> Story:
    """S13: in Zhoushan slow delivery and slow service drove 10 % away in a month; both mended, 5 % left in a later one."""
    calendar = book.calendar
    cast = [
        book.customer(f"C-S13-{i + 1:03d}", joined=at, city=ZHOUSHAN.name)
        for i, at in enumerate(book.spread(calendar.start(20), calendar.start(12), 100))
    ]
    cast += [
        book.customer(f"C-S13-{101 + i:03d}", joined=at, city=ZHOUSHAN.name)
        for i, at in enumerate(book.spread(calendar.start(6), calendar.start(5), 10))
    ]
    bad = dict(zip(cast[:10], book.spread(calendar.start(7), calendar.start(6), 10), strict=True))
    good = dict(zip(cast[10:15], book.spread(calendar.start(4), calendar.start(3), 5), strict=True))
    causes = ["slow_delivery"] * 6 + ["slow_service"] * 4 + ["competitor"] * 2 + ["moved"] * 3
    why = dict(zip([*bad, *good], causes, strict=True))
    ended = {**bad, **good}
    for i, (person, row) in enumerate(zip(cast, book.rows["customers"][-110:], strict=True)):
        book.subscribe(
            "S13",
            person,
            "fibre-300" if i % 2 else "mobile-99",
            row["created_at"],
            months=36,
            ended=ended.get(person),
            cause=why.get(person),
        )
    for start, end, late in ((calendar.start(9), calendar.start(7), 60), (calendar.start(6), calendar.start(4), 6)):
        buyers = (cast[:60] if late == 60 else cast[15:75]) * 2
        for i, (person, at) in enumerate(zip(buyers, book.spread(start, end, 120), strict=True)):
            is_late = i % 120 < late if late == 60 else i % 20 == 0
            book.order("S13", person, "P-CHG", at, late_days=4.0 if is_late else 0.0)
    for start, end, count, hours in (
        (calendar.start(9), calendar.start(7), 30, 72.0),
        (calendar.start(6), calendar.start(4), 10, 12.0),
    ):
        people = cast[:30] if count == 30 else cast[15:25]
        for i, (person, at) in enumerate(zip(people, book.spread(start, end - 4 * DAY, count), strict=True)):
            text = ("舟山的快递又晚了，打电话也没人管。", "Late again in Zhoushan, and nobody on the phone to help.")[
                i % 2
            ]
            book.case("S13", person, at, text, category="delivery", hours=hours)
    return Story(
        "S13",
        Words("Slow delivery and service mended: churn 10 → 5 %", "配送与服务改善后，流失率由 10% 降至 5%"),
        {"city": ZHOUSHAN.name},
        {
            "before": calendar.month(7),
            "after": calendar.month(4),
            "trouble": (calendar.month(9)[0], calendar.month(7)[0]),
            "mended": (calendar.month(6)[0], calendar.month(4)[0]),
        },
        {
            "churn_before": 0.10,
            "churn_after": 0.05,
            "late_before": 0.5,
            "late_after": 0.05,
            "hours_before": 72,
            "hours_after": 12,
        },
        tuple(cast),
    )


def an_offer_ends_next_week(book: Book) -> Story:
    """S15: a customer of middling value whose offer and contract run out in five days: call before, not after."""
    calendar = book.calendar
    ends = calendar.end + 5 * DAY
    started = calendar.start(24) + 5 * DAY
    who = book.customer("C-S15", name="方晓晴", joined=started, city="杭州")
    book.subscribe("S15", who, "mobile-99", started)
    for at in book.spread(calendar.start(11), calendar.start(1), 5):
        book.order("S15", who, "P-BUDS", at)
    book.treat(
        "S15",
        who,
        calendar.end - 60 * DAY,
        "two-year-offer",
        "treated",
        offer="续约八折 / 20 % off on renewal",
        expires=ends,
        yuan=20,
    )
    return Story(
        "S15",
        Words("A mid-value customer's offer runs out next week", "中价值客户的优惠下周到期"),
        {"customer_id": who, "campaign": "two-year-offer"},
        {"next week": (calendar.month(0)[0], calendar.month(0)[0].replace(day=8))},
        {"days_left": 5},
        (who,),
    )


def the_dormant_are_woken(book: Book) -> Story:
    """S16: twenty who had stopped buying ten months ago; four of the ten written to buy within a month, one of the rest."""
    calendar = book.calendar
    first = calendar.start(min(calendar.months, 20)) + DAY
    assigned = calendar.start(3) + 9 * HOUR
    cast: list[str] = []
    for i in range(20):
        who = book.customer(f"C-S16-{i + 1:02d}", joined=first, city="广州", name="沈知秋" if i == 0 else None)
        cast.append(who)
        for at in book.spread(first, calendar.start(9), 6):
            book.order("S16", who, "P-FILM", at + i * HOUR)
        treated = i < 10
        book.treat(
            "S16",
            who,
            assigned,
            "wake-up",
            "treated" if treated else "control",
            propensity=0.5,
            offer="满 50 减 20 / 20 off 50",
            expires=assigned + 30 * DAY,
            yuan=2,
        )
        if i in (0, 1, 2, 3, 10):
            book.order("S16", who, "P-BANK", assigned + (i % 10 + 4) * 2 * DAY)
    return Story(
        "S16",
        Words("Dormant customers are woken by a campaign", "沉睡客户被活动唤醒"),
        {"campaign": "wake-up", "within_days": "30"},
        {"after": (calendar.month(3)[0], calendar.month(2)[0])},
        {"treated": 0.4, "control": 0.1, "arm": 10},
        tuple(cast),
    )


def a_leaver_won_back(book: Book) -> Story:
    """S17: a leaver of high value tells why, is called, and signs again three months later."""
    calendar = book.calendar
    left, back = calendar.start(7) + 3 * DAY, calendar.start(4) + 6 * DAY
    who = book.customer("C-S17", name="顾远航", joined=calendar.start(30), city="深圳")
    book.subscribe("S17", who, "family-299", calendar.start(30), ended=left, cause="slow_service", stated="price")
    book.churn[-1]["returned_at"] = back
    for at in book.spread(calendar.start(12), calendar.start(8), 4):
        book.order("S17", who, PHONE, at)
    book.case(
        "S17", who, calendar.start(8) + 10 * DAY, "报修三次都没人上门，等了一个星期。", category="service", hours=170.0
    )
    book.answer("S17", who, left + DAY, "exit", None, question="main_reason", touchpoint="leaving", text="价格 / price")
    book.treat(
        "S17",
        who,
        calendar.start(5) + 2 * DAY,
        "win-back",
        "treated",
        offer="专属客户经理 / a manager of your own",
        yuan=200,
    )
    book.contact(
        "S17",
        who,
        calendar.start(5) + 3 * DAY,
        channel="call",
        topic="win-back",
        direction="out",
        agent="gu",
        text="电话致歉并说明改进 / Apologised by phone and said what has changed",
        sentiment=0.4,
    )
    book.subscribe("S17", who, "family-299", back)
    return Story(
        "S17",
        Words("A high-value leaver is won back", "高价值流失客户被赢回"),
        {"customer_id": who, "campaign": "win-back"},
        {"gone": (calendar.month(7)[0], calendar.month(4)[0])},
        {"months_away": 3},
        (who,),
    )


def the_blocked_are_left_alone(book: Book) -> Story:
    """S18: a blocked customer is at risk like others, and still nobody approaches them."""
    calendar = book.calendar
    who = book.customer("C-S18", name="钱多多", joined=calendar.start(18), city="天津", blocked=True)
    book.subscribe("S18", who, "mobile-199", calendar.start(18))
    for at in book.spread(calendar.start(5), calendar.start(1), 4):
        book.case("S18", who, at, "账单又错了，我要投诉到底！", category="billing", hours=60.0, severity="severe")
    return Story(
        "S18",
        Words("A blocked customer is left alone", "黑名单客户不再打扰"),
        {"customer_id": who},
        {"always": (calendar.month(calendar.months)[0], calendar.month(0)[0])},
        {"treatments": 0, "outbound": 0, "complaints": 4},
        (who,),
    )


def sunday_at_three(book: Book) -> Story:
    """S19: at 03:00 on the last Sunday a strategic customer's lines are down; nobody has answered yet."""
    calendar = book.calendar
    midnight = (calendar.end + OFFSET) // DAY  # days since Thursday, 1 January 1970
    sunday = midnight - 1 - (midnight - 1 - 3) % 7
    at = sunday * DAY - OFFSET + 3 * HOUR
    who = book.customer(
        "C-S19",
        name="上海云港集装箱码头集团",
        joined=calendar.start(40),
        city="上海",
        kind="enterprise",
        industry="交通运输",
        owner="chen",
    )
    for name, title, role in (("陆明远", "信息中心主任", "decides"), ("韩雪", "采购经理", "buys")):
        book.add(
            "contacts",
            contact_id=f"K-S19-{role}",
            customer_id=who,
            name=name,
            title=title,
            role=role,
            phone="17099990000",
            email=f"{role}@example.net",
            updated_at=calendar.start(40),
        )
    for _ in range(3):
        book.subscribe("S19", who, "line-500", calendar.start(40), months=60)
    for moment in book.spread(calendar.start(11), calendar.start(1), 4):
        book.order("S19", who, GATEWAY, moment, yuan=Decimal(180_000))
    case = book.case(
        "S19",
        who,
        at,
        "三条专线同时中断，码头作业全部停摆，请立即处理！All three lines are down and the port stands still.",
        category="network",
        severity="severe",
    )
    return Story(
        "S19",
        Words("A severe complaint from a strategic customer at 03:00 on Sunday", "战略客户周日凌晨三点的严重投诉"),
        {"customer_id": who, "case_id": case},
        {"last month": calendar.month(1)},
        {"hour": 3, "weekday": 7},
        (who,),
    )
