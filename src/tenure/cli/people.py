"""Commands for those who sign in."""

from typing import Annotated

import typer

from tenure.cli import manners, opened, show
from tenure.language import tr

app = typer.Typer(cls=manners.Group, help=tr("Those who sign in."), no_args_is_help=True)


@app.command("add", cls=manners.Command, help=tr("Add someone who may sign in."))
def add(
    name: Annotated[str, typer.Argument(help=tr("User name."))],
    role: Annotated[str, typer.Option(help=tr("admin, manager, agent or analyst"))] = "agent",
    team: Annotated[str | None, typer.Option(help=tr("Team the user belongs to; made if it is new."))] = None,
    email: Annotated[
        str, typer.Option(help=tr("E-mail address: for a new password by mail, and for sign-in by other providers."))
    ] = "",
    password: Annotated[
        str,
        typer.Option(
            prompt=True,
            confirmation_prompt=True,
            hide_input=True,
            envvar="TENURE_PASSWORD",
            help=tr("Asked for unless given in the environment."),
        ),
    ] = "",
) -> None:
    opened.desk()
    from tenure.desk.governance import services

    belongs_to = services.team_named(team, actor=None, now=opened.now()) if team else None
    services.create_user(name, password=password, role=role, team=belongs_to, email=email, actor=None,
                         now=opened.now())  # fmt: skip
    show.out.print(tr("{name} may sign in as {role}.", name=name, role=role), markup=False)
