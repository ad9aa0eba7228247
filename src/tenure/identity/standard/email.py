"""E-mail addresses in lower case, and what was probably meant by a misspelt host."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from tenure.identity.standard._text import NOTHING, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard
from tenure.language import Words

_HOSTS = (
    "qq.com", "163.com", "126.com", "yeah.net", "sina.com", "sina.cn", "sohu.com", "139.com", "189.cn", "foxmail.com",
    "aliyun.com", "tom.com", "21cn.com", "gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "live.com",
    "msn.com", "aol.com", "proton.me", "protonmail.com", "yahoo.co.uk", "yahoo.co.jp", "gmx.de", "gmx.net", "web.de",
    "me.com", "mac.com", "mail.com", "qq.cn", "vip.qq.com", "vip.163.com", "vip.126.com", "vip.sina.com", "wo.cn",
)  # fmt: skip
# Hosts of their own that stand one letter from a well-known one.
_NO_TYPO = frozenset(_HOSTS) | {"gmx.com", "gmx.at", "gmx.ch", "ymail.com", "email.com", "rocketmail.com", "mail.ru", "bk.ru", "qq.co", "live.cn",
                                "live.de", "live.nl", "msn.cn", "sina.cn", "163.net", "hotmail.de", "yahoo.cn", "yahoo.de", "mail.de"}  # fmt: skip
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~\-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\-]+)*@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}"
)
_QUICK = r"^[a-z0-9_+\-]+(?:\.[a-z0-9_+\-]+)*@(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+[a-z]{2,}$"
_FILLER = re.compile(
    r"^(?:(?:test|none|null|no|na|noemail|nomail|unknown|abc|aaa|xxx|x|123|1|a)@.*|.*@(?:none|null|test|xxx|noemail|nomail)\.\w+)$"
)
_FILLER_QUICK = r"^(?:(?:test|none|null|no|na|noemail|nomail|unknown|abc|aaa|xxx|x|123|1|a)@|[^@]*@(?:none|null|test|xxx|noemail|nomail)\.[a-z]+$)"


def emails(column: Column) -> pa.Array:
    """E-mail addresses in lower case without blanks; null where it is no address."""
    return email.standard(column)


def suggested(text: str) -> str | None:
    """ann@gmial.com → ann@gmail.com: what was probably meant; None where nothing looks mistyped. Never taken unasked."""
    standard = _read(text)[0]
    if standard is None:
        return None
    name, _at, host = standard.rpartition("@")
    meant = _meant(host)
    return f"{name}@{meant}" if meant else None


def _meant(host: str) -> str | None:
    if host in _NO_TYPO or len(host) < 5:
        return None
    near = [known for known in _HOSTS if len(known) > 5 and _one_slip(host, known)]
    return near[0] if len(near) == 1 else None


def _one_slip(a: str, b: str) -> bool:
    """Whether one letter too many, too few, wrong, or two in each other's place lie between two words."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    ends = (a[start:], b[start:])
    return (
        ends[0][1:] == ends[1][1:] or ends[0][1:] == ends[1] or ends[0] == ends[1][1:]
        or (ends[0][:2] == ends[1][1::-1] and ends[0][2:] == ends[1][2:])
    )  # fmt: skip


def _quick(column: pa.Array) -> pa.Array:
    """Plain addresses at well-known hosts, and those of hosts that are like none of them by their length alone."""
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    host = pc.struct_field(pc.extract_regex(plain, r"@(?P<host>.*)$"), "host")
    counted = pc.unique(host).drop_null().to_pylist()
    misspelt = pa.array([one for one in counted if _meant(one)], pa.string())
    fine = pc.and_not(pc.match_substring_regex(plain, _QUICK), pc.match_substring_regex(plain, _FILLER_QUICK))
    return pc.if_else(pc.and_not(fine, pc.is_in(host, misspelt)), plain, None)


def _read(text: str) -> Read:
    plain = tidy(text).casefold().replace("。", ".").strip(" .,;<>()'\"")
    if plain in NOTHING:
        return None, "placeholder"
    if plain.count("@") == 0:
        return None, "no_at"
    said = FINE
    if plain.startswith("mailto:") or "<" in plain:
        plain, said = plain.removeprefix("mailto:").rpartition("<")[2].strip(" >"), "wrapped"
    parts = [part for part in re.split(r"[,;、|\s]+|/(?=[^@]*@)", plain) if "@" in part and not part.startswith("@")]
    if len(parts) > 1:
        plain, said = parts[0], "several"
    elif re.search(r"\s", plain):
        # Blanks around the @ and the dots are slips of the hand.
        plain = re.sub(r"\s*([@.])\s*", r"\1", plain)
    if not _ADDRESS.fullmatch(plain):
        return None, "two_ats" if plain.count("@") > 1 else "form"
    if _FILLER.match(plain):
        return None, "placeholder"
    return plain, "host" if said == FINE and _meant(plain.rpartition("@")[2]) else said


_ASK = Words("Ask the customer for the address and mend it in the source", "向客户核实邮箱，并在来源系统中更正")

email = Standard(
    name="email",
    words=Words("E-mail", "邮箱"),
    meaning=Words(
        "Address in lower case and half width; a well-known host that looks mistyped is pointed out, never changed",
        "小写半角邮箱地址；疑似写错的常见邮箱域名只提示、不改动",
    ),
    source=Words("RFC 5321, without quoted and commented forms", "RFC 5321，不含带引号与注释的写法"),
    faults={
        "placeholder": Fault(Words("A filler, not an address", "占位内容，不是邮箱"), _ASK),
        "no_at": Fault(Words("No @ in it", "缺少 @"), _ASK),
        "two_ats": Fault(Words("More than one @", "多于一个 @"), _ASK),
        "form": Fault(Words("Not the form of an address", "不符合邮箱格式"), _ASK),
        "host": Fault(
            Words("The host looks mistyped", "邮箱域名疑似写错"),
            Words("Compare with the host suggested and mend it in the source", "与建议的域名核对后在来源系统中更正"),
            wrong=False,
        ),
        "several": Fault(
            Words("Several addresses in one cell; the first was taken", "一格内有多个邮箱，已取第一个"),
            Words("Give the others a contact of their own", "其余邮箱请另建联系人"),
            wrong=False,
        ),
        "wrapped": Fault(
            Words("A name or link around the address was left out", "邮箱外的姓名或链接已略去"),
            Words("Nothing to do; the original is kept", "无需处理；原文保留"),
            wrong=False,
        ),
    },
    examples=(
        Example(" Ming@Example.COM ", "ming@example.com"),
        Example("ｍｉｎｇ＠example．com", "ming@example.com"),
        Example("ming@163。com", "ming@163.com"),
        Example("Wang Ming <ming@example.com>", "ming@example.com", "wrapped"),
        Example("a.b@example.com; c@example.com", "a.b@example.com", "several"),
        Example("ann@gmial.com", "ann@gmial.com", "host"),
        Example("ann@163.con", "ann@163.con", "host"),
        Example("ming @ example.com", "ming@example.com"),
        Example("ming.example.com", None, "no_at"),
        Example("a@@example.com", None, "two_ats"),
        Example("a..b@example.com", None, "form"),
        Example("test@test.com", None, "placeholder"),
        Example("无", None, "placeholder"),
    ),
    read=_read,
    quick=_quick,
)
