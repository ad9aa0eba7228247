"""Values of what is about to come in that are likely misspelt, looked for before it does."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from tenure.contracts.custom import plain
from tenure.lake import Lake
from tenure.sources.base import Reader
from tenure.sources.mapping import FieldMap, map_columns
from tenure.sources.spelling import Known, Suspect, find, refers_to
from tenure.sources.trade import shape_of


@dataclass
class Looked:
    """What was found, in how many rows; whole: these are all there are."""

    found: list[Suspect]
    rows: int
    whole: bool


def look_into(
    reader: Reader,
    contract: str,
    mapping: Mapping[str, str] | None,
    lake: Lake,
    *,
    source: str,
    most: int | None = None,
    stop: Callable[[], bool] | None = None,
) -> Looked:
    """The values of these rows that are likely misspelt; columns that hold people, keys and what is left out aside.

    A column that names products is held against the products there are. most: look into no more rows than about these.
    Raises TenureError for columns that can't be mapped.
    """
    shape = shape_of(lake, contract)
    absent = ["amount_minor"] if "unit_price" in shape else []
    fields = map_columns(reader.headers, shape, mapping, source=source, absent=absent)
    known: Mapping[str, list[Known]] = {}
    if contract != "products" and (naming := [one for one in reader.headers if refers_to(one)]):
        products = [Known("products", frozenset(_product_names(lake)))]
        known = dict.fromkeys(naming, products)
    passed = {fields.fields[name] for name in shape.key if name in fields.fields} | _personal(fields, lake, contract)
    there = {*fields.fields.values(), *fields.unmapped}
    looked = Looked([], 0, True)

    def batches() -> Iterator[pa.RecordBatch]:
        for chunk in reader.chunks([one for one in reader.headers if one in there - passed]):
            if (most is not None and looked.rows >= most) or (stop is not None and stop()):
                looked.whole = False
                return
            looked.rows += chunk.batch.num_rows
            yield chunk.batch

    looked.found = find(batches(), fields.fields, known)
    return looked


def _personal(fields: FieldMap, lake: Lake, contract: str) -> set[str]:
    """Columns that are a personal field of the company's own, by what a person said or by their name."""
    own = [column for column in lake.custom(contract) if column.personal]
    names, keys = {column.name for column in own}, {key for column in own for key in column.keys}
    return {one for one in fields.unmapped if (fields.custom.get(one) or one) in names or plain(one) in keys}


def _product_names(lake: Lake) -> set[str]:
    if not any(info.state == "committed" for info in lake.batches("products")):
        return set()
    rows = lake.to_arrow(lake.current("products").select("product_id", "name"))
    return {value for column in rows.columns for value in column.to_pylist() if value}
