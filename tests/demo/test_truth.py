"""What is said to be true of the simulated company is what its records came from."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from tenure.demo import simulate

DAY = pd.Timedelta(days=1)


def test_who_left_is_who_has_no_running_subscription(company, frames):
    subscriptions, churn = frames["subscriptions"], company.truth.churn.to_pandas()
    running = subscriptions.groupby("customer_id").ended_at.apply(lambda ended: ended.isna().any())
    away = churn[churn.returned_at.isna()]

    assert set(running[~running].index) == set(away.customer_id)
    assert not churn.customer_id.duplicated().any()
    assert len(churn) > 300


def test_a_subscription_ends_when_its_customer_left_and_for_what_they_said(company, frames):
    ended = frames["subscriptions"].dropna(subset=["ended_at"])
    churn = company.truth.churn.to_pandas().set_index("customer_id").loc[ended.customer_id]

    assert (churn.left_at.to_numpy() == ended.ended_at.to_numpy()).all()
    assert (churn.stated.to_numpy() == ended.end_reason.to_numpy()).all()


def test_some_leave_for_another_cause_than_they_say(company):
    churn = company.truth.churn.to_pandas()

    honest = (churn.cause == churn.stated).mean()

    assert 0.55 < honest < 0.85
    assert set(churn.cause) == set(company.truth.causes)
    assert set(churn.control) == {"controllable", "uncontrollable", "mixed"}


def test_nobody_does_anything_after_leaving(company, frames):
    churn = company.truth.churn.to_pandas()
    left = churn[churn.returned_at.isna()].set_index("customer_id").left_at

    for name, at in (
        ("orders", "ordered_at"),
        ("events", "occurred_at"),
        ("cases", "opened_at"),
        ("payments", "due_at"),
    ):
        rows = frames[name][frames[name].customer_id.isin(left.index)]
        if name == "orders":
            rows = rows[rows.kind == "sale"]
        assert len(rows) > 20
        assert (rows[at].to_numpy() <= left[rows.customer_id].to_numpy()).all()


def test_three_percent_of_the_persons_have_a_second_account(company, frames):
    persons = company.truth.persons.to_pandas()
    second = persons[persons.customer_id.str.startswith("W-")]
    everyday = persons[persons.customer_id.str.match(r"C-\d")]

    assert len(second) == 45
    assert set(second.person) <= set(everyday.person)
    assert sorted(persons.customer_id) == sorted(frames["customers"].customer_id)


def test_a_second_account_shares_a_phone_or_an_e_mail_but_not_always_the_name(company, frames):
    customers = frames["customers"].set_index("customer_id")
    persons = company.truth.persons.to_pandas()
    second = persons[persons.customer_id.str.startswith("W-")]
    first = persons[persons.customer_id.str.match(r"C-\d")].set_index("person").customer_id

    def digits(phone):
        return "".join(filter(str.isdigit, str(phone)))[-11:]

    shared, spelt_alike = 0, 0
    for row in second.itertuples():
        a, b = customers.loc[first[row.person]], customers.loc[row.customer_id]
        shared += digits(a.phone) == digits(b.phone) or str(a.email).lower() == str(b.email).lower()
        spelt_alike += a["name"] == b["name"]

    assert shared == len(second)
    assert 0 < spelt_alike < len(second)


def test_a_family_shares_a_phone_and_is_two_persons(company, frames):
    customers = frames["customers"].set_index("customer_id")
    person = company.truth.persons.to_pandas().set_index("customer_id").person
    traps = company.truth.traps.to_pandas()

    def digits(phone):
        return "".join(filter(str.isdigit, phone))[-11:]

    assert len(traps) >= 4
    for pair in traps.itertuples():
        assert digits(customers.phone[pair.customer_a]) == digits(customers.phone[pair.customer_b])
        assert person[pair.customer_a] != person[pair.customer_b]


def test_some_orders_are_placed_under_the_second_account(frames):
    assert frames["orders"].customer_id.str.startswith("W-").sum() > 5


def _campaign(company, frames):
    """Arm and whether still there after 90 days, counted from the records."""
    campaign = company.truth.campaign
    treated = frames["treatments"][frames["treatments"].campaign == campaign.name].set_index("customer_id")
    ends = frames["subscriptions"].groupby("customer_id").ended_at.max().reindex(treated.index)
    over = campaign.assigned_at + pd.Timedelta(days=campaign.horizon_days)
    stayed = ~(ends < over)
    return treated.arm == "treated", stayed


def test_the_campaign_was_drawn_by_a_fair_coin(company, frames):
    treated, _ = _campaign(company, frames)
    campaign = frames["treatments"][frames["treatments"].campaign == company.truth.campaign.name]

    assert (campaign.propensity == 0.5).all()
    assert abs(treated.mean() - 0.5) < 2.6 * 0.5 / np.sqrt(len(treated))


def test_the_difference_between_the_arms_covers_the_true_effect():
    """In a company large enough to tell it from nothing."""
    company = simulate(customers=12_000, months=18, seed=11)
    frames = {name: company.tables[name].to_pandas() for name in ("treatments", "subscriptions")}
    treated, stayed = _campaign(company, frames)

    difference = stayed[treated].mean() - stayed[~treated].mean()
    error = np.sqrt(stayed[treated].var() / treated.sum() + stayed[~treated].var() / (~treated).sum())

    truth = company.truth.campaign.average_effect
    assert difference - 1.96 * error < truth < difference + 1.96 * error
    assert truth > 1.96 * error


def test_what_came_of_the_campaign_is_what_the_lot_let_happen(company, frames):
    treated, stayed = _campaign(company, frames)
    effects = company.truth.campaign.effects.to_pandas().set_index("customer_id")

    expected = np.where(treated, effects.stayed_if_treated[treated.index], effects.stayed_if_untreated[treated.index])

    assert (stayed.to_numpy() == expected).all()


def test_the_campaign_helps_the_price_sensitive_and_wakes_sleeping_dogs(company):
    effects = company.truth.campaign.effects.to_pandas()
    mean = effects.groupby("disposition").effect.mean()

    assert mean["price_sensitive"] > 0.08
    assert mean["plain"] == 0
    assert mean["sleeping_dog"] < -0.03
    assert (effects.effect == 0).mean() > 0.6
    assert np.isclose(effects.effect.mean(), company.truth.campaign.average_effect)


def _panel(frames):
    """Customer-months of the individuals with a subscription, and who left in each."""
    subscriptions = frames["subscriptions"]
    subscriptions = subscriptions[subscriptions.customer_id.str.match(r"C-\d")]
    people = subscriptions.groupby("customer_id").agg(started=("started_at", "min"), ended=("ended_at", "max"))
    starts = pd.date_range("2024-07-01", periods=25, freq="MS", tz="Asia/Shanghai")
    parts = []
    for month, (start, end) in enumerate(pairwise(starts)):
        here = people[(people.started < start - 31 * DAY) & ~(people.ended < start)]
        parts.append(pd.DataFrame({"customer_id": here.index, "month": month, "left": (here.ended < end).to_numpy()}))
    return pd.concat(parts), starts


def _ratio(panel, starts, rows, at):
    """How many times likelier a customer is to leave in the two months after such a thing as else."""
    month = (
        np.searchsorted(
            starts.tz_convert("UTC").as_unit("us").asi8, at.astype("datetime64[us, UTC]").astype("int64"), "right"
        )
        - 1
    )
    felt = {(c, m + k) for c, m in zip(rows.customer_id, month, strict=True) for k in (1, 2)}
    exposed = np.array([pair in felt for pair in zip(panel.customer_id, panel.month, strict=True)])
    assert exposed.sum() > 60
    return panel.left[exposed].mean() / panel.left[~exposed].mean()


def test_each_controllable_cause_can_be_seen_to_drive_people_away(frames):
    panel, starts = _panel(frames)
    orders, cases, payments = frames["orders"], frames["cases"], frames["payments"]
    late = orders[(orders.delivered_at > orders.promised_at + DAY) & (orders.kind == "sale")]
    complaints = cases[cases.kind == "complaint"]
    slow = complaints[~(complaints.resolved_at <= complaints.opened_at + 2 * DAY)]
    network = complaints[complaints.category == "network"]
    usual = payments.groupby("subscription_id").amount_minor.transform("median")
    shock = payments[payments.amount_minor > 1.7 * usual]

    assert _ratio(panel, starts, late, late.promised_at + DAY) > 1.5
    assert _ratio(panel, starts, slow, slow.opened_at + 2 * DAY) > 1.5
    assert _ratio(panel, starts, network, network.opened_at) > 1.5
    assert _ratio(panel, starts, shock, shock.due_at) > 1.5


def test_the_end_of_a_term_is_a_moment_to_leave(frames):
    panel, starts = _panel(frames)
    terms = frames["subscriptions"].groupby("customer_id").term_ends_at.min().reset_index()
    before = terms.term_ends_at - 31 * DAY  # the month of the end itself counts

    assert _ratio(panel, starts, terms, before) > 1.2


def test_leavers_by_choice_read_how_to_cancel_and_the_departed_do_not(company, frames):
    churn = company.truth.churn.to_pandas()
    views = frames["events"][frames["events"].object == "/help/cancel"].merge(churn, on="customer_id")
    near = views[(views.left_at - views.occurred_at) < 62 * DAY].groupby("control").size()
    leavers = churn.groupby("control").size()

    assert near["controllable"] / leavers["controllable"] > 0.3
    assert near.get("uncontrollable", 0) / leavers["uncontrollable"] < 0.15


def test_monthly_churn_is_that_of_a_plausible_company(frames):
    panel, _ = _panel(frames)

    assert 0.015 < panel.left.mean() < 0.04


def test_a_phone_is_bought_with_a_case_as_often_as_said(company, frames):
    orders = frames["orders"]
    orders = orders[(orders.kind == "sale") & orders.order_id.str.match(r"A-\d")]
    baskets = orders.groupby("order_id").product_id.agg(set)
    with_phone = baskets[baskets.map(lambda goods: "P-PHONE" in goods)]
    said = company.truth.pairs.filter(pc.equal(company.truth.pairs["product_id"], "P-PHONE"))["share"][0].as_py()

    share = with_phone.map(lambda goods: "P-CASE" in goods).mean()

    # A case may also come by itself, so the share seen is a little above.
    assert said - 0.08 < share < said + 0.15


def test_shop_only_customers_buy_as_often_as_their_rate_says_until_they_drop_out():
    """Of two big groups by true rate, the faster one has more orders; the mean first gap follows the rates drawn."""
    company = simulate(customers=4_000, seed=5)
    buying = company.truth.buying.to_pandas()
    buying = buying[buying.shop_only].set_index("customer_id")
    orders = company.tables["orders"].to_pandas()
    orders = orders[(orders.kind == "sale")]
    days = orders.groupby("customer_id").order_id.nunique().reindex(buying.index).fillna(0)

    fast = buying.rate_per_week > buying.rate_per_week.median()

    assert days[fast].mean() > 1.5 * days[~fast].mean()
    assert abs(buying.rate_per_week.mean() - 0.9 / 9.0) < 0.02
    assert abs(buying.dropout.mean() - 0.8 / 3.4) < 0.04
