"""From what somebody said to the cause it names: by words in Chinese and English, and by what people confirmed before.

Every suggestion says how sure it is and which words it went by. Below `LEAST` it keeps quiet: a person decides.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from tenure.insight.causes.learned import Learned
from tenure.insight.causes.terms import ALONE, CODES, TERMS
from tenure.insight.causes.tree import BY_CODE

LEAST = 0.5  # below this confidence nothing is suggested
READ = 4000  # characters of a text that are looked at; what somebody leaves for is said early
STRONG, WEAK = 1.0, 0.35
# What each kind of evidence can be worth at most: a code says what it says, one weak word hardly anything.
OF_CODE, OF_STRONG, OF_WEAK, OF_LEARNED = 0.95, 0.9, 0.55, 0.9
VAGUE = frozenset(cause.code for cause in BY_CODE.values() if cause.vague)
_NOT_EN = re.compile(
    r"(?:\b(?:not|no|never|without|isn't|wasn't|aren't|hardly)(?: (?:too|very|so|that|really|at all))?[ ]?)$"
)
_FINE = re.compile(
    r"(?:不差|不错|很好|挺好|还行|没问题|可以|还可以|不贵|满意| (?:is|was|are|were) (?:fine|good|great|ok))"
)
_NOT_ZH = re.compile(r"(?:不是很|不太|不算|并不|不是|没有|不|没|非)$")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A cause, or none (cause empty). confidence: 0 to 1. by: code, words, learned or nothing. words: those it went by."""

    cause: str = ""
    confidence: float = 0.0
    by: str = "nothing"
    words: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        return bool(self.cause)


NOTHING = Suggestion()


@dataclass(frozen=True)
class Suggester:
    """Suggests causes. learned: from confirmed statements, where there are enough. allowed: causes not retired;
    None: the usual ones. names: what else stands for a cause as a code, such as the names a company gave it."""

    learned: Learned | None = None
    allowed: frozenset[str] | None = None
    names: Mapping[str, str] | None = None
    vague: frozenset[str] = VAGUE

    def suggest(self, text: str = "", codes: Iterable[str] = ()) -> Suggestion:
        """The cause of a text and of reasons coded beside it, the most exact code first.

        Text that nobody's word lists read (another language, no words at all) gives no suggestion, and never a guess.
        A text in no more than a code's words is read as the code.
        """
        said = plain(text)
        fallback = NOTHING
        for code in (*codes, said):
            found = self._coded(plain(code))
            if found and found.cause not in self.vague:
                return found
            if found and not fallback.told:
                fallback = found  # "service" says little; the words beside it may say more
        if fallback.told and fallback.words == (said[:60],):
            return fallback
        by_words = self._by_words(said)
        by_learned = self._by_learned(said)
        best = max((by_words, by_learned), key=lambda one: one.confidence)
        if by_words.told and by_words.cause == by_learned.cause:
            both = 1 - (1 - by_words.confidence) * (1 - by_learned.confidence)
            best = Suggestion(by_words.cause, round(min(both, OF_CODE), 3), "learned", by_words.words)
        if fallback.told and (best.confidence <= OF_WEAK or best.cause in self.vague):
            return fallback
        return best if best.confidence >= LEAST else NOTHING

    def _open(self, cause: str) -> bool:
        return cause in self.allowed if self.allowed is not None else cause in BY_CODE

    def _coded(self, code: str) -> Suggestion | None:
        cause = (self.names or {}).get(code) or _codes().get(code) or _codes().get(code.replace(" ", "_"))
        if not code or cause is None or not self._open(cause):
            return None
        return Suggestion(cause, OF_CODE, "code", (code[:60],))

    def _by_words(self, said: str) -> Suggestion:
        scores: dict[str, float] = {}
        words: dict[str, list[str]] = {}
        strong: set[str] = set()
        for cause, term, weight in matches(said):
            if not self._open(cause) or term in words.get(cause, ()):
                continue
            scores[cause] = scores.get(cause, 0.0) + weight
            words.setdefault(cause, []).append(term)
            if weight == STRONG:
                strong.add(cause)
        if not scores:
            return NOTHING
        # A cause named by a word of its own goes before one that only several weak words point to.
        first = max(scores, key=lambda one: (one in strong, scores[one], -list(TERMS).index(one)))
        rivals = sum(
            score for cause, score in scores.items() if cause != first and (cause in strong or first not in strong)
        )
        share = scores[first] / (scores[first] + 0.5 * rivals)
        most = OF_STRONG if first in strong else OF_WEAK
        return Suggestion(first, round(most * share, 3), "words", tuple(words[first][:6]))

    def _by_learned(self, said: str) -> Suggestion:
        if self.learned is None or not said:
            return NOTHING
        cause, confidence = self.learned.predict(said)
        if not cause or not self._open(cause):
            return NOTHING
        return Suggestion(cause, round(min(confidence, OF_LEARNED), 3), "learned", ())


def plain(text: str) -> str:
    """Text as it is compared: its first characters, one width, lower case, single spaces."""
    folded = unicodedata.normalize("NFKC", text[: 2 * READ]).casefold().replace("’", "'")
    return " ".join(folded.split())[:READ].strip(" .。!！?？,，;；:：\"'“”")


def matches(said: str) -> list[tuple[str, str, float]]:
    """The causes' words found in a plain text: cause, word, weight; denied ones left out, the longer before the shorter."""
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, str, str, float]] = []
    for term, named, pattern in _patterns():
        if term in ALONE and said != term:
            continue
        for match in pattern.finditer(said):
            start, end = match.span()
            if any(start < right and end > left for left, right in taken):
                continue
            taken.append((start, end))
            before = said[max(0, start - 24) : start]
            if (_NOT_EN if term.isascii() else _NOT_ZH).search(before):
                continue
            if _FINE.match(said[end : end + 24]):
                continue
            found += [(start, cause, term.rstrip("*"), weight) for cause, weight in named]
    return [(cause, term, weight) for _start, cause, term, weight in sorted(found, key=lambda one: one[0])]


@cache
def _patterns() -> tuple[tuple[str, tuple[tuple[str, float], ...], re.Pattern[str]], ...]:
    """Every word with what it names, the longest first."""
    named: dict[str, list[tuple[str, float]]] = {}
    for cause, (strong, weak) in TERMS.items():
        for terms, weight in ((strong, STRONG), (weak, WEAK)):
            for term in terms:
                named.setdefault(term, []).append((cause, weight))
    made = []
    for term in sorted(named, key=lambda one: (-len(one), one)):
        if term.isascii():
            body = re.escape(term).replace(r"\*", r"[a-z']*")
            pattern = rf"(?<![a-z0-9]){body}(?![a-z0-9])"
        else:
            pattern = re.escape(term)
        made.append((term, tuple(named[term]), re.compile(pattern)))
    return tuple(made)


@cache
def _codes() -> Mapping[str, str]:
    """What stands for a cause as a code: what systems write, the causes' own codes and names in both languages."""
    found = {plain(code): cause for code, cause in CODES.items()}
    for one in BY_CODE.values():
        if one.parent:
            found |= {one.code: one.code, plain(one.words.en): one.code, plain(one.words.zh): one.code}
    return found
