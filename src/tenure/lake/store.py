"""Delta tables in a folder: whole tables appended to or replaced by one atomic commit each."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from tenure.errors import TenureError
from tenure.lake.parts import write_parts
from tenure.language import tr

# How long a table keeps the log of older versions: not at all while it is made to forget, else what Delta says.
_FORGETFUL = {
    "delta.logRetentionDuration": "interval 0 seconds",
    "delta.deletedFileRetentionDuration": "interval 0 seconds",
}
_USUAL = {"delta.logRetentionDuration": "interval 30 days", "delta.deletedFileRetentionDuration": "interval 1 week"}
_TRIES = 5
_MANY = 50_000  # rows from which on they are quicker packed here than by the Delta library
_PROPERTIES = WriterProperties(compression="ZSTD", compression_level=3)
# The log of changes would note each column's smallest and largest value, in clear and for good; nothing here reads them.
_CONFIGURATION = {"delta.dataSkippingNumIndexedCols": "0"}


class Store:
    """The folder of Delta tables. A table's name is its path below the folder: `received/orders`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name

    def exists(self, name: str) -> bool:
        return bool(DeltaTable.is_deltatable(str(self.path(name))))

    def version(self, name: str) -> int | None:
        """The table's newest version; None where there is no such table."""
        return int(DeltaTable(str(self.path(name))).version()) if self.exists(name) else None

    def files(self, name: str, version: int | None = None) -> tuple[list[str], int]:
        """The files of one version, the newest unless said, and that version's number.

        Raises FileNotFoundError where nothing tells of that version any more.
        """
        try:
            table = DeltaTable(str(self.path(name)), version=version)
        except DeltaError as error:
            if version is None:
                raise
            raise FileNotFoundError(f"{name}, version {version}: {error}") from error
        # Addresses come percent-encoded; a home folder may well have a space or Chinese in its name.
        return [unquote(file) for file in table.file_uris()], int(table.version())

    def schema(self, name: str) -> pa.Schema:
        """The schema of the newest version."""
        return pa.schema(DeltaTable(str(self.path(name))).schema().to_arrow())

    def append(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Add rows; columns the table lacks are added to it."""
        if isinstance(rows, pa.RecordBatchReader):
            if self._add_in_parts(name, rows):
                return
            rows = rows.read_all()
        elif rows.num_rows >= _MANY and self._add_in_parts(name, rows):
            return
        write_deltalake(
            str(self.path(name)),
            rows,
            mode="append",
            schema_mode="merge",
            writer_properties=_PROPERTIES,
            configuration=_CONFIGURATION,
        )

    def replace(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Put these rows in the table's place, all at once; readers of the older version are not disturbed."""
        if isinstance(rows, pa.RecordBatchReader) or rows.num_rows >= _MANY:
            self.renew(name, [rows if isinstance(rows, pa.RecordBatchReader) else rows.to_reader()])
            return
        write_deltalake(
            str(self.path(name)),
            rows,
            mode="overwrite",
            schema_mode="overwrite",
            writer_properties=_PROPERTIES,
            configuration=_CONFIGURATION,
        )

    def _add_in_parts(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> bool:
        """Add many rows to a table that has just their columns; False where it hasn't, or isn't there."""
        if not self.exists(name):
            return False
        schema = DeltaTable(str(self.path(name))).schema()
        if schema != Schema.from_arrow(rows.schema):
            return False
        parts: list[AddAction | RemoveAction] = [
            *write_parts(
                self.path(name),
                rows.to_reader() if isinstance(rows, pa.Table) else rows,
                pa.schema(schema.to_arrow()),
            )
        ]
        if not parts:
            return True
        _retried(lambda: DeltaTable(str(self.path(name))).create_write_transaction(parts, mode="append", schema=schema))
        return True

    def renew(self, name: str, fresh: Sequence[pa.RecordBatchReader], carried: Collection[str] = ()) -> list[list[str]]:
        """Put fresh rows in the place of all files but those carried over, in one commit; returns the files of each.

        carried: names of files of the newest version, all of them there. fresh: one schema, that of the table.
        """
        path = self.path(name)
        path.mkdir(parents=True, exist_ok=True)
        schema = Schema.from_arrow(fresh[0].schema)
        parts = [write_parts(path, rows, pa.schema(schema.to_arrow())) for rows in fresh]
        added = [part for some in parts for part in some]
        if carried:
            now = int(time.time() * 1000)
            stale = [Path(file).name for file in self.files(name)[0]]
            gone = [RemoveAction(one, True, deletion_timestamp=now) for one in stale if one not in carried]
            DeltaTable(str(path)).create_write_transaction([*gone, *added], mode="append", schema=schema)
        elif self.exists(name):
            DeltaTable(str(path)).create_write_transaction([*added], mode="overwrite", schema=schema)
        else:
            create_table_with_add_actions(str(path), schema, added, mode="error", configuration=_CONFIGURATION)
        return [[part.path for part in some] for some in parts]

    def is_of_today(self, name: str) -> bool:
        """Whether the table was begun, or forgotten the past of, since personal columns are sealed."""
        found = DeltaTable(str(self.path(name))).metadata().configuration
        return all(found.get(key) == value for key, value in _CONFIGURATION.items())

    def forget_past(self, name: str) -> None:
        """Keep the newest version alone: older files, and what the log says of them, are deleted."""
        DeltaTable(str(self.path(name))).alter.set_table_properties(_CONFIGURATION)
        self.drop_old_versions(name, strays=False)

    def delete(self, name: str, predicate: str) -> int:
        """Drop the rows for which the SQL predicate holds; returns how many."""
        if not self.exists(name):
            return 0
        done = _retried(lambda: DeltaTable(str(self.path(name))).delete(predicate, writer_properties=_PROPERTIES))
        return int(done.get("num_deleted_rows") or 0)

    def blank(self, name: str, predicate: str, to: dict[str, str]) -> int:
        """Set these columns to SQL expressions in the rows for which the predicate holds; returns how many."""
        done = _retried(
            lambda: DeltaTable(str(self.path(name))).update(
                updates=to, predicate=predicate, writer_properties=_PROPERTIES
            )
        )
        return int(done.get("num_updated_rows") or 0)

    def count(self, name: str, predicate: str) -> int:
        """How many rows there are for which the SQL predicate holds."""
        table = DeltaTable(str(self.path(name)))
        found = QueryBuilder().register("t", table).execute(f"SELECT count(*) AS n FROM t WHERE {predicate}").read_all()
        return int(pa.table(found)["n"][0].as_py())

    def highest(self, name: str, column: str, predicate: str) -> int | None:
        """The largest value of a whole-number column in the rows for which the predicate holds; None without any."""
        if not self.exists(name):
            return None
        table = DeltaTable(str(self.path(name)))
        asked = f"SELECT max({column}) AS n FROM t WHERE {predicate}"
        found = pa.table(QueryBuilder().register("t", table).execute(asked).read_all())["n"][0].as_py()
        return None if found is None else int(found)

    def compact(self, name: str, *, files: int = 256) -> None:
        """Put many small files together, once there are more than `files`; what readers hold open stays."""
        if self.exists(name) and len(self.files(name)[0]) > files:
            _retried(lambda: DeltaTable(str(self.path(name))).optimize.compact(writer_properties=_PROPERTIES))

    def drop_old_versions(self, name: str, *, strays: bool) -> int:
        """Remove everything only older versions need, their log included; returns how many files went.

        The log quotes the smallest and largest value of each column of each file, so it must go with them.
        strays: also remove files no version names, which is safe only while nobody else is writing the table.
        """
        path = str(self.path(name))
        gone = len(DeltaTable(path).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False))
        _retried(lambda: DeltaTable(path).alter.set_table_properties(_FORGETFUL))
        DeltaTable(path).create_checkpoint()
        DeltaTable(path).cleanup_metadata()
        _retried(lambda: DeltaTable(path).alter.set_table_properties(_USUAL))
        if strays:
            known = {Path(unquote(uri.removeprefix("file://"))).name for uri in DeltaTable(path).file_uris()}
            for file in self.path(name).glob("*.parquet"):
                if file.name not in known:
                    file.unlink(missing_ok=True)
                    gone += 1
        return gone

    def tidy(self, name: str, *, keep_hours: int = 168) -> int:
        """Remove files no version of the last `keep_hours` needs; returns how many."""
        table = DeltaTable(str(self.path(name)))
        return len(table.vacuum(retention_hours=keep_hours, dry_run=False, enforce_retention_duration=False))

    def names(self) -> list[str]:
        """Every table in the folder, by name."""
        found = (log.parent.relative_to(self.folder) for log in self.folder.glob("**/_delta_log"))
        return sorted(str(name) for name in found)

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Hold the lake's one writing place, which the system frees when the holder dies, however it dies.

        Raises TenureError where another process holds it, naming what that one is doing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".writer").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise TenureError(
                    tr(
                        "The lake is being written by: {holder}. Wait until it is done, then try again.",
                        holder=file.read(),
                    )
                ) from None
            file.truncate(0)
            file.write(f"{what} (process {os.getpid()})")
            file.flush()
            yield

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Hold the place of that name for as long as the block lasts; False where somebody else holds it.

        The system frees it when the holder dies, however it dies.
        """
        folder = self.folder / ".held"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        while True:
            with path.open("a") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    yield False
                    return
                try:
                    # The holder before may have taken the file away between our opening and our holding it.
                    if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                        continue
                except FileNotFoundError:
                    continue
                try:
                    yield True
                finally:
                    path.unlink(missing_ok=True)
                return


def _retried(change: Callable[[], Any]) -> Any:
    """Do a change that another writer's commit may get in the way of: then look again and do it on what is there now."""
    for left in reversed(range(_TRIES)):
        try:
            return change()
        except CommitFailedError:
            if not left:
                raise
    raise AssertionError("unreachable")


def write_document(path: Path, content: Any) -> None:
    """Write a JSON document so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def read_document(path: Path) -> Any | None:
    """The JSON document, or None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
