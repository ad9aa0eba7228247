"""What is true of a simulated company, and what no company can see of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from tenure.demo.causes import Cause
from tenure.language import Words


@dataclass(frozen=True)
class Story:
    """One story the company's records tell, and the figures they must come to.

    where: what picks its rows out (a survey, a city, a product …). periods: half-open, by name.
    expected: the figures, shares as 0 to 1, scores and days as they are. customers: its cast, where it has its own.
    """

    code: str
    words: Words
    where: Mapping[str, str]
    periods: Mapping[str, tuple[datetime, datetime]]
    expected: Mapping[str, float]
    customers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Campaign:
    """The retention campaign drawn by lot: its true effect on staying `horizon_days`, in points of probability.

    average_effect: mean of the chances gained over everyone in it. effects: one row each (customer_id, disposition,
    treated, stays_untreated, stays_treated, effect, stayed_if_untreated, stayed_if_treated).
    """

    name: str
    assigned_at: datetime
    horizon_days: int
    average_effect: float
    effects: pa.Table


@dataclass(frozen=True)
class Truth:
    """The answers to what the product tries to find.

    persons: customer_id, person; rows of one person are one being. traps: customer_a, customer_b, reason; different
    beings that look alike. churn: customer_id, left_at, cause, control, stated, returned_at. causes: by name.
    buying: customer_id, rate_per_week, dropout, first_at, shop_only; drawn with `buying_parameters` (BG/NBD, weeks);
    those with a plan stop buying when they leave, so only the shop-only follow the model to the letter.
    pairs: product_id, then_product_id, within_days, share.
    """

    persons: pa.Table
    traps: pa.Table
    churn: pa.Table
    causes: Mapping[str, Cause]
    campaign: Campaign
    buying: pa.Table
    buying_parameters: Mapping[str, float]
    pairs: pa.Table
    stories: Mapping[str, Story]


@dataclass(frozen=True)
class Company:
    """A simulated company: its records by contract, in the contract's columns and types, and the truth behind them.

    Business days are those of `zone`; money without a currency is in `currency`. Nothing has happened on or after
    `until`.
    """

    name: Words
    seed: int
    since: date
    until: date
    zone: str
    currency: str
    tables: Mapping[str, pa.Table]
    truth: Truth
