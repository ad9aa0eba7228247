"""Memory a refresh works in: held on to from one array to the next, and given back at its end."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# glibc's mallopt: what each is called there. As it is, arrays of 32 MB and more are fetched from the system and given back each.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_MB = 1 << 20
_HELD = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2_047 * _MB, _TOP_PAD: 64 * _MB}
_USUAL = {_MMAP_MAX: 65_536, _TRIM_THRESHOLD: 64 * _MB, _TOP_PAD: 0, _MMAP_THRESHOLD: 32 * _MB}


@contextmanager
def held() -> Iterator[None]:
    """Within the block memory that was freed is used again, where the C library can be told so (glibc).

    A refresh makes thousands of arrays of tens of megabytes; to have the system clear new pages for each took a seventh
    of the processors' time. What is free at the end goes back to the system.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, trim = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        yield
        return
    _set(mallopt, _HELD)
    try:
        yield
    finally:
        _set(mallopt, _USUAL)
        trim(0)


def _set(mallopt: "ctypes._NamedFuncPointer", how: dict[int, int]) -> None:
    for name, value in how.items():
        mallopt(name, value)
