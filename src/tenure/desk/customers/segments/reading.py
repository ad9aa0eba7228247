"""A definition in plain words, in both languages, as one would say it to a colleague."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tenure.desk.customers.segments.askable import Askable
from tenure.desk.customers.segments.definition import Agreed, Belongs, Did, Group, Node, Test
from tenure.desk.governance.purposes import CHANNELS, PURPOSES
from tenure.language import Words

_JOIN = {"all": Words(" and ", "，并且"), "any": Words(" or ", "，或者"), "none": Words(" or ", "，或者")}
_LIMIT = {
    "ge": Words("at least {n}", "不少于 {n}"),
    "le": Words("at most {n}", "不多于 {n}"),
    "eq": Words("exactly {n}", "等于 {n}"),
}


def said(
    node: Node, names: Mapping[int, str], digits: int = 2, people: Mapping[str, Mapping[str, str]] | None = None
) -> Words:
    """The whole definition. names: of other segments. people: names of owners and teams, by number."""
    return _Reading(names, digits, people or {}).node(node, outer=True)


class _Reading:
    def __init__(self, names: Mapping[int, str], digits: int, people: Mapping[str, Mapping[str, str]]) -> None:
        self.names, self.digits, self.people = names, digits, people

    def node(self, node: Node, *, outer: bool = False) -> Words:
        if isinstance(node, Group):
            return self._group(node, outer)
        if isinstance(node, Test):
            return self._test(node)
        if isinstance(node, Did):
            return self._did(node)
        if isinstance(node, Agreed):
            return self._agreed(node)
        return self._belongs(node)

    def _group(self, node: Group, outer: bool) -> Words:
        parts = [self.node(part) for part in node.parts]
        joined = _joined(parts, _JOIN[node.mode])
        if node.mode == "none":
            return Words(f"not ({joined.en})", f"排除（{joined.zh}）")
        return joined if outer or len(parts) < 2 else Words(f"({joined.en})", f"（{joined.zh}）")

    def _test(self, test: Test) -> Words:
        name, how = test.asked.words, test.how
        if how in ("set", "empty"):
            return name_is(name, Words("is filled in", "已填写") if how == "set" else Words("is empty", "为空"))
        if how in ("yes", "no"):
            return Words(f"{name.en}: {how}", f"{name.zh}：{'是' if how == 'yes' else '否'}")
        if how == "within":
            return Words(f"{name.en} in the last {test.values[0]} days", f"{name.zh}在最近 {test.values[0]} 天内")
        if how == "longer":
            return Words(f"{name.en} more than {test.values[0]} days ago", f"{name.zh}早于 {test.values[0]} 天前")
        if how in ("from", "to"):
            at = test.values[0].isoformat()
            return (
                Words(f"{name.en} on or after {at}", f"{name.zh}不早于 {at}") if how == "from"
                else Words(f"{name.en} on or before {at}", f"{name.zh}不晚于 {at}")
            )  # fmt: skip
        if how in _LIMIT:
            return name_is(name, _LIMIT[how].format(n=self._number(test.asked, test.values[0])))
        listed = _joined([self._value(test.asked, value) for value in test.values], Words(" or ", "或"))
        verb = {"in": Words("is", "是"), "not_in": Words("is not", "不是"), "has": Words("contains", "包含")}[how]
        return Words(f"{name.en} {verb.en} {listed.en}", f"{name.zh}{verb.zh}{listed.zh}")

    def _value(self, asked: Askable, value: Any) -> Words:
        named = self.people.get(asked.kind, {}).get(str(value))
        if named:
            return Words(named, named)
        words = asked.values.get(value) or Words(str(value), str(value))
        # The name of a persona is a list of its own: it is set off from what stands around it.
        return Words(f"“{words.en}”", f"“{words.zh}”") if asked.passing else words

    def _number(self, asked: Askable | None, value: int | Decimal) -> str:
        if asked is not None and asked.kind == "money":
            value = Decimal(value).scaleb(-self.digits)
        if asked is not None and asked.kind == "share":
            return f"{_plain(Decimal(value) * 100)}%"
        return _plain(Decimal(value))

    def _did(self, node: Did) -> Words:
        what, when = self._amount(node), _stretch(node)
        where = _joined([self._test(one) for one in node.where], Words(" and ", "且"))
        deed = node.deed.words
        en = f"{deed.en} {what.en}" + (f" {when.en}" if when.en else "") + (f", where {where.en}" if where.en else "")
        return Words(en, f"{when.zh}{f'（{where.zh}）' if where.zh else ''}{deed.zh}{what.zh}".replace(" （", "（"))

    def _amount(self, node: Did) -> Words:
        limit = _LIMIT[node.how].format(
            n=self._number(node.of, node.value) if node.what in ("sum", "max") else node.value
        )
        of = node.of.words if node.of else Words("", "")
        if node.what == "count" and node.value == 0 and node.how in ("le", "eq"):
            return Words("not once", " 0 次")
        if node.what == "count" and node.value == 1 and node.how == "ge":
            return Words("at least once", "至少 1 次")
        return {
            "count": Words(f"{limit.en} times", f"{limit.zh} 次"),
            "days": Words(f"on {limit.en} different days", f"的天数{limit.zh} 天"),
            "sum": Words(f"for {limit.en} in all ({of.en})", f"的{of.zh}合计{limit.zh}"),
            "max": Words(f"for {limit.en} at the most ({of.en})", f"的单次最高{of.zh}{limit.zh}"),
            "distinct": Words(f"with {limit.en} different values of {of.en}", f"的不同{of.zh}数{limit.zh}"),
            "since": _since(node, limit),
        }[node.what]

    def _agreed(self, node: Agreed) -> Words:
        purpose = PURPOSES[node.purpose].words
        by = (
            Words(f" by {CHANNELS[node.channel].words.en}", f"（{CHANNELS[node.channel].words.zh}）")
            if node.channel
            else Words("", "")
        )
        may = Words("may be reached", "可联系") if node.yes else Words("may not be reached", "不可联系")
        return Words(f"{may.en} for {purpose.en}{by.en}", f"{may.zh}：{purpose.zh}{by.zh}")

    def _belongs(self, node: Belongs) -> Words:
        name = self.names.get(node.segment, f"#{node.segment}")
        return Words(f'in "{name}"', f"属于“{name}”") if node.inside else Words(f'not in "{name}"', f"不属于“{name}”")


def name_is(name: Words, rest: Words) -> Words:
    return Words(f"{name.en} {rest.en}", f"{name.zh}{rest.zh}")


def _since(node: Did, limit: Words) -> Words:
    never = Words(", or never", "，或从未发生") if node.how == "ge" else Words("", "")
    return Words(f"last {limit.en} days ago{never.en}", f"距最近一次{limit.zh} 天{never.zh}")


def _stretch(node: Did) -> Words:
    if node.days is not None:
        return Words(f"in the last {node.days} days", f"最近 {node.days} 天")
    first, last = node.first, node.last
    if first and last:
        return Words(f"from {first} to {last}", f"{first} 至 {last} ")
    if first:
        return Words(f"since {first}", f"{first} 起")
    return Words(f"until {last}", f"截至 {last} ") if last else Words("", "")


def _joined(parts: list[Words], by: Words) -> Words:
    return Words(by.en.join(one.en for one in parts), by.zh.join(one.zh for one in parts))


def _plain(number: Decimal) -> str:
    text = f"{number.normalize():,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
