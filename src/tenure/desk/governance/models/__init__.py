from tenure.desk.governance.models.accounts import Team, User, role_choices
from tenure.desk.governance.models.audit import AppendOnlyError, AuditEntry, AuditQuerySet

__all__ = ["AppendOnlyError", "AuditEntry", "AuditQuerySet", "Team", "User", "role_choices"]
