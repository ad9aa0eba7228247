"""What every response gets: the reader's language, and a policy that loads nothing from another host."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from tenure import language

GetResponse = Callable[[HttpRequest], HttpResponse]


def _policy(**sources: str) -> str:
    return "; ".join(f"{name.replace('_', '-')} {where}" for name, where in sources.items())


# Pages for those who are not signed in yet, and for how one signs in: scripts in files of ours alone, evaluated never.
PUBLIC_POLICY = _policy(
    default_src="'none'", script_src="'self'", style_src="'self'", img_src="'self' data:", font_src="'self'",
    connect_src="'self'", manifest_src="'self'", object_src="'none'", base_uri="'none'", form_action="'self'",
    frame_ancestors="'none'",
)  # fmt: skip
# Pages in Unfold's shell: its Alpine evaluates the expressions in its templates, and it sets colours in <style>. No
# script stands in a page, so none may: a nonce would only allow what is not there (decision record 16).
POLICY = _policy(
    default_src="'none'", script_src="'self' 'unsafe-eval'", style_src="'self' 'unsafe-inline'",
    img_src="'self' data: blob:", font_src="'self'", connect_src="'self'", manifest_src="'self'", object_src="'none'",
    base_uri="'none'", form_action="'self'", frame_ancestors="'none'",
)  # fmt: skip
# Django's page of an error, for those who develop: shown with TENURE_DEBUG alone.
DEBUG_POLICY = PUBLIC_POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
NOT_NEEDED = (
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()"
)


def page_policy(get_response: GetResponse) -> GetResponse:
    """The page may load from this host alone, and pages with customers on them are not kept by caches."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_for(request, response))
        response.headers.setdefault("Permissions-Policy", NOT_NEEDED)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def policy_for(request: HttpRequest, response: HttpResponse) -> str:
    """The strictest policy this page can bear; a page nobody thought of gets the strictest of all."""
    if settings.DEBUG and response.status_code >= 400:
        return DEBUG_POLICY
    match = request.resolver_match
    return POLICY if match is not None and "admin" in match.app_names else PUBLIC_POLICY


def own_language(get_response: GetResponse) -> GetResponse:
    """The language on the account goes before the browser's, and code below the desk speaks it too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "language", "")
        if chosen:
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
        with language.using(translation.get_language() or "en"):
            response = get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response

    return middleware
