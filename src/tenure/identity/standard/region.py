"""Chinese administrative divisions out of free text: province, city (prefecture) and district, in short and English forms too."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from tenure.identity.standard._divisions import DIVISIONS, FORMER
from tenure.identity.standard._text import IS_HAN, NOTHING, simplified, tidy
from tenure.identity.standard.base import FINE, Column, Example, Fault, Read, Standard, flat
from tenure.language import Words

_PEOPLES = (
    "蒙古", "回", "藏", "维吾尔", "苗", "彝", "壮", "布依", "朝鲜", "满", "侗", "瑶", "白", "土家", "哈尼", "哈萨克", "傣", "黎", "傈僳", "佤",
    "畲", "高山", "拉祜", "水", "东乡", "纳西", "景颇", "柯尔克孜", "土", "达斡尔", "仫佬", "羌", "布朗", "撒拉", "毛南", "仡佬", "锡伯", "阿昌", "普米",
    "塔吉克", "怒", "乌孜别克", "俄罗斯", "鄂温克", "德昂", "保安", "裕固", "京", "塔塔尔", "独龙", "鄂伦春", "赫哲", "门巴", "珞巴", "基诺", "各",
)  # fmt: skip
_OF_PEOPLES = re.compile(
    rf"(?:(?:{'|'.join(sorted(_PEOPLES, key=len, reverse=True))})族|蒙古|哈萨克|柯尔克孜|维吾尔)+自治[区州县旗]$"
)
_LETTER = dict(zip("京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川蜀贵黔云滇藏陕秦甘陇青宁新台港澳",
                   ["11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46", "50", "51", "51", "52", "52", "53", "53", "54", "61", "61", "62", "62", "63", "64", "65", "71", "81", "82"],
                   strict=True))  # fmt: skip
_OTHER_NAMES = {"内蒙": "15", "申城": "31", "魔都": "31", "帝都": "11", "广东省": "44", "广西省": "45", "宁夏省": "64", "新疆省": "65", "西藏省": "54",
                "内蒙古省": "15", "中国香港": "81", "中国澳门": "82", "中国台湾": "71", "香港": "81", "澳门": "82"}  # fmt: skip
_IN_ENGLISH = {
    "innermongolia": "15", "neimongol": "15", "tibet": "54", "xizang": "54", "hongkong": "81", "hongkongsar": "81", "hk": "81", "macau": "82",
    "macao": "82", "taiwan": "71", "shaanxi": "61", "shanxi": "14", "peking": "11", "canton": "4401", "harbin": "2301", "urumqi": "6501",
    "hohhot": "1501", "lhasa": "5401", "kashgar": "6531", "kashi": "6531", "shigatse": "5402", "tsingtao": "3702", "amoy": "3502", "qiqihar": "2302",
    "taipei": "7101", "newtaipei": "7102", "taoyuan": "7103", "taichung": "7104", "tainan": "7105", "kaohsiung": "7106", "keelung": "7107",
    "hsinchu": "7108", "chiayi": "7109", "ordos": "1506", "hulunbuir": "1507", "baotou": "1502", "turpan": "6504", "hami": "6505", "karamay": "6502",
    "hotan": "6532", "aksu": "6529", "ili": "6540", "altay": "6543", "nanking": "3201", "tientsin": "12", "chungking": "50", "lvliang": "1411",
    "lüliang": "1411", "xian": "6101", "guangxi": "45", "ningxia": "64", "xinjiang": "65", "daxinganling": "2327",
}  # fmt: skip
_ENGLISH_WORDS = re.compile(
    r"\b(?:people'?s republic of china|p\.?r\.? ?china|china|cn|prc|province|prov\.?|municipality|autonomous|region|prefecture|city|district|county|sheng|shi|"
    r"zhuang|hui|uygh?ur|sar|special administrative)\b"
)


@dataclass(frozen=True)
class Place:
    """A place in short: 浙江, 杭州, 西湖区; what is not said and does not follow is empty."""

    province: str = ""
    city: str = ""
    district: str = ""
    said: str = FINE


NOWHERE = Place(said="unknown")


@dataclass(frozen=True)
class _Divisions:
    provinces: dict[str, str]  # code → short name
    cities: dict[str, str]
    starts: dict[str, str]  # names that begin a text: of provinces
    city_names: dict[str, tuple[str, ...]]  # full and short names of prefectures → codes
    districts: dict[str, tuple[tuple[str, str], ...]]  # full and short names → (code of the prefecture, full name)
    spoken: dict[str, tuple[str, ...]]  # pinyin → codes of provinces and prefectures


def regions(column: Column) -> pa.Array:
    """A struct of province, city and district for each text: 内蒙, 恩施州, 沪, "Hangzhou, Zhejiang" and whole addresses.

    Provinces and cities by their short names (浙江, 杭州, 恩施), districts by their full ones (西湖区). Null where the
    text says none; a city's province follows from it. A name that several share is left open.
    """
    coded = flat(column).dictionary_encode()
    kind = pa.struct([("province", pa.string()), ("city", pa.string()), ("district", pa.string())])
    found = [place_of(text) for text in coded.dictionary.to_pylist()]
    rows = [{"province": p.province or None, "city": p.city or None, "district": p.district or None} for p in found]
    return pa.array(rows, kind).take(coded.indices)


def place_of(text: str) -> Place:
    """The place a text names, as far as it does."""
    plain = simplified(tidy(text))
    if IS_HAN.search(plain):
        return _in_chinese(re.sub(r"[\s,，、\-/·>|]+", "", plain))
    return _in_english(plain.casefold())


def _in_chinese(text: str) -> Place:
    known = _divisions()
    rest = re.sub(r"^(?:中华人民共和国|中国(?!香港|澳门|台湾))", "", text)
    # 海南州 is in 青海, 吉林市 a city: a prefecture's full name goes before the province it begins like.
    whole = _city(rest, "", full=True)[0]
    province, rest = (whole[:2], rest) if whole and whole != "?" else _begins(rest, known.starts)
    if not province and len(text) == 1:
        province = _LETTER.get(text, "")
        return Place(known.provinces[province]) if province else NOWHERE
    if province:
        rest = re.sub(r"^(?:省|市|自治区|特别行政区)", "", rest)
    city, after = _city(rest, province)
    if city == "?":
        return Place(said="ambiguous")
    if not city and province in ("11", "12", "31", "50", "81", "82"):
        city = province
    if province and not city and (elsewhere := _city(rest, "", full=True)[0]) and elsewhere != "?":
        return Place(known.provinces[province], said="contradiction")
    district, owner = _district(after if city else rest, province, city)
    if district == "?":
        return Place(said="ambiguous") if not province else Place(known.provinces[province])
    city = city or owner
    if not (province or city):
        return NOWHERE
    return Place(known.provinces[province or city[:2]], _short_city(city), district)


def _begins(text: str, names: dict[str, str]) -> tuple[str, str]:
    """The longest of the names that begins a text: what it stands for, and the text behind it."""
    for length in range(min(len(text), 11), 1, -1):
        if code := names.get(text[:length]):
            return code, text[length:]
    return "", text


def _city(text: str, province: str, *, full: bool = False) -> tuple[str, str]:
    """The prefecture a text begins with, within a province if one is given; "?" where several share the name."""
    known = _divisions()
    for length in range(min(len(text), 12), 1, -1):
        start = text[:length]
        if full and not start.endswith(("市", "州", "盟", "地区")):
            continue
        codes = [code for code in known.city_names.get(start, ()) if code.startswith(province)]
        # 朝阳 begins 朝阳区 too: a short name before 区 or 县 is the district's.
        if codes and not (re.match(r"[区县旗]", text[length:]) and (start + text[length]) in known.districts):
            return (codes[0], text[length:]) if len(codes) == 1 else ("?", text)
    return "", text


def _district(text: str, province: str, city: str) -> tuple[str, str]:
    """The district a text begins with and the code of its prefecture; "?" where several share the name."""
    known = _divisions()
    for length in range(min(len(text), 15), 1, -1):
        within = [
            (code, name) for code, name in known.districts.get(text[:length], ()) if _within(code, city or province)
        ]
        if not within:
            continue
        if len(within) > 1 or (not province and not city and text[:length] != within[0][1]):
            exact = [(code, name) for code, name in within if name == text[:length]]
            if len(exact) != 1:
                # A short name on its own is a word like any other (新华, 和平).
                return ("?", "") if exact or city or province else ("", "")
            within = exact
        return within[0][1], within[0][0]
    return "", ""


def _within(code: str, outer: str) -> bool:
    return code.startswith(outer) or (outer in ("11", "12", "31", "50") and code[:2] == outer)


def _short_city(code: str) -> str:
    known = _divisions()
    return known.provinces[code[:2]] if code[:2] in ("11", "12", "31", "50", "81", "82") else known.cities.get(code, "")


def _in_english(text: str) -> Place:
    known = _divisions()
    parts = [re.sub(r"[^a-zü]", "", _ENGLISH_WORDS.sub(" ", part)) for part in re.split(r"[,;/|]", text)]
    parts = [part for part in parts if part]
    # The largest comes last in English and first in Chinese; a province found anywhere decides between cities.
    found = [list(known.spoken.get(part, ())) for part in parts]
    if not any(found):
        return NOWHERE
    provinces = {code for codes in found for code in codes if len(code) == 2}
    cities = [code for codes in found for code in codes if len(code) > 2]
    if provinces and len({*provinces}) == 1:
        province = next(iter(provinces))
        within = [code for code in cities if code.startswith(province)]
        if cities and not within and len(parts) > 1:
            return Place(known.provinces[province], said="contradiction")
        # "Jilin" alone is the province.
        city = within[0] if len(within) == 1 and len(parts) > 1 else ""
        return Place(
            known.provinces[province],
            _short_city(city or province) if city or province in ("11", "12", "31", "50", "81", "82") else "",
        )
    if len(cities) == 1:
        return Place(known.provinces[cities[0][:2]], _short_city(cities[0]))
    return Place(said="ambiguous")


@cache
def _divisions() -> _Divisions:
    provinces: dict[str, str] = {}
    cities: dict[str, str] = {}
    starts: dict[str, str] = {}
    city_names: dict[str, list[str]] = {}
    districts: dict[str, list[tuple[str, str]]] = {}

    def county(code: str, name: str) -> None:
        for each in {name, _short(name)}:
            if (code, name) not in districts.setdefault(each, []):
                districts[each].append((code, name))

    for line in DIVISIONS.split("\n"):
        code, _blank, rest = line.partition(" ")
        names = rest.split(" ")
        if len(code) == 2:
            provinces[code] = _short(names[0])
            starts |= {names[0]: code, provinces[code]: code}
        elif len(code) == 4 and names[0] != "-":
            cities[code] = _short(names[0])
            for each in _city_names(names[0]):
                city_names.setdefault(each, []).append(code)
            for name in names[1:]:
                county(code, name)
        elif len(code) == 4:
            for place, name in enumerate(names[1:]):
                if code[:2] in ("11", "12", "31", "50"):
                    county(code, name)
                    continue
                # County-level cities that hang on their province stand in the place of a prefecture.
                own = f"{code}{place:02d}"
                cities[own] = _short(name)
                for each in _city_names(name):
                    city_names.setdefault(each, []).append(own)
    for line in FORMER.strip().split("\n"):
        code, *names = line.split(" ")
        for name in names:
            if name not in districts:
                county(code, name)
    starts |= _OTHER_NAMES
    from pypinyin import lazy_pinyin

    spoken: dict[str, list[str]] = {}
    for code, name in (*provinces.items(), *cities.items()):
        spoken.setdefault("".join(lazy_pinyin(name)), []).append(code)
    return _Divisions(
        provinces, cities, starts, _frozen(city_names.items()), {name: tuple(found) for name, found in districts.items()},
        _frozen(spoken.items()) | {name: (code,) for name, code in _IN_ENGLISH.items()},
    )  # fmt: skip


def _frozen(items: Iterable[tuple[str, list[str]]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(dict.fromkeys(codes)) for name, codes in items}


def _city_names(full: str) -> set[str]:
    short = _short(full)
    return {
        full,
        short,
        *([short + "州"] if full.endswith("自治州") else []),
        *([short + "市"] if full.endswith("盟") else []),
    }


def _short(full: str) -> str:
    """恩施土家族苗族自治州 → 恩施, 浙江省 → 浙江, 西湖区 → 西湖; one sign is never left alone."""
    bare = _OF_PEOPLES.sub("", full)
    if len(bare) < 2:
        bare = re.sub(r"族?自治[区州县旗]$", "", full)
    if bare == full:
        bare = re.sub(r"(?:特别行政区|自治[区州县旗]|地区|林区|[省市县区旗盟])$", "", full)
    return bare if len(bare) > 1 else full


def _read_province(text: str) -> Read:
    return _as_read(text, lambda place: place.province, "from_city")


def _read_city(text: str) -> Read:
    plain = re.sub(r"\s", "", simplified(tidy(text)))
    known = _divisions()
    # In a column of cities 吉林 is the city, not the province.
    if (codes := known.city_names.get(plain)) and len(codes) == 1:
        return known.cities[codes[0]], FINE
    return _as_read(text, lambda place: place.city, "from_district")


def _as_read(text: str, wanted, derived: str) -> Read:  # type: ignore[no-untyped-def]
    plain = tidy(text)
    if plain.casefold() in NOTHING:
        return None, "placeholder"
    place = place_of(text)
    if place.said in ("ambiguous", "contradiction"):
        return None, place.said
    if not wanted(place):
        # Abroad, or no division: kept as it is. Only Chinese text is expected to be one.
        return plain, "unknown" if IS_HAN.search(plain) else FINE
    deeper = place.district if derived == "from_district" else place.city
    same = wanted(place) == place.city if derived == "from_city" else False
    begins = simplified(plain).startswith(wanted(place)) or not IS_HAN.search(plain)
    return wanted(place), derived if deeper and not begins and not same and len(plain) > 1 else FINE


_MEND = Words("Mend it in the source", "在来源系统中更正")
_SOURCE = Words(
    "GB/T 2260, in the National Bureau of Statistics' division codes of 2023",
    "GB/T 2260（国家统计局 2023 年统计用区划代码）",
)
_FAULTS = {
    "placeholder": Fault(Words("A filler, not a place", "占位内容，不是地名"), _MEND),
    "ambiguous": Fault(
        Words("Several places have this name", "多地同名"), Words("Say the province too", "请补充所属省份")
    ),
    "contradiction": Fault(Words("The city is not in this province", "城市不属于该省份"), _MEND),
    "unknown": Fault(
        Words("No division of this name is known; kept as it is", "没有同名的行政区划，保留原文"),
        Words("Look for a slip of the pen, or leave it where it is abroad", "请检查是否有误；境外地名可不处理"),
        wrong=False,
    ),
}

province = Standard(
    name="province",
    words=Words("Province", "省份"),
    meaning=Words("Province by its short name; places abroad as they are written", "省级行政区简称；境外地名保留原文"),
    source=_SOURCE,
    faults=_FAULTS
    | {
        "from_city": Fault(
            Words("Says a city; its province was taken", "填写的是城市，已取其所属省份"),
            Words("Put the city in the column of cities", "请将城市填入城市列"),
            wrong=False,
        )
    },
    examples=(
        Example("浙江省", "浙江"),
        Example("浙江 杭州市", "浙江"),
        Example("内蒙", "内蒙古"),
        Example("内蒙古自治区", "内蒙古"),
        Example("沪", "上海"),
        Example("广西壮族自治区", "广西"),
        Example("广西", "广西"),
        Example("新疆维吾尔自治区乌鲁木齐市", "新疆"),
        Example("廣東", "广东"),
        Example("恩施州", "湖北", "from_city"),
        Example("杭州", "浙江", "from_city"),
        Example("Guangdong", "广东"),
        Example("Inner Mongolia", "内蒙古"),
        Example("Shaanxi Province", "陕西"),
        Example("Hangzhou, Zhejiang, China", "浙江"),
        Example("HONG KONG", "香港"),
        Example("United Kingdom", "United Kingdom"),
        Example("火星", "火星", "unknown"),
        Example("广东省杭州市", None, "contradiction"),
        Example("Suzhou", None, "ambiguous"),
        Example("未知", None, "placeholder"),
    ),
    read=_read_province,
)

city = Standard(
    name="city",
    words=Words("City", "城市"),
    meaning=Words(
        "Prefecture by its short name; places abroad as they are written", "地级行政区简称；境外地名保留原文"
    ),
    source=_SOURCE,
    faults=_FAULTS
    | {
        "from_district": Fault(
            Words("Says a district; its city was taken", "填写的是区县，已取其所属城市"),
            Words("Put the district in a column of its own", "请将区县另列一栏"),
            wrong=False,
        )
    },
    examples=(
        Example("杭州市", "杭州"),
        Example("浙江省杭州市西湖区", "杭州", "from_district"),
        Example("杭州市西湖区文三路", "杭州"),
        Example("恩施土家族苗族自治州", "恩施"),
        Example("恩施州", "恩施"),
        Example("吉林", "吉林"),
        Example("北京市朝阳区", "北京"),
        Example("浦东新区", "上海", "from_district"),
        Example("仙桃", "仙桃"),
        Example("Hangzhou", "杭州"),
        Example("Suzhou, Jiangsu", "苏州"),
        Example("Xi'an", "西安"),
        Example("London", "London"),
        Example("鼓楼区", None, "ambiguous"),
    ),
    read=_read_city,
)
