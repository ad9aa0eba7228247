from tenure.contracts._shared import CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

snapshot = Contract(
    name="snapshot",
    words=Words("Snapshot", "客户快照"),
    meaning=Words(
        "One wide row for each customer with a yes/no outcome: the form in which most companies have their churn data",
        "每位客户一行的宽表，附带是/否结果：多数公司流失数据的形式",
    ),
    key=("customer_id",),
    valid_at="observed_at",
    fact=False,
    open=True,
    columns=(
        CUSTOMER,
        Column(
            "observed_at",
            "instant",
            Words("Observed", "观测时间"),
            Words(
                "The day the columns describe; the time of receipt where the file does not say",
                "各列所描述的日期；文件没有时取接收时间",
            ),
            aliases=("as_of", "snapshot_date", "date", "快照日期"),
        ),
        Column(
            "outcome",
            "boolean",
            Words("Outcome", "结果"),
            Words("Did it happen (left, bought, …)", "是否发生（流失、购买……）"),
            aliases=("churn", "churned", "label", "target", "是否流失"),
        ),
    ),
)
