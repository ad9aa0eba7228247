"""What the company's line of business calls the columns of its records."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tenure.contracts import CONTRACTS, Contract, contract_named
from tenure.practice import DOCUMENT, Practice

if TYPE_CHECKING:
    from tenure.lake import Lake


def shapes(lake: "Lake | None") -> Mapping[str, Contract]:
    """Every contract, with the names its columns go by in this company; no lake has none of its own."""
    return Practice.told(lake.document(DOCUMENT)).shapes() if lake is not None else CONTRACTS


def shape_of(lake: "Lake | None", contract: Contract | str) -> Contract:
    """One contract like that. Raises TenureError for a name there is not."""
    return shapes(lake)[contract_named(contract).name] if isinstance(contract, str) else contract
