"""The tree and the statements as files."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from tenure.desk.causes.reading import Line
from tenure.desk.causes.taxonomy import Node
from tenure.desk.customers.export import Echo, harmless
from tenure.insight.causes import Corrected
from tenure.lake.scope import Scope


def taxonomy_lines(nodes: Mapping[str, Node]) -> Iterator[str]:
    """One cause a line, codes as they are kept, so that another workspace can read them."""
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(
        ["code", "branch", "name_en", "name_zh", "control", "side", "nature", "vague", "retired"]
    )
    for node in nodes.values():
        one = node.cause
        yield writer.writerow(
            [harmless(cell) for cell in (one.code, one.parent, one.words.en, one.words.zh, one.control, one.side, one.nature,
                                         "yes" if one.vague else "", "yes" if node.retired else "")]
        )  # fmt: skip


def statement_lines(found: Iterable[Line], scope: Scope) -> Iterator[str]:
    """One statement a line; text that is hidden from the asker is left out whole."""
    writer = csv.writer(Echo())
    text = scope.sees("text")
    heading = [_("Customer"), _("Said on"), _("Source"), _("Left"), _("Suggested cause"), _("Confidence"), _("Confirmed cause"),
               _("State"), _("Competitor")]  # fmt: skip
    yield "\ufeff" + writer.writerow([*heading, *([_("Text")] if text else [])])
    for line in found:
        row = line.row
        cells = [
            line.name, row.said_at.date().isoformat(), line.origin, row.left_on, str(line.suggested.words) if line.suggested else "",
            round(row.confidence, 3) if row.suggested else "", str(line.confirmed.words) if line.confirmed else "",
            row.get_state_display(), row.competitor,
        ]  # fmt: skip
        yield writer.writerow([harmless(cell) for cell in (*cells, *([line.text] if text else []))])


def leaver_lines(rows: Iterable[Mapping[str, Any]], better: Corrected | None) -> Iterator[str]:
    """Leavers by cause, one cause a line: as said, and as those asked in depth correct it, where enough were.

    rows: each with node, name, branch, leavers, confirmed and better.
    """
    writer = csv.writer(Echo())
    heading = [_("Code"), _("Cause"), _("Branch"), _("Controllability"), _("Leavers, as said"), _("Confirmed")]
    more = [
        _("Leavers, estimated"),
        _("At least"),
        _("At most"),
        _("Asked in depth"),
        _("Of these meant something else"),
    ]
    yield "\ufeff" + writer.writerow([*heading, *(more if better else [])])
    for row in rows:
        node = row["node"]
        cells = [node.code, row["name"], row["branch"], node.axes[0], row["leavers"], row["confirmed"]]
        if better:
            one = row["better"]
            cells += [round(one.value, 1), round(one.low, 1), round(one.high, 1), better.asked, better.otherwise]
        yield writer.writerow([harmless(cell) for cell in cells])
