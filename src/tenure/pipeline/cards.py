"""Steps: everything known of a person on one card, and the cards on the desk."""

from collections.abc import Collection, Sequence
from functools import lru_cache

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from tenure.contracts import CONTRACTS, standard_column
from tenure.digests import row_digests
from tenure.insight import lifecycle
from tenure.insight.purchases import seconds_of
from tenure.insight.segments import rfm
from tenure.lake import SYSTEM, Lake, archived
from tenure.lake.tables import COMPUTED
from tenure.language import Words
from tenure.pipeline import kept
from tenure.pipeline.fields import definitions_of
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step, made_from

CARDS, WHO, SHOWN = "scores/customers", "cards_who", "cards_shown"
_WHO_IN_CLEAR = ("cards", "who they are, in clear")
_STAGES = ("cards", "stages.npz")  # as what everybody stood when it was put in words last
_GOLDEN = ("name", "kind", "phone", "email", "region", "city", "language", "owner", "team")
_STANDARDS = {column.name for column in CONTRACTS["customers"].standards}
_READ = ("orders", "subscriptions", "cases", "survey_responses")
_SCORES = ("scores/rfm", "scores/stages_now", "scores/value", "scores/churn", "scores/tiers", "scores/clusters")


def _card_inputs(context: Context) -> object:
    return [
        scored_from(context, *CONTRACTS),
        [context.lake.content(table) for table in _SCORES],
        COMPUTED[CARDS].names,
        *definitions_of(context.lake, "customers"),
    ]


def _cards(context: Context) -> int:
    """Put one row together for each person: who they are, what they did, what is foreseen and why.

    Who they are is carried over as it lies, unopened, while nothing it is taken from has changed.
    """
    lake = context.lake
    made = _who_made_from(context)
    carried = not context.again and lake.document(WHO) == {"of": made, "content": lake.content(CARDS)}
    people = lake.as_it_lies(CARDS).select("person_id", *_who(lake)) if carried else _people(context)
    with tables_at(context, context.as_of, _READ) as tables:
        found = lake.to_arrow(_joined(context, tables, people).order_by("person_id"))
    if carried:
        card = _in_schema(_with_stage(context, found), lake.schema_as_it_lies(CARDS))
        lake.carry(CARDS, card)
    else:
        card = _as_cards(context, found)
        lake.publish(CARDS, card)
        context.shared[_WHO_IN_CLEAR] = card.select(["person_id", *_who(lake)])
    lake.publish_document(WHO, {"of": made, "content": lake.content(CARDS)})
    if (rows := context.shared.pop(_STAGES, None)) is not None:
        kept.keep_rows(kept.path_of(lake, *_STAGES), _stages_said(lake), rows)
    return int(card.num_rows)


def _who(lake: Lake) -> list[str]:
    """The columns of a card that say who somebody is, whatever they did."""
    plain = ("customer_id", "source", "also_known_as", *_GOLDEN, "pinyin", "blocked", "created_on", "extra")
    return [*plain, *(column.name for column in lake.custom("customers"))]


def _who_made_from(context: Context) -> str:
    """A digest of all that says who people are."""
    lake = context.lake
    tables = ("identity/links", "records/customers", "records/snapshot", archived.PERSONS)
    return made_from(
        [
            [lake.content(table) for table in tables],
            lake.rules("customers"),
            lake.zone,
            lake.schema(CARDS).names,
            *definitions_of(lake, "customers"),
        ]
    )


def cards_of(context: Context, people: Sequence[int]) -> pa.Table:
    """The cards of a few persons as their records say now; those of `people` who are nobody any more have none.

    What is counted from their own records is counted anew. What takes everybody to work out (ranks, stage, models) is
    what the last refresh found for that person, and unknown for one who was not there then.
    """
    lake = context.lake
    wanted = ibis.memtable({"person_id": list(people)}, schema={"person_id": "int64"})
    tables = {}
    for name in _READ:
        rows = lake.read(f"records/{name}", actor=SYSTEM)
        tables[name] = rows.filter(rows.valid_at < ibis.literal(context.as_of)).semi_join(wanted, "person_id")
    found = lake.to_arrow(
        _joined(context, tables, _people(context)).semi_join(wanted, "person_id").order_by("person_id")
    )
    bought = {row["person_id"]: row for row in lake.to_arrow(rfm(tables["orders"], context.as_of)).to_pylist()}
    for name in ("recency_days", "frequency", "monetary_base_minor"):
        values = [bought.get(person, {}).get(name) for person in found["person_id"].to_pylist()]
        column = pa.array(values, COMPUTED[CARDS].field(name).type)
        place = found.schema.get_field_index(name)
        found = found.append_column(name, column) if place < 0 else found.set_column(place, name, column)
    return _as_cards(context, found)


def publish_some(lake: Lake, fresh: pa.Table, people: Collection[int]) -> int | None:
    """Put these persons' cards in the place of those the lake has of them; returns the table's version."""
    lake.store.delete(CARDS, f"person_id IN ({', '.join(str(int(one)) for one in people)})")
    lake.add(CARDS, fresh)
    return lake.version(CARDS)


def _as_cards(context: Context, found: pa.Table) -> pa.Table:
    found = _with_stage(context, found)
    names = found["name"].to_pylist() if "name" in found.column_names else []
    found = found.append_column("pinyin", pa.array([_pinyin(name) for name in names], pa.string()))
    return _in_schema(found, context.lake.schema(CARDS))


def _in_schema(found: pa.Table, schema: pa.Schema) -> pa.Table:
    if "cell" in found.column_names:
        found = found.rename_columns(["rfm_cell" if name == "cell" else name for name in found.column_names])
    return pa.table(
        [
            found[f.name].cast(f.type) if f.name in found.column_names else pa.nulls(found.num_rows, f.type)
            for f in schema
        ],
        schema=schema,
    )


def _joined(context: Context, tables: dict[str, ibis.Table], people: ibis.Table) -> ibis.Table:
    """One row a person: who they are as `people` has it, and everything else known of them."""
    lake = context.lake
    for facts in (_orders(tables), _fees(tables), _open_cases(tables), _last_nps(tables)):
        people = people.left_join(facts, "person_id").drop("person_id_right")
    for table, columns in {
        "scores/rfm": ("recency_days", "frequency", "monetary_base_minor", "r", "f", "m", "cell", "abc"),
        "scores/value": ("p_alive", "value_base_minor", "value_decile"),
        "scores/churn": ("churn_probability", "risk_band", "reasons"),
        "scores/tiers": ("tier",),
        "scores/clusters": ("persona",),
    }.items():
        if lake.exists(table):
            scores = lake.read(table, actor=SYSTEM).select("person_id", *columns)
            people = people.left_join(scores, "person_id").drop("person_id_right")
    return people


def _people(context: Context) -> ibis.Table:
    """Each person with the fields of their own rows: the oldest number's word first, then the next that has one.

    For a field with a rule of its own, the numbers of the source it names first, of equals the newest.
    """
    lake = context.lake
    links = lake.read("identity/links", actor=SYSTEM)
    persons = links.group_by("person_id").agg(
        customer_id=_.customer_id.argmin(_.own_id),
        source=_.ids_of.argmin(_.own_id),
        also_known_as=_.customer_id.collect(where=_.own_id != _.person_id, order_by=_.own_id),
    )
    if lake.exists(archived.PERSONS):
        persons = persons.anti_join(lake.read(archived.PERSONS, actor=SYSTEM), "person_id")
    rows = lake.read("records/customers", actor=SYSTEM).drop("person_id")
    rows = rows.inner_join(links.select("ids_of", "customer_id", "own_id", "person_id"), ["ids_of", "customer_id"])
    # A value in its standard form; one that has none, or came before there was any, as it was written.
    shown = {name: ibis.coalesce(rows[standard_column(name)], rows[name]) for name in _GOLDEN if name in _STANDARDS}
    rows = rows.mutate(**shown)
    custom = [column.name for column in lake.custom("customers")]
    rules = lake.rules("customers")
    first = {name: _first(rows, rules[name]) if name in rules else rows.own_id for name in (*_GOLDEN, *custom)}
    golden = rows.group_by("person_id").agg(
        **{name: rows[name].argmin(first[name], where=rows[name].notnull()) for name in first},
        blocked=rows.blocked.fill_null(False).any(),
        created_at=rows.created_at.min(),
    )
    golden = golden.mutate(created_on=lake.local_day(golden.created_at)).drop("created_at")
    people = persons.left_join(golden, "person_id").drop("person_id_right")
    return people.left_join(_snapshot(context), "person_id").drop("person_id_right")


def _first(rows: ibis.Table, order: Sequence[str]) -> ibis.Value:
    """What to take the smallest of: the place of the row's numbering in the order, then how long ago it was true."""
    place = ibis.cases(*((rows.ids_of == source, at) for at, source in enumerate(order)), else_=len(order))
    return ibis.struct({"place": place, "age": -seconds_of(rows.valid_at), "own": rows.own_id})


def _orders(tables: dict[str, ibis.Table]) -> ibis.Table:
    orders = tables["orders"]
    bought = orders.filter(
        _.person_id.notnull(), (_.status != "cancelled") | _.status.isnull(), (_.kind == "sale") | _.kind.isnull()
    )
    return bought.group_by("person_id").agg(first_order_on=_.ordered_on.min(), last_order_on=_.ordered_on.max())


def _fees(tables: dict[str, ibis.Table]) -> ibis.Table:
    """What a person's running subscriptions come to a month, in base minor units."""
    running = tables["subscriptions"].filter(_.person_id.notnull(), _.ended_at.isnull())
    monthly = (running.fee_base_minor / running.period_months.fill_null(1).nullif(0)).round().cast("int64")
    return running.group_by("person_id").agg(fee_base_minor=monthly.sum())


def _open_cases(tables: dict[str, ibis.Table]) -> ibis.Table:
    cases = tables["cases"]
    return cases.filter(_.person_id.notnull(), _.resolved_at.isnull()).group_by("person_id").agg(open_cases=_.count())


def _last_nps(tables: dict[str, ibis.Table]) -> ibis.Table:
    answers = tables["survey_responses"].filter(_.person_id.notnull(), _.survey == "nps", _.score.notnull())
    newest = ibis.row_number().over(
        ibis.window(group_by="person_id", order_by=[_.answered_at.desc(), _.ids_of, _.response_id, _.question])
    )
    return answers.mutate(turn=newest).filter(_.turn == 0).select("person_id", last_nps="score")


def _snapshot(context: Context) -> ibis.Table:
    rows = context.lake.read("records/snapshot", actor=SYSTEM).filter(_.person_id.notnull())
    return rows.group_by("person_id").agg(extra=rows.extra.argmax(rows.valid_at))


def _with_stage(context: Context, found: pa.Table) -> pa.Table:
    """Add each person's stage and, in both languages, why."""
    lake = context.lake
    names = ("stage_why_en", "stage_why_zh")
    if not lake.exists("scores/stages_now"):
        nothing = pa.nulls(found.num_rows, pa.string())
        for name in ("stage", *names):
            found = found.append_column(name, nothing)
        return found
    stages = lake.to_arrow(lake.read("scores/stages_now", actor=SYSTEM))
    rows = row_digests(stages.columns)
    met = kept.rows_met(context, kept.path_of(lake, *_STAGES), _stages_said(lake), rows)
    context.shared[_STAGES] = rows
    # Of whom the very same is told, it is said in the words there are.
    before = lake.as_it_lies(CARDS).select("person_id", *names)
    said = lake.to_arrow(before if met.any() else before.limit(0))
    same = pc.and_(pa.array(met), pc.is_in(stages["person_id"], said["person_id"].combine_chunks()))
    fresh, same = stages.filter(pc.invert(same)), stages["person_id"].filter(same).combine_chunks()
    why = lifecycle.explained(fresh)
    words = [pa.array([w.en for w in why], pa.string()), pa.array([w.zh for w in why], pa.string())]
    said = pa.concat_tables(
        [said.filter(pc.is_in(said["person_id"], same)), pa.table([fresh["person_id"], *words], schema=said.schema)]
    )
    place = pc.index_in(found["person_id"], value_set=stages["person_id"].combine_chunks())
    found = found.append_column("stage", stages["stage"].take(place))
    place = pc.index_in(found["person_id"], value_set=said["person_id"].combine_chunks())
    for name in names:
        found = found.append_column(name, said[name].take(place))
    return found


def _stages_said(lake: Lake) -> str:
    """A digest of the cards whose words go on holding for whoever stands as before."""
    return made_from(["why", lake.content(CARDS)])


def _pinyin(name: str | None) -> str | None:
    """A name as it is typed on a Latin keyboard; a Latin name as it is."""
    if not name:
        return None
    from pypinyin.seg.simpleseg import simple_seg

    # pypinyin reads each run of Chinese for itself, and many customers share one: 有限公司, or a whole name.
    runs = [name] if name.isascii() else simple_seg(name)
    return " ".join(piece for run in runs for piece in ((run,) if run.isascii() else _spoken(run)))


@lru_cache(maxsize=200_000)
def _spoken(run: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin

    return tuple(lazy_pinyin(run))


def _publish(context: Context) -> int:
    from tenure.desk.customers import api
    from tenure.desk.governance.api import note_merges

    lake = context.lake
    links = lake.read("identity/links", actor=SYSTEM)
    merged = lake.to_arrow(links.filter(_.own_id != _.person_id).select("own_id", "person_id"))
    note_merges(zip(merged["own_id"].to_pylist(), merged["person_id"].to_pylist(), strict=True))

    def cards() -> pa.Table:
        # Just made, they need not be opened again.
        if (made := context.shared.pop(_WHO_IN_CLEAR, None)) is not None:
            return made
        return context.lake.to_arrow(context.lake.read(CARDS, actor=SYSTEM))

    def before(version: int) -> pa.Table | None:
        # In a restored lake a version of that number is another, or will be.
        try:
            if lake.document(SHOWN) != {"version": version, "content": lake.content(CARDS, version)}:
                return None
            return lake.in_runs(CARDS, api.FIGURES_OF_CARDS, version)
        except FileNotFoundError:
            return None

    # Names, phones and the like are opened only where the desk asks who they are.
    rows = lake.in_runs(CARDS, api.FIGURES_OF_CARDS)
    made = {"version": lake.version(CARDS), "content": lake.content(CARDS)}
    api.publish(
        rows, as_of=context.as_of, now=context.now, lake_version=lake.version(CARDS), who=_who_shown(context),
        people=cards, before=before, progress=context.tell,
    )  # fmt: skip
    lake.publish_document(SHOWN, made)
    return int(rows.num_rows)


def _who_shown(context: Context) -> str:
    """A digest of what the cards say of who people are; nothing where that is to be believed of nobody."""
    told = context.lake.document(WHO)
    return "" if context.again or told is None else str(told["of"])


def _publish_inputs(context: Context) -> object:
    return [context.lake.content(CARDS), context.as_of]


def _not_shown(context: Context) -> bool:
    """The desk may have been emptied or restored since: then it does not show what was published last."""
    from tenure.desk.customers import api

    shown = api.shown()
    return shown is None or shown.as_of != context.as_of


STEPS: tuple[Step, ...] = (
    Step("cards", Words("Customer cards", "客户卡片"), _card_inputs, _cards),
    Step("publish", Words("To the desk", "发布到工作台"), _publish_inputs, _publish, gone=_not_shown),
)

__all__ = ["STEPS"]
