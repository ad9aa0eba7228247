"""When the chain is sealed: after each commit, and every few seconds by a thread of the server.

Never at the verb's cost: it is committed before anything here runs, and nothing here fails or waits for a lock.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, close_old_connections, connection, connections
from django.utils import timezone

log = logging.getLogger("tenure.audit")

EVERY_SECONDS = 2.0
THOROUGH_EVERY = timedelta(minutes=10)
PATIENCE_MS = 50  # how long SQLite may wait for its lock after a verb; whoever comes next seals what is left

_wake = threading.Event()
_stop = threading.Event()
_thread: threading.Thread | None = None
_starting = threading.Lock()


def after_commit() -> None:
    """Seal what was committed: by the server's thread, or here and now where no thread runs."""
    if _thread is not None and _thread.is_alive():
        _wake.set()
        return
    with _impatient():
        seal_now(at_once=True)


def seal_now(*, thorough: bool = False, at_once: bool = False) -> bool:
    """Link what waits and sign the head; says whether that went well, and never raises. at_once: a batch at most."""
    from tenure.desk.governance import chain, heads

    try:
        chain.seal(thorough=thorough, at_once=at_once)
        heads.sign(now=timezone.now())
    except DatabaseError as error:  # busy, or away for a moment
        log.info("not sealed yet: %s", error)
        return False
    except Exception:
        log.exception("the audit chain was not sealed")
        return False
    return True


def start() -> None:
    """Begin sealing in the background of this process; asking twice is asking once."""
    global _thread
    with _starting:
        if _thread is None or not _thread.is_alive():
            _stop.clear()
            _thread = threading.Thread(target=_run, name="tenure-sealer", daemon=True)
            _thread.start()


def stop() -> None:
    """End the background thread and wait for it."""
    if _thread is not None:
        _stop.set()
        _wake.set()
        _thread.join()


def _run() -> None:
    looked_at_all, failures = None, 0
    while not _stop.is_set():
        close_old_connections()
        now = timezone.now()
        thorough = looked_at_all is None or now - looked_at_all >= THOROUGH_EVERY
        if seal_now(thorough=thorough):
            failures = 0
            looked_at_all = now if thorough else looked_at_all
        else:
            failures += 1
        _wake.wait(min(EVERY_SECONDS * 2**failures, 60))
        _wake.clear()
    connections.close_all()


@contextmanager
def _impatient() -> Iterator[None]:
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    try:
        yield
    finally:
        seconds = connection.settings_dict["OPTIONS"].get("timeout", 5)
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
