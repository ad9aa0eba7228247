"""The columns that customers are compared by, worked out from what the sources say of them."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tenure.identity import standard
from tenure.identity.parts import Name, firm_name, listed, looks_like_organisation, parted_name, person_name

# What a table of customers may have; what it lacks is unknown.
COLUMNS = (
    "kind", "name", "given_name", "family_name", "phone", "email", "id_number", "birth_date", "gender", "street",
    "postcode", "city", "region",
)  # fmt: skip
_GENDERS = {
    "m": "male", "male": "male", "man": "male", "男": "male", "男性": "male", "先生": "male", "1": "male",
    "f": "female", "female": "female", "woman": "female", "女": "female", "女性": "female", "女士": "female", "2": "female",
}  # fmt: skip


def organisations(table: pa.Table) -> NDArray[np.bool_]:
    """Which rows are of organisations: as their kind says, else as their name reads."""
    kinds, names = _text(table, "kind"), _text(table, "name")
    known = kinds.is_valid().to_numpy(zero_copy_only=False)
    said = pc.fill_null(pc.not_equal(kinds, "individual"), False).to_numpy(zero_copy_only=False)
    if known.all():
        return np.asarray(said)
    reads = np.asarray(_each(names, looks_like_organisation), dtype=bool)
    return np.where(known, said, reads)


def people(table: pa.Table, ids: NDArray[np.int64], region: str = "CN") -> pa.Table:
    """Persons by what they are compared by, one row each in the same order; `ids` becomes unique_id."""
    names = _names(table)
    numbers, checked, born = id_numbers(_text(table, "id_number"))
    birth = pc.coalesce(birth_dates(_column(table, "birth_date")), born)
    return pa.table(
        {
            "unique_id": pa.array(ids, pa.int64()),
            "name": _part(names, 0), "tones": _part(names, 1), "sound": _part(names, 2), "family": _part(names, 3),
            "given": _part(names, 4), "initials": _part(names, 5),
            "bare": pa.array([name.bare for name in names], pa.bool_()),
            "known": _part(names, 7),
            "latin": pa.array([name.latin for name in names], pa.bool_()),
            "birth": birth,
            # Since 1970; null where it is no day of the calendar.
            "days": pc.strptime(birth, format="%Y%m%d", unit="s", error_is_null=True)
            .cast(pa.date32())
            .cast(pa.int32())
            .cast(pa.int64()),
            "gender": pa.array(_each(pc.utf8_lower(_text(table, "gender")), _GENDERS.get), pa.string()),
            **_of_their_own(_reached(table, region), names), "id_number": numbers, "checked": checked, **_placed(table),
        }
    )  # fmt: skip


def firms(table: pa.Table, ids: NDArray[np.int64], region: str = "CN") -> pa.Table:
    """Organisations by what they are compared by, one row each in the same order; `ids` becomes unique_id."""
    names = _each(_text(table, "name"), firm_name)
    numbers, checked, __ = id_numbers(_text(table, "id_number"))
    reached = _reached(table, region)
    domain = pc.struct_field(pc.extract_regex(reached["email"], r"@(?P<domain>.+)$"), "domain")
    return pa.table(
        {
            "unique_id": pa.array(ids, pa.int64()),
            "name": _part(names, 0), "core": _part(names, 1), "branch": _part(names, 2), "sound": _part(names, 3),
            **reached,
            # A mailbox of a public provider says nothing of the firm behind it.
            "domain": pc.if_else(pc.is_in(domain, pa.array(_PUBLIC)), None, domain),
            "id_number": numbers, "checked": checked, **_placed(table),
        }
    )  # fmt: skip


_PUBLIC = listed(
    "qq.com 163.com 126.com 139.com 189.cn sina.com sohu.com foxmail.com yeah.net aliyun.com gmail.com outlook.com hotmail.com "
    "yahoo.com icloud.com live.com example.com example.org example.net"
)


def id_numbers(column: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """ID numbers in one form; whether the check character proves each right; and the birth date (YYYYMMDD) in it.

    Identity cards (GB 11643; those of fifteen digits are written out to eighteen) and credit codes (GB 32100).
    """
    plain = standard.id_numbers(column)
    if pc.any(pc.match_substring_regex(plain, r"^\d{15}$")).as_py():
        plain = pa.array(_each(plain, _of_eighteen), pa.string())
    checked = np.zeros(len(plain), dtype=bool)
    card = pc.fill_null(pc.match_substring_regex(plain, r"^[1-9]\d{5}(19|20)\d{9}[\dX]$"), False)
    checked |= _proved(plain, card, _CARD_LETTERS, _CARD_WEIGHTS, 11, lambda total: (12 - total) % 11)
    code = pc.and_not(
        pc.fill_null(pc.match_substring_regex(plain, r"^[0-9A-HJ-NP-RT-UW-Y]{2}\d{6}[0-9A-HJ-NP-RT-UW-Y]{10}$"), False),
        card,
    )
    checked |= _proved(plain, code, _CODE_LETTERS, _CODE_WEIGHTS, 31, lambda total: (31 - total) % 31)
    both = pc.and_(pa.array(checked), card)
    born = pc.if_else(both, pc.utf8_slice_codeunits(plain, 6, 14), None)
    return plain, pa.array(checked), born


_CARD_LETTERS, _CODE_LETTERS = "0123456789X", "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CARD_WEIGHTS = np.array([pow(2, 17 - place, 11) for place in range(17)])
_CODE_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)])


def _proved(
    plain: pa.Array,
    which: pa.Array,
    letters: str,
    weights: NDArray[Any],
    modulus: int,
    check: Callable[[NDArray[Any]], NDArray[Any]],
) -> NDArray[np.bool_]:
    places = np.flatnonzero(which.to_numpy(zero_copy_only=False))
    proved = np.zeros(len(plain), dtype=bool)
    if len(places):
        written = np.array(plain.take(pa.array(places)).to_pylist(), dtype="S18").view(np.uint8).reshape(-1, 18)
        value = np.zeros(256, dtype=np.int64)
        value[np.frombuffer(letters.encode(), dtype=np.uint8)] = np.arange(len(letters))
        digits = value[written]
        proved[places] = check(digits[:, :17] @ weights % modulus) == digits[:, 17]
    return proved


def _of_eighteen(text: str | None) -> str | None:
    if text is None or not re.fullmatch(r"\d{15}", text):
        return text
    stem = f"{text[:6]}19{text[6:]}"
    total = int(np.array([int(digit) for digit in stem]) @ _CARD_WEIGHTS) % 11
    return stem + _CARD_LETTERS[(12 - total) % 11]


def birth_dates(column: pa.Array) -> pa.Array:
    """Days of birth as YYYYMMDD; null where it is no date."""
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y%m%d")
    plain = _flat(column.cast(pa.string()))
    digits = pc.replace_substring_regex(plain, r"[^0-9]", "")
    digits = pc.if_else(pc.match_substring_regex(plain, r"^\s*\d{1,4}[年/.\-]\d{1,2}[月/.\-]\d{1,4}"), None, digits)
    quick = pc.if_else(pc.equal(pc.utf8_length(digits), 8), digits, None)
    slow = pc.if_else(pc.is_null(quick), plain, None)
    if slow.null_count == len(slow):
        return quick
    return pc.coalesce(quick, pa.array(_each(slow, _day), pa.string()))


def _day(text: str | None) -> str | None:
    parts = re.findall(r"\d+", text or "")
    if len(parts) < 3:
        return None
    if len(parts[0]) == 4:
        year, month, day = parts[:3]
    elif len(parts[2]) == 4:
        day, month, year = parts[:3]
    else:
        return None
    return f"{year}{int(month):02d}{int(day):02d}" if int(month) < 100 and int(day) < 100 else None


def _names(table: pa.Table) -> list[Name]:
    whole = _addressed(_text(table, "name"))
    given, family = _text(table, "given_name"), _text(table, "family_name")
    if given.null_count == len(given) and family.null_count == len(family):
        return list(_each(whole, person_name))
    parted: dict[tuple[str | None, str | None], Name] = {}
    result: list[Name] = []
    for one, first, last in zip(whole.to_pylist(), given.to_pylist(), family.to_pylist(), strict=True):
        if first is None and last is None:
            result.append(person_name(one))
            continue
        if (first, last) not in parted:
            parted[first, last] = parted_name(first, last)
        result.append(parted[first, last])
    return result


def _addressed(names: pa.Array) -> pa.Array:
    """Names without forms of address and notes; what names nobody (a filler) is unknown, what no one can read stays."""
    read = standard.STANDARDS["name"].standard(names)
    return pc.if_else(pc.is_valid(standard.names(names)), pc.coalesce(read, names), None)


def _reached(table: pa.Table, region: str) -> dict[str, pa.Array]:
    phone = standard.phones(_text(table, "phone"), region)
    email = standard.emails(_text(table, "email"))
    digits = pc.replace_substring_regex(phone, r"[^0-9]", "")
    return {
        "phone": phone,
        "tail": pc.if_else(pc.greater_equal(pc.utf8_length(digits), 8), pc.utf8_slice_codeunits(digits, -8), None),
        "email": email,
        "local": pc.struct_field(pc.extract_regex(email, r"^(?P<local>[^@]{4,})@"), "local"),
        "figures": pc.replace_substring_regex(email, r"[^0-9]", ""),
    }


def _of_their_own(reached: dict[str, pa.Array], names: list[Name]) -> dict[str, pa.Array]:
    """Without the e-mail names that people's own names are in: that two Johns are john@ somewhere says nothing new."""
    kept = [
        local
        if local and not any(part and len(part) > 2 and part in local for part in (name.family, name.given))
        else None
        for local, name in zip(reached["local"].to_pylist(), names, strict=True)
    ]
    return {**reached, "local": pa.array(kept, pa.string())}


def _placed(table: pa.Table) -> dict[str, pa.Array]:
    street = pa.array(_each(_text(table, "street"), _plain), pa.string())
    # Two doors of one Chinese street are written nearly alike; in Western addresses the words set them apart.
    chinese = pc.match_substring_regex(street, r"[\x{3400}-\x{9fff}]")
    return {
        "street": street,
        "doors": pc.if_else(
            chinese, pc.replace_substring_regex(street, r"[^0-9]+", "."), pc.if_else(pc.is_valid(street), "", None)
        ),
        "postcode": pa.array(_each(_text(table, "postcode"), _plain), pa.string()),
        "city": pa.array(_each(_text(table, "city"), _place), pa.string()),
        "region": pa.array(_each(_text(table, "region"), _place), pa.string()),
    }


_NOT_WORD = re.compile(r"[^\w]+")
_PLACE_ENDS = re.compile(r"(?:特别行政区|壮族自治区|回族自治区|维吾尔自治区|自治区|省|市)$")


def _plain(text: str | None) -> str | None:
    if text is None:
        return None
    words = _NOT_WORD.split(unicodedata.normalize("NFKC", text).casefold())
    return " ".join(word for word in words if word) or None


def _place(text: str | None) -> str | None:
    plain = _plain(text)
    return None if plain is None else (_PLACE_ENDS.sub("", plain) or plain)


def _each(column: pa.Array, function: Callable[[Any], Any]) -> list[Any]:
    """A function of each value, called once for each different one."""
    coded = _flat(column).dictionary_encode()
    values = [function(value) for value in coded.dictionary.to_pylist()]
    nothing = function(None)
    return [nothing if index is None else values[index] for index in coded.indices.to_pylist()]


def _part(parts: Sequence[Any], place: int) -> pa.Array:
    return pa.array([part[place] for part in parts], pa.string())


def _text(table: pa.Table, name: str) -> pa.Array:
    """The column as text, blanks unknown; all unknown where the table lacks it."""
    plain = _column(table, name)
    plain = plain if pa.types.is_string(plain.type) else plain.cast(pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(plain), ""), None, plain)


def _column(table: pa.Table, name: str) -> pa.Array:
    return _flat(table[name]) if name in table.column_names else pa.nulls(table.num_rows, pa.string())


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
