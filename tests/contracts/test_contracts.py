import csv
import io

import pyarrow as pa
import pytest

from tenure.contracts import CONTRACTS, Column, Contract, contract_named
from tenure.errors import TenureError
from tenure.language import Words

every_contract = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)


@every_contract
def test_every_contract_says_what_it_means_in_both_languages(contract):
    words = [contract.words, contract.meaning]
    for column in contract.columns:
        words += [column.words, column.meaning, *column.values.values()]

    assert all(word.en.strip() and word.zh.strip() for word in words)
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in word.zh) for word in (contract.words, contract.meaning))


@every_contract
def test_the_template_has_a_heading_and_one_row_of_the_same_width(contract):
    heading, example = list(csv.reader(io.StringIO(contract.template)))

    assert len(heading) == len(example) == len(contract.columns)


@every_contract
def test_no_two_columns_of_a_contract_answer_to_the_same_heading(contract):
    seen: dict[str, str] = {}
    for column in contract.columns:
        for alias in {column.name, *column.aliases}:
            folded = alias.lower().replace(" ", "").replace("_", "")
            assert seen.setdefault(folded, column.name) == column.name, f"{alias} is {seen[folded]} and {column.name}"


@every_contract
def test_schemas_follow_from_the_columns(contract):
    assert contract.schema.names == [column.name for column in contract.columns]
    assert contract.records_schema.names[0] == "person_id"
    assert dict(contract.ibis_schema.items()).keys() == set(contract.names)
    for column in contract.columns:
        if column.type == "money":
            assert contract.schema.field(column.name).type == pa.int64()


def test_a_contract_that_names_a_missing_column_is_refused():
    column = Column("a", "text", Words("A", "甲"), Words("a", "甲"))

    with pytest.raises(ValueError, match="refers to columns it does not have"):
        Contract("broken", Words("x", "x"), Words("x", "x"), key=("b",), columns=(column,), person=None)


def test_an_unknown_contract_is_answered_with_those_there_are():
    with pytest.raises(TenureError, match=r'no contract "order".*orders'):
        contract_named("order")
