"""Steps: who is who, and the current truth of each contract."""

import hashlib
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS, Contract
from tenure.identity import identify
from tenure.identity.match import mint
from tenure.lake import SYSTEM, Lake, archived, erase
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline.fields import definitions_of, note_misfits
from tenure.pipeline.run import Context, Step, made_from

LINKS, PAIRS = "identity/links", "identity/pairs"
MATCHED = "matched"
"""Document: what the links and pairs there are were worked out from."""
RUNS = "runs"
"""Document: by contract, what `records/…` is made from, and how many runs were added since it was worked out whole."""
# Past so many runs, or such a share of new records, they are merged with the rest.
MOST_RUNS, MOST_ADDED = 8, 0.1
_NAMED_BY = ("ids_of", "customer_id")
_NOBODY = pa.table({name: pa.array([], pa.string()) for name in _NAMED_BY})
# What of a customer tells whether two are one; nothing else is opened for it.
_COMPARED = ("kind", "name", "phone", "email", "id_number", "birth_date", "gender", "street", "city", "region")


def live_batches(lake: Lake, *contracts: str) -> list[str]:
    """The committed batches of these contracts, and how often their rows were rewritten: what truth is made from."""
    live = sorted(b.batch for b in lake.batches() if b.state == "committed" and b.contract in contracts)
    return live + erase.rewrites(lake, contracts) if live else live


def put_away(lake: Lake, *contracts: str) -> list[object]:
    """Which records are archived, as something a step can depend on."""
    tables = [*(f"archived/{name}" for name in contracts), archived.PERSONS]
    return [[table, content] for table in tables if (content := lake.content(table)) is not None]


def _with_people() -> list[Contract]:
    return [contract for contract in CONTRACTS.values() if contract.person]


def _identity_inputs(context: Context) -> object:
    return [
        live_batches(context.lake, *(contract.name for contract in _with_people())),
        context.lake.content("identity/decisions"),
        context.lake.rules("customers"),
        context.lake.content("archived/customers"),
    ]


def _identity(context: Context) -> int:
    """Mint a number for each customer no one has seen before; say which are the same person, and which may be.

    Where nothing changed that tells customers apart, only numbers nobody had yet are looked for, in what came since:
    working everything out again would find the same persons, since what joined them once joins them still.
    """
    lake = context.lake
    now = _known_by(lake)
    was = None if context.again else _matched(lake, now)
    seen: set[str] = set(was["batches"]) if was else set()
    named = [
        rows.select("ids_of", customer_id=contract.person)
        for contract in _with_people()
        if (rows := _received_since(lake, contract, seen)) is not None
    ]
    if not named and not was:
        for table in (LINKS, PAIRS):
            lake.publish(table, COMPUTED[table].empty_table())
        return 0
    ids = _NOBODY
    if named:
        every = ibis.union(*named, distinct=True) if len(named) > 1 else named[0].distinct()
        ids = erase.without_stragglers(lake, lake.to_arrow(every.filter(every.customer_id.notnull())))
    known = lake.to_arrow(lake.read(LINKS, actor=SYSTEM).order_by("own_id"))
    links = _with_newcomers(lake, ids, known) if was else None
    if links is None:
        links = _match(lake, ids, known)
    # Every record hangs on its person: links that say the same as before must not look new.
    if not links.equals(known) or not lake.exists(LINKS):
        lake.publish(LINKS, links)
    tell_gone(lake)
    # A batch that came while this ran was seen in part.
    certain = _known_by(lake) == now
    made = {**now, LINKS: lake.content(LINKS), PAIRS: lake.content(PAIRS)} if certain else None
    lake.publish_document(MATCHED, made)
    return int(links.num_rows)


def _match(lake: Lake, ids: pa.Table, known: pa.Table) -> pa.Table:
    """Who is who, with everybody looked at; the pairs found go to their table."""
    # Who is who holds for what is put away as well: a record that comes back finds its person.
    everybody = lake.current("customers", archived=True)
    found = identify(
        ids,
        lake.to_arrow(everybody.select(*_NAMED_BY, *_COMPARED).order_by(*_NAMED_BY)),
        known.select([*_NAMED_BY, "own_id", "person_id"]),
        decisions=lake.to_arrow(lake.read("identity/decisions", actor=SYSTEM)),
        database=lake.splink,
        after=erase.highest_buried(lake),
    )
    pairs = found.pairs.cast(COMPUTED[PAIRS])
    asked = lake.to_arrow(lake.read(PAIRS, actor=SYSTEM).order_by("left_own", "right_own"))
    if not pairs.equals(asked) or not lake.exists(PAIRS):
        lake.publish(PAIRS, pairs)
    return found.links.cast(COMPUTED[LINKS])


def _with_newcomers(lake: Lake, ids: pa.Table, known: pa.Table) -> pa.Table | None:
    """The links with numbers nobody had yet, each a person of its own; None where somebody decided about one of them."""
    minted = mint(ids, known, erase.highest_buried(lake))
    fresh = minted.slice(known.num_rows)
    decisions = lake.to_arrow(lake.read("identity/decisions", actor=SYSTEM))
    told = {
        number
        for side in ("left", "right")
        for number in zip(
            decisions[f"{side}_ids_of"].to_pylist(), decisions[f"{side}_customer_id"].to_pylist(), strict=True
        )
    }
    if told and told & set(zip(fresh["ids_of"].to_pylist(), fresh["customer_id"].to_pylist(), strict=True)):
        return None
    fresh = fresh.append_column("person_id", fresh["own_id"])
    fresh = fresh.append_column("why", pa.nulls(fresh.num_rows, pa.string()))
    return pa.concat_tables([known, fresh.select(known.column_names).cast(known.schema)]).cast(COMPUTED[LINKS])


def _received_since(lake: Lake, contract: Contract, seen: Collection[str]) -> ibis.Table | None:
    """What was received of a contract in batches not seen yet; None where nothing was."""
    new = [info.batch for info in lake.batches(contract.name) if info.state == "committed" and info.batch not in seen]
    if not new:
        return None
    rows = lake.read(f"received/{contract.name}", actor=SYSTEM)
    return rows.filter(rows.batch.isin(new)) if seen else rows


def _known_by(lake: Lake) -> dict[str, Any]:
    """What who is who is worked out from: the batches that name customers, and what tells these apart."""
    contracts = [contract.name for contract in _with_people()]
    return {
        "batches": [info.batch for info in lake.batches() if info.state == "committed" and info.contract in contracts],
        "came": lake.version("batches"),
        "apart": made_from(
            [
                live_batches(lake, "customers"),
                lake.content("identity/decisions"),
                lake.rules("customers"),
                lake.precedence,
                lake.content("archived/customers"),
            ]
        ),
    }


def _matched(lake: Lake, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the links there are were worked out from, if they hold for everybody known by then."""
    was: dict[str, Any] | None = lake.document(MATCHED)
    if was is None or was["apart"] != now["apart"] or not set(was["batches"]) <= set(now["batches"]):
        return None
    there = all(was[table] is not None and was[table] == lake.content(table) for table in (LINKS, PAIRS))
    return was if there else None


def tell_gone(lake: Lake) -> set[int]:
    """Say in the lake of which persons every record of their own is archived; returns those who came or went."""
    if not lake.exists("archived/customers") and not lake.exists(archived.PERSONS):
        return set()
    links = lake.read("identity/links", actor=SYSTEM)
    away = lake.read("archived/customers", actor=SYSTEM).select(*_NAMED_BY)
    concerned = links.semi_join(away, _NAMED_BY).select("person_id").distinct()
    said = lake.read("received/customers", actor=SYSTEM).select(*_NAMED_BY).distinct()
    there = links.semi_join(said.anti_join(away, _NAMED_BY), _NAMED_BY)
    gone = lake.to_arrow(concerned.anti_join(there, "person_id").order_by("person_id"))["person_id"].to_pylist()
    known = lake.to_arrow(lake.read(archived.PERSONS, actor=SYSTEM))["person_id"].to_pylist()
    if set(gone) != set(known) or not lake.exists(archived.PERSONS):
        lake.publish(archived.PERSONS, pa.table({"person_id": pa.array(gone, pa.int64())}))
    return set(gone) ^ set(known)


def _records_inputs(contract: Contract, context: Context) -> object:
    return [
        live_batches(context.lake, contract.name),
        context.lake.content("identity/links"),
        *_worked_out_by(context.lake, contract),
    ]


def _worked_out_by(lake: Lake, contract: Contract) -> list[object]:
    """What the records of a contract depend on beside their batches and whose they are."""
    return [
        live_batches(lake, "exchange_rates"),  # money needs the rates
        *put_away(lake, contract.name),
        lake.zone,
        lake.currency,
        lake.precedence,
        lake.rules(contract.name),
        contract.records_schema.names,
        *definitions_of(lake, contract.name),
    ]


def _records(contract: Contract, context: Context) -> int:
    """Work out the current truth of one contract, clustered by person and in order of time.

    Where batches came that bring new records only, these are added as a run of their own, in order for itself.
    """
    lake = context.lake
    table = f"records/{contract.name}"
    if not live_batches(lake, contract.name):
        if lake.exists(table):
            lake.publish(table, lake.schema(table).empty_table())
        return 0
    now = _made_of(context, contract)
    new = None if context.again else _came_since(context, contract, now)
    if new is None:
        rows, runs, added = settle_contract(lake, contract), 0, 0
    else:
        was = (lake.document(RUNS) or {})[contract.name]
        added = lake.settle(contract.name, *_order(contract), batches=new)
        note_misfits(lake, contract)
        rows, runs, added = was["rows"] + added, was["runs"] + 1, was["added"] + added
    known = lake.document(RUNS) or {}
    # What came in or changed while this ran may be among the records or not, so nothing is ever added to these.
    certain = _made_of(context, contract) == now
    made = {**now, "content": lake.content(table), "rows": rows, "runs": runs, "added": added} if certain else None
    lake.publish_document(RUNS, {**known, contract.name: made})
    return rows


def settle_contract(lake: Lake, contract: Contract) -> int:
    """Work out the current truth of a contract there are records of; returns how many."""
    count = lake.settle(contract.name, *_order(contract))
    note_misfits(lake, contract)
    return count


def _order(contract: Contract) -> tuple[str, ...]:
    return ("person_id", "valid_at", "ids_of", *contract.key)


def _made_of(context: Context, contract: Contract) -> dict[str, Any]:
    """What the records of a contract are made from, as a document can hold it."""
    lake = context.lake
    minted = _minted(context)
    return {
        "batches": [info.batch for info in lake.batches(contract.name) if info.state == "committed"],
        "came": lake.version("batches"),
        "rewrites": erase.rewrites(lake, [contract.name]),
        "by": made_from(_worked_out_by(lake, contract)),
        "minted": minted,
        "people": _people(context, minted) if contract.person else "",
    }


def _came_since(context: Context, contract: Contract, now: Mapping[str, Any]) -> list[str] | None:
    """The batches whose records are all that is missing in `records/…`; None where it must be worked out whole."""
    lake = context.lake
    was = (lake.document(RUNS) or {}).get(contract.name)
    if was is None or was["content"] != lake.content(f"records/{contract.name}"):
        return None
    if any(was[name] != now[name] for name in ("rewrites", "by")) or not set(was["batches"]) <= set(now["batches"]):
        return None
    new = [batch for batch in now["batches"] if batch not in was["batches"]]
    if not lake.adds_only(contract.name, new):
        return None
    coming = sum(info.rows for info in lake.batches(contract.name) if info.batch in new)
    if was["runs"] >= MOST_RUNS or was["added"] + coming > MOST_ADDED * was["rows"]:
        return None  # merged while that is a matter of now and then
    if contract.person and (was["people"] != _people(context, was["minted"]) or _found_since(lake, contract)):
        return None
    return new


def _minted(context: Context) -> int:
    """The highest number minted so far."""
    links = context.lake.read(LINKS, actor=SYSTEM)
    return int(context.lake.to_arrow(links.agg(last=links.own_id.max().fill_null(0)))["last"][0].as_py())


def _people(context: Context, minted: int) -> str:
    """A digest of who is behind each customer number minted up to a number."""
    key = f"people {context.lake.version(LINKS)} {minted}"
    if key not in context.shared:
        links = context.lake.read(LINKS, actor=SYSTEM)
        numbers = links.filter(links.own_id <= minted).select("own_id", "person_id", *_NAMED_BY)
        rows = context.lake.to_arrow(numbers.order_by("own_id"))
        digest = hashlib.sha256()
        for name in ("own_id", "person_id"):
            digest.update(rows[name].to_numpy().tobytes())
        for name in _NAMED_BY:
            texts = pc.fill_null(rows[name].cast(pa.large_string()), "").combine_chunks()
            lengths = pc.binary_length(texts).to_numpy()
            start = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset] if len(texts) else 0
            digest.update(lengths.tobytes())
            digest.update(memoryview(texts.buffers()[2] or b"")[start : start + int(lengths.sum())])
        context.shared[key] = digest.hexdigest()
    return str(context.shared[key])


def _found_since(lake: Lake, contract: Contract) -> bool:
    """Whether there are records of nobody whose customer number was minted since: imported while a refresh ran."""
    assert contract.person is not None
    records = lake.as_it_lies(f"records/{contract.name}")
    loose = records.filter(records.person_id.isnull(), records[contract.person].notnull())
    links = lake.read(LINKS, actor=SYSTEM)
    found = loose.semi_join(links, [loose.ids_of == links.ids_of, loose[contract.person] == links.customer_id])
    return bool(lake.to_arrow(found.agg(n=found.count()))["n"][0].as_py())


STEPS: tuple[Step, ...] = (
    Step("identity", Words("Who is who", "识别同一客户"), _identity_inputs, _identity),
    *(
        Step(
            f"records/{contract.name}",
            Words(f"Records: {contract.words.en}", f"记录：{contract.words.zh}"),
            partial(_records_inputs, contract),
            partial(_records, contract),
        )
        for contract in CONTRACTS.values()
    ),
)
