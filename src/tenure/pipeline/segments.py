"""Steps: what customers are like and where they stand, now and at the end of each month of the year before."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS, standard_column
from tenure.in_memory import in_memory
from tenure.insight import lifecycle
from tenure.insight.purchases import INSTANT
from tenure.insight.segments import MixedClusters
from tenure.insight.segments import tiers as tier
from tenure.insight.segments.habits import SAID, YEAR_DAYS, habits
from tenure.insight.value import NotEnoughDataError
from tenure.lake import SYSTEM, Lake
from tenure.lake.resolve import undisputed
from tenure.lake.tables import COMPUTED
from tenure.language import Words, both
from tenure.pipeline import kept
from tenure.pipeline.carried import by_person
from tenure.pipeline.clock import start_of
from tenure.pipeline.days import purchase_days
from tenure.pipeline.following import practice
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step, made_from

HABITS = "features/habits"
TIERS_DOCUMENT, PERSONAS_DOCUMENT = "tiers", "personas"
_STANDARDS = {column.name for column in CONTRACTS["customers"].standards}
# How many month ends back scores and stages are worked out, for the moves between them.
MONTHS_BACK = 12
_FEW = 0.1  # of the customers, who may come or go on a day before their groups are found anew
# Customers and dates judged in one question to the engine.
AT_ONCE = 3_000_000
_HELD = ("person_id", "started_at", "ended_at", "term_ends_at", "auto_renew", "fee_base_minor", "period_months")
_BOUGHT = ("orders",)
_STAGED_BY = ("orders", "subscriptions")


def _rfm(context: Context) -> int:
    days = purchase_days(context)
    now = days.rfm(context.as_of.date())
    context.lake.publish("scores/rfm", now)
    _publish_months(
        context, "scores/rfm_months", [], lambda some: ((moment, days.rfm(moment.date())) for moment in some)
    )
    return int(now.num_rows)


def _publish_months(
    context: Context,
    table: str,
    made_of: list[object],
    work_out: Callable[[Sequence[datetime]], Iterable[tuple[datetime, pa.Table]]],
) -> None:
    """Publish what holds at each of the moments, those of the past as they lie while nothing of before them changed.

    made_of: what the rows come from beside the purchases of the days before. work_out: gives each moment's rows.
    """
    lake, days, schema = context.lake, purchase_days(context), COMPUTED[table]
    *past, now = _moments(context.as_of)
    since = (past or [now])[-1].date()
    digest = kept.digest(made_from([past, made_of, schema.names]), *days.before(since))
    path = kept.path_of(lake, f"{table.replace('/', '_')}.json")
    carried = kept.document(context, path, digest) or []
    there = {Path(file).name for file in lake.store.files(table)[0]} if lake.exists(table) else set()
    if not carried or not set(carried) <= there:
        carried = []

    def dated(some: Sequence[datetime]) -> pa.RecordBatchReader:
        batches = (
            batch
            for moment, rows in work_out(some)
            for batch in rows.append_column("as_of", pa.array([moment.date()] * rows.num_rows, pa.date32()))
            .select(schema.names)
            .cast(schema)
            .to_batches()
        )
        return pa.RecordBatchReader.from_batches(schema, batches)

    fresh = [dated([now])] if carried else [dated(past), dated([now])]
    files = lake.renew(table, fresh, carried)
    kept.keep_document(path, digest, carried or files[0])


def _stages(context: Context) -> int:
    lake, days = context.lake, purchase_days(context)
    limits = practice(lake).limits

    def worked_out(moments: Sequence[datetime]) -> Iterator[tuple[datetime, pa.Table]]:
        with _subscriptions(context, moments) as held:
            # As many dates at once as fit: what a question costs to put matters where there are few customers.
            at_once = max(1, AT_ONCE // max(len(days.people), 1))
            for start in range(0, len(moments), at_once):
                some = moments[start : start + at_once]
                bought = pa.concat_tables([_at(days.rhythms(moment.date()), moment) for moment in some])
                first, last = (ibis.literal(moment.astimezone(UTC), INSTANT) for moment in (some[0], some[-1]))
                inside = held.filter(held.moment >= first, held.moment <= last)
                found = lake.to_arrow(lifecycle.stages_on(ibis.memtable(bought), inside, limits))
                for moment in some:
                    now = found.filter(
                        pc.equal(found["moment"], pa.scalar(moment.astimezone(UTC), found["moment"].type))
                    )
                    if moment == context.as_of:
                        lake.publish("scores/stages_now", now.drop_columns(["moment"]))
                    yield moment, now
                context.tell(start + len(some), len(moments))

    held = scored_from(context, "subscriptions")[1:]  # all but the date
    _publish_months(context, "scores/stages", [held, str(limits)], worked_out)
    return int(lake.store.count("scores/stages", "true"))


def _at(rows: pa.Table, moment: datetime) -> pa.Table:
    stamps = pa.array([moment.astimezone(UTC)] * rows.num_rows, pa.timestamp("us", tz="UTC"))
    return rows.append_column("moment", stamps)


@contextmanager
def _subscriptions(context: Context, moments: Sequence[datetime]) -> Iterator[ibis.Table]:
    """The subscriptions as they were known at each of the moments.

    Contracts change after they are signed, so theirs is the history at each date; where no row was ever changed by
    another, the latest history holds them all. There are far fewer of them than orders.
    """
    lake = context.lake
    schema = pa.schema(
        [("moment", pa.timestamp("us", tz="UTC")), *(CONTRACTS["subscriptions"].records_schema.field(n) for n in _HELD)]
    )
    live = [info for info in lake.batches("subscriptions") if info.state == "committed"]
    if not live:
        yield in_memory(schema.empty_table())
        return
    with tables_at(context, context.as_of, ["subscriptions"]) as tables:
        if undisputed(live) or _never_changed(lake, tables["subscriptions"], context.as_of):
            stamps = pa.array([moment.astimezone(UTC) for moment in moments], schema.field("moment").type)
            yield tables["subscriptions"].select(*_HELD).cross_join(ibis.memtable(pa.table({"moment": stamps})))
            return
    found = []
    for moment in moments:
        rows = lake.history("subscriptions", as_of=moment, actor=SYSTEM).select(*_HELD)
        found.append(_at(lake.to_arrow(rows), moment).select(schema.names).cast(schema))
    yield ibis.memtable(pa.concat_tables(found))


def _never_changed(lake: Lake, history: ibis.Table, as_of: datetime) -> bool:
    """Whether each row received before is a record of its own, so that what is known now was known from its start on."""
    received = lake.read("received/subscriptions", actor=SYSTEM)
    counts = received.filter(received.valid_at < ibis.literal(as_of)).aggregate(received=ibis._.count())
    both = lake.to_arrow(counts.cross_join(history.aggregate(known=history.count()))).to_pylist()[0]
    return bool(both["received"] == both["known"])


def _habits(context: Context) -> int:
    """What each customer brought in the last 12 months and the 12 before, by orders or by fees, and how it bought."""
    lake, today, days = context.lake, context.as_of.date(), purchase_days(context)
    year, two = today - timedelta(days=YEAR_DAYS), today - timedelta(days=2 * YEAR_DAYS)
    visits = days.visits(year, today)
    brought = days.net(year, today)
    bought = pa.table(
        {
            "person_id": days.people,
            "visits": visits,
            "paid": brought,
            "paid_before": days.net(two, year),
            "basket_base_minor": pa.array(brought // np.maximum(visits, 1), mask=visits == 0),
        }
    ).filter(pa.array(days.known(today)))
    how = by_person(context, HABITS, ["orders", "products"], partial(_told_by_lines, context))
    everyone = lake.read("scores/stages_now", actor=SYSTEM)
    for table in (bought, how):
        everyone = everyone.left_join(ibis.memtable(table), "person_id").drop("person_id_right")
    fees = (everyone.fee_base_minor * 12, everyone.fee_before_base_minor * 12)
    found = everyone.mutate(
        recency_days=everyone.since_last_days,
        # Where fees are paid as orders too, they count once: the greater of the two.
        brought_base_minor=ibis.greatest(everyone.paid, fees[0].round().cast("int64")),
        before_base_minor=ibis.greatest(everyone.paid_before, fees[1].round().cast("int64")),
        tenure_days=ibis.greatest(everyone.since_first_days, everyone.contract_days),
        fee_base_minor=everyone.fee_base_minor.round().cast("int64"),
    )
    schema = COMPUTED["scores/habits"]
    rows = lake.to_arrow(found.select(*schema.names).order_by("person_id")).cast(schema)
    lake.publish("scores/habits", rows)
    return int(rows.num_rows)


def _told_by_lines(context: Context, tables: Mapping[str, ibis.Table]) -> pa.Table:
    schema = COMPUTED[HABITS]
    return context.lake.to_arrow(habits(tables, context.as_of)).select(schema.names).cast(schema)


def _tiers(context: Context) -> int:
    """Each customer's tier by the rule in force, and who moved since the last refresh or the last rule, and why."""
    lake = context.lake
    rule, version = tier_rule(lake)
    rows = lake.read("scores/habits", actor=SYSTEM)
    value = lake.read("scores/value", actor=SYSTEM).select("person_id", "value_base_minor")
    rows = rows.left_join(value, "person_id").drop("person_id_right")
    had = lake.to_arrow(rows.order_by("person_id"))
    stood = tier.parts(had)
    found = tier.tiers(stood, rule)
    today = context.as_of.date()
    before, since = _tiers_before(lake, today, version, found["person_id"])
    schema = COMPUTED["scores/tiers"]
    columns = {name: stood[name] for name in ("p_value", "p_brought", "p_margin", "p_tenure", "growth", "newly")}
    columns |= {name: had[name] for name in ("person_id", "tenure_days", "brought_base_minor")}
    columns |= {
        "tier": found["tier"],
        "tier_points": found["points"],
        "tier_rule": found["rule"],
        "tier_before": before["tier"],
    }
    columns |= {
        "tier_version": pa.array([version] * had.num_rows, pa.int64()),
        "as_of": pa.array([today] * had.num_rows, pa.date32()),
    }
    now = pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
    if since is not None:
        _publish_tier_moves(context, now, before, rule, rule_changed=since)
    lake.publish("scores/tiers", now)
    return int(now.num_rows)


def tier_rule(lake: Lake) -> tuple[tier.Rule, int]:
    """The rule for tiers in force and its version; the rule every company starts with is version 0."""
    told = lake.document(TIERS_DOCUMENT) or {}
    return (tier.Rule(**told["rule"]), int(told["version"])) if "rule" in told else (tier.Rule(), 0)


def _tiers_before(lake: Lake, today: date, version: int, people: pa.ChunkedArray) -> tuple[pa.Table, bool | None]:
    """The tiers of the last other date or rule (tier, points), in the order of `people`; and whether the rule was another.

    None: there were none, or this date and rule were worked out before, and their moves are known.
    """
    was = lake.to_arrow(lake.read("scores/tiers", actor=SYSTEM).order_by("person_id"))
    same = was.num_rows > 0 and (was["as_of"][0].as_py(), was["tier_version"][0].as_py()) == (today, version)
    place = pc.index_in(people, value_set=was["person_id"].combine_chunks())
    before = pa.table(
        {"tier": was["tier_before" if same else "tier"].take(place), "points": was["tier_points"].take(place)}
    )
    if not was.num_rows or same:
        return before, None
    return before, was["tier_version"][0].as_py() != version


def _publish_tier_moves(
    context: Context, now: pa.Table, before: pa.Table, rule: tier.Rule, *, rule_changed: bool
) -> None:
    lake = context.lake
    moved = pc.fill_null(pc.not_equal(now["tier"], before["tier"]), False)
    after, were = now.filter(moved).to_pylist(), before.filter(moved).to_pylist()
    rows = []
    for row, was in zip(after, were, strict=True):
        said = {"rule": row["tier_rule"], "points": row["tier_points"], "growth": row["growth"],
                "tenure_days": row["tenure_days"]}  # fmt: skip
        words = tier.why_moved(was, said, rule, rule_changed=rule_changed)
        rows.append(
            {"person_id": row["person_id"], "as_of": row["as_of"], "at": context.now, "tier_before": was["tier"],
             "tier": row["tier"], "tier_why_en": words.en, "tier_why_zh": words.zh, "tier_version": row["tier_version"]}
        )  # fmt: skip
    if rows:
        lake.add("scores/tier_moves", pa.Table.from_pylist(rows, schema=COMPUTED["scores/tier_moves"]))


def _personas(context: Context) -> int:
    """Customers who are alike, as groups that keep their numbers and names from refresh to refresh."""
    lake = context.lake
    people = lake.to_arrow(_likenesses(context).order_by("person_id"))
    was = lake.to_arrow(lake.read("scores/clusters", actor=SYSTEM))
    before = was["persona"].take(pc.index_in(people["person_id"], value_set=was["person_id"]))
    card, labels = _of_the_day(context, people, before)
    if card is None:
        card, labels = _grouped(context, people, before)
    schema = COMPUTED["scores/clusters"]
    today = pa.repeat(pa.scalar(context.as_of.date(), pa.date32()), people.num_rows)
    rows = pa.table([people["person_id"], labels, before, today], schema=schema)
    lake.publish("scores/clusters", rows if "not_enough_data" not in card else schema.empty_table())
    lake.publish_document(PERSONAS_DOCUMENT, card)
    return int(rows.num_rows)


def _grouped(context: Context, people: pa.Table, before: pa.ChunkedArray) -> tuple[dict[str, Any], pa.Array]:
    """The groups of these people, found anew, as a card and each one's number; kept for the rest of the day."""
    told = (context.lake.document(PERSONAS_DOCUMENT) or {}).get("groups", [])
    names = {int(group["number"]): Words(group["en"], group["zh"]) for group in told}
    card: dict[str, Any] = {"as_of": context.as_of.date().isoformat(), "customers": people.num_rows, "groups": []}
    try:
        found = MixedClusters(said=SAID).fit(
            people.drop_columns(["person_id"]), before=before.cast(pa.int64()).combine_chunks(), names=names
        )
    except NotEnoughDataError as error:
        why = both(error.args[0])
        return card | {"not_enough_data": {"en": why.en, "zh": why.zh}}, pa.nulls(people.num_rows, pa.string())
    card |= {
        "silhouette": found.silhouette_, "kept_share": found.kept_share_, "left_out": sorted(found.left_out_),
        "tried": {str(k): score for k, score in found.tried_.items()},
        "groups": [
            {"number": group.number, "rows": group.rows, "en": group.name.en, "zh": group.name.zh,
             "traits": [asdict(trait) for trait in group.traits]}
            for group in found.groups_
        ],
    }  # fmt: skip
    kept.keep_document(_personas_kept(context), _personas_of(context), found.as_document() | {"card": card})
    return card, pa.array(found.labels_).cast(pa.string())


def _of_the_day(
    context: Context, people: pa.Table, before: pa.ChunkedArray
) -> tuple[dict[str, Any] | None, pa.Array | None]:
    """Where groups were found on this day already: each customer in the nearest of them, so that what others do on a day
    moves nobody. None where there are none yet, or a tenth of the customers came or went since."""
    told = kept.document(context, _personas_kept(context), _personas_of(context))
    if told is None or abs(people.num_rows - told["card"]["customers"]) > _FEW * told["card"]["customers"]:
        return None, None
    numbers = MixedClusters.of_document(told).place(people)
    rows = dict(zip(*(one.tolist() for one in np.unique(numbers, return_counts=True)), strict=True))
    groups = [group | {"rows": rows.get(group["number"], 0)} for group in told["card"]["groups"]]
    labels = pa.array(numbers).cast(pa.string())
    stayed = pc.mean(pc.equal(labels, before.combine_chunks()).cast(pa.float64())).as_py()
    groups.sort(key=lambda group: (-group["rows"], group["number"]))
    return told["card"] | {"customers": people.num_rows, "kept_share": stayed, "groups": groups}, labels


def _personas_kept(context: Context) -> Path:
    return kept.path_of(context.lake, "personas", "groups.json")


def _personas_of(context: Context) -> str:
    """A digest of what the groups of a day rest on beside its customers."""
    return made_from(["personas", context.as_of, sorted(SAID), context.lake.currency])


def _likenesses(context: Context) -> ibis.Table:
    """What customers are compared by: how they buy, what they pay, where and what they are."""
    lake = context.lake
    rows = lake.read("scores/habits", actor=SYSTEM)
    customers = lake.read("records/customers", actor=SYSTEM)
    customers = customers.filter(customers.person_id.notnull())
    region = customers[standard_column("region")] if "region" in _STANDARDS else customers.region
    who = customers.group_by("person_id").agg(
        region=ibis.coalesce(region, customers.region).max(), kind=customers.kind.max()
    )
    held = lake.read("records/subscriptions", actor=SYSTEM)
    held = held.filter(held.person_id.notnull(), held.ended_at.isnull(), held.valid_at < ibis.literal(context.as_of))
    plans = held.group_by("person_id").agg(plan=held.plan.max())
    for table in (who, plans):
        rows = rows.left_join(table, "person_id").drop("person_id_right")
    return rows.select("person_id", *SAID)


def _moments(as_of: datetime) -> list[datetime]:
    """The starts of the months before `as_of`, oldest first, in its zone; and `as_of`."""
    starts = []
    day = as_of.date().replace(day=1)
    for _ in range(MONTHS_BACK):
        moment = start_of(day, as_of.tzinfo)  # type: ignore[arg-type]
        if moment < as_of:
            starts.append(moment)
        day = day.replace(month=day.month - 1) if day.month > 1 else day.replace(year=day.year - 1, month=12)
    return [*starts[::-1], as_of]


def _stages_made_from(context: Context) -> list[object]:
    drawn = practice(context.lake).stages
    return [*scored_from(context, *_STAGED_BY), *([drawn] if drawn else [])]


STEPS: tuple[Step, ...] = (
    Step("rfm", Words("Recency, frequency, money", "最近购买、频次与金额"), lambda c: scored_from(c, *_BOUGHT), _rfm),
    Step("stages", Words("Life cycle", "客户生命周期"), _stages_made_from, _stages),
    Step("habits", Words("Buying habits", "购买习惯"), lambda c: scored_from(c, *_STAGED_BY, "products"), _habits),
)

# After value and churn: tiers go by what customers are expected to bring.
GROUPS: tuple[Step, ...] = (
    Step(
        "tiers", Words("Tiers", "客户分级"), lambda c: _made_from(c, "scores/habits", "scores/value", rule=True), _tiers
    ),
    Step(
        "personas",
        Words("Personas", "客户画像"),
        lambda c: _made_from(c, "scores/habits", "records/customers", "records/subscriptions"),
        _personas,
    ),
)


def _made_from(context: Context, *tables: str, rule: bool = False) -> object:
    lake = context.lake
    return [context.as_of, [lake.content(table) for table in tables], lake.document(TIERS_DOCUMENT) if rule else None]


__all__ = ["GROUPS", "STEPS"]
