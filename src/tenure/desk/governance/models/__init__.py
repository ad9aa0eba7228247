from tenure.desk.governance.models.accounts import Team, User
from tenure.desk.governance.models.audit import AppendOnlyError, AuditEntry, AuditQuerySet
from tenure.desk.governance.models.keys import Key
from tenure.desk.governance.models.roles import CustomRole
from tenure.desk.governance.models.shared import SharedValue

__all__ = ["AppendOnlyError", "AuditEntry", "AuditQuerySet", "CustomRole", "Key", "SharedValue", "Team", "User"]
