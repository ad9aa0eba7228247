"""How the key of a backup is locked: by the workspace's keyring, or by a passphrase."""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tenure.errors import TenureError
from tenure.language import tr

_CONTEXT = b"tenure backup"
# 128 MB and about half a second a guess; a passphrase is the weakest key there is.
_N, _R, _P = 1 << 17, 8, 1
_MOST_N = 1 << 20


class Lock(Protocol):
    """Locks and opens the keys of a file."""

    def lock(self, key: bytes) -> dict[str, Any]:
        """What the head keeps of it."""
        ...

    def open(self, locked: dict[str, Any], name: str) -> bytes:
        """The key again. Raises TenureError where it does not open."""
        ...


@dataclass(frozen=True)
class ByPassphrase:
    """Anyone who knows the words opens it, on any machine; whoever forgets them never does."""

    passphrase: str

    def __post_init__(self) -> None:
        if not self.passphrase:
            raise TenureError(tr("The passphrase is empty. Give one of a few words."))

    def lock(self, key: bytes) -> dict[str, Any]:
        salt, nonce = os.urandom(16), os.urandom(12)
        cost = {"n": _N, "r": _R, "p": _P}
        sealed = AESGCM(self._derived(salt, **cost)).encrypt(nonce, key, _CONTEXT)
        return {"by": "passphrase", "salt": _text(salt), "nonce": _text(nonce), "key": _text(sealed), **cost}

    def open(self, locked: dict[str, Any], name: str) -> bytes:
        if locked.get("by") != "passphrase":
            raise TenureError(
                tr("{name} is locked by a workspace's keyring, not by a passphrase. Leave out --passphrase.", name=name)
            )
        n, r, p = (int(locked[part]) for part in ("n", "r", "p"))
        if n > _MOST_N or r > 16 or p > 4:  # a forged head must not take all memory
            raise TenureError(tr("The head of {name} asks for more work than any backup of Tenure does.", name=name))
        try:
            key = AESGCM(self._derived(_bytes(locked["salt"]), n, r, p))
            return key.decrypt(_bytes(locked["nonce"]), _bytes(locked["key"]), _CONTEXT)
        except InvalidTag:
            raise TenureError(tr("The passphrase does not open {name}.", name=name)) from None

    def _derived(self, salt: bytes, n: int, r: int, p: int) -> bytes:
        return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(self.passphrase.encode())


@dataclass(frozen=True)
class ByKeyring:
    """Opened by the file of master keys; `path` is None for that of the workspace itself."""

    path: Path | None = None

    def lock(self, key: bytes) -> dict[str, Any]:
        return {"by": "keyring", "key": _text(self._keyring().seal(key, context=_CONTEXT))}

    def open(self, locked: dict[str, Any], name: str) -> bytes:
        if locked.get("by") != "keyring":
            raise TenureError(tr("{name} is locked by a passphrase. Give it with --passphrase.", name=name))
        try:
            return bytes(self._keyring().unseal(_bytes(locked["key"]), context=_CONTEXT))
        except TenureError as error:
            raise TenureError(
                tr(
                    "The keys at hand do not open {name}: {error} Give the key file of the workspace it was made from with --keys FILE.",
                    name=name, error=error,
                )
            ) from error  # fmt: skip

    def _keyring(self) -> Any:
        from tenure.keyring import Keyring, keyring

        return keyring() if self.path is None else Keyring.open(self.path)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
