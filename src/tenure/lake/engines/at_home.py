"""Which part of a question runs where the keys are, when the rest runs on other machines.

A function that opens what lies sealed is marked (`at_home = True`) and never leaves this process: what it reads is
fetched, opened here, and either answered with here or handed back opened. Only what is read in the end is opened.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ibis.expr.operations as ops

_UNARY = (ops.Project, ops.Filter, ops.Sort, ops.Limit, ops.DropColumns, ops.Aggregate, ops.Distinct, ops.FillNull)


def opens(node: Any) -> bool:
    """Whether anything in the question must run at home."""
    return any(_must(one) for one in node.find(ops.ScalarUDF))


def split(root: Any, back: Callable[[Any], Any]) -> tuple[Any, Any | None]:
    """The question in two: what is fetched, and (or None) the relation of `root` that stands for it at home.

    back: given a relation that opens something in the middle of the question, one that has its rows opened. The first
    of the two opens nothing any more. The second, where there is one, is to be replaced in the root by what was fetched.
    """
    if not opens(root):
        return root, None
    chain = [root]
    while isinstance(chain[-1], _UNARY) and _alone(chain[-1]):
        chain.append(chain[-1].parent)
    opening = [at for at, one in enumerate(chain[:-1]) if _opens_itself(one)]
    if not opening:
        return _handed_back(root, back), None
    fetched = chain[opening[-1]].parent
    return _handed_back(fetched, back) if opens(fetched) else fetched, fetched


def pruned(root: Any) -> Any:
    """The question without columns nobody reads, so that nothing is opened for them."""
    wanted: dict[Any, set[str]] = {root: set(root.schema.names)}
    order = list(reversed(root.find(ops.Relation, ordered=True)))
    for relation in order:
        names = wanted.setdefault(relation, set(relation.schema.names))
        for below, fields in _read_by(relation, names):
            wanted.setdefault(below, set()).update(fields)

    made: dict[Any, Any] = {}
    for relation in reversed(order):
        made[relation] = _restricted(relation, wanted[relation], made)
    return made[root]


def _restricted(relation: Any, names: set[str], made: dict[Any, Any]) -> Any:
    """A relation over the restricted ones below it, with these of its columns."""

    def over(value: Any) -> Any:
        return value.replace(moved, filter=ops.Value)

    def moved(node: Any, kwargs: dict[str, Any] | None, **_: Any) -> Any:
        if isinstance(node, ops.Field):
            return ops.Field(made[node.rel], node.name)
        # Questions within the question, and counts of rows, name a relation themselves.
        named = {name: made[one] for name, one in _named(node) if isinstance(one, ops.Relation)}
        given = kwargs or dict(zip(node.argnames, node.args, strict=True))
        return node.__recreate__({**given, **named}) if kwargs or named else node

    def all_over(values: Any) -> dict[str, Any]:
        return {name: over(value) for name, value in values.items()}

    if isinstance(relation, ops.Project):
        return ops.Project(made[relation.parent], all_over(_kept(relation.values, names)))
    if isinstance(relation, ops.Aggregate):
        metrics = all_over(_metrics(relation, names))
        return ops.Aggregate(made[relation.parent], all_over(relation.groups), metrics)
    if isinstance(relation, ops.JoinChain):
        rest = [
            ops.JoinLink(link.how, made[link.table], [over(one) for one in link.predicates]) for link in relation.rest
        ]
        return ops.JoinChain(made[relation.first], rest, all_over(_kept(relation.values, names)))
    if isinstance(relation, ops.DropColumns):
        there = made[relation.parent]
        dropped = frozenset(relation.columns_to_drop) & set(there.schema.names)
        return ops.DropColumns(there, dropped) if dropped else there
    if isinstance(relation, ops.Filter):
        return ops.Filter(made[relation.parent], [over(one) for one in relation.predicates])
    if isinstance(relation, ops.Sort):
        return ops.Sort(made[relation.parent], [over(one) for one in relation.keys])
    changes: dict[str, Any] = {}
    for name, one in _named(relation):
        if isinstance(one, ops.Relation):
            changes[name] = made[one]
        elif isinstance(one, ops.Value):
            changes[name] = over(one)
    return relation.copy(**changes) if changes else relation


def _metrics(relation: Any, names: set[str]) -> Any:
    found = {name: value for name, value in relation.metrics.items() if name in names}
    return found if found or relation.groups else relation.metrics


def _read_by(relation: Any, names: set[str]) -> Iterable[tuple[Any, set[str]]]:
    """Which columns of which relations below are read for these columns of a relation."""
    if isinstance(relation, ops.Project):
        yield from _fields(value for name, value in _kept(relation.values, names).items())
        yield relation.parent, set()
    elif isinstance(relation, ops.JoinChain):
        values = [value for name, value in _kept(relation.values, names).items()]
        yield from _fields([*values, *(predicate for link in relation.rest for predicate in link.predicates)])
        for one in (relation.first, *(link.table for link in relation.rest)):
            yield one, set()
    elif isinstance(relation, ops.Aggregate):
        yield from _fields([*relation.groups.values(), *_metrics(relation, names).values()])
        yield relation.parent, set()
    elif isinstance(relation, ops.Filter | ops.Sort):
        yield relation.parent, names
        yield from _fields(relation.predicates if isinstance(relation, ops.Filter) else relation.keys)
    elif isinstance(relation, ops.Limit | ops.Reference | ops.DropColumns):
        yield relation.parent, names
    else:
        for below in _below(relation):
            yield below, set(below.schema.names)


def _kept(values: Any, names: set[str]) -> dict[str, Any]:
    found = {name: value for name, value in values.items() if name in names}
    if found:
        return found
    # Rows are counted though no column is read: one that opens nothing, where there is one.
    plain = [name for name, value in values.items() if not _opening_in(value)]
    first = plain[0] if plain else next(iter(values))
    return {first: values[first]}


def _named(node: Any) -> Iterable[tuple[str, Any]]:
    return zip(node.argnames, node.args, strict=True)


def _fields(values: Iterable[Any]) -> Iterable[tuple[Any, set[str]]]:
    for value in values:
        for one in value.find(ops.Value, filter=ops.Value):
            if isinstance(one, ops.Field):
                yield one.rel, {one.name}
                continue
            for __, named in _named(one):
                if isinstance(named, ops.Relation):
                    yield named, set() if isinstance(one, ops.CountStar) else set(named.schema.names)


def _below(relation: Any) -> list[Any]:
    found = []
    for one in relation.__args__:
        for item in one if isinstance(one, tuple) else (one,):
            if isinstance(item, ops.Relation):
                found.append(item)
            elif isinstance(item, ops.Value):
                found += [below for below, __ in _fields([item])]
    return found


def _handed_back(root: Any, back: Callable[[Any], Any]) -> Any:
    """The question with each relation that opens something replaced by its opened rows, the lowest first."""

    def visit(node: Any, kwargs: dict[str, Any] | None, **_: Any) -> Any:
        made = node.__recreate__(kwargs) if kwargs is not None else node
        return back(made) if isinstance(made, ops.Relation) and _opens_itself(made) else made

    return root.replace(visit)


def _opens_itself(relation: Any) -> bool:
    return any(_opening_in(value) for value in _own_values(relation))


def _own_values(relation: Any) -> list[Any]:
    found: list[Any] = []
    for one in relation.__args__:
        items = (
            one.values()
            if isinstance(one, Mapping)  # a sort has both values and keys, and is none
            else one
            if isinstance(one, tuple)
            else (one,)
        )
        for item in items:
            if isinstance(item, ops.JoinLink):
                found += item.predicates
            elif isinstance(item, ops.Value):
                found.append(item)
    return found


def _opening_in(value: Any) -> bool:
    return any(_must(one) for one in value.find(ops.ScalarUDF, filter=ops.Value))


def _alone(relation: Any) -> bool:
    """Whether a relation reads nothing but the one below it."""
    return not any(value.find(ops.Subquery, filter=ops.Value) for value in _own_values(relation))


def _must(udf: Any) -> bool:
    return bool(getattr(udf.__func__, "at_home", False))
