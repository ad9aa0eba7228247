"""Everything we hold about one person, as a package they can read: a page, tables for a spreadsheet, data for a machine."""

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string

from tenure.contracts import CONTRACTS
from tenure.desk.governance import audit, consents, rights
from tenure.desk.governance.holdings import HOLDINGS
from tenure.desk.governance.models import SubjectRequest, User
from tenure.errors import TenureError
from tenure.lake import Lake, Scope
from tenure.lake import erase as lake_erase
from tenure.lake.fields import FIELDS
from tenure.language import Words, tr

SHOWN = 200  # rows of each kind on the page; the tables beside it have them all


@dataclass
class Part:
    """One kind of thing in the package. rows: the first SHOWN of them."""

    folder: str
    name: str
    words: Words
    count: int = 0
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    @property
    def file(self) -> str:
        return f"{self.folder}/{self.name}"


def package_of(
    person_id: int,
    *,
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    company: str,
    request: SubjectRequest | None = None,
) -> Iterator[bytes]:
    """A ZIP file of everything about a person, piece by piece as it is made.

    What the asker's role hides would be missing from the package, so whoever does not see all is refused.
    The request, if there is one, is closed once the last piece has left.

    Raises TenureError for an asker from whom fields or records are hidden.
    """
    if not all(scope.sees(name) for name in FIELDS) or not all(scope.on(name).sees_all for name in CONTRACTS):
        raise TenureError(
            tr("Your role does not see everything, and the package must be whole. Ask someone whose role does.")
        )
    own_ids = lake_erase.find(lake, consents.numbers_of(person_id)).own_ids
    with transaction.atomic():
        audit.record(
            "export_person", "customer", person_id, actor=actor, now=now, request=request.pk if request else None
        )
    return _pieces(own_ids, lake, scope, actor, now, company, request)


def _pieces(
    own_ids: Sequence[int],
    lake: Lake,
    scope: Scope,
    actor: User | None,
    now: datetime,
    company: str,
    request: SubjectRequest | None,
) -> Iterator[bytes]:
    sink = _Sink()
    parts: list[Part] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, rows in _everything(own_ids, lake, scope):
            _write(archive, part, rows)
            if part.count:
                parts.append(part)
            yield sink.take()
        about = {"parts": parts, "now": now, "company": company, "shown": SHOWN}
        archive.writestr("index.html", render_to_string("tenure/package.html", about))
        archive.writestr("README.txt", _readme(parts, now, company))
        yield sink.take()
    yield sink.take()
    if request is not None:
        rights.close_request(request, counts={part.file: part.count for part in parts}, actor=actor, now=now)


def _everything(own_ids: Sequence[int], lake: Lake, scope: Scope) -> Iterator[tuple[Part, list[dict[str, Any]]]]:
    for holding in HOLDINGS.values():
        yield Part("desk", holding.name, holding.words), holding.rows(own_ids)
    for kind in ("received", "records"):
        for name, contract in CONTRACTS.items():
            table = f"{kind}/{name}"
            if contract.person and lake.exists(table):
                rows = _rows(lake, table, own_ids, scope)
                # Who else a record names is that person's own datum.
                for row in rows if contract.others else ():
                    row.update(dict.fromkeys(contract.others))
                yield Part(kind, name, contract.words), rows
    computed = [
        table for table in lake.store.names()
        if not table.startswith(("received/", "records/")) and "person_id" in lake.store.schema(table).names
    ]  # fmt: skip
    met = Counter(table.partition("/")[2] for table in computed)
    for table in computed:
        kind, _, name = table.partition("/")
        words = Words("Who is who", "身份识别") if kind == "identity" else Words("Worked out", "计算结果")
        # Two tables of one name would be one file to whoever unpacks it.
        file = name if met[name] == 1 else table.replace("/", "-")
        yield Part("computed", file, words), _rows(lake, table, own_ids, scope)


def _rows(lake: Lake, table: str, own_ids: Sequence[int], scope: Scope) -> list[dict[str, Any]]:
    rows = lake.read(table, actor=scope)
    found: list[dict[str, Any]] = lake.to_arrow(rows.filter(rows.person_id.isin(list(own_ids)))).to_pylist()
    return found


def _write(archive: zipfile.ZipFile, part: Part, rows: Sequence[Mapping[str, Any]]) -> None:
    # A column that is empty throughout says nothing.
    named = dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, "", [], {}))
    part.columns, part.count = list(named), len(rows)
    if not rows:
        return
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(part.columns)
    for row in rows:
        cells = [_plain(row.get(name)) for name in part.columns]
        if len(part.rows) < SHOWN:
            part.rows.append(cells)
        writer.writerow([harmless(cell) if isinstance(row.get(name), str) else cell
                         for name, cell in zip(part.columns, cells, strict=True)])  # fmt: skip
    archive.writestr(f"{part.file}.csv", "\ufeff" + text.getvalue())
    kept = [{name: row.get(name) for name in part.columns} for row in rows]
    archive.writestr(f"{part.file}.json", json.dumps(kept, ensure_ascii=False, indent=1, default=_plain))


def harmless(text: str) -> str:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    begins = text.lstrip()[:1] in {"=", "+", "-", "@", "＝", "＋", "－", "＠"} or text[:1] in {"\t", "\r", "\n"}
    return "'" + text if begins else text


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)


def _readme(parts: Iterable[Part], now: datetime, company: str) -> str:
    lines = [
        f"{company or 'Tenure'} · {now:%Y-%m-%d}", "",
        "Everything we hold about you. Open index.html to read it.",
        "本压缩包包含我们持有的关于您的全部数据。请打开 index.html 阅读。", "",
        "desk/      what our staff work with: your card, your consents, what was done / 工作台数据：客户卡片、授权同意与处理记录",
        "received/  your records as we received them / 收到的原始记录",
        "records/   the same records as we read them now / 整理后的当前记录",
        "computed/  what we worked out from them / 据此计算的结果", "",
        "Each as .csv (for a spreadsheet) and .json (for another system). Times are UTC; columns named _minor are",
        "whole minor units of money (cents). / 每项均有 .csv（表格）与 .json（供其他系统）两种格式。时间为 UTC；",
        "以 _minor 结尾的列为货币最小单位（分）。", "",
        *(f"{part.file}: {part.count}  {part.words.en} / {part.words.zh}" for part in parts),
    ]  # fmt: skip
    return "\r\n".join(lines) + "\r\n"


class _Sink(io.RawIOBase):
    """A file that is taken away as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        return len(self._waiting[-1])

    def take(self) -> bytes:
        taken, self._waiting = b"".join(self._waiting), []
        return taken
