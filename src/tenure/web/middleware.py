"""What every response gets: the reader's language, and a policy that loads nothing from another host."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from tenure import language

GetResponse = Callable[[HttpRequest], HttpResponse]

# Unfold's Alpine evaluates expressions in the page, hence the two "unsafe"; nothing may come from, or go to, elsewhere.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def content_policy(get_response: GetResponse) -> GetResponse:
    """The page may load from this host alone, and pages with customers on them are not kept by caches."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


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
