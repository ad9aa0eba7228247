from tenure.desk.governance.models.accounts import Team, User
from tenure.desk.governance.models.audit import AppendOnlyError, AppendOnlyQuerySet, AuditEntry, ChainLink
from tenure.desk.governance.models.grants import Grant
from tenure.desk.governance.models.keys import Key
from tenure.desk.governance.models.roles import CustomRole
from tenure.desk.governance.models.shared import SharedValue

__all__ = [
    "AppendOnlyError",
    "AppendOnlyQuerySet",
    "AuditEntry",
    "ChainLink",
    "CustomRole",
    "Grant",
    "Key",
    "SharedValue",
    "Team",
    "User",
]
