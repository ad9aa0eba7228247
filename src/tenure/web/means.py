"""What a customer prefers and can spend, as a piece of the customer's page."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from tenure.desk.customers import selectors
from tenure.desk.customers.models import Publication
from tenure.desk.governance.api import scope_of
from tenure.desk.lake import about, lake
from tenure.insight.preferences import preferences, rhythm, standing, usual_order
from tenure.lake import SYSTEM, Lake, Scope
from tenure.web.cache import remembered
from tenure.web.frame import render

MOST = 5_000  # lines and contacts read; older ones tell little of what is preferred now
CUTS = 20
_LINE = ("order_id", "ordered_at", "ordered_on", "kind", "status", "product_id", "product_name", "channel",
         "discount_minor", "promotion", "amount_base_minor")  # fmt: skip


@require_safe
def piece(request: HttpRequest, person_id: int) -> HttpResponse:
    """Habits with how often they were so, the usual order, and where that stands among the customers the asker sees."""
    scope = scope_of(request.user)
    card = selectors.card_of(scope, person_id)
    if card is None:
        raise Http404
    shown = Publication.current()
    as_of = timezone.localtime(shown.as_of if shown else timezone.now())
    with about(person_id) as here:
        lines = _newest(here, scope, person_id, "orders", "ordered_at", _LINE, as_of)
        contacts = _newest(
            here, scope, person_id, "interactions", "occurred_at", ("occurred_at", "direction", "channel"), as_of
        )
        told = here.of_person(
            "scores/lives", person_id, lambda rows: rows.select("ahead_days"), named="ahead", actor=scope
        )
        ahead = [days for days in told["ahead_days"].to_pylist() if days is not None]
    # What a product is called is about nobody, so it is in nobody's reach; the lines above were scoped.
    products = lake().read("records/products", actor=SYSTEM)
    bought = sorted({line["product_id"] for line in lines if line["product_id"]})
    categories = {}
    if bought:
        named = products.filter(products.product_id.isin(bought), products.category.notnull())
        categories = {row["product_id"]: row["category"] for row in _rows(here, named.select("product_id", "category"))}
    usual = usual_order(_orders(lines)) if scope.sees("amounts") else None
    a_day = card.monetary_base_minor / card.frequency if card.frequency and card.monetary_base_minor else None
    return render(
        request,
        "_means.html",
        "",
        preferences=preferences(lines, contacts, as_of=as_of, categories=categories),
        usual=usual,
        ahead=ahead.pop() if ahead else None,
        standing=standing(a_day, _cuts(scope, shown)) if scope.sees("amounts") else None,
        rhythm=rhythm(
            [line["ordered_on"] for line in lines if line["kind"] != "refund" and line["status"] != "cancelled"]
        ),
    )


def _newest(
    here: Lake, scope: Scope, person_id: int, contract: str, at: str, columns: tuple[str, ...], as_of: datetime
) -> list[dict[str, Any]]:
    def pick(rows: Any) -> Any:
        return rows.order_by(rows[at].desc(), rows.row).limit(MOST).select(*columns)

    found = here.of_person(f"records/{contract}", person_id, pick, named="preferences", actor=scope).to_pylist()
    return [row for row in found if row[at] is not None and row[at] < as_of]


def _rows(here: Lake, table: Any) -> list[dict[str, Any]]:
    return here.to_arrow(table).to_pylist()  # type: ignore[no-any-return]


def _orders(lines: list[dict[str, Any]]) -> list[int]:
    """What each order came to, refunds left out: what somebody can spend is told by what they chose to."""
    sums: dict[str, int] = {}
    for line in lines:
        if line["kind"] != "refund" and line["status"] != "cancelled":
            sums[line["order_id"]] = sums.get(line["order_id"], 0) + (line["amount_base_minor"] or 0)
    return list(sums.values())


def _cuts(scope: Scope, shown: Publication | None) -> list[float]:
    """What the customers the asker sees spend on a day they buy, cut at every twentieth."""

    def compute() -> list[float]:
        cards = lake().read("scores/customers", actor=scope)
        spent = cards.filter(cards.frequency > 0, cards.monetary_base_minor > 0)
        each = spent.select(each=spent.monetary_base_minor / spent.frequency)
        found = lake().to_arrow(each.agg(cuts=each.each.quantile([n / CUTS for n in range(1, CUTS)])))
        return found["cuts"][0].as_py() or [] if found.num_rows else []

    return remembered("spending cuts", scope, shown, compute, "scores/customers")


__all__ = ["piece"]
