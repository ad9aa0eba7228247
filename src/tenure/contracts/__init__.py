"""The shape of every record, one file each; `CONTRACTS` is what the folder holds, in order of file name."""

import sys

from tenure.contracts.base import STAMPS, Column, Contract, base_money, fault_column, standard_column
from tenure.errors import TenureError
from tenure.language import tr
from tenure.registry import scan

CONTRACTS: dict[str, Contract] = scan(sys.modules[__name__], Contract)

__all__ = [
    "CONTRACTS",
    "STAMPS",
    "Column",
    "Contract",
    "base_money",
    "contract_named",
    "fault_column",
    "standard_column",
]


def contract_named(name: str) -> Contract:
    """The contract of this name. Raises TenureError, naming those there are, for any other."""
    try:
        return CONTRACTS[name]
    except KeyError:
        raise TenureError(
            tr(
                'There is no contract "{name}". There are: {known}. See what each holds with: tenure list contracts',
                name=name,
                known=", ".join(CONTRACTS),
            )
        ) from None
