"""Step: how each customer's churn score came to be what it is, point by point, each change put down to what changed it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.errors import TenureError
from tenure.in_order import by_person as in_order
from tenure.insight.churn import drivers, facts, history
from tenure.insight.churn.backtest import Backtest
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners import Champion, load
from tenure.lake import SYSTEM, Lake
from tenure.lake.parts import read_parts
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline.run import Context, Step

HISTORY, KEPT, NOW = "scores/churn_history", "features/churn_kept", "features/churn_facts"
WRITTEN = "score_history"
"""Document: of which day points were written last, and what the tables held then."""
_TOGETHER = 50_000  # points worked out at once
# A table many small refreshes have added to is put together again.
_FILES = 32
# Points of months past lie at least so far from the day the model was tried on, and from today.
_APART = timedelta(days=7)
_NONE = COMPUTED[HISTORY].empty_table()
_SCORED = ("person_id", "churn_probability", "risk_band", "drivers")
_CARRIED = "people whose scores were carried over"


def kept_model(lake: Lake) -> tuple[Champion, str] | None:
    """The model the published scores were told by, and a mark that changes with it; None before there is one."""
    told = (lake.document("churn_card") or {}).get("model")
    if not told:
        return None
    folder = lake.folder / "models" / "churn" / told["code"] / str(told["version"]) / "model"
    sums = folder / "checksums.json"
    try:
        written = sums.stat()
        return _read(folder, written.st_mtime_ns, written.st_ino)
    except (FileNotFoundError, TenureError):
        return None


@lru_cache(maxsize=4)
def _read(folder: Path, written: int, inode: int) -> tuple[Champion, str]:
    # Read first: a refresh that writes a new one meanwhile leaves a mark that fits no model, and the next look reads again.
    mark = hashlib.sha256((folder / "checksums.json").read_bytes()).hexdigest()[:12]
    return load(folder), mark


def months_since(context: Context, tried_on: datetime) -> list[datetime]:
    """The ends of months between the day the model was tried on and today, oldest first: none where there is a history."""
    if _begun(context.lake):
        return []
    zone, after = context.as_of.tzinfo, tried_on + _APART
    found: list[datetime] = []
    month = context.as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month > after:
        if month < context.as_of - _APART:
            found.append(month)
        last = month.date() - timedelta(days=1)
        month = datetime(last.year, last.month, 1, tzinfo=zone)
    return found[::-1]


def _begun(lake: Lake) -> bool:
    """Whether anybody was scored on the day itself. What was only tried is tried again: it may be half of it."""
    if not lake.exists(HISTORY):
        return False
    rows = lake.read(HISTORY, actor=SYSTEM)
    return bool(rows.filter(rows.kind == "scored").limit(1).select("kind").to_pyarrow().num_rows)


def begin(
    context: Context, tried: Backtest, frames: dict[Any, pa.Table], since: Mapping[datetime, pa.Table] | None = None
) -> None:
    """Where there is no history yet, let it begin with the days the model was tried on, and the ends of months `since`.

    The model tried had learned only from what was known by the day it was tried on, so what it says of that day and of
    later ones is what would have been said on them; of the days before, a model says it that had learned only from what
    was known by the first of them. The points are marked `tried`, for nobody saw them. The published model knows
    later outcomes: what it would say of an earlier day is no history.
    """
    lake, split = context.lake, tried.split
    if split is None or split.test not in frames or _begun(lake):
        return
    for table in (HISTORY, KEPT):  # of a try that was cut off
        if lake.exists(table):
            lake.store.delete(table, "true")
    first = split.calibrate if tried.earlier and split.calibrate else split.test
    days = {cut: frame for cut, frame in frames.items() if first <= cut <= split.test} | dict(since or {})
    for moment, frame in sorted(days.items()):
        if "person_id" not in frame.column_names or not frame.num_rows:
            continue
        model, bands, mark = tried.model, tried.bands, ""
        if moment < split.test and tried.earlier:
            model, bands, mark = *tried.earlier, "earlier"
        X = pa.table(
            {
                r.name: frame[r.name] if r.name in frame.column_names else pa.nulls(frame.num_rows)
                for r in model.readings
            }
        )
        chance, _said, effects = model.opened(X, 0, currency=lake.currency)
        people = frame["person_id"].combine_chunks()
        now = pa.table(
            {"person_id": people, "churn_probability": pa.array(chance, pa.float64()),
             "risk_band": pa.array(list(bands.of(chance)), pa.string()),
             "drivers": pa.array(drivers.as_json(effects), pa.string())}
        )  # fmt: skip
        day, packed = moment.astimezone(context.as_of.tzinfo).date(), facts.packed(people, X, model.readings)

        def known(some: pa.ChunkedArray, packed: pa.Table = packed) -> pa.Table:
            return packed.filter(pc.is_in(packed["person_id"], some.combine_chunks()))

        _add(context, day, now, known, model, mark=mark, kind="tried")


def _score_history(context: Context) -> int:
    """Add a point for whoever's score is not what the last point said; a second run of a day takes the first one's place.

    Of those of whom it would say what the first one said, its point stays.
    """
    lake, day = context.lake, context.as_of.date()
    now = in_order(lake.in_runs("scores/churn", _SCORED)) if lake.exists("scores/churn") else None
    found = kept_model(lake)
    if now is None or not now.num_rows or found is None or not lake.exists(NOW):
        _take_back(lake, day)
        return 0
    model, mark = found
    added, files = _add(context, day, now, lambda some: _facts(lake, NOW, some), model, mark=mark, kind="scored")
    _let_go(lake, day)
    lake.publish_document(WRITTEN, _written(lake, day) | {"scores": lake.content("scores/churn"), "files": files})
    return added


def _add(
    context: Context, day: date, now: pa.Table, known: Callable[[pa.ChunkedArray], pa.Table], model: Champion, *,
    mark: str, kind: str,
) -> tuple[int, list[str]]:  # fmt: skip
    """A point of that day for whoever's score is not what the last one said, with what its change is put down to.

    Returns how many there are, and the files that hold them and what they were made from, and nothing else.
    now: person_id, churn_probability, risk_band and drivers, by person. known: the facts of some of them.
    """
    lake = context.lake
    last = _last(lake, day) if lake.exists(HISTORY) else _NONE
    place = pc.index_in(now["person_id"].combine_chunks(), last["person_id"].combine_chunks())
    before = last.take(place)
    kept = pa.array(history.kept_again(before, now, day))
    now, before = now.filter(kept), before.filter(kept)
    told = now.num_rows
    files: list[str] = []
    if kind == "scored":  # what was only tried is written once, and stood nowhere before
        points, files = _only_standing(context, day, now, mark)
        fresh = pc.invert(pc.is_in(now["person_id"], points["person_id"].combine_chunks()))
        now, before = now.filter(fresh), before.filter(fresh)
    there = _files(lake)
    for start in range(0, now.num_rows, _TOGETHER):
        some, was = now.slice(start, _TOGETHER), before.slice(start, _TOGETHER)
        packed = known(some["person_id"])
        changes = _changes(lake, model, mark, some, was, packed)
        _write(
            lake, day, some["person_id"], some["churn_probability"], some["risk_band"], some["drivers"],
            pa.array(changes, pa.string()), packed, model=mark, kind=kind,
        )  # fmt: skip
        context.tell(start + some.num_rows, now.num_rows)
    return int(told), [*files, *sorted(_files(lake) - there)]


def carried(context: Context, of: str | None, people: pa.ChunkedArray) -> None:
    """Say that these people's facts, and the model that scored them, are those of the scores that stood before (of: their
    content)."""
    context.shared[_CARRIED] = (of, people)


def _written(lake: Lake, day: date) -> dict[str, Any]:
    return {"day": day.isoformat(), "content": [lake.content(table) for table in (HISTORY, KEPT)]}


def _files(lake: Lake) -> set[str]:
    return {file for table in (HISTORY, KEPT) if lake.exists(table) for file in lake.files(table)}


def _only_standing(context: Context, day: date, now: pa.Table, mark: str) -> tuple[pa.Table, list[str]]:
    """The points of this day that say what would be said again: they stay, with what they were made from; others go.

    Returns them, and the files both are in.
    """
    lake = context.lake
    of, people = context.shared.pop(_CARRIED, (None, None))
    written = lake.document(WRITTEN) or {}
    said = {name: written.get(name) for name in ("day", "content")} == _written(lake, day)
    # Where some were put together with others since, they hold more than this day.
    said = said and {*written.get("files", ())} <= _files(lake)
    files = [{*lake.store.files(table)[0]} if lake.exists(table) else set() for table in (HISTORY, KEPT)]
    todays = [[file for file in some if Path(file).name in written.get("files", ())] for some in files]
    if context.again or not said or not all(todays):
        _take_back(lake, day)
        return COMPUTED[HISTORY].empty_table(), []
    points, mine = (
        read_parts(sorted(some), COMPUTED[table]) for some, table in zip(todays, (HISTORY, KEPT), strict=True)
    )
    scores = of if of is not None and of == written.get("scores") else None
    points, mine = _standing(context, points, mine, now, mark, people if scores else None)
    # The points first: facts without a point are read by nobody, and taken back by the next run.
    written_now: list[str] = []
    for table, rows, some, stale in zip((HISTORY, KEPT), (points, mine), files, todays, strict=True):
        (kept,) = lake.renew(table, [rows.to_reader()], [Path(file).name for file in some.difference(stale)])
        written_now += kept
    return points, written_now


def _standing(
    context: Context, points: pa.Table, mine: pa.Table, now: pa.Table, mark: str, carried: pa.ChunkedArray | None
) -> tuple[pa.Table, pa.Table]:
    """The points of this day that say what would be said again, and what they were made from.

    Nothing was written since but by this step on this day, so the points before are those they were compared with; and
    score, bands, drivers, model and facts are what they were. carried: whose scores, drivers and facts are known to be.
    """
    nothing = points.slice(0, 0), mine.slice(0, 0)
    if carried is None:  # each beside the other, row by row
        points, mine = in_order(points), in_order(mine)
        if not points["person_id"].equals(mine["person_id"]):
            return nothing
    names = ["churn_probability", "risk_band", "drivers"][: None if carried is None else 2]
    place = pc.index_in(points["person_id"].combine_chunks(), now["person_id"].combine_chunks())
    today = now.select(names).take(place)
    same = pc.and_(pc.equal(points["model"], mark), pc.equal(points["kind"], "scored"))
    for name in names:
        same = pc.and_(same, pc.equal(points[name], today[name]))
    same = pc.fill_null(same, False)
    if carried is not None:
        points = points.filter(pc.and_(same, pc.is_in(points["person_id"], carried.combine_chunks())))
        mine = mine.filter(pc.is_in(mine["person_id"], points["person_id"].combine_chunks()))
        return (points, mine) if points.num_rows == mine.num_rows else nothing
    points, mine = points.filter(same), mine.filter(same)
    facts_now = _facts(context.lake, NOW, points["person_id"]) if points.num_rows else facts.SCHEMA.empty_table()
    if not points["person_id"].equals(facts_now["person_id"]):
        return nothing
    alike = pa.array(facts.alike(mine, facts_now))
    return points.filter(alike), mine.filter(alike)


def _changes(
    lake: Lake, model: Champion, mark: str, now: pa.Table, before: pa.Table, packed: pa.Table
) -> list[str | None]:
    """What each of these scores' change since the point before is put down to; None where there was none."""
    readings = model.readings
    people = now["person_id"].combine_chunks()
    then = facts.opened(_as_of(lake, people, before), readings)
    today = facts.opened(packed, readings)
    at_then = pc.index_in(people, then["person_id"].combine_chunks())
    at_today = pc.index_in(people, today["person_id"].combine_chunks())
    # Of very many customers some learners tell only the riskiest what their score rests on.
    opened = pc.not_equal(pc.fill_null(now["drivers"], "{}"), "{}").combine_chunks()
    known = pc.and_(opened, pc.and_(pc.is_valid(at_then), pc.is_valid(at_today))).to_numpy(zero_copy_only=False)
    then, today = then.take(at_then.filter(pa.array(known))), today.take(at_today.filter(pa.array(known)))
    parts_then, parts_now = _parts(model, then), _parts(model, today)
    names = [reading.name for reading in readings]
    read_then = drivers.by_driver(parts_then, names).tolist()
    said = history.behind(readings, parts_then, parts_now, then, today, lake.currency)
    turn = np.cumsum(known) - 1
    found: list[str | None] = []
    for row, (new, old) in enumerate(zip(now.to_pylist(), before.to_pylist(), strict=True)):
        if old["churn_probability"] is None or not opened[row].as_py():
            found.append(None)
            continue
        told = json.loads(new["drivers"] or "{}")
        was = json.loads(old["drivers"] or "{}")
        if old["model"] == mark:
            earlier = was
        elif known[row]:
            earlier = {code: effect for code, effect in zip(drivers.CODES, read_then[turn[row]], strict=True) if effect}
            # What folds said otherwise belongs to no facts; it came with its model and goes with it.
            told.pop(drivers.UNSEEN, None)
        else:
            earlier = None
        moved = history.attributed(old["churn_probability"], new["churn_probability"], told, earlier)
        facts_behind = said[turn[row]] if known[row] else {}
        found.append(history.as_json(old["as_of"], old["churn_probability"], moved, facts_behind))
    return found


def _parts(model: Champion, rows: pa.Table) -> Floats:
    names = model.feature_names_in_.tolist()
    wide = pa.table({n: rows[n] if n in rows.column_names else pa.nulls(rows.num_rows) for n in names})
    parts = model.contributions(wide)
    return np.asarray(parts[:, [names.index(reading.name) for reading in model.readings]], dtype=np.float64)


def _last(lake: Lake, day: date) -> pa.Table:
    """Everybody's newest point before a day."""
    rows = lake.read(HISTORY, actor=SYSTEM)
    rows = rows.filter(rows.as_of < ibis.literal(day))
    newest = rows.group_by("person_id").agg(as_of=rows.as_of.max())
    return lake.to_arrow(rows.semi_join(newest, ["person_id", "as_of"]).drop("change", "kind"))


def _facts(lake: Lake, table: str, people: pa.ChunkedArray) -> pa.Table:
    rows = lake.read(table, actor=SYSTEM)
    wanted = ibis.memtable(pa.table({"person_id": people.cast(pa.int64())}))
    return lake.to_arrow(rows.semi_join(wanted, "person_id").order_by("person_id").select(*facts.SCHEMA.names))


def _as_of(lake: Lake, people: pa.Array, before: pa.Table) -> pa.Table:
    """The facts kept with each of these people's point before."""
    wanted = pa.table({"person_id": people, "as_of": before["as_of"]}).filter(pc.is_valid(before["as_of"]))
    if not lake.exists(KEPT) or not wanted.num_rows:
        return facts.SCHEMA.empty_table()
    rows = lake.read(KEPT, actor=SYSTEM)
    found = rows.semi_join(ibis.memtable(wanted), ["person_id", "as_of"])
    return lake.to_arrow(found.order_by("person_id").select(*facts.SCHEMA.names))


def _write(
    lake: Lake,
    day: date,
    people: Any,
    chances: Any,
    bands: Any,
    rests_on: Any,
    changes: Any,
    packed: pa.Table,
    *,
    model: str,
    kind: str,
) -> None:
    rows = len(people)
    as_of = pa.array([day], pa.date32()).take(pa.array(np.zeros(rows, np.int64)))
    same = [pa.array([text], pa.string()).take(pa.array(np.zeros(rows, np.int64))) for text in (model, kind)]
    points = pa.table([people, as_of, chances, bands, rests_on, changes, *same], schema=COMPUTED[HISTORY])
    day_of_facts = pa.array([day], pa.date32()).take(pa.array(np.zeros(packed.num_rows, np.int64)))
    # The points last: facts without a point are taken back by the next run, and read by nobody until then.
    lake.add(KEPT, packed.append_column("as_of", day_of_facts).select(COMPUTED[KEPT].names))
    lake.add(HISTORY, points)


def _take_back(lake: Lake, day: date) -> None:
    for table in (HISTORY, KEPT):
        if lake.exists(table):
            lake.store.delete(table, f"as_of = DATE '{day.isoformat()}'")


def _let_go(lake: Lake, day: date) -> None:
    """Points past their time go, and of the facts all but those of each customer's newest point and the one before."""
    if not lake.exists(HISTORY):
        return
    lake.store.compact(HISTORY, files=_FILES)
    lake.store.compact(KEPT, files=_FILES)
    old = day - timedelta(days=history.KEPT_DAYS)
    points = lake.read(HISTORY, actor=SYSTEM)
    # Somebody scored no more keeps the last that was said of them.
    newest = points.group_by("person_id").agg(as_of=points.as_of.max())
    stale = points.filter(points.as_of < ibis.literal(old)).anti_join(newest, ["person_id", "as_of"])
    if lake.to_arrow(stale.agg(n=stale.count()))["n"][0].as_py():
        lake.publish(HISTORY, lake.to_arrow(points.anti_join(stale, ["person_id", "as_of"])).cast(COMPUTED[HISTORY]))
    rows = lake.read(KEPT, actor=SYSTEM)
    turn = ibis.row_number().over(ibis.window(group_by="person_id", order_by=rows.as_of.desc()))
    ranked = rows.mutate(turn=turn)
    sizes = lake.to_arrow(ranked.agg(all=ranked.count(), kept=(ranked.turn < 2).sum()))
    if sizes["all"][0].as_py() > 1.25 * (sizes["kept"][0].as_py() or 1):
        lake.publish(KEPT, lake.to_arrow(ranked.filter(ranked.turn < 2).drop("turn")).cast(COMPUTED[KEPT]))


def _made_from(context: Context) -> Sequence[object]:
    return [context.lake.content("scores/churn"), context.as_of]


STEPS: tuple[Step, ...] = (Step("score_history", Words("Score history", "评分历史"), _made_from, _score_history),)
