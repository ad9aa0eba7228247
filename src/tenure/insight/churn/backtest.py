"""How good the model would have been: learned from the past of a date, tried on what came after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn import guards
from tenure.insight.churn.columns import Floats, numbers, to_table
from tenure.insight.churn.folds import spread
from tenure.insight.churn.learners.base import Learner
from tenure.insight.churn.model import ChurnModel
from tenure.insight.churn.scores import Bands, auc, auc_interval, average_precision, lead_time, lift, measure
from tenure.language import Words, tr

NOT_FEATURES = ("person_id", "churned")
RECENCY = "order_recency_days"


@dataclass(frozen=True)
class Split:
    """Which cut dates the model learns from, which one it is calibrated on, which one it is tried on.

    Outcomes of a cut are known `horizon_days` after it, so that long an embargo lies before the test: what is learned and
    calibrated was known when it was made. Where rows are of known customers, the calibration cut is learned from as well:
    its customers are left out in turn, and their chances brought to what came of them. Else it is left out as a whole.
    """

    train: tuple[datetime, ...]
    calibrate: datetime | None
    test: datetime
    horizon_days: int

    @property
    def words(self) -> Words:
        shown = {
            "train": ", ".join(_day(cut) for cut in self.train),
            "calibrate": _day(self.calibrate) if self.calibrate else "",
            "test": _day(self.test),
            "horizon": self.horizon_days,
        }
        if self.calibrate:
            if self.calibrate in self.train:
                return Words(
                    "Learned from customers as they were on {train}; calibrated on those of {calibrate}, each left out "
                    "for it in turn; tried on {test}, at least {horizon} days later, so that no outcome was known too early",
                    "以 {train} 的客户状况训练，以 {calibrate} 的客户轮流留出校准；"
                    "以至少 {horizon} 天之后的 {test} 检验，避免提前获知结果",
                ).format(**shown)
            return Words(
                "Learned from customers as they were on {train}; calibrated on {calibrate}; tried on {test}. "
                "Between the steps lie at least {horizon} days, so that no outcome was known too early",
                "以 {train} 的客户状况训练，以 {calibrate} 校准，以 {test} 检验；"
                "各步之间至少相隔 {horizon} 天，避免提前获知结果",
            ).format(**shown)
        return Words(
            "Learned from customers as they were on {train}; tried on {test}, at least {horizon} days later, "
            "so that no outcome was known too early. Too short a history to calibrate on a date of its own",
            "以 {train} 的客户状况训练，以至少 {horizon} 天之后的 {test} 检验，避免提前获知结果；"
            "历史较短，未单独留出校准日期",
        ).format(**shown)


def _day(cut: datetime) -> str:
    return cut.date().isoformat()


def cut_dates(first: datetime, last: datetime, horizon_days: int, *, at_most: int = 6) -> list[datetime]:
    """Dates to look back from, oldest first: the latest whose outcomes are known by `last`, and back by half horizons.

    first: when records begin; a cut needs at least one horizon of history before it. May be empty.
    """
    # Two steps make at least one horizon, so that every other cut's outcomes are known at a cut.
    step, horizon = timedelta(days=max(1, (horizon_days + 1) // 2)), timedelta(days=horizon_days)
    cuts: list[datetime] = []
    cut = last - horizon
    while cut >= first + horizon and len(cuts) < at_most:
        cuts.append(cut)
        cut -= step
    return cuts[::-1]


class HistoryTooShortError(TenureError):
    """Records that reach back less far than a definition of churn needs to be learned from and tried."""


def rolling_origin(cut_dates: Sequence[datetime], horizon_days: int, *, named: bool = True) -> Split:
    """Split cut dates by time: test on the last, learn from those known by then, calibrate on the latest of them.

    named: whether rows say whose they are. Where they don't, a customer's row at one date could vouch for the one at
    another: then the calibration cut is not learned from, and only what was known by it is; where that leaves nothing,
    calibration stays inside the training rows, as it does where there is but one.
    Raises HistoryTooShortError where no cut lies a horizon before the last.
    """
    cuts, embargo = sorted(set(cut_dates)), timedelta(days=horizon_days)
    test = cuts[-1] if cuts else None
    known = [cut for cut in cuts if test is not None and cut + embargo <= test]
    if test is None or not known:
        raise HistoryTooShortError(
            tr(
                "The history is too short to try the model on: it needs two dates at least {horizon} days apart, "
                "and has {found}. Take a shorter horizon or a longer history.",
                horizon=horizon_days,
                found=", ".join(_day(cut) for cut in cuts) or tr("none"),
            )
        )
    if named:
        return Split(tuple(known), known[-1] if len(known) > 1 else None, test, horizon_days)
    earlier = tuple(cut for cut in known[:-1] if cut + embargo <= known[-1])
    if not earlier:
        return Split(tuple(known), None, test, horizon_days)
    return Split(earlier, known[-1], test, horizon_days)


M = TypeVar("M", bound=Learner)


@dataclass
class Backtest:
    """What came of a back-test. metrics, comparators: plain JSON; model: as it was tried.

    left, told: of the rows it was tried on, who left, and the chance that a model told that had not seen them.
    probability: by folds, the same chances, which are of all rows then; None where tried over time. earlier: the model
    that lead time before the last cut is told by, with its bands; None where the company could not have had one then.
    """

    protocol: Words
    metrics: dict[str, Any]
    comparators: list[dict[str, Any]]
    bands: Bands
    model: Any
    split: Split | None = None
    refused: dict[str, Words] = field(default_factory=dict)
    notes: list[Words] = field(default_factory=list)
    probability: Floats | None = None
    left: Floats = field(default_factory=lambda: np.zeros(0))
    told: Floats = field(default_factory=lambda: np.zeros(0))
    earlier: tuple[Any, Bands] | None = None


def backtest(
    frames_by_cut: Mapping[datetime, Any],
    labels_by_cut: Mapping[datetime, Any],
    horizon_days: int,
    *,
    model: Learner | None = None,
    recency: str = RECENCY,
    p_alive: str | None = None,
    left_after_days: Mapping[datetime, Any] | None = None,
) -> Backtest:
    """Try the model on the last cut, having learned only from what was known before it.

    frames_by_cut: for each cut date, one row a customer, any frame; person_id and churned are not learned from.
    labels_by_cut: who of them left, in the same order. recency, p_alive: columns scored alone beside the model
    where the frames have them: days silent (more is riskier), chance of being alive (less is riskier).
    A p_alive column is compared with and learned from alike. model: a learner of any kind with its settings; ChurnModel
    unless given. left_after_days: for each cut, how many days after it each left, NaN or null for who did not; with it the
    lead time runs to the day, without to the start of the period they left in.

    Raises TenureError where the history is too short, there is too little to learn from, or a column holds dates that
    were still to come.
    """
    split = rolling_origin(list(frames_by_cut), horizon_days, named=_named(frames_by_cut))
    for cut, frame in frames_by_cut.items():
        guards.refuse(guards.still_to_come(features_only(frame), cut, getattr(model, "allow", ())))
    tables = {cut: features_only(frame) for cut, frame in frames_by_cut.items()}
    truth = {cut: _truth(labels_by_cut[cut]) for cut in frames_by_cut}
    learner = _anew(model or ChurnModel())
    schema, notes = _fitted(learner, frames_by_cut, tables, truth, split.train, split.calibrate)
    test, left = _conform(tables[split.test], schema), truth[split.test]
    guards.enough(left)
    p = learner.predict_proba(test)[:, 1]
    bands = Bands.choose(p)
    comparators = []
    for column, words, sign in (
        (recency, Words("Recency alone", "仅看最近购买"), 1.0),
        (p_alive, Words("P(alive) alone", "仅看存活概率"), -1.0),
    ):
        if column and column in tables[split.test].column_names:
            comparators.append(_compared(words, column, sign * numbers(tables[split.test][column]), p, left))
    metrics = measure(left, p, bands)
    then = _then(learner, frames_by_cut, tables, truth, split)
    metrics["lead_time"] = _lead_time(
        learner, frames_by_cut, tables, truth, schema, split, bands, left_after_days, then
    )
    return Backtest(
        split.words, metrics, comparators, bands, learner, split, notes=notes, left=left, told=p,
        earlier=(then[0], then[2]) if then else None,
    )  # fmt: skip


def _anew(model: M) -> M:
    """Another learner of the same kind and settings, that has learned nothing."""
    return type(model)(**model.get_params())


def _then(
    learner: Learner,
    frames: Mapping[datetime, Any],
    tables: Mapping[datetime, pa.Table],
    truth: Mapping[datetime, Floats],
    split: Split,
) -> tuple[Learner, pa.Schema, Bands] | None:
    """A model of the same kind that learned only what was known at the calibration cut, with what it reads and the bands
    it would have had on that day; None where the company could not have had one then."""
    embargo = timedelta(days=split.horizon_days)
    began = split.calibrate or split.test
    known = tuple(cut for cut in split.train if cut + embargo <= began)
    if not (
        _named(frames) and began < split.test and known and _teaches(np.concatenate([truth[cut] for cut in known]))
    ):
        return None
    then = _anew(learner)
    try:
        before, _ = _fitted(then, frames, tables, truth, known, known[-1] if len(known) > 1 else None)
    except TenureError:
        return None
    return then, before, Bands.choose(then.predict_proba(_conform(tables[began], before))[:, 1])


def _lead_time(
    learner: Learner,
    frames: Mapping[datetime, Any],
    tables: Mapping[datetime, pa.Table],
    truth: Mapping[datetime, Floats],
    schema: pa.Schema,
    split: Split,
    bands: Bands,
    left_after_days: Mapping[datetime, Any] | None,
    then: tuple[Learner, pa.Schema, Bands] | None,
) -> dict[str, Any] | None:
    """How long before the leavers of the last cut left the score first put them at high risk; None where nobody is named.

    Looked at are the cuts from the calibration cut on; those before the last are scored by the model of `_then`.
    """
    if not _named(frames):
        return None
    looked = {split.test: (learner, schema, bands)}
    if then is not None:
        began = split.calibrate or split.test
        looked |= dict.fromkeys((cut for cut in frames if began <= cut < split.test), then)
    people = _people(frames[split.test])
    leavers = truth[split.test] == 1
    days = np.zeros(int(leavers.sum()))
    if left_after_days is not None:
        given = left_after_days[split.test]
        days = np.asarray(given.to_pylist() if hasattr(given, "to_pylist") else given, dtype=np.float64)[leavers]
    who = people[leavers]
    found = np.full(len(who), np.nan)
    for cut, (model, columns, held) in sorted(looked.items(), key=lambda each: each[0]):
        p = model.predict_proba(_conform(tables[cut], columns))[:, 1]
        flagged = np.isin(who, _people(frames[cut])[p >= held.high]) & np.isnan(found)
        found[flagged] = (split.test - cut).days + days[flagged]
    return lead_time(found, exact=left_after_days is not None)


def _people(frame: Any) -> NDArray[np.int64]:
    return np.asarray(to_table(frame)["person_id"].to_numpy(), dtype=np.int64)


def learn(
    frames_by_cut: Mapping[datetime, Any],
    labels_by_cut: Mapping[datetime, Any],
    horizon_days: int,
    *,
    model: M | None = None,
) -> M | ChurnModel:
    """The model to publish: the steps of the back-test, moved on to the latest cut there is.

    It learns from every cut and is calibrated on the customers of the latest, each left out for it in turn; of one cut it
    is calibrated inside. Where rows don't say whose they are, it learns from the cuts whose outcomes were known by the
    latest one and is calibrated on that.
    """
    cuts, embargo = sorted(frames_by_cut), timedelta(days=horizon_days)
    tables = {cut: features_only(frame) for cut, frame in frames_by_cut.items()}
    truth = {cut: _truth(labels_by_cut[cut]) for cut in frames_by_cut}
    learner = _anew(model) if model else ChurnModel()
    earlier = tuple(cuts) if _named(frames_by_cut) else tuple(cut for cut in cuts if cut + embargo <= cuts[-1])
    if len(cuts) > 1 and earlier and _teaches(np.concatenate([truth[cut] for cut in earlier])):
        _fitted(learner, frames_by_cut, tables, truth, earlier, cuts[-1])
    else:
        _fitted(learner, frames_by_cut, tables, truth, tuple(cuts), None)
    return learner


def _named(frames: Mapping[datetime, Any]) -> bool:
    """Whether all rows say whose they are."""
    return all("person_id" in to_table(frame).column_names for frame in frames.values())


def _teaches(y: Floats) -> bool:
    try:
        guards.enough(y)
    except TenureError:
        return False
    return True


def _fitted(
    learner: Learner,
    frames: Mapping[datetime, Any],
    tables: Mapping[datetime, pa.Table],
    truth: Mapping[datetime, Floats],
    train: Sequence[datetime],
    calibrate: datetime | None,
) -> tuple[pa.Schema, list[Words]]:
    """Fit on some cuts and calibrate on one of them, or on another; the schema learned from, and what must be said of it."""
    X = pa.concat_tables([tables[cut] for cut in train], promote_options="permissive")
    people = [to_table(frames[cut]) for cut in train]
    groups = None
    if all("person_id" in frame.column_names for frame in people):
        groups = np.concatenate([frame["person_id"].to_numpy() for frame in people])
    y = np.concatenate([truth[cut] for cut in train]).astype(int)
    if calibrate is not None and calibrate in train and _teaches(truth[calibrate]):
        learner.fit(X, y, groups, np.concatenate([np.full(len(truth[cut]), cut == calibrate) for cut in train]))
        return X.schema, []
    learner.fit(X, y, groups)
    if calibrate is None:
        return X.schema, []
    if not _teaches(truth[calibrate]):
        return X.schema, [_UNCALIBRATED]
    learner.calibrate(_conform(tables[calibrate], X.schema), truth[calibrate].astype(int))
    return X.schema, []


_UNCALIBRATED = Words(
    "Too few customers on the calibration date: calibrated inside the training rows instead",
    "校准日期的客户过少：改为在训练样本内校准",
)


def cross_validate(
    X: Any, y: Any, *, folds: int = 5, repeats: int = 1, seed: int = 0, model: Learner | None = None, keep: bool = True
) -> Backtest:
    """Try the model by stratified folds, for a snapshot without time in it.

    Each row is scored by a model that has not seen it; with repeats, the probabilities of a row are averaged.
    The model returned learned from all rows; without keep, from none, for whoever asks only what it is worth.
    Says nothing about how well it holds in a later month.

    Raises TenureError where there is too little to learn from, or a column is the outcome in disguise.
    """
    table = features_only(X)
    left, _ = guards.outcome(y)
    guards.enough(left)
    model = model or ChurnModel()
    final = _anew(model).fit(table, left.astype(int)) if keep else _anew(model)
    p = np.zeros(len(left))
    for repeat in range(repeats):
        numbered = spread(left, folds, seed + repeat)
        for fold in range(int(numbered.max()) + 1):
            inside = numbered != fold
            learner = _anew(model).fit(table.filter(pa.array(inside)), left[inside].astype(int))
            p[~inside] += learner.predict_proba(table.filter(pa.array(~inside)))[:, 1] / repeats
    bands = Bands.choose(p)
    protocol = Words(
        "No time in the data, so validation is by folds: each of {folds} parts scored by a model that learned from "
        "the others",
        "数据中没有时间，因此按折验证：共 {folds} 份，每份由其余各份训练的模型评分",
    ).format(folds=folds)
    return Backtest(protocol, measure(left, p, bands), [], bands, final, probability=p, left=left, told=p)


def features_only(frame: Any) -> pa.Table:
    """The frame as an Arrow table without what is not known of a customer: the person's number and the outcome."""
    table = to_table(frame)
    return table.drop_columns([name for name in NOT_FEATURES if name in table.column_names])


def _truth(labels: Any) -> Floats:
    """Labels of one cut as 0 and 1; a cut may have only one of them."""
    if isinstance(labels, pa.Array | pa.ChunkedArray):
        labels = labels.to_numpy(zero_copy_only=False)
    return np.asarray(labels, dtype=np.float64)


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for name in schema.names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, schema.field(name).type))
    return table.select(schema.names)


def _compared(words: Words, column: str, score: Floats, p: Floats, left: Floats) -> dict[str, Any]:
    """One column scored alone, and the model's gain in AUC over it on the same customers, with its interval."""
    score = np.where(np.isnan(score), np.nanmin(score) - 1 if not np.isnan(score).all() else 0.0, score)
    gain, low, high = auc_interval(left, p, score)
    return {
        "name": {"en": words.en, "zh": words.zh},
        "column": column,
        "auc": auc(left, score),
        "pr_auc": average_precision(left, score),
        "top_decile_lift": lift(left, score),
        "gain_auc": gain,
        "gain_low": low,
        "gain_high": high,
    }
