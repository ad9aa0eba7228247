"""Who is who: `tenure.identity.resolve` beside Splink as its documentation sets it up, and recordlinkage.

    python -m bench.identity               FEBRL 3 and 4, fake_1000 and a simulated Chinese company, then 100k to 1M customers
    python -m bench.identity --quick       without the large ones
    python -m bench.identity --one febrl2-slips tenure    one run, as JSON; of FEBRL also "-bare": names, birth dates and
                                                          towns alone, and "-slips": those made worse, see `bare`

Pairs count as found where two records end in one cluster. Each run is a process of its own, with its seconds and peak
memory. None of these sets is wholly unseen. Thresholds, beliefs and keys were set on FEBRL 1 and 2; the truth of FEBRL 3
and 4 was looked at once before the last keys. fake_1000 led to keys of names with birth dates, the level of e-mail names
and stronger beliefs, and its missed pairs to the levels of near birth dates and misspelt halves of names. The simulated
company is drawn like the demo company, by whose false joins rules for organisations, e-mails and streets were made: its
figure guards against regression and says nothing of other companies. Decision 0030 tells it whole.
Peers: Splink 5 with the comparisons, blocking and training of its FEBRL 3 and fake_1000 examples, at thresholds from .01
to .99, the best by the truth shown and the usual one; recordlinkage's ECM classifier, where it is installed in the environment named by BENCH_PEERS.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SHARED = Path(__file__).parents[2] / "shared" / "data"
# The threshold of its examples.
USUAL = "at 0.95"
ASKED = "asked"
# Tried on the peer, the best by the truth shown: more than anyone who does not know the truth could choose.
THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)
SETS = ("febrl3", "febrl4", "fake_1000", "chinese")
HANDED = str(Path(tempfile.gettempdir()) / "bench-identity-{name}.csv")
SIZES = (100_000, 300_000, 1_000_000)
FEBRL = {"given_name": "given_name", "family_name": "surname", "birth_date": "date_of_birth", "id_number": "soc_sec_id",
         "street": ["street_number", "address_1", "address_2"], "postcode": "postcode", "city": "suburb", "region": "state"}  # fmt: skip


def read(name: str) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """A set's records, and who each really is."""
    name, __, cut = name.partition("-")
    if name.startswith("febrl"):
        files = ["4a", "4b"] if name == "febrl4" else [name[-1]]
        frames = [pd.read_parquet(SHARED / "febrl" / f"febrl_dataset{one}.parquet").assign(file=one) for one in files]
        frame = pd.concat(frames, ignore_index=True)
        truth = frame.pop("rec_id").str.extract(r"rec-(\d+)-")[0]
        return (bare(frame, slips=cut == "slips") if cut else frame), truth
    if name == "fake_1000":
        frame = pd.read_parquet(SHARED / "splink" / "fake_1000.parquet")
        return frame.drop(columns=["unique_id"]), frame.pop("cluster")
    return chinese(10_000 if name == "chinese" else int(name))


def bare(frame: pd.DataFrame, *, slips: bool) -> pd.DataFrame:
    """FEBRL without what tells people apart most. slips: of ten rows, three with the birth date days or months off and
    two with half a name."""
    frame = frame[["given_name", "surname", "date_of_birth", "suburb", "file"]].copy()
    if slips:
        rng, size = np.random.default_rng(11), len(frame)
        born = pd.to_datetime(frame["date_of_birth"], format="%Y%m%d", errors="coerce")
        near, far = rng.integers(-20, 21, size), rng.integers(-300, 301, size)
        off = np.where(rng.random(size) < 0.3, np.where(rng.random(size) < 0.5, near, far), 0)
        told = (born + pd.to_timedelta(off, unit="D")).dt.strftime("%Y%m%d")
        frame["date_of_birth"] = told.where(born.notna(), frame["date_of_birth"])
        half = rng.random(size)
        frame.loc[half < 0.1, "given_name"] = None
        frame.loc[half > 0.9, "surname"] = None
    return frame


def chinese(size: int) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Customers of a simulated Chinese company, 3 % of them with a second account, some families sharing a phone."""
    from datetime import date

    import pyarrow as pa

    from tenure.demo.clock import Calendar
    from tenure.demo.doubles import draw_doubles, with_family_phones
    from tenure.demo.people import customers_table, draw_people

    calendar = Calendar(date(2026, 7, 1), 24)
    people = draw_people(size, calendar, seed=2_026)
    doubles = draw_doubles(people, calendar, seed=2_026)
    people, __ = with_family_phones(people, doubles, seed=2_026)
    table = pa.concat_tables([customers_table(people, calendar, seed=2_026), doubles.rows], promote_options="default")
    wanted = ["kind", "name", "phone", "email", "id_number", "birth_date", "gender", "street", "city", "region"]
    truth = np.concatenate([np.arange(size), doubles.position])
    order = np.random.default_rng(3).permutation(len(truth))
    return table.select(wanted).take(order).to_pandas(), pd.Series(truth[order])


def scored(truth: Any, found: Any) -> tuple[float, float, float]:
    """Precision, recall and F1 over pairs of records."""

    def pairs(*codes: Any) -> int:
        counts = pd.DataFrame({str(n): np.asarray(code) for n, code in enumerate(codes)}).value_counts().to_numpy()
        return int((counts * (counts - 1) // 2).sum())

    both, said, real = pairs(truth, found), pairs(found), pairs(truth)
    precision, recall = both / max(said, 1), both / max(real, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def ours(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    from importlib import import_module

    door: Any = import_module("tenure.identity.resolve")
    identify = door.identify
    kept: list[Any] = []

    def heard(*given: Any, **how: Any) -> Any:
        kept.append(identify(*given, **how))
        return kept[-1]

    # The door says who is who, and not what it would ask about.
    door.identify = heard
    if name.startswith("febrl"):
        columns = {
            field: part for field, part in FEBRL.items() if set([part] if isinstance(part, str) else part) <= set(frame)
        }
        found = door.resolve(
            frame, columns=columns, source="file" if name == "febrl4" else None, region="AU", kind="people"
        )
    else:
        found = door.resolve(frame, kind="people" if name == "fake_1000" else None)
    return {"": found["person_id"].to_numpy(), ASKED: kept[-1].pairs}


def answered(truth: "pd.Series[Any]", persons: Any, pairs: Any) -> tuple[int, int, Any]:
    """How many pairs are asked about, how many of them are one person, and who is who once each is answered rightly."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    codes, rows = pd.factorize(truth)[0], np.arange(len(persons))
    asked = pairs.to_pandas().query("band == 'ask'")
    left, right = asked["left_own"].to_numpy() - 1, asked["right_own"].to_numpy() - 1
    yes = codes[left] == codes[right]
    first = pd.Series(rows).groupby(np.asarray(persons)).transform("min").to_numpy()
    ends = np.concatenate([rows, left[yes]]), np.concatenate([first, right[yes]])
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(len(rows), len(rows)))
    return len(asked), int(yes.sum()), connected_components(graph, directed=False)[1]


def splink(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Splink as its own examples have it."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    frame = frame.assign(unique_id=np.arange(len(frame)))
    for column in frame.columns:
        if frame[column].dtype == object and column != "file":
            frame[column] = frame[column].astype("string").astype(object).where(frame[column].notna(), None)
    if name.startswith("febrl"):
        comparisons = [
            cl.NameComparison("given_name"), cl.NameComparison("surname"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ]  # fmt: skip
        blocks = [
            block_on("soc_sec_id"),
            block_on("given_name"),
            block_on("surname"),
            block_on("date_of_birth"),
            block_on("postcode"),
        ]
        sure = [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")]
        recall, learn = 0.9, [block_on("date_of_birth"), block_on("postcode")]
    elif name == "fake_1000":
        comparisons = [
            cl.NameComparison("first_name"), cl.NameComparison("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True), cl.EmailComparison("email"),
        ]  # fmt: skip
        blocks = [block_on("first_name", "city"), block_on("surname"), block_on("dob"), block_on("email")]
        sure = [block_on("first_name", "dob"), block_on("email")]
        recall, learn = 0.7, [block_on("first_name", "surname"), block_on("dob")]
    else:
        comparisons = [
            cl.NameComparison("name"), cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"), cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.ExactMatch("id_number"), cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        ]  # fmt: skip
        blocks = [
            block_on("phone"),
            block_on("email"),
            block_on("id_number"),
            block_on("name", "city"),
            block_on("name", "birth_date"),
        ]
        sure = [block_on("id_number"), block_on("phone", "name"), block_on("email", "name")]
        recall, learn = 0.6, [block_on("phone"), block_on("name", "city")]
    database = DuckDBAPI()
    two = name == "febrl4"
    tables: Any = (
        [database.register(part.drop(columns="file"), dataset_display_name=f"d{file}") for file, part in frame.groupby("file")]
        if two else database.register(frame.drop(columns="file", errors="ignore"))
    )  # fmt: skip
    linker = Linker(tables, SettingsCreator("link_only" if two else "dedupe_only", comparisons=comparisons,
                    blocking_rules_to_generate_predictions=blocks), log_level="ERROR")  # fmt: skip
    linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in learn:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    predictions = linker.inference.predict(threshold_match_probability=min(THRESHOLDS))
    found = {}
    for threshold in THRESHOLDS:
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predictions, threshold_match_probability=threshold
        )
        table = clusters.as_pandas_dataframe().set_index("unique_id")["cluster_id"]
        found[f"at {threshold}"] = table.reindex(np.arange(len(frame))).to_numpy()
    return found


def linkage(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """recordlinkage's index, comparisons and ECM classifier, as its guide to these sets has them."""
    import recordlinkage
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, last, born = (
        ("given_name", "surname", "date_of_birth") if name.startswith("febrl") else ("first_name", "surname", "dob")
    )
    index, compare = recordlinkage.Index(), recordlinkage.Compare()
    for column in (first, last, born):
        index.block(column)
    compare.string(first, first, method="jarowinkler", threshold=0.85)
    compare.string(last, last, method="jarowinkler", threshold=0.85)
    compare.exact(born, born)
    for column in ("soc_sec_id", "suburb", "state", "city", "email"):
        if column in frame.columns:
            compare.exact(column, column)
    if "address_1" in frame.columns:
        compare.string("address_1", "address_1", threshold=0.85)
    if name == "febrl4":
        one, two = (frame[frame["file"] == file] for file in ("4a", "4b"))
        pairs = index.index(one, two)
        vectors = compare.compute(pairs, one, two)
    else:
        pairs = index.index(frame)
        vectors = compare.compute(pairs, frame)
    links = recordlinkage.ECMClassifier(binarize=0.5).fit_predict(vectors)
    a, b = links.get_level_values(0).to_numpy(), links.get_level_values(1).to_numpy()
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(frame), len(frame)))
    return {"ECM": connected_components(graph, directed=False)[1]}


def _handed_over(name: str) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """The set as a file: the peer's environment may not read Parquet."""
    frame = pd.read_csv(HANDED.format(name=name), dtype=str)
    return frame, frame.pop("truth")


RUNS = {"tenure": ours, "splink": splink, "recordlinkage": linkage}


def one(name: str, how: str) -> None:
    """One run in this process; prints its figures as JSON."""
    frame, truth = read(name) if how != "recordlinkage" else _handed_over(name)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    before, used = usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime
    began = time.perf_counter()
    found = RUNS[how](name, frame)
    seconds = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime - used
    asked: list[Any] | None = None
    if ASKED in found:
        many, right, whole = answered(truth, found[""], found.pop(ASKED))
        asked = [many, right, *scored(truth, whole)]
    every = {label: scored(truth, codes) for label, codes in found.items()}
    label, figures = max(every.items(), key=lambda item: item[1][2])
    print(
        json.dumps(
            [len(frame), label, *figures, seconds, before, usage.ru_maxrss / 1024, used, every.get(USUAL), asked]
        )
    )


def run(name: str, how: str) -> list[Any] | None:
    python = sys.executable
    if how == "recordlinkage":
        python = os.environ.get("BENCH_PEERS", "")
        if not python:
            print(f"{name:10} {how:14} skipped: BENCH_PEERS names no environment that has it")
            return None
        frame, truth = read(name)
        frame.assign(truth=truth).to_csv(HANDED.format(name=name), index=False)
    done = subprocess.run([python, "-m", "bench.identity", "--one", name, how], capture_output=True, text=True)
    if done.returncode:
        print(f"{name:10} {how:14} failed: {done.stderr.strip().splitlines()[-1]}")
        return None
    figures: list[Any] = json.loads(done.stdout.strip().splitlines()[-1])
    rows, label, precision, recall, f1, seconds, before, peak, used, usual, asked = figures
    print(f"{name:10} {how + ' ' + label:20} {rows:>9,} rows  precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}  "
          f"{seconds:7.1f} s ({used:.1f} s of processor)  peak {peak:6.0f} MB ({before:.0f} before)", flush=True)  # fmt: skip
    if usual:
        print(
            f"{name:10} {how + ' ' + USUAL:20} {rows:>9,} rows  precision {usual[0]:.4f}  recall {usual[1]:.4f}  F1 {usual[2]:.4f}"
        )
    if asked:
        print(f"{name:10} {how + ' all answered':20} {rows:>9,} rows  precision {asked[2]:.4f}  recall {asked[3]:.4f}  "
              f"F1 {asked[4]:.4f}  {asked[0]:,} pairs asked about, {asked[1]:,} of them one")  # fmt: skip
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", nargs=2)
    wanted, __ = parser.parse_known_args()
    if wanted.one:
        one(*wanted.one)
        return
    for name in SETS:
        if name != "chinese" and not SHARED.exists():
            print(f"{name:10} skipped: the public data sets are not beside the checkout")
            continue
        for how in RUNS:
            if (name, how) != ("chinese", "recordlinkage"):
                run(name, how)
    if wanted.quick:
        return
    measured = [(size, figures) for size in SIZES if (figures := run(str(size), "tenure"))]
    if len(measured) > 1:
        (small, first), (large, last) = measured[0], measured[-1]
        print(
            f"growth of processor time {small:,} → {large:,}: n^{np.log(last[8] / first[8]) / np.log(large / small):.2f}"
        )


if __name__ == "__main__":
    main()
