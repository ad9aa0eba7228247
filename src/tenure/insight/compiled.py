"""Python loops over numbers as machine code (Numba)."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, which is kept beside the source, or where the user's caches are, for the next process.

    Where neither can be written it is compiled anew in each process. Other threads go on while it runs.
    """
    made: list[Callable[..., Any]] = []

    @wraps(function)
    def run(*columns: Any) -> Any:
        if not made:
            from numba import njit  # half a second, for whoever needs it alone

            try:
                made.append(njit(cache=True, nogil=True)(function))
            except RuntimeError:
                made.append(njit(nogil=True)(function))
        return made[0](*columns)

    return run
