"""What data quality finds, record by record: which ones they are, as far as the asker may see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis

from tenure.contracts import CONTRACTS, Contract
from tenure.insight import quality
from tenure.insight.quality import Flaw
from tenure.lake import Lake, Scope
from tenure.lake.fields import field_of

# What is told of a part of the customers: worked out as it is asked for, so no more than describes them.
OF_PEOPLE = ("customers", "contacts")
RULES = "quality_rules"  # the document with what a company set itself


class NoFindingError(LookupError):
    """There is no such finding, or it is not for this asker."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw of one field of a contract's records; field "": of the record as a whole. source "": whoever sent them."""

    contract: str
    field: str
    flaw: str
    source: str = ""

    @property
    def shape(self) -> Contract:
        return CONTRACTS[self.contract]

    @property
    def told(self) -> Flaw:
        return next(one for one in quality.flaws_of(self.shape, self.field) if one.code == self.flaw)


def finding(scope: Scope, asked: Mapping[str, str]) -> Finding:
    """The finding asked for. Raises NoFindingError where there is none, or what it tells is kept from the asker."""
    names = ("contract", "field", "flaw", "source")
    made = Finding(*(asked.get(name, "")[:200].replace("\x00", "") for name in names))
    shape = CONTRACTS.get(made.contract)
    if shape is None or (made.field != quality.RECORD and made.field not in quality.fields_of(shape)):
        raise NoFindingError
    if made.flaw not in {one.code for one in quality.flaws_of(shape, made.field)}:
        raise NoFindingError
    if (not scope.sees_all and made.contract not in OF_PEOPLE) or not may_see(scope, made.contract, made.field):
        raise NoFindingError
    return made


def may_see(scope: Scope, contract: str, field: str) -> bool:
    """What is wrong with a value tells of the value: it is for whoever sees it in clear."""
    held = field_of(f"records/{contract}", field) if field != quality.RECORD else None
    return held is None or scope.sees(held)


def stale_days(lake: Lake) -> int:
    """After how many days without a word a record is stale, as the company set it."""
    return int((lake.document(RULES) or {}).get("stale_days", quality.STALE_DAYS))


def heard(lake: Lake, contract: Contract, rows: ibis.Table, now: datetime) -> ibis.Table:
    """The rows with `heard`: whether anything happened with their person within the time a record may be silent."""
    there = [one for one in CONTRACTS.values() if one.fact and one.person and lake.exists(f"records/{one.name}")]
    if contract.person is None or contract.fact or not there:
        return rows
    facts = [lake.as_it_lies(f"records/{one.name}").select("person_id", "valid_at") for one in there]
    return quality.with_heard(rows, facts, now, stale_days(lake))


def records_with(lake: Lake, scope: Scope, found: Finding, now: datetime) -> ibis.Table:
    """The records with the flaw within the scope's reach: ids_of, the key, person_id, source, and whose they are.

    Which they are is found among what lies sealed; nothing of theirs is opened.
    """
    shape, table = found.shape, f"records/{found.contract}"
    key = ["ids_of", *shape.key]
    clear = lake.read(table, actor=scope)
    all_rows = clear if found.flaw == quality.SHARED.code else lake.as_it_lies(f"records/{shape.name}")
    if not scope.sees_all and found.flaw == quality.DUPLICATE.code:
        all_rows = all_rows.semi_join(clear.select(*key), key)
    if found.flaw == quality.STALE.code:
        all_rows = heard(lake, shape, all_rows, now)
    those = quality.having(all_rows, shape, found.field, found.flaw, now, stale_days(lake))
    if found.source:
        those = those.filter(those.source == found.source)
    wanted = list(dict.fromkeys([*key, *([shape.person] if shape.person else []), "person_id", "source"]))
    return clear.select(*wanted).semi_join(those.select(*key), key)
