"""What an engine is asked for, whatever the question: instants, numbers, lists, files, streams, whole persons; and nothing in clear."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from tenure.errors import TenureError
from tenure.identity import forms
from tenure.identity.model import PEOPLE
from tenure.identity.scoring import score
from tenure.lake import SYSTEM
from tenure.lake.engines import Engine, open_engine
from tests.cast import SECRET
from tests.conformance.both import Both

pytestmark = pytest.mark.spark


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
    kept = both.there.keep(ibis.memtable(pa.table({"n": [1]})), "passing")
    assert both.there.to_arrow(kept)["n"].to_pylist() == [1]

    both.there.drop("passing")
    both.there.drop("passing")

    with pytest.raises(Exception, match="passing"):
        both.there.to_arrow(kept)


def test_a_table_that_was_let_go_is_not_worked_out_again_by_who_asks_for_it_next(both: Both, tmp_path: Path):
    file = tmp_path / "read once.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3]}), file)
    rows = both.there.files([str(file)], version_key=str(file))
    ask = lambda: rows.filter(rows.n.isin(ibis.memtable({"n": [2, 3]}).n)).mutate(twice=rows.n * 2)  # noqa: E731

    first = both.there.to_arrow(both.there.keep(ask(), "first"))
    both.there.drop("first")
    file.unlink()
    second = both.there.to_arrow(both.there.keep(ask(), "second"))

    assert sorted(second["twice"].to_pylist()) == sorted(first["twice"].to_pylist()) == [4, 6]


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


def test_one_process_has_one_spark(both: Both, tmp_path: Path):
    with pytest.raises(TenureError, match="can't run at local"):
        open_engine("local[1]", tmp_path)


PEOPLE_ROWS = pa.table({
    "name": ["王小明", "王晓铭", "Wang Xiaoming", "李娜", "John Smith", "J. Smith", "Smyth John"],
    "phone": ["13800138000", "13800138000", None, "13800138000", "13900139000", "13900139000", None],
    "email": ["xm.w@shop.cn", None, "XM.W@shop.cn", None, "js@shop.cn", None, "js@shop.cn"],
    "birth_date": ["19880501", "19880105", None, None, "19700203", "19700203", "19700204"],
    "city": ["杭州", "杭州", "杭州", "杭州", "London", "Lodnon", "London"],
})  # fmt: skip


@pytest.mark.parametrize("learn", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_splink_weighs_every_pair_alike(both: Both, learn: bool) -> None:
    rows = forms.people(PEOPLE_ROWS, np.arange(7))

    there, __ = score(rows, PEOPLE, both.there.splink_there(), learn=learn)  # type: ignore[attr-defined]
    here, __ = score(rows, PEOPLE, both.here.splink(), learn=learn)

    assert there.num_rows >= 5
    for name in ("left", "right", "free", "refuted"):
        assert there[name].equals(here[name])
    np.testing.assert_allclose(there["weight"].to_numpy(), here["weight"].to_numpy(), rtol=1e-9)
    lying = [path.read_bytes() for path in both.scratch.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not any("王小明".encode() in each or b"xiaoming" in each.lower() for each in lying)
