"""What is known about each customer at a date: one file a family, found by scanning; nothing later is ever in it.

`FEATURES` is every feature by name; `as_of` computes them.
"""

import sys
from datetime import datetime
from functools import reduce
from typing import Any

import ibis

from tenure.insight.features.base import Family, Feature, Tables, is_filled, prepared, written
from tenure.registry import scan

FAMILIES: dict[str, Family] = scan(sys.modules[__name__], Family)
FEATURES: dict[str, Feature] = {feature.name: feature for family in FAMILIES.values() for feature in family.features}

if len(FEATURES) != sum(len(family.features) for family in FAMILIES.values()):
    raise ValueError("two feature families claim one feature name")

__all__ = ["FAMILIES", "FEATURES", "Family", "Feature", "as_of", "known_people", "written"]


def known_people(tables: Tables, as_of: datetime) -> ibis.Table:
    """Everyone with a row true before `as_of`: one column, person_id, each once.

    Raises ValueError where no table names people, or `as_of` carries no zone.
    """
    return _people(prepared(tables, as_of))


def as_of(tables: Tables, as_of: datetime) -> ibis.Table:
    """What was known about each person just before `as_of`: one row a person, person_id and the features.

    tables: records by contract name (`records_schema`, or the lake's history at that date; both give the same).
    Numbers are float64, categories text. A count is 0 for a person without rows; anything else is null.
    A family whose records have no row at all is absent, so its columns are too. Adding rows true only at or after
    `as_of` changes nothing.

    Raises ValueError where no table names people, or `as_of` carries no zone.
    """
    seen = prepared(tables, as_of)
    result = _people(seen)
    for family in FAMILIES.values():
        if not all(name in seen and is_filled(seen[name]) for name in family.reads):
            continue
        found = family.compute(seen, as_of)
        joined = result.left_join(found, "person_id").drop("person_id_right")
        result = joined.mutate(**{feature.name: _tidy(joined[feature.name], feature) for feature in family.features})
    return result


def _people(seen: Tables) -> ibis.Table:
    if not seen:
        raise ValueError("no table names people: give at least one records table with a person_id")
    each = [table.select(table.person_id.cast("int64").name("person_id")) for table in seen.values()]
    return reduce(lambda left, right: ibis.union(left, right), each).distinct()


def _tidy(column: Any, feature: Feature) -> Any:
    if feature.unit == "text":
        return column.cast("string")
    number = column.cast("float64")
    return number.fill_null(0.0) if feature.zero else number
