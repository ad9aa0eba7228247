"""Numbers that must never be received again: kept as keyed digests, so the list itself names nobody."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from tenure.contracts import Contract
from tenure.errors import TenureError
from tenure.lake.store import Store, read_document, write_document
from tenure.language import tr
from tenure.vault import vault

Mode: TypeAlias = Literal["erase", "anonymise"]

TABLE = "identity/erased"
# digest: of a source's numbering and the number; own_id: what had been minted for it.
ERASED = pa.schema([("digest", pa.string()), ("own_id", pa.int64()), ("mode", pa.string())])


@dataclass(frozen=True)
class Tombstones:
    """The buried numbers of a lake. digests: digest → mode. highest: the highest id minted for any of them."""

    store: Store
    digests: dict[str, Mode]
    highest: int

    @classmethod
    def of(cls, store: Store) -> "Tombstones":
        if not store.exists(TABLE):
            return cls(store, {}, 0)
        files, _ = store.files(TABLE)
        rows = [row for file in files for row in pyarrow.parquet.read_table(file).to_pylist()]
        digests = {row["digest"]: row["mode"] for row in rows if row["digest"]}
        return cls(store, digests, max((row["own_id"] or 0 for row in rows), default=0))

    def __bool__(self) -> bool:
        return bool(self.digests)

    def marks(
        self, ids_of: pa.ChunkedArray | pa.Array, numbers: pa.ChunkedArray | pa.Array
    ) -> tuple[pa.Array, pa.Array]:
        """For each row whether its number is buried, and how (`erase`, `anonymise` or null)."""
        digest = digester(self.store)
        pairs = pa.table({"ids_of": ids_of, "number": numbers})
        distinct = pairs.group_by(["ids_of", "number"]).aggregate([])
        modes: dict[tuple[str | None, str | None], Mode] = {}
        for source, number in zip(distinct["ids_of"].to_pylist(), distinct["number"].to_pylist(), strict=True):
            if source is not None and number is not None and (mode := self.digests.get(digest(source, number))):
                modes[source, number] = mode
        if not modes:
            return pa.array([False] * len(pairs), pa.bool_()), pa.nulls(len(pairs), pa.string())
        each = [modes.get(pair) for pair in zip(pairs["ids_of"].to_pylist(), pairs["number"].to_pylist(), strict=True)]
        column = pa.array(each, pa.string())
        return pc.is_valid(column), column


def digester(store: Store) -> Callable[[str, str], str]:
    """The digest of (ids_of, number) that only this workspace can make.

    Its secret lies in the lake, sealed: a change of the master keys changes no digest. Raises TenureError where the
    secret can no longer be opened: going on would let the erased come back.
    """
    path = store.folder / "documents" / "erased.json"
    found = read_document(path)
    if found is None:
        token = vault().seal("tombstones", secrets.token_hex(32), context="tombstones")
        found = {"secret": token}
        write_document(path, found)
    secret = vault().unseal(found["secret"]) if found["secret"] else None
    if secret is None:
        raise TenureError(
            tr("The list of erased numbers can't be opened: its key is gone from the vault. Restore the vault first.")
        )
    key = bytes.fromhex(secret)
    return lambda ids_of, number: hmac.digest(key, f"{ids_of}\x1f{number}".encode(), "sha256").hex()


def without_buried(store: Store, contract: Contract, rows: pa.Table) -> pa.Table:
    """Rows on their way into the lake, without what would bring an erased person back.

    A number that was erased is dropped with its row; of one made anonymous, facts stay as nobody's.
    """
    if contract.person is None or not store.exists(TABLE):
        return rows
    buried = Tombstones.of(store)
    if not buried:
        return rows
    for column in contract.others:
        also, _modes = buried.marks(rows["ids_of"], rows[column])
        rows = rows.filter(pc.invert(also))
    gone, modes = buried.marks(rows["ids_of"], rows[contract.person])
    if not pc.any(gone).as_py():
        return rows
    keeps = contract.fact and contract.person not in contract.key
    if keeps:
        nobody = pc.fill_null(pc.equal(modes, "anonymise"), False)
        for name in sorted({*contract.personal, "extra", contract.person} - set(contract.key)):
            place = rows.schema.get_field_index(name)
            column = rows[name].combine_chunks()
            rows = rows.set_column(
                place, rows.schema.field(place), pc.if_else(nobody, pa.scalar(None, column.type), column)
            )
        return rows.filter(pc.or_(pc.invert(gone), nobody))
    return rows.filter(pc.invert(gone))
