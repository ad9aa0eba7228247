"""Step: what each customer is expected to bring in the next twelve months, by the model that foretold best so far."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from importlib.metadata import version
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from tenure.insight.hazard import days_ahead
from tenure.insight.segments.concentration import concentration, gini
from tenure.insight.survival import lives_between, silence_after
from tenure.insight.value import NotEnoughDataError
from tenure.insight.value import choice as buying
from tenure.insight.value import contracts as contracting
from tenure.insight.value.backtest import Backtest, Bin, Interval, Span, deciles, moves
from tenure.insight.value.base import Numbers
from tenure.insight.value.bgnbd import BGNBD
from tenure.insight.value.contracts import Contracts
from tenure.insight.value.log import PurchaseLog
from tenure.insight.value.summary import last_seen
from tenure.lake import SYSTEM
from tenure.lake.tables import COMPUTED
from tenure.language import Words, both
from tenure.pipeline import kept
from tenure.pipeline.days import let_go, purchase_days
from tenure.pipeline.history import scored_from, tables_at
from tenure.pipeline.run import Context, Step, made_from

UNIT_DAYS = 7
AHEAD_DAYS = 365  # over how many of the next days it is told how long a customer stays
HORIZON_DAYS = 365
_EPOCH = date(1970, 1, 1)
_SCHEMA = COMPUTED["scores/value"]
_KEPT = ("p_alive", "p_buy", "purchases", "value")


def _value(context: Context) -> int:
    lake = context.lake
    end = float((last_seen(context.as_of) - _EPOCH).days + 1)
    with tables_at(context, context.as_of, ["subscriptions"]) as tables:
        contracts = _contracts(context, tables["subscriptions"])
    log = PurchaseLog.in_order(*purchase_days(context).purchases(_morning_after(context)))
    context.tell(1, 4)
    card: dict[str, Any] = {
        "as_of": last_seen(context.as_of).isoformat(), "horizon_days": HORIZON_DAYS, "unit_days": UNIT_DAYS,
        "customers": len(log.first),
    }  # fmt: skip
    bought = _bought(context, log, end, card)
    owed = _owed(contracts, end, card)
    context.tell(3, 4)
    scored = (
        _SCHEMA.empty_table() if bought is None and owed is None else _scored(context, log, bought, owed, card, end)
    )
    lake.publish("scores/value", scored)
    lake.publish_document("value_card", card)
    return int(scored.num_rows)


def _morning_after(context: Context) -> date:
    """The morning after the last day that is seen."""
    return last_seen(context.as_of) + timedelta(days=1)


def _bought(context: Context, log: PurchaseLog, end: float, card: dict[str, Any]) -> buying.Forecast | None:
    """What buyers without a contract are expected to buy; the card gains the choice of the model and how it was tried."""
    if not len(log.first):
        return None
    try:
        past = _past(context, log)
        chosen = buying.choose(log, end, HORIZON_DAYS, partial(_foretold, context))
        context.tell(2, 4)
        name = chosen.best
        try:
            found, learned_before = _now(context, name, log, past, end)
        except NotEnoughDataError:
            # What the stretch held out allowed, today's customers need not.
            name = "bgnbd"
            found, learned_before = _now(context, name, log, past, end)
    except NotEnoughDataError as error:
        # Too few repeat purchases to learn a rhythm from: said on the page instead of a number.
        why = both(error.args[0])
        card["not_enough_data"] = {"en": why.en, "zh": why.zh}
        return None
    x, t_x, T = log.histories(end)
    plain = _rhythm(context, log, past, end)
    total = float(found.purchases.sum())
    spread = float(
        plain.error_of(
            lambda model: model.expected_purchases(HORIZON_DAYS / UNIT_DAYS, x, t_x / UNIT_DAYS, T / UNIT_DAYS).sum()
        )
    )
    card |= {
        "model": name,
        "learned_before": learned_before,
        "bgnbd": {**plain.parameters_, "log_likelihood": plain.log_likelihood_},
        "learned": found.card,
        "repeat_buyers": int(((x > 0) & (log.later() > 0)).sum()),
        "expected_purchases": {"value": total, "error": spread if np.isfinite(spread) else None},
        "expected_base_minor": round(float(found.value.sum())),
        "reach_days": chosen.reach_days,
        "tried": {one: _told(tried.result) for one, tried in chosen.tried.items()},
        "refused": {one: _said(why) for one, why in chosen.refused.items()},
        "simple": _told(chosen.simple) if chosen.simple else None,
        "spans": _spans(chosen.tried[name].spans, found.value) if name in chosen.tried else [],
        "calibration": [_bin(one) for one in chosen.tried[name].calibration] if name in chosen.tried else [],
    }
    if "gamma_gamma" in found.card:
        card["gamma_gamma"] = found.card["gamma_gamma"]
    return found


def _foretold(context: Context, name: str, past: PurchaseLog, cut: float, reach: float) -> buying.Forecast:
    """What a model foretells of customers set back, kept for the next refresh: of the same past it is the same."""
    digest = _digest(_content(past), name, cut, reach)
    path = kept.path_of(context.lake, "value", f"{name}.npz")
    told = kept.arrays(context, path, digest)
    if told is not None and set(told) == {*_KEPT}:
        return buying.Forecast(**told, card={})
    found = buying.foretold(name, past, cut, reach)
    kept.keep_arrays(path, digest, {part: getattr(found, part) for part in _KEPT})
    return found


@dataclass(frozen=True)
class _Past:
    """What was bought before this month. cut: the day it begins, counted from 1970."""

    log: PurchaseLog
    cut: float

    @cached_property
    def content(self) -> str:
        return _content(self.log)


def _content(log: PurchaseLog) -> str:
    return kept.digest(log.person, log.when, log.value)


def _past(context: Context, log: PurchaseLog) -> _Past:
    cut = float((last_seen(context.as_of).replace(day=1) - _EPOCH).days)
    return _Past(log.before(cut), cut)


def _rhythm(context: Context, log: PurchaseLog, past: _Past, end: float) -> BGNBD:
    """How often customers buy in general, learned from before this month; from all there is where that is too little."""
    path, of = kept.path_of(context.lake, "value", "rhythm.json"), _digest(past.content, "rhythm", past.cut, UNIT_DAYS)
    if (told := kept.document(context, path, of)) is not None:
        return BGNBD.of_document(told)
    try:
        found = _rhythm_at(past.log, past.cut) if len(past.log.first) else None
    except ValueError:
        found = None
    if found is None:  # too little, or nobody at all
        return _rhythm_at(log, end)
    kept.keep_document(path, of, found.as_document())
    return found


def _rhythm_at(log: PurchaseLog, end: float) -> BGNBD:
    x, t_x, T = log.histories(end)
    return BGNBD().fit(x, t_x / UNIT_DAYS, T / UNIT_DAYS)


def rhythm_of(context: Context) -> BGNBD | None:
    """How often customers buy in general, by the value step of this day; None where it could not be told."""
    card = context.lake.document("value_card") or {}
    if card.get("as_of") != last_seen(context.as_of).isoformat() or "bgnbd" not in card:
        return None
    return BGNBD.of(**{name: card["bgnbd"][name] for name in BGNBD.NAMES})


def _now(context: Context, name: str, log: PurchaseLog, past: _Past, end: float) -> tuple[buying.Forecast, str]:
    """What the model foretells of today's customers, learned from what was bought before this month; and before which day.

    Purchases of this month tell where a customer stands, and leave what was learned as it is; nobody's forecast moves
    for what others bought today. Where there is too little from before this month, all is learned from.
    """
    digest = before_this_month = _digest(past.content, name, past.cut, HORIZON_DAYS)
    path = kept.path_of(context.lake, "value", f"learned-{name}.json")
    told = kept.document(context, path, digest)
    if told is None:
        told, digest = _learned(name, log, past, digest, end)
        kept.keep_document(path, digest, told)
    # Read back in any case, so that what was just learned speaks as it will tomorrow.
    learned = buying.of_document(name, told)
    rows = kept.path_of(context.lake, "value", f"rows-{name}.npz")
    found = learned.foretell(log, end, HORIZON_DAYS, partial(kept.by_row, context, rows, digest))
    until = past.cut if digest == before_this_month else end
    return found, (_EPOCH + timedelta(days=until)).isoformat()


def _learned(name: str, log: PurchaseLog, past: _Past, digest: str, end: float) -> tuple[dict[str, Any], str]:
    """What the model learns of the past, or, where that is too little, of all there is; and what of, as a digest."""
    try:
        if len(past.log.first):
            return buying.MODELS[name](past.log, past.cut, HORIZON_DAYS).as_document(), digest
    except ValueError:  # too little, or nothing a model of habits can be put to
        pass
    return buying.MODELS[name](log, end, HORIZON_DAYS).as_document(), _digest(_content(log), name, end, HORIZON_DAYS)


def _digest(content: str, name: str, cut: float, reach: float) -> str:
    return made_from([name, cut, reach, version("lightgbm"), np.__version__, content])


def _owed(contracts: Contracts, end: float, card: dict[str, Any]) -> dict[int, float] | None:
    """What each person's running contracts are expected to bring; the card gains the choice of the model."""
    if not len(contracts.began):
        return None
    name, tried = contracting.choose(contracts, end, HORIZON_DAYS)
    known = contracts.at(end)
    try:
        value, learned = contracting.MODELS[name](known, end, HORIZON_DAYS)
    except NotEnoughDataError:
        name, (value, learned) = "hazard", contracting.by_hazard(known, end, HORIZON_DAYS)
    people, place = np.unique(known.person, return_inverse=True)
    card["contracts"] = {
        "model": name, "customers": len(people), "contracts": len(known.began), "learned": learned,
        "running": int((~np.isfinite(known.ended)).sum()), "expected_base_minor": round(float(value.sum())),
        "tried": {one: _told(result) for one, result in tried.items()},
    }  # fmt: skip
    return dict(zip(people.tolist(), np.bincount(place, value).tolist(), strict=True))


def _scored(
    context: Context, log: PurchaseLog, bought: buying.Forecast | None, owed: dict[int, float] | None,
    card: dict[str, Any], end: float,
) -> pa.Table:  # fmt: skip
    """One row a person, those with contracts beside those who buy."""
    buyers = log.people.astype(np.int64) if bought is not None else np.empty(0, np.int64)
    holders = np.array(sorted(owed or {}), np.int64)
    people = np.union1d(buyers, holders)
    at, held = np.searchsorted(people, buyers), np.searchsorted(people, holders)
    alive, purchased, value, simple, contract = (np.zeros(len(people)) for _ in range(5))
    if bought is not None:
        alive[at], purchased[at], value[at] = bought.p_alive, bought.purchases, bought.value
        simple[at] = buying.envelope(log, end, HORIZON_DAYS)
    if owed:
        contract[held] = [owed[one] for one in holders.tolist()]
        alive = np.where(contract > 0, 1.0, alive)
    value = value + contract
    tenth = deciles(np.rint(value))
    before = _before(context, people)
    card["concentration"] = _curve(value)
    card["simple_base_minor"] = round(float(simple.sum()))
    old = before["before_decile"]
    if old.null_count < len(people):
        card["moves"] = moves(old.to_numpy(zero_copy_only=False).astype(float), tenth).tolist()
        card["before_on"] = next(day for day in before["before_on"].to_pylist() if day).isoformat()
    return pa.table(
        {
            "person_id": people, "p_alive": alive, "expected_purchases": purchased,
            "value_base_minor": np.rint(value).astype(np.int64), "value_decile": tenth,
            "contract_base_minor": np.rint(contract).astype(np.int64), "simple_base_minor": np.rint(simple).astype(np.int64),
            "as_of": pa.array([last_seen(context.as_of)] * len(people), pa.date32()), **before,
        }
    ).select(_SCHEMA.names).cast(_SCHEMA)  # fmt: skip


def _before(context: Context, people: np.ndarray[Any, Any]) -> dict[str, pa.Array]:
    """What the refresh before last said of these people; a second refresh of one day keeps what the first compared with."""
    empty = {
        f"before_{name}": pa.nulls(len(people), kind)
        for name, kind in (("on", pa.date32()), ("base_minor", pa.int64()), ("decile", pa.int64()))
    }
    if not context.lake.exists("scores/value"):
        return empty
    table = context.lake.read("scores/value", actor=SYSTEM)
    if set(_SCHEMA.names) - set(table.columns):
        return empty
    rows = context.lake.to_arrow(table.order_by("person_id"))
    if not rows.num_rows:
        return empty
    names = ("before_on", "before_base_minor", "before_decile")
    if rows["as_of"][0].as_py() != last_seen(context.as_of):
        names = ("as_of", "value_base_minor", "value_decile")
    known = rows["person_id"].to_numpy()
    place = np.searchsorted(known, people)
    there = known[np.minimum(place, len(known) - 1)] == people
    take = pa.array(np.where(there, place, 0), pa.int64(), mask=~there)
    return {made: rows[name].combine_chunks().take(take) for made, name in zip(empty, names, strict=True)}


def _contracts(context: Context, subscriptions: ibis.Table) -> Contracts:
    """Contracts of known persons with a fee and days in business time."""
    lake = context.lake
    rows = subscriptions.filter(subscriptions.person_id.notnull(), subscriptions.started_at.notnull())
    rows = lake.to_arrow(
        rows.select(
            "person_id", began=lake.local_day(rows.started_at), ended=lake.local_day(rows.ended_at),
            fee=rows.fee_base_minor.fill_null(0).cast("float64"), months=rows.period_months.fill_null(1).cast("float64"),
        ).order_by("person_id", "began", "ended", "fee", "months")
    )  # fmt: skip

    def numbers(name: str) -> Numbers:
        column = rows[name].cast(pa.int32()) if pa.types.is_date(rows[name].type) else rows[name]
        return column.to_numpy(zero_copy_only=False).astype(np.float64) if rows.num_rows else np.empty(0)

    months = numbers("months")
    sound = (months > 0) & (numbers("fee") >= 0)
    ended = numbers("ended")
    sound &= ~(ended < numbers("began"))
    return Contracts(
        rows["person_id"].to_numpy()[sound], numbers("began")[sound], ended[sound], numbers("fee")[sound], months[sound]
    )


def _curve(value: Numbers) -> dict[str, Any]:
    curve = concentration(value, 51)
    return {
        "customers": curve["share_of_customers"].to_pylist(),
        "value": curve["share_of_value"].to_pylist(),
        "gini": gini(value),
    }


def _told(result: Backtest) -> dict[str, Any]:
    return {
        "customers": result.customers, "foretold": result.foretold, "happened": result.happened,
        "bias": _interval(result.bias), "spearman": _interval(result.spearman), "pearson": result.pearson,
        "gini": result.gini, "explained": result.explained, "mae": result.mae, "rmse": result.rmse,
        "deciles": [
            {"decile": one.decile, "customers": one.customers, "foretold": one.foretold, "happened": _interval(one.happened)}
            for one in result.deciles
        ],
    }  # fmt: skip


def _spans(tried: tuple[Span, ...], value: Numbers) -> list[dict[str, float]]:
    """Between which multiples of their forecast customers come out, by tenth; upto: the highest forecast of the tenth now."""
    tenth = deciles(value)
    return [
        {"decile": one.decile, "upto": float(value[tenth == one.decile].max()), "low": one.low, "high": one.high}
        for one in tried
        if (tenth == one.decile).any()
    ]


def _bin(one: Bin) -> dict[str, Any]:
    return {
        "n": one.customers,
        "predicted": one.foretold,
        "observed": one.happened.value,
        "low": one.happened.low,
        "high": one.happened.high,
    }


def _interval(found: Interval | None) -> dict[str, float] | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def _said(why: str) -> dict[str, str]:
    words = both(why)
    return {"en": words.en, "zh": words.zh}


def _lives(context: Context) -> int:
    """How long each person has been a customer, for the survival curves."""
    lake = context.lake
    days, morning = purchase_days(context), _morning_after(context)
    silence, bought = silence_after(days.gaps(morning)), ibis.memtable(days.spans(morning))
    let_go(context)
    with tables_at(context, context.as_of, ["subscriptions"]) as tables:
        found = lake.to_arrow(
            lives_between(bought, tables["subscriptions"], context.as_of, silence).order_by("person_id")
        )
    found = found.append_column("ahead_days", days_ahead(found, AHEAD_DAYS))
    lake.publish("scores/lives", found.cast(COMPUTED["scores/lives"]))
    lake.publish_document("lives_card", {"as_of": last_seen(context.as_of).isoformat(), "silence_days": silence})
    return int(found.num_rows)


STEPS: tuple[Step, ...] = (
    Step(
        "value", Words("Customer lifetime value", "客户生命周期价值"),
        lambda c: scored_from(c, "orders", "subscriptions"), _value,
    ),
    Step("lives", Words("How long customers stay", "客户留存时长"), lambda c: scored_from(c, "orders", "subscriptions"), _lives),
)  # fmt: skip
