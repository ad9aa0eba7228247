"""A million audit entries: how long linking and verifying them takes, and what recording costs a verb and a page.

On SQLite in a home folder of its own; on PostgreSQL too where BENCH_POSTGRESQL names an empty database to use.
`verify` is measured as the whole command, by the clock, with the process's peak memory.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ENTRIES = 1_000_000
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
DEEDS = (
    ("assign_customer", "customer", {"before": {"owner": 12, "team": 3}, "after": {"owner": 15, "team": 3}}),
    ("read", "customer", {"fields": ["email", "phone", "text"], "through": "page"}),
    ("export", "customers", {"query": "risk=high&region=%E6%B5%99%E6%B1%9F"}),
    ("save_view", "saved_view", {"name": "高风险客户", "query": "risk=high", "shared": False}),
)


def main(entries: int = ENTRIES) -> None:
    """Print the tables."""
    for name, url in (("SQLite", ""), ("PostgreSQL", os.environ.get("BENCH_POSTGRESQL", ""))):
        if name == "SQLite" or url:
            with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
                environment = os.environ | {"TENURE_HOME": folder, "DATABASE_URL": url}
                subprocess.run([sys.executable, "-m", "bench.audit", name, str(entries)], env=environment, check=True)


def measured(name: str, entries: int) -> None:
    """One database, in a process of its own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tenure.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from tenure.desk.governance import audit, chain, heads, sealing
    from tenure.desk.governance.models import User

    call_command("migrate", interactive=False, verbosity=0)
    print(f"{name}, {entries:,} entries\n")
    user = User.objects.create(username="dee", role="admin")
    begun = time.perf_counter()
    fill(entries, user.pk)
    print(f"{'written straight into the table':<52}{time.perf_counter() - begun:>9.1f} s")

    begun = time.perf_counter()
    chain.seal()
    heads.sign(now=timezone.now(), at_once=True)
    seconds = time.perf_counter() - begun
    print(f"{'linked and signed':<52}{seconds:>9.1f} s{entries / seconds:>12,.0f} a second")
    connection.close()

    for _ in range(2):
        seconds, peak, found = verified()
        assert found["ok"], found
        assert int(str(found["sealed"])) >= entries  # the first verification is an entry too
        print(f"{'tenure audit verify':<52}{seconds:>9.1f} s{peak:>9.0f} MB peak")

    def record(n: int) -> None:
        with transaction.atomic():
            audit.record("note", "thing", n, actor=user, now=timezone.now(), n=n)

    shown("a verb's entry, sealed right after the commit", record)
    sealing.start()
    shown("the same beside a server's sealer", record)
    sealing.stop()
    fields = ["email", "phone", "text"]
    shown("a look at a customer, the first", lambda n: see(audit, user, n, fields))
    shown("the same again within the quarter hour", lambda n: see(audit, user, 7, fields))
    shown("the chain's state on the audit page", lambda n: chain.state())
    sealing.seal_now()
    shown("a sealer's look with nothing to do", lambda n: sealing.seal_now())
    shown("the same, thorough", lambda n: sealing.seal_now(thorough=True), times=5)
    print()


def see(audit: object, user: object, person: int, fields: list[str]) -> None:
    from django.utils import timezone

    audit.read("customer", person, actor=user, now=timezone.now(), fields=fields)  # type: ignore[attr-defined]


def shown(what: str, do: object, times: int = 300) -> None:
    """The median and the slowest of some calls, in milliseconds."""
    taken = []
    for n in range(times):
        begun = time.perf_counter()
        do(n)  # type: ignore[operator]
        taken.append((time.perf_counter() - begun) * 1000)
    print(f"{what:<52}{statistics.median(taken):>9.2f} ms{max(taken):>9.1f} ms slowest")


def fill(entries: int, user_id: int) -> None:
    """Entries as verbs leave them, written in bulk, which is what makes this quick."""
    from django.db import connection, transaction

    into = "governance_auditentry (at, actor_id, verb, object_type, object_id, detail, sealed)"
    deeds = [(verb, kind, json.dumps(detail)) for verb, kind, detail in DEEDS]

    def rows(start: int, stop: int) -> list[tuple[object, ...]]:
        return [
            (
                BEGUN + timedelta(seconds=n, microseconds=n % 1000),
                user_id,
                *deeds[n % 4][:2],
                str(n),
                deeds[n % 4][2],
                "",
            )
            for n in range(start, stop)
        ]

    for start in range(0, entries, 50_000):
        some = rows(start, min(start + 50_000, entries))
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                    for row in some:
                        copy.write_row(row)
            else:
                texts = [(row[0].strftime("%Y-%m-%d %H:%M:%S.%f"), *row[1:]) for row in some]  # type: ignore[attr-defined]
                cursor.executemany(f"INSERT INTO {into} VALUES (%s, %s, %s, %s, %s, %s, %s)", texts)


def verified() -> tuple[float, float, dict[str, object]]:
    """The command's seconds, peak MB, and what it said."""
    with tempfile.TemporaryFile("w+") as out:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tenure.cli", "audit", "verify", "--json"], stdout=out, cwd=Path(__file__).parents[1]
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        found: dict[str, object] = json.loads(out.read())
    return seconds, used.ru_maxrss / 1024, found


if __name__ == "__main__":
    measured(sys.argv[1], int(sys.argv[2]))
