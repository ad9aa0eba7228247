"""Whether the audit chain still says what was written: every link worked out again, and held against the signed heads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tenure.desk.governance import chain, heads
from tenure.errors import TenureError
from tenure.language import tr

CHUNK = 2_000  # rows a query: more, and PostgreSQL reads the whole table for each

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Break:
    """A row that is not what it was. kind: altered, missing_entry, missing_links, rewritten, cut, forged_head, no_heads."""

    kind: str
    position: int | None
    entry: int | None
    found: str
    expected: str
    told: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. sealed: links; unsealed: entries that wait for theirs; signed_to: the furthest head.

    heads: how many were held against the chain; unchecked: how many not, their key being retired.
    """

    sealed: int
    hash: str
    unsealed: int
    heads: int
    unchecked: int
    signed_to: int
    first: Break | None
    breaks: int

    @property
    def ok(self) -> bool:
        return self.first is None


def verify(*, kept: Sequence[heads.Head] = (), progress: Progress | None = None) -> Verdict:
    """Go through the whole chain, streaming, and name the first row that does not fit.

    kept: heads that were kept elsewhere. Reads alone; what is committed meanwhile counts as not sealed yet.
    """
    breaks = _Breaks()
    signed = _signed(kept, breaks)
    expected, previous, read = 1, chain.GENESIS, 0
    last = chain.head().position if progress else 0
    for position, entry_id, found, entry in _links():
        if position != expected:
            breaks.add(_gap(expected, position))
        if entry is None:
            breaks.add(_gone(position, entry_id, found))
        elif (worked_out := chain.link_hash(previous, position, entry)) != found:
            breaks.add(_altered(position, entry_id, worked_out, found))
        for head in signed.pop(position, ()):
            if head.hash != found:
                breaks.add(_rewritten(head, entry_id, found))
        # From a broken row on, the rest is held against what is stored, so that one row is not blamed on all after it.
        expected, previous = position + 1, found
        read += 1
        if progress and read % CHUNK == 0:
            progress(read, last)
    left = sorted((head for some in signed.values() for head in some), key=lambda head: head.position)
    for head in left:
        breaks.add(_cut(head, expected - 1))
    if read and not breaks.heads:
        breaks.add(_unsigned(read))
    return Verdict(
        sealed=read,
        hash=previous,
        unsealed=chain.unsealed(thorough=True),
        heads=breaks.heads,
        unchecked=breaks.unchecked,
        signed_to=breaks.signed_to,
        first=breaks.first,
        breaks=breaks.count,
    )


class _Breaks:
    """The first break by its place in the chain, how many there are, and how the heads were."""

    def __init__(self) -> None:
        self.first: Break | None = None
        self.count = self.heads = self.unchecked = self.signed_to = 0

    def add(self, one: Break) -> None:
        self.count += 1
        place = one.position if one.position is not None else 2**63
        if self.first is None or place < (self.first.position if self.first.position is not None else 2**63):
            self.first = one


def _signed(kept: Sequence[heads.Head], breaks: _Breaks) -> dict[int, list[heads.Head]]:
    """The heads to hold the chain against, by position; the same head twice counts once."""
    signed: dict[int, list[heads.Head]] = {}

    def hold(head: heads.Head) -> None:
        breaks.heads += 1
        breaks.signed_to = max(breaks.signed_to, head.position)
        if all(other.hash != head.hash for other in signed.setdefault(head.position, [])):
            signed[head.position].append(head)

    for number, line in heads.every():
        try:
            head = heads.parse(line)
        except TenureError:
            breaks.add(_forged(number, line))
            continue
        if not head.is_checkable:
            breaks.unchecked += 1
        elif head.is_ours:
            hold(head)
        else:
            breaks.add(_forged(number, line))
    for head in kept:
        if not (head.is_checkable and head.is_ours):
            raise TenureError(tr("The head given was not signed with the keys of this workspace: {head}", head=head))
        hold(head)
    return signed


def _links() -> Iterator[tuple[int, int, str, Sequence[Any] | None]]:
    """Every link in order: position, entry id, hash, and the entry as stored (None: gone). A chunk at a time."""
    sql = (
        f"SELECT l.position, l.entry_id, l.hash, {chain.columns()} FROM (SELECT position, entry_id, hash FROM "
        "governance_chainlink WHERE position > %s ORDER BY position LIMIT %s) l "
        "LEFT JOIN governance_auditentry e ON e.id = l.entry_id ORDER BY l.position"
    )
    after = -(2**63)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, [after, CHUNK])
            rows = cursor.fetchall()
        for row in rows:
            yield row[0], row[1], row[2], None if row[3] is None else row[3:]
        if len(rows) < CHUNK:
            return
        after = rows[-1][0]


def _gap(expected: int, found: int) -> Break:
    told = tr("The chain goes from position {before} to {found}: what stood between is missing.", before=expected - 1,
              found=found)  # fmt: skip
    return Break("missing_links", expected, None, str(found), str(expected), told)


def _gone(position: int, entry: int, hash: str) -> Break:
    told = tr(
        "Position {position}: entry {entry} is missing. Found: nothing. Expected: the entry that gives {hash}.",
        position=position, entry=entry, hash=hash,
    )  # fmt: skip
    return Break("missing_entry", position, entry, "", hash, told)


def _altered(position: int, entry: int, found: str, expected: str) -> Break:
    told = tr(
        "Position {position}: entry {entry}, its link or its place was changed. Found: {found}. Expected: {expected}.",
        position=position, entry=entry, found=found, expected=expected,
    )  # fmt: skip
    return Break("altered", position, entry, found, expected, told)


def _rewritten(head: heads.Head, entry: int, found: str) -> Break:
    told = tr(
        "Position {position} is not what was signed at {at}: the chain was rewritten here or before. "
        "Found: {found}. Expected: {expected}.",
        position=head.position, at=head.at, found=found, expected=head.hash,
    )  # fmt: skip
    return Break("rewritten", head.position, entry, found, head.hash, told)


def _cut(head: heads.Head, end: int) -> Break:
    told = tr(
        "The chain ends at position {end}, but the head signed at {at} says that it reached {position}: its end is missing.",
        end=end, at=head.at, position=head.position,
    )  # fmt: skip
    return Break("cut", end + 1, None, str(end), str(head.position), told)


def _forged(number: int, line: str) -> Break:
    told = tr(
        'Line {number} of {path} was not signed with the keys of this workspace. Found: "{line}".',
        number=number, path=heads.path(), line=line[:100],
    )  # fmt: skip
    return Break("forged_head", None, None, line[:300], "", told)


def _unsigned(links: int) -> Break:
    told = tr(
        "{path} holds no signed head, though the chain has {links} links: the file was lost or taken away. "
        "Put it back from a backup, or hold the chain against a head kept elsewhere with --head.",
        path=heads.path(), links=links,
    )  # fmt: skip
    return Break("no_heads", None, None, "", "", told)
