"""Spark gives what DuckDB gives: money and counts exactly, floats to 1e-9, for every expression that is asked of a lake.

One Spark serves the whole module: a cluster of two workers on this machine, as processes of their own.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from tenure.contracts import CONTRACTS
from tenure.contracts.custom import Choice, CustomColumn
from tenure.decision.experiments import campaign_outcomes
from tenure.demo import simulate
from tenure.errors import TenureError
from tenure.identity import forms
from tenure.identity.model import PEOPLE
from tenure.identity.scoring import score
from tenure.insight import bridge, cohorts, features, funnel, lifecycle
from tenure.insight.churn.definitions import ContractEnd, Silence, rhythm_days
from tenure.insight.metrics import METRICS, Metric, Period, measure
from tenure.insight.segments import rfm
from tenure.insight.value import summary
from tenure.lake import SYSTEM, Lake, Scope
from tenure.lake.engines import Engine, open_engine, spark_session
from tenure.lake.sealed import sealed_columns
from tenure.lake.tables import COMPUTED
from tests.cast import MONDAY, SECRET
from tests.running import tenure
from tests.tables import company

pytestmark = pytest.mark.spark

MASTER = "local-cluster[2,1,1024]"
ZONE = ZoneInfo("Asia/Shanghai")
AS_OF = datetime(2026, 6, 1, tzinfo=ZONE)
RECEIVED = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
OWN = tuple(
    CustomColumn(
        at, "customers", kind, kind, kind, choices=(Choice("a", "A", "A"), Choice("b", "B", "B")), personal=personal
    )
    for at, (kind, personal) in enumerate(
        {"money": False, "decimal": False, "date": False, "yes_no": False, "choices": False, "text": True}.items(), 1
    )
)


@dataclass
class Both:
    """The two engines, to be asked the same."""

    here: Engine
    there: Engine
    scratch: Path  # where Spark writes what it does not hold

    def lay(self, name: str, rows: pa.Table) -> ibis.Table:
        """A few rows on Spark, as they are."""
        backend = self.there._backend  # type: ignore[attr-defined]
        schema = ibis.Schema.from_pyarrow(rows.schema)
        return backend.put(f"few_{name}", backend.from_arrow(rows, schema), schema)

    def agree(self, ask: Callable[[Engine], ibis.Expr]) -> pa.Table:
        """What both engines answer, which must be one thing."""
        expected, found = (engine.to_arrow(ask(engine)) for engine in (self.here, self.there))
        same(found, expected)
        return expected


def same(found: pa.Table, expected: pa.Table) -> None:
    """The same rows, whatever their order: exactly, but for floats, which may differ in the tenth digit."""
    assert found.schema.names == expected.schema.names
    assert [field.type for field in found.schema] == [field.type for field in expected.schema]
    assert found.num_rows == expected.num_rows
    exact = [field.name for field in expected.schema if not pa.types.is_floating(field.type)]
    left, right = (_in_order(table, exact) for table in (found, expected))
    for field in expected.schema:
        one, other = left[field.name], right[field.name]
        if pa.types.is_floating(field.type):
            assert one.is_null().equals(other.is_null()), field.name
            np.testing.assert_allclose(
                one.to_numpy(zero_copy_only=False), other.to_numpy(zero_copy_only=False), rtol=1e-9, err_msg=field.name
            )
        else:
            assert one.to_pylist() == other.to_pylist(), field.name


def _in_order(table: pa.Table, exact: list[str]) -> pa.Table:
    """Sorted by what is exact first, so that a float's last digits part no pair of rows."""
    inexact = [name for name in table.column_names if name not in exact]
    keys = [
        tuple((value is not None, repr(value)) for value in row)
        for row in zip(*(table[name].to_pylist() for name in (*exact,)), strict=True)
    ] if exact else [()] * table.num_rows  # fmt: skip
    beside = [
        tuple((value is not None, float(f"{value or 0:.6g}")) for value in row)
        for row in zip(*(table[name].to_pylist() for name in inexact), strict=True)
    ] if inexact else [()] * table.num_rows  # fmt: skip
    order = sorted(range(table.num_rows), key=lambda at: (keys[at], beside[at]))
    return table.take(pa.array(order, pa.int64()))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    scratch = tmp_path_factory.mktemp("engines")
    told = scratch / "conf" / "spark-defaults.conf"
    told.parent.mkdir()
    # Programs are not written and compiled for each question: with so few rows that would be most of the work.
    told.write_text("spark.sql.codegen.wholeStage false\nspark.sql.codegen.factoryMode NO_CODEGEN\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(told.parent))
        there = open_engine(MASTER, scratch / "there")
    return Both(open_engine("duckdb", scratch / "here"), there, scratch / "there")


@pytest.fixture(scope="module")
def telecom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of a simulated company as it was received: 1,000 customers, 12 months; each number a person."""
    home = tmp_path_factory.mktemp("telecom")
    lake = Lake(home / "lake")
    numbers: dict[str, None] = {}
    for name, table in simulate(customers=1_000, months=12, seed=7).tables.items():
        rows = table.append_column("row", pa.array(range(1, table.num_rows + 1), pa.int64()))
        columns = [column for column in table.column_names if column in CONTRACTS[name]]
        with lake.receiving(name, source="demo", columns=columns, now=RECEIVED) as batch:
            batch.append(rows)
            batch.report.update(read=table.num_rows, accepted=table.num_rows, rejected=0)
        if person := CONTRACTS[name].person:
            numbers |= dict.fromkeys(number for number in table[person].to_pylist() if number)
    links = [
        {"ids_of": "demo", "customer_id": number, "own_id": at, "person_id": at, "why": "minted"}
        for at, number in enumerate(numbers, start=1)
    ]
    lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))
    return home / "lake"


@pytest.fixture(scope="module")
def telecoms(telecom: Path, both: Both) -> tuple[Lake, Lake]:
    """That lake, asked by either engine."""
    return _asked_by_either(telecom)


@pytest.fixture(scope="module")
def records(telecoms: tuple[Lake, Lake]) -> Iterator[list[dict[str, ibis.Table]]]:
    """What was known of that company at an instant, worked out by either engine, without what is personal."""
    with ExitStack() as stack:
        known = []
        for lake in telecoms:
            tables = {name: lake.history(name, as_of=AS_OF, actor=SYSTEM) for name in CONTRACTS if lake.batches(name)}
            plain = {name: table.drop(*((sealed_columns(f"records/{name}").keys() - {"birth_date"}) & set(table.columns))) for name, table in tables.items()}  # fmt: skip
            known.append(stack.enter_context(lake.kept(plain)))
        yield known


def _asked_by_either(folder: Path) -> tuple[Lake, Lake]:
    here = Lake(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENURE_ENGINE", MASTER)
        return here, Lake(folder)


@pytest.fixture(scope="module")
def lakes(filled_home: Path, both: Both) -> tuple[Lake, Lake]:
    """The small company's lake, asked by either engine."""
    return _asked_by_either(filled_home / "lake")


# What people are told


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_comes_to_its_worked_example(both: Both, metric: Metric):
    example = metric.example
    here = company(**example.rows)
    there = {name: both.lay(name, table.op().data.to_pyarrow(table.schema())) for name, table in here.items()}

    found = measure(metric, there, example.period)

    same(found, measure(metric, here, example.period))
    assert found["value"][0].as_py() == pytest.approx(example.value, rel=1e-9)


MONTHS = Period.months(date(2026, 3, 1), 2, "Asia/Shanghai")
QUESTIONS: dict[str, Callable[[Mapping[str, ibis.Table]], ibis.Table]] = {
    "rfm": lambda t: rfm(t["orders"], AS_OF),
    "stages": lambda t: lifecycle.stages(t, AS_OF),
    "transitions": lambda t: lifecycle.transitions(
        lifecycle.stages(t, AS_OF - timedelta(days=31)), lifecycle.stages(t, AS_OF)
    ),
    "cohorts": lambda t: cohorts.retention(t["orders"], AS_OF.date()),
    "contract_cohorts": lambda t: cohorts.contract_retention(t["subscriptions"], MONTHS),
    "bridge": lambda t: bridge.moves(t["subscriptions"], MONTHS[0]),
    "funnel": lambda t: funnel.progress(
        [funnel.occurrences(t["events"], "occurred_at", {"name": (name,)}) for name in ("view", "add_to_basket", "order")],
        MONTHS[-1], within_days=7, as_of=AS_OF,
    ),
    "purchases": lambda t: summary(t["orders"], AS_OF),
    "contract_end": lambda t: ContractEnd().label(t, AS_OF - timedelta(days=60)),
    "silence": lambda t: Silence(horizon_days=30, active_days=60).label(t, AS_OF - timedelta(days=60)),
    "campaign": lambda t: campaign_outcomes(t, 90, AS_OF),
}


LONG = {"transitions"}  # twice the stages


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.soak] if n in LONG else []) for n in QUESTIONS])
def test_what_is_worked_out_of_records_is_the_same(records, name: str):
    here, there = records

    expected, found = (QUESTIONS[name](tables).to_pyarrow() for tables in (here, there))

    assert expected.num_rows
    same(found, expected)


def test_features_are_the_same_by_each_engines_own_way_with_whole_persons(records, telecoms):
    expected, found = (
        features.as_of(tables, [AS_OF - timedelta(days=90), AS_OF], by_person=lake.map_by_person).to_pyarrow()
        for tables, lake in zip(records, telecoms, strict=True)
    )

    assert expected.num_rows
    same(found, expected)


def test_a_rhythm_is_the_same_number_of_days(records):
    here, there = records

    assert rhythm_days(there["orders"]) == rhythm_days(here["orders"])


# What the door does


@pytest.mark.soak
def test_everything_received_of_a_company_is_read_and_worked_out_alike(telecoms):
    here, there = telecoms

    for name in ("customers", "orders", "subscriptions", "cases"):
        same(there.to_arrow(there.current(name)), here.to_arrow(here.current(name)))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, both: Both) -> tuple[Lake, Lake]:
    """Customers by the word of three sources and their orders in four currencies, with fields of the company's own."""
    folder = tmp_path_factory.mktemp("mixed") / "lake"
    lake = Lake(folder)

    def send(contract: str, source: str, days: int, rows: list[dict[str, Any]]) -> str:
        columns = list(dict.fromkeys(name for row in rows for name in row if name != "extra"))
        schema = pa.schema([CONTRACTS[contract].schema.field(name) for name in columns] + [("extra", pa.string()), ("row", pa.int64())])  # fmt: skip
        with lake.receiving(contract, source=source, ids_of="shop", columns=columns, now=MONDAY + timedelta(days=days)) as batch:  # fmt: skip
            batch.append(pa.Table.from_pylist([row | {"row": at} for at, row in enumerate(rows, 1)], schema=schema))
        return str(batch.id)

    lake.publish_document("fields", {"customers": [column.as_plain() for column in OWN]})
    lake.publish_document("precedence", {"customers": {"phone": ["crm", "shop"]}})
    said = [
        {"c_1": "120.50", "c_2": "3.25", "c_3": "2026-05-01", "c_4": "yes", "c_5": "a, b", "c_6": "浙A·12345"},
        {"c_1": "many", "c_2": "-0.5", "c_3": "1890-01-01", "c_4": "no", "c_5": "b"},
        {},
    ]
    send("customers", "shop", 0, [
        {"customer_id": f"C-{n}", "name": f"王小{n}", "phone": f"1380013800{n}", "email": None, "city": "杭州",
         "birth_date": date(1980, 2, n), "created_at": MONDAY - timedelta(days=400 + n), "extra": json.dumps(said[n % 3])}
        for n in range(1, 7)
    ])  # fmt: skip
    send("customers", "crm", 1, [
        {"customer_id": f"C-{n}", "phone": None if n == 2 else f"1390013900{n}", "city": "宁波"} for n in range(1, 5)
    ])  # fmt: skip
    send("customers", "desk", 2, [{"customer_id": "C-3", "phone": "057188880000"}])
    taken_back = send("customers", "shop", 3, [{"customer_id": "C-1", "name": "Nobody"}])
    lake.undo(taken_back, now=MONDAY + timedelta(days=4))
    send("exchange_rates", "bank", 0, [
        {"currency": code, "base_currency": "CNY", "valid_on": day, "rate": Decimal(rate)}
        for code, day, rate in (
            ("USD", date(2026, 1, 1), "7.000000"), ("USD", date(2026, 2, 1), "0.500000"),
            ("JPY", date(2025, 1, 1), "0.046000"), ("KWD", date(2025, 1, 1), "23.000000"),
        )
    ])  # fmt: skip
    send("orders", "shop", 0, [
        {"order_id": f"A-{n}-{currency}", "line_no": 1, "customer_id": f"C-{n % 7}" if n % 7 else None,
         "ordered_at": datetime(2025, 12, 31, 15, 59, 59, 999_999, tzinfo=UTC) + timedelta(days=5 * n, microseconds=n % 3),
         "quantity": 1.5 * n, "unit_price": Decimal("19.9"), "amount_minor": (-1) ** n * (1001 + 2 * n), "currency": currency,
         "kind": None, "status": "cancelled" if n % 5 == 0 else None}
        for n in range(1, 12) for currency in ("USD", "CNY", "JPY", "KWD", "GBP", None)
    ])  # fmt: skip
    links = [{"ids_of": "shop", "customer_id": f"C-{n}", "own_id": n, "person_id": n - n % 2, "why": "minted"} for n in range(2, 7)]  # fmt: skip
    lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))
    return _asked_by_either(folder)


def test_the_current_truth_is_the_same_field_by_field(mixed):
    here, there = mixed

    for name in ("customers", "orders", "exchange_rates"):
        expected = here.to_arrow(here.current(name))
        same(there.to_arrow(there.current(name)), expected)
        if name == "customers":
            rows = {row["customer_id"]: row for row in expected.to_pylist()}
            assert [rows[f"C-{n}"]["phone"] for n in (1, 2, 3, 5)] == [
                "13900139001",
                None,
                "057188880000",
                "13800138005",
            ]
            assert (rows["C-3"]["c_1"], rows["C-1"]["c_1"], rows["C-1"]["c_unfit"]) == (12050, None, "c_1")
            assert (rows["C-2"]["c_1"], rows["C-6"]["name"]) == (None, "王小6")
        if name == "orders":
            half = {row["order_id"]: row["amount_base_minor"] for row in expected.to_pylist()}
            assert half["A-8-USD"] == 508  # 1017 / 2 = 508.5, to the even neighbour
            assert half["A-1-GBP"] is None


def test_the_past_is_the_same(mixed):
    here, there = mixed

    for as_of in (MONDAY - timedelta(days=3), MONDAY + timedelta(hours=30), MONDAY + timedelta(days=30)):
        for name in ("customers", "orders"):
            expected = here.to_arrow(here.history(name, as_of=as_of, actor=SYSTEM))
            same(there.to_arrow(there.history(name, as_of=as_of, actor=SYSTEM)), expected)


def test_records_put_in_place_by_spark_are_those_duckdb_puts_in_place(mixed, tmp_path):
    found = {}
    for lake, name in zip(mixed, ("duckdb", MASTER), strict=True):
        shutil.copytree(lake.folder.parent, tmp_path / name[:4], ignore=shutil.ignore_patterns(".scratch"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TENURE_ENGINE", name)
            copy = Lake(tmp_path / name[:4] / "lake")
        counts = [copy.settle(each, "person_id", "valid_at", "ids_of", *CONTRACTS[each].key) for each in ("customers", "orders")]  # fmt: skip
        reader = Lake(copy.folder)
        tables = [reader.to_arrow(reader.read(f"records/{each}", actor=SYSTEM)) for each in ("customers", "orders")]
        files = [pa.concat_tables([pq.read_table(file) for file in copy.store.files(f"records/{each}")[0]]) for each in ("customers", "orders")]  # fmt: skip
        found[name] = counts, tables, [table["person_id"].to_pylist() for table in files]

    counts, tables, persons = found[MASTER]
    assert counts == found["duckdb"][0]
    for one, other in zip(tables, found["duckdb"][1], strict=True):
        same(one, other)
    # In order of the person, as those who read them in runs rely on; rows of nobody last.
    assert persons == found["duckdb"][2]


@pytest.mark.parametrize("shown", ["clear", "masked", "hidden"])
def test_a_person_sees_the_same_rows_and_the_same_of_them(mixed, shown: str):
    here, there = mixed
    reach = lambda scope: pa.array([2, 4])  # noqa: E731
    fields = {shown: frozenset({"name", "phone", "amounts"})} if shown != "clear" else {}
    actor = Scope(reach="own", **fields)

    for lake in mixed:
        lake._assigned = reach
    for table in ("received/customers", "received/orders"):
        expected = here.to_arrow(here.read(table, actor=actor))
        same(there.to_arrow(there.read(table, actor=actor)), expected)
        assert expected.num_rows
    names = set(here.to_arrow(here.read("received/customers", actor=actor))["name"].to_pylist())
    assert ("王**" in names) is (shown == "masked")


def test_quality_is_counted_alike(lakes, mixed):
    from tenure.pipeline.quality import fields_of

    for here, there in (lakes, mixed):
        for name in ("customers", "orders", "cases"):
            expected = list(fields_of(here, CONTRACTS[name], MONDAY))
            found = list(fields_of(there, CONTRACTS[name], MONDAY))
            key = lambda row: (row["source"], row["field"], row["month"])  # noqa: E731
            assert sorted(found, key=key) == sorted(expected, key=key)


# What an engine does


def test_instants_keep_their_microseconds_and_days_are_those_of_the_zone(both: Both):
    years, hours = (1969, 1989, 2024, 2026), (0, 1, 15, 16, 23)
    at = [datetime(year, 3, 29, hour, 59, 59, 999_999, tzinfo=UTC) for year in years for hour in hours]
    rows = pa.table({"at": pa.array([*at, None], pa.timestamp("us", "UTC"))})
    zones = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC")

    def told(engine: Engine) -> ibis.Table:
        moments = engine.keep(ibis.memtable(rows), "moments")
        return moments.mutate(
            **{zone.replace("/", "_"): engine.local_day(moments["at"], zone) for zone in zones},
            age=ibis.literal(datetime(2026, 4, 1, tzinfo=UTC)).delta(moments["at"], unit="second"),
            later=moments["at"] + ibis.interval(hours=24),
            month=engine.local_day(moments["at"], zones[0]).truncate("M"),
        )

    found = both.agree(told)

    assert found["at"].to_pylist() == [*at, None]
    assert found["Asia_Shanghai"][2].as_py() == date(1969, 3, 29)
    assert found["Asia_Shanghai"][3].as_py() == date(1969, 3, 30)


def test_numbers_are_rounded_and_divided_alike(both: Both):
    rows = pa.table({
        "whole": pa.array([7, -7, 2**53 + 1, 0, None], pa.int64()),
        "real": [0.5, 1.5, -2.5, 1e15 + 0.5, None],
        "exact": pa.array([Decimal("0.500000"), Decimal("-1.500000"), Decimal("2.499999"), Decimal("7.000001"), None], pa.decimal128(18, 6)),
        "word": ["2", "", "ÄÖ x", "王小明", None],
    })  # fmt: skip

    found = both.agree(
        lambda engine: engine.keep(ibis.memtable(rows), "numbers").mutate(
            rounded=_.real.cast("int64"), of_exact=_.exact.cast("int64"), near=_.real.round(), half=_.whole / 2,
            floor=_.whole // 2, rest=_.whole % 3, text=_.exact.cast("string"), low=_.word.lower(),
            is_null=_.real.isnull(), part=_.word.substr(0, 2),
        )
    )  # fmt: skip
    sums = both.agree(
        lambda engine: engine.keep(ibis.memtable(rows), "numbers").agg(
            whole=_.whole.sum(), none=_.whole.sum(where=_.whole > 2**60), n=_.count(where=_.whole > 2**60),
            median=_.real.median(), eighth=_.whole.quantile(0.8), all_n=_.count(),
        )
    )  # fmt: skip

    assert found["rounded"].to_pylist() == [0, 2, -2, 10**15, None]
    assert sums["whole"].to_pylist() == [2**53 + 1]


def test_lists_are_collected_in_their_order_and_empty_ones_are_null(both: Both):
    rows = pa.table({"who": [1, 1, 1, 2], "at": [3, 1, 2, 1], "word": ["c", "a", None, "z"]})

    found = both.agree(
        lambda engine: engine.keep(ibis.memtable(rows), "words").group_by("who").agg(
            words=_.word.collect(where=_.word != "z", order_by=_["at"]), first=_.word.argmin(_["at"]), last=_.word.argmax(_["at"])
        )
    )  # fmt: skip

    by_who = {row["who"]: row for row in found.to_pylist()}
    assert by_who[1]["words"] == ["a", "c"]
    assert by_who[2]["words"] is None


def test_files_of_different_days_are_read_as_one_table_by_name(both: Both, tmp_path: Path):
    folder = tmp_path / "a b [1] {x} 王%20"
    folder.mkdir()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), folder / "one.parquet")
    pq.write_table(pa.table({"c": [date(1890, 1, 1)], "a": [3]}), folder / "two.parquet")
    paths = [str(folder / "one.parquet"), str(folder / "two.parquet")]

    found = both.agree(lambda engine: engine.files(paths, version_key=str(folder)))

    assert sorted(found["a"].to_pylist()) == [1, 2, 3]


def test_rows_stream_in_their_order(both: Both):
    rows = pa.table({"n": pa.array(np.random.default_rng(1).permutation(200_000))})

    reader = both.there.to_reader(both.there.keep(ibis.memtable(rows), "many").order_by("n"))

    batches = list(reader)
    assert len(batches) > 2
    assert pa.Table.from_batches(batches)["n"].to_pylist() == list(range(200_000))


def test_what_was_kept_is_gone_once_dropped(both: Both):
    both.there.keep(ibis.memtable(pa.table({"n": [1]})), "passing")

    both.there.drop("passing")
    both.there.drop("passing")

    with pytest.raises(Exception, match="passing"):
        both.there.to_arrow(both.there._backend.table("passing"))  # type: ignore[attr-defined]


def test_a_function_over_whole_persons_is_given_each_persons_rows_together_and_in_order(both: Both):
    rng = np.random.default_rng(2)
    person = rng.integers(0, 3_000, 150_000)
    rows = pa.table({"person_id": person, "at": rng.permutation(150_000), "name": ["x"] * 150_000})
    schema = pa.schema([("person_id", pa.int64()), ("rows", pa.int64()), ("sorted", pa.bool_())])

    def told(table: pa.Table) -> pa.Table:
        who, at = table["person_id"].to_numpy(), table["at"].to_numpy()
        first = np.flatnonzero(np.r_[True, who[1:] != who[:-1]])
        rises = np.r_[True, (at[1:] > at[:-1]) | (who[1:] != who[:-1])]
        counts = np.diff(np.r_[first, len(who)])
        return pa.table([who[first], counts, np.logical_and.reduceat(rises, first)], schema=schema)

    table = both.there.keep(ibis.memtable(rows), "visits")
    found = both.there.to_arrow(both.there.map_by_person(table, told, schema, ["at"]).order_by("person_id"))

    who, counts = np.unique(person, return_counts=True)
    assert found["person_id"].to_pylist() == who.tolist()
    assert found["rows"].to_pylist() == counts.tolist()
    assert set(found["sorted"].to_pylist()) == {True}


# What must not get out


def test_what_is_opened_lies_nowhere_in_clear(both: Both, lakes):
    from pyspark import StorageLevel

    there = lakes[1]

    with there.kept({"cases": there.read("records/cases", actor=SYSTEM)}) as kept:
        found = there.to_arrow(kept["cases"].group_by("person_id").agg(text=_.text.max()))
        # All of it on disk, as where there is no memory left for it.
        frame = there._engine._backend.frame(kept["cases"].mutate(more=_.text + "!"))
        frame.persist(StorageLevel.DISK_ONLY).count()
        lying = [path.read_bytes() for path in both.scratch.rglob("rdd_*") if path.is_file()]
        frame.unpersist()

    assert set(found["text"].to_pylist()) == {SECRET}
    assert lying
    assert not any(SECRET.encode() in each or b"text" in each for each in lying)


def test_a_column_nobody_reads_is_not_opened(lakes, monkeypatch):
    from tenure.lake import sealed

    there = lakes[1]
    opened: list[int] = []
    monkeypatch.setattr(sealed, "_opened", lambda tokens, *rest: opened.append(1) or tokens)

    there.to_arrow(there.read("records/cases", actor=SYSTEM).group_by("category").agg(n=_.count()))
    assert not opened

    there.to_arrow(there.read("records/cases", actor=SYSTEM).select("text"))
    assert opened


def test_what_keeps_a_token_shut_is_said_as_it_is_on_duckdb(lakes, monkeypatch):
    from tenure.lake import sealed

    there = lakes[1]

    def shut(*_args: Any) -> Any:
        raise TenureError("its key is gone from the vault")

    monkeypatch.setattr(sealed, "_opened", shut)
    with pytest.raises(TenureError, match="its key is gone from the vault"):
        there.to_arrow(there.read("records/cases", actor=SYSTEM).select("text"))


# What is said where there is no Spark


def test_a_master_that_does_not_answer_is_said_at_once():
    with pytest.raises(TenureError, match=r"Nobody answers at the Spark master spark://127\.0\.0\.1:1\b"):
        spark_session._need("spark://127.0.0.1:1")


def test_without_java_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")

    with pytest.raises(TenureError, match="Install Java 17 or newer"):
        spark_session._need("spark")


def test_the_doctor_says_what_spark_lacks_and_how_to_mend_it(tmp_path: Path):
    home = tmp_path / "home"
    tenure(home, "init")

    lacking = tenure(home, "doctor", fails=True, TENURE_ENGINE="spark", JAVA_HOME="/nowhere").stdout

    assert "Spark: not there: Java" in lacking
    assert "Install Java 17 or newer" in lacking
    assert "Spark: pyspark" in tenure(home, "doctor").stdout


def test_an_engine_nobody_knows_is_refused_by_name(tmp_path: Path):
    with pytest.raises(TenureError, match='There is no engine "flink"'):
        open_engine("flink", tmp_path)


def test_one_process_has_one_spark(both: Both, tmp_path: Path):
    with pytest.raises(TenureError, match="can't run at local"):
        open_engine("local[1]", tmp_path)


# The whole


@pytest.mark.soak
@pytest.mark.parametrize("customers", [1_000, 20_000])
def test_a_refresh_by_spark_gives_the_tables_and_the_cards_that_duckdb_gives(tmp_path: Path, customers: int):
    """The full demo has 20,000 customers and 24 months."""
    months = 12 if customers == 1_000 else 24
    tenure(tmp_path / "duckdb", "demo", "--customers", str(customers), "--months", str(months))
    shutil.copytree(tmp_path / "duckdb", tmp_path / "spark")

    tenure(tmp_path / "spark", "refresh", "--again", TENURE_ENGINE=MASTER)

    here, there = (Lake(tmp_path / name / "lake") for name in ("duckdb", "spark"))
    names = [name for name in here.store.names() if name.split("/")[0] in ("records", "identity", "scores", "quality")]
    assert names == [name for name in there.store.names() if name.split("/")[0] in ("records", "identity", "scores", "quality")]  # fmt: skip
    for name in names:
        expected, found = (lake.to_arrow(lake.read(name, actor=SYSTEM)) for lake in (here, there))
        same(found, expected)
    for name in ("value_card", "churn_card"):
        assert _to_nine_digits(there.document(name)) == _to_nine_digits(here.document(name))
    assert _published(tmp_path / "spark") == _published(tmp_path / "duckdb")


def _to_nine_digits(document: Any) -> Any:
    return json.loads(json.dumps(document), parse_float=lambda text: f"{float(text):.8e}")


def _published(home: Path) -> list[tuple[Any, ...]]:
    """What the desk shows of each customer's figures."""
    with closing(sqlite3.connect(home / "desk.sqlite3")) as desk:
        columns = [row[1] for row in desk.execute("PRAGMA table_info(customers_score)")]
        kept = [name for name in columns if name not in ("id", "generation", "extra", "sealed_under")]
        shown = [f"{each:.8e}" if isinstance(each, float) else each for row in desk.execute(f"SELECT {', '.join(kept)} FROM customers_score ORDER BY customer_id") for each in row]  # fmt: skip
        assert shown
        return [tuple(shown)]


PEOPLE_ROWS = pa.table({
    "name": ["王小明", "王晓铭", "Wang Xiaoming", "李娜", "John Smith", "J. Smith", "Smyth John"],
    "phone": ["13800138000", "13800138000", None, "13800138000", "13900139000", "13900139000", None],
    "email": ["xm.w@shop.cn", None, "XM.W@shop.cn", None, "js@shop.cn", None, "js@shop.cn"],
    "birth_date": ["19880501", "19880105", None, None, "19700203", "19700203", "19700204"],
    "city": ["杭州", "杭州", "杭州", "杭州", "London", "Lodnon", "London"],
})  # fmt: skip


def test_splink_weighs_every_pair_alike(both: Both) -> None:
    rows = forms.people(PEOPLE_ROWS, np.arange(7))

    there, __ = score(rows, PEOPLE, both.there.splink_there(), learn=True)  # type: ignore[attr-defined]
    here, __ = score(rows, PEOPLE, both.here.splink(), learn=True)

    assert there.num_rows >= 5
    for name in ("left", "right", "free", "refuted"):
        assert there[name].equals(here[name])
    np.testing.assert_allclose(there["weight"].to_numpy(), here["weight"].to_numpy(), rtol=1e-9)
