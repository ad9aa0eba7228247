"""What a person may see and do, worked out from the role, and why."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from tenure.desk.governance.models import CustomRole, User
from tenure.desk.governance.roles import BUILT_IN, PERMISSIONS, Permission, Role
from tenure.lake.fields import FIELDS
from tenure.lake.scope import Reach, Scope
from tenure.language import Words

Asker: TypeAlias = Any  # a User, a key's holder, or nobody signed in


def roles() -> dict[str, Role]:
    """Every role by its code: those each company starts with, as the company changed them, then its own."""
    return {**BUILT_IN, **{row.code: role_from(row) for row in CustomRole.objects.all()}}


def role_named(code: str) -> Role | None:
    """The role of this code; None where there is none."""
    row = CustomRole.objects.filter(code=code).first() if code else None
    return role_from(row) if row else BUILT_IN.get(code)


def role_from(row: CustomRole) -> Role:
    """The role a row holds; what it names and the product does not know grants nothing."""
    known: dict[str, Any] = {name: shown for name, shown in row.fields.items() if name in FIELDS}
    return Role(
        code=row.code,
        words=Words(row.name_en, row.name_zh),
        meaning=Words(row.meaning_en, row.meaning_zh),
        reach=row.reach,  # type: ignore[arg-type]
        permissions=frozenset(row.permissions) & frozenset(PERMISSIONS),
        fields=known,
        objects=row.objects_reach,
    )


def role_of(user: Asker) -> Role | None:
    """The user's role, asked for once a request; None for whoever is not signed in, inactive or without a role."""
    if not getattr(user, "is_active", False) or not getattr(user, "role", ""):
        return None
    # A request's user is a lazy wrapper; what sign-in asked of the account inside is remembered with the account.
    kept = getattr(user, "_wrapped", user).__dict__
    known: tuple[str, Role | None] | None = kept.get("_role_known")
    if known is None or known[0] != user.role:
        known = kept["_role_known"] = (user.role, role_named(user.role))
    return known[1]


def may(user: Asker, permission: Permission) -> bool:
    """Whether the user's role allows this page or deed. Anything unknown is refused."""
    if hasattr(user, "may"):  # a key's holder: what the key and its owner may both
        return bool(user.may(permission))
    role = role_of(user)
    return role is not None and permission in role.permissions


def scope_of(user: Asker) -> Scope:
    """Whose customers the user may see, and how each field is shown.

    Not signed in, inactive, without a role, or a manager of nothing: no customer at all.
    """
    if isinstance(found := getattr(user, "scope", None), Scope):
        return found
    role = role_of(user)
    return scope_as(role, user) if role is not None else Scope()


def scope_as(role: Role, user: User) -> Scope:
    """The scope this user would have in this role."""
    reach, regions = _narrowed(role.reach, user)
    return Scope(
        reach=reach,
        user=user.username,
        user_id=user.pk,
        team_ids=frozenset({user.team_id}) if user.team_id is not None else frozenset(),
        regions=regions,
        masked=role.having("masked"),
        hidden=role.having("hidden"),
        objects=tuple(sorted((kind, _narrowed(wanted, user)[0]) for kind, wanted in role.objects.items())),
    )


def _narrowed(reach: Reach, user: User) -> tuple[Reach, frozenset[str]]:
    """A role's reach as it falls out for this user, and the user's regions."""
    own = frozenset(user.regions)
    regions = own or (frozenset({user.team.region}) if user.team is not None and user.team.region else frozenset())
    if reach == "team" and own:
        return "region", regions
    if (reach == "team" and user.team_id is None) or (reach == "region" and not regions):
        return "none", regions
    return reach, regions


@dataclass(frozen=True, slots=True)
class Because:
    """Why a person sees a customer, or does not."""

    sees: bool
    words: Words


def why(user: User, *, owner_id: int | None, team: tuple[int, str] | None, region: str) -> Because:
    """Whether and why the user sees a customer with this owner, team (id, name) and region."""
    role = role_of(user)
    if role is None:
        closed = not user.is_active
        return Because(False, Words("The account is closed", "账号已停用") if closed else Words("No role", "没有角色"))
    scope = scope_of(user)
    named = Words(f"role {role.words.en}", f"角色“{role.words.zh}”")
    if scope.reach == "all":
        return Because(True, Words(f"{named.en}: sees every customer", f"{named.zh}可见全部客户"))
    if scope.reach == "own" and owner_id == user.pk:
        return Because(True, Words(f"Owner of the customer, {named.en}", f"客户负责人，{named.zh}"))
    if scope.reach == "team" and team is not None and team[0] in scope.team_ids:
        return Because(True, Words(f"Team {team[1]}, {named.en}", f"团队“{team[1]}”，{named.zh}"))
    if scope.reach == "region" and region in scope.regions:
        return Because(True, Words(f"Region {region}, {named.en}", f"地区“{region}”，{named.zh}"))
    measured = {
        "own": Words("not the owner", "不是该客户的负责人"),
        "team": Words("the customer is with another team", "客户属于其他团队"),
        "region": Words("the customer is in another region", "客户在其他地区"),
    }.get(scope.reach, Words("reaches no customer", "看不到任何客户"))
    return Because(False, Words(f"{named.en}: {measured.en}", f"{named.zh}：{measured.zh}"))
