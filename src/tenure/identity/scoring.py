"""How likely two customers are one: pairs worth a look, a model that learns from them, and a weight for each pair.

The model is Fellegi and Sunter's (1969), run by Splink; what it learns is learnt here, so that a few rows are held by
what is known beforehand of people's names and numbers, and many rows speak for themselves.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.identity.model import Field, Kind, Level, settings

PAIRS = pa.schema(
    [
        ("left", pa.int64()), ("right", pa.int64()), ("weight", pa.float64()), ("probability", pa.float64()),
        ("free", pa.bool_()), ("refuted", pa.bool_()), ("why", pa.string()),
    ]
)  # fmt: skip
# A value that so many rows share brings no two of them together: those who are one share something rarer too, and
# without this the number of pairs would grow with the square of the rows.
MOST_SHARED = 40
# Of large tables each key brings so many pairs for a row at most, its smallest groups first.
_PAIRS_OF_A_ROW, _PAIRS_OF_A_KEY = 0.3, 30_000
# Below so many rows nothing is learnt: what comes out would be luck.
LEARNS_FROM = 3_000
# Pairs below this weight before the prior is known are strangers whatever it turns out to be.
_HOPELESS = -6.0
_SLACK = 5.0
_LEARNT_ON = 100_000
_STRANGERS = 100_000
_ROUNDS = 30
# How many pairs' worth our beliefs count beside what is seen.
_BELIEF_IN_M, _BELIEF_IN_U = 200.0, 3_000.0
# Of a hundred customers five have a second number: what is believed before anything is seen.
_DOUBLES = 0.05


@dataclass(frozen=True)
class Model:
    """What was learnt: (m, u) of every level by field, and how often two rows at random are one person."""

    weights: dict[str, list[tuple[float, float]]]
    prior: float
    learnt: bool = field(default=False)


def beliefs(kind: Kind) -> dict[str, list[tuple[float, float]]]:
    """The weights we start from."""
    return {one.name: [(level.m, level.u) for level in one.levels] for one in kind.fields}


def score(
    forms: pa.Table,
    kind: Kind,
    database: Any,
    *,
    learn: bool | None = None,
    apart_within: NDArray[np.int64] | None = None,
    most_shared: int = MOST_SHARED,
) -> tuple[pa.Table, Model]:
    """Every pair of rows that may be one person, with its weight (log2 of the odds) and why; and the model.

    forms: from `forms.people` or `forms.firms`; unique_id ascending. database: a Splink database API. learn: whether to
    learn from these rows; None: where they are many. apart_within: a code for each row; rows of one code are never one.
    Returns PAIRS by left and right (left < right), and nothing that is clearly two persons. The same rows give the same.
    """
    used = tuple(one for one in kind.fields if any(_says(forms, column) for column in one.columns))
    model = Model(beliefs(kind), _DOUBLES / max(forms.num_rows, 2))
    if forms.num_rows < 2 or not used:
        return PAIRS.empty_table(), model
    with _Room(database, forms, kind, used) as room:
        pairs = room.candidates(most_shared, apart_within)
        if not room.count(pairs):
            return PAIRS.empty_table(), model
        if learn if learn is not None else forms.num_rows >= LEARNS_FROM:
            model = _learnt(room, pairs, model)
        return _weighed(room, pairs, model)


def _says(forms: pa.Table, column: str) -> bool:
    return column in forms.column_names and forms.num_rows - forms[column].null_count >= 2


class _Room:
    """The rows in Splink's database, and what is asked of them there."""

    def __init__(self, database: Any, forms: pa.Table, kind: Kind, fields: Sequence[Field]) -> None:
        self.database, self.forms, self.kind, self.fields = database, forms, kind, fields
        self._made: list[Any] = []
        self._rows = self._kept(database.register(forms))

    def __enter__(self) -> "_Room":
        return self

    def __exit__(self, *error: object) -> None:
        for one in reversed(self._made):
            one.drop_table_from_database_and_remove_from_cache(force_non_splink_table=True)
        self.database.delete_tables_created_by_splink_from_db()

    def _kept(self, table: Any) -> Any:
        self._made.append(table)
        return table

    def sql(self, text: str) -> Any:
        return self.database.query_sql(text)

    def count(self, table: Any) -> int:
        return int(self.arrow(self.sql(f"select count(*) as n from {table.physical_name}"))["n"][0].as_py())

    @staticmethod
    def arrow(table: Any) -> pa.Table:
        return table.as_pyarrow_table()

    def candidates(self, most: int, apart_within: NDArray[np.int64] | None) -> Any:
        """Pairs of rows that share something few share."""
        rows = self._rows.physical_name
        if apart_within is not None:
            within = pa.table({"unique_id": self.forms["unique_id"], "within": pa.array(apart_within)})
            codes = self._kept(self.database.register(within)).physical_name
            rows = f"(select f.*, w.within from {rows} f join {codes} w on f.unique_id = w.unique_id)"
        keys = [key for key in self.kind.keys if all(_says(self.forms, part.partition(":")[0]) for part in key)]
        wanted = []
        for number, key in enumerate(keys):
            joined = " || '|' || ".join(_begun(part) for part in key)
            known = " and ".join(f"{part.partition(':')[0]} is not null" for part in key)
            also = ", within" if apart_within is not None else ""
            wanted.append(f"select {number} as what, {joined} as held, unique_id{also} from {rows} where {known}")
        if not wanted:
            return self.sql(_NO_PAIRS)
        other = "and a.within <> b.within" if apart_within is not None else ""
        held = self._kept(self.sql(" union all ".join(wanted))).physical_name
        groups = self._kept(
            self.sql(
                f"select what, held, count(*) as size from {held} group by what, held having count(*) between 2 and {most}"
            )
        ).physical_name
        sizes = self.arrow(self.sql(f"select what, size, count(*) as n from {groups} group by what, size"))
        allowed = " or ".join(
            f"(what = {number} and size <= {size})" for number, size in _largest(sizes, self.forms.num_rows).items()
        )
        if not allowed:
            return self.sql(_NO_PAIRS)
        return self.sql(
            f"""
            select distinct '0' as match_key, a.unique_id as join_key_l, b.unique_id as join_key_r
            from {held} a
            join (select what, held from {groups} where {allowed}) g
              on a.what = g.what and a.held = g.held
            join {held} b on b.what = g.what and b.held = g.held
            where a.unique_id < b.unique_id {other}
            """
        )

    def some(self, pairs: Any, total: int, wanted: int) -> Any:
        """About so many of the pairs, always the same."""
        every = max(1, -(-total // wanted))
        if every == 1:
            return pairs
        return self.sql(
            f"select * from {pairs.physical_name} where (join_key_l * 2654435761 + join_key_r * 40503) % {every} = 0"
        )

    def strangers(self) -> Any:
        """Pairs of rows at random: all but very few are two persons."""
        rng = np.random.default_rng(20_240_601)
        ids = self.forms["unique_id"].to_numpy()
        one, two = rng.integers(0, len(ids), (2, _STRANGERS))
        apart = np.unique(np.stack([np.minimum(one, two), np.maximum(one, two)], axis=1)[one != two], axis=0)
        pairs = pa.table(
            {
                "match_key": pa.array(["0"] * len(apart)),
                "join_key_l": pa.array(ids[apart[:, 0]]),
                "join_key_r": pa.array(ids[apart[:, 1]]),
            }
        )
        return self._kept(self.database.register(pairs))

    def outcomes(self, pairs: Any, model: Model) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """How often each combination of levels comes out among the pairs: one row each, columns by field; -1 unknown."""
        found = self.predicted(pairs, model, weigh=False)
        gammas = ", ".join(f"gamma_{one.name}" for one in self.fields)
        counts = self.arrow(
            self.sql(f"select {gammas}, count(*) as n from {found.physical_name} group by {gammas} order by {gammas}")
        )
        found.drop_table_from_database_and_remove_from_cache()
        # Splink counts levels down from the first to 0, the last.
        levels = np.stack(
            [
                np.where((gamma := counts[f"gamma_{one.name}"].to_numpy()) < 0, -1, len(one.levels) - 1 - gamma)
                for one in self.fields
            ],
            axis=1,
        )
        return levels.astype(np.int64), counts["n"].to_numpy().astype(np.float64)

    def predicted(self, pairs: Any, model: Model, *, weigh: bool, at_least: float | None = None) -> Any:
        """Splink's table of these pairs. weigh: by the rarity of what they share too; else the levels alone are wanted."""
        from splink import Linker

        made = settings(self.kind, self.fields, model.weights, model.prior, rarity=weigh)
        linker = Linker(self._rows, made, log_level=None, validate_settings=False)
        for one in self.fields if weigh else ():
            for level, (__, u) in zip(one.levels, model.weights[one.name], strict=True):
                if level.rarity:
                    table = rarity(self.forms, level.rarity, u, self.kind.rarities[level.rarity])
                    lookup = self._kept(self.database.register(table))
                    linker.table_management.register_term_frequency_lookup(lookup, level.rarity)
        linker.table_management.register_blocked_pairs_for_predict(pairs)
        return linker.inference.predict(threshold_match_weight=at_least, warning_mode="never")


def _largest(sizes: pa.Table, rows: int) -> dict[int, int]:
    """The largest group of each key that is still looked at, so that no key brings more pairs than its share."""
    share = max(_PAIRS_OF_A_KEY, int(_PAIRS_OF_A_ROW * rows))
    largest: dict[int, int] = {}
    spent: dict[int, int] = {}
    for what, size, n in sorted(zip(*(sizes[name].to_pylist() for name in ("what", "size", "n")), strict=True)):
        spent[what] = spent.get(what, 0) + n * size * (size - 1) // 2
        if spent[what] <= share or size == 2:
            largest[what] = size
    return largest


def _begun(part: str) -> str:
    """SQL of a key's part: a column, or with `:n` its first n characters."""
    column, __, length = part.partition(":")
    return f"substr({column}, 1, {length})" if length else column


_NO_PAIRS = "select '0' as match_key, 0 as join_key_l, 0 as join_key_r where 1 = 0"
# Beside how common a value is here, so many rows' worth of how common such values are elsewhere.
_ELSEWHERE = 1_000.0


def rarity(forms: pa.Table, column: str, u: float, usual: float) -> pa.Table:
    """How likely a stranger has each value: counted by persons rather than rows as far as rows alone can tell.

    u: how often two strangers share a value; usual: how likely a value is where few rows tell. If strangers explain only
    some of the pairs that share one, the others are one person's, and don't make the value any less rare; of a value with
    many rows, all but the first few are taken as strangers'. Phones and e-mails are counted by the names they go with.
    """
    counted = column in _COUNTED_BY_NAME and "sound" in forms.column_names
    known = forms.select([column, "sound"] if counted else [column])
    known = known.filter(pc.is_valid(known[column]))
    rows = known.num_rows
    if counted:
        counts = known.group_by(column).aggregate([("sound", "count_distinct")])
        others = np.maximum(counts["sound_count_distinct"].to_numpy().astype(np.float64) - 1.0, 0.0)
    else:
        counts = known.group_by(column).aggregate([([], "count_all")])
        held = counts["count_all"].to_numpy().astype(np.float64)
        sharing = float((held * (held - 1)).sum()) / 2
        strangers = min(1.0, u * rows * (rows - 1) / 2 / sharing) if sharing else 1.0
        others = strangers * (held - 1) + (1 - strangers) * np.maximum(held - _ROWS_OF_ONE, 0.0)
    likely = (others + _ELSEWHERE * usual) / (max(rows, 1) + _ELSEWHERE)
    return pa.table({column: counts[column], f"tf_{column}": pa.array(likely)})


_COUNTED_BY_NAME = frozenset({"phone", "email"})
# So many rows of a value may be one person's, if any of its rows are.
_ROWS_OF_ONE = 5.0


def _learnt(room: _Room, pairs: Any, model: Model) -> Model:
    """Expectation and maximisation over pairs that share something, held by what is believed (MAP).

    How strangers come out is counted on pairs at random; only how one person's rows come out, and how many pairs are one
    person's, is learnt. Pairs that share nothing are all but surely strangers and leave both as they are.
    """
    rows, total = room.forms.num_rows, room.count(pairs)
    anyone, anyone_counts = room.outcomes(room.strangers(), model)
    levels, counts = room.outcomes(room.some(pairs, total, _LEARNT_ON), model)
    counts = counts * (total / max(counts.sum(), 1.0))
    weights, prior = dict(model.weights), model.prior
    for __ in range(_ROUNDS):
        same = counts * _chance(levels, room.fields, weights, prior)
        other = anyone_counts * (1 - _chance(anyone, room.fields, weights, prior))
        prior = float((same.sum() + 1) / (rows * (rows - 1) / 2 + 1 / model.prior))
        for place, one in enumerate(room.fields):
            m = _believed(levels[:, place], same, [level.m for level in one.levels], _BELIEF_IN_M)
            u = _believed(anyone[:, place], other, [level.u for level in one.levels], _BELIEF_IN_U)
            kept = [level.m if level.fixed else new for level, new in zip(one.levels, m, strict=True)]
            weights[one.name] = list(zip(kept, u, strict=True))
    return Model(weights, prior, learnt=True)


def _chance(
    levels: NDArray[np.int64], fields: Sequence[Field], weights: Mapping[str, list[tuple[float, float]]], prior: float
) -> NDArray[np.float64]:
    """How likely each combination of levels is one person's."""
    odds = np.full(len(levels), np.log2(prior / (1 - prior)))
    for place, one in enumerate(fields):
        ratio = np.log2([m / u for m, u in weights[one.name]])
        odds += np.where(levels[:, place] < 0, 0.0, ratio[levels[:, place]])
    chance: NDArray[np.float64] = 1 / (1 + np.exp2(-np.clip(odds, -500, 500)))
    return chance


def _believed(
    outcome: NDArray[np.int64], counts: NDArray[np.float64], before: Sequence[float], strength: float
) -> list[float]:
    """Shares of the levels, as seen and, with the strength of so many pairs, as believed before."""
    seen = np.array([counts[outcome == place].sum() for place in range(len(before))])
    prior = np.asarray(before) / np.sum(before)
    shares: list[float] = ((seen + strength * prior) / (seen.sum() + strength)).tolist()
    return shares


def _weighed(room: _Room, pairs: Any, model: Model) -> tuple[pa.Table, Model]:
    """The pairs that may be one person, weighed with a prior that fits them."""
    start = np.log2(model.prior / (1 - model.prior))
    found = room.predicted(pairs, model, weigh=True, at_least=_HOPELESS - _SLACK)
    table = room.arrow(room.sql(f"select * from {found.physical_name} order by unique_id_l, unique_id_r"))
    found.drop_table_from_database_and_remove_from_cache()
    evidence = table["match_weight"].to_numpy().astype(np.float64) - start
    prior = _prior(evidence, room.forms.num_rows, model.prior)
    weight = evidence + np.log2(prior / (1 - prior))
    free, refuted, why = _explained(table, room.kind, room.fields)
    rows = pa.table(
        {
            "left": table["unique_id_l"].cast(pa.int64()),
            "right": table["unique_id_r"].cast(pa.int64()),
            "weight": pa.array(weight),
            "probability": pa.array(1 / (1 + np.exp2(-np.clip(weight, -500, 500)))),
            "free": pa.array(free),
            "refuted": pa.array(refuted),
            "why": pa.array(why, pa.string()),
        }
    ).cast(PAIRS)
    return rows.filter(pc.greater(rows["weight"], _HOPELESS)), Model(model.weights, prior, model.learnt)


def _prior(evidence: NDArray[np.float64], rows: int, believed: float) -> float:
    """How often two rows at random are one person, given each pair's evidence (log2 of how much it multiplies the odds)."""
    prior = believed
    for __ in range(_ROUNDS):
        odds = evidence + np.log2(prior / (1 - prior))
        same = float((1 / (1 + np.exp2(-np.clip(odds, -500, 500)))).sum())
        prior = (same + 1) / (rows * (rows - 1) / 2 + 1 / believed)
    return prior


def _explained(table: pa.Table, kind: Kind, fields: Sequence[Field]) -> tuple[NDArray[Any], NDArray[Any], list[str]]:
    """Whether each pair may join by itself, whether too much speaks against it, and its evidence strongest first, as JSON."""
    size = table.num_rows
    free, against = np.ones(size, dtype=bool), np.zeros(size, dtype=np.int64)
    items: list[list[tuple[float, str]]] = [[] for __ in range(size)]
    outcome = {one.name: len(one.levels) - 1 - table[f"gamma_{one.name}"].to_numpy() for one in fields}
    # The first level of a field is that both are the same; a number with a slip of the pen proves as much.
    agrees = {one.name: outcome[one.name] == 0 for one in fields}
    if "id_number" in agrees:
        agrees["id_number"] |= outcome["id_number"] == 1
    backed = np.zeros(size, dtype=bool)

    def lacking(rows: NDArray[Any], needs: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these rows agree in none of the fields needed."""
        return ~np.any(
            [np.zeros(len(rows), dtype=bool), *(agrees[name][rows] for name in needs if name in agrees)], axis=0
        )

    for one in kind.fields:
        # What none of the rows tell is unknown of each.
        if one.needs and one not in fields:
            free[lacking(np.arange(size), one.needs)] = False
    for one in fields:
        weight = table[f"mw_{one.name}"].to_numpy().astype(np.float64)
        if f"mw_tf_adj_{one.name}" in table.column_names:
            weight = weight + table[f"mw_tf_adj_{one.name}"].to_numpy()
        if one.own:
            backed |= weight > 0
        if one.needs:
            unknown = np.flatnonzero(outcome[one.name] >= len(one.levels))
            free[unknown[lacking(unknown, one.needs)]] = False
        for place, level in enumerate(one.levels):
            rows = np.flatnonzero(outcome[one.name] == place)
            if level.needs:
                free[rows[lacking(rows, level.needs)]] = False
            against[rows] += level.refutes
            stem = f'{{"field": "{one.name}", "level": "{level.name}", "weight": '
            for row in rows:
                items[row].append((-abs(weight[row]), f"{stem}{weight[row]:.2f}}}"))
    refuted = against >= 2
    if "id_number" in agrees:
        refuted &= ~agrees["id_number"]
    return (
        free & backed & ~refuted,
        refuted,
        ["[" + ", ".join(text for __, text in sorted(parts)) + "]" for parts in items],
    )


def evidence_of(why: str) -> list[Mapping[str, Any]]:
    """What `why` of a pair says: field, level and weight (log2), strongest first."""
    items: list[Mapping[str, Any]] = json.loads(why)
    return items


__all__ = ["Level", "Model", "beliefs", "evidence_of", "rarity", "score"]
