"""The analyst's door: a frame of records in, the same rows with who is who out."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from tenure.errors import TenureError
from tenure.identity.match import identify
from tenure.language import tr

# What columns are called, in either language; compared without case, blanks and underscores.
_CALLED: Mapping[str, str] = {
    "name": "name full_name fullname customer_name client_name company company_name organisation organization account 姓名 名称 名字 "
    "客户 客户姓名 客户名称 公司 公司名称 单位 单位名称 企业名称",
    "given_name": "given_name first_name forename firstname givenname 名",
    "family_name": "family_name surname last_name lastname familyname 姓 姓氏",
    "phone": "phone mobile telephone tel phone_number mobile_number cell cellphone 手机 手机号 手机号码 电话 电话号码 联系电话 联系方式",
    "email": "email e_mail mail email_address 邮箱 电子邮箱 邮件 电子邮件",
    "id_number": "id_number id_card identity_number national_id ssn soc_sec_id social_security_number credit_code 身份证 身份证号 "
    "身份证号码 证件号 证件号码 统一社会信用代码 信用代码",
    "birth_date": "birth_date dob date_of_birth birthday birthdate 生日 出生日期 出生年月",
    "gender": "gender sex 性别",
    "street": "street address street_address address_1 address1 地址 住址 街道 详细地址 通讯地址",
    "postcode": "postcode post_code zip zip_code postal_code 邮编 邮政编码",
    "city": "city town suburb 市 城市 地市",
    "region": "region state province county 省 省份 地区 州",
    "kind": "kind customer_type 类型 客户类型",
}
_FIELDS = tuple(_CALLED)
_LEARNS_FROM = 500
_ADDED = ("person_id", "match_weight", "match_probability")


def resolve(
    frame: Any,
    *,
    columns: Mapping[str, str | list[str]] | None = None,
    kind: Literal["people", "organisations"] | None = None,
    source: str | None = None,
    region: str = "CN",
    learn: bool | None = None,
    database: Any = None,
) -> Any:
    """Say which rows are the same person or organisation, and how sure that is.

    frame: any pandas, Polars, Arrow or other narwhals-supported frame, a row for each record. columns: which column is
    what ({"name": "客户", "street": ["road", "house"]}; of several the texts are put together); None: guessed by their
    names, Chinese or English. kind: what all rows are; None: told row by row, from a column "kind" or how the name reads.
    source: a column naming the list a row comes from, where no list has anyone twice; rows of one list are never joined.
    region: ISO 3166 code of the country phones without a country code are in. learn: whether to learn from these rows how
    they differ (None: from 500 rows on). database: a Splink database API; None: one in this process.

    Returns the same kind of frame, rows and their order unchanged, with person_id (int, from 1, in order of first rows;
    equal for rows that are one), match_weight and match_probability (of the strongest link to a row of the same person;
    null where there is none). Only links that are at least 95 % sure and not spoken against are made.
    Raises TenureError where there is nothing to compare by or a column is not there.
    """
    native = frame if isinstance(frame, pa.Table) else None
    wrapped = nw.from_native(frame, eager_only=True) if native is None else None
    names = list(native.column_names if native is not None else wrapped.columns)  # type: ignore[union-attr]
    if taken := [name for name in _ADDED if name in names]:
        raise TenureError(
            tr('The frame has a column "{name}" already, which is to be added. Rename or drop it first.', name=taken[0])
        )
    chosen = _chosen(names, columns)
    if not chosen.keys() - {"kind", "gender", "city", "region", "postcode"}:
        raise TenureError(
            tr(
                "None of the columns tells who a row is; there are: {names}. Name some, such as "
                'columns={{"name": "…", "phone": "…"}}; known are: {fields}.',
                names=", ".join(map(str, names)),
                fields=", ".join(_FIELDS),
            )
        )
    if source is not None and source not in names:
        raise TenureError(_no_column(source, names))
    if kind not in (None, "people", "organisations"):
        raise TenureError(tr('kind is "people", "organisations" or None; found {kind}.', kind=repr(kind)))
    table = native if native is not None else wrapped.to_arrow()  # type: ignore[union-attr]
    rows = table.num_rows
    given: dict[str, Any] = {field: _put_together(table, parts) for field, parts in chosen.items()}
    if kind:
        given["kind"] = pa.array(["individual" if kind == "people" else "enterprise"] * rows, pa.string())
    numbers = pa.array([f"{row:012d}" for row in range(rows)], pa.string())
    lists = table[source].cast(pa.string()).combine_chunks() if source else pa.array(["rows"] * rows, pa.string())
    ids = pa.table({"ids_of": lists.fill_null(""), "customer_id": numbers})
    # Every row is known already by its place, so that the order of lists has no say in who is first.
    known = ids.append_column("own_id", pa.array(np.arange(1, rows + 1), pa.int64()))
    people = pa.table({**{name: ids[name] for name in ids.column_names}, **given})
    # An analyst can wait the second it takes; the beliefs we start from hold what so few rows would get wrong.
    enough = rows >= _LEARNS_FROM if learn is None else learn
    found = identify(
        ids,
        people,
        known,
        database=lambda: _database(database),
        region=region,
        learn=enough,
        one_per=source is not None,
    )
    person = found.links.sort_by("own_id")["person_id"].to_numpy()
    order: dict[int, int] = {}
    numbered = np.array([order.setdefault(int(one), len(order) + 1) for one in person], dtype=np.int64)
    weight = np.full(rows, np.nan)
    for left, right, value in zip(
        *(found.pairs[name].to_numpy() for name in ("left_own", "right_own", "weight")), strict=True
    ):
        if person[left - 1] == person[right - 1]:
            for row in (left - 1, right - 1):
                weight[row] = value if math.isnan(weight[row]) else max(weight[row], value)
    sure = 1 / (1 + np.exp2(-np.clip(weight, -500, 500)))
    added = {
        "person_id": pa.array(numbered),
        "match_weight": pa.array(weight, from_pandas=True),
        "match_probability": pa.array(sure, from_pandas=True),
    }
    if native is not None:
        for name, values in added.items():
            native = native.append_column(name, values)
        return native
    assert wrapped is not None
    series = [
        nw.new_series(name, values.to_numpy(zero_copy_only=False) if wrapped.implementation.is_pandas_like() else values.to_pylist(),
                      dtype, backend=wrapped.implementation)
        for (name, values), dtype in zip(added.items(), (nw.Int64(), nw.Float64(), nw.Float64()), strict=True)
    ]  # fmt: skip
    if wrapped.implementation.is_pandas_like():
        index = nw.maybe_get_index(wrapped)
        series = [nw.maybe_set_index(one, index=index) for one in series]
    return wrapped.with_columns(*series).to_native()


def _database(given: Any) -> Any:
    if given is not None:
        return given
    from splink import DuckDBAPI

    database = DuckDBAPI()
    # What outgrows memory goes to disk; names and numbers must not lie about there in clear.
    database.duckdb_con.execute("SET temp_file_encryption = true")
    database.duckdb_con.execute("SET force_mbedtls_unsafe = 'true'")  # or it refuses to spill at all
    return database


def _chosen(names: list[str], columns: Mapping[str, str | list[str]] | None) -> dict[str, list[str]]:
    """Which columns are what: as said, else as they are called."""
    if columns is not None:
        chosen = {field: [said] if isinstance(said, str) else list(said) for field, said in columns.items()}
        if unknown := [field for field in chosen if field not in _FIELDS]:
            raise TenureError(
                tr('There is nothing called "{field}" to compare by. Known are: {fields}.', field=unknown[0],
                   fields=", ".join(_FIELDS))
            )  # fmt: skip
        for parts in chosen.values():
            for name in parts:
                if name not in names:
                    raise TenureError(_no_column(name, names))
        return chosen
    guessed: dict[str, list[str]] = {}
    plain = {_plain(str(name)): str(name) for name in reversed(names)}
    for field, called in _CALLED.items():
        hit = next((plain[_plain(one)] for one in called.split() if _plain(one) in plain), None)
        if hit is not None:
            guessed[field] = [hit]
    if "given_name" in guessed and "family_name" in guessed:
        guessed.pop("name", None)
    return guessed


def _no_column(name: str, names: list[str]) -> str:
    return tr('The frame has no column "{name}"; it has: {names}.', name=name, names=", ".join(map(str, names)))


def _plain(text: str) -> str:
    return "".join(character for character in text.casefold() if character not in " _-")


def _put_together(table: pa.Table, parts: list[str]) -> pa.Array:
    columns = [table[name].combine_chunks() for name in parts]
    if len(columns) == 1:
        column = columns[0]
        return (
            column if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type) else column.cast(pa.string())
        )
    texts = [column.cast(pa.string()).to_pylist() for column in columns]
    return pa.array([" ".join(part for part in row if part) or None for row in zip(*texts, strict=True)], pa.string())
