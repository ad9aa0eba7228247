"""A workspace of several parts under tabs, each over the customers the asker may see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise

from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.lake import Scope
from tenure.web.frame import render

Context: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One tab. show: (scope, publication shown, what was asked) -> what the template `<workspace>/<part>.html` is given.

    of_money: made of amounts, and so for whom amounts are shown alone.
    """

    title: str | Promise
    show: Callable[[Scope, Publication | None, Mapping[str, str]], Context]
    of_money: bool = False


def plain(show: Callable[[Scope, Publication | None], Context]) -> Callable[..., Context]:
    """A part that takes no questions."""
    return lambda scope, shown, _given: show(scope, shown)


def page(
    request: HttpRequest, workspace: str, title: str, parts: Mapping[str, Part], part: str, **more: Any
) -> HttpResponse:
    """One part of a workspace; the route of its parts is named `<workspace>_part`. A part that is not there is a 404.

    more: what every part's template is told besides, as whether the asker may change something.
    """
    scope = scope_of(request.user)
    open_parts = {name: one for name, one in parts.items() if not one.of_money or scope.sees("amounts")}
    if part not in open_parts:
        raise Http404
    shown = Publication.current()
    return render(
        request,
        f"{workspace}/{part}.html",
        title,
        part=part,
        parts=[(name, one.title, reverse(f"admin:{workspace}_part", args=[name])) for name, one in open_parts.items()],
        shown=shown,
        **more,
        **open_parts[part].show(scope, shown, request.GET.dict()),
    )
