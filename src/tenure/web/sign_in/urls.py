"""The pages of coming in, going out, and how one does: allauth's views under our addresses, and no others of it."""

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as providers
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.conf import settings
from django.db import transaction
from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView

from tenure.web.sign_in.provider import workplaces
from tenure.web.sign_in.views import ResetPassword, Sessions, beyond

# A factor or password and its audit entry are written together or not at all.
at_once = transaction.atomic

urlpatterns: list[URLPattern] = [
    path("", RedirectView.as_view(pattern_name="mfa_index"), name="account"),
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", account.signup, name="account_signup"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", at_once(account.password_change), name="account_change_password"),
    path("password/set/", at_once(account.password_set), name="account_set_password"),
    path("password/reset/", ResetPassword.as_view(), name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        at_once(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("password/reset/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("second-factor/", factors.index, name="mfa_index"),
    path("second-factor/ask/", factors.authenticate, name="mfa_authenticate"),
    path("second-factor/again/", factors.reauthenticate, name="mfa_reauthenticate"),
    path("second-factor/app/add/", at_once(totp.activate_totp), name="mfa_activate_totp"),
    path("second-factor/app/remove/", at_once(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("second-factor/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", at_once(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("second-factor/codes/file/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("second-factor/keys/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("second-factor/keys/add/", at_once(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("second-factor/keys/again/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("second-factor/keys/login/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("second-factor/keys/<int:pk>/remove/", at_once(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("second-factor/keys/<int:pk>/name/", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path("devices/", Sessions.as_view(), name="usersessions_list"),
    path("linked/", at_once(providers.connections), name="socialaccount_connections"),
    path("cancelled/", providers.login_cancelled, name="socialaccount_login_cancelled"),
    path("failed/", providers.login_error, name="socialaccount_login_error"),
    path("by/oidc/<provider_id>/", beyond(oidc.login), name="openid_connect_login"),
    path("by/oidc/<provider_id>/back/", beyond(oidc.callback), name="openid_connect_callback"),
]

for _provider in workplaces:
    _adapter = _provider.oauth2_adapter_class
    urlpatterns += [
        path(f"by/{_provider.id}/", beyond(OAuth2LoginView.adapter_view(_adapter)), name=f"{_provider.id}_login"),
        path(
            f"by/{_provider.id}/back/",
            beyond(OAuth2CallbackView.adapter_view(_adapter)),
            name=f"{_provider.id}_callback",
        ),
    ]

if settings.SAML:
    from allauth.socialaccount.providers.saml import views as saml

    urlpatterns += [
        path("by/saml/<organization_slug>/", beyond(saml.login), name="saml_login"),
        path("by/saml/<organization_slug>/back/", saml.acs, name="saml_acs"),
        path("by/saml/<organization_slug>/back/finish/", beyond(saml.finish_acs), name="saml_finish_acs"),
        path("by/saml/<organization_slug>/out/", beyond(saml.sls), name="saml_sls"),
        path("by/saml/<organization_slug>/metadata/", beyond(saml.metadata), name="saml_metadata"),
    ]
