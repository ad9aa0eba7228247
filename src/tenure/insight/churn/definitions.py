"""What churn means for a business: who could leave at a date, and who then did."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import ibis

from tenure.contracts import CONTRACTS
from tenure.errors import TenureError
from tenure.insight.features.base import is_filled, known_before
from tenure.language import Words, tr

Tables: TypeAlias = Mapping[str, ibis.Table]

SHORTEST_DAYS, LONGEST_DAYS = 30, 180
_USUAL_DAYS = 90
_FEWEST_GAPS = 30


@runtime_checkable
class Definition(Protocol):
    """Who could leave at a date, and who did within the horizon after it.

    eligible: person_id of everyone the question makes sense for at `as_of`, from what was known then.
    label: person_id and churned, one row for each of them, from records that reach to `as_of + horizon`.
    """

    @property
    def name(self) -> str: ...
    @property
    def horizon_days(self) -> int: ...
    @property
    def timed(self) -> bool: ...
    @property
    def words(self) -> Words: ...
    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table: ...
    def label(self, tables: Tables, as_of: datetime) -> ibis.Table: ...


@dataclass(frozen=True)
class Silence:
    """Left without a word: someone who bought lately and then buys nothing for the whole horizon.

    For businesses without contracts. Who bought nothing in the `active_days` before `as_of` is not asked about:
    such a customer is gone already. Cancelled orders and refunds are no purchase.
    """

    horizon_days: int = _USUAL_DAYS
    active_days: int = 2 * _USUAL_DAYS

    name: ClassVar[str] = "silence"
    timed: ClassVar[bool] = True

    @property
    def words(self) -> Words:
        return Words(
            "No purchase within {horizon} days, among customers who bought in the {active} days before",
            "此前 {active} 天内有购买、而在随后 {horizon} 天内没有购买的客户",
        ).format(horizon=self.horizon_days, active=self.active_days)

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        start = ibis.literal(as_of - timedelta(days=self.active_days))
        bought = sales(known_before(CONTRACTS["orders"], tables["orders"], as_of))
        return bought.filter(bought.ordered_at >= start).select("person_id").distinct()

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        end = as_of + timedelta(days=self.horizon_days)
        after = sales(known_before(CONTRACTS["orders"], tables["orders"], end))
        came_back = after.filter(after.ordered_at >= ibis.literal(as_of)).select("person_id").distinct()
        return _labelled(self.eligible(tables, as_of), stayed=came_back)


@dataclass(frozen=True)
class ContractEnd:
    """Ended the contract: someone with a running subscription who has none left at the end of the horizon.

    A subscription runs until it really ended. Moving to another plan is not leaving; a term that ran out while
    the service goes on is not either.
    """

    horizon_days: int = 60

    name: ClassVar[str] = "contract_end"
    timed: ClassVar[bool] = True

    @property
    def words(self) -> Words:
        return Words(
            "The last running subscription ends within {horizon} days, and no other runs then",
            "最后一项在用订购在 {horizon} 天内终止，且届时没有其他在用订购",
        ).format(horizon=self.horizon_days)

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        return self._running(tables, as_of)

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        end = as_of + timedelta(days=self.horizon_days)
        return _labelled(self.eligible(tables, as_of), stayed=self._running(tables, end))

    def _running(self, tables: Tables, at: datetime) -> ibis.Table:
        held = known_before(CONTRACTS["subscriptions"], tables["subscriptions"], at)
        return held.filter(held.ended_at.isnull()).select("person_id").distinct()


@dataclass(frozen=True)
class Outcome:
    """What a snapshot says: its own yes/no column, with no time in it, so nothing is known of when."""

    horizon_days: int = 0

    name: ClassVar[str] = "outcome"
    timed: ClassVar[bool] = False

    @property
    def words(self) -> Words:
        return Words("The outcome column of the snapshot", "客户快照中的结果列")

    def eligible(self, tables: Tables, as_of: datetime) -> ibis.Table:
        return self._rows(tables, as_of).select("person_id")

    def label(self, tables: Tables, as_of: datetime) -> ibis.Table:
        """Only the people whose outcome is given; the others can be scored, but nothing is learned from them."""
        rows = self._rows(tables, as_of)
        return rows.filter(rows.outcome.notnull()).select("person_id", churned=rows.outcome)

    def _rows(self, tables: Tables, as_of: datetime) -> ibis.Table:
        seen = known_before(CONTRACTS["snapshot"], tables["snapshot"], as_of)
        order = [ibis.desc(name) for name in ("valid_at", "source", "customer_id") if name in seen.columns]
        numbered = seen.mutate(_place=ibis.row_number().over(group_by="person_id", order_by=order))
        return numbered.filter(numbered._place == 0)


# Name → the contract its records are of.
DEFINITIONS: Mapping[str, str] = {
    ContractEnd.name: "subscriptions",
    Silence.name: "orders",
    Outcome.name: "snapshot",
}
LONGEST_HORIZON_DAYS = 730


def choose(tables: Tables, wished: Sequence[Mapping[str, Any]] = ()) -> Definition:
    """The definition the records allow: contract end where there are subscriptions, else silence, else the snapshot's.

    wished: what a company wants instead, in this order, each the name of one of DEFINITIONS and its days (definition,
    horizon_days, active_days); the first whose records are there holds, and where none is, the usual order does. Days
    that are not said are those of the definition itself.

    The horizon of silence is learned from the base's own rhythm: the time within which four of five customers who
    came back had come back, 30 to 180 days; who bought within twice that counts as active.

    Raises TenureError, saying what is needed, where none of these records has a row.
    """
    for wish in (*wished, *({"definition": name} for name in DEFINITIONS)):
        name = wish.get("definition", "")
        if name in DEFINITIONS and _told_by(tables, name):
            return _as_wished(tables, wish)
    raise TenureError(
        tr(
            "There is nothing to tell who left by: found rows in {found}. "
            "Import subscriptions, orders, or a snapshot with an outcome.",
            found=", ".join(name for name in tables if _has(tables, name)) or tr("no table"),
        )
    )


def _told_by(tables: Tables, name: str) -> bool:
    contract = DEFINITIONS[name]
    if name == Outcome.name:
        return _has(tables, contract) and is_filled(tables[contract].filter(tables[contract].outcome.notnull()))
    return _has(tables, contract)


def _as_wished(tables: Tables, wish: Mapping[str, Any]) -> Definition:
    horizon, active = wish.get("horizon_days"), wish.get("active_days")
    if wish["definition"] == ContractEnd.name:
        return ContractEnd(horizon) if horizon else ContractEnd()
    if wish["definition"] == Silence.name:
        horizon = horizon or rhythm_days(tables["orders"])
        return Silence(horizon_days=horizon, active_days=active or 2 * horizon)
    return Outcome()


def rhythm_days(orders: ibis.Table, quantile: float = 0.8) -> int:
    """Days within which this share of the gaps between purchase days end; 30 to 180, and 90 where few are known."""
    bought = sales(orders.filter(orders.person_id.notnull()))
    visits = bought.select("person_id", "ordered_on").distinct()
    window = ibis.window(group_by="person_id", order_by="ordered_on")
    visits = visits.mutate(_before=visits.ordered_on.lag().over(window))
    gaps = visits.filter(visits._before.notnull())
    gaps = gaps.select(days=gaps.ordered_on.delta(gaps._before, unit="day"))
    told: dict[str, Any] = gaps.agg(rows=gaps.count(), days=gaps.days.quantile(quantile)).to_pyarrow().to_pylist()[0]
    if told["rows"] < _FEWEST_GAPS or told["days"] is None:
        return _USUAL_DAYS
    return int(min(max(math.ceil(told["days"]), SHORTEST_DAYS), LONGEST_DAYS))


def sales(orders: ibis.Table) -> ibis.Table:
    """Order lines that are purchases: not cancelled, not given back."""
    by_sign = (orders.amount_minor < 0).ifelse("refund", "sale")
    return orders.filter(orders.status.fill_null("completed") != "cancelled", orders.kind.fill_null(by_sign) == "sale")


def _labelled(eligible: ibis.Table, *, stayed: ibis.Table) -> ibis.Table:
    stayed = stayed.select(stayed.person_id.name("_stayed"))
    joined = eligible.left_join(stayed, eligible.person_id == stayed._stayed)
    return joined.select("person_id", churned=joined._stayed.isnull())


def _has(tables: Tables, name: str) -> bool:
    return name in tables and is_filled(tables[name])
