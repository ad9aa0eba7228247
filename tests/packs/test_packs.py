"""Every industry pack refers only to what there is; one that does not is refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ibis
import pytest

from tenure.contracts import CONTRACTS
from tenure.contracts.custom import plain
from tenure.errors import TenureError
from tenure.insight.churn import ContractEnd, Outcome, Silence, choose
from tenure.insight.lifecycle import STAGES, Limits, stages
from tenure.insight.metrics import METRICS, judge
from tenure.insight.segments.tiers import TIERS
from tenure.language import Words
from tenure.packs import LIMITS, Leaving, Pack, Target, gathered, leaving_words, pack_named, packs, problems
from tenure.packs.retail import retail
from tenure.practice import Practice
from tenure.sources.looking import look
from tenure.sources.mapping import draft
from tests.conftest import ROOT

# Headings of exports such companies make, with a required field or two, and what they must be taken for.
EXPORTS = {
    "retail": ("orders", {"小票号": "order_id", "会员卡号": "customer_id", "交易时间": "ordered_at", "实收金额": "amount_minor",
                          "门店名称": "channel", "条码": "product_id"}),
    "telecom": ("subscriptions", {"订购实例编号": "subscription_id", "MSISDN": "customer_id", "Activation Date": "started_at",
                                  "合约到期日": "term_ends_at", "Disconnect Date": "ended_at", "月租": "fee_minor"}),
    "banking": ("subscriptions", {"账号": "subscription_id", "CIF No": "customer_id", "开户日": "started_at",
                                  "销户日": "ended_at", "账户类型": "plan"}),
    "manufacturing": ("orders", {"VBELN": "order_id", "售达方": "customer_id", "单据日期": "ordered_at", "物料编码": "product_id",
                                 "Net Value": "amount_minor", "实际交期": "delivered_at", "承诺交期": "promised_at"}),
    "saas": ("subscriptions", {"订阅编号": "subscription_id", "tenant_id": "customer_id", "Subscription Start": "started_at",
                               "Renewal Date": "term_ends_at", "MRR": "fee_minor", "canceled_at": "ended_at"}),
    "consumer_goods": ("orders", {"出货单号": "order_id", "终端编码": "customer_id", "Dispatch Date": "ordered_at",
                                  "69码": "product_id", "箱数": "quantity", "出货金额": "amount_minor"}),
    "hotels": ("orders", {"Confirmation No": "order_id", "客史编号": "customer_id", "Arrival": "ordered_at",
                          "Room Nights": "quantity", "房费": "amount_minor", "预订渠道": "channel"}),
    "health_care": ("orders", {"就诊流水号": "order_id", "病案号": "customer_id", "就诊日期": "ordered_at", "科室": "channel",
                               "收费金额": "amount_minor"}),
}  # fmt: skip


def test_every_pack_has_an_export_to_be_tried_on() -> None:
    assert set(EXPORTS) == set(packs())


@pytest.mark.parametrize("pack", packs().values(), ids=packs())
def test_a_pack_refers_only_to_what_there_is_and_says_it_in_both_languages(pack: Pack) -> None:
    said = [
        pack.words, pack.meaning, pack.leaving_why, *pack.contracts.values(), *pack.stages.values(),
        *(one.source for one in pack.targets.values()), *(one.looked_after for one in pack.service.values()),
        *(one.note for one in pack.service.values()),
    ]  # fmt: skip

    assert not list(problems(pack))
    assert all(one.en.strip() and one.zh.strip() and one.en != one.zh for one in said)
    assert set(pack.stages) == set(STAGES)
    assert set(pack.service) == set(TIERS)
    assert len(pack.targets) >= 8


@pytest.mark.parametrize("pack", packs().values(), ids=packs())
def test_no_name_of_a_pack_is_overruled_by_our_own_words_or_known_already(pack: Pack) -> None:
    for contract, columns in pack.names.items():
        ours = {
            plain(name): one.name
            for one in CONTRACTS[contract].columns
            for name in (one.name, one.name.removesuffix("_minor"), one.words.en, one.words.zh)
        }
        for field, names in columns.items():
            known = {plain(alias) for alias in CONTRACTS[contract][field].aliases}
            assert not [name for name in names if plain(name) in ours or plain(name) in known], (contract, field)


@pytest.mark.parametrize("name", EXPORTS)
def test_the_columns_of_such_a_company_are_mapped_by_its_pack_and_not_without_it(name: str) -> None:
    contract, expected = EXPORTS[name]

    found, missing = draft(list(expected), pack_named(name).practice().shape(CONTRACTS[contract]))
    without, lacking = draft(list(expected), CONTRACTS[contract])

    assert {header: field for field, header in found.fields.items()} == expected
    assert not missing
    assert len(without.fields) < len(expected)
    assert lacking


def test_a_name_of_the_trade_goes_before_one_that_everybody_uses(tmp_path: Path) -> None:
    # "contract" means nothing to anybody; "invoice_no" is an order to most, and a bill to a telecom's payments.
    file = tmp_path / "bills.csv"
    file.write_text("账单编号,用户号码,缴费截止日,出账金额\nB-1,138001,2026-03-10,99\n", encoding="utf-8")

    seen = look(file, contracts=pack_named("telecom").practice().shapes())

    assert seen.contract == "payments"
    assert dict(seen.fields) == {"payment_id": "账单编号", "customer_id": "用户号码", "due_at": "缴费截止日",
                                 "amount_minor": "出账金额"}  # fmt: skip
    assert look(file).missing


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(retail, targets={"loyalty": Target(0.5)}), 'there is no metric "loyalty"; there are: acquisition_cost'),
        (replace(retail, contracts={"invoices": Words("a", "甲")}), 'there is no contract "invoices"'),
        (replace(retail, names={"orders": {"basket": ("b",)}}), 'there is no field of orders "basket"'),
        (replace(retail, names={"payments": {}}), "payments, which are not among its contracts"),
        (replace(retail, names={"orders": {"order_id": ("票 号",), "line_no": ("票号",)}}), "is given to both order_id and line_no"),
        (replace(retail, leaving=(Leaving("boredom"),)), 'there is no definition of churn "boredom"'),
        (replace(retail, leaving=()), "nothing of what counts as churn"),
        (replace(retail, stages={**retail.stages, "asleep": Words("a", "甲")}), 'there is no stage "asleep"'),
        (replace(retail, service={"gold": retail.service["core"]}), 'there is no tier "gold"'),
        (replace(retail, headlines=("smiles",)), 'there is no metric "smiles"'),
        (replace(retail, targets={"arpu": Target(50)}), "holds in one currency alone"),
        (replace(retail, targets={"churn_rate": Target(5)}), "write 5 % as 0.05"),
        (replace(retail, targets={"churn_rate": Target(0.01, 0.02)}), "the lines of churn_rate cross"),
        (replace(retail, targets={"nps": Target()}), "the target of nps says nothing"),
        (replace(retail, targets={"stock_cover_days": Target(5)}), "better neither high nor low"),
        (replace(retail, name="Shops!"), 'its name "Shops!" is no word of small letters'),
    ],
)  # fmt: skip
def test_a_pack_that_refers_to_what_there_is_not_is_refused_by_name(wrong: Pack, said: str) -> None:
    with pytest.raises(TenureError) as refused:
        gathered([wrong])

    assert said in str(refused.value)
    assert str(refused.value).startswith(f"The industry pack {wrong.name} can't be used: ")


def test_two_packs_of_one_name_and_a_pack_there_is_not_are_refused() -> None:
    with pytest.raises(TenureError, match="Two files hold an industry pack named retail"):
        gathered([retail, replace(retail)])
    with pytest.raises(TenureError, match=r'There is no industry pack "bakery"\. There are: retail, telecom'):
        pack_named("bakery")


def test_a_metric_has_the_lines_of_its_target_and_no_others() -> None:
    practice = pack_named("telecom").practice()

    churn, csat = practice.held(METRICS["churn_rate"]), practice.held(METRICS["csat"])

    assert [line and line.value for line in (churn.benchmark, churn.excellent, churn.limit)] == [0.02, 0.01, 0.03]
    assert [judge(churn, value).level for value in (0.04, 0.025, 0.02, 0.01)] == ["breach", "below", "at", "excellent"]  # type: ignore[union-attr]
    assert csat.benchmark
    assert csat.benchmark.source.zh.startswith("行业起步参考值")
    assert practice.held(METRICS["revenue"]) is METRICS["revenue"]
    assert METRICS["churn_rate"].benchmark is None, "the catalogue itself is as it was"


def test_a_practice_is_the_same_after_being_told_and_an_unknown_part_is_passed_over() -> None:
    practice = pack_named("saas").practice()

    again = Practice.told({**practice.as_plain(), "moon": 1, "stages": {"ending_days": 90, "tides": 3}})

    assert again.as_plain() == practice.as_plain() | {"stages": {"ending_days": 90, "tides": 3}}
    assert again.limits == Limits(ending_days=90)
    assert Practice.told(None) == Practice.told("what") == Practice()


def test_the_first_definition_whose_records_are_there_is_what_counts_as_leaving() -> None:
    def rows(contract: str, **row: object) -> ibis.Table:
        import pyarrow as pa

        return ibis.memtable(pa.Table.from_pylist([row], schema=CONTRACTS[contract].records_schema))

    moment = datetime(2026, 1, 1, tzinfo=UTC)
    held = rows("subscriptions", person_id=1, subscription_id="S", started_at=moment)
    bought = rows("orders", person_id=1, order_id="A", ordered_at=moment)
    seen = rows("snapshot", person_id=1, customer_id="C", outcome=True)
    telecom = [one.as_plain() for one in pack_named("telecom").leaving]
    retail_ = [one.as_plain() for one in retail.leaving]

    assert choose({"subscriptions": held, "orders": bought}, telecom) == ContractEnd(30)
    assert choose({"snapshot": seen, "orders": bought}, telecom) == Outcome()
    assert choose({"orders": bought}, telecom) == Silence(90, 180)
    assert choose({"subscriptions": held, "orders": bought}, retail_) == Silence(90, 365), "few gaps known: 90 days"
    assert choose({"subscriptions": held}, retail_) == ContractEnd(60), "nothing wished is there"
    assert choose({"subscriptions": held}, [{"definition": "whim"}]) == ContractEnd(60), "told by a later version"
    assert "30 days" in leaving_words(telecom[0]).en
    assert "八成回头客" in leaving_words({"definition": "silence"}).zh


def test_the_lines_between_stages_move_with_the_pack() -> None:
    import pyarrow as pa

    rows = [
        {"person_id": 1, "subscription_id": "S", "started_at": datetime(2024, 1, 1, tzinfo=UTC), "fee_minor": 100,
         "fee_base_minor": 100, "term_ends_at": datetime(2026, 5, 25, tzinfo=UTC), "period_months": 1, "auto_renew": False}
    ]  # fmt: skip
    held = ibis.memtable(pa.Table.from_pylist(rows, schema=CONTRACTS["subscriptions"].records_schema))
    as_of = datetime(2026, 3, 1, tzinfo=UTC)

    usual = stages({"subscriptions": held}, as_of).to_pyarrow().to_pylist()[0]
    telecom = stages({"subscriptions": held}, as_of, pack_named("telecom").limits).to_pyarrow().to_pylist()[0]

    assert (usual["term_left_days"], usual["stage"]) == (85, "mature")
    assert (telecom["stage"], telecom["rule"]) == ("decline", "contract_ending")
    assert set(LIMITS) == set(Limits.__dataclass_fields__)


@pytest.mark.parametrize(
    "crossed", [{"decline_rhythms": 7}, {"left_most_days": 30}, {"new_contract_days": 400}, {"ending_days": 0}]
)
def test_lines_between_stages_that_cross_are_refused(crossed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"above zero|has not left yet"):
        Limits(**crossed)


def test_the_page_on_adding_a_pack_shows_one_that_holds() -> None:
    page = (ROOT / "docs/adding/pack.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    told: dict[str, Pack] = {}

    exec(code, told)

    assert list(gathered([told["gym"]])) == ["gym"]


def test_every_pack_has_its_chapter() -> None:
    page = (ROOT / "docs/packs.md").read_text(encoding="utf-8")

    assert [name for name in packs() if f"## {name}\n" not in page] == []
