"""Who asks: the holder of a key, and what an operation needs."""

from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import HttpError
from ninja.security import HttpBearer

from tenure.desk.governance import keys
from tenure.desk.governance.keys import Holder
from tenure.desk.governance.roles import Permission


class Key(HttpBearer):
    """`Authorization: Bearer <key>`; keys are made under Settings, API keys.

    permission: what the operation needs, asked before anything that was sent is looked at.
    """

    def __init__(self, permission: Permission | None = None) -> None:
        super().__init__()
        self.permission = permission

    def authenticate(self, request: HttpRequest, token: str) -> Holder | None:
        """The holder of this key; None (401) for one that is forged, expired, revoked or whose owner is gone."""
        key = keys.authenticate(token, now=timezone.now())
        found = keys.holder(key) if key is not None else None
        if found is not None and self.permission is not None and not found.may(self.permission):
            raise HttpError(403, f"This key may not do this; it lacks the permission {self.permission}.")
        return found


def holder(request: HttpRequest) -> Holder:
    """Who holds the key this request came with."""
    found: Holder = request.auth  # type: ignore[attr-defined]
    return found
