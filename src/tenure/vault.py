"""A key for each subject whose data the lake holds: destroy the key, and whatever copies are left are noise.

A subject is a text: a source record is `ids_of ␟ customer number`, a person of the desk `person ␟ number`. The vault
holds no subject's name, only a keyed digest of it, and each key wrapped under the keyring. What is sealed becomes a
token of text that says whose key opens it; a destroyed subject's row stays as a tombstone, so nobody mints it anew.
"""

import binascii
import hashlib
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenure.errors import TenureError
from tenure.home import home_folder, leave_trace, trace, vault_path
from tenure.keyring import Keyring, keyring, sealed_under
from tenure.language import tr

Progress = Callable[[int, int], None]

SEPARATOR = "\x1f"
MARK = "tnV1"  # how every token begins
_HEAD = binascii.a2b_base64(MARK)
_DIGEST_BYTES, _CONTEXT_BYTES, _NONCE_BYTES, _TAG_BYTES = 12, 3, 12, 16
_DIGEST = slice(len(_HEAD), len(_HEAD) + _DIGEST_BYTES)
_CONTEXT = slice(_DIGEST.stop, _DIGEST.stop + _CONTEXT_BYTES)
_NONCE = slice(_CONTEXT.stop, _CONTEXT.stop + _NONCE_BYTES)
_WRAPPED_BYTES = 7 + _NONCE_BYTES + 32 + _TAG_BYTES  # a key as the keyring seals it
_NOBODY = "--------"  # in place of a key's id, as long as one: the row of a destroyed subject
_ROWS = 8192  # ciphers are large; so many are held at a time
_ASKED = 2000  # rows a statement
_MINTED = 50_000  # keys minted in one transaction
_CACHED = 1_200_000  # unwrapped keys a process holds, about 250 MB: those of everybody, in a refresh of a million

# Rows are appended by number and only ever overwritten by rows of the same length: SQLite then never copies one from
# page to page, so that no stale copy of a destroyed key stays behind in the file.
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE subjects (
  number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, under TEXT NOT NULL, wrapped BLOB NOT NULL
);
"""


class Vault:
    """The keys of subjects, in one SQLite file. Safe for many threads and processes; killed at any point, whole."""

    def __init__(self, path: Path, ring: Keyring, *, timeout_seconds: float = 30) -> None:
        self.path = path
        self._ring = ring
        self._timeout = timeout_seconds
        self._lock = threading.RLock()
        self._keys: dict[bytes, bytes | None] = {}  # by digest; None for a destroyed subject
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._seen = (-1, -1)  # data_version, destroyed: what the cache was filled under
        self._digest_key = b""
        with self._open():
            pass

    # One value

    def seal(self, subject: str, plain: str, *, context: str) -> str | None:
        """A token for this text under the subject's key; None where that key was destroyed."""
        sealed: str | None = self.seal_column(pa.array([subject]), pa.array([plain]), context=context)[0].as_py()
        return sealed

    def unseal(self, token: str, *, context: str | None = None) -> str | None:
        """The text behind a token; None where the subject's key was destroyed.

        Raises TenureError for a token that was changed, whose key is not in this vault, or (where `context` is given)
        that was sealed as something else.
        """
        plain: str | None = self.unseal_column(pa.array([token]), context=context)[0].as_py()
        return plain

    # Columns

    def seal_column(self, subjects: pa.Array, values: pa.Array, *, context: str) -> pa.Array:
        """Tokens for a column of text, one subject a row; null where the value is, or the subject was destroyed."""
        return self.seal_columns(subjects, {context: values})[context]

    def seal_columns(self, subjects: pa.Array, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Several columns of the same rows, by context. Keys are minted for those who have something to seal."""
        subjects = _flat(subjects)
        columns = {context: _flat(values) for context, values in columns.items()}
        sealed: dict[str, list[pa.Array]] = {context: [] for context in columns}
        self._ensure(self._named(subjects, columns))
        for start in range(0, len(subjects), _ROWS):
            rows = {context: values.slice(start, _ROWS) for context, values in columns.items()}
            for context, tokens in self._sealed(subjects.slice(start, _ROWS), rows).items():
                sealed[context].append(tokens)
        return {context: pa.concat_arrays(parts or [_TEXT_OF_NOTHING]) for context, parts in sealed.items()}

    def unseal_column(self, tokens: pa.Array, *, context: str | None = None) -> pa.Array:
        """The texts behind a column of tokens; null where there is no token, or its key was destroyed."""
        tokens = _flat(tokens)
        expected = None if context is None else _fingerprint(context)
        parts = [self._unsealed(tokens.slice(start, _ROWS), expected) for start in range(0, len(tokens), _ROWS)]
        return pa.concat_arrays(parts or [_TEXT_OF_NOTHING])

    # The life of keys

    def destroy(self, subjects: Iterable[str], *, now: datetime) -> int:
        """Destroy the keys of these subjects for good; returns how many subjects were not destroyed before.

        A subject never heard of gets its tombstone too: what arrives under it later is sealed to nothing. The old
        contents of the file and of its log are overwritten before this returns, unless a reader holds them up: then
        the next to open the vault sees to it.
        """
        digests = sorted({self._digest(subject) for subject in subjects})
        note = f"destroyed {now.astimezone(UTC).isoformat(timespec='seconds')}".encode()
        grave = note.ljust(_WRAPPED_BYTES)[:_WRAPPED_BYTES]
        with self._open() as connection:
            with _transaction(connection):
                before = connection.total_changes
                connection.executemany(
                    "INSERT INTO subjects (digest, under, wrapped) VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE "
                    "SET under = excluded.under, wrapped = excluded.wrapped WHERE under <> excluded.under",
                    [(digest, _NOBODY, grave) for digest in digests],
                )
                destroyed = connection.total_changes - before
                connection.execute("UPDATE about SET value = value + ? WHERE name = 'destroyed'", (destroyed,))
                connection.execute("UPDATE about SET value = 1 WHERE name = 'log_owed'")
            for digest in digests:
                self._keys[digest] = None
            self._empty_log(connection)
        return destroyed

    def is_destroyed(self, subject: str) -> bool:
        """Whether this subject's key was destroyed."""
        with self._open() as connection:
            return bool(
                connection.execute(
                    "SELECT 1 FROM subjects WHERE digest = ? AND under = ?", (self._digest(subject), _NOBODY)
                ).fetchone()
            )

    def under(self) -> dict[str, int]:
        """How many subjects' keys are wrapped under each key of the keyring, by its id."""
        with self._open() as connection:
            rows = connection.execute("SELECT under, count(*) FROM subjects GROUP BY under").fetchall()
            found = {under: count for under, count in rows if under != _NOBODY}
            own = connection.execute("SELECT value FROM about WHERE name = 'digest_under'").fetchone()[0]
        return found | {own: found.get(own, 0)}

    def rewrap(self, progress: Progress | None = None) -> int:
        """Wrap every key under the keyring's current one, a chunk at a time; returns how many were wrapped anew.

        Others go on reading and writing meanwhile. Killed, the next call goes on where this one stopped.
        """
        done = last = 0
        with self._open() as connection:
            current = self._ring.current
            due = "FROM subjects WHERE under NOT IN (?, ?)"
            (total,) = connection.execute(f"SELECT count(*) {due}", (current, _NOBODY)).fetchone()
        while True:
            with self._open() as connection:
                rows = connection.execute(
                    f"SELECT number, digest, under, wrapped {due} AND number > ? ORDER BY number LIMIT ?",
                    (current, _NOBODY, last, _ASKED),
                ).fetchall()
                if not rows:
                    break
                wrap = self._wrapper()
                anew = [
                    (*wrap(self._unwrapped(digest, wrapped), digest), number, under)
                    for number, digest, under, wrapped in rows
                ]
                with _transaction(connection):
                    # One destroyed in the meantime stays so.
                    connection.executemany(
                        "UPDATE subjects SET under = ?, wrapped = ? WHERE number = ? AND under = ?", anew
                    )
            last, done = rows[-1][0], done + len(rows)
            if progress:
                progress(done, max(total, done))
        with self._open() as connection:
            self._rewrap_digest_key(connection)
            self._empty_log(connection)
        return done

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection, self._keys = None, {}

    # How

    def _sealed(self, subjects: pa.Array, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        coded = subjects.dictionary_encode()
        places = coded.indices.to_pylist()
        digests = [self._digest(subject) for subject in coded.dictionary.to_pylist()]
        with self._open() as connection:
            keys = self._found(connection, digests)
        secrets_of = [keys.get(digest) for digest in digests]
        encrypts = [AESGCM(key).encrypt if key else None for key in secrets_of]
        text, random = binascii.b2a_base64, os.urandom
        result = {}
        for context, values in columns.items():
            fingerprint = _fingerprint(context)
            heads = [_HEAD + digest + fingerprint for digest in digests]
            nonces = random(_NONCE_BYTES * len(values))
            result[context] = pa.array(
                [
                    text(heads[place] + (nonce := nonces[at : at + 12]) + encrypt(nonce, value, heads[place]), newline=False)
                    if value is not None and (encrypt := encrypts[place]) is not None
                    else None
                    for place, value, at in zip(
                        places, values.cast(pa.binary()).to_pylist(), range(0, len(nonces), _NONCE_BYTES), strict=True
                    )
                ],
                pa.binary(),
            ).cast(pa.string())  # fmt: skip
        return result

    def _unsealed(self, tokens: pa.Array, expected: bytes | None) -> pa.Array:
        sealed = [None if token is None else _parts(token) for token in tokens.cast(pa.binary()).to_pylist()]
        wanted = list(dict.fromkeys(parts[_DIGEST] for parts in sealed if parts is not None))
        with self._open() as connection:
            keys = self._found(connection, wanted)
        ciphers: dict[bytes, Callable[[bytes, bytes, bytes], bytes] | None] = {}
        for digest in wanted:
            if digest not in keys:
                raise TenureError(
                    tr(
                        "The vault {path} does not hold the key of a sealed value: it is older than the records, "
                        "or another workspace's. Put the right one back. Nothing was changed.",
                        path=self.path,
                    )
                )
            key = keys[digest]
            ciphers[digest] = AESGCM(key).decrypt if key else None
        plain: list[bytes | None] = []
        for parts in sealed:
            decrypt = None if parts is None else ciphers[parts[_DIGEST]]
            if parts is None or decrypt is None:
                plain.append(None)
                continue
            if expected is not None and parts[_CONTEXT] != expected:
                raise _changed()
            try:
                plain.append(decrypt(parts[_NONCE], parts[_NONCE.stop :], parts[: _CONTEXT.stop]))
            except InvalidTag:
                raise _changed() from None
        return pa.array(plain, pa.binary()).cast(pa.string())

    def _named(self, subjects: pa.Array, columns: Mapping[str, pa.Array]) -> list[bytes]:
        """The digests of the subjects that have anything to seal."""
        filled = None
        for values in columns.values():
            valid = pc.is_valid(values)
            filled = valid if filled is None else pc.or_(filled, valid)
        if filled is None:
            return []
        named = pc.unique(subjects.filter(filled))
        if named.null_count:
            raise ValueError("a value to seal has no subject")
        return [self._digest(subject) for subject in named.to_pylist()]

    def _ensure(self, digests: list[bytes]) -> None:
        """Mint a key for each that has none; many in a transaction, and nobody waits while they are wrapped."""
        for some in _chunks(digests, _MINTED):
            with self._open() as connection:
                found = self._found(connection, some)
            minted = {digest: secrets.token_bytes(32) for digest in sorted(set(some) - found.keys())}
            if not minted:
                continue
            wrap = self._wrapper()
            rows = [(digest, *wrap(key, digest)) for digest, key in minted.items()]
            with self._open() as connection:
                with _transaction(connection):
                    before = connection.total_changes
                    connection.executemany(
                        # Another process may have been quicker, or have destroyed it: its row stands.
                        "INSERT INTO subjects (digest, under, wrapped) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                        rows,
                    )
                    alone = connection.total_changes - before == len(rows)
                if alone:
                    self._keep(minted)

    def _found(self, connection: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """The keys of these digests, as far as they are in the vault; None for a destroyed one."""
        cached = self._keys
        missing = [digest for digest in digests if digest not in cached]
        found: dict[bytes, bytes | None] = {}
        for some in _chunks(missing, _ASKED):
            places = ",".join("?" * len(some))
            for digest, under, wrapped in connection.execute(
                f"SELECT digest, under, wrapped FROM subjects WHERE digest IN ({places})", some
            ):
                found[digest] = None if under == _NOBODY else self._unwrapped(digest, wrapped)
        result = {digest: cached[digest] for digest in digests if digest in cached} | found
        self._keep(found)
        return result

    def _keep(self, keys: Mapping[bytes, bytes | None]) -> None:
        if len(self._keys) + len(keys) > _CACHED:
            self._keys = {}
        self._keys.update(keys if len(keys) <= _CACHED else islice(keys.items(), _CACHED))

    def _wrapper(self) -> Callable[[bytes, bytes], tuple[str, bytes]]:
        """What wraps a key for a digest under the keyring's current key; gives that key's id too."""
        seal = self._ring.sealer()

        def wrap(key: bytes, digest: bytes) -> tuple[str, bytes]:
            wrapped = seal(key, b"vault\x1f" + digest)
            return sealed_under(wrapped), wrapped

        return wrap

    def _unwrapped(self, digest: bytes, wrapped: bytes) -> bytes:
        return self._ring.unseal(wrapped, context=b"vault\x1f" + digest)

    def _digest(self, subject: str) -> bytes:
        return hashlib.blake2b(subject.encode(), key=self._digest_key, digest_size=_DIGEST_BYTES).digest()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection, this thread's alone within the block, with a cache no older than what others destroyed."""
        with self._lock, _clearly(self.path):
            if self._connection is None or self._process != os.getpid():
                self._keys, self._seen = {}, (-1, -1)
                self._connection = self._connect()
                self._process = os.getpid()
            connection = self._connection
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != self._seen[0]:
                about = dict(connection.execute("SELECT name, value FROM about"))
                if about["destroyed"] != self._seen[1]:
                    self._keys = {}
                self._seen = (version, about["destroyed"])
                if not self._digest_key:
                    self._digest_key = self._unwrapped(b"digest", about["digest_key"])
                if about["log_owed"]:
                    self._empty_log(connection)
            yield connection

    def _connect(self) -> sqlite3.Connection:
        _check_length(self.path)
        connection = sqlite3.connect(
            f"file:{self.path}?mode=rw", uri=True, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        # A key must be on the disk before anything sealed under it is; what is deleted is overwritten with zeros.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "cache_size = -65536"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    def _empty_log(self, connection: sqlite3.Connection) -> None:
        """Bring everything into the file and cut the log to nothing; owed for later where a reader stands in the way."""
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy and connection.execute("SELECT value FROM about WHERE name = 'log_owed'").fetchone()[0]:
            connection.execute("UPDATE about SET value = 0 WHERE name = 'log_owed'")

    def _rewrap_digest_key(self, connection: sqlite3.Connection) -> None:
        under, wrapped = self._wrapper()(self._digest_key, b"digest")
        with _transaction(connection):
            connection.execute("UPDATE about SET value = ? WHERE name = 'digest_key'", (wrapped,))
            connection.execute("UPDATE about SET value = ? WHERE name = 'digest_under'", (under,))


def take_tombstones(path: Path, source: Path) -> int:
    """Destroy in the vault at `path`, an older copy, what was destroyed in the one at `source` since; returns how many.

    Neither needs a key for it: a tombstone holds none. Tombstones of another workspace's vault name nobody here.
    """
    destroyed = 0
    with (
        _clearly(source),
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30, isolation_level=None)) as theirs,
        _clearly(path),
        closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=30, isolation_level=None)) as ours,
    ):
        ours.execute("PRAGMA secure_delete = ON").fetchall()
        graves = theirs.execute("SELECT digest, under, wrapped FROM subjects WHERE under = ?", (_NOBODY,))
        while some := graves.fetchmany(_ASKED):
            with _transaction(ours):
                before = ours.total_changes
                ours.executemany(
                    "INSERT INTO subjects (digest, under, wrapped) VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE "
                    "SET under = excluded.under, wrapped = excluded.wrapped WHERE under <> excluded.under",
                    some,
                )
                now_destroyed = ours.total_changes - before
                ours.execute("UPDATE about SET value = value + ? WHERE name = 'destroyed'", (now_destroyed,))
            destroyed += now_destroyed
        ours.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return destroyed


_TEXT_OF_NOTHING = pa.nulls(0, pa.string())  # `pa.array` would bring in pandas, which most commands never need


def source_record(ids_of: str, customer_id: str | None) -> str:
    """The subject of a source's record; rows of nobody share one subject of their source."""
    return f"{ids_of}{SEPARATOR}{customer_id or ''}"


def person(person_id: int) -> str:
    """The subject of a person of the desk."""
    return f"person{SEPARATOR}{person_id}"


_vaults: dict[Path, Vault] = {}
_making = threading.Lock()


def vault(home: Path | None = None) -> Vault:
    """The vault of this workspace, made where nothing was sealed yet.

    Raises TenureError where it or its keyring is missing although something was sealed, or is damaged.
    """
    home = home or home_folder()
    path = vault_path(home)
    with _making:
        if not path.exists():
            _vaults.pop(path, None)
            if trace(home).get("vault"):
                raise TenureError(
                    tr(
                        "The vault {path} is missing, and sealed records can't be read without it. "
                        "Put its backup back. Nothing was changed.",
                        path=path,
                    )
                )
            create(path, keyring(home))
        ring = keyring(home)
        found = _vaults.get(path)
        if found is None or found._ring is not ring:
            found = _vaults[path] = Vault(path, ring)
            leave_trace(home, vault=True)
        return found


def create(path: Path, ring: Keyring) -> None:
    """An empty vault. One that is there already stands as it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.executescript("PRAGMA secure_delete = ON; PRAGMA synchronous = FULL;" + _SCHEMA)
            sealed = ring.seal(secrets.token_bytes(32), context=b"vault\x1fdigest")
            about = {"digest_under": sealed_under(sealed), "digest_key": sealed, "destroyed": 0, "log_owed": 0}
            connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            # WAL is kept in the file itself; set last, since it leaves two more files beside it while open.
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        os.link(unfinished, path)  # complete from the first moment on; of two, the first one's stands
    except FileExistsError:
        pass
    finally:
        for leftover in path.parent.glob(f"{unfinished.name}*"):
            leftover.unlink()


@lru_cache(maxsize=4096)
def _fingerprint(context: str) -> bytes:
    """What a token says of its context, sealed in with it: a token moved to another column does not open there."""
    return hashlib.blake2b(context.encode(), digest_size=_CONTEXT_BYTES).digest()


def _parts(token: bytes) -> bytes:
    try:
        parts = binascii.a2b_base64(token)
    except binascii.Error:
        raise _changed() from None
    if parts[: len(_HEAD)] != _HEAD or len(parts) < _NONCE.stop + _TAG_BYTES:
        raise _changed()
    return parts


def _changed() -> TenureError:
    return TenureError(
        tr("A sealed value was changed since it was sealed, or moved from another column. Restore it from a backup.")
    )


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    flat = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(flat, pa.ChunkedArray):  # what it gives for a column too large for one piece
        flat = pa.concat_arrays(flat.chunks)
    return flat if flat.type == pa.string() else flat.cast(pa.string())


def _chunks(values: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _check_length(path: Path) -> None:
    """SQLite would notice a file cut short only on reading what is gone."""
    with open(path, "rb") as file:
        head = file.read(100)
        length = os.fstat(file.fileno()).st_size
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return  # the log may hold what the file lacks
    page = int.from_bytes(head[16:18], "big") or 1
    page = 65536 if page == 1 else page
    if len(head) < 100 or length < page * int.from_bytes(head[28:32], "big"):
        raise _damaged(path)


def _damaged(path: Path) -> TenureError:
    return TenureError(
        tr("The vault {path} is damaged or cut short. Put its backup back. Nothing was changed.", path=path)
    )


@contextmanager
def _clearly(path: Path) -> Iterator[None]:
    """Say what is wrong with the file in words its owner can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise TenureError(
                tr("The vault {path} has been held by another process for too long. Try again.", path=path)
            ) from error
        if "unable to open" in str(error):
            raise TenureError(tr("The vault {path} can't be opened: {error}.", path=path, error=error)) from error
        raise _damaged(path) from error
    except (sqlite3.DatabaseError, KeyError) as error:
        raise _damaged(path) from error
