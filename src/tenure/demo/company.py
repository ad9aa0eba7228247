"""Puts the simulated company together, in the order in which things come about."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.contracts import CONTRACTS
from tenure.demo import (
    behaviour,
    books,
    campaign,
    catalogue,
    churn,
    outside,
    people,
    relations,
    sales,
    service,
    subscriptions,
    surveys,
)
from tenure.demo.causes import CAUSES
from tenure.demo.clock import DAY, OFFSET, ZONE, Calendar, instant
from tenure.demo.doubles import Doubles, draw_doubles, with_family_phones
from tenure.demo.drawing import Numbers, instants
from tenure.demo.stories import retention, satisfaction, shop, work
from tenure.demo.stories.base import Book, Borrowed
from tenure.demo.subscriptions import LATE_RISE_BACK
from tenure.demo.truth import Campaign, Company, Story, Truth
from tenure.errors import TenureError
from tenure.language import Words, tr

FEWEST_CUSTOMERS = 1_000
UNTIL = date(2026, 7, 1)
NAME = Words("Cloudbridge", "云桥通信")


def simulate(customers: int = 20_000, months: int = 24, seed: int = 7, until: date = UNTIL) -> Company:
    """Cloudbridge (云桥通信), a telecom with a shop: its records over `months` months, and the truth behind them.

    customers: true persons of the everyday company; 3 % of them have a second account, and the stories bring
    some 150 customers of their own. until: the first day that is not in it; the first of a month.
    The same arguments give the same tables, byte for byte.
    Raises TenureError for too few customers or months, or an `until` within a month.
    """
    if customers < FEWEST_CUSTOMERS:
        raise TenureError(
            tr(
                "{customers} customers are too few for the company's stories. Give {fewest} or more.",
                customers=customers,
                fewest=FEWEST_CUSTOMERS,
            )
        )
    calendar = Calendar(until, months)

    # What would happen if nobody left.
    everyone = people.draw_people(customers, calendar, seed)
    doubles = draw_doubles(everyone, calendar, seed)
    everyone, traps = with_family_phones(everyone, doubles, seed)
    plans = subscriptions.draw_plans(everyone, calendar, seed)
    bills = subscriptions.draw_bills(everyone, calendar, seed)
    buying, orders = behaviour.draw_orders(everyone, calendar, seed)
    cases = service.draw_cases(everyone, orders, bills, calendar, seed)

    # The stories with a cast of their own, for the month of the breach counts everybody.
    book = Book(calendar, seed)
    stories = [
        retention.churn_breaches_its_line(book),
        retention.two_campus_cohorts(book),
        retention.a_city_mended(book),
        retention.an_offer_ends_next_week(book),
        retention.the_dormant_are_woken(book),
        retention.a_leaver_won_back(book),
        retention.the_blocked_are_left_alone(book),
        retention.sunday_at_three(book),
    ]

    # Who leaves; and with them goes what they would have done.
    hazard = churn.hazards(everyone, plans, orders, cases, bills, calendar)
    leaving = churn.leave(everyone, plans, hazard, calendar, seed, _active_and_leaving(book))
    orders = orders.only(orders.at < leaving.left[orders.person])
    cases = cases.only(cases.opened < leaving.left[cases.person])

    contracts, holders = subscriptions.subscriptions_table(plans, everyone, leaving.left, leaving.stated, calendar)
    deals, stages = sales.deals_tables(everyone, leaving.left, calendar, seed)
    rates = outside.exchange_rates_table(calendar, seed)
    tables = {
        "customers": pa.concat_tables(
            [people.customers_table(everyone, calendar, seed), doubles.rows], promote_options="default"
        ),
        "contacts": people.contacts_table(everyone, calendar, seed),
        "products": catalogue.products_table(calendar),
        "orders": behaviour.orders_table(orders, everyone, doubles, calendar, seed),
        "subscriptions": contracts,
        "events": behaviour.events_table(everyone, orders, leaving.left, leaving.by_choice, calendar, seed),
        "interactions": service.interactions_table(everyone, cases, leaving.left, calendar, seed),
        "cases": service.cases_table(cases, everyone, calendar, seed),
        "survey_responses": surveys.answers_table(everyone, orders, cases, leaving, calendar, seed),
        "treatments": campaign.treatments_table(leaving.lots, everyone),
        "opportunities": deals,
        "opportunity_stages": stages,
        "external_attributes": outside.external_table(everyone, bills.late_payer, calendar, seed),
        "exchange_rates": rates,
        "relations": relations.relations_table(everyone, traps, calendar, seed),
        "spending": books.spending_table(customers, calendar, seed),
    }
    tables["stock"] = books.stock_table(tables["orders"], calendar, seed)

    # The stories that borrow everyday customers, and last the one that weighs all the orders.
    borrowed = Borrowed(everyone, leaving.left, doubles.position, book)
    stories += [
        satisfaction.nps_of_45(book, borrowed),
        satisfaction.csat_by_team(book, borrowed),
        satisfaction.a_feature_mended(book, borrowed),
        satisfaction.wealth_service(book, borrowed),
        shop.watch_then_strap(book, borrowed, customers),
        shop.basket_without_order(book, borrowed, customers),
        shop.points_for_a_new_product(book, borrowed, customers),
        work.broken_packaging(book, borrowed),
        work.forty_eight_hours(book, borrowed),
        work.deals_stick(book, borrowed),
    ]
    persons = _persons(everyone, doubles, book)
    so_far = {
        name: pa.concat_tables([tables[name], book.table(name)], promote_options="default")
        for name in ("orders", "subscriptions")
    }
    stories.append(
        shop.top_fifth_brings_82_percent(book, everyone, leaving.left, so_far, _rates(rates, calendar), persons)
    )

    with_stories = so_far["subscriptions"]
    positions = np.concatenate([holders, np.full(with_stories.num_rows - len(holders), -1)])
    tables["payments"] = subscriptions.payments_table(with_stories, positions, bills, calendar, seed)
    finished = {name: _finished(name, rows, book) for name, rows in sorted(tables.items())}
    return Company(
        name=NAME,
        seed=seed,
        since=_local_date(calendar.since),
        until=until,
        zone=ZONE,
        currency="CNY",
        tables=finished,
        truth=_truth(everyone, doubles, buying, leaving, persons, traps, book, stories),
    )


def _active_and_leaving(book: Book) -> tuple[int, int]:
    """How many of the stories' own customers are active when the month of the breach begins, and leave in it."""
    start, end = book.calendar.start(LATE_RISE_BACK), book.calendar.start(LATE_RISE_BACK - 1)

    def there(at: int) -> set[str]:
        return {
            row["customer_id"]
            for row in book.rows["subscriptions"]
            if row["started_at"] < at and (row["ended_at"] is None or row["ended_at"] >= at)
        }

    return len(there(start)), len(there(start) - there(end))


def _persons(everyone: people.People, doubles: Doubles, book: Book) -> pa.Table:
    """customer_id → the number of the true person, from 1; the stories' own come last."""
    count = len(everyone)
    return pa.table(
        {
            "customer_id": pa.array([*everyone.id, *doubles.second_id, *book.cast], pa.string()),
            "person": pa.array(
                np.concatenate(
                    [np.arange(1, count + 1), doubles.position + 1, np.arange(count + 1, count + 1 + len(book.cast))]
                )
            ),
        }
    )


def _rates(rates: pa.Table, calendar: Calendar) -> Numbers:
    """The rates as currencies × months, the yuan's own first."""
    wide = np.ones((len(shop.CURRENCIES), calendar.months))
    values = np.asarray(rates["rate"].cast(pa.float64()))
    for row, currency in enumerate(shop.CURRENCIES[1:], start=1):
        wide[row] = values[np.asarray(pc.equal(rates["currency"], currency))]
    return wide


def _finished(name: str, rows: pa.Table, book: Book) -> pa.Table:
    """Everyday rows and the stories' together, in order of time, in the contract's columns that hold anything."""
    contract = CONTRACTS[name]
    whole = pa.concat_tables([rows, book.table(name)], promote_options="default").combine_chunks()
    if contract.fact and contract.valid_at:
        at = np.asarray(whole[contract.valid_at].cast(pa.int64() if contract.day else pa.int32()))
        whole = whole.take(pa.array(np.argsort(at, kind="stable")))
    held = [c for c in contract.schema.names if c in whole.column_names and whole[c].null_count < whole.num_rows]
    return whole.select(held).cast(pa.schema([contract.schema.field(c) for c in held]))


def _truth(
    everyone: people.People,
    doubles: Doubles,
    buying: behaviour.Buying,
    leaving: churn.Leaving,
    persons: pa.Table,
    traps: pa.Table,
    book: Book,
    stories: list[Story],
) -> Truth:
    buyers = np.flatnonzero(buying.buys & (buying.first < book.calendar.end))
    known: Mapping[str, Story] = {story.code: story for story in sorted(stories, key=lambda story: story.code)}
    return Truth(
        persons=persons,
        traps=traps,
        churn=_churn(churn.churn_table(leaving, everyone), book),
        causes=CAUSES,
        campaign=Campaign(
            name=campaign.NAME,
            assigned_at=instant(leaving.lots.assigned),
            horizon_days=campaign.HORIZON_DAYS,
            average_effect=float(pc.mean(leaving.effects["effect"]).as_py()),
            effects=leaving.effects,
        ),
        buying=pa.table(
            {
                "customer_id": pa.array(everyone.id[buyers], pa.string()),
                "rate_per_week": pa.array(buying.rate[buyers]),
                "dropout": pa.array(buying.dropout[buyers]),
                "first_at": instants(buying.first[buyers]),
                "shop_only": pa.array(~everyone.has_plan[buyers]),
            }
        ),
        buying_parameters=behaviour.BUYING,
        pairs=pa.table(
            {
                "product_id": pa.array([catalogue.WATCH, catalogue.PHONE]),
                "then_product_id": pa.array([catalogue.STRAP, catalogue.CASE]),
                "within_days": pa.array([30, 0]),
                "share": pa.array([0.8, behaviour.CASE_WITH_PHONE]),
            }
        ),
        stories=known,
    )


def _churn(everyday: pa.Table, book: Book) -> pa.Table:
    """The everyday leavers and the stories', in order of leaving; `returned_at` where one was won back."""
    instants_us = pa.timestamp("us", tz="UTC")
    schema = pa.schema([*everyday.schema, pa.field("returned_at", instants_us)])
    told = [{**row, "control": CAUSES[row["cause"]].control} for row in book.churn]
    both = pa.concat_tables([everyday, pa.Table.from_pylist(told, schema=schema)], promote_options="default")
    return both.sort_by("left_at").combine_chunks()


def _local_date(at: int) -> date:
    return instant(at + OFFSET + DAY // 2).date()
