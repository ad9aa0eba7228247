from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from tenure.desk.governance.api import may


class ThoseWithARole(AuthenticationBackend):  # type: ignore[misc]
    """Lets in, and keeps in, whoever is active and has a role; Django's staff flag plays no part.

    It is asked at every click, so a session ends where the account is closed or loses its role.
    """

    def user_can_authenticate(self, user: Any) -> bool:
        return may(user, "today")

    @classmethod
    def _stash_user(cls, user: Any) -> None:
        """Forget who it was: allauth would show "this account is inactive", and so that the password was right."""
