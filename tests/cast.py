"""The cast of people, and one small company they look after.

Dee keeps the accounts. Mia leads the team East, Noa the region 广东. Ann (East) and Bo (South) have customers of their
own. Ivy analyses. Zed has no role, Old has left. Nobody's password matters but it is the same for all.

The company sells in 浙江 (East) and 广东 (South): six customers, named so that each test can say whom it means.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenure.lake import Lake
from tenure.lake.tables import COMPUTED

PASSWORD = "correct-horse-battery"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
TUESDAY = MONDAY + timedelta(days=1)

# person id: name, owner, team, region, churn probability, value in cents
WANG, LI, ZHANG, SMITH, CHEN, QUIET = 1, 2, 3, 4, 5, 6
CUSTOMERS: dict[int, tuple[str, str, str, str, float | None, int]] = {
    WANG: ("王小明", "ann", "East", "浙江", 0.62, 500_000),
    LI: ("李娜", "ann", "East", "浙江", 0.08, 90_000),
    ZHANG: ("张伟", "", "East", "浙江", 0.31, 240_000),
    SMITH: ("John Smith", "bo", "South", "广东", 0.55, 300_000),
    CHEN: ("陈静", "bo", "South", "广东", 0.05, 700_000),
    QUIET: ("赵敏", "", "South", "广东", None, 0),
}
EAST, SOUTH = {WANG, LI, ZHANG}, {SMITH, CHEN, QUIET}
SECRET = "Only for the eyes of those who serve"  # in a complaint of WANG's

# Who signs in: role, team, regions, and whom they may see.
PEOPLE: dict[str, tuple[str, str, list[str], set[int]]] = {
    "dee": ("admin", "", [], EAST | SOUTH),
    "mia": ("manager", "East", [], EAST),
    "noa": ("manager", "East", ["广东"], SOUTH),
    "ann": ("agent", "East", [], {WANG, LI}),
    "bo": ("agent", "South", [], {SMITH, CHEN}),
    "ivy": ("analyst", "", [], EAST | SOUTH),
}


def cards(**changed: dict[int, Any]) -> pa.Table:
    """The published cards of the company; `cards(churn_probability={LI: .9})` changes a column for some."""
    rows = []
    for person, (name, owner, team, region, risk, value) in CUSTOMERS.items():
        row: dict[str, Any] = dict.fromkeys(COMPUTED["scores/customers"].names)
        row |= {
            "person_id": person, "customer_id": f"C-{person}", "source": "shop", "also_known_as": [f"crm-{person}"],
            "name": name, "kind": "individual", "phone": f"+86138000012{person}{person}", "email": f"c{person}@example.com",
            "region": region, "city": "杭州" if region == "浙江" else "深圳", "language": "zh", "owner": owner, "team": team,
            "blocked": False, "created_on": date(2024, 1, person), "first_order_on": date(2024, 2, 1),
            "last_order_on": date(2026, 2, person), "recency_days": 29 - person, "frequency": person,
            "monetary_base_minor": 10_000 * person, "r": 5 - person % 5, "f": 1 + person % 5, "m": 3, "rfm_cell": "loyal",
            "abc": "A", "stage": "mature", "stage_why_en": "Buys every 30 days", "stage_why_zh": "约每 30 天购买一次",
            "p_alive": 0.8, "value_base_minor": value, "value_decile": 1 + person, "churn_probability": risk,
            "risk_band": None if risk is None else "high" if risk > 0.5 else "medium" if risk > 0.2 else "low",
            "reasons": json.dumps(
                [{"feature": "complaints", "effect": 0.7, "en": "Complained twice", "zh": "两次投诉"}], ensure_ascii=False
            ),
            "open_cases": 0, "extra": json.dumps({"Contract": "Two year"}),
        }  # fmt: skip
        row |= {column: values[person] for column, values in changed.items() if person in values}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=COMPUTED["scores/customers"])


@dataclass
class Company:
    """The company's lake, filled: orders, a complaint, a call, an answer, events, a late payment, a campaign."""

    lake: Lake


def fill(folder: Path) -> Company:
    """Receive the company's records, settle who is who, and rebuild the tables that pages read."""
    lake = Lake(folder)
    everyone = list(CUSTOMERS)
    links = [
        {"ids_of": "shop", "customer_id": f"C-{p}", "own_id": p, "person_id": p, "why": "minted"} for p in everyone
    ]
    lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))

    def receive(contract: str, rows: list[dict[str, Any]]) -> None:
        columns = {name for row in rows for name in row}
        with lake.receiving(contract, source="shop", columns=columns, now=MONDAY, file=f"{contract}.csv") as batch:
            schema = batch.contract.schema.append(pa.field("extra", pa.string())).append(pa.field("row", pa.int64()))
            filled = [dict.fromkeys(schema.names) | row | {"row": n} for n, row in enumerate(rows, start=1)]
            batch.append(pa.Table.from_pylist(filled, schema=schema))
            batch.report.update(read=len(rows), accepted=len(rows), rejected=0)

    receive("orders", [
        {"order_id": f"A-{p}-{month}", "line_no": line, "customer_id": f"C-{p}",
         "ordered_at": datetime(2025, month, 10, 4, tzinfo=UTC), "product_id": "P-1", "product_name": "Tea",
         "quantity": 1.0, "amount_minor": 1_000 * p, "currency": "CNY", "kind": "sale", "status": "completed",
         "channel": "app"}
        for p in everyone for month in range(3, 13, 1 + p % 2) for line in (1, 2)
    ])  # fmt: skip
    receive("cases", [
        {"case_id": f"Q-{p}", "customer_id": f"C-{p}", "opened_at": MONDAY - timedelta(days=5), "kind": "complaint",
         "severity": "severe", "category": "delivery", "channel": "phone", "text": SECRET}
        for p in (WANG, SMITH)
    ])  # fmt: skip
    receive("interactions", [
        {"interaction_id": "I-1", "customer_id": f"C-{WANG}", "occurred_at": MONDAY - timedelta(days=4),
         "channel": "phone", "direction": "in", "topic": "refund", "text": SECRET, "duration_seconds": 300.0}
    ])  # fmt: skip
    receive("survey_responses", [
        {"response_id": f"R-{p}", "question": "nps", "customer_id": f"C-{p}", "survey": "relation",
         "answered_at": datetime(2026, 2, 3, tzinfo=UTC), "score": 4.0 if p == WANG else 9.0}
        for p in everyone
    ])  # fmt: skip
    receive("events", [
        {"event_id": f"E-{n}", "customer_id": f"C-{WANG}", "occurred_at": datetime(2026, 2, 20, 3, n, tzinfo=UTC),
         "name": "view" if n % 3 else "search", "channel": "web"}
        for n in range(9)
    ])  # fmt: skip
    receive("payments", [
        {"payment_id": "B-1", "customer_id": f"C-{WANG}", "due_at": datetime(2026, 1, 5, tzinfo=UTC),
         "paid_at": datetime(2026, 1, 9, tzinfo=UTC), "amount_minor": 9_900, "currency": "CNY"}
    ])  # fmt: skip
    receive("treatments", [
        {"treatment_id": f"T-{p}", "customer_id": f"C-{p}", "assigned_at": datetime(2025, 6, 1, tzinfo=UTC),
         "campaign": "Spring letter", "arm": "treated" if p % 2 else "control", "propensity": 0.5, "channel": "mail",
         "cost_minor": 100, "currency": "CNY"}
        for p in everyone
    ])  # fmt: skip
    for contract in ("orders", "cases", "interactions", "survey_responses", "events", "payments", "treatments"):
        lake.publish(f"records/{contract}", lake.to_arrow(lake.current(contract)))
    lake.publish("scores/customers", cards())
    moves = {date(2025, 11, 30): "grow", date(2026, 2, 28): "mature"}
    stages = [{"person_id": p, "as_of": day, "stage": stage} for p in everyone for day, stage in moves.items()]
    lake.publish("scores/stages", pa.Table.from_pylist(stages, schema=COMPUTED["scores/stages"]))
    return Company(lake)
