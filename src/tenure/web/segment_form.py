"""A segment's conditions as a form: nested groups in, JSON out, and back. Works without scripts; with them it is quicker.

Each node has a path: `n` the root, `n.0` its first part. A field's name is the path and what it says: `n.0.ask`, `n.0.is`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from tenure.desk.customers.segments.askable import SECTIONS, Askable
from tenure.desk.customers.segments.definition import MODES, WHAT, Known, comparisons
from tenure.desk.governance.purposes import CHANNELS, PURPOSES

ROOT = "n"
EMPTY: dict[str, Any] = {"all": [{}]}
_DEEPEST, _MOST = 6, 60
_BETWEEN = re.compile(r"[,，、;；\n]+")
_PLACE = re.compile(r"(\d{1,3})\.")
_NEEDS_NONE = {"yes", "no", "set", "empty"}


def from_form(sent: QueryDict) -> dict[str, Any]:
    """The conditions a form holds, as far as they were filled in, after what its button asked for."""
    told = _node(sent, ROOT, 0)
    deed, _space, path = sent.get("do", "").partition(" ")
    if deed and (found := _at(told, path)) is not None:
        parent, place, node = found
        inside = next((node[mode] for mode in MODES if mode in node), None)
        if deed == "add" and inside is not None and len(inside) < _MOST:
            inside.append({})
        elif deed == "group" and inside is not None and len(inside) < _MOST:
            inside.append({"any": [{}]})
        elif deed == "drop" and parent is not None:
            parent.pop(place)
        elif deed == "where" and len(node.setdefault("where", [])) < 8:
            node["where"].append({})
    elif deed == "unwhere":
        path, _dot, place_ = path.rpartition(".")
        if (
            (found := _at(told, path)) is not None
            and place_.isdecimal()
            and int(place_) < len(found[2].get("where", []))
        ):
            found[2]["where"].pop(int(place_))
    return told


def _node(sent: QueryDict, path: str, depth: int) -> dict[str, Any]:
    mode = sent.get(f"{path}.mode")
    if mode in MODES or depth == 0:
        places = sorted(_places(sent, path))[:_MOST] if depth <= _DEEPEST else []
        return {
            mode if mode and mode in MODES else "all": [_node(sent, f"{path}.{place}", depth + 1) for place in places]
        }
    what, _colon, name = sent.get(f"{path}.ask", "").partition(":")
    if what == "field":
        return {"field": name, **_test(sent, path)}
    if what == "did":
        return _did(sent, path, name)
    if what == "consent":
        said = {"consent": name, "channel": sent.get(f"{path}.channel", ""), "is": sent.get(f"{path}.is", "yes")}
        return {key: value for key, value in said.items() if value}
    if what == "segment":
        return {"segment": sent.get(f"{path}.segment", ""), "is": sent.get(f"{path}.is", "in")}
    return {}


def _did(sent: QueryDict, path: str, name: str) -> dict[str, Any]:
    said: dict[str, Any] = {"did": name}
    for key in ("what", "of", "is", "value"):
        if text := sent.get(f"{path}.{key}", "").strip():
            said[key] = text
    window = sent.get(f"{path}.window", "")
    for key in {"days": ("days",), "dates": ("from", "to")}.get(window, ()):
        said[key] = sent.get(f"{path}.{key}", "").strip()
    where = [
        {"column": column, **_test(sent, f"{path}.w{place}")}
        for place in range(8)
        if (column := sent.get(f"{path}.w{place}.column")) is not None
    ]
    return {**said, "where": where} if where else said


def _test(sent: QueryDict, path: str) -> dict[str, Any]:
    how = sent.get(f"{path}.is", "")
    said: dict[str, Any] = {"is": how} if how else {}
    typed = [text.strip() for text in sent.getlist(f"{path}.value")]
    if f"{path}.many" in sent:
        typed = [part.strip() for text in typed for part in _BETWEEN.split(text)]
    values = [text for text in typed if text]
    if values and how not in _NEEDS_NONE:
        said["value"] = values
    return said


def _places(sent: QueryDict, path: str) -> set[int]:
    start = f"{path}."
    return {int(found[1]) for name in sent if name.startswith(start) and (found := _PLACE.match(name[len(start) :]))}


def _at(told: dict[str, Any], path: str) -> tuple[list[Any] | None, int, dict[str, Any]] | None:
    """The node of a path, with the list it stands in and its place there."""
    node, parent, place = told, None, 0
    for step in path.split(".")[1:]:
        inside = next((node[mode] for mode in MODES if mode in node), None)
        if inside is None or not step.isdecimal() or int(step) >= len(inside):
            return None
        parent, place, node = inside, int(step), inside[int(step)]
    return parent, place, node


@dataclass
class Part:
    """A node as the form shows it. number: which condition it is, counted from 1 down the page."""

    path: str
    mode: str = ""
    parts: list["Part"] = field(default_factory=list)
    depth: int = 0
    number: int = 0
    ask: str = ""
    asked: Askable | None = None
    how: str = ""
    hows: list[tuple[str, str]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    many: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)
    window: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    numbers: list[tuple[str, str]] = field(default_factory=list)
    whats: list[tuple[str, str]] = field(default_factory=list)
    channels: list[tuple[str, str]] = field(default_factory=list)
    where: list["Part"] = field(default_factory=list)

    @property
    def value(self) -> str:
        return "、".join(self.values) if self.many else (self.values[0] if self.values else "")

    @property
    def needs_value(self) -> bool:
        return bool(self.how) and self.how not in _NEEDS_NONE

    @property
    def kind(self) -> str:
        """What its value is typed into."""
        if self.asked is None:
            return ""
        if self.options:
            return "options"
        if self.asked.kind == "date":
            return "date" if self.how in ("from", "to") else "days"
        return "text" if self.asked.kind in ("text", "code", "choices") else "number"

    @property
    def of_needed(self) -> bool:
        return self.said.get("what") in ("sum", "max", "distinct")


class Showing:
    """A definition as the parts of a form. people: owners and teams that can be named, by kind."""

    def __init__(
        self, known: Known, people: Mapping[str, list[tuple[str, str]]], suggested: Mapping[str, list[str]]
    ) -> None:
        self.known, self.people, self.suggested = known, people, suggested
        self._count = 0

    def of(self, told: Mapping[str, Any], path: str = ROOT, depth: int = 0) -> Part:
        mode = next((mode for mode in MODES if mode in told), "")
        if "not" in told:
            mode, told = "none", {"none": [told["not"]]}
        if mode:
            inside = told[mode] if isinstance(told[mode], list) else []
            parts = [
                self.of(one if isinstance(one, dict) else {}, f"{path}.{n}", depth + 1) for n, one in enumerate(inside)
            ]
            return Part(path, mode, parts, depth)
        self._count += 1
        return self._leaf(told, path, depth)

    def _leaf(self, told: Mapping[str, Any], path: str, depth: int) -> Part:
        part = Part(path, depth=depth, number=self._count, said=told, how=str(told.get("is", "")))
        if "field" in told:
            part.ask = f"field:{told['field']}"
            self._fill(part, self.known.fields.get(str(told["field"])), told)
        elif "did" in told:
            self._fill_did(part, told)
        elif "consent" in told:
            part.ask = f"consent:{told['consent']}"
            purpose = PURPOSES.get(str(told["consent"]))
            part.channels = (
                [(one.name, str(one.words)) for one in CHANNELS.values()] if purpose and purpose.by_channel else []
            )
        elif "segment" in told:
            part.ask = "segment:"
        return part

    def _fill(self, part: Part, asked: Askable | None, told: Mapping[str, Any]) -> None:
        if asked is None:
            return
        part.asked = asked
        part.hows = [(code, str(words)) for code, words in comparisons(asked.kind).items()]
        part.how = part.how if part.how in dict(part.hows) else part.hows[0][0]
        value = told.get("value")
        part.values = [str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "")]
        part.options = [(code, str(words)) for code, words in asked.values.items()] or self.people.get(asked.kind, [])
        part.many = asked.kind == "text"

    def _fill_did(self, part: Part, told: Mapping[str, Any]) -> None:
        part.ask = f"did:{told['did']}"
        deed = self.known.deeds.get(str(told["did"]))
        if deed is None:
            return
        columns = self.known.columns(deed)
        part.columns = [(one.name, str(one.words)) for one in columns.values()]
        numbers = [one for kind in ("money", "number") for one in columns.values() if one.kind == kind]
        part.numbers = [(one.name, str(one.words)) for one in numbers]
        part.whats = [(code, str(words)) for code, words in WHAT.items() if part.numbers or code not in ("sum", "max")]
        part.how = part.how or "ge"
        part.hows = [(code, str(words)) for code, words in comparisons("number").items() if code in ("ge", "le", "eq")]
        part.values = [str(told.get("value", "1"))]
        part.window = "days" if "days" in told else "dates" if "from" in told or "to" in told else ""
        for n, one in enumerate(told.get("where") or []):
            row = Part(f"{part.path}.w{n}", number=n, said=one, how=str(one.get("is", "")))
            self._fill(row, columns.get(str(one.get("column"))), one)
            part.where.append(row)


def asks(known: Known) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a condition can be about, by heading: (heading, (code, words))."""
    found = [
        (str(words), [(f"field:{one.name}", str(one.words)) for one in known.fields.values() if one.section == section])
        for section, words in SECTIONS.items()
    ]
    found.append((_("What they did"), [(f"did:{one.name}", str(one.words)) for one in known.deeds.values()]))
    if known.consents:
        found.append((_("What they agree to"), [(f"consent:{one.name}", str(one.words)) for one in PURPOSES.values()]))
    if known.segments:
        found.append((_("Segments"), [("segment:", _("Another segment"))]))
    return [(heading, inside) for heading, inside in found if inside]


def numbered(part: Part) -> Iterator[tuple[tuple[int, ...], int]]:
    """Of each node's path in the definition the number the form shows beside it; of a group that of its first condition."""
    for one in part.parts:
        yield from numbered(one)
    path = tuple(int(step) for step in part.path.split(".")[1:])
    first = part
    while first.parts:
        first = first.parts[0]
    yield path, first.number
