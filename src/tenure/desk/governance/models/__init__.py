from tenure.desk.governance.models.accounts import Team, User
from tenure.desk.governance.models.audit import AppendOnlyError, AuditEntry, AuditQuerySet
from tenure.desk.governance.models.consent import ConsentEntry, PersonMerge, PreferenceLink
from tenure.desk.governance.models.rights import ErasedPerson, Retention, SubjectRequest
from tenure.desk.governance.models.roles import CustomRole

__all__ = [
    "AppendOnlyError",
    "AuditEntry",
    "AuditQuerySet",
    "ConsentEntry",
    "CustomRole",
    "ErasedPerson",
    "PersonMerge",
    "PreferenceLink",
    "Retention",
    "SubjectRequest",
    "Team",
    "User",
]
