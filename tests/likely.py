"""The small company with pairs that may be one person: what the queue of duplicates asks people about."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenure.lake import Lake
from tenure.lake.tables import COMPUTED
from tests.cast import CHEN, CUSTOMERS, LI, MONDAY, QUIET, SMITH, WANG, ZHANG

WHY = {
    (WANG, LI): [("phone", "same", 9.0), ("name", "different", -4.0)],
    (LI, ZHANG): [("name", "family", 3.0), ("place", "city", 1.0)],
    (WANG, SMITH): [("email", "same", 8.0), ("place", "different", -2.0)],
    (CHEN, QUIET): [("name", "same", 6.0), ("birth_date", "different", -1.5)],
}


def fill_with_pairs(home: Path, into: Path) -> Path:
    """A copy of the company's home that also has customers' rows and the pairs of WHY."""
    shutil.copytree(home, into)
    lake = Lake(into / "lake")
    schema = pa.schema([("customer_id", pa.string()), ("name", pa.string()), ("phone", pa.string()),
                        ("email", pa.string()), ("id_number", pa.string()), ("region", pa.string()),
                        ("city", pa.string()), ("owner", pa.string()), ("team", pa.string()), ("row", pa.int64())])  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"customer_id": f"C-{p}", "name": name, "owner": owner, "team": team, "phone": "13800001234" if p in {WANG, LI} else f"1380000999{p}",
         "email": f"c{p}@example.com", "id_number": f"33010619880501{p}{p}{p}{p}", "region": region,
         "city": "杭州" if region == "浙江" else "深圳", "row": p}
        for p, (name, owner, team, region, _risk, _value) in CUSTOMERS.items()
    ]  # fmt: skip
    columns = [name for name in schema.names if name != "row"]
    with lake.receiving("customers", source="shop", columns=columns, now=MONDAY) as batch:
        batch.append(pa.Table.from_pylist(rows, schema=schema))
    lake.publish("records/customers", lake.to_arrow(lake.current("customers")))
    lake.publish("identity/pairs", pairs())
    return into


def pairs() -> pa.Table:
    rows = []
    for (left, right), why in WHY.items():
        weight = sum(item[2] for item in why)
        told = [dict(zip(("field", "level", "weight"), item, strict=True)) for item in why]
        rows.append({"left_own": left, "right_own": right, "weight": weight, "probability": 1 / (1 + 2**-weight),
                     "band": "ask", "why": json.dumps(told), "decided": ""})  # fmt: skip
    return pa.Table.from_pylist(rows, schema=COMPUTED["identity/pairs"])
