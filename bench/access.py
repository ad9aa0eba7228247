"""What access costs: list pages of 200,000 customers for somebody who sees every row, and for those who see a part.

The same page is asked in turn by each, so that whatever else the machine does falls on all alike; each round asks for
another page, filter or name. "More" is the median of the paired differences over the median of who sees every row.
Both read the first page of as many rows; what differs is the filter of whose customers they are.
"""

import os
import statistics
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.scale import answer, timed

CUSTOMERS, TEAMS, OWNERS, ROUNDS = 200_000, 5, 400, 40
REGIONS = ("浙江", "广东", "上海", "北京", "江苏", "四川", "湖北", "山东")
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def main(customers: int = CUSTOMERS) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        os.environ["TENURE_HOME"] = str(Path(folder) / "home")
        from tenure.cli import opened

        opened.desk()
        from django.conf import settings
        from django.test import Client

        from tenure.desk.customers.api import publish
        from tenure.desk.governance import services
        from tenure.desk.governance.models import Team, User

        settings.ALLOWED_HOSTS = ["testserver"]
        for number in range(1, OWNERS + 1):
            services.create_user(f"owner{number}", password="a-long-bench-password", role="agent", actor=None, now=NOW)
        publish(cards(customers), as_of=NOW, now=NOW)
        clients: dict[str, Client] = {}
        who = {"every row": ("admin", "", ()), "a team": ("manager", "Team 1", ()), "two regions": ("manager", "", REGIONS[:2]),
               "own customers": ("agent", "Team 1", ())}  # fmt: skip
        for name, (role, team, regions) in who.items():
            user = User.objects.filter(username="owner1").first() if role == "agent" else None
            user = user or services.create_user(
                name.replace(" ", ""), password="a-long-bench-password", role=role, regions=regions, actor=None, now=NOW,
                team=Team.objects.get(name=team) if team else None,
            )  # fmt: skip
            clients[name] = Client()
            clients[name].force_login(user)
        report(clients, customers)


def report(clients: dict[str, Any], customers: int) -> None:
    pages = {
        "Customers": lambda n: f"/customers/?page={n % 20 + 1}",
        "sorted by value": lambda n: f"/customers/?sort=value&page={n % 20 + 1}",
        "filtered": lambda n: f"/customers/?stage={('grow', 'mature', 'decline', 'left')[n % 4]}&page={n % 5 + 1}",
        "searched": lambda n: f"/customers/?q={n + 100:04}",
    }
    print(f"{customers:,} customers, {ROUNDS} rounds, milliseconds\n")
    print(f"{'page':<18}{'who sees':<16}{'p50':>8}{'p95':>8}{'more':>8}")
    for page, path in pages.items():
        took: dict[str, list[float]] = {name: [] for name in clients}
        for number in range(-2, ROUNDS):
            for name, client in clients.items():
                asked = path(max(number, 0))
                spent = timed(lambda client=client, asked=asked: answer(client, asked))  # type: ignore[misc]
                if number >= 0:
                    took[name].append(spent)
        base = took["every row"]
        for name, each in took.items():
            more = statistics.median([a - b for a, b in zip(each, base, strict=True)]) / statistics.median(base)
            p95 = sorted(each)[int(len(each) * 0.95)]
            print(f"{page:<18}{name:<16}{statistics.median(each):>8.1f}{p95:>8.1f}{more:>+8.0%}", flush=True)


def cards(customers: int) -> pa.Table:
    """Cards in which team, region, stage and figures are drawn apart from each other, by a fixed seed."""
    from tenure.lake.tables import COMPUTED

    rng = np.random.default_rng(7)
    number = np.arange(1, customers + 1)
    risk, value = rng.random(customers), rng.integers(0, 2_000_000, customers)
    columns: dict[str, Any] = {
        "person_id": number,
        "customer_id": [f"C-{n:07}" for n in number],
        "name": [f"客户{n:07}" for n in number],
        "phone": [f"+86138{n:08}" for n in number],
        "region": np.asarray(REGIONS)[rng.integers(0, len(REGIONS), customers)],
        "team": [f"Team {n}" for n in rng.integers(1, TEAMS + 1, customers)],
        "owner": [f"owner{n}" for n in rng.integers(1, OWNERS + 1, customers)],
        "stage": np.asarray(["grow", "mature", "decline", "left"])[rng.integers(0, 4, customers)],
        "churn_probability": risk,
        "risk_band": np.select([risk > 0.9, risk > 0.6], ["high", "medium"], "low"),
        "value_base_minor": value,
        "value_decile": value // 200_001 + 1,
        "monetary_base_minor": value // 2,
        "recency_days": rng.integers(0, 400, customers),
        "frequency": rng.integers(1, 40, customers),
        "last_order_on": [date(2026, 1, 1)] * customers,
    }
    schema = COMPUTED["scores/customers"]
    return pa.table(
        [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(customers, f.type) for f in schema],
        schema=schema,
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
