"""What churn means for a business: who could leave at a date, and who then did. One more way to tell is one file here."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.insight.churn.definitions.base import (
    LONGEST_HORIZON_DAYS,
    SHORTEST_DAYS,
    Definition,
    Kind,
    Setting,
    Tables,
    Wish,
    has,
    sales,
)
from tenure.insight.churn.definitions.contract_end import ContractEnd
from tenure.insight.churn.definitions.downgrade import Downgrade
from tenure.insight.churn.definitions.leaking import Leaking
from tenure.insight.churn.definitions.outcome import Outcome
from tenure.insight.churn.definitions.own_rhythm import OwnRhythm
from tenure.insight.churn.definitions.silence import Silence, rhythm_days, rhythm_of_gaps
from tenure.insight.churn.definitions.usage_decline import UsageDecline
from tenure.language import Words, tr

__all__ = [
    "DEFINITIONS",
    "LONGEST_HORIZON_DAYS",
    "SHORTEST_DAYS",
    "USUAL",
    "ContractEnd",
    "Definition",
    "Downgrade",
    "Kind",
    "Leaking",
    "Outcome",
    "OwnRhythm",
    "Setting",
    "Silence",
    "Tables",
    "UsageDecline",
    "Wish",
    "beside",
    "checked",
    "choose",
    "free_code",
    "rhythm_days",
    "rhythm_of_gaps",
    "said",
    "sales",
    "wished",
]


def _found() -> dict[str, type[Kind]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    # What has no time in it comes last: nothing can be previewed of it.
    kinds = sorted(Kind.__subclasses__(), key=lambda kind: (not kind.timed, kind.name))
    return {kind.name: kind for kind in kinds}


DEFINITIONS: Mapping[str, type[Kind]] = _found()
"""Every way to tell who left, by name."""
USUAL = sorted((name for name, kind in DEFINITIONS.items() if kind.usual), key=lambda name: DEFINITIONS[name].usual)
"""Those taken where nobody wished for any, in this order."""


def choose(tables: Tables, wished: Sequence[Wish] = ()) -> Definition:
    """The definition the records allow: contract end where there are subscriptions, else silence, else the snapshot's.

    wished: what a company wants instead, in this order, each the name of one of DEFINITIONS and its settings (definition,
    horizon_days, active_days, …); the first whose records are there holds, and where none is, the usual order does.
    Settings that are not said are those of the definition itself.

    The horizon of silence is learned from the base's own rhythm: the time within which four of five customers who
    came back had come back, 30 to 180 days; who bought within twice that counts as active.

    Raises TenureError, saying what is needed, where none of these records has a row.
    """
    for wish in (*wished, *({"definition": name} for name in USUAL)):
        kind = DEFINITIONS.get(wish.get("definition", ""))
        if kind and kind.told_by(tables, wish):
            return kind.of(tables, wish)
    raise TenureError(
        tr(
            "There is nothing to tell who left by: found rows in {found}. "
            "Import subscriptions, orders, or a snapshot with an outcome.",
            found=", ".join(name for name in tables if has(tables, name)) or tr("no table"),
        )
    )


def beside(tables: Tables, wished: Sequence[Wish] = ()) -> list[Definition]:
    """Every definition wished for whose records are there, in this order; each has a code of its own."""
    found: list[Definition] = []
    for wish in wished:
        kind = DEFINITIONS.get(wish.get("definition", ""))
        if kind and kind.told_by(tables, wish):
            code = free_code(str(wish.get("code") or kind.name), {one.code for one in found})
            found.append(kind.of(tables, {**wish, "code": code}))
    return found


def wished(tables: Tables, wish: Wish) -> Definition:
    """This definition and no other. Raises TenureError where the records it is told by are not there."""
    kind = DEFINITIONS[checked(wish)["definition"]]
    if not kind.told_by(tables, wish):
        names = [wish["counted"]] if wish.get("counted") else kind.contracts
        raise TenureError(
            tr('There are no records to tell "{title}" by. Import {contracts} first.',
               title=kind.title, contracts=tr(" or ").join(str(CONTRACTS[name].words) for name in names))
        )  # fmt: skip
    return kind.of(tables, wish)


def free_code(wanted: str, taken: set[str]) -> str:
    """The code, or the first of `wanted_2`, `wanted_3`, … that nobody has."""
    code, n = wanted, 1
    while code in taken:
        n += 1
        code = f"{wanted}_{n}"
    return code


def checked(wish: Wish) -> dict[str, Any]:
    """A wish as it is kept: the definition and what is said of it, each setting in its type and its bounds.

    Raises TenureError for a definition there is not, a setting it does not have, a value that can't be, and settings that
    don't go together.
    """
    name = str(wish.get("definition", ""))
    kind = DEFINITIONS.get(name)
    if kind is None:
        raise TenureError(
            tr('There is no definition of churn "{name}". There are: {known}.', name=name, known=", ".join(DEFINITIONS))
        )
    settings = {one.name: one for one in kind.settings}
    found: dict[str, Any] = {"definition": name}
    if wish.get("code"):
        found["code"] = str(wish["code"])
    for key, value in wish.items():
        if key in ("definition", "code") or value is None:
            continue
        if key not in settings:
            raise TenureError(
                tr('The definition "{title}" has no setting "{name}". It has: {known}.',
                   title=kind.title, name=key, known=", ".join(settings) or tr("none"))
            )  # fmt: skip
        kept = settings[key].checked(value)
        if kept != "":
            found[key] = kept
    if problem := kind.plain(found).refused():
        raise TenureError(problem)
    return found


def said(wish: Wish) -> Words:
    """A wish as people read it; one of a definition there is not is said by its name."""
    name = str(wish.get("definition", ""))
    return DEFINITIONS[name].said(wish) if name in DEFINITIONS else Words(name, name)
