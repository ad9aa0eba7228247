"""What each role may see and do. A role that is not here, or none, sees nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from tenure.contracts import CONTRACTS
from tenure.lake.scope import Reach
from tenure.language import Words

# A page, or something done on one. Sidebar, routes and buttons all ask for the same words.
Permission: TypeAlias = Literal[
    "today", "customers", "insight", "data", "users", "export", "assign", "share",
    "roles", "audit", "keys", "consent", "rights", "grants",
]  # fmt: skip

# Names, pinyin and region stay clear for all who see the customer; every other personal column, and what a source
# sent beyond its contract (which may name anyone), is hidden from roles that mask.
PERSONAL: frozenset[str] = frozenset().union(*(contract.personal for contract in CONTRACTS.values())) - {"name"} | {
    "phone_last4",
    "extra",
}


@dataclass(frozen=True, slots=True)
class Role:
    """reach: whose customers. A manager reaches the regions named on the account, else the own team."""

    words: Words
    meaning: Words
    reach: Reach
    permissions: frozenset[Permission]
    masked: frozenset[str] = frozenset()


ROLES: Mapping[str, Role] = {
    "admin": Role(
        Words("Administrator", "管理员"),
        Words("Sees every customer, and keeps the accounts", "可见全部客户，并管理账号"),
        "all",
        frozenset(get_args(Permission)),
    ),
    "manager": Role(
        Words("Manager", "主管"),
        Words(
            "Sees the customers of the regions on the account, or else of the own team",
            "可见账号所列地区的客户；未列地区时可见本团队客户",
        ),
        "team",
        frozenset({"today", "customers", "insight", "data", "export", "assign", "share", "consent"}),
    ),
    "agent": Role(
        Words("Agent", "客户经理"),
        Words("Sees the own customers", "可见本人名下客户"),
        "own",
        frozenset({"today", "customers", "consent"}),
    ),
    "analyst": Role(
        Words("Analyst", "分析师"),
        Words(
            "Sees every customer, without phone, e-mail, ID number, birth date, street and free text",
            "可见全部客户，但不含电话、邮箱、证件号、生日、街道与自由文本",
        ),
        "all",
        frozenset({"today", "customers", "insight", "data", "export"}),
        PERSONAL,
    ),
}
