"""From pairs to persons: joins gathered strongest first, never across what keeps two rows apart."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def gather(
    nodes: NDArray[np.int64],
    joins: Sequence[tuple[int, int]],
    strength: Sequence[Any],
    apart: Iterable[tuple[int, int]],
    marks: Sequence[Mapping[int, Any]] = (),
    insisted: frozenset[tuple[int, int]] = frozenset(),
    once: Mapping[int, Any] | None = None,
) -> NDArray[np.int64]:
    """Say who each node is: the smallest node of those joined with it, in the order of `nodes` (ascending).

    joins: pairs that are one, each with its strength (comparable; ties go by the pair). apart: pairs that must never be in
    one group, by whatever path; joins that would bring one about are left out, the weakest first. marks: what nodes hold
    that one person has only one of (a valid ID number); a group never holds two. insisted: joins to which marks don't apply.
    once: what no two nodes of a group may have in common (the list they stand in).
    The order of rows, joins and pairs makes no difference.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {int(node): index for index, node in enumerate(nodes)}
    one = np.array([place[a] for a, __ in joins], dtype=np.int64)
    two = np.array([place[b] for __, b in joins], dtype=np.int64)
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(len(nodes), len(nodes)))
    count, loose = connected_components(graph, directed=False)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, loose, nodes)
    result: NDArray[np.int64] = smallest[loose]
    kept_apart = sorted({(min(pair), max(pair)) for pair in apart if pair[0] in place and pair[1] in place})
    contested = {int(loose[place[a]]) for a, b in kept_apart if loose[place[a]] == loose[place[b]]}
    for held in marks:
        seen: dict[int, Any] = {}
        for node, mark in held.items():
            if node in place and seen.setdefault(int(loose[place[node]]), mark) != mark:
                contested.add(int(loose[place[node]]))
    held_once: set[tuple[int, Any]] = set()
    for node, mark in (once or {}).items():
        if node in place and (key := (int(loose[place[node]]), mark)) in held_once:
            contested.add(key[0])
        elif node in place:
            held_once.add(key)
    if not contested:
        return result
    # Few groups hold a contradiction; only those are gathered join by join.
    inside = np.isin(loose, sorted(contested))
    groups = _Groups([int(node) for node in nodes[inside]], kept_apart, marks, once or {})
    chosen = [at for at in range(len(joins)) if inside[one[at]]]
    for at in sorted(chosen, key=lambda at: (_reversed(strength[at]), min(joins[at]), max(joins[at]))):
        pair = (min(joins[at]), max(joins[at]))
        groups.join(*pair, heed_marks=pair not in insisted)
    for index in np.flatnonzero(inside):
        result[index] = groups.smallest(int(nodes[index]))
    return result


def _reversed(strength: Any) -> Any:
    return tuple(-part for part in strength) if isinstance(strength, tuple) else -strength


class _Groups:
    """Groups that know their members, what they hold and whom they may not join."""

    def __init__(
        self,
        nodes: Sequence[int],
        apart: Iterable[tuple[int, int]],
        marks: Sequence[Mapping[int, Any]],
        once: Mapping[int, Any],
    ) -> None:
        self._of = {node: node for node in nodes}
        self._members = {node: [node] for node in nodes}
        self._foes: dict[int, set[int]] = {}
        for a, b in apart:
            if a in self._of and b in self._of:
                self._foes.setdefault(a, set()).add(b)
                self._foes.setdefault(b, set()).add(a)
        self._once = {node: {once[node]} for node in nodes if node in once}
        self._marks = [{node: {held[node]} for node in nodes if node in held} for held in marks]

    def join(self, a: int, b: int, *, heed_marks: bool) -> None:
        a, b = self._of[a], self._of[b]
        if a == b:
            return
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        foes = self._foes.get(b, set())
        if any(self._of[foe] == a for foe in foes):
            return
        if heed_marks and any(len(held.get(a, set()) | held.get(b, set())) > 1 and held.get(a) and held.get(b)
                              and held[a] != held[b] for held in self._marks):  # fmt: skip
            return
        if self._once.get(a, set()) & self._once.get(b, set()):
            return
        for node in self._members.pop(b):
            self._of[node] = a
            self._members[a].append(node)
        if foes:
            self._foes.setdefault(a, set()).update(foes)
            del self._foes[b]
        for held in (self._once, *self._marks):
            if b in held:
                held.setdefault(a, set()).update(held.pop(b))

    def smallest(self, node: int) -> int:
        return min(self._members[self._of[node]])
