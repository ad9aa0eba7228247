"""What the lake held of a contract when an import began: which rows are new, which change something, who is meant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.contracts import Contract
from tenure.language import Words
from tenure.sources.base import Fault
from tenure.sources.parse import Mask
from tenure.sources.seen import Seen, hashes

if TYPE_CHECKING:
    from tenure.lake import Lake

Mode: TypeAlias = Literal["upsert", "create", "update"]
MODES: tuple[Mode, ...] = ("upsert", "create", "update")

ALREADY_THERE = Fault(
    Words(
        "{field} {value} is in already, and only new records were to be created",
        "{field} {value} 已存在，而本次只新建记录",
    ),
    Words("Take the row out, or import with the mode upsert", "请删除该行，或改用“新建或更新”方式导入"),
)
NOT_THERE = Fault(
    Words("there is no {field} {value} to update", "没有可更新的 {field} {value}"),
    Words("Take the row out, or import with the mode upsert", "请删除该行，或改用“新建或更新”方式导入"),
)
SEVERAL = Fault(
    Words("“{value}” is found with more than one record: {first}", "“{value}”对应多条记录：{first}"),
    Words("Join the records that are one, or give the row its own number", "请先合并重复记录，或为该行填写编号"),
)

NEW, SAME, OTHER = np.int8(1), np.int8(2), np.int8(3)
_SHOWN = 3


def standard_form(name: str, column: pa.Array) -> pa.Array:
    """The form in which two cells of a field are compared; null where there is nothing to compare by."""
    if name in ("phone", "email", "id_number"):
        # Loaded when it is needed: its dictionaries take half a second.
        from tenure.identity import standard

        forms = {"phone": standard.phones, "email": standard.emails, "id_number": standard.id_numbers}
        # A number nobody can dial is still told apart by itself.
        return forms[name](column)
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(column.cast(pa.string()), form="NFKC")))
    return pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)


@dataclass
class Matched:
    """Which record each row of a chunk is about. keys: its key; several: by field, the rows that fit more than one."""

    keys: pa.Array
    several: dict[str, Mask]
    names: dict[int, str]


@dataclass
class Existing:
    """The records of a contract under one numbering, by hash: enough to tell, not to read.

    compared: the columns by which a row says the same as before or something else. match_on: fields a row finds its
    record by, instead of by its key.
    """

    contract: Contract
    compared: tuple[str, ...]
    match_on: tuple[str, ...] = ()
    _rows: Seen = field(default_factory=Seen)
    _found: dict[str, Seen] = field(default_factory=dict)
    _ids: list[str] = field(default_factory=list)
    _sharers: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    _met: dict[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        lake: "Lake | None",
        contract: Contract,
        *,
        ids_of: str,
        present: Collection[str],
        match_on: Sequence[str],
        batches: Collection[str],
        among: pa.Table | None = None,
    ) -> "Existing":
        """Read what is there, by the word of these batches."""
        # That a source looked again is no change of what it said.
        clock = None if contract.fact else contract.valid_at
        compared = tuple(n for n in contract.names if n in present and n not in contract.key and n != clock)
        known = cls(contract, compared, tuple(match_on))
        known._found = {name: Seen() for name in match_on}
        if lake is not None and batches:
            wanted = list(dict.fromkeys((*compared, *match_on)))
            for batch in lake.known(contract.name, ids_of=ids_of, columns=wanted, batches=batches, among=among):
                if batch.num_rows:
                    known._take(batch)
        return known

    def __len__(self) -> int:
        return len(self._rows)

    def kinds(self, columns: dict[str, pa.Array]) -> NDArray[np.int8]:
        """For each row whether its record is new, stands with the same content, or with another."""
        size = len(next(iter(columns.values())))
        if not len(self._rows):
            return np.full(size, NEW)
        place = self._rows.find(hashes([columns[name] for name in self.contract.key]))
        kinds = np.full(size, NEW)
        there = place >= 0
        if there.any():
            content = self._content(columns, size)
            kinds[there] = np.where(self._rows.value(place[there]) == content[there], SAME, OTHER)
        return kinds

    def match(self, columns: dict[str, pa.Array], forms: dict[str, pa.Array], minted: pa.Array) -> Matched:
        """The record each row is about, by the fields of `match_on`.

        forms: by field, its standard form. minted: the key of a row that finds none and has none of its own.
        A row is about the one record that any of the fields finds; where they find several, about none. Records that
        the same file brings are found by its later rows.
        """
        key = self.contract.key[0]
        size = len(minted)
        own = columns.get(key)
        own = minted if own is None else pc.coalesce(own, minted)
        several: dict[str, Mask] = {}
        names: dict[int, str] = {}
        target = np.full(size, -1, dtype=np.int64)
        marks: dict[str, tuple[NDArray[np.uint64], Mask]] = {}
        for name in self.match_on:
            filled = forms[name].is_valid().to_numpy(zero_copy_only=False)
            marks[name] = marked = hashes([forms[name]]), filled
            place = self._found[name].find(marked[0])
            hit = filled & (place >= 0)
            found = np.full(size, -1, dtype=np.int64)
            found[hit] = self._found[name].value(place[hit])
            shared = found == -2
            both = (target >= 0) & (found >= 0) & (target != found)
            if (shared | both).any():
                several[name] = shared | both
                for row in np.flatnonzero(shared):
                    names[int(row)] = self._named(self._sharers[name, int(marked[0][row])])
                for row in np.flatnonzero(both):
                    names[int(row)] = self._named([int(target[row]), int(found[row])])
            target = np.where((target < 0) & (found >= 0), found, target)
        told = np.zeros(size, dtype=bool)
        for mask in several.values():
            told |= mask
        # Whoever is found by nothing that stood there before may still be found by what an earlier row brought.
        keys: list[str | None] = own.to_pylist()
        for row in np.flatnonzero(target >= 0):
            keys[row] = self._ids[target[row]]
        met = self._met
        for row in np.flatnonzero(~told):
            mine = [(name, int(digests[row])) for name, (digests, filled) in marks.items() if filled[row]]
            if target[row] < 0:
                others = dict.fromkeys(met[mark] for mark in mine if mark in met)
                if len(others) > 1:
                    several.setdefault(self.match_on[0], np.zeros(size, dtype=bool))[row] = True
                    names[int(row)] = ", ".join(list(others)[:_SHOWN])
                    continue
                if others:
                    keys[row] = next(iter(others))
            for mark in mine:
                met.setdefault(mark, keys[row] or "")
        return Matched(pa.array(keys, pa.string()), several, names)

    def _take(self, batch: pa.RecordBatch) -> None:
        columns = {name: batch.column(name) for name in batch.schema.names}
        whole = hashes([columns[name] for name in self.contract.key])
        distinct, first = np.unique(whole, return_index=True)
        place, _ = self._rows.places(distinct)
        self._rows.put(place, self._content(columns, batch.num_rows)[first])
        if not self.match_on:
            return
        ids = columns[self.contract.key[0]].to_pylist()
        start = len(self._ids)
        self._ids.extend(ids)
        for name in self.match_on:
            form = standard_form(name, columns[name])
            rows = np.flatnonzero(form.is_valid().to_numpy(zero_copy_only=False))
            if not len(rows):
                continue
            marks = hashes([form])[rows]
            distinct, first, group, counts = np.unique(
                marks, return_index=True, return_inverse=True, return_counts=True
            )
            seen = self._found[name]
            place, new = seen.places(distinct)
            before = np.where(new, -1, seen.value(place))
            seen.put(place, np.where(new & (counts == 1), rows[first] + start, -2))
            order, starts = np.argsort(group, kind="stable"), np.cumsum(counts) - counts
            for at in np.flatnonzero(~new | (counts > 1)):
                sharers = self._sharers.setdefault((name, int(distinct[at])), [])
                if before[at] >= 0:
                    sharers.append(int(before[at]))
                if len(sharers) < _SHOWN:
                    its = order[starts[at] : starts[at] + min(counts[at], _SHOWN)]
                    sharers.extend(int(row) + start for row in rows[its])

    def _content(self, columns: dict[str, pa.Array], size: int) -> NDArray[np.int64]:
        compared = [columns[name] for name in self.compared if name in columns]
        return hashes(compared).view(np.int64) if compared else np.zeros(size, dtype=np.int64)

    def _named(self, places: Sequence[int]) -> str:
        return ", ".join(self._ids[place] for place in places[:_SHOWN])
