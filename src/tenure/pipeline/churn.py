"""Step: who is about to leave, how likely, and what the score rests on."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.currencies import minor_digits
from tenure.errors import TenureError
from tenure.insight import features
from tenure.insight.churn import (
    Bands,
    Definition,
    attributes,
    backtest,
    card,
    choose,
    cross_validate,
    cut_dates,
    drivers,
    facts,
    learn,
    suspects,
)  # fmt: skip
from tenure.insight.churn.model import ChurnModel
from tenure.insight.features.terms import distinct, highest, lowest
from tenure.insight.value import BGNBD
from tenure.lake import SYSTEM
from tenure.language import Words, both
from tenure.pipeline import score_history
from tenure.pipeline.following import practice
from tenure.pipeline.history import scored_from, settled, tables_over
from tenure.pipeline.run import Context, Step
from tenure.pipeline.value import UNIT_DAYS

_SCHEMA = pa.schema(
    [
        ("person_id", pa.int64()),
        ("churn_probability", pa.float64()),
        ("risk_band", pa.string()),
        ("reasons", pa.string()),
        ("drivers", pa.string()),  # JSON: what each driver adds to the score, in log-odds
    ]
)
# Rows in the tens of thousands need neither many folds nor tiny steps: a third to three fifths of the time, the AUC the
# same to within 0.001 (docs/decisions/0008).
_MODEL = ChurnModel(folds=3, rounds=300, rate=0.05, tree_seeds=3, most_rows=60_000)
_READ = sorted({name for family in features.FAMILIES.values() for name in family.reads} | {"orders", "customers"})

# More customers than this take longer to learn from than a morning has.
MOST_PEOPLE = 40_000
# Four numbers tell the rhythms of a base: from so many buyers, every so many-eth by their numbers, they are known well.
_BUYERS = 5_000
_ROWS_A_SCORING = 100_000  # the matrices of so many customers fit in memory beside everything else
# Knuth's multiplicative hashing: numbers minted one after another are spread evenly, and no engine is asked for a hash.
_STRIDE, _TURNS = 2_654_435_761, 2**32
_SAMPLED = Words(
    "Learned from and tried on {learned} of {people} customers, drawn by their numbers; all are scored",
    "在 {people} 位客户中按编号抽取 {learned} 位用于训练和检验；全部客户均已评分",
)
# What the model of buying rhythms asks of the records: purchase days, the first and the last of them.
_BUYING = {
    "_days": distinct("ordered_on", where="sale"),
    "_first": lowest("ordered_on", where="sale"),
    "_last": highest("ordered_on", where="sale"),
}

At: TypeAlias = Callable[[datetime], Mapping[str, ibis.Table]]


def _churn(context: Context) -> int:
    lake = context.lake
    found = _SCHEMA.empty_table()
    document: dict[str, Any]
    people = _people(context)
    read = [*_READ, "snapshot"]
    with (
        tables_over(context, read) as everyone,
        tables_over(context, read, partial(_some, people=people))
        if people > MOST_PEOPLE
        else nullcontext(everyone) as some,
    ):
        try:
            definition = choose(some(context.as_of), practice(lake).churn)
            if definition.timed:
                found, document = _over_time(context, everyone, some, definition, people)
            else:
                found, document = _by_folds(context, everyone(context.as_of), definition)
        except TenureError as error:
            # Too little to learn from is an answer, shown where the scores would be.
            why = both(error.args[0])
            document = {"as_of": context.as_of.isoformat(), "not_enough_data": {"en": why.en, "zh": why.zh}}
    lake.publish("scores/churn", found)
    lake.publish_document("churn_card", document)
    return int(found.num_rows)


def _people(context: Context) -> int:
    links = context.lake.read("identity/links", actor=SYSTEM)
    return int(context.lake.to_arrow(links.agg(people=links.person_id.nunique()))["people"][0].as_py())


def _some(table: ibis.Table, people: int) -> ibis.Table:
    """The rows of about MOST_PEOPLE of so many people: the same ones in every table, on every engine, every day."""
    turn = (table.person_id * _STRIDE) % _TURNS
    return table.filter(turn < int(_TURNS * MOST_PEOPLE / people))


def _over_time(
    context: Context, everyone: At, some: At, definition: Definition, people: int
) -> tuple[pa.Table, dict[str, Any]]:
    """Learn from customers as they were on earlier dates, prove it on the latest one whose outcome is known.

    Of more than MOST_PEOPLE customers about that many are learned from and tried on; all are scored.
    """
    lake, horizon = context.lake, definition.horizon_days
    cuts = cut_dates(_first(context, some(context.as_of), definition), context.as_of, horizon)
    labels: dict[datetime, pa.Array] = {}
    frames: dict[datetime, pa.Table] = {}
    # Where the same people are scored as are learned from, one pass is made for all dates, today's with them.
    told = _told(context, some, [*cuts, context.as_of] if everyone is some else cuts)
    for place, cut in enumerate(cuts):
        outcome = lake.to_arrow(definition.label(some(cut + timedelta(days=horizon)), cut))
        frame = _of(told.pop(cut), outcome)
        labels[cut] = frame["churned"].combine_chunks()
        frames[cut] = frame.drop_columns(["churned"])
        context.tell(place + 1, len(cuts) + 2)
    tried = backtest(frames, labels, horizon, model=_MODEL, p_alive="p_alive")
    score_history.begin(context, tried, frames)
    if people > MOST_PEOPLE:
        tried.notes.append(_SAMPLED.format(learned=f"{MOST_PEOPLE:,}", people=f"{people:,}"))
    context.tell(len(cuts) + 1, len(cuts) + 2)
    model = learn(frames, labels, horizon, model=_MODEL)
    rows = sum(frame.num_rows for frame in frames.values())
    left = sum(pc.sum(label.cast(pa.int64())).as_py() or 0 for label in labels.values())
    frames.clear()
    now = told.pop(context.as_of) if told else _told(context, everyone, [context.as_of])[context.as_of]
    asked = lake.to_arrow(definition.eligible(everyone(context.as_of), context.as_of))
    scored = _scored(context, model, _of(now, asked), tried.bands)
    document = card(definition, tried, as_of=context.as_of, rows=rows, left=left, model=model)
    model.save(lake.folder / "models" / "churn")
    return scored, document


def _told(context: Context, at: At, dates: Sequence[datetime]) -> dict[datetime, pa.Table]:
    """What was known of each person at each of these dates, with the chance by their own rhythm that they still buy."""
    if not dates:
        return {}
    # Where records of a contract were corrected since, what they said then is another history at each date.
    alike = settled(context, _READ)
    parts: dict[datetime, list[pa.Table]] = {moment: [] for moment in dates}
    others = sorted({*_READ} - {*alike})
    for names, together in ((alike, [list(dates)]), (others, [[moment] for moment in dates])):
        for some in together if names else ():
            tables = {name: at(some[-1])[name] for name in names}
            known = features.as_of(tables, some, by_person=context.lake.map_by_person, also={"orders": _BUYING})
            found = context.lake.to_arrow(known)
            for moment in some:
                mine = found.filter(pc.equal(found["as_of"], pa.scalar(moment, found["as_of"].type)))
                parts[moment].append(mine.drop_columns(["as_of"]))
    return {moment: _settled(_with_p_alive(_beside(parts[moment]), moment)) for moment in dates}


def _beside(parts: Sequence[pa.Table]) -> pa.Table:
    """What several tables tell of a person, in one row; of whom one says nothing it has counted nothing."""
    if len(parts) == 1:
        return parts[0]
    people = pc.unique(pa.chunked_array([chunk for part in parts for chunk in part["person_id"].chunks], pa.int64()))
    columns = {"person_id": people}
    for part in parts:
        place = pc.index_in(people, part["person_id"].combine_chunks())
        for name in part.column_names:
            if name != "person_id":
                told, feature = part[name].take(place), features.FEATURES.get(name)
                counted = feature is not None and feature.zero and feature.unit != "text"
                columns[name] = pc.fill_null(told, 0.0) if counted else told
    return pa.table(columns)


def _of(frame: pa.Table, people: pa.Table) -> pa.Table:
    """The rows of these people, in the order of their numbers, with what else is told of them."""
    place = pc.index_in(frame["person_id"].combine_chunks(), people["person_id"].combine_chunks())
    kept = pc.is_valid(place)
    frame = frame.filter(kept)
    for name in people.column_names:
        if name != "person_id":
            frame = frame.append_column(name, people[name].take(place.filter(kept)))
    return frame.sort_by("person_id").combine_chunks()


def _by_folds(
    context: Context, tables: Mapping[str, ibis.Table], definition: Definition
) -> tuple[pa.Table, dict[str, Any]]:
    """A snapshot has no time in it: each customer is scored by a model that has not seen them."""
    lake = context.lake
    rows = tables["snapshot"]
    people = definition.eligible(tables, context.as_of)
    wide = lake.to_arrow(rows.semi_join(people, "person_id").order_by("person_id"))
    wide = wide.filter(pc.is_valid(wide["outcome"])) if wide.num_rows else wide
    X = attributes(wide)
    left = wide["outcome"].combine_chunks()
    # A column that is the outcome in disguise would make a model that knows everything and foresees nothing.
    refused = suspects(X, left)
    X = X.drop_columns(list(refused))
    tried = cross_validate(X, left, model=_MODEL)
    probability = tried.probability
    assert probability is not None  # by folds there always is
    bands = tried.bands
    known, reasons, effects = tried.model.opened(X, minor_digits=minor_digits(lake.currency))
    # The model that is kept has seen everyone; what the one that had not says otherwise is a part of its own.
    unseen = np.array([drivers.log_odds(p) - drivers.log_odds(q) for p, q in zip(probability, known, strict=True)])
    scored = _table(wide["person_id"], bands, probability, reasons, drivers.as_json(effects, unseen))
    lake.publish(score_history.NOW, facts.packed(wide["person_id"], X, tried.model.readings))
    gone = int(pc.sum(left.cast(pa.int64())).as_py())
    document = card(definition, tried, as_of=context.as_of, rows=wide.num_rows, left=gone, refused=refused)
    tried.model.save(lake.folder / "models" / "churn")
    return scored, document


def _needs(definition: Definition) -> list[str]:
    return ["subscriptions"] if definition.name == "contract_end" else ["orders"]


def _first(context: Context, tables: Mapping[str, ibis.Table], definition: Definition) -> datetime:
    """When the records of the definition begin."""
    began = min(
        (moment for name in _needs(definition)
         if (moment := context.lake.to_arrow(tables[name].agg(first=tables[name].valid_at.min()))["first"][0].as_py())),
        default=context.as_of,
    )  # fmt: skip
    return began.astimezone(context.as_of.tzinfo)


def _settled(frame: pa.Table) -> pa.Table:
    """The frame with its fractions cut to seven digits.

    A mean's last digits depend on the order its rows were added in, and with several threads that is chance; seen by
    a tree at the edge of a split they would change a score from one refresh to the next.
    """
    for place, column in enumerate(frame.schema):
        if pa.types.is_float64(column.type):
            settled = frame[column.name].cast(pa.float32(), safe=False).cast(pa.float64())
            frame = frame.set_column(place, column.name, settled)
    return frame


def _with_p_alive(frame: pa.Table, cut: datetime) -> pa.Table:
    """The chance of still being a customer in the place of the numbers it is worked out from."""
    frame = frame.sort_by("person_id")
    there = all(name in frame.column_names for name in _BUYING)
    bare = frame.drop_columns([name for name in _BUYING if name in frame.column_names])
    if not there:
        return bare
    days, first, last = (frame[name].to_numpy() for name in _BUYING)
    bought = days > 0
    last_day = ((cut - timedelta(microseconds=1)).date() - date(1970, 1, 1)).days
    x, t_x, T = days[bought] - 1, (last - first)[bought] / UNIT_DAYS, (last_day - first[bought]) / UNIT_DAYS
    some = slice(None, None, max(1, len(x) // _BUYERS))
    try:
        alive = np.full(len(days), np.nan)
        alive[bought] = BGNBD().fit(x[some], t_x[some], T[some]).p_alive(x, t_x, T)
    except ValueError:  # too few repeat purchases to learn a rhythm from
        return bare
    return bare.append_column("p_alive", pa.array(alive, from_pandas=True))


def _scored(context: Context, model: ChurnModel, now: pa.Table, bands: Bands) -> pa.Table:
    if not now.num_rows:
        return _SCHEMA.empty_table()
    digits = minor_digits(context.lake.currency)
    X = pa.table(
        {name: now[name] if name in now.column_names else pa.nulls(now.num_rows) for name in model.feature_names_in_}
    )
    parts, known = [], []
    for start in range(0, now.num_rows, _ROWS_A_SCORING):
        some = X.slice(start, _ROWS_A_SCORING)
        people = now["person_id"].slice(start, _ROWS_A_SCORING)
        chance, reasons, effects = model.opened(some, minor_digits=digits)
        parts.append(_table(people, bands, chance, reasons, drivers.as_json(effects)))
        known.append(facts.packed(people, some, model.readings))
    context.lake.publish(score_history.NOW, pa.concat_tables(known))
    return pa.concat_tables(parts)


def _table(
    people: pa.ChunkedArray, bands: Bands, probability: Any, reasons: Sequence[str], rests_on: Sequence[str]
) -> pa.Table:
    return pa.table([people, probability, bands.of(probability), reasons, rests_on], schema=_SCHEMA)


def _made_from(context: Context) -> list[object]:
    # What counts as leaving is an input like the records.
    wished = practice(context.lake).churn
    return [*scored_from(context, *CONTRACTS), *([wished] if wished else [])]


STEPS: tuple[Step, ...] = (Step("churn", Words("Churn risk", "流失风险"), _made_from, _churn),)
