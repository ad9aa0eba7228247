from tenure.desk.governance.models.accounts import Team, User
from tenure.desk.governance.models.audit import AppendOnlyError, AppendOnlyQuerySet, AuditEntry, ChainLink
from tenure.desk.governance.models.consent import ConsentEntry, PersonMerge, PreferenceLink
from tenure.desk.governance.models.grants import Grant
from tenure.desk.governance.models.keys import Key
from tenure.desk.governance.models.rights import ErasedPerson, Retention, SubjectRequest
from tenure.desk.governance.models.roles import CustomRole
from tenure.desk.governance.models.shared import SharedValue

__all__ = [
    "AppendOnlyError",
    "AppendOnlyQuerySet",
    "AuditEntry",
    "ChainLink",
    "ConsentEntry",
    "CustomRole",
    "ErasedPerson",
    "Grant",
    "Key",
    "PersonMerge",
    "PreferenceLink",
    "Retention",
    "SharedValue",
    "SubjectRequest",
    "Team",
    "User",
]
