"""Which of the sources' customer numbers are the same person: rules that are certain enough to join unasked."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tenure.identity import standard

# Each rule: what must be equal, and how it reads as the reason of a join. A phone alone is not enough: families
# and front desks share one.
RULES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("id_number",), "same ID number"),
    (("phone", "name"), "same phone and name"),
    (("email", "name"), "same e-mail and name"),
    (("phone", "email"), "same phone and e-mail"),
)
# A value that so many share belongs to a switchboard or a form's default, not to a person.
_TOO_COMMON = 20


def link(ids: pa.Table, people: pa.Table, known: pa.Table, region: str = "CN", after: int = 0) -> pa.Table:
    """Say who is behind each customer number.

    ids: every (ids_of, customer_id) that any record names. people: what is known of some of them (ids_of,
    customer_id, name, phone, email, id_number). known: the links of before (ids_of, customer_id, own_id). after: no
    number up to this one is minted (again): those it was minted for may be gone.
    Returns ids_of, customer_id, own_id, person_id, why; ordered by own_id. An own_id is minted once, in order of
    ids_of and customer_id among the new; person_id is the oldest own_id of those that are the same person.
    """
    minted = _mint(ids, known, after)
    pairs, reasons = _pairs(people, region)
    own_ids = _own_ids(people, minted)
    left, right = own_ids[pairs[:, 0]], own_ids[pairs[:, 1]]
    own = minted["own_id"].to_numpy()
    place = {int(value): index for index, value in enumerate(own)}
    a = np.fromiter((place[int(v)] for v in left), dtype=np.int64, count=len(left))
    b = np.fromiter((place[int(v)] for v in right), dtype=np.int64, count=len(right))
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(own), len(own)))
    __, component = connected_components(graph, directed=False)
    oldest = np.full(component.max() + 1 if len(component) else 0, np.iinfo(np.int64).max)
    np.minimum.at(oldest, component, own)
    why: list[str | None] = [None] * len(own)
    for index, reason in zip(np.concatenate([a, b]), [*reasons, *reasons], strict=True):
        why[index] = why[index] or reason
    return minted.append_column("person_id", pa.array(oldest[component], pa.int64())).append_column(
        "why", pa.array(why, pa.string())
    )


def _mint(ids: pa.Table, known: pa.Table, after: int) -> pa.Table:
    """The known links and, after them, a fresh number for each id that has none."""
    key = ["ids_of", "customer_id"]
    known = known.select([*key, "own_id"]).sort_by("own_id")
    fresh = ids.select(key).group_by(key).aggregate([]).join(known, key, join_type="left anti")
    fresh = fresh.sort_by([(name, "ascending") for name in key])
    start = max(pc.max(known["own_id"]).as_py() or 0, after) + 1
    fresh = fresh.append_column("own_id", pa.array(np.arange(start, start + fresh.num_rows), pa.int64()))
    return pa.concat_tables([known, fresh.select([*key, "own_id"])]).combine_chunks()


def _own_ids(people: pa.Table, minted: pa.Table) -> NDArray[np.int64]:
    key = ["ids_of", "customer_id"]
    numbered = people.select(key).append_column("at", pa.array(np.arange(people.num_rows)))
    joined = numbered.join(minted.select([*key, "own_id"]), key).sort_by("at")
    result: NDArray[np.int64] = joined["own_id"].to_numpy()
    return result


def _pairs(people: pa.Table, region: str) -> tuple[NDArray[np.int64], list[str]]:
    """Pairs of rows that some rule joins, each row to the first of its group, and the rule's words."""
    columns = {
        "phone": standard.phones(people["phone"], region),
        "email": standard.emails(people["email"]),
        "id_number": standard.id_numbers(people["id_number"]),
        "name": standard.names(people["name"]),
    }
    pairs: list[NDArray[np.int64]] = []
    reasons: list[str] = []
    for names, reason in RULES:
        found = _same(columns, names)
        pairs.append(found)
        reasons += [reason] * len(found)
    return (np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)), reasons


def _same(columns: dict[str, pa.Array], names: Sequence[str]) -> NDArray[np.int64]:
    table = pa.table({name: columns[name] for name in names} | {"row": pa.array(np.arange(len(columns[names[0]])))})
    for name in names:
        table = table.filter(pc.is_valid(table[name]))
    groups = table.group_by(list(names)).aggregate([("row", "min"), ("row", "count")])
    groups = groups.filter(pc.and_(pc.greater(groups["row_count"], 1), pc.less_equal(groups["row_count"], _TOO_COMMON)))
    joined = table.join(groups.select([*names, "row_min"]), list(names), join_type="inner")
    joined = joined.filter(pc.not_equal(joined["row"], joined["row_min"])).sort_by("row")
    return np.stack([joined["row_min"].to_numpy(), joined["row"].to_numpy()], axis=1).astype(np.int64)
