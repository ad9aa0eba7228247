"""Accounts and teams, for administrators."""

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from tenure.desk.governance import access, audit, services
from tenure.desk.governance.api import may
from tenure.desk.governance.models import Team, User
from tenure.desk.governance.roles import Permission
from tenure.errors import TenureError

# Groups come along with Django's own account pages; here a role decides, and nothing else.
admin.site.unregister(Group)


class AdministratorsOnly(ModelAdmin):  # type: ignore[misc]
    """Open to roles with one permission. Django's own permissions and change log play no part: services audit."""

    opened_by: Permission = "users"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, self.opened_by)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, self.opened_by)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request.user, self.opened_by)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, self.opened_by)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # an account with a history is closed, not deleted

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The service wrote an audit entry already."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The service wrote an audit entry already."""


class ChangeUserForm(UserChangeForm):  # type: ignore[misc]
    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        staying = found.get("role") == "admin" and found.get("is_active")
        others = User.objects.filter(role="admin", is_active=True).exclude(pk=self.instance.pk).exists()
        if self.instance.role == "admin" and self.instance.is_active and not staying and not others:
            raise ValidationError(_("This is the last active administrator; make someone else one first."))
        return found


@admin.register(User)
class UserPages(AdministratorsOnly, UserAdmin):  # type: ignore[misc, type-arg]
    form = ChangeUserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "role_name", "team", "is_active", "last_login", "sees")
    list_filter = ("role", "team", "is_active")
    search_fields = ("username", "first_name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active")}),
        (_("What they may see"), {"fields": ("role", "team", "regions", "sees")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "language")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2")}),
        (_("What they may see"), {"fields": ("role", "team", "regions")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "language")}),
    )
    readonly_fields = ("sees",)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "role":
            choices = [("", "–"), *((code, str(role.words)) for code, role in access.roles().items())]
            return forms.ChoiceField(choices=choices, required=False, label=_("role"), widget=UnfoldAdminSelectWidget)
        return found

    @admin.display(description=_("role"), ordering="role")
    def role_name(self, user: User) -> str:
        role = access.role_named(user.role)
        return str(role.words) if role else "–"

    @admin.display(description=_("What they see"))
    def sees(self, user: User) -> str:
        return format_html('<a href="{}">{}</a>', reverse("admin:user_access", args=[user.pk]), _("Show"))

    actions = ("remove_factors",)

    @admin.action(description=_("Remove second factors"))
    def remove_factors(self, request: HttpRequest, users: models.QuerySet[User]) -> None:
        """For whoever lost the phone: the password alone opens the account, until a new factor is added."""
        with transaction.atomic():
            for factor in Authenticator.objects.filter(user__in=users).select_related("user"):
                factor.removed_by = request.user
                factor.delete()
        messages.success(request, _("They sign in with the password alone, and add a new factor."))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        now, actor = timezone.now(), request.user
        assert isinstance(actor, User)
        if not change:
            made = services.create_user(
                obj.username,
                password=form.cleaned_data["password1"],
                role=obj.role,
                actor=actor,
                now=now,
                team=obj.team,
                regions=obj.regions,
                name=obj.first_name,
                email=obj.email,
                language=obj.language,
            )
            obj.pk, obj._state.adding = made.pk, False
            User.objects.filter(pk=obj.pk).update(last_name=obj.last_name)
            return
        User.objects.filter(pk=obj.pk).update(
            username=obj.username, first_name=obj.first_name, last_name=obj.last_name, email=obj.email,
            language=obj.language,
        )  # fmt: skip
        services.change_access(
            User.objects.get(pk=obj.pk),
            role=obj.role,
            team=obj.team,
            regions=obj.regions,
            active=obj.is_active,
            actor=actor,
            now=now,
        )

    @transaction.atomic
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return super().changeform_view(request, *args, **kwargs)
        except TenureError as error:
            from django.http import HttpResponseRedirect

            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            actor = request.user if isinstance(request.user, User) else None
            audit.record("set_password", "user", id, actor=actor, now=timezone.now())
        return response


@admin.register(Team)
class TeamPages(AdministratorsOnly):
    list_display = ("name", "region")
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        actor = request.user if isinstance(request.user, User) else None
        services.save_team(obj, actor=actor, now=timezone.now())
