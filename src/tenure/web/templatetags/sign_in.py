"""What the pages of coming in need to know."""

import re
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.socialaccount.adapter import get_adapter
from django import template
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenure.desk.lake import workspace
from tenure.web.sign_in.adapters import title

register = template.Library()

_BROWSERS = (("Edg", "Edge"), ("MicroMessenger", "WeChat"), ("wxwork", "WeCom"), ("DingTalk", "DingTalk"), ("Lark", "Feishu"),
             ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"),
            ("Linux", "Linux"))  # fmt: skip


@register.simple_tag
def site_title() -> str:
    return title()


@register.simple_tag(takes_context=True)
def identity_providers(context: Any, process: str) -> list[tuple[str, str]]:
    """(what the button says, where it goes) of each provider of this workspace; the way back goes along if it is ours."""
    request: HttpRequest = context["request"]
    query = {"process": process}
    back = request.POST.get("next") or request.GET.get("next") or ""
    if process == "login" and back and get_account_adapter(request).is_safe_url(back):
        query["next"] = back
    found = {provider.sub_id: provider for provider in get_adapter(request).list_providers(request)}
    return [
        (one.title, found[one.id].get_login_url(request) + "?" + urlencode(query))
        for one in workspace().providers
        if one.id in found
    ]


@register.filter
def provider_name(identity: str) -> str:
    return next((one.title for one in workspace().providers if one.id == identity), identity)


@register.filter
def device(user_agent: str) -> str:
    """A browser on a system, as far as it says so of itself."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    known = " · ".join(part for part in (browser, system) if part)
    return known or re.split(r"[\s/]", user_agent, maxsplit=1)[0] or _("Unknown device")
