"""Columns that several contracts have, said once."""

from tenure.contracts.base import Column
from tenure.language import Words

CUSTOMER = Column(
    "customer_id",
    "text",
    Words("Customer", "客户编号"),
    Words("The customer's number in the source", "客户在来源系统中的编号"),
    fixed=True,
    aliases=("customer", "client_id", "user_id", "member_id", "account_id", "custno", "cust_id", "household_id",
             "客户", "客户号", "客户ID", "会员号", "会员编号", "用户ID", "用户编号"),
    example="C-1001",
)  # fmt: skip
CURRENCY = Column(
    "currency",
    "text",
    Words("Currency", "币种"),
    Words("ISO 4217 code of the money in this row; blank means the workspace's own", "本行金额的 ISO 4217 币种代码；空白表示工作区本币"),
    aliases=("currency_code", "ccy", "货币"),
    example="CNY",
)  # fmt: skip
REGION = Column(
    "region",
    "text",
    Words("Region", "地区"),
    Words("Province, state or country", "省、州或国家"),
    aliases=("province", "state", "country", "省", "省份", "国家", "区域"),
    example="浙江",
)
CHANNEL = Column(
    "channel",
    "text",
    Words("Channel", "渠道"),
    Words("Where it happened: web, app, store, call centre …", "发生的渠道：网站、App、门店、呼叫中心……"),
    aliases=("channel_name", "渠道名称", "来源渠道"),
    example="app",
)
PRODUCT = Column(
    "product_id",
    "text",
    Words("Product", "产品编号"),
    Words("The product's number", "产品编号"),
    aliases=("product", "sku", "stock_code", "item_id", "item", "upc", "商品编号", "产品", "商品", "货号"),
    example="P-88",
)


def instant(name: str, en: str, zh: str, meaning_en: str, meaning_zh: str, *aliases: str, required: bool = False,
            known_at: str | None = None, example: str = "") -> Column:  # fmt: skip
    """An instant in UTC; a source without a zone is read in its mapping's zone."""
    return Column(
        name,
        "instant",
        Words(en, zh),
        Words(meaning_en, meaning_zh),
        required=required,
        known_at=known_at,
        aliases=aliases,
        example=example,
    )
