"""Stories told by answers: NPS, CSAT, and what mending a thing does to them."""

from datetime import datetime

from tenure.demo.clock import DAY
from tenure.demo.names import TEAMS
from tenure.demo.stories.base import Book, Borrowed, csat_scores, mixed
from tenure.demo.truth import Story
from tenure.language import Words


def nps_of_45(book: Book, borrowed: Borrowed) -> Story:
    """S01: a wave of a hundred answers, 60 promoters, 25 passives, 15 detractors: 45, below the target of 50.

    Nobody else is asked in that month, so it is the company's own figure.
    """
    scores = [10] * 34 + [9] * 26 + [8] * 15 + [7] * 10 + [6] * 6 + [4] * 5 + [2] * 4
    start = book.calendar.start(1)
    people = borrowed.some(100)
    for person, score, at in zip(
        people, mixed(scores, book), book.spread(start + DAY, start + 20 * DAY, 100), strict=True
    ):
        text = "推荐给家人了 / I told my family" if score == 10 else "太慢了 / Too slow" if score <= 4 else None
        book.answer("S01", person, at, "nps", score, question="recommend", touchpoint="relationship", text=text)
    return Story(
        "S01",
        Words("NPS is 45, below the target of 50", "净推荐值 45，低于目标 50"),
        {"survey": "nps"},
        {"wave": book.calendar.month(1)},
        {"answers": 100, "promoters": 60, "passives": 25, "detractors": 15, "nps": 45, "target": 50},
    )


def csat_by_team(book: Book, borrowed: Borrowed) -> Story:
    """S02: satisfaction 74 in the North, 75 in the East, 90 in the South: below the benchmark of 75, at it, excellent."""
    start = book.calendar.start(1)
    sizes = {"North": (50, 37), "East": (40, 30), "South": (40, 36)}
    for team in TEAMS:
        count, satisfied = sizes[team.name]
        people = borrowed.some(count, team.name)
        times = book.spread(start + DAY, start + 25 * DAY, count)
        for person, score, at in zip(people, mixed(csat_scores(count, satisfied), book), times, strict=True):
            book.answer("S02", person, at, "csat", score, question="satisfied", touchpoint="service")
    return Story(
        "S02",
        Words("CSAT 74, 75 and 90 by team", "各团队满意度 74、75、90"),
        {"survey": "csat", "by": "team"},
        {"month": book.calendar.month(1)},
        {"North": 74, "East": 75, "South": 90, "benchmark": 75},
    )


def a_feature_mended(book: Book, borrowed: Borrowed) -> Story:
    """S09: sixty social posts complain of bill sharing; it is mended; nine do, and satisfaction with it rises 20 %."""
    calendar = book.calendar
    posts = (
        "账单分享功能又把全家的号码都发出去了，谁设计的？",
        "Bill sharing in the app shows everybody's number. Who thought of that?",
        "一点“分享账单”就闪退，换了手机也一样。",
        "Bill sharing crashes each time I open it.",
    )
    spans = {"before": (calendar.start(6), calendar.start(4), 60), "after": (calendar.start(4), calendar.start(2), 9)}
    for start, end, count in spans.values():
        for i, (person, at) in enumerate(zip(borrowed.some(count), book.spread(start, end, count), strict=True)):
            book.contact("S09", person, at, channel="social", topic="bill-sharing", text=posts[i % 4], sentiment=-0.8)
    _two_waves(book, borrowed, "S09", "bill-sharing", (spans["before"][:2], 40, 26), (spans["after"][:2], 50, 39))
    return Story(
        "S09",
        Words("A feature people complain of is mended: CSAT up 20 %", "被吐槽的功能修复后，满意度提升 20%"),
        {"topic": "bill-sharing", "touchpoint": "bill-sharing", "channel": "social"},
        {"before": _months(book, 6, 4), "after": _months(book, 4, 2)},
        {"posts_before": 60, "posts_after": 9, "csat_before": 65, "csat_after": 78, "relative_rise": 0.2},
    )


def wealth_service(book: Book, borrowed: Borrowed) -> Story:
    """S14: the wealth service that is sold with the plans goes from 70 to 85."""
    calendar = book.calendar
    before, after = (calendar.start(9), calendar.start(7)), (calendar.start(5), calendar.start(3))
    _two_waves(book, borrowed, "S14", "wealth-service", (before, 40, 28), (after, 40, 34))
    return Story(
        "S14",
        Words("The wealth service goes from 70 to 85", "理财服务满意度由 70 升至 85"),
        {"survey": "csat", "touchpoint": "wealth-service"},
        {"before": _months(book, 9, 7), "after": _months(book, 5, 3)},
        {"csat_before": 70, "csat_after": 85},
    )


def _two_waves(
    book: Book,
    borrowed: Borrowed,
    code: str,
    touchpoint: str,
    *waves: tuple[tuple[int, int], int, int],
) -> None:
    for (start, end), count, satisfied in waves:
        scores = mixed(csat_scores(count, satisfied), book)
        for person, score, at in zip(borrowed.some(count), scores, book.spread(start, end, count), strict=True):
            book.answer(code, person, at, "csat", score, question="satisfied", touchpoint=touchpoint)


def _months(book: Book, back: int, until_back: int) -> tuple[datetime, datetime]:
    return book.calendar.month(back)[0], book.calendar.month(until_back)[0]
