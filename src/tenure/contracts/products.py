from tenure.contracts._shared import CURRENCY, PRODUCT
from tenure.contracts.base import Column, Contract
from tenure.language import Words

products = Contract(
    name="products",
    words=Words("Products", "产品"),
    meaning=Words("What we sell", "我们销售的产品与服务"),
    key=("product_id",),
    person=None,
    valid_at="updated_at",
    fact=False,
    columns=(
        PRODUCT,
        Column(
            "name",
            "text",
            Words("Name", "名称"),
            Words("What the product is called", "产品名称"),
            example="家庭宽带 500M",
            aliases=("product_name", "description", "商品名称", "产品名称"),
        ),
        Column(
            "category",
            "text",
            Words("Category", "类别"),
            Words("Product category", "产品类别"),
            example="broadband",
            aliases=("product_category", "series", "品类", "分类"),
        ),
        Column("brand", "text", Words("Brand", "品牌"), Words("Brand", "品牌")),
        Column(
            "price",
            "decimal",
            Words("List price", "标价"),
            Words("List price of one unit, in the currency", "单位标价（按币种）"),
            example="99.00",
            aliases=("list_price", "sales_price", "unit_price", "单价", "售价"),
        ),
        Column(
            "cost",
            "decimal",
            Words("Unit cost", "单位成本"),
            Words("What one unit costs us", "单位成本"),
            example="40.00",
            aliases=("unit_cost", "成本"),
        ),
        CURRENCY,
        Column(
            "replaced_by",
            "text",
            Words("Replaced by", "替代产品"),
            Words("The product that took its place", "替代它的产品"),
        ),
        Column(
            "updated_at",
            "instant",
            Words("Updated", "更新时间"),
            Words("When the source last changed this row", "来源系统最后修改本行的时间"),
            aliases=("modified_at",),
        ),
    ),
)
