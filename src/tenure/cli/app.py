"""The root of the command line: where the workspace is, what language to speak, and the commands there are."""

import os
from pathlib import Path
from typing import Annotated

import typer

import tenure
from tenure.cli import (
    archived,
    audit,
    backup,
    churn,
    demo,
    feeds,
    insight,
    keys,
    manners,
    metrics,
    models,
    packs,
    people,
    records,
    rights,
    sql,
    system,
    work,
)
from tenure.language import tr

manners.speak()
app = typer.Typer(
    cls=manners.Group,
    help=tr("Tenure (常客): know your customers, foresee who is leaving, act, and prove what was saved."),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)

_DATA = tr("Records in")
_LOOK = tr("What they say")
_RUN = tr("Run it")
_RIGHTS = tr("People's own data")

app.command("look", cls=manners.Command, rich_help_panel=_DATA)(records.look)
app.command("import", cls=manners.Command, rich_help_panel=_DATA)(records.import_)
app.command("template", cls=manners.Command, rich_help_panel=_DATA)(records.template)
app.command("batches", cls=manners.Command, rich_help_panel=_DATA)(records.batches)
app.command("undo", cls=manners.Command, rich_help_panel=_DATA)(records.undo)
app.command("archive", cls=manners.Command, rich_help_panel=_DATA)(archived.archive)
app.command("archived", cls=manners.Command, rich_help_panel=_DATA)(archived.archived)
app.command("bring-back", cls=manners.Command, rich_help_panel=_DATA)(archived.bring_back)
app.command("pull", cls=manners.Command, rich_help_panel=_DATA)(feeds.pull)
app.add_typer(feeds.app, name="feed", rich_help_panel=_DATA)
app.add_typer(feeds.migrate, name="migrate", rich_help_panel=_DATA)
app.command("refresh", cls=manners.Command, rich_help_panel=_LOOK)(insight.refresh)
app.command("show", cls=manners.Command, rich_help_panel=_LOOK)(insight.show_)
app.command("metrics", cls=manners.Command, rich_help_panel=_LOOK)(metrics.metrics)
app.add_typer(churn.app, name="churn", rich_help_panel=_LOOK)
app.command("list", cls=manners.Command, rich_help_panel=_LOOK)(insight.list_)
app.command(
    "sql", cls=manners.Command, rich_help_panel=_LOOK, help=tr("Ask a question of SQL, in a process apart with limits.")
)(sql.sql)
app.command("init", cls=manners.Command, rich_help_panel=_RUN)(system.init)
app.command("new", cls=manners.Command, rich_help_panel=_RUN)(system.init)
app.command("demo", cls=manners.Command, rich_help_panel=_RUN)(demo.demo)
app.command("serve", cls=manners.Command, rich_help_panel=_RUN)(system.serve)
app.command("worker", cls=manners.Command, rich_help_panel=_RUN)(work.worker)
app.command("jobs", cls=manners.Command, rich_help_panel=_RUN)(work.jobs)
app.command("backup", cls=manners.Command, rich_help_panel=_RUN)(backup.backup)
app.command("restore", cls=manners.Command, rich_help_panel=_RUN)(backup.restore)
app.command("doctor", cls=manners.Command, rich_help_panel=_RUN)(system.doctor)
app.add_typer(models.app, name="models", rich_help_panel=_LOOK)
app.add_typer(packs.app, name="pack", rich_help_panel=_RUN)
app.add_typer(people.app, name="user", rich_help_panel=_RUN)
app.add_typer(audit.app, name="audit", rich_help_panel=_RUN)
app.add_typer(keys.app, name="keys", rich_help_panel=_RUN)
app.add_typer(rights.app, name="rights", rich_help_panel=_RIGHTS)
app.add_typer(rights.consent, name="consent", rich_help_panel=_RIGHTS)
app.add_typer(rights.retention, name="retention", rich_help_panel=_RIGHTS)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tenure {tenure.__version__}")
        raise typer.Exit


@app.callback()
def root(
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="TENURE_HOME", help=tr("Folder of the workspace."), show_default="~/.tenure"),
    ] = None,
    lang: Annotated[str | None, typer.Option("--lang", help=tr("Language to speak: en or zh."))] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=tr("Say the version."))
    ] = False,
) -> None:
    if home is not None:
        # Everything below, worker processes included, finds the workspace by this.
        os.environ["TENURE_HOME"] = str(home.expanduser().absolute())
