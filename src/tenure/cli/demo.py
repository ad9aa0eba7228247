"""The demo company: simulated, imported through the same door as anyone's records, refreshed, served."""

import os
import secrets
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from tenure.cli import opened, show
from tenure.cli.insight import refresh_with_bars
from tenure.cli.system import serve_pages
from tenure.cli.work import worker_beside
from tenure.errors import TenureError
from tenure.lake import Lake
from tenure.language import tr
from tenure.workspace import Workspace, create, home_folder

SIGN_IN_FILE = "sign-in.txt"
# Who may sign in to the demo, besides the agents who own its customers: user name, role, team.
STAFF = (("admin", "admin", None), ("mia", "manager", "North"), ("ann", "analyst", None))


def demo(
    customers: Annotated[int, typer.Option(min=1_000, help=tr("How many customers the company has."))] = 20_000,
    months: Annotated[int, typer.Option(min=6, max=60, help=tr("How many months of history."))] = 24,
    seed: Annotated[int, typer.Option(help=tr("The same seed makes the same company."))] = 7,
    serve: Annotated[bool, typer.Option("--serve", help=tr("Serve the pages when it is ready."))] = False,
    host: Annotated[str, typer.Option(help=tr("Address to listen on."))] = "127.0.0.1",
    port: Annotated[int, typer.Option(help=tr("Port to listen on."))] = 8000,
) -> None:
    home = home_folder() if "TENURE_HOME" in os.environ else Path("demo-home").absolute()
    os.environ["TENURE_HOME"] = str(home)
    here = create(home, company="云桥通信 Cloudbridge", demo=True)
    if not here.demo:
        raise TenureError(
            tr(
                "{home} holds a company of its own, and demo records never mix with real ones. Give the demo another folder: tenure --home DIR demo",
                home=home,
            )
        )
    opened.desk(here)
    lake = opened.lake(here)
    wanted = f"demo:{customers}:{months}:{seed}"
    committed = [b for b in lake.batches() if b.state == "committed"]
    if any(b.fingerprint != wanted for b in committed):
        raise TenureError(
            tr(
                "{home} holds a demo company of another size or seed. Delete that folder, or give another: tenure --home DIR demo",
                home=home,
            )
        )
    _receive(lake, here, customers, months, seed, wanted, {b.contract for b in committed})
    # Accounts come first: the refresh gives each customer to the owner its record names.
    password = _accounts(here)
    refresh_with_bars()
    _competitors()
    show.out.print(
        tr("Sign in as {users}; the password of each is {password} (kept in {file}).",
           users=", ".join(f"{name} ({role})" for name, role, _ in (*STAFF, *_agents()[:2])), password=password, file=home / SIGN_IN_FILE),
        markup=False,
    )  # fmt: skip
    if serve:
        with worker_beside():
            serve_pages(host, port)
    else:
        show.hint(tr("Next: tenure --home {home} serve", home=home))


demo.__doc__ = tr("Make a simulated company whose truth is known, and refresh it.")


def _receive(lake: Lake, here: Workspace, customers: int, months: int, seed: int, wanted: str, there: set[str]) -> None:
    """Import each of the company's tables that is not there yet; killed in between, the next call goes on."""
    from tenure.contracts import CONTRACTS
    from tenure.demo import simulate

    if there >= set(lake.document("demo_tables") or ["never"]):
        return
    with show.progress() as bar:
        task = bar.add_task(
            tr("Simulating {n:,} customers over {months} months", n=customers, months=months), total=None
        )
        company = simulate(customers=customers, months=months, seed=seed)
        bar.update(task, description=tr("Importing"), total=len(company.tables), completed=0)
        for name, table in company.tables.items():
            if name not in there:
                rows = table.append_column("row", pa.array(range(1, table.num_rows + 1), pa.int64()))
                columns = [column for column in table.column_names if column in CONTRACTS[name]]
                with lake.receiving(
                    name,
                    source="demo",
                    columns=columns,
                    file=f"{name} ({tr('simulated')})",
                    fingerprint=wanted,
                    now=opened.now(),
                ) as batch:
                    batch.append(rows)
                    # What an import says of its file, so that a refresh asks no more of the demo's records than of others.
                    once = table.select(CONTRACTS[name].key).group_by(list(CONTRACTS[name].key)).aggregate([]).num_rows
                    batch.report.update(
                        read=table.num_rows, accepted=table.num_rows, rejected=0, created=once, updated=0, beside=[],
                        each_key_once=once == table.num_rows,
                    )  # fmt: skip
            bar.advance(task)
    lake.publish_document("demo_tables", sorted(company.tables))


def _agents() -> list[tuple[str, str, str]]:
    """Everyone the simulated records name as an owner."""
    from tenure.demo.names import TEAMS

    return [(owner, "agent", team.name) for team in TEAMS for owner in team.owners]


def _accounts(here: Workspace) -> str:
    """Those who may sign in, made once; their password is kept in a file only its owner can read."""
    from tenure.desk.governance import services
    from tenure.desk.governance.models import User

    file = here.home / SIGN_IN_FILE
    people = [*STAFF, *_agents()]
    password = file.read_text(encoding="utf-8").split()[-1] if file.exists() else secrets.token_urlsafe(9)
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(" ".join(name for name, _, _ in people) + "\n" + password + "\n")
    there = set(User.objects.values_list("username", flat=True))
    for name, role, team in people:
        if name not in there:
            belongs_to = services.team_named(team, actor=None, now=opened.now()) if team else None
            services.create_user(name, password=password, role=role, team=belongs_to, actor=None, now=opened.now())
    return password


def _competitors() -> None:
    """Those the simulated leavers name, in the register once, with the price war of the first."""
    from django.db import transaction

    from tenure.demo.company import UNTIL
    from tenure.demo.rivals import RIVALS, WAR, war_begins
    from tenure.desk.competitors import services
    from tenure.desk.competitors.models import Competitor

    now = opened.now()
    with transaction.atomic():
        if Competitor.objects.exists():
            return
        kept = [
            services.save(
                services.Told(
                    rival.name.zh, (rival.name.en,), offers=str(rival.offers), prices=str(rival.prices),
                    strengths=str(rival.strengths),
                ),
                actor=None, now=now,
            )
            for rival in RIVALS
        ]  # fmt: skip
        services.note_move(kept[0].pk, war_begins(UNTIL), "price", str(WAR), actor=None, now=now)
