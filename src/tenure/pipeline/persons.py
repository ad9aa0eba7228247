"""What people decided about who is who, brought into effect: for the persons concerned at once, for all with a refresh.

The desk's rows are the truth. `settle` tells the lake, works the persons concerned out anew (links, whose each record
is, cards) and shows them; killed at any instant, the next call or the next refresh does it again from the start.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import ibis
import numpy as np
import pyarrow as pa

from tenure.contracts import CONTRACTS
from tenure.identity import link
from tenure.identity.decided import Pair, persons, touched_by
from tenure.lake import SYSTEM, Lake, erase
from tenure.lake.tables import COMPUTED
from tenure.pipeline import cards
from tenure.pipeline.decisions import LINKS, decisions_of, hanging, joined_pairs, tell_decisions, with_persons
from tenure.pipeline.run import Context
from tenure.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Settled:
    """What was brought into effect. decisions: rows followed; persons: whose cards were worked out anew."""

    decisions: int
    persons: tuple[int, ...]


def settle(workspace: Workspace, lake: Lake, *, now: datetime) -> Settled:
    """Bring into effect what was decided and not followed yet. Raises TenureError while somebody rebuilds the lake."""
    with lake.writing("identity decisions"):
        return settle_held(workspace, lake, now=now)


def settle_held(workspace: Workspace, lake: Lake, *, now: datetime) -> Settled:
    """The same for whoever holds the lake's writing place already."""
    from tenure.desk.customers import duplicates

    waiting = duplicates.pending()
    if not waiting or not lake.exists(LINKS):
        return Settled(0, ())
    tell_decisions(lake)
    undone = any(row.withdrawn_at is not None and row.verdict == "join" for row in waiting)
    concerned = _relink(lake, {one for row in waiting for one in row.pair}, keep=not undone)
    _rename(lake, concerned)
    people = {person for pair in concerned.values() for person in pair}
    _show(workspace, lake, concerned, people, now)
    duplicates.followed(waiting, now)
    return Settled(len(waiting), tuple(sorted(people)))


def _relink(lake: Lake, start: Collection[int], *, keep: bool) -> dict[int, tuple[int, int]]:
    """Work out anew who is behind the numbers that these could move, and publish the links.

    keep: those who are one now stay one on somewhat weaker evidence, as with a refresh; not where it may be a join
    that was taken back that made them one.
    Returns for each of those numbers who was behind it and who is now.
    """
    links = lake.to_arrow(lake.read(LINKS, actor=SYSTEM).order_by("own_id"))
    own, before = links["own_id"].to_numpy(), links["person_id"].to_numpy()
    joined, apart = decisions_of(lake, links)
    pairs = joined_pairs(lake, dict(zip(own.tolist(), before.tolist(), strict=True)) if keep else {})
    near = touched_by(own, [*pairs, *joined, *apart, *hanging(links)], start)
    some = links.filter(pa.array(np.isin(own, near)))
    evidence = [*pairs, *_by_rules(lake, some)]
    now = persons(near, evidence, joined, apart)
    after = before.copy()
    after[np.isin(own, near)] = now
    fresh = with_persons(links, after, joined).cast(COMPUTED[LINKS])
    if not fresh.equals(links.cast(COMPUTED[LINKS])):
        lake.publish(LINKS, fresh)
    was = dict(zip(own.tolist(), before.tolist(), strict=True))
    return {int(one): (was[int(one)], int(person)) for one, person in zip(near, now, strict=True)}


def _by_rules(lake: Lake, some: pa.Table) -> list[Pair]:
    """What the certain rules say of these numbers alone."""
    rows = lake.read("records/customers", actor=SYSTEM)
    wanted = ibis.memtable(some.select(["ids_of", "customer_id"]))
    people = rows.semi_join(wanted, ["ids_of", "customer_id"]).select(
        "ids_of", "customer_id", "name", "phone", "email", "id_number"
    )
    found = link(
        some.select(["ids_of", "customer_id"]),
        lake.to_arrow(people.order_by("ids_of", "customer_id")),
        some.select(["ids_of", "customer_id", "own_id"]),
    )
    return hanging(found)


def _rename(lake: Lake, concerned: dict[int, tuple[int, int]]) -> None:
    """Let each record of the numbers concerned say whose it is now.

    Whatever its records said before: a run that was cut off may have changed some of them already.
    """
    links = lake.read(LINKS, actor=SYSTEM)
    told = lake.to_arrow(links.filter(links.own_id.isin(sorted(concerned)))).to_pylist()
    by_person: dict[int, list[tuple[str, str]]] = {}
    for row in told:
        by_person.setdefault(row["person_id"], []).append((row["ids_of"], row["customer_id"]))
    for contract in CONTRACTS.values():
        table = f"records/{contract.name}"
        if contract.person is None or not lake.exists(table):
            continue
        for person, numbers in sorted(by_person.items()):
            theirs = erase.numbered(contract.person, erase.Person((), tuple(numbers)))
            other = f"({theirs}) AND (person_id IS NULL OR person_id <> {person})"
            if lake.store.count(table, other):
                lake.store.blank(table, other, {"person_id": str(person)})


def _show(
    workspace: Workspace, lake: Lake, concerned: dict[int, tuple[int, int]], people: Collection[int], now: datetime
) -> None:
    """Put the cards of the persons concerned anew, in the lake and on the desk."""
    from tenure.desk.customers import api
    from tenure.desk.governance.api import note_merges_of

    merges = {own: person for own, (__, person) in concerned.items()}
    shown = api.shown()
    if shown is None or not lake.exists("scores/customers"):
        note_merges_of(concerned, merges)
        return
    context = Context(lake, workspace, shown.as_of.astimezone(workspace.zone_info), now)
    fresh = cards.cards_of(context, sorted(people))
    version = cards.publish_some(lake, fresh, people)
    api.republish(fresh, sorted(people), merges=merges, lake_version=version)
