"""Making the desk's tables, which takes most of the time of `tenure init` and of a restore."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let nothing be looked through for garbage meanwhile: a third of the time of making a desk.

    Django draws the models anew at every step of a migration, and nearly all of it is still in use.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
