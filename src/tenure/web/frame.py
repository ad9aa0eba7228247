"""What every page has around it."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse


def render(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """A page in the site's frame."""
    from django.contrib import admin

    frame = admin.site.each_context(request)
    return TemplateResponse(request, f"tenure/{template}", {**frame, "title": title, "is_fullwidth": "1", **context})
