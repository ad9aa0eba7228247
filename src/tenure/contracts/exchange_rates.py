from tenure.contracts.base import Column, Contract
from tenure.language import Words

exchange_rates = Contract(
    name="exchange_rates",
    words=Words("Exchange rates", "汇率"),
    meaning=Words("What one unit of a currency is worth in another on a day", "某日一单位货币折合另一货币的数额"),
    key=("currency", "base_currency", "valid_on"),
    person=None,
    valid_at="valid_on",
    columns=(
        Column(
            "currency",
            "text",
            Words("Currency", "币种"),
            Words("The currency that is priced", "被折算的币种"),
            required=True,
            example="USD",
            aliases=("from", "from_currency", "ccy", "货币"),
        ),
        Column(
            "base_currency",
            "text",
            Words("Into", "折合币种"),
            Words("The currency it is priced in", "折合成的币种"),
            required=True,
            example="CNY",
            aliases=("to", "to_currency", "base", "本币"),
        ),
        Column(
            "valid_on",
            "date",
            Words("Day", "日期"),
            Words("From this day on, until the next rate", "自此日起生效，至下一汇率为止"),
            required=True,
            example="2026-03-01",
            aliases=("date", "rate_date", "生效日期"),
        ),
        Column(
            "rate",
            "decimal",
            Words("Rate", "汇率"),
            Words("Units of the second for one unit of the first", "一单位前者折合后者的数额"),
            required=True,
            example="7.120000",
            aliases=("exchange_rate", "fx_rate"),
        ),
    ),
)
