"""The analyst's door: frames of any kind in, the same rows with who is who out."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.identity import resolve
from tenure.identity.words import evidence, sentence

# Two people met twice; a family that shares a phone; and two of one name in one town.
ROWS = {
    "客户姓名": ["王小明", "Wang Xiaoming", "李娜", "李娜", "张伟", "张伟", "王小红"],
    "手机": ["13800138000", None, "13912345678", "+86 139-1234-5678", "13700137000", "18611112222", "13800138000"],
    "邮箱": ["xm.wang@shop.cn", "XM.WANG@shop.cn", None, "lina@shop.cn", "zw@a.cn", "zhangwei@b.cn", None],
    "城市": ["杭州", "杭州市", "北京", "北京", "上海", "上海", "杭州"],
}
WHO = [1, 1, 2, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_the_same_kind_of_frame_comes_back_with_who_is_who(kind):
    frame = kind(ROWS)

    found = resolve(frame)

    assert type(found) is type(frame)
    assert list(found["person_id"].to_pylist() if kind is pa.table else found["person_id"]) == WHO
    table = pa.table(ROWS) if kind is pa.table else None
    if table is not None:
        assert found.select(table.column_names).equals(table)
        assert found["match_probability"].to_pylist()[0] > 0.95
        assert found["match_weight"].null_count == 3


def test_titles_and_traditional_characters_do_not_part_a_person_and_fillers_are_no_names():
    frame = pd.DataFrame({
        "name": ["張偉", "张伟先生", "Dr. Amy Lee, PhD", "LEE, Amy", "客户", "客户"],
        "email": ["zw@a.cn", "zw@b.cn", "amy.l@a.cn", "amy.l@a.cn", "a1@a.cn", "b2@b.cn"],
        "phone": ["13800138000", "13800138000", None, None, "13911112222", "13933334444"],
        "city": ["杭州", "杭州", "上海", "上海", "北京", "北京"],
    })  # fmt: skip

    assert list(resolve(frame)["person_id"]) == [1, 1, 2, 2, 3, 4]


def test_a_birth_date_a_few_days_off_and_half_a_name_misspelt_are_slips_of_one_person():
    frame = pd.DataFrame({
        "first_name": ["Oscar", "Oscra", "Ada"], "surname": [None, "Moore", "Moore"],
        "dob": ["2004-08-29", "2004-09-03", "1971-01-02"], "email": ["omoore64@a.com", "omoore64@a.com", "omoore64@a.com"],
        "city": ["Leeds", "Leeds", "Leeds"],
    })  # fmt: skip

    assert list(resolve(frame, kind="people")["person_id"]) == [1, 1, 2]


def test_a_pandas_index_is_kept():
    frame = pd.DataFrame(ROWS, index=list("gfedcba"))

    found = resolve(frame)

    assert list(found.index) == list("gfedcba")
    assert list(found["person_id"]) == WHO


def test_the_order_of_rows_makes_no_difference_to_who_is_who():
    frame = pd.DataFrame(ROWS)
    turned = frame.iloc[::-1].reset_index(drop=True)

    there, back = resolve(frame)["person_id"], resolve(turned)["person_id"].iloc[::-1].reset_index(drop=True)

    assert [list(there).index(one) for one in there] == [list(back).index(one) for one in back]


def test_organisations_are_joined_without_their_legal_form_and_branches_stay_apart():
    frame = pd.DataFrame({
        "company": ["杭州云帆科技有限公司", "杭州云帆科技", "杭州云帆科技有限公司北京分公司", "Blue Sea Ltd.", "Blue Sea Limited"],
        "tel": ["0571-88886666", "(0571) 8888 6666", "0571-88886666", "+44 20 7946 0000", "020 7946 0000"],
        "city": ["杭州", "杭州", "北京", "London", "London"],
    })  # fmt: skip

    found = resolve(frame, kind="organisations", region="GB")
    chinese = resolve(frame, kind="organisations")

    assert list(found["person_id"])[3] == list(found["person_id"])[4]
    assert list(chinese["person_id"])[:3] == [1, 1, 2]


def test_rows_of_one_list_are_never_joined_where_no_list_has_anyone_twice():
    frame = pd.DataFrame({"name": ["Amy Lee"] * 3, "email": ["amy@shop.cn"] * 3, "list": ["shop", "shop", "web"]})

    found = resolve(frame, source="list")["person_id"]

    assert list(resolve(frame)["person_id"]) == [1, 1, 1]
    assert found[0] != found[1]
    assert found[2] in set(found[:2])


def test_columns_can_be_named_and_put_together():
    frame = pd.DataFrame({"who": ["Ann Hill", "Ann  HILL"], "road": ["Mill Lane", "mill lane"], "door": ["7", "7"],
                          "born": ["1980-02-03", "3/2/1980"]})  # fmt: skip

    found = resolve(frame, columns={"name": "who", "street": ["door", "road"], "birth_date": "born"})

    assert list(found["person_id"]) == [1, 1]


@pytest.mark.parametrize(("given", "more", "says"), [
    ({"a": [1], "b": [2]}, {}, "None of the columns tells who a row is; there are: a, b"),
    ({"name": ["x"]}, {"columns": {"name": "nom"}}, 'no column "nom"; it has: name'),
    ({"name": ["x"]}, {"columns": {"nickname": "name"}}, 'nothing called "nickname" to compare by. Known are: name'),
    ({"name": ["x"], "person_id": [1]}, {}, 'has a column "person_id" already'),
    ({"name": ["x"]}, {"kind": "pets"}, "found 'pets'"),
    ({"name": ["x"]}, {"source": "list"}, 'no column "list"'),
])  # fmt: skip
def test_what_can_not_be_resolved_is_said_in_words(given, more, says):
    with pytest.raises(TenureError, match=says.replace("(", r"\(")):
        resolve(pd.DataFrame(given), **more)


@pytest.mark.parametrize("rows", [0, 1])
def test_next_to_nothing_comes_back_as_it_is(rows):
    found = resolve(pd.DataFrame({"name": ["王小明"] * rows, "phone": ["13800138000"] * rows}))

    assert list(found["person_id"]) == [1] * rows


def test_evidence_reads_as_a_sentence_in_both_languages():
    why = [{"field": "phone", "level": "same", "weight": 18.1}, {"field": "place", "level": "different", "weight": -3.2},
           {"field": "name", "level": "sound", "weight": 9.9}, {"field": "gender", "level": "same", "weight": 0.1}]  # fmt: skip

    assert evidence(why[0]).zh == "手机号相同"
    assert sentence(why).en == "Same phone; names sound the same but for tones (pinyin); different city"
    assert sentence(why).zh == "手机号相同；姓名拼音相同（不计声调）；城市不同"
    assert sentence("[]").en == "Nothing that speaks for or against it"
