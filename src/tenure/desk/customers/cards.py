"""A customer as an asker may see it: pages, exports and the API show cards, never the rows themselves."""

from typing import Any

from tenure.desk.customers.models import Customer, Score
from tenure.lake.scope import Scope

TABLE = "scores/customers"
# What a card and its timeline show of a person that is written down as looked at, where it is in clear.
SENSITIVE = ("phone", "email", "text", "extra")
_CUSTOMER = frozenset({
    "person_id", "customer_id", "source", "also_known_as", "name", "pinyin", "kind", "phone", "email", "region", "city",
    "language", "owner", "owner_id", "team", "team_id", "blocked", "created_on",
})  # fmt: skip
_SCORE = frozenset({
    "first_order_on", "last_order_on", "recency_days", "frequency", "monetary_base_minor", "r", "f", "m", "rfm_cell",
    "abc", "stage", "stage_why", "p_alive", "value_base_minor", "value_decile", "churn_probability", "risk_band",
    "fee_base_minor", "open_cases", "last_nps", "tier", "persona", "extra", "at_risk_minor",
})  # fmt: skip


class Card:
    """One customer with its figures. What a field's treatment hides reads as None, what it masks as the part that
    shows; a name that is not listed here is not there at all."""

    __slots__ = ("_customer", "_scope", "_score", "custom")

    def __init__(self, score: Score, scope: Scope) -> None:
        # By field of the company's own: what was asked for along with the card (`fields.values.with_values`).
        self.custom: dict[int, Any] = {}
        self._score, self._customer, self._scope = score, score.customer, scope

    def __getattr__(self, name: str) -> Any:
        if name in _CUSTOMER:
            row: Customer | Score = self._customer
        elif name in _SCORE:
            row = self._score
        else:
            raise AttributeError(name)
        if self._scope.show(TABLE, name, "?") == "?":  # in clear: no need to look at the value
            return getattr(row, name)
        return self._scope.show(TABLE, name, getattr(row, name))

    @property
    def pk(self) -> int:
        return self._customer.pk

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """What moved the score, without what speaks of money to whom amounts are hidden."""
        told: list[dict[str, Any]] = self._score.reasons
        if self._scope.sees("amounts"):
            return told
        from tenure.insight.features import FEATURES  # loads the insight room; only where something must be left out

        return [r for r in told if (feature := FEATURES.get(r.get("feature", ""))) and feature.unit != "minor units"]

    def __str__(self) -> str:
        """What to call the customer: the name as far as it shows, else the number."""
        return self.name or self._customer.customer_id or str(self._customer.pk)
