"""allauth, told our rules: no sign-up, the same answer whatever was wrong, no e-mail without a mail server."""

import logging
import smtplib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from tenure.desk.governance import sign_in
from tenure.desk.governance.api import may
from tenure.desk.governance.models import User
from tenure.desk.lake import workspace
from tenure.vault import vault
from tenure.web.sidebar import NAME

log = logging.getLogger("tenure.sign_in")

LOCKED_SECONDS = 300
SEALED_UNDER = "desk\x1fsecond_factors"


def shown_name(user: User) -> str:
    return user.shown_name


def must_have_second_factor(user: User) -> bool:
    """Whether the workspace asks for a second factor of this user's role."""
    roles = workspace().second_factor
    return "*" in roles or user.role in roles


def title() -> str:
    company = workspace().company
    return f"{NAME} · {company}" if company else str(NAME)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _("The user name or the password is not right."),
        "too_many_login_attempts": _("Too many attempts. Try again in five minutes."),
        "incorrect_code": _("That code is not right."),
        "incorrect_password": _("The password is not right."),
        "rate_limited": _("Too many attempts. Try again in a few minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """A way back leads to this host alone."""
        request = context.request
        return bool(url) and url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # allauth counts for each host name; a server with two names would give twice as many tries.
        return str(credentials.get("username", "")).lower()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self._attempted = str(credentials.get("username", ""))
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        sign_in.refused(
            str(credentials.get("username", "")),
            why="password",
            address=self.get_client_ip(request),
            now=timezone.now(),
        )

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        if code == "too_many_login_attempts":
            self._record_lock_out()
        return super().validation_error(code, *args)  # type: ignore[no-any-return]

    def _record_lock_out(self) -> None:
        """One audit entry a lock-out, however often the closed door is tried."""
        request = context.request
        stage = getattr(request, "_login_stage", None)
        user = request.user if request.user.is_authenticated else stage.login.user if stage else None
        username = user.username if user else getattr(self, "_attempted", "")
        address = self.get_client_ip(request)
        told = salted_hmac("tenure.lock_out", f"{username.lower()}\n{address}").hexdigest()
        if cache.add(f"lock_out:{told}", True, LOCKED_SECONDS):
            sign_in.locked_out(username, address=address, now=timezone.now())

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """Whoever a provider or a passkey vouches for must have an open account with a role all the same."""
        if may(user, "today"):
            return super().pre_login(request, user, **kwargs)  # type: ignore[no-any-return]
        from allauth.account.internal.stagekit import clear_login

        clear_login(request)
        address = self.get_client_ip(request)
        sign_in.refused(user.username, why="role", address=address, now=timezone.now())
        return unknown(request)

    def send_password_reset_mail(self, user: Any, email: str, context: dict[str, Any]) -> None:
        if may(user, "today"):
            super().send_password_reset_mail(user, email, context)

    def send_notification_mail(self, template_prefix: str, user: Any, context: Any = None, email: Any = None) -> None:
        """Tell people by mail that how they sign in changed; their address stands on the account."""
        if email or user.email:
            super().send_notification_mail(template_prefix, user, context=context, email=email or user.email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send once what it tells of is committed. A mail server that fails is logged, and the page is the same."""
        if not settings.EMAIL_HOST and "locmem" not in settings.EMAIL_BACKEND:
            return
        message = self.render_mail(template_prefix, email, {"email": email, "site": title(), **context})

        def send() -> None:
            try:
                message.send()
            except (OSError, smtplib.SMTPException) as error:
                log.error("mail was not sent: %s", type(error).__name__)

        transaction.on_commit(send)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps and recovery codes stand in the database sealed by the vault."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("That code is not right."),
        "cannot_delete_authenticator": _("Your role needs a second factor: add another before this one goes."),
    }

    def encrypt(self, text: str) -> str:
        sealed = vault().seal(SEALED_UNDER, text, context="second factor")
        assert sealed is not None  # nobody erases the desk's own key
        return sealed

    def decrypt(self, encrypted_text: str) -> str:
        plain = vault().unseal(encrypted_text, context="second factor")
        assert plain is not None
        return plain

    def get_totp_label(self, user: Any) -> str:
        return str(user.username)

    def get_totp_issuer(self) -> str:
        return title()

    def _get_site_name(self) -> str:
        return title()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last factor stays where the role must have one."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        more = others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
        return more or not must_have_second_factor(authenticator.user)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        AccountAdapter(context.request).send_notification_mail(*args, **kwargs)


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An identity of another provider opens an account that is there; it never makes one."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:
        """Providers stand in tenure.toml, never in the database."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """No: allauth would take the password away from the account; `pre_social_login` does it without."""
        return False

    def new_user(self, request: HttpRequest, sociallogin: SocialLogin) -> Any:
        """Of all a provider tells, keep what the person knows the identity by."""
        told = [address.email for address in sociallogin.email_addresses]
        data = sociallogin.account.extra_data
        name = next((data[key] for key in ("name", "nick", "nickname", "userid") if data.get(key)), "")
        sociallogin.account.extra_data = {"name": str((told or [name])[0] or sociallogin.account.uid)}
        return super().new_user(request, sociallogin)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the account: by the linked identity (allauth did), else by an e-mail address the provider verified."""
        if sociallogin.state.get("process") == AuthProcess.CONNECT or sociallogin.is_existing:
            return
        user = by_verified_email(sociallogin)
        if user is None:
            address = AccountAdapter(request).get_client_ip(request)
            provider = sociallogin.account.provider
            sign_in.refused("", why="unknown", address=address, now=timezone.now(), provider=provider)
            raise ImmediateHttpResponse(unknown(request))
        sociallogin.user = user

    def on_authentication_error(self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None,
                                extra_context: Any = None) -> None:  # fmt: skip
        if error == AuthError.CANCELLED:
            return
        log.warning("sign-in by %s failed: %s", provider.sub_id, type(exception).__name__ if exception else error)
        address = AccountAdapter(request).get_client_ip(request)
        sign_in.refused("", why="provider", address=address, now=timezone.now(), provider=provider.sub_id)


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    def end_sessions(self, sessions: Any) -> None:
        ending = list(sessions)
        if not ending:
            return
        with transaction.atomic():
            super().end_sessions(ending)
            sign_in.sessions_ended(ending[0].user, sessions=len(ending), now=timezone.now())


def by_verified_email(sociallogin: SocialLogin) -> User | None:
    """The one account that may come in with an address the provider verified; two with the same address are none."""
    verified = {address.email.lower() for address in sociallogin.email_addresses if address.verified is True}
    found = {user.pk: user for email in verified for user in User.objects.filter(email__iexact=email)}
    fit = [user for user in found.values() if may(user, "today")]
    return fit[0] if len(fit) == 1 else None


def unknown(request: HttpRequest) -> HttpResponse:
    """Says whom to ask, and not what is known here."""
    here = workspace()
    answer = {"contact": here.contact, "company": here.company}
    return render(request, "socialaccount/unknown.html", answer, status=403)
