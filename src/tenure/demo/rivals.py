"""Whom the simulated company loses customers to."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from tenure.demo import campaign
from tenure.demo.drawing import Numbers, draw, stream
from tenure.language import Words


@dataclass(frozen=True)
class Rival:
    """A competitor, as those who left name it. share: of those who left for a better offer."""

    name: Words
    offers: Words
    prices: Words
    strengths: Words
    share: float


RIVALS = (
    Rival(
        Words("Galaxy Mobile", "银河移动"),
        Words("Twice the data for the same fee for two years; the line is ported in a day.", "两年内同价双倍流量；一天内完成携号转网。"),
        Words("99 a month where ours is 129; in its price war 79.", "每月 99 元，我们同档为 129 元；价格战期间 79 元。"),
        Words("Shops in every district, a phone thrown in.", "各区均有门店，赠送手机。"),
        0.6,
    ),
    Rival(
        Words("Harbour Broadband", "港湾宽带"),
        Words("Gigabit at home with two lines free.", "千兆宽带，附送两条手机线。"),
        Words("1,199 a year, paid ahead.", "预付每年 1,199 元。"),
        Words("Fast at home; weak outside the cities.", "家庭宽带快；城外覆盖弱。"),
        0.3,
    ),
    Rival(
        Words("Lark Online", "云雀在线"),
        Words("No term; all by app.", "无合约期，全程用应用办理。"),
        Words("59 a month, nothing else.", "每月 59 元，别无费用。"),
        Words("No shops, no hotline.", "没有门店，也没有热线。"),
        0.1,
    ),
)  # fmt: skip
WAR = Words("Price war: 79 a month for half a year", "价格战：半年内每月 79 元")


def chosen(size: int, seed: int) -> Numbers:
    """For whom each of so many people would leave: positions in RIVALS."""
    return draw(stream(seed, "rivals"), [rival.share for rival in RIVALS], size)


def war_begins(until: date) -> date:
    """The day the first of RIVALS began its price war, which more than doubles who leaves for a better offer."""
    month: date = (np.datetime64(until, "M") - campaign.MONTHS_BACK).astype(date)
    return month
