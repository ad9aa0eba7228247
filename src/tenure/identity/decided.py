"""Who is one person, given what the records say and what people decided: a decision goes before any evidence."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tenure.identity.clusters import gather

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
    known = set(own.tolist())
    told = [pair for pair in joined if pair[0] in known and pair[1] in known]
    said = [pair for pair in evidence if pair[0] in known and pair[1] in known]
    strength = [(2.0, -float(at)) for at in range(len(told))] + [(0.0, -float(at)) for at in range(len(said))]
    return gather(own, [*told, *said], strength, apart, insisted=frozenset((min(p), max(p)) for p in told))


def touched_by(own: NDArray[np.int64], pairs: Iterable[Pair], start: Collection[int]) -> NDArray[np.int64]:
    """The numbers whose person could change where something about these numbers did: all that hang together with them."""
    known = {int(value): place for place, value in enumerate(own)}
    label = _hanging_together(len(own), [(known[a], known[b]) for a, b in pairs if a in known and b in known])
    wanted = {int(label[known[one]]) for one in start if one in known}
    found: NDArray[np.int64] = own[np.isin(label, sorted(wanted))]
    return found


def _hanging_together(size: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    label: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return label
