"""A board as a workbook: what each tile says on the first sheet, and a sheet for each tile with its rows."""

import io
import re
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.customers.export import harmless
from tenure.web.boards.tiles import Tile


def workbook(name: str, about: Sequence[str], tiles: Sequence[Tile]) -> bytes:
    """The board as an Excel workbook. about: lines under its name."""
    from openpyxl import Workbook  # type: ignore[import-untyped]  # loads slowly; here alone

    book = Workbook(write_only=True)
    first = book.create_sheet(_("Board"))
    for line in (name, *about):
        first.append([harmless(line)])
    first.append([])
    first.append(
        [_("Tile"), _("Period"), _("Figure"), _("On the period before"), _("On a year before"), _("Notes"), _("Sheet")]
    )
    taken = {_("Board").casefold()}
    sheets = []
    for tile in tiles:
        sheet = _sheet_name(tile.title, taken) if tile.rows else ""
        number = tile.number
        first.append(
            [
                harmless(cell)
                for cell in (
                    tile.title, tile.period, number.shown if number is not None else "",
                    number.before.shown if number is not None and number.before else "",
                    number.year.shown if number is not None and number.year else "",
                    " ".join((tile.why, *tile.notes)).strip(), sheet,
                )
            ]
        )  # fmt: skip
        if sheet:
            sheets.append((sheet, tile.rows))
    for sheet, rows in sheets:
        page = book.create_sheet(sheet)
        for row in rows:
            page.append([_cell(cell) for cell in row])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _cell(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else value


def _sheet_name(title: str, taken: set[str]) -> str:
    """A name no other sheet has, of what Excel allows in one."""
    plain = re.sub(r"[\[\]:*?/\\']", " ", title).strip()[:28] or _("Tile")
    name, at = plain, 2
    while name.casefold() in taken:
        name, at = f"{plain} {at}", at + 1
    taken.add(name.casefold())
    return name
