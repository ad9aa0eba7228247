"""The command for analysts: one question of SQL, answered apart and with limits."""

import sys
from typing import Annotated

import typer

from tenure.cli import opened, show
from tenure.cli.show import Format, Tell
from tenure.errors import TenureError
from tenure.lake import SYSTEM, analyst
from tenure.language import tr


def sql(
    question: Annotated[str, typer.Argument(help=tr("One SELECT, in quotes; - reads it from standard input."))],
    user: Annotated[
        str | None, typer.Option("--as", metavar="USER", help=tr("See what this user may see; everything unless said."))
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help=tr("How many seconds it may take."))] = analyst.Limits().seconds,
    format: Tell = Format.table,
) -> None:
    opened.desk()
    from tenure.desk.customers.segments.services import record_query
    from tenure.desk.governance.access import scope_of
    from tenure.desk.governance.models import User
    from tenure.desk.lake import lake

    text = sys.stdin.read() if question == "-" else question
    asker = User.objects.filter(username=user).first() if user else None
    if user and asker is None:
        raise TenureError(tr('There is no user "{name}". Write the name they sign in with.', name=user))
    scope = scope_of(asker) if asker is not None else SYSTEM
    try:
        answer = analyst.ask(lake(), text, scope=scope, limits=analyst.Limits(seconds=seconds))
    except TenureError:
        record_query(text=text, rows=None, actor=asker, now=opened.now())
        raise
    told = {"tables": list(answer.tables), "fields": list(answer.guards)}
    record_query(text=text, rows=answer.rows.num_rows, actor=asker, now=opened.now(), **told)
    show.rows(answer.rows.to_pylist(), format, headings={name: name for name in answer.rows.column_names})
    if answer.more:
        show.hint(tr("The first {rows:,} rows; there are more.", rows=answer.rows.num_rows))
