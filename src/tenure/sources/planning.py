"""From what a person told of an import, and what the file's columns are called, to a plan for all its rows."""

from collections.abc import Sequence
from datetime import date, datetime
from datetime import time as clock
from zoneinfo import ZoneInfo

from tenure.contracts import Contract
from tenure.errors import TenureError
from tenure.language import tr
from tenure.sources import dates
from tenure.sources.base import Reader
from tenure.sources.convert import Outcome, Plan
from tenure.sources.existing import MODES, Mode
from tenure.sources.mapping import FieldMap, find_header, map_columns
from tenure.sources.rejects import ABOUT


def planned(
    contract: Contract,
    reader: Reader,
    stem: str,
    pairs: list[tuple[str, str]],
    source: str,
    id_column: str | None,
    outcome: str | None,
    zone: str,
    currency: str,
    date_order: str | None,
    since: datetime | None,
    before: datetime | None,
    *,
    mode: Mode,
    match_on: Sequence[str] | None,
) -> Plan:
    """What was told and what the file has, as one plan. Raises TenureError where the two don't go together."""
    if mode not in MODES:
        raise TenureError(tr('There is no mode "{mode}". Give one of: {modes}.', mode=mode, modes=", ".join(MODES)))
    by = _matched_on(contract, match_on)
    pairs = list(pairs)
    if id_column:
        pairs.append((id_column, contract.person or contract.key[0]))
    meaning = None
    if outcome:
        header, sign, value = outcome.partition("=")
        found = find_header(header.strip(), reader.headers)
        if not sign or not value.strip():
            raise TenureError(
                tr('Can\'t read the outcome "{outcome}". Write column=value: --outcome Churn=Yes.', outcome=outcome)
            )
        if "outcome" not in contract:
            raise TenureError(
                tr("{contract} has no outcome. Import the file as snapshot: --as snapshot.", contract=contract.name)
            )
        if found is None:
            raise TenureError(
                tr(
                    'Source "{source}" has no column "{column}". It has: {columns}.',
                    source=source,
                    column=header.strip(),
                    columns=", ".join(reader.headers),
                )
            )
        pairs.append((found, "outcome"))
        meaning = Outcome(found, value)
    about_rejects = reader.headers[: len(ABOUT)] == ABOUT
    headers = reader.headers[len(ABOUT) :] if about_rejects else reader.headers
    fields = _mapped(headers, contract, pairs, source, by)
    if (since or before) and (contract.valid_at is None or contract.valid_at not in fields.fields):
        raise TenureError(
            tr(
                "A period needs a business time, and the file has none that maps to one of {contract}.",
                contract=contract.name,
            )
        )
    return Plan(
        contract,
        fields,
        reader,
        zone,
        currency,
        stem,
        dates.order_named(date_order),
        meaning,
        since,
        before,
        list(fields.unmapped),
        about_rejects,
        by,
    )


def _matched_on(contract: Contract, match_on: Sequence[str] | None) -> tuple[str, ...]:
    """The fields to find records by; none where that is the key itself."""
    by = tuple(dict.fromkeys(match_on or ()))
    if not by or by == contract.key:
        return ()
    offered = [c.name for c in contract.columns if c.type == "text" and not c.values and c.name not in contract.key]
    if len(contract.key) > 1 or contract.fact:
        raise TenureError(
            tr("{contract} are known by {key} alone; leave out what to match them on.",
               contract=contract.name, key=" + ".join(contract.key))
        )  # fmt: skip
    if unknown := [name for name in by if name not in offered]:
        raise TenureError(
            tr(
                "{contract} can't be matched on {unknown}. Match on: {offered}.",
                contract=contract.name,
                unknown=", ".join(unknown),
                offered=", ".join((*contract.key, *offered)),
            )
        )
    return by


def _mapped(
    headers: tuple[str, ...], contract: Contract, pairs: list[tuple[str, str]], source: str, match_on: tuple[str, ...]
) -> FieldMap:
    """The map of columns; pairs are kept apart so that one column may be given for two fields."""
    absent = ["amount_minor"] if "unit_price" in contract else []
    if match_on:
        absent.append(contract.key[0])
    told = [f"{left}={right}" for left, right in pairs]
    found = map_columns(headers, contract, told, source=source, absent=absent)
    if lacking := [name for name in match_on if name not in found.fields]:
        raise TenureError(
            tr(
                'Source "{source}" has no column for {fields}, which rows are to be matched on. It has: {columns}.',
                source=source,
                fields=", ".join(lacking),
                columns=", ".join(headers),
            )
        )
    return found


def bound(moment: datetime | date | str | None, zone: str) -> datetime | None:
    """One end of a period as an instant; a day begins in `zone`. Raises TenureError for what is no date."""
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise TenureError(tr('"{text}" is not a date. Write it as 2026-03-01.', text=moment)) from None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, clock())
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
