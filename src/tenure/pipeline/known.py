"""What is known of everybody today and was known of those learned from at earlier dates: the facts churn is foreseen by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeAlias

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.in_order import by_person as in_order
from tenure.insight import features
from tenure.insight.churn import Definition
from tenure.insight.churn.definitions import DEFINITIONS
from tenure.insight.features.terms import distinct, highest, lowest
from tenure.insight.value import BGNBD
from tenure.lake import SYSTEM
from tenure.pipeline.carried import by_person, keep, standing
from tenure.pipeline.history import settled, tables_over
from tenure.pipeline.records import live_batches
from tenure.pipeline.run import Context
from tenure.pipeline.value import UNIT_DAYS, rhythm_of

READ = sorted({name for family in features.FAMILIES.values() for name in family.reads} | {"orders", "customers"})
# More customers than this take longer to learn from than a morning has.
MOST_PEOPLE = 40_000
# Four numbers tell the rhythms of a base: from so many buyers, every so many-eth by their numbers, they are known well.
_BUYERS = 5_000
# Knuth's multiplicative hashing: numbers minted one after another are spread evenly, and no engine is asked for a hash.
_STRIDE, _TURNS = 2_654_435_761, 2**32
# What the model of buying rhythms asks of the records: purchase days, the first and the last of them.
_BUYING = {
    "_days": distinct("ordered_on", where="sale"),
    "_first": lowest("ordered_on", where="sale"),
    "_last": highest("ordered_on", where="sale"),
}

TODAY = "features/today"

At: TypeAlias = Callable[[datetime], Mapping[str, ibis.Table]]


@dataclass
class Known:
    """What is known of people, worked out once for all definitions.

    some: those learned from; everyone where so few are. glance: the same people, for a question or two.
    """

    context: Context
    everyone: At
    some: At
    glance: At
    people: int
    _today: pa.Table | None = None

    @property
    def sampled(self) -> bool:
        return self.some is not self.everyone

    def today(self) -> pa.Table:
        if self._today is None:
            self._today = today(self.context, self.everyone)
        return self._today

    def at(self, cuts: Sequence[datetime]) -> dict[datetime, pa.Table]:
        """Of those learned from, at each date. Where all are, one pass is made for all dates, today's with them."""
        if self.sampled or self._today is not None:
            return _told(self.context, self.some, cuts)
        told = _told(self.context, self.some, [*cuts, self.context.as_of], kept=True)
        self._today = told.pop(self.context.as_of)
        return told

    def scored(self, definition: Definition) -> pa.Table:
        """Today's rows of everyone the question makes sense for."""
        as_of = self.context.as_of
        asked = self.context.lake.to_arrow(definition.eligible(self.everyone(as_of), as_of))
        return of(self.today(), asked)

    def left(self, definition: Definition, at: datetime) -> tuple[int, int]:
        """How many left after a date, of how many."""
        label = definition.label(self.some(at + timedelta(days=definition.horizon_days)), at)
        told = self.context.lake.to_arrow(label.agg(left=label.churned.cast("int64").sum(), rows=label.count()))
        return int(told["left"][0].as_py() or 0), int(told["rows"][0].as_py())


@contextmanager
def knowing(context: Context) -> Iterator[Known]:
    """What is known of people, for as long as the block lasts."""
    people = _people(context)
    read = sorted({*READ, *(name for kind in DEFINITIONS.values() for name in kind.contracts)})
    among = partial(_some, people=people)
    few = people <= MOST_PEOPLE
    with (
        tables_over(context, read) as everyone,
        nullcontext(everyone) if few else tables_over(context, read, among) as some,
        nullcontext(everyone) if few else tables_over(context, read, among, once=True) as glance,
    ):
        yield Known(context, everyone, some, glance, people)


def _people(context: Context) -> int:
    links = context.lake.read("identity/links", actor=SYSTEM)
    return int(context.lake.to_arrow(links.agg(people=links.person_id.nunique()))["people"][0].as_py())


def _some(table: ibis.Table, people: int) -> ibis.Table:
    """The rows of about MOST_PEOPLE of so many people: the same ones in every table, on every engine, every day."""
    turn = (table.person_id * _STRIDE) % _TURNS
    return table.filter(turn < int(_TURNS * MOST_PEOPLE / people))


def today(context: Context, at: At) -> pa.Table:
    """What is known of everybody today: of those of whom nothing came since it was worked out last, as it was."""
    as_of = context.as_of
    there = _there(context)
    alike = settled(context, there)
    parts = []
    if alike:
        told = by_person(context, TODAY, alike, partial(_facts, context, [as_of]), sorted(features.FEATURES))
        for place, name in enumerate(told.column_names):
            # Where records came of people of whom a whole family says nothing, nothing was counted of them.
            if _counted(name):
                told = told.set_column(place, name, pc.fill_null(told[name], 0.0))
        parts.append(told)
    if others := {name: at(as_of)[name] for name in sorted({*there} - {*alike})}:
        parts.append(_facts(context, [as_of], others))
    return _with_p_alive(_beside([_of_day(part) for part in parts]), as_of, rhythm_of(context))


def _told(context: Context, at: At, dates: Sequence[datetime], *, kept: bool = False) -> dict[datetime, pa.Table]:
    """What was known of each person at each of these dates, with the chance by their own rhythm that they still buy.

    kept: for the next refresh, what is known of them today, who are everybody.
    """
    if not dates:
        return {}
    # Where records of a contract were corrected since, what they said then is another history at each date.
    there = _there(context)
    alike = settled(context, there)
    parts: dict[datetime, list[pa.Table]] = {moment: [] for moment in dates}
    others = sorted({*there} - {*alike})
    for names, together in ((alike, [list(dates)]), (others, [[moment] for moment in dates])):
        for some in together if names else ():
            found = _facts(context, some, {name: at(some[-1])[name] for name in names})
            for moment in some:
                mine = found.filter(pc.equal(found["as_of"], pa.scalar(moment, found["as_of"].type)))
                parts[moment].append(_of_day(mine))
                if kept and moment == context.as_of and names is alike:
                    made = standing(context, TODAY, alike, moment, sorted(features.FEATURES))
                    keep(context.lake, made, in_order(mine))
    today = {context.as_of: rhythm_of(context)}
    return {moment: _with_p_alive(_beside(parts[moment]), moment, today.get(moment)) for moment in dates}


def _there(context: Context) -> list[str]:
    """The contracts that features are made of and anything was received of; planning to read the others costs seconds."""
    return [name for name in READ if live_batches(context.lake, name)] or READ


def _facts(context: Context, dates: Sequence[datetime], tables: Mapping[str, ibis.Table]) -> pa.Table:
    """The features of the persons of these tables at these dates, and what tells how they bought."""
    known = features.as_of(tables, list(dates), by_person=context.lake.map_by_person, also={"orders": _BUYING})
    return _settled(context.lake.to_arrow(known))


def _of_day(facts: pa.Table) -> pa.Table:
    return facts.drop_columns(["as_of"])


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
                told = part[name].take(place)
                columns[name] = pc.fill_null(told, 0.0) if _counted(name) else told
    return pa.table(columns)


def _counted(name: str) -> bool:
    """Whether a column of features says 0 of a person without rows."""
    feature = features.FEATURES.get(name)
    return feature is not None and feature.zero and feature.unit != "text"


def of(frame: pa.Table, people: pa.Table) -> pa.Table:
    """The rows of these people, in the order of their numbers, with what else is told of them."""
    place = pc.index_in(frame["person_id"].combine_chunks(), people["person_id"].combine_chunks())
    kept = pc.is_valid(place)
    frame = frame.filter(kept)
    for name in people.column_names:
        if name != "person_id":
            frame = frame.append_column(name, people[name].take(place.filter(kept)))
    return in_order(frame).combine_chunks()


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


def _with_p_alive(frame: pa.Table, cut: datetime, rhythm: BGNBD | None = None) -> pa.Table:
    """The chance of still being a customer in the place of the numbers it is worked out from.

    rhythm: how often customers buy, where that is known: what others bought today then moves nobody's chance.
    """
    frame = in_order(frame)
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
        alive[bought] = (rhythm or BGNBD().fit(x[some], t_x[some], T[some])).p_alive(x, t_x, T)
    except ValueError:  # too few repeat purchases to learn a rhythm from
        return bare
    return bare.append_column("p_alive", pa.array(alive.astype(np.float32).astype(np.float64), from_pandas=True))
