"""The tree of causes from a file, as `exporting` writes it or as somebody typed it: all of it, or nothing and why not."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from tenure.desk.causes import taxonomy
from tenure.desk.causes.taxonomy import AXES, Draft, Node, tree
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.language import tr

COLUMNS = ("code", "branch", "name_en", "name_zh", "control", "side", "nature", "vague", "retired")
LARGEST, MOST_LINES, SAID = 1_000_000, 1_000, 8
CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
YES, NO = {"yes", "y", "true", "1", "是"}, {"no", "n", "false", "0", "否"}


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of a file: how many causes and branches it added, changed, retired, brought back, and left as they were."""

    added: int = 0
    changed: int = 0
    retired: int = 0
    restored: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file. cells: by column; a column the file lacks, or leaves blank, is not in it."""

    line: int
    cells: Mapping[str, str]

    @property
    def code(self) -> str:
        return self.cells.get("code", "")

    @property
    def branch(self) -> str:
        return self.cells.get("branch", "")


@transaction.atomic
def import_tree(content: bytes, *, actor: User | None, now: datetime) -> Brought:
    """Bring the tree to what a file says, each change with its own entry in the trail; a cause it does not name stays.

    A code that is known names what is changed, by what the line says and nothing that it leaves blank; any other line
    adds a cause, or a branch where it names none. A branch may be named by its code or by its name.

    Raises TenureError naming every line that can't be read (none of the file is taken then), and as `add_cause` and
    `change_cause`, with the line.
    """
    taxonomy.allowed(actor)
    rows = _rows(content)
    _check(rows)
    known = tree()
    tops = [row for row in rows if _is_branch(row, known)]
    lows = [row for row in rows if row not in tops]
    done: dict[str, int] = dict.fromkeys(("added", "changed", "retired", "restored", "same"), 0)
    at: dict[int, str] = {}
    # Branches before what hangs on them; what is retired goes last, causes before their branches.
    for row in (*tops, *lows):
        with _line(row):
            at[row.line] = _put(row, done, actor, now)
    for row in (*lows, *tops):
        if _flag(row, "retired"):
            with _line(row):
                done["retired"] += _retire(at[row.line], actor, now)
    touched = sum(done[name] for name in ("added", "changed", "retired", "restored"))
    return Brought(**(done | {"same": max(0, len(rows) - touched)}))


def _put(row: Row, done: dict[str, int], actor: User | None, now: datetime) -> str:
    """Add or change what a line names; returns its code."""
    nodes = tree()
    before = nodes.get(row.code)
    draft = _draft(row, before, nodes)
    if before is None:
        done["added"] += 1
        return taxonomy.add_cause(draft, code=row.code, actor=actor, now=now).code
    if draft != taxonomy.draft_of(before):
        done["changed"] += 1
        taxonomy.change_cause(row.code, draft, version=before.version, actor=actor, now=now)
    if before.retired and "retired" in row.cells and not _flag(row, "retired"):
        done["restored"] += 1
        taxonomy.restore_cause(row.code, actor=actor, now=now)
    return row.code


def _retire(code: str, actor: User | None, now: datetime) -> bool:
    node = tree()[code]
    if not node.retired:
        taxonomy.retire_cause(code, version=node.version, actor=actor, now=now)
    return not node.retired


def _draft(row: Row, before: Node | None, nodes: Mapping[str, Node]) -> Draft:
    """What the line wants a cause to be: of one that is known, as it stands where the line says nothing."""
    draft = taxonomy.draft_of(before) if before else Draft("", "", "")

    def told(column: str, before: str) -> str:
        return _axis(row, column) if column in AXES and column in row.cells else row.cells.get(column, before)

    draft = replace(
        draft, name_en=told("name_en", draft.name_en), name_zh=told("name_zh", draft.name_zh),
        control=told("control", draft.control), side=told("side", draft.side), nature=told("nature", draft.nature),
    )  # fmt: skip
    if row.branch:
        draft = replace(draft, parent=_branch_of(row.branch, nodes))
    return replace(draft, vague=_flag(row, "vague")) if "vague" in row.cells else draft


def _branch_of(named: str, nodes: Mapping[str, Node]) -> str:
    if named in nodes:
        return named
    for one in nodes.values():
        if not one.parent and named.casefold() in (one.words.en.casefold(), one.words.zh):
            return one.code
    raise TenureError(
        tr('There is no branch "{name}". Give it a line of its own, with no branch, or name one of: {known}.',
           name=named[:60], known=", ".join(one.code for one in nodes.values() if not one.parent))
    )  # fmt: skip


# The file


def _rows(content: bytes) -> list[Row]:
    if len(content) > LARGEST:
        raise TenureError(tr("The file is larger than 1 MB. A tree of causes has a few hundred lines at most."))
    text = _text(content)
    heading = text.splitlines()[0] if text.strip() else ""
    between = max(",;\t", key=heading.count)
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=between))
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise TenureError(tr("The file is empty. Its first line names the columns: {known}.", known=", ".join(COLUMNS)))
    names = [cell.strip().casefold() for cell in lines[0]]
    wrong = [name for name in names if name not in COLUMNS]
    if wrong or len(set(names)) < len(names) or not {"name_en", "name_zh", "code"} & set(names):
        raise TenureError(
            tr('Its first line names the columns "{found}". They are: {known}; code or a name is needed, each once.',
               found=", ".join(names)[:200], known=", ".join(COLUMNS))
        )  # fmt: skip
    if len(lines) > MOST_LINES:
        raise TenureError(tr("The file has {n} lines; a tree has at most {most}.", n=len(lines), most=MOST_LINES))
    found = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            raise TenureError(
                tr("Line {line}: {n} cells, and the first line names {m}.", line=number, n=len(cells), m=len(names))
            )
        said = {name: plain for name, cell in zip(names, cells, strict=False) if (plain := _plain(cell))}
        if said:
            found.append(Row(number, said))
    if not found:
        raise TenureError(tr("The file names its columns and no cause below them."))
    return found


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TenureError(tr("The file is no text. Save it as CSV in UTF-8."))


def _plain(cell: str) -> str:
    """A cell without what an export put before it so that no spreadsheet runs it."""
    text = cell.replace("\x00", "").strip()
    return text[1:] if text[:1] == "'" and text[1:2] in set("=+-@＝＋－＠") else text


def _check(rows: Sequence[Row]) -> None:
    """Everything that can be told of the lines by themselves, all of it at once."""
    wrong: list[str] = []
    seen: dict[str, int] = {}
    nodes = tree()
    for row in rows:
        try:
            if row.code and not CODE.fullmatch(row.code):
                raise TenureError(tr('"{code}" is no code: small letters, digits and _.', code=row.code[:60]))
            if row.code in seen:
                raise TenureError(tr('"{code}" stands in line {line} already.', code=row.code, line=seen[row.code]))
            if row.code not in nodes and not ("name_en" in row.cells or "name_zh" in row.cells):
                raise TenureError(tr("A new cause needs a name, in name_en or name_zh."))
            for axis in AXES:
                _axis(row, axis)
            for name in ("vague", "retired"):
                _flag(row, name)
        except TenureError as error:
            wrong.append(_in_line(row, error))
        if row.code:
            seen.setdefault(row.code, row.line)
    if wrong:
        rest = [tr("{n} more lines can't be read.", n=len(wrong) - SAID)] if len(wrong) > SAID else []
        raise TenureError(" ".join([*wrong[:SAID], *rest]))


@contextmanager
def _line(row: Row) -> Iterator[None]:
    """What goes wrong inside is said with the line it came of."""
    try:
        yield
    except TenureError as error:
        raise TenureError(_in_line(row, error)) from error


def _in_line(row: Row, error: TenureError) -> str:
    return tr("Line {line}: {error}", line=row.line, error=error)


def _is_branch(row: Row, nodes: Mapping[str, Node]) -> bool:
    """A line that names no branch is one, but for a known cause that stays where it hangs."""
    return not row.branch and (row.code not in nodes or not nodes[row.code].parent)


def _axis(row: Row, axis: str) -> str:
    """The code of what a line says of an axis, by its code or its words."""
    said = row.cells.get(axis, "")
    for code, words in AXES[axis].items():
        if said.casefold() in (code, words.en.casefold(), words.zh):
            return code
    if said:
        raise TenureError(
            tr(
                '"{value}" under {column} is none of: {known}.',
                value=said[:40],
                column=axis,
                known=", ".join(AXES[axis]),
            )
        )
    return ""


def _flag(row: Row, name: str) -> bool:
    said = row.cells.get(name, "").casefold()
    if said and said not in YES | NO:
        raise TenureError(tr('"{value}" under {column} is neither yes nor no.', value=said[:40], column=name))
    return said in YES
