"""The desk's settings, derived from the workspace (TENURE_HOME) and a few environment variables.

DATABASE_URL    where the desk lives; default: an SQLite file in the home folder
TENURE_HOSTS    host names the pages answer to, besides this machine's own; separated by commas
TENURE_HTTPS    1 when a proxy in front speaks HTTPS: cookies are then sent over HTTPS alone
TENURE_PROXIES  how many proxies in front name the visitor's address; default: 1 with TENURE_HTTPS, else none
TENURE_MAIL     the mail server, smtp://user:password@host:587 (smtps:// for TLS from the start); none: no mail
TENURE_MAIL_FROM  the address mail comes from
TENURE_REQUEST_DAYS  days within which a person's request is due, unless a law is named; default 15
TENURE_BACKUP_DAYS   days after which backups are deleted, as certificates of erasure say; default 30
TENURE_UPLOAD_MB     how large a file a page takes in, in MB; default 1024
TENURE_DEBUG    1 shows tracebacks on pages; never where others can reach it
"""

import importlib.util
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tenure import sign_in, workspace
from tenure.errors import TenureError
from tenure.language import LOCALE_FOLDER, tr

_workspace = workspace.open_workspace()


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def _listed(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def _days(name: str, usual: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000):
        raise TenureError(
            tr('{name} is "{text}"; give a number of days, for example {usual}.', name=name, text=text, usual=usual)
        )
    return int(text)


def _megabytes(name: str, usual: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000):
        raise TenureError(
            tr(
                '{name} is "{text}"; give a number of megabytes, for example {usual}.',
                name=name,
                text=text,
                usual=usual,
            )
        )
    return int(text)


def secret_key(home: Path) -> str:
    """The key that signs sessions: made once, kept in the home folder, readable by its owner alone.

    Before the home folder exists (checks, a first `--help`) a key for this process alone is enough.
    """
    path = home / "secret.key"
    if not home.is_dir():
        return secrets.token_urlsafe(48)
    if not path.exists():
        unfinished = home / f"secret.key.{os.getpid()}"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(unfinished, path)  # of two processes that start at once, the first one's key stands
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    return path.read_text().strip()


def database_settings(url: str) -> dict[str, Any]:
    """Django's settings for the desk at `sqlite:///path` or `postgresql://user:password@host:port/name?option=…`.

    Raises TenureError for any other kind of database.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(url.removeprefix("sqlite:///")),
            "OPTIONS": {
                # A write takes its lock at the start, so two writers queue (up to the timeout) and never deadlock.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                "PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456; PRAGMA temp_store=MEMORY",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.removeprefix("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(parts.query)),
        }
    raise TenureError(
        tr(
            'DATABASE_URL starts with "{scheme}", which the desk does not know. '
            "Give postgresql://user:password@host:5432/name, or leave it out to use an SQLite file.",
            scheme=parts.scheme or url,
        )
    )


def mail_settings(url: str, sender: str) -> dict[str, Any]:
    """Django's settings for the mail server at `smtp://user:password@host:587` or `smtps://…`; none where empty.

    smtp:// begins in the clear and must then change to TLS, but for a server on this machine, which may not speak it.
    Raises TenureError for an address of another kind.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend", "EMAIL_HOST": ""}
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise TenureError(
            tr(
                'TENURE_MAIL starts with "{scheme}", which is no mail server. '
                "Give smtp://user:password@host:587, or smtps:// for a server that speaks TLS from the start.",
                scheme=parts.scheme,
            )
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and parts.hostname not in {"127.0.0.1", "localhost", "::1"},
        "EMAIL_TIMEOUT": 10,
        "DEFAULT_FROM_EMAIL": sender or unquote(parts.username or "") or f"tenure@{parts.hostname}",
    }


def provider_settings(providers: Sequence[sign_in.Provider]) -> dict[str, Any]:
    """allauth's settings for the providers of this workspace, secrets out of the environment.

    Raises TenureError where a secret is not in the environment, or SAML is asked for and not installed.
    """
    apps: dict[str, list[dict[str, Any]]] = {}
    for provider in map(sign_in.with_secret, providers):
        if provider.kind == "saml" and importlib.util.find_spec("onelogin") is None:
            raise TenureError(tr("Sign-in by SAML needs more than is installed. Install it: pip install tenure[saml]"))
        own: dict[str, Any] = {"verified_email": True} if provider.trust_email else {}
        app = {"name": provider.title, "provider_id": provider.id, "client_id": provider.client_id,
               "secret": provider.secret, "settings": own}  # fmt: skip
        if provider.kind == "oidc":
            own |= {"server_url": provider.server.rstrip("/"), "oauth_pkce_enabled": True}
        elif provider.kind == "saml":
            app["client_id"] = provider.id
            own["idp"] = saml_provider(provider)
        elif provider.kind == "wecom":
            own["agent_id"] = provider.agent_id
        if provider.server:
            own["server"] = provider.server.rstrip("/")
        kind = {"oidc": "openid_connect", "wechat": "weixin"}.get(provider.kind, provider.kind)
        apps.setdefault(kind, []).append(app)
    return {kind: {"APPS": listed} for kind, listed in apps.items()}


def saml_provider(provider: sign_in.Provider) -> dict[str, str]:
    """Where a SAML provider is and the certificate it signs with."""
    if provider.metadata:
        return {"entity_id": provider.entity_id, "metadata_url": provider.metadata}
    path = _workspace.home / provider.certificate
    try:
        certificate = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise TenureError(
            tr(
                "The certificate of sign-in \"{name}\" can't be read: {path}. Put the provider's PEM file there.",
                name=provider.title,
                path=path,
            )
        ) from error
    return {"entity_id": provider.entity_id, "sso_url": provider.sso_url, "x509cert": certificate}


DEBUG = _flag("TENURE_DEBUG")
HTTPS = _flag("TENURE_HTTPS")
# Its libraries are C code of weight: they are loaded where a table asks for them, and not merely because they are there.
SAML = any(provider.kind == "saml" for provider in _workspace.providers)
SECRET_KEY = secret_key(_workspace.home)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *_listed("TENURE_HOSTS")]
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in _listed("TENURE_HOSTS") if "*" not in host]

INSTALLED_APPS = [
    "tenure.web.apps.WebConfig",
    "unfold.apps.BasicAppConfig",
    "tenure.desk.governance",
    "tenure.desk.work",
    "tenure.desk.customers",
    "tenure.desk.causes",
    "tenure.desk.competitors",
    "tenure.web.apps.SiteConfig",
    "tenure.web.sign_in.apps.SignInConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *(["allauth.socialaccount.providers.saml"] if SAML else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenure.web.middleware.page_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenure.web.sign_in.middleware.sessions_follow_the_account",
    "tenure.web.middleware.own_language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tenure.web.sign_in.middleware.second_factor_first",
]
ROOT_URLCONF = "tenure.urls"
WSGI_APPLICATION = "tenure.web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": database_settings(_workspace.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # What processes must agree on: attempts to sign in, codes already used. Small, and JSON.
    "default": {"BACKEND": "tenure.desk.governance.shared.SharedCache"},
    # What each process works out for itself and may forget: figures over the whole base.
    "figures": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 5000}},
}

AUTH_USER_MODEL = "governance.User"
AUTHENTICATION_BACKENDS = ["tenure.web.sign_in.backend.ThoseWithARole"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "account_login"
_validation = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {
        "NAME": f"{_validation}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "first_name", "last_name", "email")},
    },
    {"NAME": f"{_validation}.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600

# Accounts are made by administrators; allauth signs people in, and never up.
ACCOUNT_ADAPTER = "tenure.web.sign_in.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_USER_DISPLAY = "tenure.web.sign_in.adapters.shown_name"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
# A whole office may come from one address at nine in the morning; one account has five tries in five minutes.
ACCOUNT_RATE_LIMITS = {"login": "120/m/ip", "login_failed": "20/m/ip,5/5m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("TENURE_PROXIES") or ("1" if HTTPS else "0"))
MFA_ADAPTER = "tenure.web.sign_in.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Without HTTPS a browser lets passkeys work on this machine's own address alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
SOCIALACCOUNT_ADAPTER = "tenure.web.sign_in.adapters.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = provider_settings(_workspace.providers)
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
USERSESSIONS_ADAPTER = "tenure.web.sign_in.adapters.SessionsAdapter"
globals().update(mail_settings(os.environ.get("TENURE_MAIL", ""), os.environ.get("TENURE_MAIL_FROM", "")))

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [LOCALE_FOLDER]
USE_TZ = True
# Pages show the business zone; the database and the lake hold UTC.
TIME_ZONE = _workspace.zone

TENURE_REQUEST_DAYS = _days("TENURE_REQUEST_DAYS", 15)
TENURE_BACKUP_DAYS = _days("TENURE_BACKUP_DAYS", 30)
TENURE_UPLOAD_MB = _megabytes("TENURE_UPLOAD_MB", 1024)
FILE_UPLOAD_HANDLERS = [
    "tenure.web.uploads.Quota",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

STATIC_URL = "/static/"
_plotly = importlib.util.find_spec("plotly")  # found without importing it: only its script is needed
STATICFILES_DIRS = [Path(_plotly.origin).parent / "package_data"] if _plotly and _plotly.origin else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# A form is at most this large, and a file larger than this goes to disk while it is received.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
FILE_UPLOAD_PERMISSIONS = 0o600
if HTTPS:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True

UNFOLD = {
    "SITE_TITLE": "tenure.web.sidebar.site_title",
    "SITE_HEADER": "tenure.web.sidebar.site_title",
    "SITE_SYMBOL": "loyalty",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "tenure.web.sidebar.icon"}],
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": "tenure.web.sidebar.environment",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .02 200)",
            "100": "oklch(94% .04 200)",
            "200": "oklch(88% .07 200)",
            "300": "oklch(80% .1 200)",
            "400": "oklch(71% .11 200)",
            "500": "oklch(61% .105 202)",
            "600": "oklch(52% .09 204)",
            "700": "oklch(45% .078 206)",
            "800": "oklch(39% .065 208)",
            "900": "oklch(33% .052 210)",
            "950": "oklch(25% .04 212)",
        },
    },
    "STYLES": ["tenure.web.sidebar.style"],
    "SCRIPTS": ["tenure.web.sidebar.script"],
    "ACCOUNT": {"navigation": "tenure.web.sidebar.own_account"},
    "SIDEBAR": {"navigation": "tenure.web.sidebar.navigation"},
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "tenure.web.hush.ReportFilter"
DEFAULT_EXCEPTION_REPORTER = "tenure.web.hush.Reporter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "tenure.web.hush.HushedFormatter", "format": "{asctime} {levelname} {name}: {message}",
                 "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "tenure": {"level": os.environ.get("TENURE_LOG", "WARNING").upper()},
        # Django's own handlers write what they are given as it is; ours leaves secrets out.
        "django": {"handlers": [], "level": "INFO" if DEBUG else "WARNING"},
        "django.server": {"handlers": [], "propagate": True},
    },
}  # fmt: skip
