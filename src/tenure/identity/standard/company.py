"""Names of organisations: brackets, width, characters and legal forms in one spelling; core, legal form and branch apart."""

import re
from dataclasses import dataclass

import pyarrow as pa

from tenure.identity.standard._text import GARBLED, IS_HAN, NOTHING, simplified, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard, flat
from tenure.language import Words

# As it is written at the end of a name, each with its one spelling. Longest first.
_CHINESE_LEGAL = (
    "集团股份有限公司", "股份有限公司", "集团有限责任公司", "集团有限公司", "有限责任公司", "股份公司", "有限公司", "集团公司", "总公司",
    "公司", "特殊普通合伙", "普通合伙", "有限合伙",
)  # fmt: skip
_CHINESE_SHORT = {"有限责任公司": "有限公司", "集团有限责任公司": "集团有限公司"}
_LATIN_LEGAL: tuple[tuple[str, str], ...] = (
    (r"co\.?\s*,?\s*\.?\s*(?:ltd\.?|limited)|company,? (?:ltd\.?|limited)", "Co., Ltd."),
    (r"(?:private|pvt\.?|pte\.?) (?:limited|ltd\.?)", "Pte. Ltd."),
    (r"(?:proprietary|pty\.?) (?:limited|ltd\.?)", "Pty Ltd"),
    (r"gmbh\s*(?:&|and|und)\s*co\.?\s*kg", "GmbH & Co. KG"),
    (r"g\.?\s?m\.?\s?b\.?\s?h\.?|gesellschaft mit beschränkter haftung", "GmbH"),
    (r"incorporated|inc\.?", "Inc."),
    (r"corporation|corp\.?", "Corp."),
    (r"l\.?\s?l\.?\s?c\.?", "LLC"),
    (r"l\.?\s?l\.?\s?p\.?", "LLP"),
    (r"p\.?\s?l\.?\s?c\.?", "PLC"),
    (r"limited|ltd\.?", "Ltd"),
    (r"aktiengesellschaft|a\.?g\.?", "AG"),
    (r"s\.?\s?a\.?\s?r\.?\s?l\.?", "S.à r.l."),
    (r"s\.?\s?p\.?\s?a\.?", "S.p.A."),
    (r"s\.\s?a\.?|société anonyme", "S.A."),
    (r"k\.?k\.?|kabushiki kaisha", "K.K."),
    (r"株式会社|株式會社", "株式会社"),
    (r"b\.?\s?v\.?", "B.V."),
    (r"n\.\s?v\.?", "N.V."),
    (r"a/s", "A/S"),
    (r"oyj?|ab", ""),
)  # fmt: skip
_LATIN = tuple((re.compile(rf"[\s,]+(?:{pattern})$", re.IGNORECASE), form) for pattern, form in _LATIN_LEGAL)
_KINDS_OF_BRANCH = (
    "分公司|支公司|分行|支行|分理处|营业部|营业厅|营业所|办事处|代表处|分店|分厂|分校|分院|分所|分部|门店|储蓄所|服务部"
)
# Behind a legal form first: 有限公司 itself ends in a sign that a branch may follow.
_BRANCHES = tuple(
    re.compile(rf"(?<={before})(?P<branch>[^（）]{{1,16}}?(?:{_KINDS_OF_BRANCH}))$")
    for before in ("公司", "[行厂社店院校团部局心所会）]")
)
_IS_ONE = re.compile(
    r"公司|集团|银行|大学|学院|医院|研究[院所]|事务所|合作社|委员会|中心$|工厂|支行|分行|股份|商行|商店|超市|酒店|饭店|[厂局厅社]$|中学|小学|幼儿园|协会|基金会|株式会社"
)
_LATIN_ONE = re.compile(
    r"[\s,](?:co\.?,? ?ltd\.?|ltd\.?|limited|inc\.?|incorporated|corp\.?|corporation|llc|llp|plc|gmbh|ag|kg|s\.?à? ?r\.?l\.?|s\.p\.a\.?|s\.a\.|b\.v\.|n\.v\.|pty|pte|kabushiki kaisha|company|group|holdings?|university|bank|foundation)\.?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Company:
    """A name in parts: 上海常客科技（集团）有限公司杭州分公司 → core 上海常客科技, legal 有限公司, branch 杭州分公司."""

    core: str
    legal: str
    branch: str


def companies(column: Column) -> pa.Array:
    """Names of organisations in their standard spelling; null where it is a filler."""
    return company.standard(column)


def company_parts(column: Column) -> pa.Array:
    """A struct of core, legal and branch for each name; core is what two spellings of one organisation share."""
    coded = flat(company.standard(column)).dictionary_encode()
    parts = [parted(text) for text in coded.dictionary.to_pylist()]
    kind = pa.struct([("core", pa.string()), ("legal", pa.string()), ("branch", pa.string())])
    rows = pa.array([{"core": one.core, "legal": one.legal, "branch": one.branch} for one in parts], kind)
    return rows.take(coded.indices)


def is_company(text: str) -> bool:
    """Whether a tidy name is an organisation's, by its words."""
    if IS_HAN.search(text):
        return len(text) > 3 and _IS_ONE.search(text) is not None
    return _LATIN_ONE.search(text) is not None


def parted(standard: str) -> Company:
    """The parts of a name in its standard spelling."""
    name, branch, legal = standard, "", ""
    if found := _branch(name):
        name, branch = name[: found.start()], found["branch"]
    if IS_HAN.search(name):
        # Brackets hold a place or a form: （集团）, （上海）.
        for form in _CHINESE_LEGAL:
            bare = name.rstrip("）").removesuffix("（") if form.endswith("合伙") else name
            if bare.endswith(form) and len(bare) > len(form):
                name, legal = bare.removesuffix(form).rstrip("（"), form
                break
        name = re.sub(r"（(集团|控股|股份)）", "", name)
    else:
        for pattern, form in _LATIN:
            if found := pattern.search(name):
                name, legal = name[: found.start()].rstrip(" ,"), form or found[0].strip(" ,")
                break
    return Company(name, legal, branch)


def _branch(name: str) -> re.Match[str] | None:
    return next((found for pattern in _BRANCHES if (found := pattern.search(name))), None)


def spelled(text: str) -> str:
    """An organisation's name in its standard spelling."""
    plain = simplified(tidy(text)).strip(" ,;:。、·*\"'“”《》")
    if not IS_HAN.search(plain):
        for pattern, form in _LATIN:
            if form and (found := pattern.search(plain)):
                return _cased(plain[: found.start()].rstrip(" ,.")) + (", " if form == "Inc." else " ") + form
        return _cased(plain)
    plain = re.sub(r"\s*([()\[\]【】「」〔〕])\s*", r"\1", plain)
    plain = plain.translate(str.maketrans("()[]【】「」〔〕", "（）（）（）（）（）"))
    plain = re.sub(rf"(?<=[{_HAN_ONLY}（）])\s+|\s+(?=[{_HAN_ONLY}（）])", "", plain)
    for long, short in _CHINESE_SHORT.items():
        plain = plain.replace(long, short)
    return plain


_HAN_ONLY = "\u3400-\u9fff"


def _cased(name: str) -> str:
    """ACME TRADING → Acme Trading where a whole name of several words is shouted; short marks (IBM, SAP) stay."""
    words = name.split(" ")
    if len(words) > 1 and name == name.upper():
        return " ".join(word if len(word) <= 3 or not word.isalpha() else word.capitalize() for word in words)
    return name


def read(text: str) -> Read:
    """A name and what is to be said of it."""
    plain = tidy(text)
    if plain.casefold() in NOTHING or not re.search(r"[^\W\d_]", plain):
        return None, "placeholder"
    if GARBLED.search(plain):
        return None, "garbled"
    standard = spelled(text)
    if not standard:
        return None, "placeholder"
    return standard, "branch" if _branch(standard) else FINE


_ASK = Words("Look the name up and mend it in the source", "核对名称后在来源系统中更正")

company = Standard(
    name="company",
    words=Words("Company", "机构名称"),
    meaning=Words(
        "Organisation's name with one kind of brackets, simplified characters and one spelling of its legal form",
        "机构名称：统一括号与全半角、繁体转简体、公司类型写法统一",
    ),
    source=Words("Common use of registered names", "登记名称的通行写法"),
    faults={
        "placeholder": Fault(Words("A filler, not a name", "占位内容，不是名称"), _ASK),
        "garbled": Fault(
            Words("Garbled: it was read in the wrong encoding once", "乱码：曾以错误编码读取"),
            Words("Import the source file again with its own encoding", "以正确编码重新导入来源文件"),
        ),
        "branch": Fault(
            Words("A branch, kept apart from its head office", "分支机构，与总部分开"),
            Words("Nothing to do; relate it to its head office if need be", "无需处理；必要时与总部建立关系"),
            wrong=False,
        ),
    },
    examples=(
        Example("上海常客科技(集团)有限责任公司", "上海常客科技（集团）有限公司"),
        Example("上海 常客科技 有限公司 ", "上海常客科技有限公司"),
        Example("臺灣積體電路製造股份有限公司", "台湾积体电路制造股份有限公司"),
        Example("ＡＢＣ（中国）有限公司", "ABC（中国）有限公司"),
        Example("招商银行股份有限公司杭州分行", "招商银行股份有限公司杭州分行", "branch"),
        Example("上海常客科技有限公司北京办事处", "上海常客科技有限公司北京办事处", "branch"),
        Example("Acme Trading Co.,Ltd", "Acme Trading Co., Ltd."),
        Example("ACME TRADING COMPANY LIMITED", "Acme Trading Co., Ltd."),
        Example("Muster G.m.b.H.", "Muster GmbH"),
        Example("Example Incorporated", "Example, Inc."),
        Example("无", None, "placeholder"),
        Example("锟斤拷锟斤拷", None, "garbled"),
    ),
    read=read,
)
