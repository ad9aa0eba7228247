"""No secret in what the server writes down: log lines, and the pages that tell of an error.

Whatever is written passes `hushed`, the traceback too, so it does not matter which library wrote it.
"""

import logging
import re
from collections.abc import Mapping
from types import FrameType
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

STARS = "***"
_SECRET_NAME = (
    r"[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|"
    r"credential|assertion|samlresponse|sessionid|code_verifier|authcode|recovery[_-]?codes?)[\w.-]*"
)
_HIDDEN = re.compile(_SECRET_NAME + r"|^(?:code|state|ticket|key|authorization|cookie|oldpassword)$", re.IGNORECASE)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A header, to the end of its line or quotes: Authorization: Bearer …, 'Cookie': '…'
    (
        re.compile(r"""(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*["']?)[^"'\r\n]+"""),
        rf"\1\2{STARS}",
    ),
    # name=value and "name": "value"; a quoted value may hold spaces
    (re.compile(rf"""(?i)(?<![\w-])({_SECRET_NAME})(["']?\s*[:=]\s*)(["'])(?:(?!\3).)+\3"""), rf"\1\2\3{STARS}\3"),
    (re.compile(rf"""(?i)(?<![\w-])({_SECRET_NAME})(["']?\s*[:=]\s*)\[?[^\s"'&,;)}}\]\[]+"""), rf"\1\2{STARS}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {STARS}"),
    (re.compile(r"([?&](?:code|state|ticket|key)=)[^&\s\"']+", re.IGNORECASE), rf"\1{STARS}"),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), rf"\1{STARS}@"),
    (re.compile(r"\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*"), STARS),
    (re.compile(r"(/password/reset/key/)[^/\s\"']+"), rf"\1{STARS}"),
)


def hushed(text: str) -> str:
    """The text with every password, token, key and cookie in it replaced by stars."""
    for secret in _known_secrets():
        text = text.replace(secret, STARS)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def _known_secrets() -> list[str]:
    known = [settings.SECRET_KEY, settings.EMAIL_HOST_PASSWORD]
    for kind in settings.SOCIALACCOUNT_PROVIDERS.values():
        known += [app.get("secret", "") for app in kind.get("APPS", [])]
    return [secret for secret in known if len(secret) >= 6]


class HushedFormatter(logging.Formatter):
    """Writes a line as it is asked to, secrets left out; the traceback as well."""

    def format(self, record: logging.LogRecord) -> str:
        return hushed(super().format(record))


class ReportFilter(SafeExceptionReporterFilter):
    """What an error page or report may show: never a secret, also where tracebacks are shown on purpose."""

    hidden_settings = re.compile("API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|COOKIE|PROVIDERS|DATABASE|CREDENTIAL", re.I)

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta: dict[str, Any] = super().get_safe_request_meta(request)
        return {name: hushed(value) if isinstance(value, str) else value for name, value in meta.items()}

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return _cleansed(request.POST) if request else {}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> Any:
        sent = _sent_secrets(request)
        shown: list[tuple[str, Any]] = []
        for name, value in super().get_traceback_frame_variables(request, tb_frame):
            if _HIDDEN.search(name):
                value = STARS
            elif isinstance(value, Mapping | MultiValueDict):
                value = _cleansed(value)
            else:
                try:
                    text = repr(value)
                except Exception:
                    text = ""
                if any(secret in text for secret in sent):
                    value = STARS
                elif (quiet := hushed(text)) != text:
                    value = quiet
            shown.append((name, value))
        return shown


class Reporter(ExceptionReporter):
    """Django's error page, with the query string cleansed too."""

    def get_traceback_data(self) -> dict[str, Any]:
        data: dict[str, Any] = super().get_traceback_data()
        if self.request is not None:
            data["request_GET_items"] = list(_cleansed(self.request.GET).items())
            data["request_insecure_uri"] = hushed(str(data.get("request_insecure_uri", "")))
        if "exception_value" in data:
            data["exception_value"] = hushed(str(data["exception_value"]))
        return data


def _cleansed(values: Any) -> dict[str, Any]:
    return {
        str(key): STARS if _HIDDEN.search(str(key)) else hushed(value) if isinstance(value, str) else value
        for key, value in values.items()
        if not isinstance(value, Mapping) or str(key)
    }


def _sent_secrets(request: HttpRequest | None) -> list[str]:
    """What this visitor sent that is secret, to be found again under whatever name a library keeps it."""
    if request is None:
        return []
    sent = [value for key, value in request.POST.items() if _HIDDEN.search(key) and isinstance(value, str)]
    sent += [*request.COOKIES.values(), request.META.get("HTTP_AUTHORIZATION", "")]
    return [value for value in sent if len(value) >= 4]
