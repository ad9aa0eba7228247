from tenure.desk.governance.models.accounts import Team, User
from tenure.desk.governance.models.audit import AppendOnlyError, AppendOnlyQuerySet, AuditEntry, ChainLink
from tenure.desk.governance.models.grants import Grant
from tenure.desk.governance.models.roles import CustomRole

__all__ = [
    "AppendOnlyError",
    "AppendOnlyQuerySet",
    "AuditEntry",
    "ChainLink",
    "CustomRole",
    "Grant",
    "Team",
    "User",
]
