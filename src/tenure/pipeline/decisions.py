"""What people decided about who is who, between the desk where they say it and the links that follow it."""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _
from numpy.typing import NDArray

from tenure.identity.decided import Pair
from tenure.identity.match import JOIN, STAY
from tenure.lake import SYSTEM, Lake

PAIRS, DECISIONS, LINKS = "identity/pairs", "identity/decisions", "identity/links"
BY_HAND = "joined by a person"  # what a link says of why, where nothing in the records does
_NAMES = ("left_ids_of", "left_customer_id", "right_ids_of", "right_customer_id")


def tell_decisions(lake: Lake) -> int:
    """Make the lake's `identity/decisions` what the desk says; returns how many there are."""
    from tenure.desk.customers import duplicates

    wanted = duplicates.as_table()
    if not lake.exists(DECISIONS) or not _sorted(wanted).equals(_sorted(_read(lake, DECISIONS))):
        lake.publish(DECISIONS, wanted)
    return int(wanted.num_rows)


def _read(lake: Lake, table: str) -> pa.Table:
    return lake.to_arrow(lake.read(table, actor=SYSTEM))


def _sorted(table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


def joined_pairs(lake: Lake, were: Mapping[int, int]) -> list[Pair]:
    """The pairs that are likely enough to be joined unasked, strongest first.

    were: own id → the person behind it so far; those who were one stay one on somewhat weaker evidence.
    By how likely they are and not by what became of them: that may have been a decision's doing, taken back since.
    """
    if not lake.exists(PAIRS):
        return []
    pairs = lake.read(PAIRS, actor=SYSTEM)
    found = pairs.filter(pairs.probability >= (STAY if were else JOIN), pairs.band != "ask")
    table = lake.to_arrow(found.order_by(_.weight.desc(), _.left_own, _.right_own))
    ends = zip(*(table[name].to_pylist() for name in ("left_own", "right_own", "probability")), strict=True)
    return [
        (left, right)
        for left, right, likely in ends
        if likely >= JOIN or (were.get(left) is not None and were.get(left) == were.get(right))
    ]


def hanging(links: pa.Table) -> list[Pair]:
    """Each number with the person it was given by the rules."""
    own, person = links["own_id"].to_numpy(), links["person_id"].to_numpy()
    return list(zip(person[own != person].tolist(), own[own != person].tolist(), strict=True))


def decisions_of(lake: Lake, links: pa.Table) -> tuple[list[Pair], set[Pair]]:
    """The decisions that count, as pairs of own ids: joined (newest first), apart."""
    if not lake.exists(DECISIONS):
        return [], set()
    newest = lake.read(DECISIONS, actor=SYSTEM).order_by(_["at"].desc(), *(_[name] for name in _NAMES))
    rows = lake.to_arrow(newest).to_pylist()
    wanted = {(row[f"{side}_ids_of"], row[f"{side}_customer_id"]) for row in rows for side in ("left", "right")}
    named = links.filter(
        pc.is_in(links["customer_id"], pa.array(sorted({number for _s, number in wanted}), pa.string()))
    )
    own = {(row["ids_of"], row["customer_id"]): row["own_id"] for row in named.to_pylist()}
    joined: list[Pair] = []
    apart: set[Pair] = set()
    for row in rows:
        left = own.get((row["left_ids_of"], row["left_customer_id"]))
        right = own.get((row["right_ids_of"], row["right_customer_id"]))
        # A number no record names any more has nobody behind it; the decision waits for it.
        if left is not None and right is not None:
            if row["verdict"] == "join":
                joined.append((left, right))
            else:
                apart.add((left, right))
    return joined, apart


def with_persons(links: pa.Table, person: NDArray[np.int64], joined: Iterable[Pair]) -> pa.Table:
    by_hand = {one for pair in joined for one in pair}
    why = [
        reason or (BY_HAND if own in by_hand else None)
        for own, reason in zip(links["own_id"].to_pylist(), links["why"].to_pylist(), strict=True)
    ]
    links = links.set_column(links.schema.get_field_index("person_id"), "person_id", pa.array(person, pa.int64()))
    return links.set_column(links.schema.get_field_index("why"), "why", pa.array(why, pa.string()))
