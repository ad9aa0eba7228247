"""Holds the pages to two languages: python -m tools.translations [FILE.po …] writes the catalogue, --check only looks.

Every sentence the code marks for translation, in Python (`_`, `gettext`, `ngettext`, `tr` …) and in templates
(`translate`, `blocktranslate`, `_("…")`), ours and those of the admin theme that Django itself does not translate, must
have its Chinese in the .po file; and the .mo file, which is what runs, must be the .po file compiled. Chinese found in the files given is taken in.
"""

import ast
import importlib.util
import io
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SOURCE = Path("src/tenure")
CATALOGUE = SOURCE / "locale/zh_Hans/LC_MESSAGES/django.po"
HEADER = """\
# Chinese for every sentence a person sees. Written by: python -m tools.translations
msgid ""
msgstr ""
"Language: zh_Hans\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
ONE = {"_", "gettext", "gettext_lazy", "gettext_noop", "tr"}
MANY = {"ngettext", "ngettext_lazy"}
Message: TypeAlias = str | tuple[str, str]

_TRANSLATE = re.compile(r"""\{%\s*trans(?:late)?\s+(?:"([^"]*)"|'([^']*)')""")
_INLINE = re.compile(r"""_\((?:"([^"]*)"|'([^']*)')\)""")
_BLOCK = re.compile(r"\{%\s*blocktrans(?:late)?(.*?)%\}(.*?)\{%\s*endblocktrans(?:late)?\s*%\}", re.DOTALL)
_PLURAL = re.compile(r"\{%\s*plural\s*%\}")
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class NotTranslatableError(Exception):
    """A sentence put together before it is marked can be looked up in no catalogue."""


def in_python(text: str, name: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called not in ONE | MANY:
            continue
        given = node.args[: 2 if called in MANY else 1]
        if any(isinstance(argument, ast.JoinedStr) for argument in given):
            raise NotTranslatableError(f"{name}:{node.lineno}: an f-string can't be translated; use named places")
        words = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if len(words) == len(given) and words[0]:
            yield (words[0], words[1]) if called in MANY else words[0]


def in_template(text: str) -> Iterator[Message]:
    for pattern in (_TRANSLATE, _INLINE):
        for match in pattern.finditer(text):
            # Django looks the sentence up with its percent signs doubled.
            yield (match[1] if match[1] is not None else match[2]).replace("%", "%%")
    for match in _BLOCK.finditer(text):
        trimmed = "trimmed" in match[1].split()
        forms = [_block(form, trimmed) for form in _PLURAL.split(match[2])]
        yield (forms[0], forms[1]) if len(forms) == 2 else forms[0]


def _block(text: str, trimmed: bool) -> str:
    if trimmed:
        text = " ".join(line.strip() for line in text.splitlines() if line.strip())
    return _VARIABLE.sub(r"%(\1)s", text.replace("%", "%%"))


def ours() -> dict[Message, str]:
    """Every sentence of this code base, with the first file it is in."""
    return _messages(SOURCE)


def of_the_theme() -> dict[Message, str]:
    """Sentences of the admin theme that Django's own Chinese does not have."""
    unfold, django = (Path(importlib.util.find_spec(name).origin).parent for name in ("unfold", "django"))  # type: ignore[union-attr, arg-type]
    known: set[str] = set()
    for path in django.glob("**/locale/zh_Hans/LC_MESSAGES/django.po"):
        known |= {_first(message.id) for message in _read(path) if message.id and message.string}
    found = _messages(unfold, skip="contrib")
    return {message: where for message, where in found.items() if _first(message) not in known}


def _messages(folder: Path, skip: str = "") -> dict[Message, str]:
    found: dict[Message, str] = {}
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.html"), *folder.rglob("*.txt")]):
        name = path.relative_to(folder.parent).as_posix()
        if "migrations" in path.parts or (skip and skip in path.relative_to(folder).parts):
            continue
        text = path.read_text(encoding="utf-8")
        for message in in_python(text, name) if path.suffix == ".py" else in_template(text):
            found.setdefault(message, name)
    return found


def _first(message: Message | Sequence[str]) -> str:
    return message if isinstance(message, str) else message[0]


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def _chinese(catalogue: Catalog, message: Message | Sequence[str]) -> str:
    entry = catalogue.get(_first(message))
    string = (entry.string if entry else "") or ""
    return string if isinstance(string, str) else string[0]


def _placeholders(text: str) -> set[tuple[str, ...]]:
    return set(re.findall(r"%\((\w+)\)s|(?<!\{)\{(\w+)\}", text))


def _fills(text: str) -> bool:
    """Whether its places can be filled in: beside one of them, "95% 的" would fail the page."""
    names = re.findall(r"%\((\w+)\)s", text)
    try:
        return not names or bool(text % dict.fromkeys(names, ""))
    except (TypeError, ValueError):
        return False


def problems(wanted: dict[Message, str], catalogue: Catalog) -> Iterator[str]:
    """What is missing, or names other places than the sentence it translates."""
    for message, where in wanted.items():
        chinese = _chinese(catalogue, message)
        if not chinese:
            yield f"{where}: no Chinese for {_first(message)!r}"
        elif not _placeholders(chinese) <= _placeholders(str(message)):
            yield f"{where}: the Chinese of {_first(message)!r} names places the English does not have"
        elif not _fills(chinese):
            yield f"{where}: the Chinese of {_first(message)!r} has a bare % beside its places; write %%"


def compiled(catalogue: Catalog) -> bytes:
    file = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)  # the same file every time
    write_mo(file, catalogue)
    return file.getvalue()


def rewritten(wanted: dict[Message, str], old: Catalog) -> Catalog:
    """The catalogue of exactly the wanted sentences, with the Chinese there was."""
    new = Catalog(locale="zh_Hans", charset="utf-8", fuzzy=False)
    for message in sorted(wanted, key=_first):
        chinese = _chinese(old, message)
        new.add(message, chinese if isinstance(message, str) else (chinese,))
    return new


def main(arguments: list[str]) -> int:
    wanted = _joined(ours(), of_the_theme())
    old = _read(CATALOGUE) if CATALOGUE.exists() else Catalog(locale="zh_Hans")
    for path in arguments:
        if path != "--check":
            for entry in _read(Path(path)):
                if entry.id and entry.string and not _chinese(old, entry.id):
                    old.delete(_first(entry.id))
                    old.add(entry.id, entry.string)
    mo = CATALOGUE.with_suffix(".mo")
    new = rewritten(wanted, old)
    wrong = list(problems(wanted, new))
    if "--check" in arguments:
        if not mo.exists() or mo.read_bytes() != compiled(_read(CATALOGUE)):
            wrong.append(f"{mo} is not {CATALOGUE.name} compiled; run: python -m tools.translations")
    else:
        text = io.BytesIO()
        write_po(text, new, width=120, omit_header=True, no_location=True)
        CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
        CATALOGUE.write_bytes(HEADER.encode() + text.getvalue())
        mo.write_bytes(compiled(_read(CATALOGUE)))
    for line in wrong:
        print(line)
    print(f"{len(wanted)} sentences, {len(wrong)} to mend")
    return 1 if wrong else 0


def _joined(*parts: dict[Message, str]) -> dict[Message, str]:
    """One entry a sentence: where it is marked with and without a plural, the plural one holds both."""
    found: dict[str, tuple[Message, str]] = {}
    for part in parts:
        for message, where in part.items():
            if _first(message) not in found or isinstance(message, tuple):
                found[_first(message)] = (message, where)
    return dict(found.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
