"""Names of people (and, where the words say so, of organisations): order, titles, case, width and characters in one form."""

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard import company as companies_
from tenure.identity.standard._text import GARBLED, HAN, IS_HAN, NOTHING, is_plain, simplified, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard, each, flat
from tenure.language import Words

_COMPOUND = (
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "慕容", "长孙", "宇文", "司徒", "司空", "夏侯", "端木", "轩辕", "南宫",
    "独孤", "申屠", "西门", "闻人", "澹台", "公冶", "太史", "仲孙", "钟离", "呼延", "万俟", "闾丘", "赫连", "濮阳", "淳于", "单于", "太叔", "百里",
    "东郭", "公羊", "第五", "拓跋", "鲜于", "左丘", "梁丘",
)  # fmt: skip
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金"
    "韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷"
    "詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司"
    "卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑"
    "迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣"
    "晋相初门云容敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印逯隆茹诺战慕危玉银亢嵇公哈湛宾戎勾茅利居揭干但尉冶斯元束檀"
    "衣信展阴昝智幸奉植衡富尧由")  # fmt: skip
_CHINESE_TITLES = (
    "先生", "女士", "小姐", "太太", "夫人", "同志", "同学", "老师", "教授", "博士", "医生", "大夫", "律师", "会计师", "工程师", "总经理", "副总经理",
    "董事长", "经理", "总监", "总裁", "副总", "主任", "主管", "局长", "处长", "科长", "部长", "厂长", "校长", "院长", "行长", "书记", "主席", "店长",
    "队长", "老板", "老板娘", "师傅", "阿姨", "叔叔", "大哥", "大姐", "总", "工", "董", "姐", "哥",
)  # fmt: skip
_AFTER_SURNAME_ONLY = frozenset({"工", "董", "姐", "哥"})
_GREETINGS = re.compile(r"^(?:尊敬的|亲爱的|敬爱的)")
# Only what is no one's name: Eng, Ing and Ma are surnames, a lone M an initial.
_LATIN_TITLES = frozenset((
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam", "mme", "mlle", "herr", "frau", "dipl", "rev", "sra",
    "señor", "señora", "capt",
))  # fmt: skip
_DEGREES = frozenset(("phd", "ph.d", "md", "m.d", "mba", "esq", "dds", "jd", "cpa", "msc", "bsc", "rn"))
_GENERATIONS = {"jr": "Jr", "jnr": "Jr", "junior": "Jr", "sr": "Sr", "snr": "Sr", "ii": "II", "iii": "III", "iv": "IV"}
_PARTICLES = frozenset((
    "van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "das", "du", "la", "le", "ten", "ter",
    "zu", "zur", "bin", "ibn", "al", "el", "y", "e",
))  # fmt: skip
_BRACKETED = re.compile(r"\s*[(\[【〔（][^)\]】〕）]*[)\]】〕）]\s*")
_DOTS = re.compile("[•‧∙⋅・･\u2022\u30fb]")
_NOT_WORD = re.compile(r"[^\w]+")


def names(column: Column) -> pa.Array:
    """Names to compare by: width, case, accents, titles, punctuation, traditional characters and the order of Western
    name parts don't count. Null where there is no name. What is left of 王总 is no name, so it stays as it is."""
    given = flat(column)
    sure = _quick(given)
    words = pc.extract_regex(pc.utf8_lower(sure), r"^(?P<a>[a-z]+) (?P<b>[a-z]+)$")
    a, b = pc.struct_field(words, "a"), pc.struct_field(words, "b")
    latin = pc.if_else(
        pc.less_equal(a, b), pc.binary_join_element_wise(a, b, " "), pc.binary_join_element_wise(b, a, " ")
    )
    known = pc.coalesce(latin, pc.if_else(is_plain(given), sure, None))
    return pc.coalesce(known, each(pc.if_else(pc.is_valid(known), None, given), _compared))


def titles(column: Column) -> pa.Array:
    """The form of address that came with each name (王小明先生 → 先生, Dr. Amy Lee → Dr); null where there is none."""
    return each(column, lambda text: _apart(tidy(text))[1] or None)


def _compared(text: str) -> str | None:
    standard, said = _read(text)
    if standard is None:
        # A filler names nobody; garbled text may still tell two rows apart.
        return None if said == "placeholder" else _folded(text)
    return _folded(simplified(text) if said == "surname_only" else standard)


def _folded(text: str) -> str | None:
    marked = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(sign for sign in marked if not unicodedata.combining(sign))
    parts = [part for part in _NOT_WORD.split(plain) if part]
    if not parts:
        return None
    return "".join(parts) if IS_HAN.search(plain) else " ".join(sorted(parts))


def _read(text: str) -> Read:
    plain = tidy(text)
    if plain.casefold() in NOTHING:
        return None, "placeholder"
    if GARBLED.search(plain):
        return None, "garbled"
    if not re.search(r"[^\W\d_]", plain) or re.search(r"\d{5}", plain):
        return None, "digits"
    if companies_.is_company(simplified(plain)):
        return companies_.read(text)
    name, title, said = _apart(plain)
    if not name or name.casefold() in NOTHING:
        return None, "placeholder"
    return name, said or ("title" if title else FINE)


def _apart(plain: str) -> tuple[str, str, str]:
    """A person's name, the form of address beside it, and what else is to be said."""
    said = FINE
    bare = _BRACKETED.sub(" ", plain).strip()
    if bare and bare != plain:
        plain, said = bare, "bracket"
    plain = plain.strip(" ,;:.。，、*\"'“”-_/")
    if IS_HAN.search(plain) and not re.search(r"[A-Za-z]", plain):
        return _chinese(plain, said)
    return _western(plain, said)


def _chinese(plain: str, said: str) -> tuple[str, str, str]:
    name = re.sub(rf"(?<=[{HAN}·])\s+|\s+(?=[{HAN}·])", "", _DOTS.sub("·", simplified(plain)))
    name = _GREETINGS.sub("", name)
    title = ""
    while True:
        for form in sorted(_CHINESE_TITLES, key=len, reverse=True):
            rest = name.removesuffix(form)
            surname = rest in _SURNAMES or rest in _COMPOUND
            if (
                rest
                and rest != name
                and (surname if form in _AFTER_SURNAME_ONLY else surname or _may_be_name(rest, form))
            ):
                name, title = rest, form + title
                break
        else:
            break
    if title and (name in _SURNAMES or name in _COMPOUND):
        return name, title, "surname_only"
    return name, title, said


def _may_be_name(rest: str, title: str) -> bool:
    # 陈总 and 陈小明总 are addressed; of 李国总 nobody can tell, so one sign more than a name of two is asked for.
    return len(rest) >= (3 if len(title) == 1 else 2) and (rest[0] in _SURNAMES or rest[:2] in _COMPOUND or "·" in rest)


def _western(plain: str, said: str) -> tuple[str, str, str]:
    generation, title = "", ""
    parts = [part.strip() for part in plain.split(",") if part.strip()]
    kept = []
    for part in parts:
        word = part.casefold().rstrip(".")
        if len(parts) > 1 and word in _GENERATIONS:
            generation = _GENERATIONS[word]
        elif len(parts) > 1 and (word in _DEGREES or word in _LATIN_TITLES):
            title = title or part.rstrip(".")
        else:
            kept.append(part)
    if len(kept) == 2:
        kept.reverse()  # "Last, First"
        for place, part in enumerate(kept):
            before, _blank, last = part.rpartition(" ")
            if before and (found := _GENERATIONS.get(last.casefold().rstrip("."))):
                kept[place], generation = before, generation or found
    words = " ".join(kept).split()
    while len(words) > 1 and words[0].casefold().rstrip(".") in _LATIN_TITLES:
        title = title or words[0].rstrip(".")
        words = words[1:]
    while len(words) > 1:
        word = words[-1].casefold().rstrip(".")
        # "Jr" and the like tell father from son, so they stay.
        if word in _GENERATIONS and len(words) > 2 and not generation:
            generation = _GENERATIONS[word]
        elif word in _DEGREES and len(words) > 2:
            title = title or words[-1].rstrip(".")
        else:
            break
        words = words[:-1]
    whole_name = " ".join(words)
    if whole_name.isascii() or not IS_HAN.search(whole_name):
        whole = whole_name in (whole_name.upper(), whole_name.lower())
        words = [_cased(word, first=place == 0) if whole else word for place, word in enumerate(words)]
    else:
        words = [simplified(word) for word in words]
    name = " ".join([*words, generation] if generation else words)
    return name, title, said


def _cased(word: str, *, first: bool) -> str:
    low = word.lower()
    if low in _PARTICLES and not first:
        return low
    if len(word.rstrip(".")) == 1:
        return word.upper()
    cased = re.sub(r"(?:^|[-'’.])[^\W\d_]", lambda found: found[0].upper(), low)
    return re.sub(r"^(Mc|O['’])([^\W\d_])", lambda found: found[1] + found[2].upper(), cased)


def _quick(column: pa.Array) -> pa.Array:
    """Chinese names that are sure to be nothing else: a surname and one or two signs, with no form of address at the end."""
    ends = "|".join(_CHINESE_TITLES)
    fine = pc.and_(is_plain(column), pc.match_substring_regex(column, f"^(?:[{''.join(sorted(_SURNAMES))}])..?$"))
    plain = pc.and_not(
        fine, pc.match_substring_regex(column, f"(?:{ends}|[厂局厅社店])$|公司|银行|集团|客户|测试|某某|未知")
    )
    latin = pc.and_not(
        pc.match_substring_regex(column, r"^[A-Z][a-z]{2,} [A-Z][a-z]{2,}$"),
        pc.match_substring_regex(column, r"(?i)^(?:" + "|".join(map(re.escape, sorted(_LATIN_TITLES))) + r") | (?:"
                                 + "|".join([*map(re.escape, sorted(_DEGREES)), "limited", "inc", "corp", "company", "group",
                                             "holdings?", "university", "bank", "foundation", "incorporated", "corporation",
                                             "llc", "llp", "ltd", "plc", "gmbh", "available", "known", "name", "pty", "pte"]) + r")$"),
    )  # fmt: skip
    return pc.if_else(pc.or_(plain, latin), column, None)


_ASK = Words("Ask who it is and mend the name in the source", "核实姓名后在来源系统中更正")

name = Standard(
    name="name",
    words=Words("Name", "姓名"),
    meaning=Words(
        "Given name first in Latin letters, surname first in Chinese; forms of address apart; simplified characters",
        "拉丁字母姓名名在前，中文姓名姓在前；称谓分离；繁体转简体",
    ),
    source=Words("Unicode NFKC; titles and surnames in common use", "Unicode NFKC；常用称谓与姓氏"),
    faults={
        "placeholder": Fault(Words("A filler, not a name", "占位内容，不是姓名"), _ASK),
        "digits": Fault(Words("A number where a name should be", "姓名处为数字"), _ASK),
        "garbled": companies_.company.faults["garbled"],
        "branch": companies_.company.faults["branch"],
        "surname_only": Fault(Words("Only a surname with a form of address", "只有姓氏和称谓"), _ASK, wrong=False),
        "title": Fault(
            Words("Comes with a form of address, which is left out", "带有称谓，标准形式中不含称谓"),
            Words("Nothing to do; the original is kept", "无需处理；原文保留"),
            wrong=False,
        ),
        "bracket": Fault(
            Words("A note in brackets was left out", "括号中的备注已略去"),
            Words("Put the note in a field of its own", "请将备注放入单独的字段"),
            wrong=False,
        ),
    },
    examples=(
        Example("王 小明", "王小明"),
        Example("陳大文", "陈大文"),
        Example("王小明先生", "王小明", "title"),
        Example("欧阳娜娜 女士", "欧阳娜娜", "title"),
        Example("王总", "王", "surname_only"),
        Example("李建国总经理", "李建国", "title"),
        Example("张伟（已离职）", "张伟", "bracket"),
        Example("買買提•艾力", "买买提·艾力"),
        Example("SMITH, JOHN", "John Smith"),
        Example("Smith, John Jr.", "John Smith Jr"),
        Example("Dr. Amy Lee, PhD", "Amy Lee", "title"),
        Example("ludwig van beethoven", "Ludwig van Beethoven"),
        Example("JEAN-LUC O'NEIL", "Jean-Luc O'Neil"),
        Example("José García", "José García"),
        Example("上海常客科技(集团)有限责任公司", "上海常客科技（集团）有限公司"),
        Example("Acme Trading Co.,Ltd", "Acme Trading Co., Ltd."),
        Example("n/a", None, "placeholder"),
        Example("13800138000", None, "digits"),
    ),
    read=_read,
    quick=_quick,
)
