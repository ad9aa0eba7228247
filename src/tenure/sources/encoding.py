"""Which characters a file's bytes stand for: found out strictly, over the whole file, never guessed past a doubt."""

import codecs
import io
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from tenure.errors import TenureError
from tenure.language import tr

BLOCK = 4 << 20
GLANCE = 2 << 20  # what is looked at of a file before it is read

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
_FREQUENT_SHARE = 0.3  # enough by itself: chance does not hit on these
_PAIRS_LOOKED_AT = 1_000_000


def encoding_of(path: Path, given: str | None = None, most: int | None = None) -> str:
    """The codec the whole file reads by: the one given, by its byte order mark, UTF-8, GB18030 or Big5.

    most: look at no more than about so many bytes from its start; the rest is then taken on trust.

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
    if _is_utf8(path, most):
        return "utf-8"
    if chinese := _chinese(path, most)[0]:
        return chinese
    byte, position, line = _first_trouble(path, "utf-8") or (0, 0, 1)
    raise TenureError(
        tr(
            "{name} is not UTF-8 text: byte 0x{byte:02X} at position {position}, line {line}, and it does not read as "
            "Chinese GB18030 or Big5 either. Name its encoding, for example --encoding latin-1.",
            name=path.name,
            byte=byte,
            position=position,
            line=line,
        )
    )


def utf8_blocks(path: Path, encoding: str, size: int | None = None) -> Iterator[bytes]:
    """The file's text in UTF-8, block by block, without its byte order mark. size: of a block, in bytes of the file.

    Raises TenureError, naming the byte and its line, at the first byte that `encoding` has no character for.
    """
    size = size or BLOCK
    with path.open("rb") as file:
        first = True
        if encoding == "utf-8":
            check = Utf8Check()
            while block := file.read(size):
                if not check.feed(block):
                    raise _unreadable(path, encoding)
                yield block.removeprefix(codecs.BOM_UTF8) if first else block
                first = False
            if check.pending:
                raise _unreadable(path, encoding)
            return
        other = codecs.getincrementaldecoder(encoding)(errors="strict")
        while True:
            block = file.read(size)
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


def _is_utf8(path: Path, most: int | None = None) -> bool:
    check = Utf8Check()
    with path.open("rb") as file:
        while block := file.read(BLOCK if most is None else min(BLOCK, most)):
            if not check.feed(block):
                return False
            if most is not None and file.tell() >= most:
                return True
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


def doubt_of(path: Path, codec: str) -> str | None:
    """What to say where a file in Chinese reads nearly as well in the other script's encoding; None where it is clear."""
    if codec not in _ZONES:
        return None
    best, close = _chinese(path, GLANCE)
    if not close or best != codec:
        return None
    return tr(
        "The file reads as {codec}, and nearly as well as {other}. Look at the samples: if they make no sense, name the "
        "other encoding.",
        codec=codec,
        other=next(other for other in _ZONES if other != codec),
    )


def _chinese(path: Path, most: int | None) -> tuple[str | None, bool]:
    """Which of the two Chinese codecs the file reads by, and whether the other one does nearly as well."""
    scores = {codec: score for codec in _ZONES if (score := _likeness(path, codec, most)) is not None}
    if not scores:
        return None, False
    best = max(scores, key=lambda codec: scores[codec])
    return best, len(scores) > 1 and min(scores.values()) > 0.8 * scores[best]


# In either codec the lead bytes of its everyday characters and its punctuation, and the tails these have.
_ZONES: Mapping[str, Callable[[int, int], bool]] = {
    "gb18030": (lambda lead, tail: tail >= 0xA1 and (0xB0 <= lead <= 0xD7 or 0xA1 <= lead <= 0xA3)),
    "big5": (lambda lead, tail: 0xA1 <= lead <= 0xC6),
}
# What Chinese business files are full of, in both scripts: the commonest characters, surnames, places, headings.
_FREQUENT = frozenset(
    "的一是不了在人有我他这这這中大来來上国國个個到说說们們为為子和你地出道也时時年得就那要下以生会會自着著去之过過家"
    "学學对對可她里裡后後小么麼心多天而能好都然没沒日于於起还還发發成事只作当當想看文无無开開手十用主行方又如前所本见見经經"
    "头頭面公同三已老从從动動两兩长長知民样樣现現分将將外但身些与與高意进進把法此实實回二理美点點月明其种種声聲全工己话話"
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林高罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭曾萧蕭田董袁潘蔡蒋蔣余"
    "杜叶葉程苏蘇魏吕呂丁任沈姚卢盧姜崔钟鍾谭譚陆陸汪范金石廖贾賈夏韦韋方白邹鄒孟熊秦邱江尹薛闫段雷侯龙龍史陶黎贺賀顾顧"
    "北京上海广廣州深圳天津重庆慶成都杭武汉漢西安南苏蘇省市区區县縣路号號街镇鎮村湖河山东東台臺湾灣香港新竹高雄台中桃园園"
    "客户戶姓名电電话話手机機邮郵箱地址编編号號订訂单單时時间間金额額数數量价價格产產品类類型状狀态態日期备備注註收货貨"
    "公司有限集团團股份科技贸貿易部门門负負责責联聯系繫男女元件个個元月日已未完成取消付款退姓別性别"
)


def _likeness(path: Path, codec: str, most: int | None) -> float | None:
    """How much like Chinese the file is under a codec, 0 to 3; None where it does not read by it, or only by chance."""
    decoder = codecs.getincrementaldecoder(codec)(errors="strict")
    counted = zone = frequent = 0
    everyday = _ZONES[codec]
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK if most is None else min(BLOCK, most))
            last = not block or (most is not None and file.tell() >= most)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                return None
            if not text.isascii() and counted < _PAIRS_LOOKED_AT:
                for character, times in Counter(c for c in text if ord(c) > 127).items():
                    raw = character.encode(codec)
                    counted += times
                    zone += times * (len(raw) == 2 and everyday(raw[0], raw[1]))
                    frequent += times * (character in _FREQUENT)
            if last:
                break
    if not counted or (zone < _COMMON_SHARE * counted and frequent < _FREQUENT_SHARE * counted):
        return None
    # Western capitals with accents fall among Big5's everyday characters, but on none that Chinese text is full of.
    if codec == "big5" and frequent < 0.1 * counted:
        return None
    return (zone + 2 * frequent) / counted


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
