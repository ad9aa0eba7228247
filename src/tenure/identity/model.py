"""What is compared between two customers, how strongly each outcome speaks, and what it is called.

A `Field` is compared level by level, the first that holds counts. m: how often two rows of one person come out so;
u: how often two strangers do. Both are what we start from and fall back on; training moves them towards the records.
A level with `rarity` weighs what the two share by how rare that value is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tenure.language import Words


@dataclass(frozen=True)
class Level:
    """One outcome of a comparison. when: SQL over l and r; alike: (column, Jaro-Winkler similarity at least);
    off: (column, edits at most, a swap of neighbours being one). Without any, all that is left."""

    name: str
    words: Words
    m: float
    u: float
    when: str | None = None
    rarity: str | None = None
    alike: tuple[str, float] | None = None
    off: tuple[str, int] | None = None
    # Of these fields one must be the same, or the pair is never joined by itself, however much else agrees: twins and
    # couples share a house, a phone and a family name.
    needs: tuple[str, ...] = ()
    # Whether it speaks against one person by itself: two fields that do are enough to leave a pair apart.
    refutes: bool = False
    # Never learnt: households would teach that people have two ID numbers.
    fixed: bool = False


@dataclass(frozen=True)
class Field:
    """One thing compared. columns: it says nothing where none of them is known on both sides."""

    name: str
    words: Words
    columns: tuple[str, ...]
    levels: tuple[Level, ...]
    # Whether it is a person's own, as a town is not: of these one must speak for a pair, or it is not joined by itself.
    own: bool = True
    # What a pair needs (as `Level.needs`) where this is not known of both.
    needs: tuple[str, ...] = ()

    @property
    def uses(self) -> frozenset[str]:
        return frozenset(self.columns)


@dataclass(frozen=True)
class Kind:
    """How one kind of customer is compared. keys: SQL of what two rows must share to be looked at as a pair.

    rarities: columns whose values weigh by rarity, and how common a value of theirs is where few rows tell.
    """

    name: str
    fields: tuple[Field, ...]
    keys: tuple[tuple[str, ...], ...]
    rarities: dict[str, float]


def _both(*columns: str) -> str:
    return " and ".join(f"l.{column} = r.{column}" for column in columns)


_BOTH_CHINESE = "not l.latin and not r.latin"
_BOTH_LATIN = "l.latin and r.latin"

_PAPERS = ("id_number", "email")
_PAPERS_OR_BIRTH = ("id_number", "email", "birth_date")

_NAME = Field("name", Words("Name", "姓名"), ("name",), (
    Level("same", Words("Same name", "姓名相同"), 0.62, 1e-4, _both("name"), "name"),
    Level("tones", Words("Names sound the same (pinyin)", "姓名拼音相同（含声调）"), 0.05, 5e-5, _both("tones"), "tones"),
    Level("sound", Words("Names sound the same but for tones (pinyin)", "姓名拼音相同（不计声调）"), 0.06, 1e-4, _both("sound"),
          "sound"),
    Level("known", Words("Same name by its short form", "姓名为同一名字的简称"), 0.02, 1e-4, _both("known")),
    Level("close", Words("Names nearly the same", "姓名拼写相近"), 0.09, 5e-4, _BOTH_LATIN, alike=("sound", 0.92)),
    Level("initials", Words("Same family name and initial", "姓氏与名字首字母相同"), 0.02, 1e-3,
          "(l.bare or r.bare) and l.initials = r.initials", "initials"),
    Level("character", Words("Names differ by one character", "姓名相差一个字"), 0.015, 2e-3,
          f"{_BOTH_CHINESE} and l.family = r.family and length(l.name) = length(r.name) and length(l.name) > 2",
          off=("name", 1), needs=_PAPERS),
    Level("family_only", Words("Same family name; one has no given name", "姓氏相同，其中一方没有名字"), 0.025, 1e-3,
          "(l.given is null or r.given is null) and l.family = r.family", "family"),
    Level("given_only", Words("Same given name; one has no family name", "名字相同，其中一方没有姓氏"), 0.01, 1e-3,
          "(l.family is null or r.family is null) and l.given = r.given", "given"),
    # A slip of the pen in the half that both have: the other half being unknown, the whole names are far apart.
    Level("family_close", Words("Family names nearly the same; one has no given name", "姓氏相近，其中一方没有名字"), 0.004, 2e-3,
          f"{_BOTH_LATIN} and (l.given is null or r.given is null)", alike=("family", 0.88)),
    Level("given_close", Words("Given names nearly the same; one has no family name", "名字相近，其中一方没有姓氏"), 0.004, 4e-3,
          f"{_BOTH_LATIN} and (l.family is null or r.family is null)", alike=("given", 0.88)),
    Level("alike", Words("Names somewhat alike", "姓名有些相似"), 0.03, 0.01, _BOTH_LATIN, alike=("sound", 0.82)),
    Level("given", Words("Same given name, different family name", "名字相同，姓氏不同"), 0.02, 5e-3, _both("given"), "given",
          needs=_PAPERS_OR_BIRTH, refutes=True),
    Level("family", Words("Same family name, different given name", "姓氏相同，名字不同"), 0.01, 0.03, _both("family"), "family",
          needs=_PAPERS, refutes=True),
    Level("different", Words("Different names", "姓名不同"), 0.02, 0.95, needs=_PAPERS_OR_BIRTH, refutes=True),
), own=False, needs=_PAPERS_OR_BIRTH)  # fmt: skip
_PHONE = Field("phone", Words("Phone", "手机号"), ("phone",), (
    Level("same", Words("Same phone", "手机号相同"), 0.70, 1e-6, _both("phone"), "phone"),
    Level("tail", Words("Last eight digits of the phone are the same", "电话后八位相同"), 0.02, 1e-6, _both("tail")),
    Level("digit", Words("Phones differ by one digit", "手机号相差一位"), 0.03, 2e-5, off=("phone", 1)),
    Level("different", Words("Different phones", "手机号不同"), 0.25, 0.9999),
))  # fmt: skip
_EMAIL = Field("email", Words("E-mail", "邮箱"), ("email",), (
    Level("same", Words("Same e-mail", "邮箱相同"), 0.70, 1e-6, _both("email"), "email"),
    Level("local", Words("Same e-mail name at another provider", "邮箱用户名相同，域名不同"), 0.07, 1e-5, _both("local"), "local"),
    # Addresses are made of names, so of two people of one name they differ by little: by a figure, mostly.
    Level("close", Words("E-mails nearly the same", "邮箱相近"), 0.06, 2e-5, _both("figures"), off=("email", 2)),
    Level("different", Words("Different e-mails", "邮箱不同"), 0.17, 0.9999),
))  # fmt: skip


def _number(words: Words, same: Words, close: Words, different: Words, other: Words) -> Field:
    return Field("id_number", words, ("id_number",), (
        Level("same", same, 0.90, 1e-7, _both("id_number"), "id_number"),
        Level("digit", close, 0.04, 1e-5, "not (l.checked and r.checked)", off=("id_number", 1)),
        Level("contradicts", different, 0.0002, 0.5, "l.checked and r.checked", refutes=True, fixed=True),
        Level("different", other, 0.06, 0.5),
    ))  # fmt: skip


_ID_NUMBER = _number(
    Words("ID number", "证件号码"),
    Words("Same ID number", "证件号码相同"),
    Words("ID numbers differ by one digit", "证件号码相差一位"),
    Words("Two different valid ID numbers", "两个不同的有效证件号码"),
    Words("Different ID numbers", "证件号码不同"),
)
_CREDIT_CODE = _number(
    Words("Credit code", "统一社会信用代码"),
    Words("Same credit code", "统一社会信用代码相同"),
    Words("Credit codes differ by one character", "统一社会信用代码相差一位"),
    Words("Two different valid credit codes", "两个不同的有效统一社会信用代码"),
    Words("Different credit codes", "统一社会信用代码不同"),
)
_BIRTH = Field("birth_date", Words("Birth date", "出生日期"), ("birth",), (
    Level("same", Words("Same birth date", "出生日期相同"), 0.88, 6e-5, _both("birth"), "birth"),
    Level("swapped", Words("Birth dates with day and month swapped", "出生日期的月和日互换"), 0.015, 5e-5,
          "substr(l.birth, 1, 4) = substr(r.birth, 1, 4) and substr(l.birth, 5, 2) = substr(r.birth, 7, 2) "
          "and substr(l.birth, 7, 2) = substr(r.birth, 5, 2)"),
    Level("digit", Words("Birth dates differ by one digit", "出生日期相差一位"), 0.05, 1e-3, off=("birth", 1)),
    # Told from memory, or the day of another event written down: near, as strangers' days seldom are.
    Level("month", Words("Birth dates less than a month apart", "出生日期相差不到一个月"), 0.01, 3e-3,
          "abs(l.days - r.days) <= 31"),
    Level("year", Words("Birth dates less than a year apart", "出生日期相差不到一年"), 0.01, 0.03,
          "abs(l.days - r.days) <= 366", refutes=True),
    Level("different", Words("Different birth dates", "出生日期不同"), 0.035, 0.966, refutes=True),
))  # fmt: skip
_STREET = Field("street", Words("Address", "地址"), ("street",), (
    Level("same", Words("Same address", "地址相同"), 0.50, 2e-6, _both("street"), "street"),
    Level("close", Words("Addresses nearly the same", "地址相近"), 0.25, 1e-4, _both("doors"), alike=("street", 0.9)),
    Level("different", Words("Different addresses", "地址不同"), 0.25, 0.999),
))  # fmt: skip
_PLACE = Field("place", Words("Place", "地区"), ("postcode", "city", "region"), (
    Level("postcode", Words("Same postcode", "邮编相同"), 0.50, 2e-3, _both("postcode")),
    Level("city", Words("Same city", "城市相同"), 0.34, 0.06, _both("city"), "city"),
    Level("close", Words("Cities spelt nearly the same", "城市名称相近"), 0.04, 2e-3, alike=("city", 0.88)),
    Level("region", Words("Same region, different city", "省份相同，城市不同"), 0.03, 0.06, _both("region")),
    Level("different", Words("Different city", "城市不同"), 0.09, 0.88),
), own=False)  # fmt: skip
_GENDER = Field("gender", Words("Gender", "性别"), ("gender",), (
    Level("same", Words("Same gender", "性别相同"), 0.97, 0.5, _both("gender")),
    Level("different", Words("Different gender", "性别不同"), 0.03, 0.5, refutes=True),
), own=False)  # fmt: skip
# One name in one town may be two offices: something else that is theirs must agree too.
_THEIRS = ("id_number", "phone", "email", "street")
_FIRM = Field("name", Words("Name", "名称"), ("name",), (
    Level("same", Words("Same name", "名称相同"), 0.55, 1e-5, _both("name"), "name", needs=_THEIRS),
    Level("branch", Words("Same firm, different branch", "同一单位的不同分支"), 0.01, 1e-4,
          "l.core = r.core and coalesce(l.branch, '') <> coalesce(r.branch, '')", needs=("id_number",), refutes=True),
    Level("core", Words("Same name but for the legal form", "名称相同，仅公司类型不同"), 0.2, 1e-5, _both("core"), "core",
          needs=_THEIRS),
    Level("sound", Words("Names sound the same (pinyin)", "名称拼音相同"), 0.06, 1e-5, _both("sound"), "sound", needs=_THEIRS),
    Level("close", Words("Names nearly the same", "名称相近"), 0.10, 1e-3, alike=("core", 0.92), needs=("id_number", "email")),
    Level("different", Words("Different names", "名称不同"), 0.08, 0.998, needs=("id_number",)),
), own=False, needs=("id_number",))  # fmt: skip
_DOMAIN = Field("email", Words("E-mail", "邮箱"), ("email",), (
    Level("same", Words("Same e-mail", "邮箱相同"), 0.40, 1e-6, _both("email"), "email"),
    Level("domain", Words("Same e-mail domain", "邮箱域名相同"), 0.35, 1e-3, _both("domain"), "domain"),
    Level("different", Words("Different e-mails", "邮箱不同"), 0.25, 0.999),
))  # fmt: skip

PEOPLE = Kind(
    "people",
    (_NAME, _PHONE, _EMAIL, _ID_NUMBER, _BIRTH, _STREET, _PLACE, _GENDER),
    (
        ("phone",), ("tail",), ("email",), ("local",), ("id_number",), ("name",), ("sound",), ("street",),
        ("sound", "birth"), ("sound", "city"), ("family", "birth"), ("given", "birth"), ("birth", "city"),
        ("birth", "postcode"), ("family", "postcode"), ("given", "postcode"), ("initials", "city"), ("birth",),
        ("family", "city"), ("given", "city"), ("family", "given"), ("family:3", "birth:6"), ("given:3", "birth:6"),
        ("family:3", "city"), ("given:3", "city"), ("family:3", "street:8"), ("id_number:5",), ("street:14",),
        ("family",), ("given",), ("birth:6", "city"), ("family:3", "birth:4"), ("given:3", "birth:4"),
    ),
    {"name": 2e-5, "tones": 3e-5, "sound": 5e-5, "initials": 5e-4, "family": 5e-3, "given": 1e-3, "phone": 1e-7,
     "email": 1e-7, "local": 1e-5, "id_number": 1e-7, "birth": 5e-5, "street": 1e-6, "city": 0.02},
)  # fmt: skip
ORGANISATIONS = Kind(
    "organisations",
    (_FIRM, _PHONE, _DOMAIN, _CREDIT_CODE, _STREET, _PLACE),
    (("phone",), ("tail",), ("email",), ("domain",), ("id_number",), ("name",), ("core",), ("sound",), ("street",),
     ("core", "city"), ("domain", "city")),
    {"name": 1e-6, "core": 1e-6, "sound": 1e-6, "phone": 1e-7, "email": 1e-7, "domain": 1e-4, "id_number": 1e-9,
     "street": 1e-6, "city": 0.02},
)  # fmt: skip
KINDS = {kind.name: kind for kind in (PEOPLE, ORGANISATIONS)}


def settings(
    kind: Kind, fields: Sequence[Field], weights: dict[str, list[tuple[float, float]]], prior: float, *, rarity: bool
) -> Any:
    """The Splink settings of these comparisons. weights: (m, u) of each field's levels.

    rarity: whether to weigh by how rare the shared values are; their frequencies are to be given to the linker.
    """
    import splink.comparison_level_library as levels
    from splink import SettingsCreator, block_on
    from splink.comparison_library import CustomComparison

    comparisons: list[Any] = []
    for field in fields:
        unknown = " and ".join(f"(l.{column} is null or r.{column} is null)" for column in field.columns)
        made: list[Any] = [levels.CustomLevel(_dressed(unknown)).configure(is_null_level=True)]
        for level, (m, u) in zip(field.levels, weights[field.name], strict=True):
            parts: list[Any] = [levels.CustomLevel(_dressed(level.when))] if level.when else []
            if level.alike:
                parts.append(levels.JaroWinklerLevel(*level.alike))
            if level.off:
                parts.append(levels.DamerauLevenshteinLevel(*level.off))
            one = levels.ElseLevel() if not parts else parts[0] if len(parts) == 1 else levels.And(*parts)
            one.configure(m_probability=m, u_probability=u, label_for_charts=level.name)
            if rarity and level.rarity:
                one.configure(tf_adjustment_column=level.rarity, disable_tf_exact_match_detection=True)
            made.append(one)
        comparisons.append(CustomComparison(output_column_name=field.name, comparison_levels=made))
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons,
        # Pairs are given to it; it asks for a rule all the same.
        blocking_rules_to_generate_predictions=[block_on("unique_id")],
        probability_two_random_records_match=prior,
        # Splink tells which level came out only beside the values themselves.
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=rarity,
        linker_uid=kind.name,
    )


def _dressed(condition: str) -> str:
    """Splink's own way of naming the two sides: name_l, name_r."""
    import re

    return re.sub(r"\b([lr])\.(\w+)", r"\2_\1", condition)
