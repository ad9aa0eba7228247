"""What a story is written with: a book that collects its rows, and customers it may borrow."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.contracts import CONTRACTS
from tenure.demo import names
from tenure.demo.catalogue import plan, product
from tenure.demo.clock import DAY, HOUR, Calendar, add_months
from tenure.demo.drawing import stream
from tenure.demo.people import People
from tenure.demo.subscriptions import NEVER

ZHOUSHAN = names.City("舟山", "浙江", "East", 0)


class Book:
    """Rows the stories add to the company, by contract, and what is true of their own customers.

    Ids tell the story they belong to: customer C-S15, order A-S15-0003. Instants are microseconds in UTC.
    """

    def __init__(self, calendar: Calendar, seed: int) -> None:
        self.calendar = calendar
        self.rng = stream(seed, "stories")
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.cast: list[str] = []
        self.churn: list[dict[str, Any]] = []
        self._numbers: Counter[tuple[str, str]] = Counter()

    def add(self, contract: str, **row: Any) -> None:
        self.rows.setdefault(contract, []).append(row)

    def number(self, contract: str, code: str) -> str:
        """The next number of this contract's rows in the story."""
        letter = {
            "orders": "A",
            "cases": "Q",
            "interactions": "I",
            "subscriptions": "S",
            "events": "E",
            "survey_responses": "R",
            "treatments": "T",
            "opportunities": "D",
        }[contract]
        self._numbers[contract, code] += 1
        return f"{letter}-{code}-{self._numbers[contract, code]:04d}"

    def table(self, contract: str) -> pa.Table:
        """The rows of this contract, in all of its columns."""
        schema = CONTRACTS[contract].schema
        return pa.Table.from_pylist(self.rows.get(contract, []), schema=schema)

    def customer(
        self, customer_id: str, *, joined: int, name: str | None = None, city: str = "杭州", **more: Any
    ) -> str:
        """A customer of the story's own, a person like any other unless `more` says otherwise."""
        place = next(c for c in (*names.CITIES, ZHOUSHAN) if c.name == city)
        team = next(t for t in names.TEAMS if t.name == place.team)
        serial = len(self.cast)
        if name is None:
            family = names.SURNAMES[int(self.rng.integers(0, len(names.SURNAMES)))][0]
            given = (names.GIVEN_MALE, names.GIVEN_FEMALE)[serial % 2]
            name = family + "".join(given[int(k)][0] for k in self.rng.integers(0, len(given), 2))
        row = {
            "customer_id": customer_id,
            "kind": "individual",
            "name": name,
            "phone": f"170{serial:08d}",
            "email": f"story{serial}@example.com",
            "region": place.region,
            "city": place.name,
            "team": team.name,
            "owner": team.owners[serial % 2],
            "acquisition_channel": "store",
            "language": "zh",
            "blocked": False,
            "created_at": joined,
            "updated_at": joined,
        }
        self.add("customers", **{**row, **more})
        self.cast.append(customer_id)
        return customer_id

    def subscribe(
        self,
        code: str,
        customer_id: str,
        plan_name: str,
        started: int,
        *,
        months: int = 24,
        ended: int | None = None,
        cause: str | None = None,
        stated: str | None = None,
    ) -> None:
        """A contract; with `ended` and its true cause, the customer left then."""
        tariff = plan(plan_name)
        term_ends = int(add_months(np.array([started]), np.array([months]))[0])
        self.add(
            "subscriptions",
            subscription_id=self.number("subscriptions", code),
            customer_id=customer_id,
            plan=tariff.name,
            product_id=tariff.product,
            started_at=started,
            term_ends_at=term_ends,
            ended_at=ended,
            end_reason=stated or cause,
            fee_minor=tariff.fee * 100,
            currency="CNY",
            period_months=1,
            auto_renew=False,
            channel="store",
        )
        if ended is not None and cause:
            self.churn.append({"customer_id": customer_id, "left_at": ended, "cause": cause, "stated": stated or cause})

    def order(
        self,
        code: str,
        customer_id: str,
        product_id: str,
        at: int,
        *,
        quantity: int = 1,
        late_days: float = 0.0,
        yuan: Decimal | None = None,
    ) -> None:
        """An order of one line, delivered half a day before the promise, or `late_days` after it."""
        goods = product(product_id)
        price = Decimal(goods.price) if yuan is None else yuan
        promised = at + 3 * DAY
        delivered = promised + int((late_days or -0.5) * DAY)
        arrived = delivered < self.calendar.end
        self.add(
            "orders",
            order_id=self.number("orders", code),
            line_no=1,
            customer_id=customer_id,
            ordered_at=at,
            product_id=product_id,
            product_name=goods.words.zh,
            quantity=float(quantity),
            unit_price=price,
            amount_minor=int(price * quantity * 100),
            discount_minor=0,
            currency="CNY",
            kind="sale",
            status="completed" if arrived else "pending",
            channel="app",
            promised_at=promised,
            delivered_at=delivered if arrived else None,
        )

    def case(
        self, code: str, customer_id: str, at: int, text: str, *, category: str, hours: float | None = None, **more: Any
    ) -> str:
        """A complaint, solved after so many hours, or open still where `hours` is None."""
        case_id = self.number("cases", code)
        row: dict[str, Any] = {
            "case_id": case_id,
            "customer_id": customer_id,
            "opened_at": at,
            "kind": "complaint",
            "severity": "normal",
            "category": category,
            "channel": "hotline",
            "subject": category,
            "text": text,
            "currency": "CNY",
        }
        if hours is not None:
            row |= {
                "first_response_at": at + int(hours * HOUR / 4),
                "resolved_at": at + int(hours * HOUR),
                "outcome": "已解决",
                "cause": category,
                "handoffs": 0,
                "agent": "dee",
            }
        self.add("cases", **{**row, **more})
        return case_id

    def answer(
        self,
        code: str,
        customer_id: str,
        at: int,
        survey: str,
        score: float | None,
        *,
        question: str,
        touchpoint: str,
        text: str | None = None,
    ) -> None:
        self.add(
            "survey_responses",
            response_id=self.number("survey_responses", code),
            question=question,
            customer_id=customer_id,
            answered_at=at,
            survey=survey,
            score=score,
            text=text,
            touchpoint=touchpoint,
            channel="app",
        )

    def treat(
        self,
        code: str,
        customer_id: str,
        at: int,
        campaign: str,
        arm: str,
        *,
        propensity: float | None = None,
        offer: str | None = None,
        expires: int | None = None,
        yuan: int = 0,
    ) -> None:
        treated = arm == "treated"
        self.add(
            "treatments",
            treatment_id=self.number("treatments", code),
            customer_id=customer_id,
            assigned_at=at,
            campaign=campaign,
            arm=arm,
            propensity=propensity,
            channel="sms" if treated else None,
            offer=offer if treated else None,
            cost_minor=yuan * 100 if treated else 0,
            currency="CNY",
            expires_at=expires if treated else None,
        )

    def event(self, code: str, customer_id: str, at: int, name: str, page: str) -> None:
        self.add(
            "events",
            event_id=self.number("events", code),
            customer_id=customer_id,
            occurred_at=at,
            name=name,
            channel="app",
            object=page,
        )

    def contact(
        self,
        code: str,
        customer_id: str,
        at: int,
        *,
        channel: str,
        topic: str,
        text: str,
        direction: str = "in",
        agent: str | None = None,
        sentiment: float | None = None,
    ) -> None:
        self.add(
            "interactions",
            interaction_id=self.number("interactions", code),
            customer_id=customer_id,
            occurred_at=at,
            channel=channel,
            direction=direction,
            topic=topic,
            text=text,
            agent=agent,
            sentiment=sentiment,
        )

    def spread(self, start: int, end: int, count: int) -> list[int]:
        """So many instants, evenly through the span and by day at a working hour; nothing is left to chance."""
        step = (end - start) / count
        return [start + int((i + 0.5) * step) for i in range(count)]


class Borrowed:
    """Customers of the everyday company that stories may use: individuals who stay to the end, known for ten months."""

    def __init__(self, people: People, left: Any, doubled: Any, book: Book) -> None:
        fits = people.has_plan & ~people.organisation & ~people.blocked & (left == NEVER)
        fits &= people.joined < book.calendar.start(10)
        fits[doubled] = False
        self._people = people
        self._free = [int(i) for i in book.rng.permutation(np.flatnonzero(fits))]
        self._all = list(self._free)
        self._next = 0
        firms = np.flatnonzero(people.organisation & (left == NEVER) & (people.joined < book.calendar.start(12)))
        self._firms = [int(i) for i in firms]

    def take(self, count: int) -> list[str]:
        """Customers no other story takes, where the story counts what they buy."""
        taken = self._free[self._next : self._next + count]
        if len(taken) < count:
            raise ValueError(f"{count} customers wanted, {len(taken)} left")
        self._next += count
        return [str(self._people.id[i]) for i in taken]

    def some(self, count: int, team: str | None = None) -> list[str]:
        """Different customers, whoever they are, of one team where named."""
        found = [i for i in self._all if team is None or names.TEAMS[self._people.team[i]].name == team]
        if len(found) < count:
            raise ValueError(f"{count} customers of {team or 'any team'} wanted, there are {len(found)}")
        return [str(self._people.id[i]) for i in found[:count]]

    def firms(self, count: int) -> list[tuple[str, str]]:
        """Organisations and the user who looks after each, the same ones again where there are fewer."""
        chosen = [self._firms[k % len(self._firms)] for k in range(count)]
        return [
            (str(self._people.id[i]), names.TEAMS[self._people.team[i]].owners[self._people.owner[i]]) for i in chosen
        ]


def csat_scores(count: int, satisfied: int) -> list[int]:
    """`count` answers of 20, 40 … 100 whose mean is also their share of satisfied (80 or 100) in percent.

    Companies mean either by CSAT; with these answers both give the same figure, e.g. 74.
    """
    high, low = satisfied, count - satisfied
    total = satisfied * 100
    if total % count:
        raise ValueError(f"{satisfied} of {count} is no whole percent")
    for hundreds in range(high + 1):
        rest = total - 80 * high - 20 * hundreds
        if 20 * low <= rest <= 60 * low and rest % 20 == 0:
            lows = [20] * low
            for i in range((rest - 20 * low) // 20):
                lows[i % low] += 20
            return [100] * hundreds + [80] * (high - hundreds) + lows
    raise ValueError(f"no answers have both {satisfied} of {count} satisfied and that mean")


def mixed(values: Sequence[int], book: Book) -> list[int]:
    """The same values in another order."""
    return [values[int(i)] for i in book.rng.permutation(len(values))]
