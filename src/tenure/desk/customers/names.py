"""How a customer is found: by name in Chinese, in full pinyin or by its initials, by number, by phone or e-mail."""

from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=200_000)
def syllables(name: str) -> tuple[str, ...]:
    """王小明 → ("wang", "xiao", "ming"); a stretch that is not Chinese stays one piece, lowercased."""
    from pypinyin import lazy_pinyin  # loads slowly, and most that loads this asks for none

    return tuple(piece.strip().lower() for piece in lazy_pinyin(name) if piece.strip())


def search_text(name: str, pinyin: str, numbers: Iterable[str]) -> str:
    """Everything the search box matches, in one lowercase line: name, full pinyin, initials, customer numbers."""
    parts = [name.lower()]
    if name and not name.isascii():
        spoken = tuple(pinyin.lower().split()) if " " in pinyin else syllables(name)
        parts += ["".join(spoken), "".join(syllable[0] for syllable in spoken)]
    parts += [number.lower() for number in numbers]
    return " ".join(dict.fromkeys(part for part in parts if part))


def whole_phone(text: str) -> str:
    """A phone as it is looked for: its digits, without the signs between them, China's own code, or the 0 before an area."""
    digits = _digits(text).removeprefix("00")
    if len(digits) in (12, 13) and digits.startswith("86"):
        return digits[2:].removeprefix("0")
    return digits[1:] if len(digits) in (11, 12) and digits.startswith("0") else digits


def last_four(text: str) -> str:
    """The last four digits of a phone; nothing where it has fewer."""
    digits = _digits(text)
    return digits[-4:] if len(digits) >= 4 else ""


def whole_email(text: str) -> str:
    """An e-mail address as it is looked for: in lower case, without blanks around it."""
    return text.strip().lower()


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdecimal() and character.isascii())
