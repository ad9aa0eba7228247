"""What every page has around it."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse

from tenure.lake.fields import FIELDS
from tenure.lake.scope import Scope


def render(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """A page in the site's frame."""
    from django.contrib import admin

    frame = admin.site.each_context(request)
    return TemplateResponse(request, f"tenure/{template}", {**frame, "title": title, "is_fullwidth": "1", **context})


def hidden_fields(scope: Scope) -> frozenset[str]:
    """The fields of which nothing shows to this asker, so that a page can leave out what would stay empty."""
    return frozenset(
        name
        for name, field in FIELDS.items()
        if (shown := scope.shows(name)) == "hidden" or (shown == "masked" and field.mask is None)
    )
