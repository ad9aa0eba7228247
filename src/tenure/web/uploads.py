"""Files people send: what they really are, before anything reads them."""

import codecs
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePath
from typing import Any, TypeAlias

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from tenure.errors import TenureError
from tenure.language import tr

_HEAD = 8192
File: TypeAlias = "UploadedFile[Any]"


class Quota(FileUploadHandler):
    """Stops taking a file in once it is larger than a page takes, before it fills the disk."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > most_bytes():
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def most_bytes() -> int:
    """How large a file a page takes."""
    return int(settings.TENURE_UPLOAD_MB) << 20


def checked_upload(file: File, kinds: Collection[str], max_bytes: int) -> str:
    """The kind of a file by its content, where it is one of `kinds` and its name says the same.

    kinds: endings without the dot, of csv, tsv, txt, jsonl, ndjson, json, xlsx, xlsm, xls, parquet, pq, png, jpg, pdf,
    pem. What the browser
    claims the file to be plays no part. The file is left at its beginning. Raises TenureError, with the reason, for a
    file that is empty, larger than `max_bytes`, of another kind, or named as another kind.
    """
    name = PurePath((file.name or "").replace("\\", "/")).name
    ending = PurePath(name).suffix.lower().removeprefix(".")
    ending = {"jpeg": "jpg"}.get(ending, ending)
    if ending not in kinds:
        raise TenureError(
            tr(
                '"{name}" ends in "{ending}". Expected: {kinds}.',
                name=name,
                ending=ending,
                kinds=", ".join(sorted(kinds)),
            )
        )
    if not file.size:
        raise TenureError(tr('"{name}" is empty.', name=name))
    if file.size > max_bytes:
        raise TenureError(
            tr(
                '"{name}" is larger than allowed: {size:.1f} MB, at most {most:.1f} MB.',
                name=name,
                size=file.size / 1e6,
                most=max_bytes / 1e6,
            )
        )
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    found = next((kind for kind, mark in _MARKS.items() if head.startswith(mark)), None)
    if found is not None and found != _MARKED.get(ending, ending):
        raise TenureError(tr('"{name}" contains {found}, not {ending}.', name=name, found=found, ending=ending))
    fits = _CHECKS[ending](file, head)
    file.seek(0)
    if not fits:
        raise TenureError(tr('"{name}" is no {ending}: its content is something else.', name=name, ending=ending))
    return ending


_MARKS: Mapping[str, bytes] = {
    "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "pdf": b"%PDF-", "zip": b"PK\x03\x04", "parquet": b"PAR1",
    "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "exe": b"MZ", "gzip": b"\x1f\x8b", "elf": b"\x7fELF",
}  # fmt: skip
_MARKED = {"xlsx": "zip", "xlsm": "zip", "pq": "parquet"}
_TEXTS = ("csv", "tsv", "txt", "jsonl", "ndjson", "json")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _text(_file: File, head: bytes) -> bool:
    """Text in UTF-8, UTF-16, GB 18030 or another encoding of eight bits; a byte that no text holds is not text.

    Which encoding it is, whoever reads the file finds out, or is told.
    """
    if head.startswith(_UTF16):
        return _decodes(head, "utf-16")
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in head)


def _decodes(head: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        decoder.decode(head)  # a character cut at the end of the head is no fault
    except UnicodeDecodeError:
        return False
    return True


def _workbook(file: File, _head: bytes) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _by_mark(kind: str) -> Callable[[File, bytes], bool]:
    return lambda _file, head: head.startswith(_MARKS[kind])


_CHECKS: Mapping[str, Callable[[File, bytes], bool]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("xlsx", "xlsm"), _workbook),
    "pq": lambda _file, head: head.startswith(_MARKS["parquet"]),
    "pem": lambda _file, head: head.lstrip().startswith(b"-----BEGIN "),
    **{kind: _by_mark(kind) for kind in ("png", "jpg", "pdf", "parquet", "xls")},
}
