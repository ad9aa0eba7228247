"""Steps: who is who, and the current truth of each contract."""

from functools import partial

import ibis
import pyarrow as pa
from ibis import _

from tenure.contracts import CONTRACTS, Contract
from tenure.identity import identify
from tenure.lake import SYSTEM, Lake, archived, erase
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline.fields import definitions_of, note_misfits
from tenure.pipeline.run import Context, Step

_NAMED_BY = ("ids_of", "customer_id")
# What of a customer tells whether two are one; nothing else is opened for it.
_COMPARED = ("kind", "name", "phone", "email", "id_number", "birth_date", "gender", "street", "city", "region")


def live_batches(lake: Lake, *contracts: str) -> list[str]:
    """The committed batches of these contracts, and how often their rows were rewritten: what truth is made from."""
    live = sorted(b.batch for b in lake.batches() if b.state == "committed" and b.contract in contracts)
    return live + erase.rewrites(lake, contracts) if live else live


def put_away(lake: Lake, *contracts: str) -> list[object]:
    """Which records are archived, as something a step can depend on."""
    tables = [*(f"archived/{name}" for name in contracts), archived.PERSONS]
    return [[table, version] for table in tables if (version := lake.version(table)) is not None]


def _with_people() -> list[Contract]:
    return [contract for contract in CONTRACTS.values() if contract.person]


def _identity_inputs(context: Context) -> object:
    return [
        live_batches(context.lake, *(contract.name for contract in _with_people())),
        context.lake.version("identity/decisions"),
        context.lake.rules("customers"),
        context.lake.version("archived/customers"),
    ]


def _identity(context: Context) -> int:
    """Mint a number for each customer no one has seen before; say which are the same person, and which may be."""
    lake = context.lake
    named = [
        lake.read(f"received/{contract.name}", actor=SYSTEM).select("ids_of", customer_id=contract.person)
        for contract in _with_people()
        if live_batches(lake, contract.name)
    ]
    if not named:
        for table in ("identity/links", "identity/pairs"):
            lake.publish(table, COMPUTED[table].empty_table())
        return 0
    ids = lake.to_arrow(ibis.union(*named, distinct=True).filter(_.customer_id.notnull()) if len(named) > 1
                        else named[0].distinct().filter(_.customer_id.notnull()))  # fmt: skip
    ids = erase.without_stragglers(lake, ids)
    # Who is who holds for what is put away as well: a record that comes back finds its person.
    everybody = lake.current("customers", archived=True)
    people = lake.to_arrow(everybody.select(*_NAMED_BY, *_COMPARED).order_by(*_NAMED_BY))
    known = lake.to_arrow(lake.read("identity/links", actor=SYSTEM).order_by("own_id"))
    found = identify(
        ids,
        people,
        known.select([*_NAMED_BY, "own_id", "person_id"]),
        decisions=lake.to_arrow(lake.read("identity/decisions", actor=SYSTEM)),
        database=lake.splink,
        after=erase.highest_buried(lake),
    )
    links, pairs = (
        rows.cast(COMPUTED[name]) for name, rows in (("identity/links", found.links), ("identity/pairs", found.pairs))
    )
    asked = lake.to_arrow(lake.read("identity/pairs", actor=SYSTEM).order_by("left_own", "right_own"))
    if not pairs.equals(asked) or not lake.exists("identity/pairs"):
        lake.publish("identity/pairs", pairs)
    # Every record hangs on its person: links that say the same as before must not look new.
    if not links.equals(known) or not lake.exists("identity/links"):
        lake.publish("identity/links", links)
    tell_gone(lake)
    return int(links.num_rows)


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
        # Money needs the rates; every row needs its person.
        live_batches(context.lake, "exchange_rates"),
        context.lake.version("identity/links"),
        *put_away(context.lake, contract.name),
        context.lake.zone,
        context.lake.currency,
        context.lake.precedence,
        context.lake.rules(contract.name),
        contract.records_schema.names,
        *definitions_of(context.lake, contract.name),
    ]


def _records(contract: Contract, context: Context) -> int:
    """Work out the current truth of one contract, clustered by person and in order of time."""
    lake = context.lake
    table = f"records/{contract.name}"
    if not live_batches(lake, contract.name):
        if lake.exists(table):
            lake.publish(table, lake.schema(table).empty_table())
        return 0
    return settle_contract(lake, contract)


def settle_contract(lake: Lake, contract: Contract) -> int:
    """Work out the current truth of a contract there are records of; returns how many."""
    count = lake.settle(contract.name, "person_id", "valid_at", "ids_of", *contract.key)
    note_misfits(lake, contract)
    return count


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
