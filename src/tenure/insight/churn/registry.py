"""The life of a model: when it is learned anew, whether the new one takes over, and which old ones are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

import numpy as np

from tenure.errors import TenureError
from tenure.insight.churn.backtest import Backtest, features_only, learn
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.leaderboard import CHAMPION
from tenure.insight.churn.learners import Champion, Learner, learner_named, name_of
from tenure.insight.churn.model import ChurnModel
from tenure.insight.churn.scores import auc_interval
from tenure.insight.churn.training import Training
from tenure.language import Words

Taking: TypeAlias = Literal["automatic", "ask"]

DOCUMENT = "churn_models"  # what there is, written by the refresh alone
DECISIONS = "model_decisions"  # what people decided, written by the desk alone
WATCHED = 60  # refreshes looked back on
RESTS_DAYS = 7  # drift is no reason to learn anew sooner: hardly an outcome is known that was not known then


@dataclass(frozen=True)
class Policy:
    """How a company keeps its models. schedule_days: learned anew after so many. threshold: the stability index from
    which on it has drifted. taking: whether a model not shown to be worse takes over by itself or a person is asked.
    keep: how many of the latest versions stay, beside the champion and the one before it. learner: of `LEARNERS`, what
    is learned from now on; the versions there are stay what they are.
    """

    schedule_days: int = 28
    threshold: float = 0.25
    taking: Taking = "automatic"
    keep: int = 5
    learner: str = CHAMPION

    @classmethod
    def told(cls, document: Any) -> "Policy":
        """The policy of a document, as far as it is known."""
        given = document if isinstance(document, Mapping) else {}
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})


# Why a model was learned.
WHY: Mapping[str, Words] = {
    "first": Words("the first of its definition", "该定义的首个模型"),
    "asked": Words("somebody asked for it", "有人要求"),
    "again": Words("the refresh was told to work everything out again", "刷新时要求全部重新计算"),
    "learner": Words("another way to learn was chosen", "更换了学习方法"),
    "schedule": Words("its time had come by the schedule", "按计划到期"),
    "drift_inputs": Words("customers have become others than those it was made for", "客户特征已与建模时不同"),
    "drift_scores": Words("its scores lie otherwise than when it was made", "评分分布已与建模时不同"),
    "drift_level": Words("more or fewer left than it foretold", "实际流失与预测水平不符"),
    "definition": Words("what counts as leaving was changed", "流失定义已更改"),
    "columns": Words("what is known of customers has changed", "可用的客户信息已变化"),
    "size": Words("there are many more or many fewer customers", "客户数量大幅变化"),
    "damaged": Words("the files of the one before were damaged or missing", "原模型文件损坏或缺失"),
    "taken_back": Words("records it had learned from were taken back", "其训练所用的记录已被撤回"),
    "records": Words("the snapshot has other rows", "快照内容已变化"),
}
# After these the old one answers another question, or can't answer at all: whoever is asked, the new one takes over.
FORCED = frozenset({"first", "definition", "columns", "damaged", "taken_back", "records"})


@dataclass
class Standing:
    """Where a definition's models stand. versions: newest last, as plain JSON. learned: of the last time it was learned.

    applied: numbers of the decisions already followed. watch: what was seen at each refresh. note: what went wrong.
    scored: how the champion's scores were spread when it took over, and what they were made from.
    reigns: which version became champion when, after which, and why; "person" where somebody chose it. Newest last.
    """

    definition: dict[str, Any] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    champion: int | None = None
    previous: int | None = None
    challenger: int | None = None
    next: int = 1
    learned: dict[str, Any] = field(default_factory=dict)
    scored: dict[str, Any] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    watch: list[dict[str, Any]] = field(default_factory=list)
    reigns: list[dict[str, Any]] = field(default_factory=list)
    note: dict[str, str] | None = None

    @classmethod
    def told(cls, document: Any) -> "Standing":
        given = document if isinstance(document, Mapping) else {}
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})

    def as_plain(self) -> dict[str, Any]:
        return asdict(self)

    def version(self, number: int | None) -> dict[str, Any] | None:
        """What is told of a version; None for one there is not."""
        return next((one for one in self.versions if one["version"] == number), None)

    def enthrone(self, number: int, why: str, at: datetime) -> None:
        """Make a version champion; the one before stays to go back to. why: of `WHY`, or "person"."""
        if number != self.champion:
            reign = {"version": number, "before": self.champion, "why": why, "at": at.isoformat()}
            self.reigns = [*self.reigns, reign][-WATCHED:]
            self.previous = self.champion if self.champion is not None else self.previous
            self.champion = number
            self.scored = {}
        if self.challenger == number:
            self.challenger = None

    def drop(self, number: int) -> None:
        """Forget a version whose files are of no use any more."""
        self.versions = [one for one in self.versions if one["version"] != number]
        for part in ("champion", "previous", "challenger"):
            if getattr(self, part) == number:
                setattr(self, part, None)

    def let_go(self, keep: int) -> None:
        """Forget versions beyond the latest `keep`, but for champion, challenger and the champion before."""
        needed = {self.champion, self.previous, self.challenger}
        latest = {one["version"] for one in self.versions[-keep:]} if keep else set()
        self.versions = [one for one in self.versions if one["version"] in needed | latest]

    def saw(self, told: dict[str, Any]) -> None:
        """Note what a refresh saw; a second one of the same day replaces the first."""
        before = [one for one in self.watch if one["as_of"] == told["as_of"]]
        if before and before[-1].get("observed") is not None:
            told = {**told, "observed": before[-1]["observed"], "rows": before[-1]["rows"]}
        others = [one for one in self.watch if one["as_of"] != told["as_of"]]
        self.watch = sorted([*others, told], key=lambda one: str(one["as_of"]))[-WATCHED:]


def due(standing: Standing, policy: Policy, as_of: datetime) -> bool:
    """Whether the schedule asks for a model of this day. Counted from the last time one was learned, taken or not."""
    learned = standing.learned.get("as_of")
    return learned is None or (as_of - datetime.fromisoformat(learned)).days >= policy.schedule_days


def rested(standing: Standing, as_of: datetime) -> bool:
    """Whether there may be something new to learn from since the last time."""
    learned = standing.learned.get("as_of")
    return learned is None or (as_of - datetime.fromisoformat(learned)).days >= RESTS_DAYS


def grown(before: int, now: int) -> bool:
    """Whether there are twice as many customers as it was made for, or half."""
    return bool(before) and (now > 2 * before or now < before / 2)


def drifted(policy: Policy, columns: Mapping[str, float], scores: float, weight: Mapping[str, float]) -> str | None:
    """What of the drift asks for a new model: scores before inputs, and of the inputs those that move scores.

    weight: column → its mean effect in log-odds; a column with less than a twentieth of the strongest moves nothing.
    """
    if scores >= policy.threshold:
        return "drift_scores"
    least = max(weight.values(), default=0.0) / 20
    far = (value for name, value in columns.items() if weight.get(name, 0.0) > least)
    return "drift_inputs" if max(far, default=0.0) >= policy.threshold else None


def compare(
    tried: Backtest, fresh: Training, champion: Champion, known: Training | None, *,
    champion_as_of: datetime, horizon_days: int, settings: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Champion and challenger on the same customers of the latest block, each knowing only what was known before it.

    The challenger is the model as it was back-tested. A champion made after the block's date has seen how some of it
    came out; so it is learned again from those blocks of its own snapshot whose outcomes were known at that date. Where
    there is none, they can't be compared.
    Returns plain JSON: comparable; block, rows; auc, brier: {gain, low, high}, above 0 where the challenger is better,
    with paired 95 % intervals (DeLong; normal for the Brier score); shown_worse.
    """
    split = tried.split
    if split is None:
        return {"comparable": False}
    rival = _as_known(champion, known, champion_as_of, split.test, horizon_days, settings)
    if rival is None:
        return {"comparable": False}
    block = fresh.cuts.index(split.test)
    left = np.asarray(fresh.label(block).to_numpy(zero_copy_only=False), dtype=np.float64)
    X = features_only(fresh.frame(block))
    new, old = chances(tried.model, X), chances(rival, X)
    auc = _told(*auc_interval(left, new, old))
    gains = (old - left) ** 2 - (new - left) ** 2
    half = 1.959964 * float(gains.std(ddof=1)) / len(gains) ** 0.5
    brier = _told(float(gains.mean()), float(gains.mean()) - half, float(gains.mean()) + half)
    return {
        "comparable": True, "block": split.test.isoformat(), "rows": len(left), "auc": auc, "brier": brier,
        "shown_worse": auc["high"] < 0 or brier["high"] < 0, "relearned": rival is not champion,
    }  # fmt: skip


def _as_known(
    champion: Champion, known: Training | None, learned: datetime, block: datetime, horizon_days: int,
    settings: Mapping[str, Any],
) -> Champion | None:  # fmt: skip
    from datetime import timedelta

    if learned <= block:
        return champion
    if known is None:
        return None
    past = known.until(block - timedelta(days=horizon_days))
    if not past.cuts:
        return None
    try:
        return learn(past.frames(), past.labels(), horizon_days, model=made(name_of(champion), settings))
    except TenureError:
        return None  # too little was known by then


def chances(model: Learner, X: Any) -> Floats:
    """Chances of leaving; a column the rows lack is blank in all of them."""
    import pyarrow as pa

    for name in model.feature_names_in_:
        if name not in X.column_names:
            X = X.append_column(name, pa.nulls(X.num_rows))
    return np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)


def _told(gain: float, low: float, high: float) -> dict[str, float]:
    return {"gain": gain, "low": low, "high": high}


def made(learner: str, settings: Mapping[str, Any]) -> Any:
    """A learner of this name with these settings, that has learned nothing. Raises TenureError where it can't be used here."""
    if learner == CHAMPION:
        return ChurnModel(**settings)
    kind = learner_named(learner)
    lacking = kind.lacking()
    if lacking is not None:
        raise TenureError(lacking)
    return kind.make(**settings)


def relearn(training: Training, horizon_days: int, settings: Mapping[str, Any], learner: str = CHAMPION) -> Champion:
    """The model of this snapshot and these settings (the seed among them): always the same one.

    What the refresh does too: it learns from the snapshot it keeps, never from anything else.
    """
    model = made(learner, settings)
    if training.cuts:
        learned: Champion = learn(training.frames(), training.labels(), horizon_days, model=model)
    else:
        learned = model.fit(features_only(training.frame(0)), np.asarray(training.label(0)).astype(int))
    return learned


def chosen(decisions: Any, code: str) -> dict[str, Any]:
    """What people last decided of a definition's champion: version, decision (its number), deed. Empty for nothing."""
    found = decisions.get("choose", {}).get(code, {}) if isinstance(decisions, Mapping) else {}
    return dict(found)


def lacking(columns: Sequence[str], present: Sequence[str]) -> list[str]:
    """The columns a model learned from that there are none of any more."""
    there = set(present)
    return [name for name in columns if name not in there]
