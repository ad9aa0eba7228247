"""What allauth tells of becomes an audit entry."""

from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa import signals as factors
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as providers
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from django.utils import timezone

from tenure.desk.governance import sign_in
from tenure.desk.governance.models import User


def connect() -> None:
    account.user_logged_in.connect(signed_in, dispatch_uid="tenure")
    user_logged_out.connect(signed_out, dispatch_uid="tenure")
    account.password_changed.connect(password_changed, dispatch_uid="tenure")
    account.password_set.connect(password_changed, dispatch_uid="tenure")
    account.password_reset.connect(password_reset, dispatch_uid="tenure")
    factors.authentication_failed.connect(code_refused, dispatch_uid="tenure")
    factors.authenticator_reset.connect(codes_renewed, dispatch_uid="tenure")
    # allauth announces a new factor after the commit; the entry belongs into the same transaction as the row.
    post_save.connect(factor_added, sender=Authenticator, dispatch_uid="tenure")
    post_delete.connect(factor_removed, sender=Authenticator, dispatch_uid="tenure")
    providers.social_account_added.connect(identity_linked, dispatch_uid="tenure")
    providers.social_account_removed.connect(identity_unlinked, dispatch_uid="tenure")


def signed_in(request: HttpRequest, user: User, **_more: Any) -> None:
    records = get_authentication_records(request, user)
    first = records[0] if records else {}
    method = first.get("provider") or ("passkey" if first.get("passwordless") else first.get("method", "password"))
    second = next((record["type"] for record in records[1:] if record.get("method") == "mfa"), "")
    address = get_adapter(request).get_client_ip(request)
    sign_in.signed_in(user, method=f"{method}+{second}" if second else method, address=address, now=timezone.now())


def signed_out(user: User | None, **_more: Any) -> None:
    if user is not None:
        sign_in.signed_out(user, now=timezone.now())


def password_changed(user: User, **_more: Any) -> None:
    sign_in.changed(user, "change_password", actor=user, now=timezone.now())


def password_reset(user: User, **_more: Any) -> None:
    sign_in.changed(user, "reset_password", actor=user, now=timezone.now())


def code_refused(request: HttpRequest, user: User, **_more: Any) -> None:
    address = get_adapter(request).get_client_ip(request)
    sign_in.refused(user.username, why="code", address=address, now=timezone.now())


def factor_added(instance: Authenticator, created: bool, **_more: Any) -> None:
    if created:
        sign_in.changed(instance.user, "add_factor", actor=instance.user, now=timezone.now(), factor=instance.type)


def factor_removed(instance: Authenticator, **_more: Any) -> None:
    actor = getattr(instance, "removed_by", instance.user)
    sign_in.changed(instance.user, "remove_factor", actor=actor, now=timezone.now(), factor=instance.type)


def codes_renewed(user: User, **_more: Any) -> None:
    sign_in.changed(user, "renew_recovery_codes", actor=user, now=timezone.now())


def identity_linked(request: HttpRequest, sociallogin: Any, **_more: Any) -> None:
    provider = sociallogin.account.provider
    sign_in.changed(sociallogin.user, "link_identity", actor=sociallogin.user, now=timezone.now(), provider=provider)


def identity_unlinked(request: HttpRequest, socialaccount: Any, **_more: Any) -> None:
    user = socialaccount.user
    sign_in.changed(user, "unlink_identity", actor=user, now=timezone.now(), provider=socialaccount.provider)
