import json

import numpy as np
import pandas as pd
import pytest

from tenure.insight.segments import MixedClusters
from tenure.insight.segments.clusters import Said
from tenure.insight.value import NotEnoughDataError
from tenure.language import Words

SAID = {
    "visits": Said(Words("Visits", "次数"), Words("frequent", "常来"), Words("rare", "少来")),
    "basket": Said(Words("Basket", "客单"), Words("large baskets", "大额客单"), Words("small baskets", "小额客单")),
}


def company(seed=1, rows=600):
    """Three kinds of customers: often and little by app in 浙江, seldom and much in the shop, and those between."""
    rng = np.random.default_rng(seed)
    kind = np.arange(rows) % 3
    return kind, pd.DataFrame({
        "visits": rng.poisson(np.array([40, 3, 12])[kind]),
        "basket": (np.exp(rng.normal(np.array([3.0, 7.0, 5.0])[kind], 0.3)) * 100).astype(int),
        "channel": np.where(rng.random(rows) < 0.9, np.array(["app", "shop", "phone"])[kind], "phone"),
        "region": np.where(kind == 0, "浙江", "广东"),
        "always": 1,
    })  # fmt: skip


def test_the_groups_that_are_there_are_found_and_named_by_what_sets_them_apart():
    kind, frame = company()

    found = MixedClusters(said=SAID).fit(frame)

    assert found.k_ == 3
    assert all(len(set(found.labels_[kind == n])) == 1 for n in range(3))
    frequent = next(group for group in found.groups_ if group.number == found.labels_[0])
    assert set(frequent.name.en.lower().split(", ")) <= {"frequent", "small baskets", "app", "浙江"}
    assert set(frequent.name.zh.split("、")) <= {"常来", "小额客单", "app", "浙江"}
    assert len(frequent.name.zh.split("、")) == 3
    assert list(found.left_out_) == ["always"]
    assert found.silhouette_ == max(found.tried_.values())


def test_groups_keep_their_numbers_when_found_again_and_the_share_that_moved_is_said():
    _kind, frame = company()
    first = MixedClusters(said=SAID).fit(frame)

    # Another start, some rows changed, and customers who were not there before.
    _k, later = company(seed=2, rows=660)
    later.iloc[:600] = frame.to_numpy()
    later = later.infer_objects()
    later.loc[0:29, ["visits", "basket"]] = [3, 110_000]
    before = [*first.labels_.tolist(), *[None] * 60]
    names = {group.number: group.name for group in first.groups_}
    again = MixedClusters(seed=99, said=SAID).fit(later, before=before, names=names)

    assert np.array_equal(again.labels_[30:600], first.labels_[30:])
    assert again.kept_share_ == pytest.approx((again.labels_[:600] == first.labels_).mean())
    assert 0.9 < again.kept_share_ < 1
    assert {group.number: group.name for group in again.groups_} == names


def test_a_group_that_is_new_gets_a_number_never_given_before():
    _kind, frame = company()
    first = MixedClusters(2, said=SAID).fit(frame)

    again = MixedClusters(3, said=SAID).fit(frame, before=first.labels_)

    assert set(again.labels_) == {1, 2, 3}
    assert 0 < again.kept_share_ < 1


def test_the_same_rows_give_the_same_groups_whatever_their_unit():
    _kind, frame = company()

    found = MixedClusters(3).fit(frame).labels_
    scaled = MixedClusters(3).fit(frame.assign(basket=frame.basket * 100)).labels_

    assert (found == scaled).mean() > 0.99


@pytest.mark.parametrize(
    ("frame", "because"),
    [
        (pd.DataFrame({"visits": [1, 2, 3]}), "at least 40 customers; there are 3"),
        (pd.DataFrame({"visits": [5] * 80, "region": ["浙江"] * 80, "unknown": [None] * 80}), "nothing tells the customers"),
        (pd.DataFrame({"visits": [1, 2] * 40}), "fewer different customers than groups"),
        (pd.DataFrame({"visits": [np.nan] * 80}), "nothing tells"),
    ],
    ids=["few rows", "constant", "two kinds only", "not a number"],
)  # fmt: skip
def test_too_little_to_tell_groups_apart_is_said_with_its_reason(frame, because):
    with pytest.raises(NotEnoughDataError, match="Not enough data, because") as told:
        MixedClusters().fit(frame)

    assert because in str(told.value)


def test_infinite_and_missing_values_stand_in_the_middle():
    _kind, frame = company()
    frame["basket"] = frame.basket.astype(float)
    frame.loc[3, "basket"], frame.loc[4, "basket"] = np.inf, np.nan

    found = MixedClusters(3).fit(frame)

    assert all(np.isfinite([trait.score, trait.here, trait.among]).all() for g in found.groups_ for trait in g.traits)


def test_rows_are_placed_in_the_groups_found_before_read_back_from_plain_values():
    _kind, frame = company()
    frame.loc[5:9, "basket"] = np.nan
    found = MixedClusters(said=SAID).fit(frame)

    again = MixedClusters.of_document(json.loads(json.dumps(found.as_document())))

    assert np.array_equal(again.place(frame), found.labels_)
    assert np.array_equal(again.place(frame.iloc[::-7]), found.labels_[::-7]), "whoever else is there"
    strange = frame.iloc[:3].assign(channel=["never met", None, "app"], visits=[-5.0, np.inf, np.nan])
    assert set(again.place(strange)) <= set(found.labels_)
