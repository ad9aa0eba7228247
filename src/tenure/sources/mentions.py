"""Finding a person in files of rows as people wrote them, and taking those rows out."""

import csv
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from tenure.contracts import CONTRACTS
from tenure.packs import packs
from tenure.sources.mapping import plain

_LONG = 5  # a customer number this long is nobody else's quantity, price or year
_NOT_DIGIT = re.compile(r"\D")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


class Mentions:
    """Says whether a row is about a person: by number, phone, e-mail, ID number or name.

    It would rather take a row too many than leave one: a name inside a longer text counts, and so does a number of
    five characters or more in any column; a shorter one counts only in a column that holds customer numbers.
    """

    def __init__(self, numbers: Iterable[str], values: Mapping[str, Collection[str]]) -> None:
        # Loaded when it is needed: its dictionaries take half a second, which no import need wait for.
        from tenure.identity.standard import names as standard_names

        self._standard_names = standard_names
        self._numbers = {number.strip().casefold() for number in numbers if number.strip()}
        self._long = {number for number in self._numbers if len(number) >= _LONG}
        texts = [*values.get("email", ()), *values.get("id_number", ())]
        names = [name for name in values.get("name", ()) if len(name) >= (2 if _CHINESE.search(name) else _LONG)]
        self._within = [text.strip().casefold() for text in (*texts, *names) if text.strip()]
        self._names = {
            name for name in standard_names(pa.array(list(values.get("name", ())), pa.string())).to_pylist() if name
        }
        digits = [_NOT_DIGIT.sub("", phone) for phone in values.get("phone", ())]
        # Without the country's code, which some write and some do not.
        self._phones = {number[-10:] for number in digits if len(number) >= 7}

    def number_columns(self, headers: Sequence[str]) -> list[int]:
        """Where customer numbers stand."""
        known = {plain("customer_id")}
        for contract in CONTRACTS.values():
            if contract.person:
                for column in (contract[name] for name in (contract.person, *contract.others)):
                    known |= {plain(name) for name in (column.name, *column.aliases)}
                # Whichever pack was in force when the file came, the column it took for customers is looked through.
                called = (pack.names.get(contract.name, {}).get(contract.person, ()) for pack in packs().values())
                known |= {plain(name) for names in called for name in names}
        return [place for place, header in enumerate(headers) if plain(header) in known]

    def in_row(self, cells: Sequence[str], number_columns: Sequence[int]) -> bool:
        """Whether any cell gives the person away."""
        bare = [cell.strip().removeprefix("'").strip().casefold() for cell in cells]
        if any(place < len(bare) and bare[place] in self._numbers for place in number_columns):
            return True
        for cell in bare:
            if not cell:
                continue
            if cell in self._long or any(text in cell for text in self._within):
                return True
            if any(phone in _NOT_DIGIT.sub("", cell) for phone in self._phones):
                return True
        return bool(self._names & set(self._standard_names(pa.array(bare, pa.string())).to_pylist()))


def take_out(folder: Path, mentions: Mentions) -> tuple[int, int]:
    """Rewrite every CSV file of a folder without the rows about a person; returns how many files and rows went.

    A file that has no row left is deleted. A rewritten file takes the old one's place whole. Files that an import
    left unfinished when it died are deleted too.
    """
    files = rows = 0
    for path in sorted(folder.glob("*.csv")) if folder.is_dir() else ():
        if taken := _rewritten(path, mentions):
            files, rows = files + 1, rows + taken
    for left in folder.glob(".*.csv.*") if folder.is_dir() else ():
        if not _alive(left.suffix.removeprefix(".")):
            left.unlink(missing_ok=True)
    return files, rows


def _rewritten(path: Path, mentions: Mentions) -> int:
    taken = kept = 0
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            path.open(encoding="utf-8-sig", newline="") as old,
            unfinished.open("w", encoding="utf-8-sig", newline="") as new,
        ):
            reader, writer = csv.reader(old), csv.writer(new)
            headers = next(reader, [])
            columns = mentions.number_columns(headers)
            writer.writerow(headers)
            for cells in reader:
                if mentions.in_row(cells, columns):
                    taken += 1
                else:
                    writer.writerow(cells)
                    kept += 1
            new.flush()
            os.fsync(new.fileno())
        if taken and kept:
            unfinished.replace(path)
        elif taken:
            path.unlink()
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return taken


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        pass
    return True
