"""One form for what people write in many; `STANDARDS` is what the folder holds, one file a kind."""

import sys

from tenure.errors import TenureError
from tenure.identity.standard._text import simplified, simplify
from tenure.identity.standard.base import FINE, Example, Fault, Standard
from tenure.identity.standard.company import companies, company_parts
from tenure.identity.standard.credit_code import credit_codes
from tenure.identity.standard.date import dates
from tenure.identity.standard.email import emails, suggested
from tenure.identity.standard.id_number import birth_dates, id_numbers, sexes, valid_id_number
from tenure.identity.standard.money import money
from tenure.identity.standard.name import names, titles
from tenure.identity.standard.phone import extensions, phones
from tenure.identity.standard.region import regions
from tenure.language import tr
from tenure.registry import scan

STANDARDS: dict[str, Standard] = scan(sys.modules[__name__], Standard)

__all__ = [
    "FINE",
    "STANDARDS",
    "Example",
    "Fault",
    "Standard",
    "birth_dates",
    "companies",
    "company_parts",
    "credit_codes",
    "dates",
    "emails",
    "extensions",
    "id_numbers",
    "money",
    "names",
    "phones",
    "regions",
    "sexes",
    "simplified",
    "simplify",
    "standard_named",
    "suggested",
    "titles",
    "valid_id_number",
]


def standard_named(name: str) -> Standard:
    """The standard of this name. Raises TenureError, naming those there are, for any other."""
    try:
        return STANDARDS[name]
    except KeyError:
        raise TenureError(
            tr(
                'There is no standard "{name}". There are: {known}. See what each does with: tenure list standards',
                name=name,
                known=", ".join(STANDARDS),
            )
        ) from None
