"""How many digits a currency's minor unit has, and the sign that stands before its amounts."""

from collections.abc import Mapping

# ISO 4217: digits after the point, where they are not two.
EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
SIGNS: Mapping[str, str] = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "HKD": "HK$"}


def minor_digits(currency: str) -> int:
    """Digits of the currency's minor unit: 2 for CNY, 0 for JPY, 3 for KWD."""
    return EXPONENTS.get(currency.upper(), 2)


def sign_of(currency: str) -> str:
    """What stands before an amount: ¥ for CNY, "CHF " for CHF; nothing for no currency."""
    return SIGNS.get(currency.upper(), f"{currency} " if currency else "")
