"""What frames every page: the name, the style, and the workspaces this user may open."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.desk.governance.api import may
from tenure.desk.lake import workspace
from tenure.language import Words

NAME = Words("Tenure", "常客")


def site_title(request: HttpRequest) -> str:
    company = workspace().company
    return f"{NAME} · {company}" if company else str(NAME)


def environment(request: HttpRequest) -> list[str] | None:
    """Says on every page that these customers are made up."""
    return [_("Demo"), "info"] if workspace().demo else None


def style(request: HttpRequest) -> str:
    return static("tenure/tenure.css")


def icon(request: HttpRequest) -> str:
    return static("tenure/icon.svg")


def script(request: HttpRequest) -> str:
    return static("tenure/tenure.js")


def own_account(request: HttpRequest) -> list[dict[str, Any]]:
    """How the reader signs in, in the menu under the own name."""
    return [
        {"title": _("Password"), "link": reverse("account_change_password")},
        {"title": _("Second factor"), "link": reverse("mfa_index")},
        {"title": _("Devices"), "link": reverse("usersessions_list")},
        {"title": _("Linked identities"), "link": reverse("socialaccount_connections")},
    ]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The workspaces by permission; a group the user may open nothing of is not shown."""
    user = request.user
    work = [
        ("today", _("Today"), "today", reverse("admin:index")),
        ("customers", _("Customers"), "group", reverse("admin:customers")),
        ("customers", _("Own records"), "category", reverse("admin:own_kinds")),
        ("merge", _("Duplicates"), "join_inner", reverse("admin:duplicates")),
        ("segments", _("Segments"), "filter_alt", reverse("admin:segments")),
        ("insight", _("Insight"), "monitoring", reverse("admin:insight")),
        ("insight", _("Churn"), "person_alert", reverse("admin:churn")),
        ("insight", _("Boards"), "dashboard", reverse("admin:boards")),
        ("insight", _("Metrics"), "analytics", reverse("admin:metrics")),
        ("sql", _("SQL"), "terminal", reverse("admin:analyst")),
        ("data", _("Data"), "database", reverse("admin:data")),
        ("data", _("Data quality"), "fact_check", reverse("admin:quality")),
    ]
    settings = [
        ("users", _("Users"), "manage_accounts", reverse("admin:governance_user_changelist")),
        ("users", _("Teams"), "groups", reverse("admin:governance_team_changelist")),
        ("pack", _("Industry pack"), "storefront", reverse("admin:packs")),
        ("pack", _("Causes of leaving"), "account_tree", reverse("admin:causes_tree")),
        ("tiers", _("Tiers"), "military_tech", reverse("admin:tiers")),
        ("assign", _("Cover"), "swap_horiz", reverse("admin:cover")),
        ("fields", _("Fields"), "edit_note", reverse("admin:fields")),
        ("roles", _("Roles"), "shield_person", reverse("admin:roles")),
        ("rights", _("Requests"), "how_to_reg", reverse("admin:requests")),
        ("grants", _("Sharing"), "share", reverse("admin:sharing")),
        ("keys", _("API keys"), "key", reverse("admin:keys")),
        ("audit", _("Audit"), "history", reverse("admin:audit")),
    ]
    groups: list[dict[str, Any]] = []
    for title, entries in (("", work), (_("Settings"), settings)):
        items = [
            {"title": name, "icon": icon, "link": link}
            for permission, name, icon, link in entries
            if may(user, permission)  # type: ignore[arg-type]
        ]
        if items:
            groups.append({"title": title, "items": items, "separator": bool(title)})
    return groups
