"""The workspace's master keys: one small file outside the database and the lake, which opens everything sealed there.

What is sealed says in its head under which key, so that keys can change while the product runs. Whoever has the file
and the data has everything; whoever lost the file has nothing: keep a copy of it apart from the backups of the data.
"""

import base64
import binascii
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenure.errors import TenureError
from tenure.home import home_folder, keys_path, leave_trace, settle, trace, vault_path
from tenure.language import tr

_HEAD = b"\xb6r\xb5"  # "tnK1" where it is written as text
_ID_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
_HEAD_BYTES = len(_HEAD) + _ID_BYTES
# A writer may still hold the key of a moment ago; past this, nothing new can come to be sealed under it.
RETIRE_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class _Key:
    """One master key. Sealing and digests each work with a key derived from it, never with the key itself."""

    id: str
    made: datetime
    secret: bytes = field(repr=False)
    _macs: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def cipher(self) -> AESGCM:
        return AESGCM(self._derived("seal"))

    @cached_property
    def head(self) -> bytes:
        return _HEAD + bytes.fromhex(self.id)

    def mac_key(self, purpose: str) -> bytes:
        if purpose not in self._macs:
            self._macs[purpose] = self._derived(f"mac\x1f{purpose}")
        return self._macs[purpose]

    def _derived(self, use: str) -> bytes:
        return hmac.digest(self.secret, b"tenure\x1f" + use.encode(), "sha256")


class Keyring:
    """The master keys of a workspace, newest first: the newest seals, the older still open what they sealed.

    Another process may have changed the keys in the meantime; this one notices with its next call.
    """

    def __init__(self, path: Path, on_change: Callable[["Keyring"], None] = lambda ring: None) -> None:
        self.path = path
        self._on_change = on_change
        self._keys: tuple[_Key, ...] = ()
        self._by_id: dict[str, _Key] = {}
        self._stamp: tuple[int, ...] = ()
        self._look()

    @classmethod
    def open(cls, path: Path) -> "Keyring":
        """The keyring in this file. Raises TenureError where it is missing, damaged, or open to others' eyes."""
        return cls(path)

    @classmethod
    def create(cls, path: Path) -> "Keyring":
        """A keyring with one new key. A file that is there already is never overwritten: its keys stand."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The clock is read here since whoever seals first makes the keyring, wherever that is.
        first = _Key(secrets.token_hex(_ID_BYTES), datetime.now(UTC), secrets.token_bytes(32))
        unfinished = _written(path, (first,))
        try:
            os.link(unfinished, path)  # of two processes that start at once, the first one's keys stand
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
        settle(path.parent)
        return cls.open(path)

    @property
    def current(self) -> str:
        """The id of the key that seals now."""
        return self._look()[0].id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, newest first."""
        return tuple(key.id for key in self._look())

    @property
    def made(self) -> dict[str, datetime]:
        """When each key was made, newest first."""
        return {key.id: key.made for key in self._look()}

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Seal under the current key. `context` says what it is for; opening it as something else fails."""
        return self.sealer()(plain, context)

    def sealer(self, *, under: str | None = None) -> Callable[[bytes, bytes], bytes]:
        """What seals one value after the other, given with its context; for a bulk of them, within a moment.

        under: the id of the key, where several such must agree; the current one unless given.
        """
        key = self._look()[0] if under is None else self._key(under)
        head, encrypt, random = key.head, key.cipher.encrypt, os.urandom

        def seal(plain: bytes, context: bytes) -> bytes:
            nonce = random(_NONCE_BYTES)
            return head + nonce + encrypt(nonce, plain, context)

        return seal

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """What was sealed. Raises TenureError for a key this ring does not hold, another context, or a changed byte."""
        key = self._key(sealed_under(sealed))
        nonce = sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        try:
            return key.cipher.decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], context)
        except InvalidTag:
            raise TenureError(
                tr(
                    "A sealed value ({context}) was changed since it was sealed, or belongs somewhere else. "
                    "Restore it from a backup.",
                    context=context.decode(errors="replace"),
                )
            ) from None

    def mac(self, purpose: str, message: bytes, *, under: str | None = None) -> bytes:
        """A digest (HMAC-SHA-256, 32 bytes) only a holder of the keyring can make; each purpose has its own.

        under: the id of the key, for checking what was made earlier; the current one unless given.
        """
        keys = self._look()
        return hmac.digest((keys[0] if under is None else self._key(under)).mac_key(purpose), message, "sha256")

    def macs(self, purpose: str, message: bytes) -> tuple[bytes, ...]:
        """The digest under each key, newest first: what to look for in an index while keys are being changed."""
        return tuple(hmac.digest(key.mac_key(purpose), message, "sha256") for key in self._look())

    def digester(self, purpose: str, *, under: str | None = None) -> Callable[[bytes], bytes]:
        """What makes one digest after the other under one key, as `sealer` seals."""
        key = self._look()[0] if under is None else self._key(under)
        secret, digest = key.mac_key(purpose), hmac.digest
        return lambda message: digest(secret, message, "sha256")

    def rotate(self, *, now: datetime) -> str:
        """Add a new key, which seals from now on; returns its id. Older keys still open what they sealed."""
        with self._changing() as keys:
            new = _Key(secrets.token_hex(_ID_BYTES), now.astimezone(UTC), secrets.token_bytes(32))
            self._replace((new, *keys))
        return new.id

    def retire(self, key_id: str, *, now: datetime) -> None:
        """Forget an older key for good. The caller has made sure that nothing is sealed under it any more.

        Raises TenureError for the current key, for one that is not here, and for one replaced within the hour.
        """
        with self._changing() as keys:
            places = [place for place, key in enumerate(keys) if key.id == key_id]
            if not places:
                raise _unknown(key_id, self.path)
            (place,) = places
            if place == 0:
                raise TenureError(tr("Key {key} seals now; make a new one first with: tenure keys rotate", key=key_id))
            if now < keys[place - 1].made + RETIRE_AFTER:
                raise TenureError(
                    tr(
                        "Key {key} was replaced less than an hour ago, and somebody may still be writing under it. "
                        "Try again later.",
                        key=key_id,
                    )
                )
            self._replace(tuple(key for key in keys if key.id != key_id))

    def _key(self, key_id: str) -> _Key:
        key = self._by_id.get(key_id)
        if key is None:
            self._look()
            key = self._by_id.get(key_id)
        if key is None:
            raise _unknown(key_id, self.path)
        return key

    def _look(self) -> tuple[_Key, ...]:
        """The keys as the file has them now; read again only where it was replaced."""
        try:
            found = os.stat(self.path)
        except OSError:
            raise lost(self.path) from None
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode)
        if stamp != self._stamp:
            if found.st_mode & 0o077:
                raise TenureError(
                    tr(
                        "The keyring {path} can be read by others on this machine. Close it with: chmod 600 {path}",
                        path=self.path,
                    )
                )
            self._keys = _read(self.path)
            self._by_id = {key.id: key for key in self._keys}
            self._stamp = stamp
            self._on_change(self)
        return self._keys

    @contextmanager
    def _changing(self) -> Iterator[tuple[_Key, ...]]:
        """Hold the keyring against others who would change it."""
        with open(self.path.parent / f".{self.path.name}.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._look()

    def _replace(self, keys: tuple[_Key, ...]) -> None:
        _written(self.path, keys).replace(self.path)
        settle(self.path.parent)
        self._look()


def sealed_under(sealed: bytes) -> str:
    """The id of the key in a sealed value's head. Raises TenureError for what is no sealed value, or cut short."""
    if sealed[: len(_HEAD)] != _HEAD or len(sealed) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise TenureError(
            tr("A sealed value was expected, and something else or a part was found. Restore it from a backup.")
        )
    return sealed[len(_HEAD) : _HEAD_BYTES].hex()


_rings: dict[tuple[Path, Path], Keyring] = {}
_by_environment: dict[tuple[str | None, str | None], Keyring] = {}


def keyring(home: Path | None = None) -> Keyring:
    """The keyring of this workspace (TENURE_KEYS, else in the home folder), made where nothing is sealed yet.

    Raises TenureError where it is missing although something was sealed, or is another workspace's.
    """
    if home is None:
        # Asked for with every value a page shows: worked out once for what the environment says.
        said = os.environ.get("TENURE_HOME"), os.environ.get("TENURE_KEYS")
        if said not in _by_environment:
            _by_environment[said] = keyring(home_folder())
        return _by_environment[said]
    path = keys_path(home)
    ring = _rings.get((home, path))
    if ring is None or not path.exists():
        ring = _opened(home, path)
        _rings[home, path] = ring
    return ring


def _opened(home: Path, path: Path) -> Keyring:
    used = trace(home).get("key")
    if not path.exists():
        if used or vault_path(home).exists():
            raise lost(path)
        Keyring.create(path)
    ring = Keyring(path)
    if used and used not in ring.ids:
        raise TenureError(
            tr(
                "The keyring {path} is not the one this workspace was sealed with: that one holds key {key}. "
                "Put the right one there, or name it with TENURE_KEYS. Nothing was changed.",
                path=path,
                key=used,
            )
        )
    leave_trace(home, key=ring.current)
    ring._on_change = lambda ring: leave_trace(home, key=ring._keys[0].id)
    return ring


def lost(path: Path) -> TenureError:
    """What to say where there should be a keyring and is none."""
    return TenureError(
        tr(
            "The keyring {path} is missing, and what was sealed can't be read without it. "
            "Put its copy back, or name where it is with TENURE_KEYS. Nothing was changed.",
            path=path,
        )
    )


def _unknown(key_id: str, path: Path) -> TenureError:
    return TenureError(
        tr(
            "This was sealed under key {key}, which the keyring {path} does not hold. "
            "Put the keyring there that holds it, or name it with TENURE_KEYS. Nothing was changed.",
            key=key_id,
            path=path,
        )
    )


def _written(path: Path, keys: tuple[_Key, ...]) -> Path:
    """These keys in a file beside `path`, safely on the disk, readable by its owner alone."""
    entries = [
        {"id": key.id, "made": key.made.isoformat(timespec="seconds"), "key": base64.b64encode(key.secret).decode()}
        for key in keys
    ]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"tenure": "keyring", "keys": entries, "checksum": _checksum(entries)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return unfinished


def _read(path: Path) -> tuple[_Key, ...]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        entries = found["keys"]
        if found["tenure"] != "keyring" or not entries or found["checksum"] != _checksum(entries):
            raise ValueError
        return tuple(_entry(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise TenureError(
            tr(
                "The keyring {path} is damaged or cut short. Put its copy back; what was sealed can't be read without "
                "it. Nothing was changed.",
                path=path,
            )
        ) from None


def _entry(entry: dict[str, Any]) -> _Key:
    secret = base64.b64decode(entry["key"], validate=True)
    if len(secret) != 32 or len(bytes.fromhex(entry["id"])) != _ID_BYTES:
        raise ValueError
    return _Key(entry["id"], datetime.fromisoformat(entry["made"]), secret)


def _checksum(entries: list[dict[str, str]]) -> str:
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()
