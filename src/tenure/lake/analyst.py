"""Questions of SQL by analysts: answered in another process, from tables that hold only what the asker may see.

Each table the question names is read at the one door, scoped and masked, into a file without a name that dies with us; the
other process is handed that file and nothing else (`engines.analyst` says what it may do: nearly nothing). One that takes
too long is killed; the product goes on whatever becomes of it.
"""

import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.lake.door import Lake
from tenure.lake.engines import analyst as other_side
from tenure.lake.engines.analyst import LENGTH, tell
from tenure.lake.fields import field_of
from tenure.lake.scope import Scope
from tenure.language import tr

TABLES: Mapping[str, str] = {
    "customers": "scores/customers",
    "stages": "scores/stages",
    **{name: f"records/{name}" for name in CONTRACTS if name != "customers"},
}
"""What a question may name, with the table of the lake it is."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COUNTED = re.compile(r"count\s*\(\s*\*\s*\)", re.IGNORECASE)
_EVERY_COLUMN = re.compile(
    r"\*|\bcolumns\s*\(|\bnatural\b|\bby\s+name\b|\bsummarize\b|\bdescribe\b|\bpivot\b|\bunpivot\b", re.IGNORECASE
)


_places = threading.BoundedSemaphore(2)
"""How many questions are answered at once by one process of ours."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one question may take. memory_mb: of the engine; the process as a whole has `room_mb` of address space.

    rows: of the answer; handed_mb: of the tables handed over, as they are packed.
    """

    seconds: float = 20.0
    memory_mb: int = 1024
    room_mb: int = 6144
    threads: int = 2
    rows: int = 10_000
    handed_mb: int = 1024
    answer_mb: int = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a question. more: there are more than these. guards: fields of which its tables showed something."""

    rows: pa.Table
    more: bool
    tables: tuple[str, ...]
    guards: tuple[str, ...]
    seconds: float


def columns(lake: Lake, name: str, scope: Scope) -> dict[str, str | None]:
    """The columns of a table that show anything to the asker, each with the field it belongs to."""
    table = TABLES[name]
    own = {column.name: column.field for column in lake.custom(table)}
    found = {one: own.get(one) or field_of(table, one) for one in lake.schema(table).names}
    return {one: guard for one, guard in found.items() if scope.shows(guard) != "hidden" and guard not in scope.hides}


def ask(lake: Lake, sql: str, *, scope: Scope, limits: Limits | None = None, persons: bool = False) -> Answer:
    """The answer to one SELECT over `TABLES`, as far as the asker may see them.

    persons: only the different person ids of the answer, of which a million may come.
    Raises TenureError for anything but one SELECT, for tables there are not, for what is wrong with the question, and for
    one that takes more time or memory than it may.
    """
    limits = limits or Limits()
    sql = sql.strip().rstrip(";").strip()
    if not sql or "\x00" in sql or len(sql) > 50_000:
        raise TenureError(tr("Write one question that begins with SELECT, up to 50,000 characters."))
    began = time.monotonic()
    with ExitStack() as stack:
        if not _places.acquire(timeout=limits.seconds):
            raise TenureError(tr("Others' questions are being answered. Ask again in a moment."))
        stack.callback(_places.release)
        process, link = _start(stack)
        talk = _Talk(process, link, limits.seconds)
        talk.tell({
            "sql": sql, "memory_mb": limits.memory_mb, "room_mb": limits.room_mb, "threads": limits.threads,
            "processor_seconds": int(limits.seconds * limits.threads) + 5, "persons": persons,
            "rows": 1_000_000 if persons else limits.rows,
        })  # fmt: skip
        named = _judged(talk.told(), limits)["tables"]
        names = tuple(sorted({_known(name) for name in named}))
        guards: set[str] = set()
        talk.tell(list(names))
        left = limits.handed_mb * 1024 * 1024
        for name in names:
            file = stack.enter_context(_without_name())
            seen = _wanted(columns(lake, name, scope), sql)
            guards |= {guard for guard in seen.values() if guard is not None}
            left = _hand_over(lake, TABLES[name], list(seen), scope, file, left)
            talk.hand(file)
        talk.begin()  # what we took to read the tables is not the question's
        judged = _judged(talk.told(), limits)
        if judged.get("no_persons"):
            raise TenureError(tr("A segment is made of persons: have the question give a column person_id."))
        rows = talk.rows(limits.answer_mb * 1024 * 1024)
    most = 1_000_000 if persons else limits.rows
    return Answer(rows.slice(0, most), rows.num_rows > most, names, tuple(sorted(guards)), time.monotonic() - began)


def _start(stack: ExitStack) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    ours, theirs = socket.socketpair()
    stack.enter_context(ours)
    with theirs:
        process = subprocess.Popen(
            # Isolated: no path of the product, no variable of its environment, no start-up file is read.
            [sys.executable, "-I", str(Path(other_side.__file__)), str(theirs.fileno())],
            env={"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
            cwd="/", pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def end() -> None:
        process.kill()
        process.wait()

    stack.callback(end)
    return process, ours


class _Talk:
    """Messages with the other process, none waited for past the deadline."""

    def __init__(self, process: "subprocess.Popen[bytes]", link: socket.socket, seconds: float) -> None:
        self._process, self._link, self._seconds = process, link, seconds
        self.begin(starting=10.0)

    def begin(self, *, starting: float = 0.0) -> None:
        self._until = time.monotonic() + self._seconds + starting

    def tell(self, message: Any) -> None:
        try:
            tell(self._link, message)
        except OSError:
            raise self._died() from None

    def hand(self, file: IO[bytes]) -> None:
        try:
            socket.send_fds(self._link, [b"f"], [file.fileno()])
        except OSError:
            raise self._died() from None

    def told(self) -> Any:

        length = int.from_bytes(self._exactly(LENGTH), "big")
        if length > 1 << 20:
            raise self._died()
        return json.loads(self._exactly(length))

    def rows(self, most: int) -> pa.Table:
        """The answer's rows, up to so many bytes."""
        found = BytesIO()
        while part := self._part(1 << 20):
            found.write(part)
            if found.tell() > most:
                raise TenureError(
                    tr("The answer is larger than {most} MB. Ask for fewer columns or rows.", most=most >> 20)
                )
        try:
            return pa.ipc.open_stream(found.getvalue()).read_all()
        except pa.ArrowInvalid:
            raise self._died() from None

    def _exactly(self, length: int) -> bytes:
        found = bytearray()
        while len(found) < length:
            part = self._part(length - len(found))
            if not part:
                raise self._died()
            found += part
        return bytes(found)

    def _part(self, most: int) -> bytes:
        left = self._until - time.monotonic()
        ready = select.select([self._link], [], [], max(0.0, left))[0]
        if not ready:
            raise TenureError(
                tr(
                    "The question took longer than {seconds:g} seconds and was stopped. Narrow it.",
                    seconds=self._seconds,
                )
            )
        try:
            return self._link.recv(min(most, 1 << 20))
        except ConnectionError:
            return b""

    def _died(self) -> TenureError:
        return TenureError(
            tr("The question took more memory or processor time than it may, and was stopped. Narrow it.")
        )


def _judged(said: Any, limits: Limits) -> Any:
    """What the other side said, unless it is a refusal."""
    if "refused" in said:
        raise TenureError(
            tr("Only one SELECT is answered; found {found}. Nothing can be changed, loaded or written here.",
               found=", ".join(said["refused"]) or "–")
        )  # fmt: skip
    if "memory" in said:
        raise TenureError(
            tr("The question took more memory than the {most} MB it may. Narrow it.", most=limits.memory_mb)
        )
    if "wrong" in said:
        raise TenureError(tr("The question can't be answered: {why}", why=said["wrong"]))
    return said


def _known(name: str) -> str:
    found = name.strip('"').casefold()
    if found not in TABLES:
        raise TenureError(
            tr('There is no table "{name}" here. There are: {known}.', name=name[:80], known=", ".join(TABLES))
        )
    return found


def _wanted(seen: Mapping[str, str | None], sql: str) -> dict[str, str | None]:
    """The columns a question can mean: those it names, or all where it asks for all."""
    if _EVERY_COLUMN.search(_COUNTED.sub("", sql)):
        return dict(seen)
    named = {word.casefold() for word in _WORD.findall(sql)} | {"person_id"}
    found = {name: guard for name, guard in seen.items() if name.casefold() in named}
    return found or dict(list(seen.items())[:1])


def _hand_over(lake: Lake, table: str, names: list[str], scope: Scope, file: IO[bytes], left: int) -> int:
    """Write the table as the asker may see it; returns how many bytes may still be handed over."""
    rows = lake.to_reader(lake.read(table, actor=scope).select(*names))
    with rows, pq.ParquetWriter(file, rows.schema, compression="lz4") as writer:
        for batch in rows:
            writer.write_batch(batch)
            if file.tell() > left:
                raise TenureError(
                    tr(
                        "The tables this question reads are too large to hand over. Name the columns it needs, without *."
                    )
                )
    file.flush()
    return left - file.tell()


def _without_name() -> IO[bytes]:
    """A file that no folder lists and nobody else can open: in memory where the system can, else gone from the disk at once."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("tenure"), "w+b")
    return tempfile.TemporaryFile()
