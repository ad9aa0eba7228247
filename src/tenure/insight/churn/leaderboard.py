"""All learners beside the one in use, on the same customers: who ranks better, by how much, and whether it is proven."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenure.errors import TenureError
from tenure.insight.churn import profit
from tenure.insight.churn.backtest import Backtest, backtest, cross_validate
from tenure.insight.churn.columns import Floats
from tenure.insight.churn.learners import LEARNERS, Champion, Learner, learner_named, name_of
from tenure.insight.churn.profit import Campaign
from tenure.insight.churn.scores import auc_interval
from tenure.language import Words, both, tr

CHAMPION = "blend"
QUICK = tuple(name for name, kind in LEARNERS.items() if kind.quick)
ALL = tuple(name for name in LEARNERS if name != CHAMPION)
_DRAWS = 300
_LEVEL = 0.95
# Higher is better for all but these.
_LOWER = frozenset({"brier", "calibration_error"})


@dataclass(frozen=True)
class Entry:
    """One learner's line. measures: of the rows all were tried on; gains: each measure's gain over the champion with its
    interval, above zero meaning better; skipped: why it was not tried. seconds: of the processor, for all of its trial."""

    name: str
    words: Words
    when: Words
    measures: Mapping[str, Any] = field(default_factory=dict)
    gains: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    seconds: float | None = None
    skipped: Words | None = None

    def proven(self, measure: str) -> bool:
        """Whether it is shown to be better than the champion: its paired interval is above zero."""
        return measure in self.gains and self.gains[measure][1] > 0


@dataclass(frozen=True)
class Leaderboard:
    """The learners tried, the champion first and the others by AUC. level: of all challengers' intervals together."""

    entries: Sequence[Entry]
    champion: str
    judged_by: str
    protocol: Words
    campaign: Campaign
    curves: Mapping[str, Sequence[Mapping[str, float]]]
    level: float = _LEVEL

    @property
    def next_champion(self) -> str:
        """Who is to be champion: the best of the challengers proven better, or the one there is."""
        better = [entry for entry in self.entries if entry.proven(self.judged_by)]
        return max(better, key=lambda entry: entry.gains[self.judged_by][0]).name if better else self.champion

    @property
    def said(self) -> Words:
        tried = sum(bool(entry.gains) for entry in self.entries)
        if self.next_champion == self.champion:
            return _STAYS.format(n=tried)
        entry = next(entry for entry in self.entries if entry.name == self.next_champion)
        gain, low, high = entry.gains[self.judged_by]
        shown = {"gain": f"{gain:+.4f}", "low": f"{low:+.4f}", "high": f"{high:+.4f}"}
        return Words(_CHANGES.en.format(name=entry.words.en, **shown), _CHANGES.zh.format(name=entry.words.zh, **shown))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, each sentence as {en, zh}."""
        return {
            "champion": self.champion,
            "next": self.next_champion,
            "judged_by": self.judged_by,
            "level": self.level,
            "said": _told(self.said),
            "protocol": _told(self.protocol),
            "campaign": self.campaign.to_json(),
            "learners": [
                {
                    "name": entry.name,
                    "words": _told(entry.words),
                    "when": _told(entry.when),
                    "seconds": entry.seconds,
                    "skipped": _told(entry.skipped) if entry.skipped else None,
                    "measures": dict(entry.measures),
                    "gains": {name: list(gain) for name, gain in entry.gains.items()},
                }
                for entry in self.entries
            ],
            "curves": {name: [dict(point) for point in points] for name, points in self.curves.items()},
        }


_STAYS = Words(
    "The champion stays: none of {n} challengers is proven to rank customers better",
    "冠军模型保持不变：{n} 个挑战者均未被证明排序更好",
)
_CHANGES = Words(
    "{name} is proven to rank customers better than the champion: gain in AUC {gain} ({low} to {high})",
    "{name} 被证明比冠军模型排序更好：AUC 增益 {gain}（{low} 至 {high}）",
)


@dataclass(frozen=True)
class Proven:
    """A model that may be published: it can't be had without the back-test that says what it is worth.

    Raises TenureError where the back-test tried nothing, or a learner of another kind or with other settings.
    """

    model: Champion
    tried: Backtest

    def __post_init__(self) -> None:
        tried: Any = self.tried.model
        same = type(tried) is type(self.model) and _settings(tried) == _settings(self.model)
        if not (len(self.tried.told) and same):
            raise TenureError(
                tr(
                    "{model} is not published, because no back-test tried it. Try it on customers it did not learn from, "
                    "with the same settings, first.",
                    model=type(self.model).__name__,
                )
            )


def _settings(model: Learner) -> dict[str, Any]:
    """A model's settings; columns let past the guards are the same in a list or not."""
    return {name: list(value) if name == "allow" else value for name, value in model.get_params().items()}


def leaderboard(
    frames_by_cut: Mapping[datetime, Any],
    labels_by_cut: Mapping[datetime, Any],
    horizon_days: int,
    *,
    champion: Backtest | None = None,
    learners: Sequence[str] = ALL,
    settings: Mapping[str, Any] | None = None,
    campaign: Campaign | None = None,
    seed: int = 0,
) -> Leaderboard:
    """Try the learners on the split of the back-test: learned from earlier dates, tried on the last.

    champion: the back-test of the model in use on the same frames, so that it is not done again; ChurnModel's unless given.
    learners: names of `LEARNERS`. settings: for all of them, such as most_rows.

    Raises TenureError where the champion can't be tried. A challenger that can't be says why in its line.
    """

    def tried(model: Learner | None) -> Backtest:
        return backtest(frames_by_cut, labels_by_cut, horizon_days, model=model)

    return compared(tried, champion, learners, settings, campaign, seed)


def leaderboard_by_folds(
    X: Any,
    y: Any,
    *,
    champion: Backtest | None = None,
    learners: Sequence[str] = ALL,
    settings: Mapping[str, Any] | None = None,
    campaign: Campaign | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Leaderboard:
    """The same by folds, for a snapshot without time in it. A champion's back-test must be of the same folds and seed."""

    def tried(model: Learner | None) -> Backtest:
        return cross_validate(X, y, folds=folds, seed=seed, model=model, keep=model is None)

    return compared(tried, champion, learners, settings, campaign, seed)


def leaderboard_document(found: Leaderboard, as_of: datetime) -> dict[str, Any]:
    """What the page `Churn model` shows, as plain JSON."""
    return {"as_of": as_of.isoformat(), **found.to_json()}


def chosen(text: str) -> tuple[str, ...]:
    """The learners a word or a list stands for: quick, all, or names with commas between them.

    Raises TenureError, naming those there are, for a name that is none.
    """
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    if words in (["quick"], ["all"]):
        return QUICK if words == ["quick"] else ALL
    for word in words:
        learner_named(word)
    return tuple(dict.fromkeys(words))


def compared(
    tried: Callable[[Learner | None], Backtest],
    champion: Backtest | None,
    learners: Sequence[str],
    settings: Mapping[str, Any] | None,
    campaign: Campaign | None,
    seed: int,
) -> Leaderboard:
    """The same by any trial. tried: what comes of a learner on the customers the champion was tried on; None is it."""
    campaign = campaign or Campaign()
    seconds: float | None = None
    if champion is None:
        # What a trial cost is shown beside what it brought; nothing rests on it.
        begun = time.process_time()
        champion = tried(None)
        seconds = time.process_time() - begun
    left = champion.left
    # The guard against disguised outcomes let these columns pass when the champion learned from them.
    shared = {"seed": seed, "allow": [str(name) for name in champion.model.feature_names_in_], **(settings or {})}
    throne = name_of(champion.model)
    challengers = [name for name in learners if name != throne]
    kind = learner_named(throne)
    first = Entry(kind.name, kind.words, kind.when, _measures(champion, campaign), {}, seconds)
    entries, told = [], {}
    against = _Draws(left, champion.told, campaign, len(challengers), seed)
    for name in challengers:
        kind = learner_named(name)
        skipped = kind.lacking()
        if skipped is None:
            begun = time.process_time()
            try:
                found = tried(kind.make(**shared))
            except TenureError as error:
                skipped = both(error.args[0])
            else:
                spent = time.process_time() - begun
                told[name] = found.told
                entries.append(
                    Entry(name, kind.words, kind.when, _measures(found, campaign), against.gains(found.told), spent)
                )
        if skipped is not None:
            entries.append(Entry(name, kind.words, kind.when, skipped=skipped))
    entries.sort(key=lambda entry: -entry.measures.get("auc", 0.0))
    best = next((entry.name for entry in entries if entry.gains), None)
    curves = {throne: profit.curve(left, champion.told, campaign)}
    if best:
        curves[best] = profit.curve(left, told[best], campaign)
    return Leaderboard([first, *entries], throne, "auc", champion.protocol, campaign, curves)


def _measures(tried: Backtest, campaign: Campaign) -> dict[str, Any]:
    kept = ("rows", "base_rate", "auc", "auc_low", "auc_high", "pr_auc", "top_decile_lift", "top_precision", "top_recall",
            "brier", "calibration_error", "mean_predicted")  # fmt: skip
    earned = profit.empc(tried.left, tried.told, campaign)
    return {
        **{name: tried.metrics[name] for name in kept},
        "profit": earned.profit,
        "contacted": earned.contacted,
        "lead_time": tried.metrics.get("lead_time"),
    }


class _Draws:
    """The champion's score on the rows tried, and draws of those rows with replacement, the same for every challenger.

    Every draw counts each customer 0, 1, 2 … times; both scores are measured on it, and their difference is one draw of
    the gain. Of several challengers the best is looked at, so that each interval is made wide enough for all to hold at
    once with 95 % (Bonferroni). AUC has a formula and needs no draws (DeLong et al. 1988).
    """

    def __init__(self, left: Floats, told: Floats, campaign: Campaign, challengers: int, seed: int) -> None:
        self._left, self._told, self._campaign = left, told, campaign
        self._miss = (1.0 - _LEVEL) / max(1, challengers)
        random = np.random.default_rng(seed)
        self._counts = [
            np.bincount(random.integers(0, len(left), len(left)), minlength=len(left)) for _ in range(_DRAWS)
        ]
        self._own = self._drawn(told)

    def gains(self, told: Floats) -> dict[str, tuple[float, float, float]]:
        gain, low, high = auc_interval(self._left, told, self._told)
        wider = _normal(1.0 - self._miss / 2.0) / _normal(0.975)
        found = {"auc": (gain, gain - wider * (gain - low), gain + wider * (high - gain))}
        for name, drawn in self._drawn(told).items():
            sign = -1.0 if name in _LOWER else 1.0
            differences = sign * (drawn - self._own[name])
            # Normal about the gain itself: the far ends of so few draws say less than their spread does.
            reach = _normal(1.0 - self._miss / 2.0) * float(differences[1:].std(ddof=1))
            middle = float(differences[0])
            found[name] = (middle, middle - reach, middle + reach)
        return found

    def _drawn(self, told: Floats) -> dict[str, Floats]:
        """Each measure on the rows as they are, then on each draw of them."""
        order = np.argsort(-told, kind="stable")
        left, p = self._left[order], told[order]
        ends = np.flatnonzero(np.append(np.diff(p) != 0, True))
        each = profit.by_customer(self._left, told, self._campaign)[0][order]
        missed = (p - left) ** 2
        found: dict[str, list[float]] = {}
        for count in [np.ones(len(left)), *self._counts]:
            weight = count[order].astype(np.float64)
            for name, value in _weighted(weight, left, p, ends, each, missed).items():
                found.setdefault(name, []).append(value)
        return {name: np.asarray(values) for name, values in found.items()}


def _weighted(
    weight: Floats, left: Floats, p: Floats, ends: NDArray[np.int64], each: Floats, missed: Floats
) -> dict[str, float]:
    """The measures of rows that count several times, from the highest score down."""
    rows, hits = np.cumsum(weight), np.cumsum(weight * left)
    everyone, leavers = rows[-1], max(float(hits[-1]), 1e-9)
    precision = hits[ends] / np.maximum(rows[ends], 1e-9)
    tenth = max(1.0, round(everyone * 0.1))
    last = int(np.searchsorted(rows, tenth))
    caught = float(hits[last] - left[last] * (rows[last] - tenth))
    begins = np.searchsorted(rows, everyone * np.arange(10) / 10.0, side="right")
    gap = np.add.reduceat(weight * (p - left), np.minimum(begins, len(left) - 1))
    return {
        "pr_auc": float(np.sum(np.diff(np.append(0.0, hits[ends])) * precision) / leavers),
        "top_decile_lift": caught / tenth * everyone / leavers,
        "top_precision": caught / tenth,
        "top_recall": caught / leavers,
        "brier": float(weight @ missed / everyone),
        "calibration_error": float(np.abs(gap).sum() / everyone),
        "profit": float(weight @ each / everyone),
    }


def _normal(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def _told(words: Words) -> dict[str, str]:
    return {"en": words.en, "zh": words.zh}
