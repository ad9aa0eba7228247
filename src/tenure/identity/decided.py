"""Who is one person, given what the records say and what people decided: a decision goes before any evidence."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Pair = tuple[int, int]


def persons(
    own: NDArray[np.int64], evidence: Sequence[Pair], joined: Sequence[Pair], apart: Collection[Pair]
) -> NDArray[np.int64]:
    """The person behind each number: the oldest number of its cluster.

    own: every number minted, ascending. evidence: pairs the records join, strongest first. joined: pairs that people
    joined, newest first. apart: pairs that people keep apart. Pairs of numbers that are not in `own` are passed over.

    Two numbers that are kept apart are never in one cluster, by whatever path: a pair that would bring them together
    is left out, the weaker evidence before the stronger, and evidence before what people joined. Where nobody keeps
    anything apart, a cluster is simply everything that hangs together.
    """
    known = {int(value): place for place, value in enumerate(own)}
    pairs = [pair for pair in (*joined, *evidence) if pair[0] in known and pair[1] in known]
    label = _hanging_together(len(own), [(known[a], known[b]) for a, b in pairs])
    foes = [(known[a], known[b]) for a, b in apart if a in known and b in known]
    torn = {int(label[a]) for a, b in foes if label[a] == label[b]}
    if torn:
        label = _apart(label, torn, [(known[a], known[b]) for a, b in pairs], foes)
    oldest = np.full(int(label.max()) + 1 if len(label) else 0, np.iinfo(np.int64).max)
    np.minimum.at(oldest, label, own)
    found: NDArray[np.int64] = oldest[label]
    return found


def touched_by(own: NDArray[np.int64], pairs: Iterable[Pair], start: Collection[int]) -> NDArray[np.int64]:
    """The numbers whose person could change where something about these numbers did: all that hang together with them."""
    known = {int(value): place for place, value in enumerate(own)}
    label = _hanging_together(len(own), [(known[a], known[b]) for a, b in pairs if a in known and b in known])
    wanted = {int(label[known[one]]) for one in start if one in known}
    found: NDArray[np.int64] = own[np.isin(label, sorted(wanted))]
    return found


def _hanging_together(size: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    label: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def _apart(
    label: NDArray[np.int64], torn: Collection[int], pairs: Sequence[Pair], foes: Sequence[Pair]
) -> NDArray[np.int64]:
    """The clusters that hold numbers kept apart, put together anew, pair by pair, as far as that allows."""
    inside = {place for place in range(len(label)) if int(label[place]) in torn}
    members: dict[int, set[int]] = {place: {place} for place in inside}
    shuns: dict[int, set[int]] = {place: set() for place in inside}
    of = {place: place for place in inside}
    for a, b in foes:
        if a in inside and b in inside:
            shuns[a].add(b)
            shuns[b].add(a)
    for a, b in pairs:
        if a not in inside or of[a] == of[b]:
            continue
        big, small = (of[a], of[b]) if len(members[of[a]]) >= len(members[of[b]]) else (of[b], of[a])
        if shuns[big] & members[small]:
            continue
        for place in members[small]:
            of[place] = big
        members[big] |= members.pop(small)
        shuns[big] |= shuns.pop(small)
    fresh = label.copy()
    number = {root: int(label.max()) + 1 + place for place, root in enumerate(sorted(set(of.values())))}
    for place, root in of.items():
        fresh[place] = number[root]
    return np.unique(fresh, return_inverse=True)[1].astype(np.int64)
