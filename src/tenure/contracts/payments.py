from tenure.contracts._shared import CURRENCY, CUSTOMER
from tenure.contracts.base import Column, Contract
from tenure.language import Words

payments = Contract(
    name="payments",
    words=Words("Payments", "付款"),
    meaning=Words("Money received, and bills not paid in time", "收款与逾期账单"),
    key=("payment_id",),
    valid_at="due_at",
    columns=(
        Column(
            "payment_id",
            "text",
            Words("Payment", "付款编号"),
            Words("The payment's number", "付款编号"),
            required=True,
            example="F-1",
            aliases=("payment", "流水号", "付款号"),
        ),
        CUSTOMER,
        Column(
            "subscription_id",
            "text",
            Words("Subscription", "订购编号"),
            Words("What it pays for", "对应的订购"),
            aliases=("contract_id", "合同编号"),
        ),
        Column(
            "order_id",
            "text",
            Words("Order", "订单号"),
            Words("The order it pays", "对应的订单"),
            aliases=("order", "订单编号"),
        ),
        Column(
            "due_at",
            "instant",
            Words("Due", "应付时间"),
            Words("When it was due; the row is known from then on", "应付的时间；自此可知"),
            required=True,
            example="2026-03-05",
            aliases=("due_date", "应付日期", "账单日"),
        ),
        Column(
            "paid_at",
            "instant",
            Words("Paid", "付款时间"),
            Words("When it was paid; blank while it is not", "实际付款时间；未付为空"),
            known_at="paid_at",
            example="2026-03-04",
            aliases=("payment_date", "付款日期", "支付时间"),
        ),
        Column(
            "amount_minor",
            "money",
            Words("Amount", "金额"),
            Words("What was due; negative is money given back", "应付金额；负数为退款"),
            required=True,
            example="99.00",
            aliases=("amount", "total", "应付金额", "付款金额"),
        ),
        CURRENCY,
        Column(
            "method",
            "text",
            Words("Method", "付款方式"),
            Words("How it is paid", "付款方式"),
            example="wechat",
            aliases=("payment_method", "支付方式"),
        ),
    ),
)
