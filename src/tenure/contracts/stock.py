from dataclasses import replace

from tenure.contracts._shared import PRODUCT, instant
from tenure.contracts.base import Column, Contract
from tenure.language import Words

stock = Contract(
    name="stock",
    words=Words("Stock", "库存"),
    meaning=Words("How many of a product lay in a place when it was counted", "盘点时某地某产品的在库数量"),
    key=("product_id", "location", "counted_at"),
    person=None,
    valid_at="counted_at",
    columns=(
        replace(PRODUCT, required=True),
        Column(
            "location",
            "text",
            Words("Location", "库位"),
            Words("Warehouse or shop where it lies", "所在仓库或门店"),
            required=True,
            example="Hangzhou",
            aliases=("warehouse", "store", "仓库", "门店"),
        ),
        instant(
            "counted_at",
            "Counted",
            "盘点时间",
            "When it was counted",
            "盘点的时间",
            "counted_on",
            "date",
            "盘点日期",
            "库存日期",
            required=True,
            example="2026-03-01",
        ),
        Column(
            "on_hand",
            "number",
            Words("On hand", "在库数量"),
            Words("How many there are", "在库的数量"),
            required=True,
            example="120",
            aliases=("quantity", "qty", "stock_quantity", "库存数量", "库存"),
        ),
    ),
)
