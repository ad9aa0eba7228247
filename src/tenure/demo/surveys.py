"""What customers answer when asked: NPS, CSAT, CES, Kano, on leaving, and in interviews after it."""

import numpy as np
import pyarrow as pa

from tenure.demo import rivals
from tenure.demo.behaviour import Orders, moments
from tenure.demo.causes import CAUSES, STATED
from tenure.demo.churn import POSITION, Leaving
from tenure.demo.clock import DAY, HOUR, Calendar
from tenure.demo.drawing import Numbers, constant, instants, numbered, stream, table, where_known
from tenure.demo.people import People
from tenure.demo.service import Cases
from tenure.demo.subscriptions import NEVER

# The last month's NPS and CSAT answers are kept for the stories, so that their figures are the company's own.
KEPT_BACK = 1
KANO_FEATURES: dict[str, tuple[float, float]] = {
    # Mean answers (1 dislike … 5 like) to having the feature, and to not having it.
    "bill-in-app": (3.2, 1.5),
    "faster-delivery": (4.4, 1.7),
    "gift-on-birthday": (4.5, 3.1),
    "dark-mode": (3.1, 3.0),
}


def answers_table(
    people: People, orders: Orders, cases: Cases, leaving: Leaving, calendar: Calendar, seed: int
) -> pa.Table:
    """Every answer as one row of response and question, in order of time, none from the stories."""
    rng = stream(seed, "surveys")
    # Late orders and slow cases of a quarter pull its answers down.
    trouble = np.zeros((len(people), calendar.months + 3))
    for person, at in (
        (orders.person[orders.late], orders.promised[orders.late]),
        (cases.person[cases.kind == 0], cases.opened[cases.kind == 0]),
    ):
        month = calendar.month_of(at)
        for later in range(3):
            np.add.at(trouble, (person, month + later), 1)
    parts = [
        _nps(rng, people, leaving, trouble, calendar),
        _after_delivery(rng, orders),
        *_after_cases(rng, cases),
        *_kano(rng, people, leaving, calendar),
        _exit(rng, people, leaving, calendar),
        _interviews(stream(seed, "interviews"), people, leaving, calendar, rivals.chosen(len(people), seed)),
        *_regard(stream(seed, "regard"), people, leaving, trouble, calendar),
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    asked = columns["at"]
    kept_back = np.isin(columns["survey"], ["nps", "csat"]) & (asked >= calendar.start(KEPT_BACK))
    known = (asked < calendar.end) & ~kept_back & (asked >= people.joined[columns["person"]])
    order = np.flatnonzero(known)[np.argsort(asked[known], kind="stable")]
    columns = {name: column[order] for name, column in columns.items()}
    size = len(order)
    # Questions of one Kano answer sheet share a response.
    new = np.ones(size, dtype=bool)
    new[1:] = (columns["sheet"][1:] < 0) | (columns["sheet"][1:] != columns["sheet"][:-1])
    person = columns["person"]
    return table(
        "survey_responses",
        {
            "response_id": numbered("R-", np.cumsum(new), 6),
            "question": pa.array(columns["question"], pa.string()),
            "customer_id": pa.array(people.id, pa.string()).take(pa.array(person)),
            "answered_at": instants(columns["at"]),
            "survey": pa.array(columns["survey"], pa.string()),
            "score": pa.array(columns["score"], mask=np.isnan(columns["score"])),
            "text": pa.array(columns["text"], pa.string()),
            "touchpoint": pa.array(columns["touchpoint"], pa.string()),
            "channel": constant("app", size),
        },
    )


def _rows(
    person: Numbers, at: Numbers, survey: str, question: str, touchpoint: str, score: Numbers
) -> dict[str, Numbers]:
    size = len(person)
    return {
        "person": person,
        "at": at,
        "survey": np.full(size, survey, dtype=object),
        "question": np.full(size, question, dtype=object),
        "touchpoint": np.full(size, touchpoint, dtype=object),
        "score": score.astype(float),
        "text": np.full(size, None, dtype=object),
        "sheet": np.full(size, -1),
    }


def _nps(
    rng: np.random.Generator, people: People, leaving: Leaving, trouble: Numbers, calendar: Calendar
) -> dict[str, Numbers]:
    """A wave in the last month of each quarter to a twentieth of those with us."""
    parts: list[dict[str, Numbers]] = []
    for month in range(2, calendar.months, 3):
        start, end = calendar.starts[month], calendar.starts[month + 1]
        here = np.flatnonzero((people.joined < start) & (leaving.left > end) & (rng.random(len(people)) < 0.05))
        mood = 8.7 - 1.6 * np.minimum(trouble[here, month], 4) + rng.normal(0, 1.7, len(here))
        mood -= np.where(leaving.by_choice[here] & (leaving.left[here] < end + 90 * DAY), 2.0, 0.0)
        at = moments(rng, np.full(len(here), start), np.full(len(here), end))
        row = _rows(here, at, "nps", "recommend", "relationship", np.clip(np.rint(mood), 0, 10))
        glad, sad = row["score"] >= 9, row["score"] <= 6
        says = rng.random(len(here)) < 0.4
        english = people.english[here]
        praise = np.where(english, "Simple and reliable.", "办事快，信号好。")
        blame = np.where(english, "Too slow when something breaks.", "出了问题处理太慢。")
        row["text"] = where_known(says & (glad | sad), np.where(glad, praise, blame))
        parts.append(row)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _regard(
    rng: np.random.Generator, people: People, leaving: Leaving, trouble: Numbers, calendar: Calendar
) -> list[dict[str, Numbers]]:
    """Trust and perceived value, 1 to 7, asked of one in a hundred each month; trouble costs trust more than value."""
    parts: list[dict[str, Numbers]] = []
    for month in range(calendar.months):
        start, end = calendar.starts[month], calendar.starts[month + 1]
        here = np.flatnonzero((people.joined < start) & (leaving.left > end) & (rng.random(len(people)) < 0.01))
        at = moments(rng, np.full(len(here), start), np.full(len(here), end))
        vexed = np.minimum(trouble[here, month], 4)
        for survey, question, mean, cost in (("trust", "keeps-word", 5.6, 0.9), ("value", "worth-it", 5.1, 0.4)):
            score = np.clip(np.rint(mean - cost * vexed + rng.normal(0, 1.0, len(here))), 1, 7)
            parts.append(_rows(here, at, survey, question, "relationship", score))
    return parts


def _after_delivery(rng: np.random.Generator, orders: Orders) -> dict[str, Numbers]:
    asked = np.flatnonzero((rng.random(len(orders.at)) < 0.06) & (orders.channel != 2))
    mood = np.where(orders.late[asked], 2.6, 4.4) + rng.normal(0, 0.7, len(asked))
    at = orders.delivered[asked] + ((0.1 + rng.random(len(asked)) * 2) * DAY).astype(np.int64)
    return _rows(orders.person[asked], at, "csat", "satisfied", "delivery", np.clip(np.rint(mood), 1, 5) * 20)


def _after_cases(rng: np.random.Generator, cases: Cases) -> list[dict[str, Numbers]]:
    asked = np.flatnonzero((rng.random(len(cases.opened)) < 0.25) & np.isfinite(cases.hours))
    at = cases.opened[asked] + ((cases.hours[asked] + rng.random(len(asked)) * 30) * HOUR).astype(np.int64)
    content = 4.9 - 0.55 * np.log1p(cases.hours[asked]) + rng.normal(0, 0.7, len(asked))
    effort = 6.6 - 0.75 * np.log1p(cases.hours[asked]) + rng.normal(0, 1.0, len(asked))
    who = cases.person[asked]
    half = rng.random(len(asked)) < 0.5
    return [
        _rows(who, at, "csat", "satisfied", "service", np.clip(np.rint(content), 1, 5) * 20),
        _rows(who[half], at[half] + HOUR // 60, "ces", "easy", "service", np.clip(np.rint(effort), 1, 7)[half]),
    ]


def _kano(rng: np.random.Generator, people: People, leaving: Leaving, calendar: Calendar) -> list[dict[str, Numbers]]:
    """One study, five months before the end: each feature asked both ways of the same people."""
    start, end = calendar.start(5), calendar.start(4)
    here = np.flatnonzero((people.joined < start) & (leaving.left > end) & (rng.random(len(people)) < 0.02))
    at = moments(rng, np.full(len(here), start), np.full(len(here), end))
    parts: list[dict[str, Numbers]] = []
    for feature, means in KANO_FEATURES.items():
        for way, mean in zip(("functional", "dysfunctional"), means, strict=True):
            score = np.clip(np.rint(mean + rng.normal(0, 0.6, len(here))), 1, 5)
            parts.append(_rows(here, at, "kano", f"{feature}:{way}", "study", score))
            parts[-1]["sheet"] = here
    return parts


def _exit(rng: np.random.Generator, people: People, leaving: Leaving, calendar: Calendar) -> dict[str, Numbers]:
    """A third of the leavers say why, in a word, within days of leaving; the dead do not."""
    told = np.flatnonzero(
        (leaving.left != NEVER) & (leaving.cause != POSITION["gone"]) & (rng.random(len(people)) < 0.35)
    )
    at = leaving.left[told] + ((0.2 + rng.random(len(told)) * 6) * DAY).astype(np.int64)
    row = _rows(told, at, "exit", "main_reason", "leaving", np.full(len(told), np.nan))
    reasons = list(STATED.values())
    row["text"] = np.array(
        [
            reasons[s].en if e else reasons[s].zh
            for s, e in zip(leaving.stated[told], people.english[told], strict=True)
        ],
        dtype=object,
    )
    return row


def _interviews(
    rng: np.random.Generator, people: People, leaving: Leaving, calendar: Calendar, rival: Numbers
) -> dict[str, Numbers]:
    """One leaver in four, drawn by lot, is called within three weeks by somebody who asks until it is clear why.

    Whoever left for a better offer says whose: rival, positions in RIVALS.
    """
    told = np.flatnonzero(
        (leaving.left != NEVER) & (leaving.cause != POSITION["gone"]) & (rng.random(len(people)) < 0.25)
    )
    at = leaving.left[told] + ((7 + rng.random(len(told)) * 14) * DAY).astype(np.int64)
    row = _rows(told, at, "exit-interview", "why", "interview", np.full(len(told), np.nan))
    causes = list(POSITION)

    def why(person: int) -> str:
        cause, whose = CAUSES[causes[leaving.cause[person]]].words, rivals.RIVALS[rival[person]].name
        if leaving.cause[person] != POSITION["competitor"]:
            return cause.en if people.english[person] else cause.zh
        return f"{cause.en}, went to {whose.en}" if people.english[person] else f"{cause.zh}，换到{whose.zh}"

    row["text"] = np.array([why(person) for person in told.tolist()], dtype=object)
    return row
