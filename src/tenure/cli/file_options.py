"""How a file is to be read where that is not told by itself: the options every command that reads one takes."""

from typing import Annotated, TypeAlias

import typer

from tenure.language import tr

IdColumn: TypeAlias = Annotated[
    str | None, typer.Option("--id", metavar="COLUMN", help=tr("The column that holds the customer's number."))
]
Encoding: TypeAlias = Annotated[
    str | None, typer.Option(help=tr("The file's encoding, where it is not told by itself."))
]
Delimiter: TypeAlias = Annotated[
    str | None, typer.Option(help=tr("What stands between the cells: a character, or tab."))
]
Sheet: TypeAlias = Annotated[
    str | None, typer.Option(help=tr("Sheet of a workbook; to be said where several have rows."))
]
HeaderRow: TypeAlias = Annotated[
    int | None,
    typer.Option("--header-row", min=1, help=tr("The row that names the columns, where it is not found by itself.")),
]
DateOrder: TypeAlias = Annotated[
    str | None, typer.Option("--date-order", help=tr("How to read 01/03/2026: dmy or mdy."))
]
