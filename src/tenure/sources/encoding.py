"""Which characters a file's bytes stand for: found out strictly, over the whole file, never guessed past a doubt."""

import codecs
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import tr

BLOCK = 4 << 20

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# The first bytes of what people rename to .csv by mistake.
_OTHER_FILES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "Excel (.xlsx) or ZIP"),
    (b"\xd0\xcf\x11\xe0", "Excel (.xls)"),
    (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "gzip"),
)

# In GB18030 text most two-byte characters are the 3,755 everyday ones or punctuation. Western text read as GB18030 by
# mistake pairs an accented small letter with what follows, which gives rare characters only.
_COMMON_SHARE = 0.6
_PAIRS_LOOKED_AT = 1_000_000


def encoding_of(path: Path, given: str | None = None) -> str:
    """The codec the whole file reads by: the one given, by its byte order mark, UTF-8, or GB18030.

    Raises TenureError, naming the byte and its line, for a file that is not text or reads by none of them.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if given:
        try:
            name = codecs.lookup(given).name
        except LookupError:
            raise TenureError(
                tr(
                    'There is no encoding "{given}". Try utf-8, gb18030, big5, utf-16 or latin-1.',
                    given=given,
                )
            ) from None
        marked = next((codec for mark, codec in _BOMS if head.startswith(mark)), None)
        if name in ("utf-16", "utf-32"):
            return marked or name + "-le"
        return "utf-8" if name == "utf-8-sig" else name
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    _refuse_what_is_not_text(path, head)
    if _is_utf8(path):
        return "utf-8"
    if _reads_as_chinese(path):
        return "gb18030"
    byte, position, line = _first_trouble(path, "utf-8") or (0, 0, 1)
    raise TenureError(
        tr(
            "{name} is not UTF-8 text: byte 0x{byte:02X} at position {position}, line {line}, and it does not read as "
            "Chinese GB18030 either. Name its encoding, for example --encoding big5 or --encoding latin-1.",
            name=path.name,
            byte=byte,
            position=position,
            line=line,
        )
    )


def utf8_blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """The file's text in UTF-8, block by block, without its byte order mark.

    Raises TenureError, naming the byte and its line, at the first byte that `encoding` has no character for.
    """
    with path.open("rb") as file:
        first = True
        if encoding == "utf-8":
            check = Utf8Check()
            while block := file.read(BLOCK):
                if not check.feed(block):
                    raise _unreadable(path, encoding)
                yield block.removeprefix(codecs.BOM_UTF8) if first else block
                first = False
            if check.pending:
                raise _unreadable(path, encoding)
            return
        other = codecs.getincrementaldecoder(encoding)(errors="strict")
        while True:
            block = file.read(BLOCK)
            try:
                text = other.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise _unreadable(path, encoding) from error
            if text:
                yield (text.removeprefix("\ufeff") if first else text).encode("utf-8", "surrogatepass")
                first = False
            if not block:
                return


class Utf8Check:
    """Whether block after block is UTF-8, at Arrow's speed; which byte is not is for a slower look to say."""

    def __init__(self) -> None:
        self.pending = b""  # the first bytes of a character whose rest is in the next block

    def feed(self, block: bytes) -> bool:
        if not self.pending and block.isascii():
            return True
        data = self.pending + block
        cut = len(data) - _unfinished(data)
        self.pending = data[cut:]
        offsets = pa.py_buffer(struct.pack("<ii", 0, cut))
        try:
            pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(data)]).cast(pa.string())
        except pa.ArrowInvalid:
            return False
        return True


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a character that is not all there."""
    for place in range(1, min(4, len(data) + 1)):
        byte = data[-place]
        if byte < 0x80:
            return 0
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return place if needed > place else 0
    return 0


def _is_utf8(path: Path) -> bool:
    check = Utf8Check()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if not check.feed(block):
                return False
    return not check.pending


class Utf8Stream(io.RawIOBase):
    """The file's text in UTF-8 as a stream of bytes, whatever its encoding."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._blocks = utf8_blocks(path, encoding)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            taken = self._rest + b"".join(self._blocks)
            self._rest = b""
            return taken
        while len(self._rest) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._rest += block
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        taken = self.read(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)


def head_of(path: Path, encoding: str, size: int = 1 << 18) -> str:
    """The first part of the file as text, ending with a whole character."""
    block = next(utf8_blocks(path, encoding), b"")[:size]
    return block.decode("utf-8", "ignore")


def _refuse_what_is_not_text(path: Path, head: bytes) -> None:
    kind = next((kind for mark, kind in _OTHER_FILES if head.startswith(mark)), None)
    if kind:
        raise TenureError(
            tr(
                "{name} is not a text file but {kind}, whatever its name says. Export the data as CSV, or give the "
                "file its right ending.",
                name=path.name,
                kind=kind,
            )
        )
    if (place := head.find(b"\0")) < 0:
        return
    # Latin text in UTF-16 has a zero in every second byte.
    if head[place % 2 :: 2].count(0) > 0.4 * len(head) / 2:
        raise TenureError(
            tr(
                "{name} looks like UTF-16 without its byte order mark. Try --encoding {codec}.",
                name=path.name,
                codec="utf-16-le" if place % 2 else "utf-16-be",
            )
        )
    raise TenureError(
        tr(
            "{name} is not a text file: it has a zero byte at position {position}. Export the data as CSV, Excel, "
            "Parquet or JSON Lines.",
            name=path.name,
            position=place,
        )
    )


def _first_trouble(path: Path, encoding: str) -> tuple[int, int, int] | None:
    """The first byte that can't be read: its value, its position from 0, and its line from 1."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    done = line = 0
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                if pending or not block or not block.isascii():
                    decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                at = error.start - pending  # may lie in the block before
                byte = error.object[error.start]
                return byte, done + at, line + block[: max(at, 0)].count(b"\n") + 1
            if not block:
                return None
            done += len(block)
            line += block.count(b"\n")


def _reads_as_chinese(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("gb18030")(errors="strict")
    pairs = common = 0
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                return False
            if not text.isascii() and pairs < _PAIRS_LOOKED_AT:
                raw = "".join(c for c in text if ord(c) > 127).encode("gb18030")
                first, second = raw[::2], raw[1::2]
                if len(first) == len(second):
                    pairs += len(first)
                    common += sum(
                        tail >= 0xA1 and (0xB0 <= lead <= 0xD7 or 0xA1 <= lead <= 0xA3)
                        for lead, tail in zip(first, second, strict=True)
                    )
            if not block:
                return pairs > 0 and common >= _COMMON_SHARE * pairs


def _unreadable(path: Path, encoding: str) -> TenureError:
    # None is possible only where the file was changed between the two looks at it.
    byte, position, line = _first_trouble(path, encoding) or (0, 0, 1)
    return TenureError(
        tr(
            "{name} does not read as {encoding}: byte 0x{byte:02X} at position {position}, line {line}. "
            "Name its right encoding with --encoding.",
            name=path.name,
            encoding=encoding,
            byte=byte,
            position=position,
            line=line,
        )
    )
