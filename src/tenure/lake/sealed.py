"""What of the lake lies sealed: the personal columns of contracts, each row under the key of its own source record,
and what cards say of a person, under the key of that person. Everything else about sealing is the vault's.

Tables are sealed on their way in and opened, column by column, only where a question asks for the column. Between the
two, tokens travel as text whatever the contract's type: resolving works on them as it would on what they stand for.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS, Contract, fault_column, standard_column
from tenure.contracts.custom import CustomColumn, id_of
from tenure.errors import TenureError
from tenure.lake.custom import as_stored, in_type
from tenure.language import Said, tr
from tenure.vault import MARK, SEPARATOR, vault

# Of tables that no contract describes. The pinyin of a Latin name is the name itself.
_COMPUTED: Mapping[str, tuple[str, ...]] = {"scores/customers": ("name", "pinyin", "phone", "email")}

_failures: deque[TenureError] = deque(maxlen=32)  # of late, whichever thread of an engine met them


@lru_cache(maxsize=256)
def sealed_columns(table: str) -> Mapping[str, str]:
    """The sealed columns of a table, each with what its tokens say they are."""
    contract = _contract_of(table)
    if contract is None:
        return {name: f"cards.{name}" for name in _COMPUTED.get(table, ())}
    # What a source sent beyond a contract that names people may name them too.
    names = [*sorted(contract.personal), "extra"] if contract.personal else []
    return {name: f"{contract.name}.{name}" for name in names}


def custom_context(table: str, column: CustomColumn) -> str:
    """What the tokens of a company's own field say they are."""
    contract = _contract_of(table)
    return f"{contract.name if contract else 'cards'}.{column.name}"


def stored_schema(table: str, schema: pa.Schema, custom: Sequence[CustomColumn] = ()) -> pa.Schema:
    """The schema a table is stored in: a token is text, whatever it stands for."""
    sealed = {*sealed_columns(table), *(column.name for column in custom if column.personal)}
    return pa.schema([pa.field(f.name, pa.string()) if f.name in sealed else f for f in schema])


def seal(rows: pa.Table, table: str, home: Path, custom: Sequence[CustomColumn] = (), *, rest: bool = True) -> pa.Table:
    """The rows with their personal columns sealed. One whose subject was destroyed loses them for good.

    custom: the company's own fields among the columns. rest: seal the contract's columns too; False where they lie
    sealed already. Raises RuntimeError for a column `c_<id>` of which nobody says whether it is personal.
    """
    if unsaid := {name for name in rows.column_names if id_of(name)} - {column.name for column in custom}:
        raise RuntimeError(f"{table}: nobody says whether {sorted(unsaid)} are personal")
    plain = as_stored(rows, custom)
    contexts = dict(sealed_columns(table)) if rest else {}
    columns = {
        name: rows[name].cast(pa.string())
        for name in contexts
        if name in rows.column_names and rows[name].null_count < rows.num_rows
    }
    columns |= {name: pa.chunked_array([text]) for name, text in plain.items() if text.null_count < len(text)}
    contexts |= {column.name: custom_context(table, column) for column in custom if column.personal}
    schema = stored_schema(table, rows.schema, custom)
    if not columns:
        empty = {name: pa.nulls(rows.num_rows, pa.string()) for name in plain}
        return pa.table([empty.get(name, rows[name]) for name in rows.column_names], names=rows.column_names).cast(
            schema
        )
    tokens = vault(home).seal_columns(
        _subjects(rows, table), {contexts[name]: values for name, values in columns.items()}
    )
    return pa.table(
        [
            tokens[contexts[name]]
            if name in columns
            else plain[name]
            if name in plain
            else rows[name].cast(schema.field(name).type)
            for name in schema.names
        ],
        schema=schema,
    )


def seal_reader(
    rows: pa.RecordBatchReader, table: str, home: Path, custom: Sequence[CustomColumn] = (), *, rest: bool = True
) -> pa.RecordBatchReader:
    """The same for a stream of rows."""

    def sealing() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            yield from seal(pa.Table.from_batches([batch]), table, home, custom, rest=rest).to_batches()

    return pa.RecordBatchReader.from_batches(stored_schema(table, rows.schema, custom), sealing())


def opened_extra(rows: ibis.Table, contract: Contract, home: Path) -> ibis.Value:
    """What a source sent beyond a contract, in clear, of rows that lie sealed."""
    context = sealed_columns(f"received/{contract.name}").get("extra")
    return _opener(home, context)(rows["extra"]) if context else rows["extra"]


def unsealed(rows: ibis.Table, table: str, home: Path, custom: Sequence[CustomColumn] = ()) -> ibis.Table:
    """The rows with their tokens opened, in the types readers know; what is not read of it is not opened."""
    contract = _contract_of(table)
    opened = {}
    for name, context in sealed_columns(table).items():
        if name in rows.columns:
            text = _opener(home, context)(rows[name])
            typed = contract is not None and name in contract and contract[name].type != "text"
            opened[name] = text.cast(contract.ibis_schema[name]) if typed and contract else text
    for column in contract.standards if contract else ():
        name, form, fault = column.name, standard_column(column.name), fault_column(column.name)
        if form in opened and {name, fault} <= set(rows.columns):
            # A value that was in standard form when it came is not kept twice.
            as_written = ibis.ifelse(rows[fault] == "", rows[name], ibis.null("string"))
            opened[form] = ibis.coalesce(opened[form], _opener(home, sealed_columns(table)[name])(as_written))
    for own in custom:
        if own.personal and own.name in rows.columns:
            opened[own.name] = in_type(_opener(home, custom_context(table, own))(rows[own.name]), own)
    return rows.mutate(**opened) if opened else rows


@contextmanager
def saying_why() -> Iterator[None]:
    """Within the block, what kept a token from being opened is raised as it was, not as the engine retells it."""
    try:
        yield
    except Exception as error:
        for failure in reversed(_failures):
            if str(failure) in str(error):
                said = failure.args[0]
                # Told once more, since the engine's own thread does not know the reader's language.
                raise TenureError(tr(said.message, **said.values) if isinstance(said, Said) else said) from error
        raise


@lru_cache(maxsize=1024)
def _opener(home: Path, context: str):  # type: ignore[no-untyped-def]
    """The function an engine runs over a column's tokens, in this process whatever the engine: the keys stay here."""

    def unseal(tokens: str) -> str:
        # What Ibis reads as a column's type; what comes and goes are columns.
        try:
            return _opened(tokens, home, context)  # type: ignore[no-any-return]
        except TenureError as error:
            _failures.append(error)
            raise

    unseal.at_home = True  # type: ignore[attr-defined]
    # A destroyed key gives null for a value that is none, which engines must be told to expect.
    return ibis.udf.scalar.pyarrow(null_handling="special")(unseal)


def _opened(tokens: pa.ChunkedArray, home: Path, context: str) -> pa.Array:
    flat = tokens.combine_chunks() if isinstance(tokens, pa.ChunkedArray) else tokens
    if flat.null_count == len(flat):
        return pa.nulls(len(flat), pa.string())
    sealed = pc.starts_with(flat, MARK)
    plain = vault(home).unseal_column(pc.if_else(sealed, flat, None), context=context)
    # Files written before anything was sealed hold plain text; it is read as it is.
    return pc.if_else(sealed, plain, flat) if pc.any(pc.invert(sealed)).as_py() else plain


def _subjects(rows: pa.Table, table: str) -> pa.ChunkedArray:
    contract = _contract_of(table)
    if contract is None:
        return pc.binary_join_element_wise("person", rows["person_id"].cast(pa.string()), SEPARATOR)
    person = rows[contract.person] if contract.person else pa.nulls(rows.num_rows, pa.string())
    return pc.binary_join_element_wise(rows["ids_of"], pc.fill_null(person, ""), SEPARATOR)


def _contract_of(table: str) -> Contract | None:
    kind, __, name = table.partition("/")
    return CONTRACTS.get(name) if kind in ("received", "records") else None
