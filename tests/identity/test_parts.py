"""Names taken apart, and numbers proved."""

import numpy as np
import pyarrow as pa
import pytest

from tenure.identity.forms import birth_dates, id_numbers, people
from tenure.identity.parts import firm_name, looks_like_organisation, parted_name, person_name


@pytest.mark.parametrize(("text", "sound"), [
    ("王小明", "wang xiaoming"), ("Wang Xiaoming", "wang xiaoming"), ("Jun Hui Wang", "junhui wang"),
    ("欧阳娜", "na ouyang"), ("曾伟", "wei zeng"), ("单雄", "shan xiong"), ("LEE, Amy", "amy lee"), ("Amy Lee", "amy lee"),
    ("吕布", "bu lu"), ("José  García", "garcia jose"), ("Mr John Smith Jr.", "john smith"),
])  # fmt: skip
def test_a_name_sounds_the_same_however_it_is_written(text, sound):
    assert person_name(text).sound == sound


@pytest.mark.parametrize(("text", "family", "given"), [
    ("小王", "wang", None), ("老李", "li", None), ("王先生", "wang", None), ("J. Smith", "smith", "j"), ("张总", "zhang", None),
    ("!!", None, None), (None, None, None),
])  # fmt: skip
def test_what_a_name_does_not_tell_is_unknown(text, family, given):
    name = person_name(text)

    assert (name.family, name.given) == (family, given)


def test_traditional_characters_are_the_simplified_ones():
    assert person_name("張偉") == person_name("张伟")
    assert parted_name("偉", "張") == person_name("张伟")


def test_near_birth_dates_and_halves_of_names_are_told_from_quite_other_ones():
    rows = people(
        pa.table({"given_name": ["Oscar", "Oscra", None], "family_name": [None, "Moore", None],
                  "birth_date": ["2024-08-29", "2024-09-03", "2024-02-30"]}),
        np.arange(3),
    )  # fmt: skip
    days = rows["days"].to_pylist()

    assert days[1] - days[0] == 5
    assert rows["given"].to_pylist() == ["oscar", "oscra", None]
    assert rows["family"].to_pylist() == [None, "moore", None]


def test_short_names_and_initials_are_known_for_what_they_are():
    assert person_name("Bob Smith").known == person_name("Robert Smith").known
    assert person_name("J. Smith").initials == person_name("John Smith").initials
    assert person_name("J. Smith").bare
    assert parted_name("小明", "王") == person_name("王小明")


@pytest.mark.parametrize(("text", "core", "branch"), [
    ("杭州云帆科技有限公司", "杭州云帆科技", None), ("杭州云帆科技（集团）股份有限公司", "杭州云帆科技", None),
    ("招商银行杭州分行", "招商银行", "杭州分行"), ("云帆科技有限公司上海分公司", "云帆科技", "上海分公司"), ("Blue Sea Co., Ltd.", "blue sea", None),
    ("杭州雲帆科技有限責任公司", "杭州云帆科技", None), ("招商银行股份有限公司杭州分行", "招商银行", "杭州分行"), ("有限公司", "有限公司", None),
    (None, None, None),
])  # fmt: skip
def test_a_firm_is_called_without_its_legal_form_and_a_branch_is_kept(text, core, branch):
    assert firm_name(text)[1:3] == (core, branch)


def test_firms_read_as_firms_and_people_as_people():
    assert [looks_like_organisation(one) for one in ("上海税务局", "Blue Sea Ltd.", "王小明", "Amy Lee", None)] == [
        True, True, False, False, False]  # fmt: skip


def test_numbers_are_proved_by_their_check_character():
    given = pa.array(
        ["99010119880501001X", "990101198805010011", "990101880501001", "91350100M000100Y43", "7001", None]
    )

    numbers, proved, born = id_numbers(given)

    assert numbers.to_pylist()[2] == "99010119880501001X"
    assert proved.to_pylist() == [True, False, True, True, False, False]
    assert born.to_pylist()[:3] == ["19880501", None, "19880501"]


def test_days_of_birth_take_one_form():
    given = pa.array(["1988-05-01", "19880501", "1/5/1988", "1988年5月1日", "May", None])

    assert birth_dates(given).to_pylist() == [*["19880501"] * 4, None, None]
