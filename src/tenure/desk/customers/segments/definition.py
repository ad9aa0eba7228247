"""What a segment is: a tree of conditions, as JSON, and read into what can be compiled.

    {"all": [{"field": "region", "is": "in", "value": ["浙江"]},
             {"did": "bought", "days": 90, "is": "ge", "value": 3},
             {"did": "bought", "what": "sum", "of": "amount_base_minor", "where": [{"column": "category", "is": "in",
              "value": ["Tea"]}], "from": "2026-01-01", "to": "2026-06-30", "is": "ge", "value": 1000},
             {"any": [{"consent": "marketing", "channel": "mail", "is": "yes"}, {"segment": 4, "is": "out"}]}]}

Groups are `all`, `any` and `none` (`not` holds one node). Money is asked in whole units of the reporting currency, shares
in percent, dates as ISO text, both ends of a stretch of days with it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

from tenure.desk.customers.segments.askable import ASKABLE, DEEDS, KNOWN_TO_DESK, Askable, Deed, asked_of
from tenure.desk.governance.purposes import CHANNELS, PURPOSES
from tenure.errors import TenureError
from tenure.language import Words, tr

Mode: TypeAlias = Literal["all", "any", "none"]
Path: TypeAlias = tuple[int, ...]
MODES: Mapping[str, Words] = {
    "all": Words("All of these", "满足全部条件"),
    "any": Words("Any of these", "满足任一条件"),
    "none": Words("None of these", "不满足任何条件"),
}
MOST, DEEPEST, MOST_VALUES = 60, 6, 200
"""Conditions in one definition, groups within groups, values of one condition."""
LARGEST = 9_000_000_000_000
LONGEST_WINDOW = 36_500

_IS: Mapping[str, Words] = {
    "in": Words("is", "是"),
    "not_in": Words("is not", "不是"),
    "has": Words("contains", "包含"),
    "ge": Words("at least", "不少于"),
    "le": Words("at most", "不多于"),
    "eq": Words("exactly", "等于"),
    "from": Words("on or after", "不早于"),
    "to": Words("on or before", "不晚于"),
    "within": Words("in the last … days", "最近 … 天内"),
    "longer": Words("more than … days ago", "超过 … 天前"),
    "yes": Words("yes", "是"),
    "no": Words("no", "否"),
    "set": Words("filled in", "已填写"),
    "empty": Words("empty", "为空"),
}
_BY_NUMBER = ("ge", "le", "eq")
_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "text": ("in", "not_in", "has", "set", "empty"),
    "code": ("in", "not_in", "set", "empty"),
    "choices": ("in", "not_in", "set", "empty"),
    "number": (*_BY_NUMBER, "set", "empty"),
    "share": ("ge", "le", "set", "empty"),
    "money": (*_BY_NUMBER, "set", "empty"),
    "date": ("from", "to", "within", "longer", "set", "empty"),
    "yes_no": ("yes", "no"),
    "owner": ("in", "not_in", "set", "empty"),
    "team": ("in", "not_in", "set", "empty"),
}
WHAT: Mapping[str, Words] = {
    "count": Words("times", "次数"),
    "days": Words("on different days", "发生的天数"),
    "sum": Words("in all", "合计"),
    "max": Words("at most at once", "单次最高"),
    "distinct": Words("different ones", "不同种类数"),
    "since": Words("days since the last", "距最近一次天数"),
}
_WITHOUT_VALUE = {"yes", "no", "set", "empty"}


def comparisons(kind: str) -> dict[str, Words]:
    """How a field of this kind can be compared, by code."""
    return {name: _IS[name] for name in _BY_KIND[kind]}


@dataclass(frozen=True, slots=True)
class Group:
    mode: Mode
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A field compared with values: texts, a date, or a number as it is kept (minor units, shares of one)."""

    asked: Askable
    how: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Did:
    """What records tell: rows of a deed that pass `where`, within a stretch of days, put into one number and compared.

    days: this many before the day the figures are of; else first to last, both with it and either open.
    """

    deed: Deed
    what: str
    of: Askable | None
    where: tuple[Test, ...]
    days: int | None
    first: date | None
    last: date | None
    how: str
    value: int | Decimal


@dataclass(frozen=True, slots=True)
class Agreed:
    """Whether somebody may be reached for a purpose by a channel ("" the purpose as a whole)."""

    purpose: str
    channel: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Belongs:
    """Whether a customer is in another segment."""

    segment: int
    inside: bool


Node: TypeAlias = Group | Test | Did | Agreed | Belongs


class DefinitionError(TenureError):
    """A definition that says nothing that can be asked. by_path: what is wrong with which node, root ()."""

    def __init__(self, by_path: Mapping[Path, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(str(said) for said in by_path.values())))
        self.by_path = dict(by_path)


@dataclass(frozen=True)
class Known:
    """What there is to ask for whoever reads a definition; what they may not see is not there.

    segments: names by number. columns: those a deed's records can be narrowed by. digits: of the currency's minor unit.
    """

    fields: Mapping[str, Askable]
    segments: Mapping[int, str] = field(default_factory=dict)
    digits: int = 2
    deeds: Mapping[str, Deed] = field(default_factory=lambda: DEEDS)
    columns: Callable[[Deed], Mapping[str, Askable]] = asked_of
    consents: bool = True

    @classmethod
    def plain(cls) -> "Known":
        return cls(ASKABLE)


def read(told: Any, known: Known) -> Group:
    """A definition as a tree; the root is a group always.

    Raises DefinitionError with everything that is wrong, by node.
    """
    reader = _Reader(known)
    node = reader.node(told, (), 0)
    if reader.count > MOST:
        reader.wrong.setdefault(
            (), tr("A segment has up to {most} conditions; this one has {n}.", most=MOST, n=reader.count)
        )
    if node is not None and not reader.count:
        reader.wrong.setdefault((), tr("Add a condition: without one the segment would be everybody."))
    if reader.wrong or node is None:
        raise DefinitionError(reader.wrong)
    return node if isinstance(node, Group) else Group("all", (node,))


class _Wrong(Exception):  # noqa: N818 - what is wrong with one node, on its way to `DefinitionError`
    pass


class _Reader:
    def __init__(self, known: Known) -> None:
        self.known, self.wrong, self.count = known, dict[Path, str](), 0

    def node(self, told: Any, path: Path, depth: int) -> Node | None:
        try:
            return self._node(told, path, depth)
        except _Wrong as wrong:
            self.wrong[path] = wrong.args[0]
            return None

    def _node(self, told: Any, path: Path, depth: int) -> Node | None:
        if not isinstance(told, dict):
            raise _Wrong(tr("A condition is an object such as {example}.", example='{"field": "region", …}'))
        if "not" in told:
            told = {"none": [told["not"]]}
        modes = [mode for mode in MODES if mode in told]
        if modes:
            return self._group(told, modes[0], path, depth)
        self.count += 1
        if "field" in told:
            return self._test(told, self.known.fields, "field")
        if "did" in told:
            return self._did(told)
        if "consent" in told:
            return self._agreed(told)
        if "segment" in told:
            return self._belongs(told)
        raise _Wrong(tr("Choose what is asked."))

    def _group(self, told: Mapping[str, Any], mode: str, path: Path, depth: int) -> Group | None:
        inside = told[mode]
        if not isinstance(inside, list):
            raise _Wrong(tr('"{mode}" holds a list of conditions.', mode=mode))
        if depth >= DEEPEST:
            raise _Wrong(tr("Groups go {deepest} deep, and no deeper.", deepest=DEEPEST))
        if self.count + len(inside) > 4 * MOST:
            raise _Wrong(tr("A segment has up to {most} conditions; this one has {n}.", most=MOST, n=len(inside)))
        if not inside and depth:
            raise _Wrong(tr("This group is empty. Add a condition to it, or take it away."))
        parts = [self.node(one, (*path, place), depth + 1) for place, one in enumerate(inside)]
        return Group(mode, tuple(part for part in parts if part is not None))  # type: ignore[arg-type]

    def _test(self, told: Mapping[str, Any], fields: Mapping[str, Askable], key: str) -> Test:
        name = told.get(key)
        asked = fields.get(name) if isinstance(name, str) else None
        if asked is None:
            if not name:
                raise _Wrong(tr("Choose what is asked."))
            raise _Wrong(
                tr('There is no field "{name}" to ask. There are: {known}.', name=str(name)[:60],
                   known=", ".join(list(fields)[:30]))
            )  # fmt: skip
        how = told.get("is")
        if how not in _BY_KIND[asked.kind]:
            raise _Wrong(
                tr(
                    '"{field}" is compared by one of: {known}.',
                    field=asked.words,
                    known=", ".join(_BY_KIND[asked.kind]),
                )
            )
        return Test(asked, how, () if how in _WITHOUT_VALUE else self._values(asked, how, told.get("value")))

    def _values(self, asked: Askable, how: str, value: Any) -> tuple[Any, ...]:
        many = list(value) if isinstance(value, list) else [value]
        many = [one for one in many if one is not None and str(one).strip() != ""]
        if not many:
            raise _Wrong(tr('Say what "{field}" is compared with.', field=asked.words))
        if len(many) > MOST_VALUES:
            raise _Wrong(tr("One condition takes up to {most} values.", most=MOST_VALUES))
        if asked.kind in ("text", "code", "choices", "owner", "team"):
            found = [_text(one) for one in many]
            if asked.values and not asked.passing and (unknown := [one for one in found if one not in asked.values]):
                offered = ", ".join(asked.values)
                raise _Wrong(
                    tr(
                        '"{field}" is never "{value}". It is one of: {known}.',
                        field=asked.words,
                        value=unknown[0],
                        known=offered,
                    )
                )
            if asked.kind in ("owner", "team") and (
                odd := [one for one in found if not one.isdecimal() or len(one) > 9]
            ):
                raise _Wrong(tr('"{field}" is asked by number; found "{value}".', field=asked.words, value=odd[0]))
            return tuple(dict.fromkeys(found))
        if asked.kind == "date" and how in ("from", "to"):
            return (_day(many[0], asked.words),)
        if asked.kind == "date":
            return (_whole(many[0], asked.words, LONGEST_WINDOW),)
        return (self._kept(asked.kind, many[0], asked.words),)

    def _kept(self, kind: str, value: Any, words: Words) -> int | Decimal:
        """A number as the lake keeps it."""
        number = _number(value, words)
        if kind == "money":
            return int((number * 10**self.known.digits).to_integral_value())
        if kind == "share":
            if not 0 <= number <= 100:
                raise _Wrong(tr('"{field}" is asked in percent, 0 to 100; found {value}.', field=words, value=number))
            return number / 100
        return number

    def _did(self, told: Mapping[str, Any]) -> Did:
        deeds = self.known.deeds
        deed = deeds.get(told["did"]) if isinstance(told["did"], str) else None
        if deed is None:
            raise _Wrong(
                tr('There is no deed "{name}". There are: {known}.', name=str(told["did"])[:60], known=", ".join(deeds))
            )
        columns = self.known.columns(deed)
        where = told.get("where") or []
        if not isinstance(where, list) or not all(isinstance(one, dict) for one in where):
            raise _Wrong(tr('"{mode}" holds a list of conditions.', mode="where"))
        tests = tuple(self._test(one, columns, "column") for one in where[:MOST])
        what = told.get("what") or "count"
        if what not in WHAT:
            raise _Wrong(tr("What is worked out is one of: {known}.", known=", ".join(WHAT)))
        of = columns.get(str(told.get("of") or ""))
        if what in ("sum", "max") and (of is None or of.kind not in ("money", "number")):
            numbers = [one.name for one in columns.values() if one.kind in ("money", "number")]
            raise _Wrong(tr("Say which number is added up: one of {known}.", known=", ".join(numbers) or "–"))
        if what == "distinct" and of is None:
            raise _Wrong(tr("Say what is to be different: one of {known}.", known=", ".join(columns)))
        how = told.get("is") or "ge"
        if how not in _BY_NUMBER:
            raise _Wrong(tr('"{field}" is compared by one of: {known}.', field=deed.words, known=", ".join(_BY_NUMBER)))
        days, first, last = self._window(told)
        value: int | Decimal
        if what in ("sum", "max"):
            assert of is not None
            value = self._kept(of.kind, told.get("value"), of.words)
        else:
            value = _whole(told.get("value", 1), deed.words, LARGEST)
        kept = of if what in ("sum", "max", "distinct") else None
        return Did(deed, what, kept, tests, days, first, last, how, value)

    def _window(self, told: Mapping[str, Any]) -> tuple[int | None, date | None, date | None]:
        if told.get("days") not in (None, ""):
            return _whole(told["days"], Words("days", "天数"), LONGEST_WINDOW) or 1, None, None
        first = _day(told["from"], Words("from", "起")) if told.get("from") else None
        last = _day(told["to"], Words("to", "止")) if told.get("to") else None
        if first and last and last < first:
            raise _Wrong(tr("The stretch of days ends ({last}) before it begins ({first}).", first=first, last=last))
        return None, first, last

    def _agreed(self, told: Mapping[str, Any]) -> Agreed:
        if not self.known.consents:
            raise _Wrong(tr("What customers agree to is not yours to ask."))
        purpose = PURPOSES.get(str(told["consent"]))
        if purpose is None:
            raise _Wrong(
                tr(
                    'There is no purpose "{name}". There are: {known}.',
                    name=str(told["consent"])[:60],
                    known=", ".join(PURPOSES),
                )
            )
        channel = str(told.get("channel") or "")
        if purpose.by_channel and channel not in CHANNELS:
            raise _Wrong(tr("Say by which channel: one of {known}.", known=", ".join(CHANNELS)))
        if told.get("is") not in ("yes", "no"):
            raise _Wrong(tr('"{field}" is compared by one of: {known}.', field=purpose.words, known="yes, no"))
        return Agreed(purpose.name, channel if purpose.by_channel else "", told["is"] == "yes")

    def _belongs(self, told: Mapping[str, Any]) -> Belongs:
        try:
            number = int(str(told["segment"] or 0))
        except ValueError:
            number = 0
        if number not in self.known.segments:
            raise _Wrong(tr("Choose a segment that is there for you."))
        if told.get("is") not in ("in", "out"):
            raise _Wrong(tr("A customer is in the other segment, or out of it: say one of in, out."))
        return Belongs(number, told["is"] == "in")


def leaves(node: Node) -> Iterator[Test | Did | Agreed | Belongs]:
    """Every condition of a tree."""
    if isinstance(node, Group):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node


def others(node: Node) -> set[int]:
    """The segments a definition asks about."""
    return {one.segment for one in leaves(node) if isinstance(one, Belongs)}


def asks_the_desk(told: Any) -> bool:
    """Whether a definition as JSON asks, itself, for what people say on the desk, not for what a refresh works out."""
    if isinstance(told, Mapping):
        return "consent" in told or told.get("field") in KNOWN_TO_DESK or any(map(asks_the_desk, told.values()))
    return isinstance(told, Sequence) and not isinstance(told, str) and any(map(asks_the_desk, told))


def named_in(told: Any) -> set[int]:
    """The segments that a definition as JSON names, whether or not it can be read."""
    if isinstance(told, Mapping):
        found = {int(told["segment"])} if str(told.get("segment") or "").isdecimal() else set()
        return found.union(*(named_in(one) for one in told.values()))
    if isinstance(told, Sequence) and not isinstance(told, str):
        return set().union(*(named_in(one) for one in told))
    return set()


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise _Wrong(tr("A value is a text or a number."))
    return str(value).replace("\x00", "").strip()[:200]


def _number(value: Any, words: Words) -> Decimal:
    text = "" if value is None or isinstance(value, bool | dict | list) else str(value).strip().replace(",", "")
    try:
        number = Decimal(text)
        if not number.is_finite() or not math.isfinite(float(number)):
            raise InvalidOperation
    except (InvalidOperation, OverflowError):
        raise _Wrong(
            tr(
                '"{field}" is compared with a number; found "{value}".',
                field=words,
                value=str(value if value is not None else "")[:60],
            )
        ) from None
    if abs(number) > LARGEST:
        raise _Wrong(tr("{value} is too large. Numbers up to 9,000,000,000,000 fit.", value=str(value)[:60]))
    return number


def _whole(value: Any, words: Words, most: int) -> int:
    number = _number(value, words)
    if number != number.to_integral_value() or not 0 <= number <= most:
        raise _Wrong(
            tr(
                '"{field}" is compared with a whole number from 0 to {most:,}; found {value}.',
                field=words,
                most=most,
                value=str(value)[:60],
            )
        )
    return int(number)


def _day(value: Any, words: Words) -> date:
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise _Wrong(
            tr(
                '"{field}" is compared with a date such as 2026-05-01; found "{value}".',
                field=words,
                value=str(value)[:60],
            )
        ) from None


__all__ = [
    "MODES", "WHAT", "Agreed", "Belongs", "DefinitionError", "Did", "Group", "Known", "Node", "Path", "Test",
    "comparisons", "leaves", "named_in", "others", "read",
]  # fmt: skip
