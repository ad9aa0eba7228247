from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views import i18n
from django.views.decorators.http import require_POST

from tenure.desk.governance.models import User
from tenure.desk.governance.services import choose_language


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language, and remember it with the account of whoever is signed in."""
    chosen = request.POST.get("language", "")
    if isinstance(request.user, User) and chosen in dict(settings.LANGUAGES):
        choose_language(request.user, chosen)
    return i18n.set_language(request)
