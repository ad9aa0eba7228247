"""How a customer is found by name: in Chinese, in full pinyin, by its initials, or by number."""

from collections.abc import Iterable
from functools import lru_cache

from pypinyin import lazy_pinyin


@lru_cache(maxsize=200_000)
def syllables(name: str) -> tuple[str, ...]:
    """王小明 → ("wang", "xiao", "ming"); a stretch that is not Chinese stays one piece, lowercased."""
    return tuple(piece.strip().lower() for piece in lazy_pinyin(name) if piece.strip())


def search_text(name: str, pinyin: str, numbers: Iterable[str]) -> str:
    """Everything the search box matches, in one lowercase line: name, full pinyin, initials, customer numbers."""
    parts = [name.lower()]
    if name and not name.isascii():
        spoken = tuple(pinyin.lower().split()) if " " in pinyin else syllables(name)
        parts += ["".join(spoken), "".join(syllable[0] for syllable in spoken)]
    parts += [number.lower() for number in numbers]
    return " ".join(dict.fromkeys(part for part in parts if part))
