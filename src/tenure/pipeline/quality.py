"""Step: how good the records in force are, counted field by field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import ibis
import pyarrow as pa

from tenure.contracts import CONTRACTS, Contract, standard_column
from tenure.desk.customers import findings
from tenure.insight import quality
from tenure.lake import SYSTEM, Lake, Scope
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline import kept
from tenure.pipeline.records import put_away
from tenure.pipeline.run import Context, Step, made_from

Row = dict[str, Any]
TABLE = "quality/fields"


def _inputs(context: Context) -> object:
    return [
        [(name, context.lake.content(f"records/{name}")) for name in CONTRACTS],
        context.lake.zone,
        findings.stale_days(context.lake),
        sorted((c.name, f, flaw.code) for c in CONTRACTS.values() for f in c.names for flaw in quality.flaws_of(c, f)),
    ]


def _quality(context: Context) -> int:
    """Count the flaws of every contract there are records of, and how fresh each source is."""
    lake = context.lake
    there = [contract for contract in CONTRACTS.values() if lake.exists(f"records/{contract.name}")]
    rows: list[Row] = []
    newest: dict[tuple[str, str], datetime] = {}
    for place, contract in enumerate(there):
        for row in _gone_on_with(context, contract, newest):
            rows.append(row | {"flaws": json.dumps(row["flaws"], sort_keys=True)})
        context.tell(place + 1, len(there))
    lake.publish(TABLE, pa.Table.from_pylist(rows, schema=COMPUTED[TABLE]))
    lake.publish_document("quality", {"at": context.now.isoformat(), "newest": [[*key, at.isoformat()] for key, at in sorted(newest.items())]})  # fmt: skip
    return len(rows)


def _gone_on_with(context: Context, contract: Contract, newest: dict[tuple[str, str], datetime]) -> list[Row]:
    """`fields_of` for everybody. Of what happened, records that came since are counted and added to those counted before.

    Counted before is what the same files hold, and holds while none of it was in the future, which comes nearer.
    """
    lake, name = context.lake, contract.name
    if not contract.fact:
        return list(fields_of(lake, contract, context.now, newest=newest))
    flaws = sorted([field, flaw.code] for field in contract.names for flaw in quality.flaws_of(contract, field))
    path, of = kept.path_of(lake, "quality", f"{name}.json"), made_from([name, flaws, lake.zone])
    files = sorted(lake.files(f"records/{name}"))
    before = kept.document(context, path, of)
    if before is None or before["ahead"] or not set(before["files"]) <= set(files) or put_away(lake, name):
        before = {"files": [], "rows": [], "newest": []}
    came = [file for file in files if file not in before["files"]]
    mine: dict[tuple[str, str], datetime] = {}
    counted = list(fields_of(lake, contract, context.now, newest=mine, files=came)) if came else []
    found: dict[tuple[str, str, str], Row] = {}
    for row in (*before["rows"], *(row | {"month": row["month"].isoformat()} for row in counted)):
        held = found.setdefault((row["source"], row["field"], row["month"]), row | {"rows": 0, "flaws": {}})
        held["rows"] += row["rows"]
        for code, many in row["flaws"].items():
            held["flaws"][code] = held["flaws"].get(code, 0) + many
    for source, at in before["newest"]:
        mine[name, source] = max(datetime.fromisoformat(at), mine.get((name, source), datetime.fromisoformat(at)))
    newest |= mine
    told = {"files": files, "rows": list(found.values()), "newest": [[key[1], at.isoformat()] for key, at in mine.items()],
            "ahead": any(quality.FUTURE.code in row["flaws"] for row in found.values())}  # fmt: skip
    kept.keep_document(path, of, told)
    return [row | {"month": date.fromisoformat(row["month"])} for row in found.values()]


def fields_of(lake: Lake, contract: Contract, now: datetime, *, actor: Scope = SYSTEM,
              newest: dict[tuple[str, str], datetime] | None = None, files: Sequence[str] | None = None) -> Iterator[Row]:  # fmt: skip
    """The rows of `quality/fields` for one contract, over the records the actor may see; of these files alone, if said.

    What lies sealed is counted sealed; opened are only identifiers, to see whether people share them.
    """
    clear = _by_month(lake, lake.read(f"records/{contract.name}", actor=actor))
    lies = _by_month(lake, lake.as_it_lies(f"records/{contract.name}", files))
    if not actor.sees_all:
        # Which rows the actor may see is known by the door alone; what is in them is counted without opening it.
        key = ["ids_of", *contract.key]
        lies = lies.semi_join(clear.select(*key), key)
    heard = findings.heard(lake, contract, lies, now) if contract.person and not contract.fact else lies
    counted = lake.to_arrow(quality.measure(heard, contract, now, findings.stale_days(lake))).to_pylist()
    several = _shared(lake, contract, clear)
    doubled = _n(lake, quality.doubles(lies)) if contract.name == "customers" else {}
    for row in counted:
        place = (row["source"], row["month"])
        if newest is not None and row["newest"] is not None:
            newest[contract.name, row["source"]] = max(row["newest"], newest.get((contract.name, row["source"]), row["newest"]))  # fmt: skip
        for field in (quality.RECORD, *quality.fields_of(contract)):
            found = {flaw.code: row.get(f"{field}__{flaw.code}") for flaw in quality.flaws_of(contract, field)}
            if field in several:
                found["shared"] = several[field].get(place, 0)
            if field == quality.RECORD:
                found["duplicate"] = doubled.get(place, 0)
            yield {
                "contract": contract.name, "source": row["source"], "field": field, "month": row["month"],
                "rows": row["rows"], "flaws": {code: n for code, n in found.items() if n},
            }  # fmt: skip


def _shared(lake: Lake, contract: Contract, clear: ibis.Table) -> dict[str, Mapping[tuple[Any, Any], int]]:
    """How many records have an identifier that too many share, by field; all of them opened in one go."""
    fields = quality.shared_fields(contract)
    if not fields:
        return {}
    opened = clear.select("source", "month", "person_id", *(standard_column(field) for field in fields))
    with lake.kept({"opened": opened}) as kept:
        # Kept in the engine's own types: the start of a month is an instant there.
        rows = kept["opened"].mutate(month=kept["opened"].month.cast("date"))
        return {field: _n(lake, quality.sharing(rows, field)) for field in fields}


def _by_month(lake: Lake, rows: ibis.Table) -> ibis.Table:
    return rows.mutate(month=lake.local_day(rows.received_at).truncate("M"))


def _n(lake: Lake, counted: ibis.Table) -> Mapping[tuple[Any, Any], int]:
    return {(row["source"], row["month"]): row["n"] for row in lake.to_arrow(counted).to_pylist()}


STEPS: tuple[Step, ...] = (Step("quality", Words("Data quality", "数据质量"), _inputs, _quality),)

__all__ = ["STEPS", "TABLE", "fields_of"]
