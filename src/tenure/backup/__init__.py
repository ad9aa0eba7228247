"""The whole workspace in one sealed file, taken while it runs; and a workspace made of one, whole or not at all."""

from tenure.backup.checking import Checked, verify
from tenure.backup.locks import ByKeyring, ByPassphrase, Lock
from tenure.backup.making import SUFFIX, Last, Made, back_up, last_backup
from tenure.backup.restoring import Restored, restore

__all__ = [
    "SUFFIX", "ByKeyring", "ByPassphrase", "Checked", "Last", "Lock", "Made", "Restored", "back_up", "last_backup",
    "restore", "verify",
]  # fmt: skip
