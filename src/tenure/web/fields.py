"""A company's own fields: made and put in order under Settings, filled in on a customer's page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.contracts import CONTRACTS
from tenure.contracts.custom import CHOOSING, KINDS, Choice
from tenure.desk.customers import selectors
from tenure.desk.customers.fields import definitions, layouts, tags, values
from tenure.desk.customers.fields.definitions import OBJECTS, Draft
from tenure.desk.customers.fields.layouts import Laid, Placed
from tenure.desk.customers.fields.models import CustomField, plain_choices
from tenure.desk.customers.fields.values import MisfitError
from tenure.desk.customers.models import Customer
from tenure.desk.customers.objects import definitions as kinds
from tenure.desk.customers.objects import records
from tenure.desk.governance import audit
from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.errors import TenureError
from tenure.lake.fields import FIELDS
from tenure.lake.scope import Scope
from tenure.web.frame import render

BLANK_ROWS = 3  # for new choices, where no script adds more
OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Input:
    """One field on a form: what stands in it, and what is wrong with that."""

    field: CustomField
    value: str
    error: str = ""
    required: bool = False

    @property
    def picked(self) -> list[str]:
        return self.value.split(",") if self.value else []


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every field by section, with how many customers have a value, and what does not fit."""
    scope = scope_of(request.user)
    contract = object_of(request)
    every = definitions.known(contract, archived=True)
    kind = definitions.own_object(contract)
    counted = values.counts(scope, every) if contract == "customers" else {}
    if kind is not None:
        counted = records.counts(scope, kind, every)
    misfits = (lake().document("fields_unfit") or {}).get(contract, {}) if scope.sees_all else {}
    rows = [
        {
            "field": one,
            "kind": KINDS[one.kind],
            "count": counted.get(one.pk, 0) if one.guarded_as not in scope.hides else None,
            "misfits": misfits.get(one.code, 0),
        }
        for one in every
    ]
    live = [row for row in rows if row["field"].archived_at is None]
    return render(
        request,
        "fields.html",
        _("Fields"),
        contract=contract,
        objects=[
            (name, words)
            for name, words in [
                *((name, CONTRACTS[name].words) for name in OBJECTS),
                *((one.code, one.words) for one in kinds.known()),
            ]
        ],
        kind=kind,
        sections=_by_section(live),
        rows=live,
        counts=contract == "customers" or kind is not None,
        archived=[row for row in rows if row["field"].archived_at is not None],
        most=definitions.MOST_FIELDS,
    )


def edit(request: HttpRequest, field_id: int | None = None) -> HttpResponse:
    """One field as a form, beside what its input will look like; without a number, a new one."""
    actor, scope = _actor(request), scope_of(request.user)
    found = CustomField.objects.filter(pk=field_id).first() if field_id is not None else None
    if field_id is not None and found is None:
        raise Http404
    draft = Draft.of(found) if found else Draft(contract=object_of(request))
    lost: tuple[tuple[str, str], ...] = ()
    if request.method == "POST":
        draft = _draft(request.POST, draft.contract)
        try:
            if "try" in request.POST and found is not None:
                outlook = definitions.preview(found, draft, scope=scope)
                lost = outlook.lost
                if not lost:
                    messages.info(request, _("All %(n)s values fit.") % {"n": f"{outlook.values:,}"})
            elif found is None:
                definitions.add_field(draft, actor=actor, now=timezone.now())
                messages.success(
                    request, _("Added. It can be filled in, listed and filtered at once; files bring it from now on.")
                )
                return _to_list(draft.contract)
            else:
                definitions.change_field(found.pk, draft, scope=scope, actor=actor, now=timezone.now())
                messages.success(request, _("Saved."))
                return _to_list(draft.contract)
        except TenureError as error:
            messages.error(request, str(error))
    kept = found if found is not None else CustomField(kind=draft.kind)
    shown = CustomField(
        pk=0, name_en=draft.name_en, name_zh=draft.name_zh, kind=draft.kind, choices=plain_choices(draft.choices),
        help_en=draft.help_en, help_zh=draft.help_zh, required=draft.required, personal=draft.personal,
    )  # fmt: skip
    return render(
        request,
        "field.html",
        str(found.words) if found else _("New field"),
        draft=draft,
        found=found,
        kinds=KINDS.items(),
        choosing=" ".join(sorted(CHOOSING)),
        guards=FIELDS.values(),
        options=[*draft.choices, *(Choice("", "", "") for _n in range(BLANK_ROWS))],
        sections=sorted({one.section for one in definitions.known(draft.contract) if one.section}),
        previews=[(kind, Input(_like(shown, kind), "")) for kind in KINDS],
        lost=lost,
        of=CONTRACTS[draft.contract].words if draft.contract in CONTRACTS else definitions.own_object(draft.contract),
        kept=kept,
        may_try=found is not None and scope.sees_all,
    )


def _like(shown: CustomField, kind: str) -> CustomField:
    choices = shown.choices or [{"code": "a", "en": "A", "zh": "甲"}, {"code": "b", "en": "B", "zh": "乙"}]
    return CustomField(
        pk=0, name_en=shown.name_en, name_zh=shown.name_zh, kind=kind, choices=choices, help_en=shown.help_en,
        help_zh=shown.help_zh, required=shown.required,
    )  # fmt: skip


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """One field a place up or down, or all of them in the order they were dragged into."""
    contract = object_of(request)
    there = [one.pk for one in definitions.known(contract)]
    wanted = list(there)
    dragged = [int(part) for part in request.POST.get("order", "").split(",") if part.isdecimal() and len(part) < 10]
    if dragged:
        wanted = [pk for pk in dragged if pk in there]
    for name, step in (("up", -1), ("down", 1)):
        text = request.POST.get(name, "")
        if text.isdecimal() and len(text) < 10 and int(text) in there:
            at = there.index(int(text))
            to = min(max(at + step, 0), len(there) - 1)
            wanted.insert(to, wanted.pop(at))
    try:
        if wanted != there:
            definitions.order_fields(wanted, actor=_actor(request), now=timezone.now(), contract=contract)
    except TenureError as error:
        messages.error(request, str(error))
    return _to_list(contract)


@require_POST
def put_away(request: HttpRequest, field_id: int) -> HttpResponse:
    """Archive a field, or bring it back (`back`)."""
    try:
        deed = definitions.restore_field if "back" in request.POST else definitions.archive_field
        found = deed(field_id, actor=_actor(request), now=timezone.now())
    except CustomField.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
        return _to_list("customers")
    return _to_list(found.contract)


def of_customer(request: HttpRequest, person_id: int) -> HttpResponse:
    """The form of one customer: every field the asker sees in clear, by section, and who said what before."""
    scope = scope_of(request.user)
    card = selectors.card_of(scope, person_id)
    if card is None:
        raise Http404
    laid = layouts.laid_out([one for one in definitions.known() if scope.sees(one.guarded_as)], card.kind)
    fields = [one.field for section in laid.sections for one in section.fields]
    sent = request.POST if request.method == "POST" else None
    wrong: dict[int, str] = {}
    if sent is not None:
        try:
            values.edit_values(
                person_id, {one.pk: sent_of(sent, one) for one in fields}, scope=scope, actor=_actor(request),
                now=timezone.now(), whole_form=True,
            )  # fmt: skip
        except Customer.DoesNotExist as error:
            raise Http404 from error
        except MisfitError as error:
            wrong = error.by_field
            messages.error(request, _("Nothing was saved yet: see what is marked below."))
        except TenureError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Saved. Figures made from it follow with the next refresh."))
            return HttpResponseRedirect(reverse("admin:person", args=[person_id]))
    there = values.values_of(scope, [person_id], fields)[person_id]
    _looked(request, person_id, scope, fields)
    sections = [
        (section.name, [input_of(one, sent, there, wrong) for one in section.fields]) for section in laid.sections
    ]
    return render(
        request,
        "customer_fields.html",
        _("Fields of %(name)s") % {"name": card},
        card=card,
        sections=sections,
        history=values.history(scope, person_id, fields),
        may_fields=may(request.user, "fields"),
    )


def input_of(
    placed: Placed, sent: QueryDict | None, there: Mapping[int, values.Value], wrong: Mapping[int, str]
) -> Input:
    """The input of a field: what was sent just now, what is kept, or what it begins with."""
    one = placed.field
    kept = (there[one.pk].kept or "") if one.pk in there else one.default
    return Input(one, sent_of(sent, one) if sent is not None else kept, wrong.get(one.pk, ""), placed.required)


@require_POST
def tags_of_customer(request: HttpRequest, person_id: int) -> HttpResponse:
    """Give a customer a tag (`add`), or take one off (`remove`)."""
    scope, actor, now = scope_of(request.user), _actor(request), timezone.now()
    asked = request.POST.get("field", "")
    field_id = int(asked) if asked.isdecimal() and len(asked) < 10 else None
    try:
        if "remove" in request.POST:
            tags.untag(person_id, request.POST["remove"], scope=scope, actor=actor, now=now, field_id=field_id or 0)
        else:
            tags.tag(person_id, request.POST.get("add", ""), scope=scope, actor=actor, now=now, field_id=field_id)
    except Customer.DoesNotExist as error:
        raise Http404 from error
    except TenureError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:person", args=[person_id]))


def shown_on(there: Mapping[int, values.Value], laid: Laid) -> list[tuple[str, list[Any]]]:
    """The fields of a page by section, those with a value: (section, values); tags stand apart."""
    found = [
        (section.name, [there[one.field.pk] for one in section.fields if not one.field.grows and one.field.pk in there])
        for section in laid.sections
    ]
    return [(name, shown) for name, inside in found if (shown := [one for one in inside if one.text])]


def _looked(request: HttpRequest, person_id: int, scope: Scope, fields: list[CustomField]) -> None:
    guards = {one.guarded_as for one in fields if one.personal and scope.sees(one.guarded_as)}
    audit.read("customer", person_id, actor=_actor(request), now=timezone.now(), fields=guards)


def _by_section(rows: list[Any]) -> list[tuple[str, list[Any]]]:
    """Rows by the section of their field, sections in the order of their first field, those without one first."""
    found: dict[str, list[Any]] = {"": []}
    for row in rows:
        field = row["field"] if isinstance(row, dict) else row.field
        found.setdefault(field.section, []).append(row)
    return [(name, inside) for name, inside in found.items() if inside]


def sent_of(sent: QueryDict, field: CustomField) -> str:
    """What a form says of a field, as text; several choices parted by commas."""
    if field.kind == "choices":
        return ",".join(sent.getlist(field.code))
    return sent.get(field.code, "")


def _draft(sent: QueryDict, contract: str) -> Draft:
    kind = sent.get("kind", "text")
    rows = zip(sent.getlist("choice_code"), sent.getlist("choice_en"), sent.getlist("choice_zh"),
               sent.getlist("choice_place"), strict=False)  # fmt: skip
    placed = [
        (int(place) if place.isdecimal() and len(place) < 7 else 10_000, n,
         Choice(code, en.strip(), zh.strip(), bool(code) and f"closed_{code}" in sent))
        for n, (code, en, zh, place) in enumerate(rows)
    ]  # fmt: skip
    draft = Draft(
        **{name: sent.get(name, "").strip() for name in
           ("name_en", "name_zh", "help_en", "help_zh", "section", "guarded_as", "default")},
        kind=kind,
        choices=tuple(one for _place, _n, one in sorted(placed, key=lambda row: row[:2]) if one.en or one.zh),
        required="required" in sent,
        grows="grows" in sent,
        searched="searched" in sent,
        personal="personal" in sent,
        headers=tuple(line for line in sent.get("headers", "").splitlines() if line.strip()),
        contract=contract,
    )  # fmt: skip
    return replace(draft, choices=draft.choices if kind in CHOOSING else ())


def object_of(request: HttpRequest) -> str:
    """Of what the fields are that the page is about: a contract, or an own kind of record."""
    asked = request.POST.get(OBJECT) or request.GET.get(OBJECT) or "customers"
    return asked if asked in OBJECTS or definitions.own_object(asked) is not None else "customers"


def _to_list(contract: str) -> HttpResponse:
    query = f"?{OBJECT}={contract}" if contract != "customers" else ""
    return HttpResponseRedirect(reverse("admin:fields") + query)


def _actor(request: HttpRequest) -> User:
    actor = request.user
    assert isinstance(actor, User)
    return actor
