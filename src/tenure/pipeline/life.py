"""One definition's models through one refresh: which is champion, whether one is learned anew, who takes over."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.errors import TenureError
from tenure.insight.churn import Backtest, Bands, Definition, drift, registry
from tenure.insight.churn.leaderboard import Proven
from tenure.insight.churn.learners import Champion, name_of
from tenure.insight.churn.registry import FORCED, WHY, Standing
from tenure.insight.churn.training import Training
from tenure.language import Words, both
from tenure.pipeline import models
from tenure.pipeline.clock import default_as_of
from tenure.pipeline.models import Kept, Shelf
from tenure.pipeline.run import Context

_TOGETHER = 100_000  # customers whose matrices fit in memory beside everything else
_SHOWN = 12  # columns whose drift is kept for the page
_FAR = (0.75, 4 / 3)  # a rhythm within this of the one learned with leaves the question what it was

_DAMAGED = Words(
    "Version {version} was damaged ({why}). It is kept aside; a new one was learned.",
    "版本 {version} 已损坏（{why}）。已将其移至一旁，并重新训练。",
)
_CANT = Words(
    "Version {version} could not be made champion: {why}. The champion stays.",
    "无法将版本 {version} 设为现用：{why}。现用版本不变。",
)
_NOT_LEARNED = Words(
    "It should have been learned anew ({reason}), but could not be: {why}. The champion stays.",
    "本应重新训练（{reason}），但未能完成：{why}。现用版本不变。",
)
_NO_SNAPSHOT = Words(
    "What the champion learned from is missing or damaged ({why}), so it was not compared with the new one.",
    "现用版本的训练快照缺失或损坏（{why}），因此未与新版本比较。",
)
_GONE = Words("columns it learned from are gone: {columns}", "其训练所用的列已不存在：{columns}")
_OTHER = Words("it answers another question: {question}", "其对应的流失定义不同：{question}")
_NONE = Words("there is no such version", "没有该版本")


def code_of(definition: Definition) -> str:
    """What a definition's models are kept under."""
    return definition.code


class Life:
    """`definition` is the question as the champion learned it, where people asked for nothing else since.

    Read what was decided, say why a model must be learned (`reason`, `late`), take what was learned (`learned`), and
    tell what was seen (`end`). Nothing is published before a version is whole in its folder.
    """

    def __init__(self, context: Context, fresh: Definition, wishes: Sequence[Mapping[str, Any]]) -> None:
        self.context, self.code = context, code_of(fresh)
        self.shelf = Shelf(context.lake, self.code)
        self.standing = models.standings(context.lake).get(self.code, Standing())
        self.policy = models.policy(context.lake)
        self.decisions = models.decisions(context.lake)
        self.wishes = json.loads(json.dumps([dict(wish) for wish in wishes], default=str))
        self.seen: dict[str, Any] = {}
        self.why: str | None = None
        self._note: Words | None = None
        self._lost = False
        self._level_moved = False
        self.kept: Kept | None = self._champion()
        self.definition = self._as_learned(fresh)
        self._follow()

    # -- what stands -------------------------------------------------------------------------------------------------

    def _champion(self) -> Kept | None:
        number = self.standing.champion
        if number is None:
            return None
        try:
            return self.shelf.read(number)
        except TenureError as error:
            why = _why(error)
            self._note = _said(_DAMAGED, version=number, why=why)
            self.shelf.set_aside(number)
            self.standing.drop(number)
            self._lost = True
            return None

    def _as_learned(self, fresh: Definition) -> Definition:
        """Days told by the base's own rhythm move a little every day; the question stays until it is learned anew."""
        then, now = self.standing.learned.get("definition", {}), _fields(fresh)
        if self.kept is None or self.wishes != self.standing.learned.get("wishes") or then.keys() != now.keys():
            return fresh
        days = {name: value for name, value in then.items() if type(value) is int and type(now[name]) is int}
        near = (not value or _FAR[0] <= now[name] / value <= _FAR[1] for name, value in days.items())
        if not dataclasses.is_dataclass(fresh) or not all(near):
            return fresh
        return dataclasses.replace(fresh, **days)

    def _follow(self) -> None:
        """Do as a person decided since: make another version champion."""
        wanted = registry.chosen(self.decisions, self.code)
        if not wanted or wanted["decision"] <= self.standing.applied.get("choose", 0):
            return
        self.standing.applied["choose"] = wanted["decision"]
        number = int(wanted["version"])
        if number == self.standing.champion:
            return
        try:
            kept = self._fit_to_stand(number)
        except TenureError as error:
            self._note = _said(_CANT, version=number, why=_why(error))
            return
        self.standing.enthrone(number, "person", self.context.now)
        self.kept, self._lost = kept, False

    def _fit_to_stand(self, number: int) -> Kept:
        """A version that can be champion. Raises TenureError, with the reason, where it can't."""
        if self.standing.version(number) is None:
            raise TenureError(_NONE)
        kept = self.shelf.read(number)
        if kept.made["definition"]["fields"] != _fields(self.definition):
            words = kept.made["definition"]
            raise TenureError(_said(_OTHER, question=Words(words["en"], words["zh"])))
        gone = registry.lacking(_read_by(kept.model), self.standing.learned.get("columns", []))
        if gone:
            raise TenureError(_said(_GONE, columns=", ".join(gone)))
        return kept

    # -- why to learn ------------------------------------------------------------------------------------------------

    def reason(self) -> str | None:
        """Why a model must be learned, as far as it is known before today's customers are looked at.

        "day": the refresh is of a day before the champion was made; what is learned then is for that day alone.
        """
        as_of, kept = self.context.as_of, self.kept
        if kept is None:
            self.why = "damaged" if self._lost else "first"
        elif kept.as_of > as_of:
            today = default_as_of(self.context.lake, self.context.workspace.zone_info, self.context.now)
            self.why = "taken_back" if as_of == today else "day"
        elif kept.made["definition"]["fields"] != _fields(self.definition):
            self.why = "definition"
        elif self.decisions.get("learn", 0) > self.standing.applied.get("learn", 0):
            self.why = "asked"
        elif self.standing.learned.get("learner", "blend") != self.policy.learner:
            self.why = "learner"
        elif self.context.again:
            self.why = "again"
        elif self.definition.timed and registry.due(self.standing, self.policy, as_of):
            self.why = "schedule"
        return self.why

    def look(self, rows: pa.Table, columns: Sequence[str], chance: Any) -> str | None:
        """Why a model must be learned after all, now that today's customers and their scores are known."""
        kept, learned = self.kept, self.standing.learned
        assert kept is not None
        moved, apart, scored = self._moved(rows, chance)
        weight = {one["feature"]: one["effect"] for one in kept.model.drivers(len(kept.model.feature_names_in_))}
        if registry.lacking(_read_by(kept.model), columns) or set(columns) - set(learned.get("columns", [])):
            self.why = "columns"
        elif registry.grown(learned.get("people", 0), rows.num_rows):
            self.why = "size"
        elif scored and registry.rested(self.standing, self.context.as_of):
            self.why = "drift_level" if self._level_moved else registry.drifted(self.policy, moved, apart, weight)
        return self.why

    def _moved(self, rows: pa.Table, chance: Any) -> tuple[dict[str, float], float, int]:
        """How far customers and their scores are from those the champion was made for, and how many were scored; noted."""
        moved = drift.moved(
            self.standing.learned.get("profile", {}), rows.select([n for n in rows.column_names if n != "person_id"])
        )
        scores = pa.array(np.asarray(chance, dtype=np.float64))
        before = self.standing.scored.get("spread")
        apart = max(0.0, drift.index(before, scores) - drift.chance(before, len(scores))) if before else 0.0
        self.seen = {"scores": apart, "columns": dict(list(moved.items())[:_SHOWN])}
        return moved, apart, len(scores)

    def look_at_rows(self, digest: str) -> str | None:
        """`look` for a snapshot: its model stands as long as its rows do."""
        if digest != self.standing.learned.get("digest"):
            self.why = "records"
        return self.why

    @property
    def goes_by_an_older(self) -> bool:
        """Whether a person chose another version than the one learned last."""
        return self.standing.champion != self.standing.learned.get("version")

    def hold_against(self, left_of: Callable[[datetime], tuple[int, int]]) -> None:
        """Hold what was foretold at an earlier refresh against what came of it, once. left_of: (left, rows) at a date."""
        horizon = timedelta(days=self.definition.horizon_days)
        for told in reversed(self.standing.watch):
            at = datetime.fromisoformat(told["as_of"])
            if told["horizon_days"] != self.definition.horizon_days or at + horizon > self.context.as_of:
                continue
            if told.get("observed") is None and told["mean_predicted"] is not None:
                left, rows = left_of(at)
                told |= {"observed": left / rows if rows else 0.0, "rows": rows}
                mine = told["version"] == self.standing.champion
                self._level_moved = mine and drift.level_moved(told["mean_predicted"], left, rows)
            return

    # -- what was learned --------------------------------------------------------------------------------------------

    def learned(
        self, training: Training, proven: Proven, card: Mapping[str, Any], rows: pa.Table,
        columns: Sequence[str], digest: str = "",
    ) -> bool:  # fmt: skip
        """Keep a version, hold it against the champion, and make it champion where it is to be. Whether it is.

        rows, columns: today's customers, and what is known of them. digest: of a snapshot's rows.
        """
        standing, number, tried, model = self.standing, self.standing.next, proven.tried, proven.model
        if self.definition.timed and self.kept is not None and not self.seen and self.why not in FORCED:
            # The last that is seen of the one before: how far the day was from it on which another was learned.
            some = [rows.slice(start, _TOGETHER) for start in range(0, rows.num_rows, _TOGETHER)]
            self._moved(
                rows, np.concatenate([registry.chances(self.kept.model, part) for part in some] or [np.zeros(0)])
            )
        made = self._made(number, training, tried, model)
        self.shelf.write(model, training, made, card)
        same = standing.champion is not None and self.shelf.digest(standing.champion) == self.shelf.digest(number)
        against = None if same or self.kept is None else self._against(tried, training)
        if not same:
            standing.next = number + 1
            standing.versions.append(self._told(made, model, against))
            worse = bool(against and against.get("shown_worse"))
            if self.kept is None or self.why in FORCED or (self.policy.taking == "automatic" and not worse):
                standing.enthrone(number, self.why or "asked", self.context.now)
                standing.challenger = None
            else:
                standing.challenger = number
        standing.definition = made["definition"] | {"timed": self.definition.timed}
        standing.learned = {
            "as_of": self.context.as_of.isoformat(), "why": self.why, "version": standing.champion if same else number,
            "definition": _fields(self.definition), "wishes": self.wishes, "columns": sorted(columns), "people": rows.num_rows,
            "profile": drift.profile(rows.select([n for n in _read_by(model) if n in rows.column_names])),
            "same": same, "digest": digest, "learner": name_of(model),
        }  # fmt: skip
        standing.applied["learn"] = self.decisions.get("learn", 0)
        standing.let_go(self.policy.keep)
        assert standing.champion is not None
        self._settle()
        # Scored with what was written, not with what was in memory: tomorrow's refresh has nothing else.
        self.kept = self.shelf.read(standing.champion)
        return bool(standing.champion == standing.learned["version"])

    def could_not(self, error: TenureError) -> None:
        """Nothing could be learned. Raises it again where the champion can't stand in."""
        if self.kept is None or self.why in FORCED or self.why == "day":
            self._settle()
            raise error
        reason = WHY[self.why or "asked"]
        self._note = _said(_NOT_LEARNED, reason=reason, why=_why(error))
        self.standing.applied["learn"] = self.decisions.get("learn", 0)
        self.why = None

    def _against(self, tried: Backtest, training: Training) -> dict[str, Any]:
        kept, known = self.kept, None
        assert kept is not None
        if kept.made["definition"]["fields"] != _fields(self.definition):
            return {"comparable": False}
        try:
            known = kept.training
        except TenureError as error:
            self._note = _said(_NO_SNAPSHOT, why=_why(error))
        return registry.compare(
            tried, training, kept.model, known, champion_as_of=kept.as_of,
            horizon_days=self.definition.horizon_days, settings=kept.made["settings"],
        ) | {"with": kept.version}  # fmt: skip

    def _made(self, number: int, training: Training, tried: Backtest, model: Champion) -> dict[str, Any]:
        definition, words = self.definition, self.definition.words
        return {
            "version": number, "code": self.code,
            "definition": {"name": definition.name, "horizon_days": definition.horizon_days, "fields": _fields(definition),
                           "en": words.en, "zh": words.zh},
            "horizon_days": definition.horizon_days, "cuts": [cut.isoformat() for cut in training.cuts],
            "seed": model.seed, "settings": {**model.get_params(), "allow": list(model.allow)},
            "learner": name_of(model), "versions": models.made_with(), "metrics": tried.metrics, "why": self.why,
            "as_of": self.context.as_of.isoformat(), "made_at": self.context.now.isoformat(),
            "by": "refresh", "rows": training.rows.num_rows,
        }  # fmt: skip

    def _told(self, made: Mapping[str, Any], model: Champion, against: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the list of versions says of one."""
        shown = (
            "auc",
            "auc_low",
            "auc_high",
            "pr_auc",
            "top_decile_lift",
            "brier",
            "base_rate",
            "mean_predicted",
            "rows",
        )
        return {
            "version": made["version"], "as_of": made["as_of"], "made_at": made["made_at"], "why": made["why"],
            "fields": made["definition"]["fields"], "horizon_days": made["horizon_days"], "rows": made["rows"],
            "metrics": {name: made["metrics"].get(name) for name in shown},
            "columns": _read_by(model), "cuts": made["cuts"], "against": against, "learner": made["learner"],
        }  # fmt: skip

    # -- the end -----------------------------------------------------------------------------------------------------

    def scored(self, chance: Any, digest: str = "", table: str = "") -> None:
        """Tell of the scores that are now published: by whom, and how they are spread."""
        assert self.kept is not None
        scores = pa.array(np.asarray(chance, dtype=np.float64))
        if self.standing.scored.get("version") != self.kept.version:
            self.standing.scored = {"version": self.kept.version, "spread": drift.spread_of(scores)}
        self.standing.scored |= {"digest": digest, "table": table}
        if self.definition.timed:
            self.standing.saw(
                {
                    "as_of": self.context.as_of.isoformat(), "version": self.kept.version, "people": len(scores),
                    "mean_predicted": float(np.mean(chance)) if len(scores) else None,
                    "horizon_days": self.definition.horizon_days, "learned": self.why, "observed": None, "rows": None,
                    "scores": self.seen.get("scores"), "columns": self.seen.get("columns", {}),
                }
            )  # fmt: skip

    def end(self) -> None:
        """Say how it stands, now that the scores are where people read them; and let go of what nobody names."""
        self._settle()
        self.shelf.sweep({one["version"] for one in self.standing.versions})

    def _settle(self) -> None:
        self.standing.note = {"en": self._note.en, "zh": self._note.zh} if self._note else None
        models.publish(self.context.lake, self.code, self.standing)

    def card(self) -> dict[str, Any]:
        """The champion's card, as of today."""
        assert self.kept is not None
        own = {"version": self.kept.version, "learned_as_of": self.kept.made["as_of"], "code": self.code}
        return {**self.kept.card, "as_of": self.context.as_of.isoformat(), "model": own}

    @property
    def bands(self) -> Bands:
        assert self.kept is not None
        return Bands(**self.kept.card["bands"])


def digest_of(training: Training, people: Any) -> str:
    """What tells one set of rows from another, and whose they are; kept as a digest alone."""
    found = hashlib.sha256(training.parquet())
    found.update(np.ascontiguousarray(people).tobytes())
    return found.hexdigest()


def _fields(definition: Definition) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if dataclasses.is_dataclass(definition) and not isinstance(definition, type):
        fields = dataclasses.asdict(definition)
    told: dict[str, Any] = json.loads(json.dumps(fields, default=str, sort_keys=True))
    return told


def _read_by(model: Champion) -> list[str]:
    return [str(name) for name in model.feature_names_in_ if name not in model.dropped_]


def _why(error: TenureError) -> Words:
    said = error.args[0]
    return said if isinstance(said, Words) else both(said)


def _said(words: Words, **values: Any) -> Words:
    """The sentence in both languages, each with the values in its own."""
    one = {name: value.en if isinstance(value, Words) else value for name, value in values.items()}
    other = {name: value.zh if isinstance(value, Words) else value for name, value in values.items()}
    return Words(words.en.format(**one), words.zh.format(**other))
