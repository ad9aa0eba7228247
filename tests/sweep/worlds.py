"""Two worlds that differ only in what an asker must not see.

`World()` is the company as it is. `World(unseen=…, hidden=…)` is the same company where everything about the persons out
of reach, and every value of the hidden fields, is something else. Whoever gets a different answer in the two has seen
what they must not: this is how `test_sweep.py` finds a leak without knowing what a page is about.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from tenure.desk.causes.models import Statement
from tenure.desk.competitors.models import Competitor, Loss
from tenure.desk.customers.models import (
    ArchivedRecord,
    Archiving,
    CustomField,
    CustomValue,
    OwnLink,
    OwnRecord,
    OwnValue,
    Relation,
)
from tenure.desk.governance import personal
from tenure.desk.governance.models import ConsentEntry, SubjectRequest
from tenure.lake import Lake
from tenure.lake.tables import COMPUTED
from tests.cast import EAST, MONDAY, SOUTH

PEOPLE = sorted(EAST | SOUTH)
STAYED = (3,)  # whose contract runs on
STRANGER = 7  # there only where somebody is out of reach: even how many they are must not show
LEVELS = [
    {"code": "gold", "en": "Gold", "zh": "", "closed": False},
    {"code": "silver", "en": "Silver", "zh": "", "closed": False},
]
OWN_FIELDS = (
    {"pk": 1, "name_en": "Level", "kind": "choice", "choices": LEVELS},
    {"pk": 2, "name_en": "Staff", "kind": "whole"},
    {"pk": 3, "name_en": "Plate", "kind": "text", "personal": True, "guarded_as": "identity"},
    {"pk": 4, "name_en": "Model", "kind": "text", "contract": "o_1"},
)


def competitors() -> list[Competitor]:
    """Whom customers are lost to; records name the one, and in the other world the other."""
    called = {1: "One thing", 3: "Another thing"}
    return [Competitor(pk=pk, name=name, made_at=MONDAY, changed_at=MONDAY) for pk, name in called.items()]


def own_fields() -> list[CustomField]:
    """The fields the company added."""
    return [CustomField(made_at=MONDAY, place=n, **told) for n, told in enumerate(OWN_FIELDS)]  # type: ignore[arg-type]


_NAMES = {1: ("王小明", "王大伟"), 2: ("李娜", "李想"), 3: ("张伟", "张强"), 4: ("Smith", "Stone"), 5: ("陈静", "陈思"),
          6: ("赵敏", "赵倩"), 7: ("孙悦", "孙悦")}  # fmt: skip
_OWNER = {1: "ann", 2: "ann", 3: "cleo", 4: "bo", 5: "bo"}


@dataclass(frozen=True)
class World:
    """unseen: persons of whom nothing shows; unseen_kinds: contract → persons whose records of that kind do not.
    hidden, masked: fields; a masked one differs only in the part that must not show."""

    unseen: frozenset[int] = frozenset()
    hidden: frozenset[str] = frozenset()
    masked: frozenset[str] = frozenset()
    unseen_kinds: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def other(self, person: int, of: str, kind: str = "customers") -> bool:
        """Whether this person's value of a field ("" for what belongs to none) is another here."""
        return (
            person in self.unseen or person in self.unseen_kinds.get(kind, ()) or of in self.hidden or of in self.masked
        )

    @property
    def people(self) -> list[int]:
        return [*PEOPLE, STRANGER] if self.unseen else PEOPLE

    def name(self, p: int) -> str:
        return _NAMES[p][self.other(p, "name")]

    def phone(self, p: int) -> str:
        return f"+86138{'9999' if self.other(p, 'phone') else '0000'}1{p}{p}{p}"

    def email(self, p: int) -> str:
        return f"c{'hidden' if self.other(p, 'email') else ''}{p}@example.com"

    def amount(self, p: int, kind: str = "orders") -> int:
        # Turned over, so that an order by amounts differs as well.
        return 1_000 * (97 - p * 13) if self.other(p, "amounts", kind) else 1_000 * p

    def said(self, p: int, kind: str) -> str:
        return "They said another thing" if self.other(p, "text", kind) else "They said one thing"

    def cards(self) -> pa.Table:
        rows = []
        for p in self.people:
            strange = p in self.unseen
            # The stranger is among those who are out of sight.
            east = p in EAST or (p == STRANGER and self.unseen >= EAST)
            region, team = ("浙江", "East") if east else ("广东", "South")
            row: dict[str, Any] = dict.fromkeys(COMPUTED["scores/customers"].names)
            risk = 0.9 - p / 10 if strange else p / 10
            row |= {
                "person_id": p, "customer_id": f"C-{p}", "source": "shop", "also_known_as": [f"crm-{p}{strange}"],
                "name": self.name(p), "kind": "enterprise" if strange else "individual", "phone": self.phone(p),
                "email": self.email(p), "region": region, "city": "绍兴" if strange else "杭州", "language": "zh",
                "owner": _OWNER.get(p, ""), "team": team, "blocked": strange, "created_on": date(2024, 1, p + strange),
                "first_order_on": date(2024, 2, 1 + strange), "last_order_on": date(2026, 2, p + strange),
                "recency_days": 29 - p - strange, "frequency": p + strange, "r": 5 - p % 5, "f": 1 + (p + strange) % 5,
                "monetary_base_minor": self.amount(p), "m": 1 + self.amount(p) % 5, "abc": "AB"[self.amount(p) % 7 > 3],
                "rfm_cell": "lost" if strange else "loyal", "stage": "left" if strange else "mature",
                "stage_why_en": f"Buys every {30 + strange} days", "stage_why_zh": f"约每 {30 + strange} 天购买一次",
                "p_alive": 0.8 - strange / 10, "value_base_minor": 7 * self.amount(p),
                "value_decile": 1 + self.amount(p) // 1000 % 10, "churn_probability": risk,
                "risk_band": "high" if risk > 0.5 else "medium" if risk > 0.2 else "low",
                "reasons": json.dumps([
                    {"feature": "spent_90d", "effect": 0.7, "en": f"Spent {self.amount(p)}", "zh": f"消费 {self.amount(p)}"}
                ]),
                "fee_base_minor": self.amount(p), "open_cases": 1 + strange, "last_nps": 9.0 - strange,
                "tier": ("core", "growth", "potential")[self.amount(p) // 1000 % 3], "persona": str(1 + self.amount(p) // 1000 % 2),
                "extra": json.dumps({"Contract": "One year" if self.other(p, "extra") else "Two year"}),
            }  # fmt: skip
            rows.append(row)
        return pa.Table.from_pylist(rows, schema=COMPUTED["scores/customers"])

    def own_values(self) -> list[CustomValue]:
        """What each person has in the company's own fields: a level, a number of staff, and a sealed plate."""
        found = []
        for p in self.people:
            level = ("silver" if p % 2 else "gold") if self.other(p, "extra") else ("gold" if p % 2 else "silver")
            staff = 900 - p if self.other(p, "extra") else p
            found += [
                CustomValue(field_id=1, customer_id=p, value=level, text=level),
                CustomValue(field_id=2, customer_id=p, value=str(staff), number=staff * 1_000_000),
            ]
            if not (p in self.unseen or (p == 1 and self.other(p, "identity"))):
                found.append(
                    CustomValue(field_id=3, customer_id=p, sealed=f"{'B' if self.other(p, 'identity') else 'A'}-{p}")
                )
        return found

    def own_records(self) -> tuple[list[OwnRecord], list[OwnValue], list[OwnLink]]:
        """A policy of each person, and one that two of them share: of who is out of sight, nothing of it shows."""
        found, values, links = [], [], []
        for pk, owners in ((9, (1, 4)), *((p, (p,)) for p in self.people)):
            unseen = all(p in self.unseen for p in owners)
            found.append(
                OwnRecord(
                    pk=pk, object_id=1, number=f"{'W' if unseen else 'V'}-{pk}", made_at=MONDAY,
                    changed_at=MONDAY + timedelta(days=pk * (2 if unseen else 1)),
                )
            )  # fmt: skip
            model = f"{'Heron' if all(self.other(p, 'extra') for p in owners) else 'Falcon'} {pk}"
            values.append(OwnValue(field_id=4, record_id=pk, value=model, text=model.casefold()))
            whose = {STRANGER if len(owners) > 1 and p in self.unseen else p for p in owners}
            links += [OwnLink(record_id=pk, own_id=p) for p in sorted(whose)]
        return found, values, links

    def pairs(self) -> pa.Table:
        """Pairs a person is asked about; those of whom one is out of sight weigh otherwise, and hidden evidence too."""
        rows = []
        for left, right in ((1, 2), (1, 4), (2, 3), (4, 5), (3, 7)):
            if left not in self.people or right not in self.people:
                continue
            strange = left in self.unseen or right in self.unseen
            why = []
            for of in ("name", "phone", "email", "birth_date"):
                other = strange or of in self.hidden
                why.append(
                    {"field": of, "level": "different" if other else "same", "weight": -3.0 if other else 4.0 + left}
                )
            rows.append({"left_own": left, "right_own": right, "weight": 9.0 - left + strange, "probability": 0.8,
                         "band": "ask", "why": json.dumps(why), "decided": ""})  # fmt: skip
        return pa.Table.from_pylist(rows, schema=COMPUTED["identity/pairs"])

    def relations(self) -> list[Relation]:
        """Who belongs to whom; of the persons out of sight, others."""
        told = {(1, 2): "branch", (2, 4): "branch", (3, 1): "employee", (5, 4): "branch"}
        return [
            Relation(
                pk=at, from_own=low, to_own=high, kind="household" if {low, high} & self.unseen else kind, source="desk",
                said_at=MONDAY, note=personal.seal(low, self.said(low, "customers"), context="relation"),
            )
            for at, ((low, high), kind) in enumerate(told.items(), start=1)
        ]  # fmt: skip

    def archived(self) -> tuple[list[Archiving], list[ArchivedRecord]]:
        """A case and an interaction of each person that was put away, each by a deed of its own, for want of a text."""
        deeds, rows = [], []
        for p in self.people:
            for at, (contract, key) in enumerate((("cases", f"Q-{p}"), ("interactions", f"I-{p}"))):
                strange = self.other(p, "", contract)
                hidden = self.other(p, "text", contract)
                deed = Archiving(
                    pk=2 * p + at, deed=f"{2 * p + at:032x}", contract=contract, source="crm" if strange else "shop",
                    field="" if hidden else "text", flaw="" if hidden else "missing", records=1, made_at=MONDAY,
                    reason="Nobody asked" if strange else "Nobody answered",
                )  # fmt: skip
                deeds.append(deed)
                rows.append(
                    ArchivedRecord(
                        pk=2 * p + at, archiving=deed, contract=contract, ids_of="shop", own_id=p, number=f"C-{p}",
                        key=f"{key}{'x' if strange else ''}", source=deed.source,
                    )
                )  # fmt: skip
        return deeds, rows

    def statements(self) -> list[Statement]:
        """Why each person leaves: what they answered, which people confirmed, and what they said on the phone."""
        told = {"survey_responses": ("exit_survey", "confirmed"), "interactions": ("call_note", "waiting")}
        found = []
        for p in self.people:
            for at, (kind, (came_from, state)) in enumerate(told.items()):
                strange = self.other(p, "", kind)
                cause = ("moved", "price_high") if strange else ("price_high", "network_quality")
                found.append(
                    Statement(
                        pk=2 * p + at, own_id=p, said_at=MONDAY - timedelta(days=p + 40 * strange), came_from=came_from,
                        left_on=date(2025, 12, 9 + p) if strange else date(2026, 2, 9 + p), suggested=cause[at],
                        confirmed=cause[at] if state == "confirmed" else "", state=state, confidence=0.9 - p / 20 - strange / 10,
                        competitor="Another thing" if strange else "", suggested_by="words", made_at=MONDAY,
                        text=personal.seal(p, self.said(p, kind), context="statement"),
                        went_by=personal.seal(p, self.said(p, kind)[10:], context="statement"),
                    )
                )  # fmt: skip
            # Asked in depth, from the same kind of record as the survey: what corrects what all the others said.
            strange = self.other(p, "", "survey_responses")
            found.append(
                Statement(
                    pk=100 + p, own_id=p, said_at=MONDAY - timedelta(days=p), came_from="staff_interview", record_key=f"{p:032x}",
                    left_on=date(2025, 12, 9 + p) if strange else date(2026, 2, 9 + p), state="confirmed", made_at=MONDAY,
                    confirmed="competitor_offer" if (p + strange) % 2 else "price_high",
                    text=personal.seal(p, self.said(p, "survey_responses"), context="statement"),
                )
            )  # fmt: skip
        return found

    def losses(self) -> list[Loss]:
        """The competitor each person left for, as people say and as they take it from a call."""
        found = []
        for p in self.people:
            for at, (kind, found_in) in enumerate((("customers", "said"), ("interactions", "interactions"))):
                strange = self.other(p, "", kind)
                found.append(
                    Loss(
                        pk=2 * p + at, competitor_id=3 if (p + at + strange) % 2 else 1, own_id=p, found_in=found_in,
                        on=date(2026, 1, 9 + p) if strange else date(2026, 2, 9 + p), record=f"I-9{p}", verdict="confirmed",
                        note=personal.seal(p, self.said(p, kind), context="loss"), decided_at=MONDAY,
                    )
                )  # fmt: skip
        return found

    def requests(self) -> list[SubjectRequest]:
        """What each person asked about their own data."""
        return [
            SubjectRequest(
                pk=p, person_id=p, kind="correct" if p in self.unseen else "export", received_at=MONDAY,
                due_on=date(2026, 3, 20 + (p in self.unseen)), note=personal.seal(p, self.said(p, "customers"), context="request"),
            )
            for p in self.people
        ]  # fmt: skip

    def consents(self) -> list[ConsentEntry]:
        """What each person said about marketing."""
        return [
            ConsentEntry(
                pk=p, person_id=p, purpose="marketing", channel="phone", state="refused" if p in self.unseen else "given",
                evidence=personal.seal(p, self.said(p, "customers"), context="consent"), source="desk", at=MONDAY,
                recorded_at=MONDAY,
            )
            for p in self.people
        ]  # fmt: skip

    def fill(self, folder: Path) -> None:
        """Receive this world's records and build the tables that pages read."""
        lake = Lake(folder)
        links = [{"ids_of": "shop", "customer_id": f"C-{p}", "own_id": p, "person_id": p, "why": "minted"}
                 for p in self.people]  # fmt: skip
        lake.publish("identity/links", pa.Table.from_pylist(links, schema=COMPUTED["identity/links"]))
        for contract, rows in self._records().items():
            columns = {name for row in rows for name in row} - {"extra"}
            with lake.receiving(contract, source="shop", columns=columns, now=MONDAY, file=f"{contract}.csv") as batch:
                more = [pa.field("extra", pa.string()), pa.field("row", pa.int64())]
                schema = pa.schema([*batch.contract.schema, *more])
                # A row's number counts within its customer, so that it does not tell how many others have.
                nth: Counter[str] = Counter()
                filled = []
                for row in rows:
                    nth[row["customer_id"]] += 1
                    number = int(row["customer_id"][2:]) * 100 + nth[row["customer_id"]]
                    filled.append(dict.fromkeys(schema.names) | row | {"row": number})
                batch.append(pa.Table.from_pylist(filled, schema=schema))
                # The stranger is one of the world, not of what the batch says of itself.
                batch.report.update(read=9, accepted=9, rejected=0)
            lake.publish(f"records/{contract}", lake.to_arrow(lake.current(contract)))
        lake.publish("scores/customers", self.cards())
        lake.publish("identity/pairs", self.pairs())
        months = {date(2025, 11, 30): "grow", date(2026, 2, 28): "mature"}
        stages = [{"person_id": p, "as_of": day, "stage": "left" if p in self.unseen else stage}
                  for p in self.people for day, stage in months.items()]  # fmt: skip
        lake.publish("scores/stages", pa.Table.from_pylist(stages, schema=COMPUTED["scores/stages"]))
        for table, rows in self.groups().items():
            lake.publish(table, pa.Table.from_pylist(rows, schema=COMPUTED[table]))
        # Learned from what people confirmed, whoever's customers these are.
        lake.publish_document("causes_learned", {
            "of": {"statements": 90 + len(self.unseen)}, "used": False, "tried": {"asked": 9, "told": 8, "agreed": len(self.unseen)},
        })  # fmt: skip
        lake.publish_document("personas", {
            "kept_share": 0.9, "tried": {"2": 0.5}, "groups": [
                {"number": n, "rows": 3, "en": f"Group {n}", "zh": f"群体{n}", "traits": [
                    {"column": "visits", "level": None, "score": 1.5 - n, "here": 3.0 * n, "among": 4.0}]}
                for n in (1, 2)],
        })  # fmt: skip

    def groups(self) -> dict[str, list[dict[str, Any]]]:
        """Tiers and how they moved, how each buys, and scores of two months; all but the last made of money."""
        made: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in ("scores/tiers", "scores/tier_moves", "scores/habits", "scores/rfm_months", "scores/lives")
        }
        for p in self.people:
            strange, money = p in self.unseen, self.amount(p)
            before, tier = ("growth", "core") if money % 2_000 else ("core", "potential")
            made["scores/tiers"].append(
                {"person_id": p, "tier": tier, "tier_points": money / 1_000, "tier_rule": "core", "p_value": money / 1_000,
                 "p_brought": money / 2_000, "growth": money / 100.0, "newly": money > 50_000, "tenure_days": 300 + strange,
                 "brought_base_minor": money, "tier_before": before, "tier_version": 0, "as_of": date(2026, 2, 28)}
            )  # fmt: skip
            made["scores/tier_moves"].append(
                {"person_id": p, "as_of": date(2026, 2, 28), "at": MONDAY, "tier_before": before, "tier": tier,
                 "tier_why_en": f"Brought {money}", "tier_why_zh": f"贡献 {money}", "tier_version": 0}
            )  # fmt: skip
            made["scores/habits"].append(
                {"person_id": p, "recency_days": 9 + strange, "visits": 3 + strange, "brought_base_minor": money,
                 "discount_share": 0.1 + strange / 2, "margin_share": (money % 7 - 2) / 10, "channel": "shop" if strange else "app", "category": "tea"}
            )  # fmt: skip
            made["scores/lives"].append(
                {"person_id": p, "days": 300 + 10 * p + strange, "ended": p not in STAYED, "kind": "contract",
                 "plan": "silver" if strange else "gold", "ahead_days": 90.0 + p + strange}
            )  # fmt: skip
            for day, cell in ((date(2026, 1, 1), "loyal"), (date(2026, 2, 1), "lost" if strange else "champions")):
                made["scores/rfm_months"].append(
                    {"person_id": p, "as_of": day, "r": 5 - strange, "f": 3, "m": 1 + money // 1_000 % 5, "cell": cell,
                     "abc": "AB"[money % 7 > 3]}
                )  # fmt: skip
        return made

    def _records(self) -> dict[str, list[dict[str, Any]]]:
        day = timedelta(days=1)

        def strange(p: int, kind: str) -> bool:
            return self.other(p, "", kind)

        def every(kind: str, row: Any) -> list[dict[str, Any]]:
            return [{"customer_id": f"C-{p}"} | row(p, strange(p, kind)) for p in self.people]

        return {
            "customers": every("customers", lambda p, s: {
                "name": self.name(p), "phone": self.phone(p), "email": self.email(p), "kind": "individual",
                "id_number": f"3301061988{'99999' if self.other(p, 'id_number') else '00000'}{p}234",
                "birth_date": date(1988, 5 + self.other(p, "birth_date"), 1),
                "street": "A street" if self.other(p, "street") else "The street", "updated_at": MONDAY - 9 * day,
                "extra": json.dumps({"note": "b" if self.other(p, "extra") else "a"}),
            }),
            "orders": [
                {"order_id": f"A-{p}-{month}", "line_no": 1, "customer_id": f"C-{p}", "product_id": "P-1",
                 "ordered_at": datetime(2025 + (month < 3), month, 10 + strange(p, "orders"), 4, tzinfo=UTC),
                 "product_name": "Coffee" if strange(p, "orders") else "Tea", "quantity": 1.0, "kind": "sale",
                 "amount_minor": self.amount(p), "cost_minor": self.amount(p) // 3, "currency": "CNY", "status": "completed", "channel": "app"}
                for p in self.people for month in (1, 2, 10, 11, 12)
                if not (strange(p, "orders") and month % 2)
            ],
            "cases": every("cases", lambda p, s: {
                "case_id": f"Q-{p}", "opened_at": MONDAY - (5 + s) * day, "kind": "complaint",
                "severity": "minor" if s else "severe", "category": "price" if s else "delivery", "channel": "phone",
                "text": self.said(p, "cases"), "compensation_minor": self.amount(p, "cases"), "currency": "CNY",
            }),
            "interactions": every("interactions", lambda p, s: {
                "interaction_id": f"I-{p}", "occurred_at": MONDAY - (4 + s) * day, "channel": "phone",
                "direction": "out" if s else "in", "topic": "price" if s else "refund",
                "text": self.said(p, "interactions"), "duration_seconds": 300.0 + s,
            }),
            "survey_responses": every("survey_responses", lambda p, s: {
                "response_id": f"R-{p}", "question": "nps", "survey": "nps",
                "answered_at": datetime(2026, 2, 3, tzinfo=UTC), "score": 2.0 if s else 9.0,
                "text": self.said(p, "survey_responses"),
            }),
            # Who left in the last twelve months, and why as the contract has it.
            "subscriptions": every("subscriptions", lambda p, s: {
                "subscription_id": f"S-{p}", "started_at": datetime(2025, 2, 15 + s, tzinfo=UTC), "plan": "silver" if s else "gold",
                "ended_at": None if p in STAYED else datetime(2026, 1 + s, 9 + p, tzinfo=UTC), "channel": "shop" if s else "web",
                "end_reason": "moved" if s else "price", "fee_minor": self.amount(p, "subscriptions"), "currency": "CNY",
            }),
            "events": every("events", lambda p, s: {
                "event_id": f"E-{p}", "occurred_at": datetime(2026, 2, 20 + s, 3, tzinfo=UTC),
                "name": "search" if s else "view", "channel": "web",
            }),
            "payments": every("payments", lambda p, s: {
                "payment_id": f"B-{p}", "due_at": datetime(2026, 1, 5, tzinfo=UTC), "currency": "CNY",
                "paid_at": datetime(2026, 1, 4 if s else 9, tzinfo=UTC), "amount_minor": self.amount(p, "payments"),
            }),
            "treatments": every("treatments", lambda p, s: {
                "treatment_id": f"T-{p}", "assigned_at": datetime(2025, 9, 1, tzinfo=UTC), "campaign": "Letter",
                "arm": "treated" if (p + s) % 2 else "control", "propensity": 0.5, "channel": "mail",
                "cost_minor": self.amount(p, "treatments"), "currency": "CNY",
            }),
        }  # fmt: skip
