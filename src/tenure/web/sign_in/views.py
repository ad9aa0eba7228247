"""What allauth's views need around them here."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.views import PasswordResetView
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from tenure.desk.governance import sign_in

log = logging.getLogger("tenure.sign_in")

View = Callable[..., HttpResponseBase]


def beyond(view: View) -> View:
    """A view that talks to another server: what that server answers may be anything, and is never a crash.

    A redirect to another host becomes a page that goes there: browsers hold `form-action` against redirects too, and
    so our pages need not name any other host in it.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except (Http404, SuspiciousOperation, ImmediateHttpResponse, ReauthenticationRequired):
            raise
        except Exception as error:
            why = "forged or expired" if isinstance(error, PermissionDenied) else type(error).__name__
            log.warning("sign-in at %s failed: %s", request.path, why, exc_info=log.isEnabledFor(logging.DEBUG))
            address = get_adapter(request).get_client_ip(request)
            sign_in.refused("", why="provider", address=address, now=timezone.now(), provider=request.path)
            return render(request, "socialaccount/authentication_error.html", status=401)
        if isinstance(response, HttpResponseRedirect) and urlsplit(response.url).netloc not in {"", request.get_host()}:
            where = urlsplit(response.url).hostname
            return render(request, "socialaccount/leaving.html", {"url": response.url, "where": where})
        return response

    return guarded


class Sessions(ListUserSessionsView):  # type: ignore[misc]
    """The devices signed in; sign one out, or all the others."""

    def form_valid(self, form: Any) -> HttpResponse:
        asked = self.request.POST.get("session", "")
        if not asked:
            return super().form_valid(form)  # type: ignore[no-any-return]
        found = UserSession.objects.filter(user=self.request.user, pk=asked if asked.isdigit() else 0).first()
        if found is None:
            raise Http404
        end_sessions(self.request, [found])
        return HttpResponseRedirect(reverse("usersessions_list"))


class ResetPassword(PasswordResetView):  # type: ignore[misc]
    """A link by mail; without a mail server the page says whom to ask."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        from tenure.desk.lake import workspace

        context = super().get_context_data(**kwargs)
        return {**context, "by_mail": bool(settings.EMAIL_HOST), "contact": workspace().contact}
