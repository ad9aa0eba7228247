"""One customer's story over every channel, newest first, each entry with the file and row it came from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePath
from typing import Any

import ibis
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.contracts import CONTRACTS
from tenure.desk.causes.api import reason_words
from tenure.lake import Lake, Scope
from tenure.web.templatetags.tenure import money

LIMIT = 300  # entries of each kind; nobody reads further back than this on a page


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. tone: good, bad or plain. source: where it is written, for whoever doubts it."""

    at: datetime
    kind: str
    title: str
    detail: str = ""
    channel: str = ""
    tone: str = "plain"
    source: str = ""
    whole_day: bool = False
    is_open: bool = False

    @property
    def icon(self) -> str:
        return ICONS[self.kind]


ICONS = {
    "orders": "shopping_bag",
    "events": "touch_app",
    "interactions": "call",
    "cases": "support_agent",
    "survey_responses": "rate_review",
    "treatments": "campaign",
    "payments": "payments",
    "subscriptions": "contract",
}

Row = dict[str, Any]


def timeline(lake: Lake, scope: Scope, person_id: int, *, now: datetime) -> list[Entry]:
    """Everything the lake knows happened with this person, newest first, as the scope may see it."""
    files = {info.batch: PurePath(info.file).name if info.file else info.source for info in lake.batches()}

    def written(row: Row) -> str:
        file = files.get(row.get("batch") or "", row.get("source") or "")
        return _("%(file)s, row %(row)s") % {"file": file, "row": row["row"]} if row.get("row") else str(file)

    # What is overdue is so from the full hour on: a question with the second in it would be planned each time.
    hour = now.replace(minute=0, second=0, microsecond=0)
    entries: list[Entry] = []
    for kind, (read, tell) in _KINDS.items():
        rows = lake.of_person(
            f"records/{kind}", person_id, partial(read, hour), named=f"timeline {hour:%Y-%m-%d %H}", actor=scope
        )
        entries += [entry for row in rows.to_pylist() if (entry := tell(row, written(row)))]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def kinds_in(entries: Iterable[Entry]) -> list[tuple[str, str, int]]:
    """(code, word, how many) of each kind present, in the order the kinds are known."""
    counted: dict[str, int] = {}
    for entry in entries:
        counted[entry.kind] = counted.get(entry.kind, 0) + 1
    return [(kind, str(CONTRACTS[kind].words), counted[kind]) for kind in _KINDS if kind in counted]


def _newest(table: ibis.Table, column: str) -> ibis.Table:
    return table.order_by(table[column].desc()).limit(LIMIT)


def _orders(now: datetime, table: ibis.Table) -> ibis.Table:
    # One order is one visit to the till, however many lines it has; a refund is its own event.
    grouped = table.group_by("order_id", "kind", "status").agg(
        at=table.ordered_at.min(),
        lines=table.count(),
        amount=table.amount_base_minor.sum(),
        what=table.product_name.fill_null(table.product_id).first(),
        channel=table.channel.first(),
        delivered_at=table.delivered_at.max(),
        promised_at=table.promised_at.max(),
        batch=table.batch.first(),
        source=table.source.first(),
        row=table.row.min(),
    )
    return _newest(grouped, "at")


def _order(row: Row, source: str) -> Entry:
    refund = row["kind"] == "refund"
    values = {"order": row["order_id"], "amount": money(abs(row["amount"]) if row["amount"] is not None else None)}
    if row["status"] == "cancelled":
        title, tone = _("Order %(order)s cancelled, %(amount)s") % values, "bad"
    elif refund:
        title, tone = _("Refund %(amount)s on order %(order)s") % values, "bad"
    else:
        title, tone = _("Order %(order)s, %(amount)s") % values, "good"
    detail = row["what"] or ""
    if row["lines"] > 1:
        others = row["lines"] - 1
        detail = ngettext("%(what)s and %(n)s more line", "%(what)s and %(n)s more lines", others) % {
            "what": detail,
            "n": others,
        }
    if row["delivered_at"] and row["promised_at"] and row["delivered_at"] > row["promised_at"]:
        detail, tone = f"{detail} · {_('delivered late')}", "bad"
    return Entry(row["at"], "orders", title, detail, row["channel"] or "", tone, source)


def _events(now: datetime, table: ibis.Table) -> ibis.Table:
    names = table.group_by("occurred_on", "name", "channel").agg(
        n=table.count(), at=table.occurred_at.max(), batch=table.batch.first(), source=table.source.first(),
        row=table.row.min(),
    )  # fmt: skip
    days = names.group_by("occurred_on", "channel").agg(
        n=names.n.sum(),
        at=names.at.max(),
        names=names.name.collect(order_by=[names.n.desc(), names.name]),
        counts=names.n.collect(order_by=[names.n.desc(), names.name]),
        batch=names.batch.first(),
        source=names.source.first(),
        row=names.row.min(),
    )
    return _newest(days, "at")


def _event(row: Row, source: str) -> Entry:
    title = ngettext("%(n)s event", "%(n)s events", row["n"]) % {"n": row["n"]}
    detail = " · ".join(
        f"{name} ×{n}" if n > 1 else str(name) for name, n in list(zip(row["names"], row["counts"], strict=True))[:5]
    )
    return Entry(row["at"], "events", title, detail, row["channel"] or "", "plain", source, whole_day=True)


def _interaction(row: Row, source: str) -> Entry:
    directions = CONTRACTS["interactions"]["direction"].values
    parts = [str(directions.get(row["direction"], row["direction"] or "")), row["topic"] or ""]
    if row["duration_seconds"]:
        parts.append(_("%(minutes)s min") % {"minutes": max(1, round(row["duration_seconds"] / 60))})
    if row["agent"]:
        parts.append(row["agent"])
    unhappy = row["sentiment"] is not None and row["sentiment"] < -0.2
    title = " · ".join(part for part in parts if part) or str(CONTRACTS["interactions"].words)
    channel = row["channel"] or ""
    return Entry(
        row["occurred_at"], "interactions", title, row["text"] or "", channel, "bad" if unhappy else "plain", source
    )


def _case(row: Row, source: str) -> Entry:
    contract = CONTRACTS["cases"]
    kind = str(contract["kind"].values.get(row["kind"], row["kind"] or contract.words))
    parts = [kind, row["category"] or "", str(contract["severity"].values.get(row["severity"], row["severity"] or ""))]
    if row["resolved_at"] is None:
        parts.append(_("open"))
    else:
        parts.append(_("resolved %(day)s") % {"day": date_format(row["resolved_at"], "Y-m-d")})
    told = [row["subject"], row["text"], row["outcome"] and _("Outcome: %(outcome)s") % {"outcome": row["outcome"]}]
    tone = "bad" if row["kind"] == "complaint" else "good" if row["kind"] == "praise" else "plain"
    detail = " — ".join(part for part in told if part)
    title = " · ".join(part for part in parts if part)
    is_open = row["resolved_at"] is None
    return Entry(row["opened_at"], "cases", title, detail, row["channel"] or "", tone, source, is_open=is_open)


def _answer(row: Row, source: str) -> Entry:
    score = "" if row["score"] is None else f"{row['score']:g}"
    title = " · ".join(part for part in (row["survey"], row["question"], score) if part)
    nps = (row["question"] or "").lower() == "nps" and row["score"] is not None
    tone = "plain" if not nps else "bad" if row["score"] <= 6 else "good" if row["score"] >= 9 else "plain"
    detail = row["text"] or ""
    return Entry(row["answered_at"], "survey_responses", title, detail, row["channel"] or "", tone, source)


def _treatment(row: Row, source: str) -> Entry:
    arm = str(CONTRACTS["treatments"]["arm"].values.get(row["arm"], row["arm"] or ""))
    title = " · ".join(part for part in (row["campaign"], arm, row["offer"]) if part)
    detail = ""
    if row["expires_at"]:
        detail = _("Offer runs out %(day)s") % {"day": date_format(row["expires_at"], "Y-m-d")}
    return Entry(row["assigned_at"], "treatments", title, detail, row["channel"] or "", "plain", source)


def _late(now: datetime, table: ibis.Table) -> ibis.Table:
    # Paid on time is not news; later than the day it was due, or due and still unpaid, is.
    overdue = table.paid_at.isnull() & (table.due_at < ibis.literal(now))
    after = table.paid_at.notnull() & (table.paid_at.date() > table.due_at.date())
    return _newest(table.filter(overdue | after), "due_at")


def _payment(row: Row, source: str) -> Entry:
    amount = money(row["amount_base_minor"])
    if row["paid_at"] is None:
        title = _("Payment of %(amount)s is overdue") % {"amount": amount}
    else:
        days = max(1, (row["paid_at"] - row["due_at"]).days)
        title = ngettext(
            "Payment of %(amount)s came %(days)s day late", "Payment of %(amount)s came %(days)s days late", days
        ) % {"amount": amount, "days": days}
    return Entry(row["due_at"], "payments", title, row["method"] or "", "", "bad", source)


def _subscription(row: Row, source: str) -> Entry:
    title = _("Started %(plan)s") % {"plan": row["plan"] or row["product_id"] or row["subscription_id"]}
    detail, tone = money(row["fee_base_minor"]) if row["fee_base_minor"] is not None else "", "good"
    if row["ended_at"]:
        ended = _("ended %(day)s") % {"day": date_format(row["ended_at"], "Y-m-d")}
        detail, tone = (
            " · ".join(part for part in (detail, ended, reason_words(row["end_reason"] or "")) if part),
            "bad",
        )
    elif row["term_ends_at"]:
        ends = _("term ends %(day)s") % {"day": date_format(row["term_ends_at"], "Y-m-d")}
        detail = " · ".join(part for part in (detail, ends) if part)
    return Entry(row["started_at"], "subscriptions", title, detail, row["channel"] or "", tone, source)


def _plainly(column: str) -> Callable[[datetime, ibis.Table], ibis.Table]:
    return lambda now, table: _newest(table, column)


_KINDS: dict[str, tuple[Callable[[datetime, ibis.Table], ibis.Table], Callable[[Row, str], Entry]]] = {
    "orders": (_orders, _order),
    "subscriptions": (_plainly("started_at"), _subscription),
    "payments": (_late, _payment),
    "cases": (_plainly("opened_at"), _case),
    "interactions": (_plainly("occurred_at"), _interaction),
    "survey_responses": (_plainly("answered_at"), _answer),
    "treatments": (_plainly("assigned_at"), _treatment),
    "events": (_events, _event),
}
