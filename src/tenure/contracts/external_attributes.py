from tenure.contracts._shared import CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

external_attributes = Contract(
    name="external_attributes",
    words=Words("External attributes", "外部属性"),
    meaning=Words("Credit scores and other facts bought or received from outside", "信用分等来自外部的属性"),
    key=("customer_id", "attribute", "provider", "observed_at"),
    valid_at="observed_at",
    columns=(
        CUSTOMER,
        Column(
            "attribute",
            "text",
            Words("Attribute", "属性"),
            Words("Which attribute", "属性名称"),
            required=True,
            example="credit_score",
            aliases=("name", "属性名"),
        ),
        Column(
            "provider",
            "text",
            Words("Provider", "提供方"),
            Words("Who says so", "数据提供方"),
            required=True,
            example="bureau",
            aliases=("来源机构",),
        ),
        Column(
            "observed_at",
            "instant",
            Words("Observed", "观测时间"),
            Words("When it was true", "观测的时间"),
            required=True,
            example="2026-03-01",
            aliases=("date", "observed", "观测日期"),
        ),
        Column(
            "value",
            "text",
            Words("Value", "取值"),
            Words("The value as given", "原始取值"),
            example="712",
            aliases=("属性值",),
        ),
        Column(
            "number",
            "number",
            Words("As a number", "数值"),
            Words("The value as a number, where it is one", "可用数字表示时的数值"),
            example="712",
        ),
    ),
)
