"""How forms and customers' pages are laid out, arranged by an administrator: order, sections, shown, demanded, hidden."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenure.contracts.custom import KINDS
from tenure.desk.customers.fields import definitions, layouts
from tenure.desk.customers.fields.definitions import OBJECTS
from tenure.desk.customers.fields.layouts import FACTS, Wish
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.customers.models import FormLayout
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.language import Words
from tenure.web.fields import object_of
from tenure.web.frame import render

SHOWN, REQUIRED, HIDDEN = "shown", "required", "hidden"


@dataclass(slots=True)
class Row:
    """One field, or one fact, as the page arranges it. state: shown, required or hidden."""

    code: str
    words: Words
    kind: str
    section: str
    state: str
    always: bool = False  # the field itself is required, whatever the layout says


def page(request: HttpRequest) -> HttpResponse:
    """The layout of one kind of customer; saved as a whole, or dropped for everybody's."""
    actor = request.user
    assert isinstance(actor, User)
    audience = (request.POST.get("audience") or request.GET.get("audience") or "")[:40]
    contract = object_of(request)
    if contract in OBJECTS and contract != "customers":
        contract = "customers"  # other records have no form
    known = layouts.audiences(contract)
    if audience not in known:
        audience = ""
    fields = definitions.known(contract)
    asked = {"object": contract if contract != "customers" else "", "audience": audience}
    query = urlencode([pair for pair in asked.items() if pair[1]])
    here = reverse("admin:layout") + (f"?{query}" if query else "")
    rows, facts = _rows(fields, audience, contract)
    if request.method == "POST":
        sent_rows, sent_facts = _sent(request.POST, rows, "as."), _sent(request.POST, facts, "fact.")
        if "move" in request.POST:
            rows, facts = _moved(sent_rows, request.POST["move"]), _moved(sent_facts, request.POST["move"])
        elif "drop" in request.POST:
            layouts.drop_layout(audience=audience, contract=contract, actor=actor, now=timezone.now())
            messages.success(request, _("Dropped: it is laid out like everybody else's."))
            return HttpResponseRedirect(here)
        else:
            rows, facts = sent_rows, sent_facts
            try:
                layouts.save_layout(
                    _wish(rows, facts), audience=audience, contract=contract, actor=actor, now=timezone.now()
                )
            except TenureError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("Saved. The form and the page are laid out so from now on."))
                return HttpResponseRedirect(here)
    own = FormLayout.objects.filter(contract=contract).values_list("audience", flat=True)
    return render(
        request,
        "layout.html",
        _("Layout of the form"),
        rows=rows,
        facts=facts,
        contract=contract,
        kind=definitions.own_object(contract),
        audience=audience,
        audiences=[(code, words, code in own) for code, words in known.items()],
        own=audience in own,
        everybody="" in own,
        sections=sorted({row.section for row in rows if row.section}),
        states=[(SHOWN, _("Shown")), (REQUIRED, _("Shown and required")), (HIDDEN, _("Hidden"))],
        longest=definitions.LONGEST_SECTION,
    )


def _rows(fields: list[CustomField], audience: str, contract: str) -> tuple[list[Row], list[Row]]:
    """The fields and the facts as the layout that holds now has them, what is hidden last."""
    layout = layouts.layout_for(audience, contract)
    laid = layouts.arranged(fields, layout)
    rows = [
        Row(one.field.code, one.field.words, str(KINDS[one.field.kind]), section.name, REQUIRED if one.required else SHOWN,
            one.field.required)
        for section in laid.sections for one in section.fields
    ]  # fmt: skip
    placed = {row.code for row in rows}
    rows += [
        Row(one.code, one.words, str(KINDS[one.kind]), one.section, HIDDEN, one.required)
        for one in fields if one.code not in placed
    ]  # fmt: skip
    if contract != "customers":
        return rows, []
    facts = [Row(name, FACTS[name], "", "", SHOWN) for name in laid.facts]
    facts += [Row(name, words, "", "", HIDDEN) for name, words in FACTS.items() if name not in laid.facts]
    return rows, facts


def _sent(sent: QueryDict, rows: list[Row], prefix: str) -> list[Row]:
    """The rows as they were sent: in that order, with their sections and states. What was not sent stays, at the end."""
    by_code = {row.code: row for row in rows}
    order = [code for name in sent if name.startswith(prefix) and (code := name.removeprefix(prefix)) in by_code]
    for code in order:
        row, state = by_code[code], sent.get(prefix + code, "")
        row.state = state if state in (SHOWN, REQUIRED, HIDDEN) else row.state
        row.section = sent.get(f"section.{code}", row.section).strip()
    return [by_code[code] for code in order] + [row for row in rows if row.code not in order]


def _moved(rows: list[Row], asked: str) -> list[Row]:
    code, _colon, way = asked.partition(":")
    at = next((n for n, row in enumerate(rows) if row.code == code), None)
    if at is not None:
        to = min(max(at + (-1 if way == "up" else 1), 0), len(rows) - 1)
        rows.insert(to, rows.pop(at))
    return rows


def _wish(rows: list[Row], facts: list[Row]) -> Wish:
    return Wish(
        {row.code: (row.section, row.state == REQUIRED) for row in rows if row.state != HIDDEN},
        [row.code for row in facts if row.state != HIDDEN],
        [row.code for row in (*rows, *facts) if row.state == HIDDEN],
    )
