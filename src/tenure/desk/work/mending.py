"""Misspelt values and what was meant, as people agreed to: one place for each source's records.

A spelling agreed to at an import by page holds for the feeds of the same source as well, and the other way round.
"""

from collections.abc import Mapping

from tenure.desk.work.models.mending import Corrections
from tenure.sources.spelling import checked

Pairs = Mapping[str, Mapping[str, str]]
"""Column → {misspelt: meant}."""


def agreed(source: str, contract: str) -> dict[str, dict[str, str]]:
    """What is mended in the records of this kind that the source sends."""
    return Corrections.of(source, contract)


def agree(source: str, contract: str, more: Pairs, *, without: Pairs | None = None) -> dict[str, dict[str, str]]:
    """Mend these from now on too, and those in `without` no more; returns all that are mended then.

    Part of a verb: call it in its transaction. Raises TenureError where what one value is mended to is mended itself.
    """
    row = Corrections.objects.select_for_update(of=("self",)).filter(source=source, contract=contract).first()
    kept = {column: dict(pairs) for column, pairs in (row.pairs if row else {}).items()}
    for column, pairs in (without or {}).items():
        for wrong in pairs:
            kept.get(column, {}).pop(wrong, None)
    merged = checked({column: {**kept.get(column, {}), **more.get(column, {})} for column in {**kept, **more}})
    if row is None and not merged:
        return merged
    Corrections.objects.update_or_create(source=source, contract=contract, defaults={"pairs": merged})
    return merged
