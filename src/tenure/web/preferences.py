"""The page a person opens from a link we gave them, to see and change what they agreed to. No account, no script."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from tenure.desk.governance import consents, preferences
from tenure.desk.governance.purposes import PURPOSES, Purpose
from tenure.desk.lake import workspace
from tenure.language import Words
from tenure.web.sidebar import NAME

# Nothing but our own style sheet and our own forms: not even a script of ours runs here.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One purpose on the page, with a box to tick for each channel or one for it all."""

    purpose: Purpose
    boxes: list[consents.Standing]


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The person's own consents. Looking changes nothing; a link that does not hold says nothing about anyone."""
    now = timezone.now()
    try:
        opened = preferences.open_link(token, now=now)
    except preferences.LinkRefusedError as refused:
        return _bare(request, "preferences_refused.html", status=410 if refused.ended else 404)
    if request.method == "POST":
        if request.POST.get("what") == "withdraw":
            preferences.withdraw_all(opened, now=now)
        elif request.POST.get("what") == "save":
            ticked = set(request.POST.getlist("yes"))
            shown = consents.standing(opened.person_id, now)
            wanted = {(one.purpose, one.channel): f"{one.purpose}.{one.channel}" in ticked for one in shown}
            preferences.choose(opened, wanted, now=now)
        return HttpResponseRedirect(request.path + "?saved=1")
    found = consents.standing(opened.person_id, now)
    asked = [Asked(purpose, [one for one in found if one.purpose == name]) for name, purpose in PURPOSES.items()]
    return _bare(request, "preferences.html", asked=asked, saved="saved" in request.GET)


def _bare(request: HttpRequest, template: str, status: int = 200, **context: object) -> TemplateResponse:
    company: str | Words = workspace().company or NAME
    response = TemplateResponse(request, f"tenure/{template}", {"company": company, **context}, status=status)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
