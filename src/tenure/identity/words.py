"""Why two customers are, or are not, taken for one: evidence in words, without a personal value in it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tenure.identity.model import KINDS, Level
from tenure.language import Words

# Of evidence that weighs less than this (log2) a sentence does not speak.
_WORTH_A_WORD = 0.5
_UNKNOWN = Words("Something else that was compared", "其他比较项")


def evidence(item: Mapping[str, Any]) -> Words:
    """Words for one piece of evidence (field, level): "Same phone", "手机号相同"."""
    level = _LEVELS.get((str(item.get("field")), str(item.get("level"))))
    return level.words if level else _UNKNOWN


def sentence(why: str | Sequence[Mapping[str, Any]]) -> Words:
    """The whole reasoning of a pair as one sentence, what speaks for it first, each side strongest first.

    why: as `identity/pairs` has it: items of field, level and weight, or the JSON of them.
    """
    items = json.loads(why) if isinstance(why, str) else list(why)
    telling = [item for item in items if abs(item.get("weight", 0.0)) >= _WORTH_A_WORD]
    for_it = sorted((item for item in telling if item["weight"] > 0), key=lambda item: -item["weight"])
    against = sorted((item for item in telling if item["weight"] < 0), key=lambda item: item["weight"])
    said = [evidence(item) for item in (*for_it, *against)]
    if not said:
        return Words("Nothing that speaks for or against it", "没有支持或反对的依据")
    return Words(_joined([one.en for one in said]), "；".join(one.zh for one in said))


def _joined(parts: Sequence[str]) -> str:
    """ "Same phone", "Names sound the same (pinyin)" → "Same phone; names sound the same (pinyin)"."""
    first, *rest = parts
    return "; ".join([first, *(one if one[1:2].isupper() else one[:1].lower() + one[1:] for one in rest)])


def _of(kinds: Iterable[Any]) -> dict[tuple[str, str], Level]:
    found: dict[tuple[str, str], Level] = {}
    for kind in kinds:
        for field in kind.fields:
            for level in field.levels:
                found.setdefault((field.name, level.name), level)
    return found


_LEVELS = _of(KINDS.values())
