from tenure.contracts._shared import CURRENCY, CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

opportunities = Contract(
    name="opportunities",
    words=Words("Opportunities", "商机"),
    meaning=Words(
        "Deals with customers, from the first talk until won or lost", "与客户的商机，从初次洽谈到赢单或输单"
    ),
    key=("opportunity_id",),
    valid_at="opened_at",
    columns=(
        Column(
            "opportunity_id",
            "text",
            Words("Opportunity", "商机编号"),
            Words("The deal's number", "商机编号"),
            required=True,
            example="D-1",
            aliases=("opportunity", "deal_id", "deal", "商机ID"),
        ),
        CUSTOMER,
        Column(
            "name",
            "text",
            Words("Name", "名称"),
            Words("What the deal is called", "商机名称"),
            example="园区专线",
            aliases=("opportunity_name", "deal_name", "商机名称"),
        ),
        Column(
            "pipeline",
            "text",
            Words("Pipeline", "销售漏斗"),
            Words("Which run of stages it goes through", "所走的阶段流程"),
            example="dedicated-lines",
            aliases=("funnel", "deal_type", "销售流程"),
        ),
        Column(
            "opened_at",
            "instant",
            Words("Opened", "创建时间"),
            Words("When the deal began", "商机开始的时间"),
            required=True,
            example="2026-03-01",
            aliases=("created_at", "engage_date", "open_date", "创建日期"),
        ),
        Column(
            "closed_at",
            "instant",
            Words("Closed", "关闭时间"),
            Words("When it was won or lost; blank while it is open", "赢单或输单的时间；进行中为空"),
            known_at="closed_at",
            aliases=("close_date", "closed", "关闭日期", "成交日期"),
        ),
        Column(
            "outcome",
            "text",
            Words("Outcome", "结果"),
            Words("Won or lost; blank while it is open", "赢单或输单；进行中为空"),
            known_at="closed_at",
            values={"won": Words("Won", "赢单"), "lost": Words("Lost", "输单")},
            aliases=("result", "deal_stage", "商机结果"),
        ),
        Column(
            "amount_minor",
            "money",
            Words("Amount", "金额"),
            Words("What the deal is worth", "商机金额"),
            example="50000.00",
            aliases=("amount", "close_value", "deal_value", "商机金额"),
        ),
        CURRENCY,
        Column(
            "owner",
            "text",
            Words("Owner", "负责人"),
            Words("User name of who works on the deal", "负责该商机的用户名"),
            example="dee",
            aliases=("sales_agent", "sales_rep", "销售"),
        ),
    ),
)
