"""What each line of business starts with, one file each; `packs()` is what the folder holds, each of them checked."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from tenure.errors import TenureError
from tenure.language import tr
from tenure.packs.base import LIMITS, Leaving, Pack, Service, Target, checked, leaving_words, misset, problems
from tenure.practice import Practice

__all__ = [
    "LIMITS", "Leaving", "Pack", "Practice", "Service", "Target", "checked", "gathered", "leaving_words", "misset",
    "pack_named", "packs", "problems",
]  # fmt: skip


@cache
def packs() -> Mapping[str, Pack]:
    """Every pack by its name, in the order in which they are offered.

    Raises TenureError, naming the pack and what is wrong with it, for one that refers to what there is not.
    """
    folder = [str(Path(__file__).parent)]
    names = sorted(one.name for one in pkgutil.iter_modules(folder) if one.name != "base")
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names if not name.startswith("_"))
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Pack)]
    return gathered(found)


def gathered(found: Iterable[Pack]) -> dict[str, Pack]:
    """These packs by name, each checked. Raises TenureError for one that can't be used, or two of one name."""
    by_name: dict[str, Pack] = {}
    for pack in found:
        if by_name.setdefault(checked(pack).name, pack) is not pack:
            raise TenureError(tr("Two files hold an industry pack named {name}. Rename one.", name=pack.name))
    return dict(sorted(by_name.items(), key=lambda pair: (_ORDER.get(pair[0], len(_ORDER)), pair[0])))


# The best known lines of business first; one more comes after them by name.
_ORDER = {name: place for place, name in enumerate(("retail", "telecom", "banking", "manufacturing", "saas"))}


def pack_named(name: str) -> Pack:
    """The pack of this name. Raises TenureError, naming those there are, for any other."""
    found = packs()
    if name not in found:
        raise TenureError(
            tr('There is no industry pack "{name}". There are: {known}.', name=name, known=", ".join(found))
        )
    return found[name]
