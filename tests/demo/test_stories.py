"""Each story's figure comes out of the company's records, counted here by hand."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tenure.contracts import CONTRACTS

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def told(company, frames):
    """Rows of a table within one of a story's periods."""

    def rows(code, contract, period):
        start, end = company.truth.stories[code].periods[period]
        at = frames[contract][CONTRACTS[contract].valid_at]
        return frames[contract][(at >= start) & (at < end)]

    return rows


def _churn(subscriptions, start, end):
    """Share of the customers active at the start who are not at the end."""

    def there(at):
        running = (subscriptions.started_at < at) & ~(subscriptions.ended_at < at)
        return set(subscriptions.customer_id[running])

    return len(there(start) - there(end)) / len(there(start)), len(there(start))


def test_every_story_is_told_in_both_languages(company):
    for story in company.truth.stories.values():
        assert story.words.en != story.words.zh
        assert story.expected
        assert story.where


def test_s01_sixty_twenty_five_and_fifteen_of_a_hundred_answers_are_an_nps_of_45(company, told):
    answers = told("S01", "survey_responses", "wave")
    scores = answers[answers.survey == "nps"].score

    promoters, detractors = (scores >= 9).sum(), (scores <= 6).sum()

    assert (len(scores), promoters, detractors) == (100, 60, 15)
    assert promoters - detractors == 45 == company.truth.stories["S01"].expected["nps"]


def test_s02_satisfaction_by_team_is_74_75_and_90_by_mean_and_by_share(company, frames, told):
    answers = told("S02", "survey_responses", "month")
    answers = answers[answers.survey == "csat"].merge(frames["customers"][["customer_id", "team"]], on="customer_id")

    mean = answers.groupby("team").score.mean()
    share = answers.groupby("team").score.agg(lambda s: 100 * (s >= 80).mean())

    for team, value in {"North": 74, "East": 75, "South": 90}.items():
        assert mean[team] == pytest.approx(value)
        assert share[team] == pytest.approx(value)
        assert company.truth.stories["S02"].expected[team] == value


def test_s03_the_month_of_the_price_rise_loses_5_1_percent(company, frames):
    churn, active = _churn(frames["subscriptions"], *company.truth.stories["S03"].periods["month"])

    assert abs(churn - 0.051) <= 0.5 / active + 1e-12


def test_s03_no_other_month_breaches_its_line_like_it(company, frames):
    start, _ = company.truth.stories["S03"].periods["month"]
    starts = pd.date_range(end=pd.Timestamp(start).tz_convert("Asia/Shanghai"), periods=23, freq="MS")

    others = [_churn(frames["subscriptions"], a, b)[0] for a, b in pairwise(starts)]

    assert max(others) < 0.05


def test_s04_campus_retention_goes_from_80_to_92_percent(company, frames):
    story = company.truth.stories["S04"]
    campus = frames["customers"][frames["customers"].acquisition_channel == "campus"]
    subscriptions = frames["subscriptions"].merge(campus[["customer_id"]])

    kept = {}
    for cohort, (start, end) in story.periods.items():
        mine = subscriptions[(subscriptions.started_at >= start) & (subscriptions.started_at < end)]
        kept[cohort] = (~(mine.ended_at < mine.started_at + pd.DateOffset(months=6))).mean()
        assert len(mine) == 50

    assert kept == {"before": 0.8, "after": 0.92}
    assert kept["after"] / kept["before"] - 1 == pytest.approx(story.expected["relative_rise"])


def test_s05_the_top_fifth_of_customers_brings_82_percent(company, frames):
    orders = frames["orders"]
    orders = orders[(orders.status != "cancelled") & orders.customer_id.notna()].copy()
    rates = frames["exchange_rates"].copy()
    rates["rate"] = rates.rate.astype(float)
    midnight = pd.to_datetime(rates.valid_on).dt.tz_localize("Asia/Shanghai")
    rates["at"] = midnight.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    rates = rates[["at", "currency", "rate"]].sort_values("at")
    orders = pd.merge_asof(orders, rates, left_on="ordered_at", right_on="at", by="currency")
    orders["money"] = (orders.amount_minor * orders.rate.fillna(1.0)).round()
    start, end = company.truth.stories["S05"].periods["period"]
    fees = frames["subscriptions"].copy()
    ran = fees.ended_at.fillna(end) - fees.started_at.clip(lower=start)
    fees["money"] = fees.fee_minor * 24 * (ran / (end - start))
    persons = company.truth.persons.to_pandas()

    money = pd.concat([orders[["customer_id", "money"]], fees[["customer_id", "money"]]]).merge(persons)
    by_person = money.groupby("person").money.sum().sort_values(ascending=False)
    by_person = by_person[by_person > 0]

    assert by_person.head(len(by_person) // 5).sum() / by_person.sum() == pytest.approx(0.82, abs=0.0005)


def test_s06_four_in_five_watch_buyers_buy_a_strap_within_a_month(company, frames):
    orders = frames["orders"]
    watches = orders[orders.product_id == "P-WATCH"][["customer_id", "ordered_at"]]
    straps = orders[orders.product_id == "P-STRAP"][["customer_id", "ordered_at"]]
    both = watches.merge(straps, on="customer_id", suffixes=("", "_strap"))
    soon = both[(both.ordered_at_strap >= both.ordered_at) & (both.ordered_at_strap < both.ordered_at + 30 * DAY)]

    assert watches.customer_id.nunique() == company.truth.stories["S06"].expected["buyers"]
    assert soon.customer_id.nunique() / watches.customer_id.nunique() == 0.8
    assert straps.customer_id.nunique() > soon.customer_id.nunique()  # others buy straps as well


def test_s07_conversion_of_the_tablets_page_rises_from_20_to_23_percent(company, frames, told):
    rates = {}
    for period in ("before", "after"):
        events = told("S07", "events", period)
        events = events[events.object == "/shop/P-TAB"]
        basket = set(events.customer_id[events.name == "add_to_basket"])
        ordered = set(events.customer_id[events.name == "order"])
        assert ordered <= basket
        bought = told("S07", "orders", period)
        assert set(bought.customer_id[bought.product_id == "P-TAB"]) == ordered
        rates[period] = len(ordered) / len(basket)

    assert rates == {"before": 0.2, "after": 0.23}
    assert rates["after"] / rates["before"] - 1 == pytest.approx(company.truth.stories["S07"].expected["relative_rise"])


def test_s08_points_lift_repurchase_by_40_percent_over_the_hold_out(frames):
    arms = frames["treatments"][frames["treatments"].campaign == "points-for-the-camera"]
    cameras = frames["orders"][frames["orders"].product_id == "P-CAM"][["customer_id", "ordered_at"]]
    later = arms.merge(cameras, on="customer_id")
    later = later[(later.ordered_at >= later.assigned_at) & (later.ordered_at < later.assigned_at + 60 * DAY)]

    share = later.groupby("arm").customer_id.nunique() / arms.groupby("arm").customer_id.nunique()

    assert share["treated"] == 0.35
    assert share["control"] == 0.25
    assert share["treated"] / share["control"] - 1 == pytest.approx(0.4)


def test_s09_fewer_posts_complain_once_the_feature_is_mended_and_satisfaction_rises_a_fifth(told):
    posts, csat = {}, {}
    for period in ("before", "after"):
        contacts, answers = told("S09", "interactions", period), told("S09", "survey_responses", period)
        posts[period] = ((contacts.channel == "social") & (contacts.topic == "bill-sharing")).sum()
        csat[period] = answers[answers.touchpoint == "bill-sharing"].score.mean()

    assert posts == {"before": 60, "after": 9}
    assert csat["before"] == pytest.approx(65)
    assert csat["after"] / csat["before"] - 1 == pytest.approx(0.2)


def test_s10_fewer_complain_again_of_broken_packaging_once_its_cause_is_corrected(told):
    recurrence = {}
    for period in ("before", "after"):
        cases = told("S10", "cases", period)
        cases = cases[(cases.category == "packaging") & (cases.cause == "packaging broken")]
        first = cases.groupby("customer_id").opened_at.min()
        again = cases.opened_at > first[cases.customer_id].to_numpy()
        soon = cases.opened_at < first[cases.customer_id].to_numpy() + 30 * DAY
        recurrence[period] = (len(first), cases[again & soon].customer_id.nunique() / len(first))

    assert recurrence == {"before": (40, 0.4), "after": (20, 0.1)}


def test_s11_the_48_hours_are_lost_between_the_desks(company, told):
    hours = {}
    for period in ("before", "after"):
        cases = told("S11", "cases", period)
        cases = cases[cases.category == "refund-dispute"]
        hours[period] = (cases.resolved_at - cases.opened_at).mean() / pd.Timedelta(hours=1)
        assert cases.handoffs.iloc[0] == {"before": 3, "after": 1}[period]
    cases = told("S11", "cases", "before").set_index("case_id")
    turns = told("S11", "interactions", "before")
    turns = turns[turns.channel == "desk"].sort_values(["topic", "occurred_at"])
    last = turns.topic.map(cases.resolved_at)
    until = turns.groupby("topic").occurred_at.shift(-1).fillna(last)
    spent = ((until - turns.occurred_at) / pd.Timedelta(hours=1)).groupby(turns.agent).mean()

    assert hours == {"before": 48, "after": 12}
    assert spent.to_dict() == {"hotline": 6, "shop": 14, "back-office": 20, "finance": 8}
    assert spent.idxmax() == company.truth.stories["S11"].where["slowest"]


def test_s12_deals_take_78_days_instead_of_60_and_stick_in_the_proposal(company, frames):
    deals = frames["opportunities"][frames["opportunities"].pipeline == "dedicated-lines"]
    stages = frames["opportunity_stages"].pivot(index="opportunity_id", columns="stage", values="entered_at")
    cycle, proposal = {}, {}
    for period in ("before", "after"):
        start, end = company.truth.stories["S12"].periods[period]
        won = deals[(deals.outcome == "won") & (deals.closed_at >= start) & (deals.closed_at < end)]
        entered = stages.loc[won.opportunity_id]
        cycle[period] = (won.closed_at - won.opened_at).mean() / DAY
        proposal[period] = (entered.negotiate - entered.proposal).mean() / DAY
        assert len(won) == 20

    assert cycle == {"before": 60, "after": 78}
    assert cycle["after"] / cycle["before"] - 1 == pytest.approx(0.3)
    assert proposal == {"before": 20, "after": 38}
    waiting = stages.loc[deals[deals.outcome.isna()].opportunity_id].proposal
    assert len(waiting) == 5
    assert (waiting < pd.Timestamp(company.until, tz="Asia/Shanghai") - 30 * DAY).all()


def test_s13_churn_in_the_mended_city_goes_from_10_to_5_percent(company, frames, told):
    story = company.truth.stories["S13"]
    here = frames["customers"][frames["customers"].city == "舟山"][["customer_id"]]
    subscriptions = frames["subscriptions"].merge(here)
    late, hours = {}, {}
    for name, period in (("before", "trouble"), ("after", "mended")):
        orders = told("S13", "orders", period).merge(here)
        late[name] = (orders.delivered_at > orders.promised_at + DAY).mean()
        cases = told("S13", "cases", period).merge(here)
        hours[name] = (cases.resolved_at - cases.opened_at).mean() / pd.Timedelta(hours=1)

    assert _churn(subscriptions, *story.periods["before"]) == (0.10, 100)
    assert _churn(subscriptions, *story.periods["after"]) == (0.05, 100)
    assert late == {"before": 0.5, "after": 0.05}
    assert hours == {"before": 72, "after": 12}


def test_s14_the_wealth_service_goes_from_70_to_85(told):
    csat = {}
    for period in ("before", "after"):
        answers = told("S14", "survey_responses", period)
        csat[period] = answers[answers.touchpoint == "wealth-service"].score.mean()

    assert csat["before"] == pytest.approx(70)
    assert csat["after"] == pytest.approx(85)


def test_s15_a_running_customers_offer_and_contract_end_within_the_next_week(company, frames):
    end = pd.Timestamp(company.until, tz="Asia/Shanghai")
    contract = frames["subscriptions"].set_index("customer_id").loc["C-S15"]
    offer = frames["treatments"].set_index("customer_id").loc["C-S15"]
    spent = frames["orders"].groupby("customer_id").amount_minor.sum()

    assert end <= offer.expires_at < end + 7 * DAY
    assert end <= contract.term_ends_at < end + 7 * DAY
    assert pd.isna(contract.ended_at)
    assert 0.4 < (spent < spent["C-S15"]).mean() < 0.85


def test_s16_four_of_ten_dormant_customers_are_woken_and_one_of_ten_wakes_alone(frames):
    arms = frames["treatments"][frames["treatments"].campaign == "wake-up"]
    orders = frames["orders"][["customer_id", "ordered_at"]].merge(arms, on="customer_id")
    since = orders.assigned_at - orders.ordered_at
    woken = orders[(since <= 0 * DAY) & (since > -30 * DAY)].groupby("arm").customer_id.nunique()
    slept = since[since > 0 * DAY].groupby(orders.customer_id).min()

    assert arms.groupby("arm").size().to_dict() == {"control": 10, "treated": 10}
    assert woken.to_dict() == {"control": 1, "treated": 4}
    assert (slept > 150 * DAY).all()


def test_s17_a_leaver_of_high_value_comes_back_after_the_call(company, frames):
    contracts = frames["subscriptions"][frames["subscriptions"].customer_id == "C-S17"].sort_values("started_at")
    treatment = frames["treatments"].set_index("customer_id").loc["C-S17"]
    spent = frames["orders"].groupby("customer_id").amount_minor.sum()

    assert contracts.ended_at.notna().tolist() == [True, False]
    assert contracts.ended_at.iloc[0] < treatment.assigned_at < contracts.started_at.iloc[1]
    assert (spent < spent["C-S17"]).mean() > 0.9


def test_s18_a_blocked_customer_complains_and_is_left_alone(frames):
    customer = frames["customers"].set_index("customer_id").loc["C-S18"]
    contacts = frames["interactions"]

    assert customer.blocked
    assert (frames["cases"].customer_id == "C-S18").sum() == 4
    assert not (frames["treatments"].customer_id == "C-S18").any()
    assert not ((contacts.customer_id == "C-S18") & (contacts.direction == "out")).any()


def test_no_blocked_customer_was_ever_treated(frames):
    blocked = set(frames["customers"].customer_id[frames["customers"].blocked])

    assert len(blocked) > 2
    assert not set(frames["treatments"].customer_id) & blocked


def test_s19_a_strategic_customer_complains_on_the_last_sunday_at_three(company, frames):
    case = frames["cases"].set_index("customer_id").loc["C-S19"]
    local = case.opened_at.tz_convert("Asia/Shanghai")
    spent = frames["orders"].groupby("customer_id").amount_minor.sum()

    assert (local.isoweekday(), local.hour, local.minute) == (7, 3, 0)
    assert pd.Timestamp(company.until, tz="Asia/Shanghai") - local < 8 * DAY
    assert case.severity == "severe"
    assert pd.isna(case.resolved_at)
    assert spent.rank(ascending=False)["C-S19"] == 1


def test_the_figures_said_are_shares_scores_and_days(company):
    for story in company.truth.stories.values():
        assert all(np.isfinite(value) for value in story.expected.values())
