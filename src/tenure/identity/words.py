"""A piece of evidence that two rows are one person, in words."""

from collections.abc import Mapping
from typing import Any

from tenure.language import Words

_FIELDS: Mapping[str, Words] = {
    "name": Words("name", "姓名"),
    "phone": Words("phone", "手机号"),
    "email": Words("e-mail", "邮箱"),
    "id_number": Words("ID number", "证件号"),
    "birth_date": Words("birth date", "出生日期"),
    "region": Words("region", "地区"),
    "city": Words("city", "城市"),
    "street": Words("street", "地址"),
}
_LEVELS: Mapping[str, Words] = {
    "exact": Words("Same {field}", "{field}相同"),
    "similar": Words("Similar {field}", "{field}相近"),
    "different": Words("Different {field}", "{field}不同"),
}


def evidence(item: Mapping[str, Any]) -> Words:
    """What a piece of evidence (field, level, weight) says, without the value it is about."""
    field = _FIELDS.get(str(item.get("field")), Words(str(item.get("field")), str(item.get("field"))))
    level = str(item.get("level") or "")
    words = _LEVELS.get(level, Words("{field}: " + level, "{field}：" + level))
    return Words(words.en.format(field=field.en), words.zh.format(field=field.zh))
