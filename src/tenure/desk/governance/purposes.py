"""What a person may be asked to agree to, and by which channel they may be reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tenure.language import Words


@dataclass(frozen=True, slots=True)
class Purpose:
    """One thing personal data is used for.

    basis: `consent`, so that silence means no; or `contract`, so that it goes on unless the person says no.
    by_channel: it is agreed to channel by channel; the others are agreed to as a whole.
    """

    name: str
    words: Words
    meaning: Words
    basis: Literal["consent", "contract"] = "consent"
    by_channel: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a person."""

    name: str
    words: Words


PURPOSES: Mapping[str, Purpose] = {
    purpose.name: purpose
    for purpose in (
        Purpose(
            "service",
            Words("Service messages", "服务通知"),
            Words(
                "What you need to know about your orders, contracts and questions.",
                "与您的订单、合同和咨询有关的必要通知。",
            ),
            basis="contract",
            by_channel=True,
        ),
        Purpose(
            "marketing",
            Words("Offers and news", "优惠与资讯"),
            Words("Offers, news and invitations from us.", "来自我们的优惠、资讯与活动邀请。"),
            by_channel=True,
        ),
        Purpose(
            "profiling",
            Words("Tailoring to you", "个性化分析"),
            Words(
                "Working out from your records what may interest you, and choosing offers by it.",
                "根据您的记录分析您可能感兴趣的内容，并据此选择推荐。",
            ),
        ),
        Purpose(
            "research",
            Words("Surveys and research", "调研"),
            Words("Asking your opinion, and learning from the answers.", "征询您的意见，并从回答中改进。"),
            by_channel=True,
        ),
        Purpose(
            "partners",
            Words("Sharing with partners", "与合作方共享"),
            Words("Passing your data to companies we work with.", "将您的数据提供给与我们合作的企业。"),
        ),
    )
}

CHANNELS: Mapping[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel("mail", Words("E-mail", "电子邮件")),
        Channel("sms", Words("Text message", "短信")),
        Channel("phone", Words("Phone call", "电话")),
        Channel("wecom", Words("WeCom", "企业微信")),
        Channel("dingtalk", Words("DingTalk", "钉钉")),
        Channel("feishu", Words("Feishu", "飞书")),
        Channel("post", Words("Letter", "信函")),
        Channel("page", Words("On our pages", "页面提示")),
    )
}

EVERY_CHANNEL = ""
"""An entry about a purpose as a whole: it speaks for each of its channels."""

STATES: Mapping[str, Words] = {
    "given": Words("Agreed", "已同意"),
    "refused": Words("Refused", "已拒绝"),
    "withdrawn": Words("Withdrawn", "已撤回"),
    "expired": Words("Run out", "已到期"),
    "unasked": Words("Not asked", "未征询"),
}
