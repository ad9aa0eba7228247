"""The words for the codes that scores carry, from the rooms that define them."""

from collections.abc import Mapping

from tenure.contracts import CONTRACTS
from tenure.desk.governance.certificates import COUNTED
from tenure.desk.governance.purposes import CHANNELS, PURPOSES
from tenure.desk.governance.purposes import STATES as CONSENT_STATES
from tenure.desk.governance.rights import KINDS as REQUESTS
from tenure.insight.lifecycle import STAGES
from tenure.insight.segments import ABC, CELLS
from tenure.insight.segments.habits import BEHAVIOUR, POTENTIAL
from tenure.insight.segments.tiers import TIERS
from tenure.language import Words

RISK_BANDS: Mapping[str, Words] = {
    "high": Words("High", "高"),
    "medium": Words("Medium", "中"),
    "low": Words("Low", "低"),
}
STATES: Mapping[str, Words] = {
    "begun": Words("Being received", "接收中"),
    "committed": Words("Received", "已接收"),
    "undone": Words("Taken back", "已撤销"),
    "abandoned": Words("Broken off", "已中断"),
}
# Ways to be won or to buy, as many systems write them; what a company calls its own is shown as it calls it.
CHANNEL_WORDS: Mapping[str, Words] = {
    "web": Words("Website", "官网"), "website": Words("Website", "官网"), "online": Words("Online", "线上"),
    "app": Words("App", "App"), "store": Words("Store", "门店"), "shop": Words("Shop", "门店"), "offline": Words("Offline", "线下"),
    "referral": Words("Referral", "客户推荐"), "call-centre": Words("Call centre", "呼叫中心"),
    "call_centre": Words("Call centre", "呼叫中心"), "call_center": Words("Call centre", "呼叫中心"),
    "hotline": Words("Hotline", "热线"), "phone": Words("Phone", "电话"), "partner": Words("Partner", "合作伙伴"),
    "agent": Words("Agent", "代理商"), "wechat": Words("WeChat", "微信"), "email": Words("E-mail", "电子邮件"),
    "mail": Words("Mail", "邮件"), "sms": Words("SMS", "短信"), "social": Words("Social media", "社交媒体"),
}  # fmt: skip
KINDS: Mapping[str, Words] = CONTRACTS["customers"]["kind"].values

__all__ = ["ABC", "CELLS", "KINDS", "RISK_BANDS", "STAGES", "STATES", "TIERS", "words_for"]

_BY_NAME: Mapping[str, Mapping[str, Words]] = {
    "stage": STAGES,
    "risk": RISK_BANDS,
    "cell": CELLS,
    "tier": TIERS,
    "abc": ABC,
    "behaviour": BEHAVIOUR,
    "potential": POTENTIAL,
    "kind": KINDS,
    "channel": CHANNEL_WORDS,
    "state": STATES,
    "consent": CONSENT_STATES,
    "request": REQUESTS,
    "counted": dict(COUNTED) | {name: one.words for name, one in CONTRACTS.items()},
    "purpose": {name: purpose.words for name, purpose in PURPOSES.items()},
    "reach_by": {name: channel.words for name, channel in CHANNELS.items()},
}


def words_for(kind: str, code: object) -> str:
    """The word for a code ("stage", "mature") in the page's language; a code nobody knows is shown as it is."""
    text = "" if code is None else str(code)
    return str(_BY_NAME.get(kind, {}).get(text, text))
