"""From revenue down to what moves it: customers, how often, how much, at what price; and how much of a change each made.

L. S. Shapley (1953), A Value for n-Person Games: what each driver adds, on average over every order in which they change.
The parts of a product come to the whole change without a rest, whatever the signs and where something was nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import factorial, prod
from typing import Any, Literal, TypeAlias

import ibis

from tenure.insight.metrics._shared import order_of
from tenure.insight.metrics.base import Period, Tables, segmented
from tenure.insight.purchases import counted
from tenure.language import Words

Unit: TypeAlias = Literal["money", "customers", "orders", "number", "months"]
Figures: TypeAlias = Mapping[str, float | None]


@dataclass(frozen=True)
class Driver:
    """A node of the tree. op: how its parts make it ("sum", "product"), or "leaf". metric: the catalogue's figure of it.

    opens: the metric to look at next, where the catalogue has none that is the same.
    """

    name: str
    words: Words
    unit: Unit
    op: Literal["sum", "product", "leaf"] = "leaf"
    parts: tuple["Driver", ...] = ()
    metric: str = ""
    opens: str = ""


TREE = Driver(
    "revenue", Words("Revenue", "收入"), "money", "sum", metric="revenue", parts=(
        Driver("sales", Words("Sales", "销售额"), "money", "product", opens="revenue", parts=(
            Driver("buyers", Words("Customers who bought", "购买客户数"), "customers", "sum", opens="active_customers", parts=(
                Driver("new_buyers", Words("First-time buyers", "首次购买客户"), "customers", opens="new_customers"),
                Driver("old_buyers", Words("Buyers who came back", "再次购买客户"), "customers", opens="repurchase_rate"),
            )),
            Driver("orders_each", Words("Orders of each", "人均订单数"), "number", opens="orders"),
            Driver("items_each", Words("Items an order", "单均件数"), "number", opens="average_order_value"),
            Driver("price", Words("Price an item", "件均价格"), "money", opens="average_order_value"),
        )),
        Driver("refunds", Words("Given back", "退款"), "money", opens="refund_rate"),
        Driver("ownerless", Words("Sales to nobody known", "未关联客户的销售"), "money", opens="revenue"),
        Driver("fees", Words("Fees of contracts", "合同费用"), "money", "product", opens="recurring_revenue", parts=(
            Driver("subscribers", Words("Customers with a contract", "合同客户数"), "customers", "sum", opens="active_customers", parts=(
                Driver("new_subscribers", Words("First contract", "首次签约客户"), "customers", opens="new_customers"),
                Driver("old_subscribers", Words("Had one before", "存量合同客户"), "customers", opens="churn_rate"),
            )),
            Driver("months_each", Words("Contract months of each", "人均合同月数"), "months", opens="renewal_rate"),
            Driver("fee", Words("Fee a month", "月费"), "money", opens="recurring_revenue"),
        )),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Moved:
    """A node with its figure before and after (None: nothing to make it of), and what of the change of revenue it made.

    effect: minor units, whole; the effects of its parts come to it exactly, and that of the root is the change itself.
    """

    driver: Driver
    before: float | None
    after: float | None
    effect: int
    parts: tuple["Moved", ...] = field(default_factory=tuple)

    def flat(self) -> "list[Moved]":
        """The node and all below it."""
        return [self, *(one for part in self.parts for one in part.flat())]

    @property
    def leaves(self) -> "list[Moved]":
        return [one for one in self.flat() if not one.parts]


def figures(tables: Tables, period: Period, people: ibis.Table | None = None) -> dict[str, float | None]:
    """The figure of every leaf of the tree over one period; a mean of nothing is None.

    tables: orders and subscriptions. people: a table (person_id) to narrow them to. Money in minor units of the reporting
    currency. "First" is as far back as the records go.
    """
    orders, held = (segmented(tables.get(name), name, None) for name in ("orders", "subscriptions"))
    if people is not None:
        orders, held = (table.semi_join(people, "person_id") for table in (orders, held))
    lines = counted(orders)
    owned = lines.filter(lines.person_id.notnull())
    sold = owned.filter(owned.is_sale)
    first = sold.group_by("person_id").agg(first_on=sold.ordered_on.min())
    now = sold.filter(period.holds(sold.ordered_on))
    bought = now.agg(
        buyers=now.person_id.nunique(), orders=order_of(now).nunique(), items=now.quantity.abs().sum(),
        counted=now.quantity.notnull().all(), money=now.net_base_minor.sum(),
    )  # fmt: skip
    fresh = first.filter(period.holds(first.first_on)).count().name("n").as_table()
    spans = lines.filter(period.holds(lines.ordered_on))
    rest = spans.agg(
        refunds=spans.net_base_minor.sum(where=~spans.is_sale),
        ownerless=spans.net_base_minor.sum(where=spans.is_sale & spans.person_id.isnull()),
    )
    whole = (period.end_instant - period.first_instant).total_seconds()
    ran = held.filter(held.started_at < period.ends_at, held.ended_at.isnull() | (held.ended_at > period.starts_at))
    until = ran.ended_at.fill_null(period.ends_at)
    until = (until > period.ends_at).ifelse(period.ends_at, until)
    since = (ran.started_at < period.starts_at).ifelse(period.starts_at, ran.started_at)
    months = until.delta(since, unit="second") / whole * period.length_months
    monthly = ran.fee_base_minor.fill_null(0) / ran.period_months.nullif(0).fill_null(1)
    ran = ran.mutate(months=months.cast("float64"), money=(monthly * months).cast("float64"))
    began = held.filter(held.person_id.notnull()).group_by("person_id").agg(began=held.started_at.min())
    mine = ran.left_join(began.rename(who="person_id"), [("person_id", "who")])
    # A contract of nobody known counts as somebody's of its own: its money is in revenue.
    about = mine.person_id.cast("string").fill_null("/" + mine.subscription_id)
    owed = mine.agg(
        subscribers=about.nunique(), months=mine.months.sum(), money=mine.money.sum(),
        fresh=about.nunique(where=(mine.began >= period.starts_at).fill_null(mine.started_at >= period.starts_at)),
    )  # fmt: skip
    b, f, r, o = (table.to_pyarrow().to_pylist()[0] for table in (bought, fresh, rest, owed))
    return _means(b, f["n"], r, o)


def _means(b: Mapping[str, Any], fresh: int, r: Mapping[str, Any], o: Mapping[str, Any]) -> dict[str, float | None]:
    buyers, orders, items, money = b["buyers"], b["orders"], b["items"] or 0, float(b["money"] or 0)
    # Lines that do not all say how many: an order's items are then one, and its worth is the price.
    items = float(items) if b["counted"] and items else float(orders)
    subscribers, months, owed = o["subscribers"], o["months"] or 0.0, float(o["money"] or 0.0)
    return {
        "new_buyers": float(fresh), "old_buyers": float(buyers - fresh),
        "orders_each": _over(orders, buyers), "items_each": _over(items, orders), "price": _over(money, items),
        "refunds": float(r["refunds"] or 0), "ownerless": float(r["ownerless"] or 0),
        "new_subscribers": float(o["fresh"] or 0), "old_subscribers": float(subscribers - (o["fresh"] or 0)),
        "months_each": _over(months, subscribers), "fee": _over(owed, months),
    }  # fmt: skip


def _over(above: float, below: float) -> float | None:
    return above / below if below else None


def moved(before: Figures, after: Figures, tree: Driver = TREE) -> Moved:
    """The tree over two periods, the change of its root shared out among its leaves, to the cent.

    before, after: the leaves' figures by name. A mean that one period has nothing to make of is taken as the other
    period's: of sales that begin, everything is customers, and nothing is price.
    """
    was, now = _filled(tree, before, after), _filled(tree, after, before)
    names = [leaf.name for leaf in _leaves(tree)]
    parts = _shared(tree, was, now)
    whole = _to_the_cent([parts[name] for name in names], round(_of(tree, now)) - round(_of(tree, was)))
    effects = dict(zip(names, whole, strict=True))

    def built(one: Driver) -> Moved:
        if not one.parts:
            return Moved(one, before.get(one.name), after.get(one.name), effects[one.name])
        below = tuple(built(part) for part in one.parts)
        return Moved(one, _of(one, was), _of(one, now), sum(part.effect for part in below), below)

    return built(tree)


def shapley(
    value: Callable[[Mapping[str, float]], float],
    before: Mapping[str, float],
    after: Mapping[str, float],
    names: Sequence[str],
) -> dict[str, float]:
    """What each of `names` adds to value(after) − value(before), on average over every order in which they change."""
    n = len(names)
    known: dict[frozenset[str], float] = {}

    def at(changed: frozenset[str]) -> float:
        if changed not in known:
            known[changed] = value({name: (after if name in changed else before)[name] for name in names})
        return known[changed]

    found = {}
    for name in names:
        others = [one for one in names if one != name]
        found[name] = sum(
            factorial(size) * factorial(n - size - 1) / factorial(n)
            * (at(frozenset((*some, name))) - at(frozenset(some)))
            for size in range(n) for some in combinations(others, size)
        )  # fmt: skip
    return found


def _leaves(tree: Driver) -> list[Driver]:
    return [tree] if not tree.parts else [leaf for part in tree.parts for leaf in _leaves(part)]


def _filled(tree: Driver, figures: Figures, other: Figures, within: bool = False) -> dict[str, float]:
    """The leaves' figures without gaps: of a factor that is not there the other period's, of a term nothing."""
    if tree.parts:
        within = within or tree.op == "product"
        return {name: one for part in tree.parts for name, one in _filled(part, figures, other, within).items()}
    found = figures.get(tree.name)
    if found is None and within:
        found = other.get(tree.name)
    return {tree.name: found or 0.0}


def _of(tree: Driver, leaves: Mapping[str, float]) -> float:
    """The node's figure."""
    if not tree.parts:
        return leaves[tree.name]
    found = [_of(part, leaves) for part in tree.parts]
    return sum(found) if tree.op == "sum" else prod(found)


def _shared(tree: Driver, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Each leaf's part of the node's change. A sum's terms change each by themselves; a product's share it out."""
    if not tree.parts:
        return {tree.name: after[tree.name] - before[tree.name]}
    if tree.op == "sum":
        return {name: part for one in tree.parts for name, part in _shared(one, before, after).items()}
    return shapley(lambda leaves: _of(tree, leaves), before, after, [leaf.name for leaf in _leaves(tree)])


def _to_the_cent(parts: Sequence[float], total: int) -> list[int]:
    """Whole numbers nearest to the parts that come to the total: what rounding leaves goes where most was cut off."""
    whole = [round(part) for part in parts]
    rest = total - sum(whole)
    step = 1 if rest > 0 else -1
    order = sorted(range(len(parts)), key=lambda k: (step * (whole[k] - parts[k]), k))
    # A part that is nothing stays nothing while there is another.
    order = [k for k in order if parts[k]] or order
    for turn in range(abs(rest)):
        whole[order[turn % len(order)]] += step
    return whole
