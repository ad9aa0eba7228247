"""The desk's settings, derived from the workspace (TENURE_HOME) and a few environment variables.

DATABASE_URL    where the desk lives; default: an SQLite file in the home folder
TENURE_HOSTS    host names the pages answer to, besides this machine's own; separated by commas
TENURE_HTTPS    1 when a proxy in front speaks HTTPS: cookies are then sent over HTTPS alone
TENURE_REQUEST_DAYS  days within which a person's request is due, unless a law is named; default 15
TENURE_BACKUP_DAYS   days after which backups are deleted, as certificates of erasure say; default 30
TENURE_DEBUG    1 shows tracebacks on pages; never where others can reach it
"""

import importlib.util
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tenure import workspace
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


DEBUG = _flag("TENURE_DEBUG")
SECRET_KEY = secret_key(_workspace.home)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *_listed("TENURE_HOSTS")]
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in _listed("TENURE_HOSTS") if "*" not in host]

INSTALLED_APPS = [
    "tenure.web",
    "unfold.apps.BasicAppConfig",
    "tenure.desk.governance",
    "tenure.desk.customers",
    "tenure.web.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenure.web.middleware.content_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenure.web.middleware.own_language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tenure.web.urls"
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
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_USER_MODEL = "governance.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [LOCALE_FOLDER]
USE_TZ = True
# Pages show the business zone; the database and the lake hold UTC.
TIME_ZONE = _workspace.zone

TENURE_REQUEST_DAYS = _days("TENURE_REQUEST_DAYS", 15)
TENURE_BACKUP_DAYS = _days("TENURE_BACKUP_DAYS", 30)

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
if _flag("TENURE_HTTPS"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600

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
    "SIDEBAR": {"navigation": "tenure.web.sidebar.navigation"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"tenure": {"handlers": ["console"], "level": os.environ.get("TENURE_LOG", "WARNING").upper()}},
}
