from dataclasses import replace

from tenure.contracts._shared import CUSTOMER, instant
from tenure.contracts.base import Column, Contract
from tenure.language import Words

relations = Contract(
    name="relations",
    words=Words("Relations", "客户关系"),
    meaning=Words(
        "Who belongs to whom: parent companies and branches, employers, households, referrals",
        "谁与谁有关：上级公司与分支、任职公司、家庭、推荐",
    ),
    key=("customer_id", "related_id", "relation"),
    valid_at="updated_at",
    fact=False,
    others=("related_id",),
    columns=(
        replace(CUSTOMER, required=True),
        Column(
            "related_id",
            "text",
            Words("Other customer", "关联客户编号"),
            Words("The other customer's number in the same source", "另一客户在同一来源系统中的编号"),
            required=True,
            fixed=True,
            aliases=("related", "related_customer", "related_to", "other_customer", "other_id", "to_customer",
                     "关联客户", "相关客户", "对方编号", "对方客户编号"),
            example="C-1002",
        ),
        Column(
            "relation",
            "text",
            Words("What the other is", "关系"),
            Words(
                "What the other is to this customer: parent, branch, employer, employee, decides_for, decision_maker, "
                "household, referrer, referred; anything else is kept as its own name",
                "对方是本客户的什么：parent 上级公司、branch 分支机构、employer 任职公司、employee 员工、decides_for 决策对象、"
                "decision_maker 决策人、household 同一家庭、referrer 推荐人、referred 被推荐客户；其他文字按原名保留",
            ),
            required=True,
            fixed=True,
            aliases=("relationship", "relation_type", "relationship_type", "relation_kind", "关系类型", "与本客户关系"),
            example="parent",
        ),
        Column(
            "since",
            "date",
            Words("Since", "开始日期"),
            Words("From which day it holds", "自哪一天起成立"),
            aliases=("relation_since", "关系开始日期"),
            example="2024-01-01",
        ),
        Column(
            "until",
            "date",
            Words("Until", "结束日期"),
            Words("The last day it holds; blank while it does", "成立的最后一天；仍然成立时留空"),
            aliases=("relation_until", "关系结束日期"),
        ),
        Column(
            "note",
            "text",
            Words("Note", "备注"),
            Words("What else is known of it", "其他说明"),
            personal="text",
            aliases=("relation_note", "关系备注"),
        ),
        instant(
            "updated_at", "Updated", "更新时间", "When the source last changed this row", "来源系统最后修改本行的时间",
            "modified_at", "修改时间",
        ),
    ),
)  # fmt: skip
