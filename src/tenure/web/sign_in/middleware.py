"""What a session must still be worth at each click."""

from collections.abc import Callable
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.desk.governance.models import User
from tenure.web.sign_in.adapters import must_have_second_factor

GetResponse = Callable[[HttpRequest], HttpResponse]
SEEN_EVERY = timedelta(minutes=5)


def sessions_follow_the_account(get_response: GetResponse) -> GetResponse:
    """A session of an account that was closed or lost its role is ended for good, not only refused.

    Otherwise it would come back to life with the account. Every few minutes the session's last use is noted.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session:
            if request.user.is_authenticated:
                note_use(request)
            else:
                request.session.flush()
                request.user = AnonymousUser()
        return get_response(request)

    return middleware


def note_use(request: HttpRequest) -> None:
    now = timezone.now()
    if request.session.get("seen", 0) > (now - SEEN_EVERY).timestamp():
        return
    request.session["seen"] = int(now.timestamp())
    UserSession.objects.filter(session_key=request.session.session_key).update(
        last_seen_at=now,
        ip=get_adapter(request).get_client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:200],
    )


def second_factor_first(get_response: GetResponse) -> GetResponse:
    """Who must have a second factor and has none yet may do nothing else than add one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and must_have_second_factor(user) and not on_the_way(request.path):
            factors = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
            if not is_mfa_enabled(user, factors):
                messages.warning(request, _("Your role needs a second factor. Add one to go on."))
                return HttpResponseRedirect(reverse("mfa_index"))
        return get_response(request)

    return middleware


def on_the_way(path: str) -> bool:
    """Whether the page is needed to add a factor, or to go."""
    others = {reverse(name) for name in ("account_logout", "account_reauthenticate", "set_language", "admin:logout")}
    return path.startswith((reverse("mfa_index"), "/static/")) or path in others
