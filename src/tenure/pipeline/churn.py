"""Step: who is about to leave, how likely, and what the score rests on."""

import json
from datetime import datetime, timedelta
from typing import Any

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
    learn,
    suspects,
)  # fmt: skip
from tenure.insight.churn.model import ChurnModel
from tenure.insight.value import BGNBD, summary
from tenure.language import Words, both
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step
from tenure.pipeline.value import UNIT_DAYS

_SCHEMA = pa.schema(
    [
        ("person_id", pa.int64()),
        ("churn_probability", pa.float64()),
        ("risk_band", pa.string()),
        ("reasons", pa.string()),
    ]
)
# Rows in the tens of thousands need neither many folds nor tiny steps: a third to three fifths of the time, the AUC the
# same to within 0.001 (docs/decisions/0008).
_MODEL = ChurnModel(folds=3, rounds=300, rate=0.05, tree_seeds=1, most_rows=60_000)
_READ = sorted({name for family in features.FAMILIES.values() for name in family.reads} | {"orders", "customers"})


def _churn(context: Context) -> int:
    lake = context.lake
    found = _SCHEMA.empty_table()
    document: dict[str, Any]
    with tables_at(context, context.as_of, [*_READ, "snapshot"]) as tables:
        try:
            definition = choose(tables)
            found, document = (_over_time if definition.timed else _by_folds)(context, tables, definition)
        except TenureError as error:
            # Too little to learn from is an answer, shown where the scores would be.
            why = both(error.args[0])
            document = {"as_of": context.as_of.isoformat(), "not_enough_data": {"en": why.en, "zh": why.zh}}
    lake.publish("scores/churn", found)
    lake.publish_document("churn_card", document)
    return int(found.num_rows)


def _over_time(
    context: Context, tables: dict[str, ibis.Table], definition: Definition
) -> tuple[pa.Table, dict[str, Any]]:
    """Learn from customers as they were on earlier dates, prove it on the latest one whose outcome is known."""
    lake, horizon = context.lake, definition.horizon_days
    frames: dict[datetime, pa.Table] = {}
    labels: dict[datetime, pa.Array] = {}
    cuts = cut_dates(_first(context, tables, definition), context.as_of, horizon)
    for place, cut in enumerate(cuts):
        with tables_at(context, cut + timedelta(days=horizon), _needs(definition)) as later:
            outcome = lake.to_arrow(definition.label(later, cut))
        with tables_at(context, cut, _READ) as then:
            frame = _features(context, then, cut, outcome)
        labels[cut] = frame["churned"].combine_chunks()
        frames[cut] = frame.drop_columns(["churned"])
        context.tell(place + 1, len(cuts) + 2)
    tried = backtest(frames, labels, horizon, model=_MODEL, p_alive="p_alive")
    context.tell(len(cuts) + 1, len(cuts) + 2)
    model = learn(frames, labels, horizon, model=_MODEL)
    now = _features(context, tables, context.as_of, lake.to_arrow(definition.eligible(tables, context.as_of)))
    scored = _scored(context, model, now, tried.bands)
    rows = sum(frame.num_rows for frame in frames.values())
    left = sum(pc.sum(label.cast(pa.int64())).as_py() or 0 for label in labels.values())
    document = card(definition, tried, as_of=context.as_of, rows=rows, left=left, model=model)
    model.save(lake.folder / "models" / "churn")
    return scored, document


def _by_folds(
    context: Context, tables: dict[str, ibis.Table], definition: Definition
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
    bands = tried.bands
    scored = _table(
        wide["person_id"], probability, bands, tried.model.reasons(X, minor_digits=minor_digits(lake.currency))
    )
    gone = int(pc.sum(left.cast(pa.int64())).as_py())
    document = card(definition, tried, as_of=context.as_of, rows=wide.num_rows, left=gone, refused=refused)
    tried.model.save(lake.folder / "models" / "churn")
    return scored, document


def _needs(definition: Definition) -> list[str]:
    return ["subscriptions"] if definition.name == "contract_end" else ["orders"]


def _first(context: Context, tables: dict[str, ibis.Table], definition: Definition) -> datetime:
    """When the records of the definition begin."""
    began = min(
        (moment for name in _needs(definition)
         if (moment := context.lake.to_arrow(tables[name].agg(first=tables[name].valid_at.min()))["first"][0].as_py())),
        default=context.as_of,
    )  # fmt: skip
    return began.astimezone(context.as_of.tzinfo)


def _features(context: Context, tables: dict[str, ibis.Table], cut: datetime, people: pa.Table) -> pa.Table:
    """What was known of these people at the cut, with the chance by their own rhythm that they still buy."""
    known = features.as_of({name: tables[name] for name in _READ}, cut)
    frame = context.lake.to_arrow(known.inner_join(ibis.memtable(people), "person_id"))
    frame = frame.drop_columns([name for name in frame.column_names if name.endswith("_right")])
    alive = _p_alive(context, tables["orders"], cut)
    if alive.num_rows:
        frame = frame.join(alive, "person_id")
    return _settled(frame.sort_by("person_id").combine_chunks())


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


def _p_alive(context: Context, orders: ibis.Table, cut: datetime) -> pa.Table:
    people = context.lake.to_arrow(summary(orders, cut, unit_days=UNIT_DAYS))
    empty = pa.table({"person_id": pa.array([], pa.int64()), "p_alive": pa.array([], pa.float64())})
    if not people.num_rows:
        return empty
    x, t_x, T = (people[name].to_numpy().astype(np.float64) for name in ("x", "t_x", "T"))
    try:
        return pa.table({"person_id": people["person_id"], "p_alive": BGNBD().fit(x, t_x, T).p_alive(x, t_x, T)})
    except ValueError:  # too few repeat purchases to learn a rhythm from
        return empty


def _scored(context: Context, model: ChurnModel, now: pa.Table, bands: Bands) -> pa.Table:
    if not now.num_rows:
        return _SCHEMA.empty_table()
    X = pa.table(
        {name: now[name] if name in now.column_names else pa.nulls(now.num_rows) for name in model.feature_names_in_}
    )
    reasons = model.reasons(X, minor_digits=minor_digits(context.lake.currency))
    return _table(now["person_id"], model.predict_proba(X)[:, 1], bands, reasons)


def _table(people: pa.ChunkedArray, probability: Any, bands: Bands, reasons: list[list[dict[str, Any]]]) -> pa.Table:
    return pa.table(
        [people, probability, bands.of(probability), [json.dumps(each, ensure_ascii=False) for each in reasons]],
        schema=_SCHEMA,
    )


STEPS: tuple[Step, ...] = (
    Step("churn", Words("Churn risk", "流失风险"), lambda c: scored_from(c, *CONTRACTS), _churn),
)
