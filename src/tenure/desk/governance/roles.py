"""What a role is, and those that every company starts with. A role that is neither here nor made on the desk, or none,
sees nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from tenure.contracts import CONTRACTS
from tenure.lake.scope import Reach, Shown
from tenure.language import Words

# A page, or something done on one. Sidebar, routes, operations and buttons all ask for the same words.
Permission: TypeAlias = Literal[
    "today", "customers", "insight", "data", "import", "users", "export", "assign", "share",
    "roles", "audit", "keys", "consent", "rights", "grants", "edit", "fields", "merge", "relate",
    "archive", "tiers", "segments", "sql", "pack", "models", "causes", "competitors",
]  # fmt: skip

PERMISSIONS: Mapping[str, Words] = {
    "today": Words("Today: sign in and see what needs attention", "今日：登录并查看待关注事项"),
    "customers": Words("Customers: the list and each customer's page", "客户：列表与客户详情"),
    "insight": Words("Insight: figures over the customers within reach", "洞察：可见客户的各项指标"),
    "segments": Words("Segments: group customers by conditions", "细分群体：按条件圈选客户"),
    "sql": Words("Ask questions of SQL over what may be seen", "对可见数据执行 SQL 查询"),
    "data": Words("Data: what was received, and from where", "数据：接收了什么、来自何处"),
    "import": Words("Bring records in, and take a batch back", "导入记录与撤销批次"),
    "export": Words("Take customers out as a file", "将客户导出为文件"),
    "edit": Words("Fill in the company's own fields of a customer", "填写客户的自定义字段"),
    "fields": Words("Make fields of the company's own", "管理自定义字段"),
    "assign": Words("Give customers to an owner or a team", "将客户分配给负责人或团队"),
    "merge": Words("Say which customers are the same person", "判定哪些客户是同一人"),
    "relate": Words(
        "Record who belongs to whom: companies, employees, households", "登记客户间的关系：公司、员工、家庭"
    ),
    "archive": Words(
        "Archive records that are wrong, double or stale, and bring them back", "归档有误、重复或过时的记录，以及恢复"
    ),
    "tiers": Words("Set the tiers and how each is served", "设定客户分级与服务政策"),
    "pack": Words(
        "Choose the industry pack, and set targets and what counts as churn", "选择行业方案，设定目标与流失定义"
    ),
    "models": Words("Keep the churn models: learn anew, choose the champion", "管理流失模型：重新训练、选定现用版本"),
    "causes": Words("Confirm why customers left, and decide what is done about it", "确认客户流失原因，并决定改进措施"),
    "competitors": Words(
        "Keep the register of competitors, and say who was lost to whom", "维护竞争对手档案，并登记客户流失去向"
    ),
    "share": Words("Share saved views with colleagues", "与同事共享已存视图"),
    "consent": Words("Record what customers agree to", "登记客户的同意与拒绝"),
    "rights": Words(
        "Answer requests about personal data: export, correct, erase", "处理个人信息请求：导出、更正、删除"
    ),
    "grants": Words("Share customers with a partner for a time", "限时向合作方共享客户"),
    "keys": Words("Keys for programs that use the API", "管理供程序调用接口的密钥"),
    "audit": Words("Read the audit trail", "查看审计记录"),
    "users": Words("Keep accounts and teams", "管理账号与团队"),
    "roles": Words("Change what roles may see and do", "修改角色的可见范围与权限"),
}
assert set(PERMISSIONS) == set(get_args(Permission))

REACHES: Mapping[str, Words] = {
    "none": Words("Nobody", "不可见"),
    "own": Words("Own customers", "本人客户"),
    "team": Words("The team's customers", "本团队客户"),
    "region": Words("Customers of the regions", "所辖地区客户"),
    "all": Words("Every customer", "全部客户"),
}
SHOWN: Mapping[str, Words] = {
    "clear": Words("Clear", "明文"),
    "masked": Words("In part", "部分隐藏"),
    "hidden": Words("Hidden", "隐藏"),
}
# Records that a role may reach further, or less far, than the customers themselves.
OBJECTS: tuple[str, ...] = tuple(
    name for name, contract in CONTRACTS.items() if contract.person and name != "customers"
)


@dataclass(frozen=True, slots=True)
class Role:
    """reach: whose customers; `team` is the own team, or the regions named on the account; `region` the regions of
    the account, or of its team. objects: contracts whose records reach elsewhere. fields: `lake.fields` by how they
    are shown, those not named in clear.
    """

    code: str
    words: Words
    meaning: Words
    reach: Reach
    permissions: frozenset[str]
    fields: Mapping[str, Shown] = field(default_factory=dict)
    objects: Mapping[str, Reach] = field(default_factory=dict)

    def having(self, shown: Shown) -> frozenset[str]:
        """The fields shown like this."""
        return frozenset(name for name, how in self.fields.items() if how == shown)


_WORK = frozenset({"today", "customers", "consent", "edit", "relate"})
_LOOK = frozenset({"today", "customers", "insight", "data", "export"})

BUILT_IN: Mapping[str, Role] = {
    role.code: role
    for role in (
        Role(
            "admin",
            Words("Administrator", "管理员"),
            Words("Sees every customer, and keeps the accounts", "可见全部客户，并管理账号"),
            "all",
            frozenset(PERMISSIONS),
        ),
        Role(
            "manager",
            Words("Manager", "主管"),
            Words(
                "Sees the customers of the regions on the account, or else of the own team",
                "可见账号所列地区的客户；未列地区时可见本团队客户",
            ),
            "team",
            _LOOK
            | {
                "assign",
                "edit",
                "share",
                "consent",
                "keys",
                "merge",
                "relate",
                "archive",
                "segments",
                "causes",
                "competitors",
            },
            {"id_number": "masked"},
        ),
        Role(
            "agent",
            Words("Agent", "客户经理"),
            Words("Sees the own customers", "可见本人名下客户"),
            "own",
            _WORK,
            {"id_number": "masked"},
        ),
        Role(
            "analyst",
            Words("Analyst", "分析师"),
            Words(
                "Sees every customer, without phone, e-mail, ID number, birth date, street and free text",
                "可见全部客户，但不含电话、邮箱、证件号、生日、街道与自由文本",
            ),
            "all",
            _LOOK | {"keys", "segments", "sql", "models"},
            dict.fromkeys(
                ("phone", "email", "id_number", "birth_date", "street", "identity", "text", "extra"), "hidden"
            ),
        ),
    )
}
FIXED = "admin"
"""The one role nobody can change: whoever breaks every other can still mend them."""
