"""Step: who is about to leave, how likely, and what the score rests on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.digests import row_digests
from tenure.errors import TenureError
from tenure.in_order import by_person as in_order
from tenure.insight.churn import (
    Backtest,
    Bands,
    Definition,
    attributes,
    backtest,
    beside,
    card,
    choose,
    cross_validate,
    cut_dates,
    drivers,
    facts,
    guards,
    rolling_origin,
    suspects,
)
from tenure.insight.churn.backtest import HistoryTooShortError
from tenure.insight.churn.definitions import DEFINITIONS
from tenure.insight.churn.leaderboard import CHAMPION, Proven
from tenure.insight.churn.learners import Champion
from tenure.insight.churn.model import ChurnModel
from tenure.insight.churn.registry import made, relearn
from tenure.insight.churn.training import Training
from tenure.language import Words, both, tr
from tenure.pipeline import kept, models, score_history
from tenure.pipeline.following import practice
from tenure.pipeline.history import scored_from
from tenure.pipeline.known import MOST_PEOPLE, Known, knowing, of
from tenure.pipeline.leaderboard import DOCUMENT as LEADERBOARD
from tenure.pipeline.leaderboard import leaderboard_document
from tenure.pipeline.life import Life, code_of, digest_of
from tenure.pipeline.run import Context, Step, made_from

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

_ROWS_A_SCORING = 100_000  # the matrices of so many customers fit in memory beside everything else
_SAMPLED = Words(
    "Learned from and tried on {learned} of {people} customers, drawn by their numbers; all are scored",
    "在 {people} 位客户中按编号抽取 {learned} 位用于训练和检验；全部客户均已评分",
)
_ROWS = "churn rows"  # of the main definition: by which model and of which facts this run scored
_MAIN, _BESIDE = "scores/churn", "scores/churn_beside"


@dataclass
class _Answer:
    """What came of one definition: its scores and its card; the life of its models, where any were looked at.

    leaderboard: learners held against each other on the rows just learned from; None where nothing was learned.
    """

    scores: pa.Table
    card: dict[str, Any]
    life: Life | None = None
    leaderboard: dict[str, Any] | None = None


def _churn(context: Context) -> int:
    lake, wished = context.lake, practice(context.lake)
    further: dict[str, _Answer] = {}
    with knowing(context) as known:
        glance = known.glance
        main = _answered(known, lambda: choose(glance(context.as_of), wished.churn), wished.churn, _MAIN)
        for definition in beside(glance(context.as_of), wished.beside):
            code = code_of(definition)
            if main.life is None or code != main.life.code:
                further[code] = _answered(known, partial(_same, definition), wished.beside, _BESIDE)
    lake.publish(_MAIN, main.scores)
    if (rows := context.shared.pop(_ROWS, None)) is not None:
        by, digests = rows
        kept.keep_rows(kept.path_of(lake, "churn", "rows.npz"), _scored_by(context, by), digests)
    lake.publish_document("churn_card", main.card)
    if main.leaderboard is not None:
        lake.publish_document(LEADERBOARD, main.leaderboard)
    _publish_beside(context, further)
    for answer in (main, *further.values()):
        if answer.life is not None:
            answer.life.end()
    return int(main.scores.num_rows)


def _same(definition: Definition) -> Definition:
    return definition


def _publish_beside(context: Context, answers: Mapping[str, _Answer]) -> None:
    """One table for all definitions beside the main one, and a card for each; nothing where there never were any."""
    lake = context.lake
    for code, answer in answers.items():
        lake.publish_document(f"churn_card_{code}", answer.card)
    if answers or lake.exists(_BESIDE):
        parts = [
            answer.scores.add_column(1, "definition", pa.array([code] * answer.scores.num_rows, pa.string()))
            for code, answer in answers.items()
        ]
        lake.publish(_BESIDE, pa.concat_tables(parts) if parts else _beside_schema().empty_table())


def _beside_schema() -> pa.Schema:
    return pa.schema([_SCHEMA[0], ("definition", pa.string()), *list(_SCHEMA)[1:]])


def _answered(
    known: Known, choose: Callable[[], Definition], wishes: Sequence[Mapping[str, Any]], table: str
) -> _Answer:
    """Scores and card of one definition, by its champion or by a model learned now. table: where its scores stand."""
    context = known.context
    try:
        life = Life(context, choose(), wishes)
        if life.definition.timed:
            return _over_time(known, life, table)
        return _by_folds(context, known.everyone(context.as_of), life, table)
    except TenureError as error:
        # Too little to learn from is an answer, shown where the scores would be.
        why = both(error.args[0])
        card: dict[str, Any] = {"as_of": context.as_of.isoformat(), "not_enough_data": {"en": why.en, "zh": why.zh}}
        if isinstance(error, HistoryTooShortError):
            card["way_out"] = _way_out(known)
        return _Answer(_SCHEMA.empty_table(), card, leaderboard={})


def _way_out(known: Known) -> dict[str, str]:
    """What can be done where records don't reach back far enough: what the snapshot says, if it does, or older records.

    definition: the one to choose; empty where only older records help.
    """
    outcome = DEFINITIONS["outcome"]
    if outcome.told_by(known.glance(known.context.as_of), {}):
        said = both(
            tr(
                'The wide table you imported says itself who left. Choose "{title}" under Churn, Definitions, and refresh: then it is learned from, without dates. Or import orders or contracts of earlier dates.',
                title=outcome.title,
            )
        )
        return {"definition": "outcome", "en": said.en, "zh": said.zh}
    said = both(
        tr(
            "Import orders or contracts of earlier dates, choose a definition with a shorter horizon under Churn, Definitions, or import a table that says who left: tenure import FILE --as snapshot --outcome Churn=Yes"
        )
    )
    return {"definition": "", "en": said.en, "zh": said.zh}


def _over_time(known: Known, life: Life, table: str) -> _Answer:
    """Score by the champion while it is fresh; learn a model anew where one is due."""
    context = known.context
    why = life.reason()
    if why is None:
        assert life.kept is not None
        rows = known.scored(life.definition)
        scored = _scored(context, life.kept.model, rows, life.bands, table, by=life.kept.mark)
        life.hold_against(partial(known.left, life.definition))
        why = life.look(rows, _columns(known), scored["churn_probability"].to_numpy())
    if why is not None:
        try:
            training, tried, model, document = _learned(known, life.definition, table, life.policy.learner)
            board = _leaderboard(
                context, table, tried, training.frames(), training.labels(), life.definition.horizon_days
            )
        except TenureError as error:
            life.could_not(error)
            assert life.kept is not None  # it would have been raised again
            return _by_champion(known, life, table)
        rows = known.scored(life.definition)
        if why == "day":  # of an earlier day: for that day alone, and nothing is kept
            return _Answer(_scored(context, model, rows, tried.bands, table), document, leaderboard=board)
        life.learned(training, Proven(model, tried), document, rows, _columns(known))
        return replace(_by_champion(known, life, table), leaderboard=board)
    life.scored(scored["churn_probability"].to_numpy())
    return _Answer(scored, life.card(), life)


def _by_champion(known: Known, life: Life, table: str) -> _Answer:
    assert life.kept is not None
    rows = known.scored(life.definition)
    scored = _scored(known.context, life.kept.model, rows, life.bands, table, by=life.kept.mark)
    life.scored(scored["churn_probability"].to_numpy())
    return _Answer(scored, life.card(), life)


def _columns(known: Known) -> list[str]:
    return [name for name in known.today().column_names if name != "person_id"]


def _learned(
    known: Known, definition: Definition, table: str, learner: str
) -> tuple[Training, Backtest, Champion, dict[str, Any]]:
    """Learn from customers as they were on earlier dates, prove it on the latest one whose outcome is known.

    Of more than MOST_PEOPLE customers about that many are learned from and tried on; all are scored.
    """
    context, horizon = known.context, definition.horizon_days
    cuts = cut_dates(_first(context, known.some(context.as_of), definition), context.as_of, horizon)
    labels: dict[datetime, pa.Array] = {}
    frames: dict[datetime, pa.Table] = {}
    since = score_history.months_since(context, cuts[-1]) if cuts and table == _MAIN else []
    told = known.at([*cuts, *since]) if cuts else {}
    for place, cut in enumerate(cuts):
        outcome = context.lake.to_arrow(definition.label(known.some(cut + timedelta(days=horizon)), cut))
        frame = of(told.pop(cut), outcome)
        labels[cut] = frame["churned"].combine_chunks()
        frames[cut] = frame.drop_columns(["churned"])
        context.tell(place + 1, len(cuts) + 2)
    rolling_origin(list(frames), horizon)  # refuses a history that is too short before anything is made of it
    training = Training.of(frames, labels)
    latest = dict(frames) if table == _MAIN else {}  # what the history begins with
    frames.clear()
    # From here on everything comes out of what is kept, so that it can be done again.
    asked = _learner(learner)
    tried = backtest(training.frames(), training.labels(), horizon, model=asked, p_alive="p_alive")
    if table == _MAIN:
        months = {}
        for month in since:
            asked_of = context.lake.to_arrow(definition.eligible(known.some(month), month))
            months[month] = of(told.pop(month), asked_of)
        score_history.begin(context, tried, latest, months)
    if known.sampled:
        tried.notes.append(_SAMPLED.format(learned=f"{MOST_PEOPLE:,}", people=f"{known.people:,}"))
    context.tell(len(cuts) + 1, len(cuts) + 2)
    model = relearn(training, horizon, _settings(asked), learner)
    left = sum(pc.sum(label.cast(pa.int64())).as_py() or 0 for label in labels.values())
    document = card(definition, tried, as_of=context.as_of, rows=training.rows.num_rows, left=left, model=model)
    return training, tried, model, document


def _leaderboard(context: Context, table: str, tried: Backtest, *rows: Any) -> dict[str, Any] | None:
    """The learners beside the model tried; of the main definition alone, for it takes a while."""
    return leaderboard_document(tried, context.as_of, *rows) if table == _MAIN else None


def _learner(name: str) -> Champion:
    """What a refresh learns with: the blend as it was found quick enough, any other as it is."""
    model: Champion = _MODEL if name == CHAMPION else made(name, {})
    return model


def _settings(model: Champion) -> dict[str, Any]:
    return {**model.get_params(), "allow": list(model.allow)}


def _by_folds(context: Context, tables: Mapping[str, ibis.Table], life: Life, table: str) -> _Answer:
    """A snapshot has no time in it: each customer is scored by a model that has not seen them.

    So its scores stand as long as its rows do; a row more, and all are learned from anew.
    """
    lake, definition = context.lake, life.definition
    people = definition.eligible(tables, context.as_of)
    wide = lake.to_arrow(tables["snapshot"].semi_join(people, "person_id").order_by("person_id"))
    wide = wide.filter(pc.is_valid(wide["outcome"])) if wide.num_rows else wide
    X, left = attributes(wide), wide["outcome"].combine_chunks()
    # A column that is the outcome in disguise would make a model that knows everything and foresees nothing.
    refused = suspects(X, left)
    usable = X.drop_columns([*refused, *_unusable(X)])
    if not usable.num_columns:
        raise TenureError(
            tr(
                "Not enough data, because the wide table has no column to learn from beside its outcome. "
                "Import it again with the columns that describe its customers."
            )
        )
    training = Training.of(usable, left)
    digest = digest_of(training, wide["person_id"].to_numpy()[training.order])
    board: dict[str, Any] | None = None
    why = life.reason() or life.look_at_rows(digest)
    before = life.standing.scored
    if why is None and before.get("table") == table and before.get("digest") == digest and lake.exists(table):
        return _Answer(_before(context, table, life.code), life.card(), life)
    if (
        why is None and life.kept is not None and life.goes_by_an_older
    ):  # a person's choice of an older version: by it alone, as it stands
        scored = _scored(
            context, life.kept.model, usable.append_column("person_id", wide["person_id"]), life.bands, table
        )
    else:
        why = life.why = why or "records"  # as they were, but the scores are not there
        tried = cross_validate(
            training.frame(0), np.asarray(training.label(0)).astype(int), model=_learner(life.policy.learner)
        )  # learns from what is kept, as `relearn` does
        gone = int(pc.sum(left.cast(pa.int64())).as_py())
        document = card(definition, tried, as_of=context.as_of, rows=wide.num_rows, left=gone, refused=refused)
        board = _leaderboard(context, table, tried, training.frame(0), np.asarray(training.label(0)).astype(int))
        assert tried.probability is not None
        own: Any = np.empty(wide.num_rows)
        own[training.order] = tried.probability
        if why == "day":
            return _Answer(
                _told_of(context, tried.model, usable, wide["person_id"], tried.bands, own, table),
                document,
                leaderboard=board,
            )
        if not life.learned(training, Proven(tried.model, tried), document, usable, usable.column_names, digest):
            own = None
        assert life.kept is not None
        scored = _told_of(context, life.kept.model, usable, wide["person_id"], life.bands, own, table)
    life.scored(scored["churn_probability"].to_numpy(), digest, table)
    return _Answer(scored, life.card(), life, board)


def _unusable(X: pa.Table) -> list[str]:
    """Columns that number or name the rows, or say nothing: no model learns from them, so no snapshot holds them."""
    return [name for name in guards.unusable(X) if name in X.column_names]


def _before(context: Context, table: str, code: str) -> pa.Table:
    """The scores of a definition as they stand."""
    rows = context.lake.in_runs(table)
    if table == _BESIDE:
        rows = rows.filter(pc.equal(rows["definition"], code))
    return in_order(rows.select(_SCHEMA.names)).cast(_SCHEMA)


def _told_of(
    context: Context, model: Champion, X: pa.Table, people: pa.ChunkedArray, bands: Bands, own: Any, table: str
) -> pa.Table:
    """Chances, reasons and drivers of rows a model knows. own: chances told by models that had not seen the rows."""
    X = _read_by(model, X)
    probability, reasons, effects = model.opened(X, currency=context.lake.currency)
    if table == _MAIN:
        context.lake.publish(score_history.NOW, facts.packed(people, X, model.readings))
    if own is None:
        return _table(people, bands, probability, reasons, drivers.as_json(effects))
    # The model that is kept has seen everyone; what the one that had not says otherwise is a part of its own.
    unseen = np.array([drivers.log_odds(p) - drivers.log_odds(q) for p, q in zip(own, probability, strict=True)])
    return _table(people, bands, own, reasons, drivers.as_json(effects, unseen))


def _read_by(model: Champion, rows: pa.Table) -> pa.Table:
    """The columns a model learned from; one that is not there is blank."""
    names = model.feature_names_in_
    return pa.table({name: rows[name] if name in rows.column_names else pa.nulls(rows.num_rows) for name in names})


def _first(context: Context, tables: Mapping[str, ibis.Table], definition: Definition) -> datetime:
    """When the records of the definition begin."""
    began = min(
        (moment for name in definition.reads
         if (moment := context.lake.to_arrow(tables[name].agg(first=tables[name].valid_at.min()))["first"][0].as_py())),
        default=context.as_of,
    )  # fmt: skip
    return began.astimezone(context.as_of.tzinfo)


def _scored(context: Context, model: Champion, now: pa.Table, bands: Bands, table: str, by: str = "") -> pa.Table:
    """The scores of people with these facts; table: where they are to stand.

    by: what tells the model from any other; whoever it scored before, with the very same facts, is not scored again.
    """
    if not now.num_rows:
        return _SCHEMA.empty_table()
    X, people = _read_by(model, now), now["person_id"]
    met, before = np.zeros(now.num_rows, bool), None
    if table == _MAIN and by:
        rows = row_digests([people, *X.columns])
        met = kept.rows_met(context, kept.path_of(context.lake, "churn", "rows.npz"), _scored_by(context, by), rows)
        context.shared[_ROWS] = (by, rows)
        score_history.carried(context, context.lake.content(_MAIN), people.filter(pa.array(met)))
        before = _before(context, table, "") if met.any() else None
    fresh = np.flatnonzero(~met)
    there = before.num_rows if before is not None else 0
    parts = [] if before is None else [before]
    for start in range(0, len(fresh), _ROWS_A_SCORING):
        some = fresh[start : start + _ROWS_A_SCORING]
        chance, reasons, effects = model.opened(X.take(some), currency=context.lake.currency)
        parts.append(_table(people.take(some), bands, chance, reasons, drivers.as_json(effects)))
    place = np.empty(now.num_rows, np.int64)
    place[fresh] = there + np.arange(len(fresh))
    if before is not None:
        place[met] = pc.index_in(
            people.filter(pa.array(met)), value_set=before["person_id"].combine_chunks()
        ).to_numpy()
    told = pa.concat_tables(parts).combine_chunks().take(pa.array(place))
    chances = told["churn_probability"].to_numpy()
    if table == _MAIN:
        slices = range(0, now.num_rows, _ROWS_A_SCORING)
        known = [
            facts.packed(people.slice(at, _ROWS_A_SCORING), X.slice(at, _ROWS_A_SCORING), model.readings)
            for at in slices
        ]
        context.lake.publish(score_history.NOW, pa.concat_tables(known))
    return _table(people, bands, chances, told["reasons"], told["drivers"]).combine_chunks()


def _scored_by(context: Context, by: str) -> str:
    """A digest of what scores rest on beside the facts, and of the scores there are."""
    lake = context.lake
    return made_from([by, lake.currency, lake.content(_MAIN)])


def _table(people: pa.ChunkedArray, bands: Bands, probability: Any, reasons: Any, rests_on: Any) -> pa.Table:
    return pa.table([people, probability, bands.of(probability), reasons, rests_on], schema=_SCHEMA)


def _made_from(context: Context) -> list[object]:
    # What counts as leaving is an input like the records.
    wished = practice(context.lake)
    said = [one for one in (wished.churn, wished.beside, models.decisions(context.lake)) if one]
    return [*scored_from(context, *CONTRACTS), *said]


def _gone(context: Context) -> bool:
    return not models.whole(context.lake)


STEPS: tuple[Step, ...] = (Step("churn", Words("Churn risk", "流失风险"), _made_from, _churn, _gone),)
