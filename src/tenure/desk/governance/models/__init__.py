from tenure.desk.governance.models.accounts import Team, User
from tenure.desk.governance.models.audit import AppendOnlyError, AuditEntry, AuditQuerySet
from tenure.desk.governance.models.roles import CustomRole
from tenure.desk.governance.models.shared import SharedValue

__all__ = ["AppendOnlyError", "AuditEntry", "AuditQuerySet", "CustomRole", "SharedValue", "Team", "User"]
