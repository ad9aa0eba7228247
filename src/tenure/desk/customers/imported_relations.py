"""Relations that come with files: brought to the desk after each refresh, taken away again when their batch is undone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from tenure.contracts.custom import plain
from tenure.desk.customers.events import RelationsFollowed
from tenure.desk.customers.models import Relation
from tenure.desk.customers.relations import KINDS, SYMMETRIC, in_one_circle, merged
from tenure.desk.events import announce
from tenure.desk.governance import audit, personal
from tenure.lake import SYSTEM, Lake
from tenure.language import Words

LEFT_OUT = "relations_left_out"
"""Document: by batch, how many of its rows are not shown, why, and the first of them."""
CHUNK = 500
SAMPLES = 50

WHY: Mapping[str, Words] = {
    "nobody": Words("No customer of that source has this number", "该来源中没有这个编号的客户"),
    "same": Words("Both numbers are one person", "两个编号是同一人"),
    "second": Words("There is another one already, and only one fits at a time", "已有一个，同一时间只能有一个"),
    "circle": Words("It would make a circle: somebody would stand above themselves", "会形成循环：有人成为自己的上级"),
    "dates": Words("It ends before it begins", "结束日期早于开始日期"),
}

# What a file may call each side: the code, then what people write. A kind's own words are read as well.
_SIDES: Mapping[str, tuple[str, bool, tuple[str, ...]]] = {
    "parent": ("branch", True, ("parent company", "headquarters", "上级公司", "母公司", "总公司", "上级")),
    "branch": ("branch", False, ("subsidiary", "branch or subsidiary", "child", "分公司", "子公司", "分支机构")),
    "employer": ("employee", True, ("works for", "works at", "任职公司", "雇主", "单位", "所在单位")),
    "employee": ("employee", False, ("staff", "员工", "雇员")),
    "decides_for": ("decision_maker", True, ("decides for", "决策对象")),
    "decision_maker": ("decision_maker", False, ("decision maker", "决策人")),
    "household": ("household", True, ("family", "same household", "家庭", "家人", "同一家庭")),
    "referrer": ("referred_by", True, ("referred by", "referred_by", "推荐人", "介绍人")),
    "referred": ("referred_by", False, ("被推荐客户", "被推荐人")),
}


def _words() -> dict[str, tuple[str, bool]]:
    known: dict[str, tuple[str, bool]] = {}
    for code, (name, up, written) in _SIDES.items():
        own = KINDS[name].there if up else KINDS[name].back
        known |= {plain(word): (name, up) for word in (own.en, own.zh, *written, code)}
    return known


_READ = _words()

Mark = tuple[int, int, str, str]
"""From, to, kind, what it is called."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A relation as a file says it."""

    since: date | None
    until: date | None
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of it: relations that came with files and are shown now, and rows that are not."""

    shown: int
    made: int
    changed: int
    gone: int
    left_out: int


def read(relation: str) -> tuple[str, bool, str]:
    """What a file's word means: the kind, whether the other is its upper end, and its own name for any other word."""
    found = _READ.get(plain(relation))
    return (*found, "") if found else ("custom", True, " ".join(relation.split())[:60])


def follow(lake: Lake, *, now: datetime) -> Followed:
    """Make the desk's relations that came with files what the records say now.

    What somebody said on the desk goes first: it is neither changed nor shadowed, and what was taken off there stays
    off. A row that names nobody, closes a circle or makes a second parent is left out, and its batch says so. Killed
    in the middle, the next call completes it.
    """
    rows = _rows(lake)
    wanted, left = _sorted_out(rows)
    there = {(row.from_own, row.to_own, row.kind, row.called): row for row in Relation.objects.filter(imported=True)}
    made = [mark for mark in wanted if mark not in there]
    changed = [row for mark, row in there.items() if mark in wanted and _changes(row, wanted[mark])]
    gone = [row.pk for mark, row in there.items() if mark not in wanted]
    for start in range(0, len(gone), CHUNK):
        Relation.objects.filter(pk__in=gone[start : start + CHUNK]).delete()
    for start in range(0, len(changed), CHUNK):
        Relation.objects.bulk_update(changed[start : start + CHUNK], ["since", "until", "note", "source"])
    for start in range(0, len(made), CHUNK):
        Relation.objects.bulk_create(
            [_made(mark, wanted[mark], now) for mark in made[start : start + CHUNK]], ignore_conflicts=True
        )
    if made or changed or gone:
        with transaction.atomic():
            audit.record(
                "follow_relations", "relations", len(wanted), actor=None, now=now, made=len(made), changed=len(changed),
                gone=len(gone),
            )  # fmt: skip
            announce(RelationsFollowed(len(made), len(changed), len(gone)))
    if left or lake.document(LEFT_OUT):
        lake.publish_document(LEFT_OUT, left)
    return Followed(len(wanted), len(made), len(changed), len(gone), sum(one["rows"] for one in left.values()))


def desk_mark() -> list[Any]:
    """Changes with whatever the desk says about relations itself: imported ones give way to it."""
    own = Relation.objects.filter(imported=False)
    newest = own.order_by("-pk").values_list("pk", flat=True).first()
    return [newest, own.count(), Relation.objects.filter(dropped_at__isnull=False).count()]


def left_out_of(lake: Lake, batch: str) -> dict[str, Any] | None:
    """What of a batch is not shown: `rows`, `why` (code → rows) and `first` (row, why); None where all of it is."""
    return (lake.document(LEFT_OUT) or {}).get(batch)


def _rows(lake: Lake) -> list[dict[str, Any]]:
    """What the records say, the ends as minted ids (None where there is no such customer), oldest first."""
    if not lake.exists("records/relations"):
        return []
    links = lake.read("identity/links", actor=SYSTEM)
    rows = lake.read("records/relations", actor=SYSTEM)
    for number, own in (("customer_id", "one"), ("related_id", "other")):
        ends = links.select(**{f"{own}_of": links.ids_of, f"{own}_number": links.customer_id, own: links.own_id})
        rows = rows.left_join(ends, [rows.ids_of == ends[f"{own}_of"], rows[number] == ends[f"{own}_number"]])
        rows = rows.drop(f"{own}_of", f"{own}_number")
    rows = rows.order_by("valid_at", "batch", "row")
    found: list[dict[str, Any]] = lake.to_arrow(
        rows.select("one", "other", "relation", "since", "until", "note", "source", "batch", "row")
    ).to_pylist()
    return found


def _sorted_out(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[Mark, Wanted], dict[str, Any]]:
    """Those that may stand, beside what of each batch may not."""
    rows = list(rows)
    desk = list(Relation.objects.filter(imported=False))
    ours = {(row.from_own, row.to_own, row.kind, row.called) for row in desk}
    ends = {one for row in rows for one in (row["one"], row["other"]) if one is not None}
    now = merged(ends | {one for row in desk for one in (row.from_own, row.to_own)})
    above: dict[str, dict[int, int]] = {name: {} for name in KINDS}
    for said in desk:
        if said.until is None and said.kind in above:
            above[said.kind][now[said.from_own]] = now[said.to_own]
    wanted: dict[Mark, Wanted] = {}
    left: dict[str, Any] = {}
    for row in rows:
        name, up, called = read(row["relation"] or "")
        why = ""
        low, high = (row["one"], row["other"]) if up else (row["other"], row["one"])
        if low is None or high is None:
            why = "nobody"
        elif now[low] == now[high]:
            why = "same"
        elif row["since"] and row["until"] and row["until"] < row["since"]:
            why = "dates"
        elif row["until"] is None:
            kind, stands = KINDS[name], above[name].get(now[low])
            if kind.single and stands not in (None, now[high]):
                why = "second"
            elif kind.tree and in_one_circle(now[low], now[high], above[name]):
                why = "circle"
            elif kind.tree or kind.single:
                above[name][now[low]] = now[high]
        if why:
            told = left.setdefault(row["batch"], {"rows": 0, "why": {}, "first": []})
            told["rows"] += 1
            told["why"][why] = told["why"].get(why, 0) + 1
            if len(told["first"]) < SAMPLES:
                told["first"].append([row["row"], why])
            continue
        if name in SYMMETRIC:
            low, high = min(low, high), max(low, high)
        if (low, high, name, called) not in ours:
            wanted[low, high, name, called] = Wanted(
                row["since"], row["until"], (row["note"] or "")[:500], row["source"] or ""
            )
    return wanted, left


def _changes(row: Relation, said: Wanted) -> bool:
    """Bring a relation to what its file says; whether that was news."""
    note = (personal.unseal(row.note) or "") if row.note else ""
    if (row.since, row.until, row.source, note) == (said.since, said.until, said.source[:60], said.note):
        return False
    row.since, row.until, row.source = said.since, said.until, said.source[:60]
    if note != said.note:
        row.note = personal.seal(row.from_own, said.note, context="relation")
    return True


def _made(mark: Mark, said: Wanted, now: datetime) -> Relation:
    low, high, kind, called = mark
    return Relation(
        from_own=low, to_own=high, kind=kind, called=called, since=said.since, until=said.until, source=said.source[:60],
        imported=True, note=personal.seal(low, said.note, context="relation"), said_at=now,
    )  # fmt: skip
