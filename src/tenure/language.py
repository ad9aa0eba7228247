"""The two languages of the screen, for code that has no web framework under it.

The catalogue is the one the pages use (`locale/zh_Hans/LC_MESSAGES/django.po`), so a sentence is translated once.
"""

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOCALE_FOLDER = Path(__file__).parent / "locale"
LANGUAGES = ("en", "zh-hans")

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


@dataclass(frozen=True, slots=True)
class Words:
    """One thing to show on a screen, in English and Chinese."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.zh if is_chinese() else self.en

    def format(self, **values: object) -> "Words":
        """Fill the same named places in both languages."""
        return Words(self.en.format(**values), self.zh.format(**values))


def current() -> str:
    """The language in use: what was chosen, else what the machine's locale asks for."""
    return _chosen.get() or _from_locale()


def is_chinese() -> bool:
    return current().startswith("zh")


def choose(language: str | None) -> None:
    """Speak `language` ("en", "zh-hans" or "zh") from here on in this context; None asks the machine's locale."""
    _chosen.set(_known(language) if language else None)


@contextmanager
def using(language: str) -> Iterator[None]:
    """Speak `language` within the block."""
    token = _chosen.set(_known(language))
    try:
        yield
    finally:
        _chosen.reset(token)


def tr(message: str, /, **values: object) -> str:
    """The sentence in the current language, its {named} places filled."""
    text = _catalogue().gettext(message) if is_chinese() else message
    said = Said(text.format(**values) if values else text)
    said.message, said.values = message, values
    return said


class Said(str):
    """A sentence that knows what it was made from, so that it can be kept in both languages."""

    message: str
    values: Mapping[str, object]


def both(sentence: str) -> Words:
    """What `tr` said, in both languages: to be kept for readers of either. Other text stands in both as it is."""
    if not isinstance(sentence, Said):
        return Words(sentence, sentence)
    told = {}
    for language in LANGUAGES:
        with using(language):
            told[language] = str(tr(sentence.message, **sentence.values))
    return Words(told["en"], told["zh-hans"])


def _known(language: str) -> str:
    return "zh-hans" if language.lower().startswith("zh") else "en"


def _from_locale() -> str:
    asked = os.environ.get("TENURE_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "en"
    return _known(asked)


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("django", LOCALE_FOLDER, languages=["zh_Hans"], fallback=True)
