"""Why customers leave, for programs: leavers by cause, as they say it and as those asked in depth correct it."""

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.errors import HttpError

from tenure.api.auth import Key, holder
from tenure.desk.causes.reading import Asked, leavers
from tenure.desk.causes.taxonomy import AXES, tree
from tenure.insight.causes import Estimate, tally

router = Router()


class Left(Schema):
    """start, end: days people left on, the end not included; open unless said. control, side, nature: causes of one kind."""

    start: str = ""
    end: str = ""
    control: str = ""
    side: str = ""
    nature: str = ""


@router.get("/causes", url_name="causes", auth=Key("insight"))
def causes(request: HttpRequest, asked: Query[Left]) -> dict[str, Any]:
    """Leavers by cause, over the customers within the key's reach.

    Every leaver counts once in `leavers`, of whom people confirmed `confirmed`. `estimated` is how many leave for it as
    those asked in depth correct what is said, with the interval that holds the truth about 95 times in 100; null, like
    `interviews`, where fewer than 30 were asked.
    """
    for axis, known in AXES.items():
        if getattr(asked, axis) not in ("", *known):
            raise HttpError(422, f"There is no {axis} {getattr(asked, axis)[:40]}. There are: {', '.join(known)}.")
    nodes = tree()
    found = leavers(
        holder(request).scope,
        Asked(_day(asked.start), _day(asked.end), asked.control, asked.side, asked.nature), nodes,
    )  # fmt: skip
    better = found.corrected
    said = {one.cause: one for one in tally(found.leavers.values())}
    order = better.ranked() if better else list(said)
    return {
        "said": found.said, "silent": found.silent,
        "interviews": {"asked": better.asked, "meant_something_else": better.otherwise} if better else None,
        "causes": [
            {
                "code": code, "name": {"en": nodes[code].words.en, "zh": nodes[code].words.zh}, "branch": nodes[code].parent,
                **{axis: getattr(nodes[code].cause, axis) for axis in AXES},
                "leavers": said[code].leavers if code in said else 0,
                "confirmed": said[code].confirmed if code in said else 0,
                "estimated": _told(better.causes[code]) if better else None,
            }
            for code in order
        ],
    }  # fmt: skip


def _told(one: Estimate) -> dict[str, float]:
    return {"value": round(one.value, 1), "low": round(one.low, 1), "high": round(one.high, 1)}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise HttpError(422, f'"{text[:20]}" is no day. Write it as 2026-03-01.') from None
