"""One more of anything is one file: finds what a folder holds."""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def scan(package: ModuleType, kind: type[T]) -> dict[str, T]:
    """Every module-level value of type `kind` in the package's own files, by its `name`, in order of file name.

    Files whose name starts with an underscore, and `base`, hold what the others share and are passed over.
    Raises ValueError when two files claim one name.
    """
    found: dict[str, T] = {}
    for module_info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if module_info.name.startswith("_") or module_info.name == "base":
            continue
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, kind) and getattr(value, "module", module.__name__) == module.__name__:
                name: str = value.name  # type: ignore[attr-defined]
                if name in found and found[name] is not value:
                    raise ValueError(f"{module.__name__} claims the name {name!r}, which another file already has")
                found[name] = value
    return found
