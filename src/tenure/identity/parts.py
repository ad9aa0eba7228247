"""What a name is made of: family and given name, how it sounds, what it is short for."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from tenure.identity.standard import simplified
from tenure.identity.standard.company import parted, spelled


def listed(text: str) -> list[str]:
    return text.split()


# pypinyin reads these as they are in other words; as family names they sound otherwise.
_FAMILY_SOUNDS = dict(
    pair.split(":")
    for pair in listed(
        "曾:zeng1 单:shan4 仇:qiu2 解:xie4 查:zha1 区:ou1 盖:ge3 朴:piao2 翟:zhai2 冼:xian3 尉:wei4 乐:yue4 任:ren2 华:hua4 "
        "缪:miao4 覃:qin2 繁:po2 员:yun4 黑:he4 秘:bi4 种:chong2 召:shao4 燕:yan1 宁:ning4 万:wan4 洗:xian3 长:zhang3 卜:bu3 "
        "纪:ji3 石:shi2 贾:jia3 折:she2 盛:sheng4 夏:xia4 柏:bai3 晁:chao2 葛:ge3 曲:qu1 牟:mou4 占:zhan1 令:ling2 哈:ha3"
    )
)
_DOUBLE = frozenset(
    listed(
        "欧阳 上官 司马 诸葛 司徒 东方 独孤 南宫 万俟 闻人 夏侯 赫连 皇甫 尉迟 公羊 澹台 公冶 宗政 濮阳 淳于 单于 太叔 申屠 公孙 仲孙 轩辕 令狐 "
        "钟离 宇文 长孙 慕容 鲜于 闾丘 端木 百里 呼延 东郭 南门 歐陽 上官 司馬 諸葛 尉遲 鍾離 長孫"
    )
)
# 小王, 老李: a family name and nothing more.
_FAMILIAR = frozenset("小老")
_COMMON_FAMILY = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段钱汤"
)
_TITLES = re.compile(r"(?:先生|女士|小姐|太太|老师|经理|总监|主任|医生|教授|师傅|总)$")
_WESTERN_TITLES = frozenset(listed("mr mrs ms miss dr prof sir mx"))
_SUFFIXES = frozenset(listed("jr sr ii iii iv"))
_CHINESE = re.compile(r"[㐀-鿿]")
_NOT_WORD = re.compile(r"[^\w]+")
# What people are called, and what stands on their papers.
_CALLED = dict(
    pair.split(":")
    for pair in listed(
        "bob:robert rob:robert robbie:robert bobby:robert bert:robert bill:william will:william billy:william liam:william jim:james "
        "jimmy:james jamie:james jack:john johnny:john mike:michael mick:michael mickey:michael dave:david davy:david tom:thomas "
        "tommy:thomas dan:daniel danny:daniel dick:richard rick:richard rich:richard richie:richard ricky:richard tony:anthony "
        "joe:joseph joey:joseph sam:samuel sammy:samuel ben:benjamin benny:benjamin alex:alexander sandy:alexander al:albert "
        "andy:andrew drew:andrew chris:christopher kit:christopher matt:matthew nick:nicholas steve:steven stephen:steven ted:edward "
        "ed:edward eddie:edward ned:edward greg:gregory jeff:jeffrey geoff:geoffrey ken:kenneth kenny:kenneth larry:lawrence "
        "len:leonard lenny:leonard pete:peter phil:philip ray:raymond ron:ronald ronnie:ronald charlie:charles chuck:charles "
        "frank:francis fred:frederick freddie:frederick george:george harry:henry hank:henry walt:walter tim:timothy vic:victor "
        "zach:zachary josh:joshua jon:jonathan nate:nathaniel max:maxwell pat:patrick paddy:patrick kate:katherine katie:katherine "
        "kathy:katherine cathy:katherine catherine:katherine kathryn:katherine kitty:katherine liz:elizabeth lizzie:elizabeth "
        "beth:elizabeth betty:elizabeth eliza:elizabeth libby:elizabeth peggy:margaret maggie:margaret meg:margaret marge:margaret "
        "sue:susan susie:susan suzy:susan jenny:jennifer jen:jennifer becky:rebecca abby:abigail gail:abigail mandy:amanda "
        "vicky:victoria tori:victoria debbie:deborah deb:deborah barb:barbara babs:barbara dot:dorothy dottie:dorothy ellie:eleanor "
        "nell:eleanor nora:eleanor fran:frances ginny:virginia jess:jessica jo:joanna jackie:jacqueline judy:judith laurie:laura "
        "mary:mary molly:mary polly:mary nan:anne nancy:anne annie:anne ann:anne pam:pamela patty:patricia tricia:patricia "
        "sally:sarah sadie:sarah sophie:sophia steph:stephanie terry:theresa tess:theresa tina:christina chrissy:christina "
        "wendy:gwendolyn amy:amelia millie:amelia ollie:oliver gabe:gabriel nat:natalie"
    )
)
_SYLLABLE = re.compile(
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|an|ao|ei|en|er|ia|ie|in|iu|ou|ua|ue|ui|un|uo|a|e|i|o|u|v)"
)


class Name(NamedTuple):
    """A person's name taken apart; what could not be told is None.

    whole: to compare by, whatever the order of Western parts. tones, sound: pinyin with and without tone, and for Latin
    names the letters themselves; of a Chinese name and its pinyin, `sound` is one. initials: first letter of the given
    name with the family name; bare: no more than that letter is given. known: with the given name people's papers have.
    """

    whole: str | None = None
    tones: str | None = None
    sound: str | None = None
    family: str | None = None
    given: str | None = None
    initials: str | None = None
    bare: bool = False
    known: str | None = None
    latin: bool = False


NOBODY = Name()


def person_name(text: str | None) -> Name:
    """Take a whole name apart, Chinese or Western: 王小明, Wang Xiaoming, "LEE, Amy", 小王, J. Smith."""
    if text is None:
        return NOBODY
    plain = simplified(unicodedata.normalize("NFKC", text)).strip().casefold()
    if _CHINESE.search(plain):
        return _chinese(_NOT_WORD.sub("", plain))
    before, comma, after = plain.partition(",")
    parts = _words(plain)
    if not parts:
        return NOBODY
    if len(parts) == 1:
        return _western(None, parts[0]) if not comma else _western(parts[0], None)
    if comma and _words(before) and _words(after):
        return _western(" ".join(_words(before)), " ".join(_words(after)))
    if parts[0] in _pinyin_families() and all(_is_pinyin(part) for part in parts[1:]):
        return _western(parts[0], "".join(parts[1:]))
    if len(parts) > 2 and parts[-1] in _pinyin_families() and all(_is_pinyin(part) for part in parts[:-1]):
        return _western(parts[-1], "".join(parts[:-1]))
    return _western(parts[-1], " ".join(parts[:-1]))


def parted_name(given: str | None, family: str | None) -> Name:
    """The same where the source keeps given and family name apart."""
    first = simplified(unicodedata.normalize("NFKC", given or "")).strip().casefold()
    last = simplified(unicodedata.normalize("NFKC", family or "")).strip().casefold()
    if _CHINESE.search(first + last):
        return _chinese(_NOT_WORD.sub("", last) + _NOT_WORD.sub("", first), family=_NOT_WORD.sub("", last) or None)
    return _western(" ".join(_words(last)) or None, " ".join(_words(first)) or None)


def _words(text: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    parts = [part for part in _NOT_WORD.split(bare.replace("'", "")) if part]
    kept = [part for part in parts if part not in _WESTERN_TITLES and part not in _SUFFIXES]
    return kept or parts


def _western(family: str | None, given: str | None) -> Name:
    if not family and not given:
        return NOBODY
    parts = sorted(f"{family or ''} {given or ''}".split())
    first = given.split()[0] if given else None
    called = _CALLED.get(first, first) if first else None
    return Name(
        whole=" ".join(parts),
        sound=" ".join(sorted(filter(None, (family, given)))),
        family=family,
        given=given,
        initials=f"{family} {given[0]}" if family and given else None,
        bare=bool(first) and len(first or "") == 1,
        known=f"{family} {called}" if family and called else None,
        latin=True,
    )


def _chinese(text: str, family: str | None = None) -> Name:
    text = _TITLES.sub("", text) or text
    if len(text) == 2 and text[0] in _FAMILIAR and text[1] in _COMMON_FAMILY:
        text = text[1]
    if not text:
        return NOBODY
    if family is None:
        family = text[:2] if len(text) > 2 and text[:2] in _DOUBLE else text[0]
    given = text[len(family) :] if text.startswith(family) else text
    latin = not _CHINESE.search(family)
    said_family, said_given = family if latin else _said(family, as_family=True), _said(given)
    plain_family = family if latin else _said(family, as_family=True, tones=False)
    plain_given = _said(given, tones=False)
    return Name(
        whole=text,
        tones=f"{said_family} {said_given}" if given else None,
        sound=" ".join(sorted(filter(None, (plain_family, plain_given)))),
        family=plain_family or None,
        given=plain_given or None,
        initials=f"{plain_family} {plain_given[0]}" if plain_given else None,
    )


@cache
def _syllable(character: str) -> str:
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(character, style=Style.TONE3, neutral_tone_with_five=True)).replace("v", "u")


def _said(text: str, *, as_family: bool = False, tones: bool = True) -> str:
    """Pinyin of the text; what is not Chinese in it stays as it is."""
    if as_family and text in _FAMILY_SOUNDS:
        said = _FAMILY_SOUNDS[text]
        return said if tones else said[:-1]
    syllables = [(_syllable(character), character) for character in text]
    return "".join(said if tones or said == character else said[:-1] for said, character in syllables)


@cache
def _pinyin_families() -> frozenset[str]:
    return frozenset(_said(one, as_family=True, tones=False) for one in (*_COMMON_FAMILY, *_DOUBLE))


@cache
def _is_pinyin(text: str) -> bool:
    return bool(re.fullmatch(f"(?:{_SYLLABLE.pattern})+", text))


# What the kind of firm is called at the end of its name: of more than one such word, standard forms take the last only.
_FIRM_ENDS = re.compile(
    r"(?:股份有限公司|有限责任公司|集团有限公司|(?:集团)?有限公司|集团公司|集团|股份公司|公司|"
    r"\b(?:incorporated|inc|llc|ltd|limited|corp|corporation|co|company|plc|gmbh|ag|sa|bv|pty|pte|llp|lp|kg|oy|ab|as)\b\.?)\s*$"
)
_IN_BRACKETS = re.compile(r"[(（][^)）]*[)）]")
_ORGANISATION = re.compile(
    r"(?:公司|集团|银行|局|委员会|医院|学校|中学|小学|大学|学院|研究院|研究所|事务所|中心|图书馆|博物馆|商行|商店|工作室|合作社|厂|部|协会|基金会|"
    r"分行|支行|办事处)$|\b(?:inc|llc|ltd|limited|corp|corporation|company|plc|gmbh|university|hospital|bank|group)\b\.?$"
)


class Firm(NamedTuple):
    """An organisation's name taken apart: `core` has neither branch nor legal form, `branch` is what sets it apart."""

    whole: str | None = None
    core: str | None = None
    branch: str | None = None
    sound: str | None = None


def firm_name(text: str | None) -> Firm:
    """Take an organisation's name apart; the branch is kept, since branches of one firm are customers of their own."""
    if text is None:
        return Firm()
    parts = parted(spelled(text))
    plain = f"{parts.core} {parts.legal}".casefold().strip()
    branch = "".join(_words(parts.branch.casefold())) or None
    core = _IN_BRACKETS.sub(lambda match: " " + match.group(0)[1:-1] + " ", parts.core.casefold()).strip()
    if _FIRM_ENDS.fullmatch(spoken := f"{parts.core}{parts.legal}".casefold()):
        # A legal form and nothing more is all the name there is.
        core = spoken
    while (shorter := _FIRM_ENDS.sub("", core.strip(" ,."))) != core and shorter.strip(" ,."):
        core = shorter
    chinese = _CHINESE.search(plain)
    glue = "" if chinese else " "
    whole, short = glue.join(_words(plain)), glue.join(_words(core))
    if not short:
        return Firm()
    sound = _said(short, tones=False) if chinese else short
    return Firm(f"{whole}{branch or ''}", short, branch, sound)


def looks_like_organisation(text: str | None) -> bool:
    """Whether a name reads as a firm's or an office's rather than a person's."""
    if not text:
        return False
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    return len(plain) > 3 and bool(_ORGANISATION.search(plain.strip(" .")))
