"""Which of the sources' customer numbers are the same person: certain rules first, then probability, then people's word."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.identity import forms, standard
from tenure.identity.clusters import gather
from tenure.identity.model import KINDS, ORGANISATIONS, PEOPLE, Kind
from tenure.identity.scoring import MOST_SHARED, score

# Each rule: what must be equal, and how it reads as the reason of a join. A phone alone is not enough: families
# and front desks share one.
RULES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("id_number",), "same ID number"),
    (("phone", "name"), "same phone and name"),
    (("email", "name"), "same e-mail and name"),
    (("phone", "email"), "same phone and e-mail"),
)
# A value that so many share belongs to a switchboard or a form's default, not to a person.
_TOO_COMMON = 20

# From this probability on two numbers are joined by themselves; from the lower one on a person is asked. Chosen on
# FEBRL 1 and 2, where the first joins no pair wrongly and the second misses no more than blocking does.
JOIN, ASK = 0.95, 0.10
# Two that were one stay one down to here, so that nobody is parted because the company has grown a little.
STAY = 0.80
# What is less likely than this is not kept for anyone to see.
_WORTH_KEEPING = 0.01

FOUND_PAIRS = pa.schema(
    [
        ("left_own", pa.int64()), ("right_own", pa.int64()), ("weight", pa.float64()), ("probability", pa.float64()),
        ("band", pa.string()), ("why", pa.string()), ("decided", pa.string()),
    ]
)  # fmt: skip
DECISIONS = pa.schema(
    [
        ("left_ids_of", pa.string()), ("left_customer_id", pa.string()), ("right_ids_of", pa.string()),
        ("right_customer_id", pa.string()), ("verdict", pa.string()), ("at", pa.timestamp("us", tz="UTC")),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Identified:
    """links: ids_of, customer_id, own_id, person_id, why; by own_id. pairs: FOUND_PAIRS, by left_own and right_own."""

    links: pa.Table
    pairs: pa.Table


def link(ids: pa.Table, people: pa.Table, known: pa.Table, region: str = "CN", after: int = 0) -> pa.Table:
    """Say who is behind each customer number by the certain rules alone; the links of `identify`."""
    return identify(ids, people, known, region=region, after=after).links


def identify(
    ids: pa.Table,
    people: pa.Table,
    known: pa.Table,
    *,
    decisions: pa.Table | None = None,
    database: Callable[[], Any] | None = None,
    region: str = "CN",
    after: int = 0,
    learn: bool | None = None,
    one_per: bool = False,
) -> Identified:
    """Say who is behind each customer number, and which pairs of them a person should look at.

    ids: every (ids_of, customer_id) that any record names. people: what is known of some of them: ids_of, customer_id
    and any of `forms.COLUMNS`. known: the links of before (ids_of, customer_id, own_id; with person_id those who were one stay
    one on somewhat weaker evidence). decisions: DECISIONS; the newest
    verdict on a pair counts, and a pair kept apart is never one person, by whatever path. database: gives a Splink
    database API when it is needed; None: certain rules alone. after: no number up to this one is minted (again): those it
    was minted for may be gone. learn: see `scoring.score`. one_per: a source (ids_of) has nobody twice.

    An own_id is minted once, in order of ids_of and customer_id among the new; person_id is the oldest own_id of those
    that are the same person. Numbers with two different valid ID numbers are not joined, whatever else agrees, unless a
    person says so: the pair is one to ask about.
    """
    minted = mint(ids, known, after)
    own = _own_ids(people, minted)
    order = np.argsort(own, kind="stable")
    people, own = people.take(pa.array(order)), own[order]
    verdicts = _verdicts(decisions, minted)
    certain = _certain(people, own, region)
    scored, numbers = _scored(people, own, region, database, learn, one_per)

    edges: dict[tuple[int, int], tuple[tuple[float, float], str]] = {}
    weight = {one.pair: one.weight for one in scored}
    were = (
        dict(zip(known["own_id"].to_pylist(), known["person_id"].to_pylist(), strict=True))
        if "person_id" in known.column_names
        else {}
    )
    for one in scored:
        left, right = (were.get(own_id) for own_id in one.pair)
        enough = STAY if left is not None and left == right else JOIN
        if one.probability >= enough and one.free:
            edges[one.pair] = (0.0, one.weight), "likely the same: " + ", ".join(_agreeing(one.why))
    for pair, reason in certain.items():
        edges[pair] = (1.0, weight.get(pair, 0.0)), reason
    for at, (pair, verdict) in enumerate(verdicts.items()):
        if verdict == "join":
            # The newest word is the strongest.
            edges[pair] = (2.0, float(at)), "joined by a person"
        elif verdict == "apart":
            edges.pop(pair, None)
    nodes = minted["own_id"].to_numpy()
    lists = dict(zip(nodes.tolist(), minted["ids_of"].to_pylist(), strict=True)) if one_per else None
    sorted_nodes = np.sort(nodes)
    person = gather(
        sorted_nodes,
        list(edges),
        [strength for strength, __ in edges.values()],
        [pair for pair, verdict in verdicts.items() if verdict == "apart"],
        [numbers],
        frozenset(pair for pair, verdict in verdicts.items() if verdict == "join"),
        lists,
    )
    person_of = dict(zip(sorted_nodes.tolist(), person.tolist(), strict=True))
    reasons: dict[int, tuple[tuple[float, float], str]] = {}
    for pair, (strength, why) in edges.items():
        if person_of[pair[0]] == person_of[pair[1]]:
            for node in pair:
                if node not in reasons or reasons[node][0] < strength:
                    reasons[node] = strength, why
    links = minted.append_column("person_id", pa.array([person_of[one] for one in nodes.tolist()], pa.int64()))
    links = links.append_column("why", pa.array([reasons[one][1] if one in reasons else None for one in nodes.tolist()],
                                                pa.string()))  # fmt: skip
    return Identified(links, _banded(scored, certain, edges, verdicts, person_of))


class Scored(NamedTuple):
    """A pair of own ids as the model weighs it. free: it may join by itself; refuted: too much speaks against it."""

    pair: tuple[int, int]
    weight: float
    probability: float
    free: bool
    refuted: bool
    why: str


def _scored(
    people: pa.Table,
    own: NDArray[np.int64],
    region: str,
    database: Callable[[], Any] | None,
    learn: bool | None,
    one_per: bool,
) -> tuple[list[Scored], dict[int, str]]:
    """The pairs that may be one, of persons and of organisations; and each number's valid ID number."""
    scored: list[Scored] = []
    numbers: dict[int, str] = {}
    firm = forms.organisations(people)
    for kind, chosen in ((PEOPLE, ~firm), (ORGANISATIONS, firm)):
        if not chosen.any():
            continue
        some = people.filter(pa.array(chosen))
        table = (forms.people if kind is PEOPLE else forms.firms)(some, own[chosen], region)
        proved = table.filter(table["checked"])
        numbers.update(zip(proved["unique_id"].to_pylist(), proved["id_number"].to_pylist(), strict=True))
        if database is None or not _anything_shared(table, kind):
            continue
        sources = pc.dictionary_encode(some["ids_of"].combine_chunks()).indices.to_numpy() if one_per else None
        found, __ = score(table, kind, database(), learn=learn, apart_within=sources)
        found = found.filter(pc.greater_equal(found["probability"], _WORTH_KEEPING))
        for left, right, weight, probability, free, refuted, why in zip(
            *(found[name].to_pylist() for name in found.column_names), strict=True
        ):
            scored.append(Scored((left, right), weight, probability, free, refuted, why))
    return scored, numbers


def _anything_shared(table: pa.Table, kind: Kind) -> bool:
    """Whether any two rows share what makes them worth a look: most small companies' don't, and Splink takes time."""
    if table.num_rows > 500:
        return True
    for key in kind.keys:
        if ":" in "".join(key) or not all(column in table.column_names for column in key):
            continue
        counts = table.select(list(key)).drop_null().group_by(list(key)).aggregate([([], "count_all")])["count_all"]
        if pc.any(pc.and_(pc.greater(counts, 1), pc.less_equal(counts, MOST_SHARED))).as_py():
            return True
    return False


def _verdicts(decisions: pa.Table | None, minted: pa.Table) -> dict[tuple[int, int], str]:
    """The newest verdict on each pair of own ids, oldest first; pairs no record names any more are left out."""
    if decisions is None or not decisions.num_rows:
        return {}
    own = {
        (ids_of, customer): number
        for ids_of, customer, number in zip(
            minted["ids_of"].to_pylist(), minted["customer_id"].to_pylist(), minted["own_id"].to_pylist(), strict=True
        )
    }
    verdicts: dict[tuple[int, int], str] = {}
    named = [field.name for field in DECISIONS]
    for row in sorted(
        decisions.select(named).to_pylist(), key=lambda row: tuple(row[name] for name in ("at", *named[:5]))
    ):
        a = own.get((row["left_ids_of"], row["left_customer_id"]))
        b = own.get((row["right_ids_of"], row["right_customer_id"]))
        if a is None or b is None or a == b:
            continue
        pair = (min(a, b), max(a, b))
        verdicts.pop(pair, None)
        verdicts[pair] = row["verdict"]
    return {pair: verdict for pair, verdict in verdicts.items() if verdict in {"join", "apart"}}


def _banded(
    scored: list[Scored],
    certain: dict[tuple[int, int], str],
    edges: dict[tuple[int, int], Any],
    verdicts: dict[tuple[int, int], str],
    person_of: dict[int, int],
) -> pa.Table:
    """What becomes of each pair: joined, one to ask a person about, or left apart."""
    # Who kept two of them apart has answered for all that stand behind either.
    settled = {frozenset((person_of[a], person_of[b])) for (a, b), verdict in verdicts.items() if verdict == "apart"}
    rows = {one.pair: (one.weight, one.probability, one.why) for one in scored}
    refuted = {one.pair for one in scored if one.refuted}
    for pair, reason in certain.items():
        if pair not in rows:
            said = {name: _usual(name) for name in _RULE_OF[reason]}
            total = sum(said.values())
            items = [{"field": name, "level": "same", "weight": weight} for name, weight in said.items()]
            rows[pair] = total, 1 / (1 + 2.0**-total), json.dumps(items)
    for pair in verdicts:
        rows.setdefault(pair, (0.0, 0.5, "[]"))
    result = []
    for pair in sorted(rows):
        weight, probability, why = rows[pair]
        persons = person_of[pair[0]], person_of[pair[1]]
        if persons[0] == persons[1]:
            band = "join"
        elif frozenset(persons) in settled:
            band = "apart"
        else:
            band = "ask" if pair in edges or (probability >= ASK and pair not in refuted) else "apart"
        result.append((*pair, weight, probability, band, why, verdicts.get(pair, "")))
    columns = list(zip(*result, strict=True)) if result else [()] * len(FOUND_PAIRS)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, FOUND_PAIRS, strict=True)], schema=FOUND_PAIRS
    )


def _agreeing(why: str) -> list[str]:
    """The fields that speak for it, strongest first."""
    return [str(item["field"]).replace("_", " ") for item in json.loads(why) if item["weight"] > 0][:3]


_RULE_OF = {reason: names for names, reason in RULES}


def _usual(name: str) -> float:
    """What it weighs that two rows agree on this, before anything is learnt (log2)."""
    level = next(one for one in KINDS["people"].fields if one.name == name).levels[0]
    return round(float(np.log2(level.m / level.u)), 2)


def mint(ids: pa.Table, known: pa.Table, after: int) -> pa.Table:
    """The known links and, after them, a fresh number for each id that has none."""
    key = ["ids_of", "customer_id"]
    known = known.select([*key, "own_id"]).sort_by("own_id")
    fresh = ids.select(key).group_by(key).aggregate([]).join(known, key, join_type="left anti")
    fresh = fresh.sort_by([(name, "ascending") for name in key])
    start = max(pc.max(known["own_id"]).as_py() or 0, after) + 1
    fresh = fresh.append_column("own_id", pa.array(np.arange(start, start + fresh.num_rows), pa.int64()))
    return pa.concat_tables([known, fresh.select([*key, "own_id"])]).combine_chunks()


def _own_ids(people: pa.Table, minted: pa.Table) -> NDArray[np.int64]:
    key = ["ids_of", "customer_id"]
    numbered = people.select(key).append_column("at", pa.array(np.arange(people.num_rows)))
    joined = numbered.join(minted.select([*key, "own_id"]), key).sort_by("at")
    result: NDArray[np.int64] = joined["own_id"].to_numpy()
    return result


def _certain(people: pa.Table, own: NDArray[np.int64], region: str) -> dict[tuple[int, int], str]:
    """Pairs of own ids that some rule joins, each to the oldest of its group, with the first such rule's words."""
    columns = {
        "phone": standard.phones(_told(people, "phone"), region),
        "email": standard.emails(_told(people, "email")),
        "id_number": standard.id_numbers(_told(people, "id_number")),
        "name": standard.names(_told(people, "name")),
    }
    certain: dict[tuple[int, int], str] = {}
    for names, reason in RULES:
        for a, b in own[_same(columns, names)].tolist():
            certain.setdefault((min(a, b), max(a, b)), reason)
    return certain


def _told(people: pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    return people[name] if name in people.column_names else pa.nulls(people.num_rows, pa.string())


def _same(columns: dict[str, pa.Array], names: Sequence[str]) -> NDArray[np.int64]:
    table = pa.table({name: columns[name] for name in names} | {"row": pa.array(np.arange(len(columns[names[0]])))})
    for name in names:
        table = table.filter(pc.is_valid(table[name]))
    groups = table.group_by(list(names)).aggregate([("row", "min"), ("row", "count")])
    groups = groups.filter(pc.and_(pc.greater(groups["row_count"], 1), pc.less_equal(groups["row_count"], _TOO_COMMON)))
    joined = table.join(groups.select([*names, "row_min"]), list(names), join_type="inner")
    joined = joined.filter(pc.not_equal(joined["row"], joined["row_min"])).sort_by("row")
    return np.stack([joined["row_min"].to_numpy(), joined["row"].to_numpy()], axis=1).astype(np.int64)
