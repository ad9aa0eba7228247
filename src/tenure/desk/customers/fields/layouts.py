"""How a form and a customer's page are laid out: sections, their order, what is shown and demanded of whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from tenure.contracts import CONTRACTS
from tenure.desk.customers.events import LayoutChanged
from tenure.desk.customers.fields.definitions import LONGEST_SECTION, known, tidy
from tenure.desk.customers.fields.layout_models import FormLayout
from tenure.desk.customers.fields.models import CustomField
from tenure.desk.events import announce
from tenure.desk.governance import audit
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.language import Words, tr

MOST_SECTIONS = 60
FACTS: Mapping[str, Words] = {
    "phone": Words("Phone", "电话"),
    "email": Words("E-mail", "邮箱"),
    "region": Words("Region", "地区"),
    "language": Words("Language", "语言"),
    "created_on": Words("Customer since", "成为客户时间"),
    "owner": Words("Owner", "负责人"),
    "team": Words("Team", "团队"),
    "last_nps": Words("Last NPS answer", "最近一次 NPS 回答"),
}
"""What every customer has, which a layout of customers puts in order or leaves out of their page."""


def audiences(contract: str = "customers") -> Mapping[str, Words]:
    """For whom there may be a layout of its own; the empty one is everybody else."""
    everyone = {"": Words("Everybody else", "其他客户")}
    if contract != "customers":
        return {"": Words("All", "全部")}
    return everyone | dict(CONTRACTS["customers"]["kind"].values)


@dataclass(frozen=True, slots=True)
class Placed:
    """A field in its place. required: whether it must be filled in there."""

    field: CustomField
    required: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    name: str
    fields: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Laid:
    """A form as it is shown: its sections, those with nothing in them left out, and the facts beside it."""

    sections: tuple[Section, ...]
    facts: tuple[str, ...]

    @property
    def required(self) -> frozenset[int]:
        return frozenset(one.field.pk for section in self.sections for one in section.fields if one.required)


@dataclass(frozen=True, slots=True)
class Wish:
    """A layout as somebody wishes it. places: field (`c_7`) → section and whether it is demanded, in order. hidden:
    fields and facts that are not shown. facts: those that are, in order."""

    places: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    facts: Sequence[str] = ()
    hidden: Iterable[str] = ()


def layout_for(audience: str, contract: str = "customers") -> FormLayout | None:
    """The layout of this kind of customer; else everybody's; None where nobody made one."""
    found = {one.audience: one for one in FormLayout.objects.filter(contract=contract, audience__in={audience, ""})}
    return found.get(audience) or found.get("")


def laid_out(fields: Sequence[CustomField], audience: str = "", contract: str = "customers") -> Laid:
    """These fields as the layout has them. One it does not know (made since) follows at the end, by its own section.

    Without a layout, fields stand in their own sections and order. A field archived since is passed over, and stands
    in its place again when it comes back.
    """
    return arranged(fields, layout_for(audience, contract))


def arranged(fields: Sequence[CustomField], layout: FormLayout | None) -> Laid:
    """As `laid_out`, of a layout at hand."""
    by_code = {one.code: one for one in fields}
    hidden = set(layout.hidden) if layout else set()
    sections: dict[str, list[Placed]] = {}
    done: set[str] = set()
    for told in layout.sections if layout else ():
        inside = sections.setdefault(told["name"], [])
        for place in told["fields"]:
            code = place["field"]
            done.add(code)
            if code in by_code:
                inside.append(Placed(by_code[code], bool(place["required"] or by_code[code].required)))
    if not layout:
        sections.setdefault("", [])  # fields without a section come first
    for one in fields:
        if one.code not in done and one.code not in hidden:
            sections.setdefault(one.section, []).append(Placed(one, one.required))
    facts = [name for name in layout.facts if name in FACTS] if layout else []
    facts += [name for name in FACTS if name not in facts and name not in hidden]
    return Laid(tuple(Section(name, tuple(inside)) for name, inside in sections.items() if inside), tuple(facts))


@transaction.atomic
def save_layout(
    wish: Wish, *, audience: str = "", contract: str = "customers", actor: User | None, now: datetime
) -> FormLayout:
    """Lay the form out for a kind of customer. It holds at once; what customers have in their fields stays as it is.

    A field that is hidden is not demanded either. Raises TenureError for a field or a kind that is not there, a field
    in two places, and names that are too long or too many.
    """
    _known_audience(audience, contract)
    there = {one.code for one in known(contract, archived=True)}
    facts = FACTS if contract == "customers" else {}
    hidden = list(dict.fromkeys(wish.hidden))
    if unknown := sorted((set(wish.places) | set(hidden)) - there - set(facts)) or sorted(set(wish.facts) - set(facts)):
        raise TenureError(tr("There is no field {field}.", field=", ".join(unknown)[:200]))
    if twice := sorted((set(wish.places) | set(wish.facts)) & set(hidden)):
        raise TenureError(tr("{field} is both shown and hidden. Choose one.", field=", ".join(twice)[:200]))
    sections: dict[str, list[dict[str, object]]] = {}
    for code, (name, required) in wish.places.items():
        name = tidy(name)
        if len(name) > LONGEST_SECTION:
            raise TenureError(
                tr("That is too long: {length} characters, and {limit} fit.", length=len(name), limit=LONGEST_SECTION)
            )
        sections.setdefault(name, []).append({"field": code, "required": required})
    if len(sections) > MOST_SECTIONS:
        raise TenureError(
            tr("{n} sections are too many: {limit} fit. Put fields together.", n=len(sections), limit=MOST_SECTIONS)
        )
    found = FormLayout.objects.select_for_update().filter(contract=contract, audience=audience).first()
    made = found or FormLayout(contract=contract, audience=audience)
    made.sections = [{"name": name, "fields": inside} for name, inside in sections.items()]
    made.facts, made.hidden, made.changed_at = list(dict.fromkeys(wish.facts)), hidden, now
    made.save()
    audit.record(
        "save_layout", "layout", f"{contract}/{audience}" if audience else contract, actor=actor, now=now,
        after={name: [one["field"] for one in inside] for name, inside in sections.items()}, hidden=hidden,
    )  # fmt: skip
    announce(LayoutChanged(contract, audience))
    return made


@transaction.atomic
def drop_layout(*, audience: str = "", contract: str = "customers", actor: User | None, now: datetime) -> bool:
    """Do without a layout of its own for this kind: it is laid out like everybody else's; returns whether there was one."""
    _known_audience(audience, contract)
    gone, _ = FormLayout.objects.filter(contract=contract, audience=audience).delete()
    if gone:
        audit.record(
            "drop_layout", "layout", f"{contract}/{audience}" if audience else contract, actor=actor, now=now
        )  # fmt: skip
        announce(LayoutChanged(contract, audience))
    return bool(gone)


def _known_audience(audience: str, contract: str) -> None:
    if audience not in audiences(contract):
        raise TenureError(
            tr(
                'There is no kind of customer "{kind}". There are: {known}.', kind=audience[:40],
                known=", ".join(name for name in audiences(contract) if name),
            )
        )  # fmt: skip
