"""What was archived or brought back, brought into effect: at once for what it touches, for everything with a refresh.

The desk's rows are the truth. `settle` tells the lake, works the contracts concerned out anew and the cards of the
customers concerned; what it began is written down first, so that whoever comes after a kill finishes it. A customer
heard of again after being put away whole comes back by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract, contract_named
from tenure.lake import SYSTEM, Lake, archived
from tenure.pipeline import cards
from tenure.pipeline.records import settle_contract, tell_gone
from tenure.pipeline.run import Context
from tenure.workspace import Workspace

STATE = "archived"  # the document: what of the desk the lake was told, and what is still to be worked out from it
MOST_SHOWN = 2_000  # customers whose cards are worked out one by one; more wait for the refresh


@dataclass(frozen=True, slots=True)
class Settled:
    """What was brought into effect. contracts: worked out anew; persons: whose cards were. later: the refresh does the rest."""

    contracts: tuple[str, ...]
    persons: tuple[int, ...]
    later: bool = False


def settle(workspace: Workspace, lake: Lake, *, now: datetime) -> Settled:
    """Bring into effect what was archived or brought back. Raises TenureError while somebody rebuilds the lake."""
    with lake.writing("archived records"):
        return settle_held(workspace, lake, now=now)


def settle_held(workspace: Workspace, lake: Lake, *, now: datetime) -> Settled:
    """The same for whoever holds the lake's writing place already."""
    waiting = tell(lake)
    if not waiting["contracts"] or not lake.exists("identity/links"):
        return Settled((), ())
    contracts = set(waiting["contracts"])
    persons = set(waiting["persons"])
    if moved := tell_gone(lake):
        # What hangs on a customer leaves, and comes back, with the customer.
        contracts |= {name for name, one in CONTRACTS.items() if one.person}
        persons |= moved
    for name in sorted(contracts):
        if lake.exists(f"records/{name}"):
            settle_contract(lake, contract_named(name))
    later = waiting["many"] or len(persons) > MOST_SHOWN
    if not later and persons:
        _show(workspace, lake, persons, now)
    if not later:
        finished(lake)
    return Settled(tuple(sorted(contracts)), () if later else tuple(sorted(persons)), later)


def tell(lake: Lake) -> dict[str, Any]:
    """Make the lake's `archived/…` what the desk says; returns what is still to be worked out from that.

    Written down before anything is changed: killed at any instant, the next call tells the rest, and nothing that was
    begun is forgotten.
    """
    from tenure.desk.customers import archiving

    state = {"mark": "0/0", "contracts": [], "persons": [], "many": False} | (lake.document(STATE) or {})
    mark = archiving.mark()
    if mark == state["mark"]:
        return state
    names = {*archiving.contracts(), *(name for name in CONTRACTS if lake.exists(f"archived/{name}"))}
    changed = {}
    for name in sorted(names):
        wanted = archiving.as_table(CONTRACTS[name])
        before = lake.to_arrow(lake.read(f"archived/{name}", actor=SYSTEM))
        touched = _differing(before, wanted, CONTRACTS[name])
        if touched.num_rows:
            changed[name] = (wanted, touched)
    persons = set(state["persons"])
    for name, (_wanted, touched) in changed.items():
        persons |= _persons_of(lake, CONTRACTS[name], touched)
    state["contracts"] = sorted({*state["contracts"], *changed})
    state["many"] = state["many"] or len(persons) > MOST_SHOWN
    state["persons"] = [] if state["many"] else sorted(persons)
    lake.publish_document(STATE, state)
    for name, (wanted, _touched) in changed.items():
        lake.publish(f"archived/{name}", wanted)
    state["mark"] = mark
    lake.publish_document(STATE, state)
    return state


def finished(lake: Lake) -> None:
    """Note that everything follows what the lake was told."""
    state = lake.document(STATE)
    if state and (state["contracts"] or state["many"]):
        lake.publish_document(STATE, {**state, "contracts": [], "persons": [], "many": False})


def bring_back_heard(lake: Lake, *, now: datetime) -> int:
    """Bring back customers put away whole of whom something happened since; returns how many of their records.

    An order placed by somebody who was archived as stale must not vanish with them.
    """
    from tenure.desk.customers import archiving
    from tenure.desk.customers.models import ArchivedRecord

    if not lake.exists(archived.PERSONS):
        return 0
    rows = ArchivedRecord.objects.filter(contract="customers", archiving__migration=None)
    told = list(rows.values_list("pk", "ids_of", "number", "archiving__made_at"))
    if not told:
        return 0
    away = pa.table({
        "row_id": pa.array([row[0] for row in told], pa.int64()), "from_ids": pa.array([row[1] for row in told], pa.string()),
        "from_number": pa.array([row[2] for row in told], pa.string()),
        "away_at": pa.array([row[3] for row in told], pa.timestamp("us", tz="UTC")),
    })  # fmt: skip
    links = lake.read("identity/links", actor=SYSTEM).select("ids_of", "customer_id", "person_id")
    known = ibis.memtable(away).inner_join(links, [("from_ids", "ids_of"), ("from_number", "customer_id")])
    known = known.semi_join(lake.read(archived.PERSONS, actor=SYSTEM), "person_id")
    known = known.select("row_id", "away_at", whose=known.person_id)
    back: set[int] = set()
    for name, shape in CONTRACTS.items():
        if shape.fact and shape.person and lake.exists(f"received/{name}"):
            said = lake.read(f"received/{name}", actor=SYSTEM).select("person_id", "valid_at")
            heard = known.inner_join(said, [(known.whose, said.person_id), said.valid_at > known.away_at])
            back |= set(lake.to_arrow(heard.select("row_id").distinct())["row_id"].to_pylist())
    if not back:
        return 0
    return archiving.bring_back(
        ArchivedRecord.objects.filter(pk__in=sorted(back)), scope=SYSTEM, actor=None, now=now, why="heard of again"
    )


def _differing(before: pa.Table, wanted: pa.Table, contract: Contract) -> pa.Table:
    """The rows that stand in one of the two alone."""
    sides = []
    for table in (before, wanted):
        places = zip(table["ids_of"].to_pylist(), archived.key_texts(table, contract), strict=True)
        sides.append({place: at for at, place in enumerate(places)})
    went = [at for place, at in sides[0].items() if place not in sides[1]]
    came = [at for place, at in sides[1].items() if place not in sides[0]]
    schema = archived.schema_of(contract)
    parts = [table.take(pa.array(at, pa.int64())) for table, at in ((before, went), (wanted, came))]
    return pa.concat_tables([part.select(schema.names).cast(schema) for part in parts])


def _persons_of(lake: Lake, contract: Contract, rows: pa.Table) -> set[int]:
    """Whose these archived rows are."""
    if contract.person is None:
        return set()
    links = lake.read("identity/links", actor=SYSTEM)
    named = pa.table({"ids_of": rows["ids_of"], "customer_id": rows[contract.person]})
    theirs = links.semi_join(ibis.memtable(named), ["ids_of", "customer_id"]).select("person_id").distinct()
    return set(lake.to_arrow(theirs)["person_id"].to_pylist())


def _show(workspace: Workspace, lake: Lake, persons: Collection[int], now: datetime) -> None:
    """Put the cards of these persons anew, in the lake and on the desk; one who is put away whole has none."""
    from tenure.desk.customers import api

    shown = api.shown()
    if shown is None or not lake.exists("scores/customers"):
        return
    context = Context(lake, workspace, shown.as_of.astimezone(workspace.zone_info), now)
    fresh = cards.cards_of(context, sorted(persons))
    version = cards.publish_some(lake, fresh, persons)
    api.republish(fresh, sorted(persons), merges={}, lake_version=version)
