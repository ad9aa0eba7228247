"""Stated reasons of IBM's Telco churn (v11): the causes suggested for them beside the category IBM recorded.

    python -m bench.causes

The word lists were written with these twenty reasons in sight, so the first figure says that they are read as IBM reads
them, not how well unseen ones would be. The second leaves the lists out and each reason in turn: learned from the other
nineteen, asked about the one. "Poor expertise of online support" stands under two categories, so no reading of the text
agrees with both.
"""

from pathlib import Path
from typing import Any

from tenure.insight.causes import Learned, Suggester
from tenure.insight.causes.suggest import LEAST, plain

DATA = Path(__file__).parents[2] / "shared" / "data" / "telco_churn" / "v11_status.parquet"
MOST = 5
# Which of IBM's five categories each cause falls under.
CATEGORY = {
    "product_quality": "Dissatisfaction", "product_range": "Dissatisfaction", "product_use": "Dissatisfaction",
    "price_high": "Price", "bill_shock": "Price", "complaint_unresolved": "Dissatisfaction", "staff_attitude": "Attitude",
    "staff_expertise": "Dissatisfaction", "service_poor": "Dissatisfaction", "delivery_late": "Dissatisfaction",
    "delivery_wrong": "Dissatisfaction", "network_quality": "Dissatisfaction", "network_speed": "Dissatisfaction",
    "offer_ended": "Price", "contract_terms": "Price", "competitor_offer": "Competitor", "competitor_product": "Competitor",
    "no_need": "Other", "means": "Price", "personal_reason": "Other", "moved": "Other", "died": "Other", "closed": "Other",
    "no_reason": "Other",
}  # fmt: skip


def read() -> list[tuple[str, str]]:
    """Reason and category of every customer who left."""
    import pandas as pd

    table = pd.read_parquet(DATA, columns=["Churn Reason", "Churn Category"]).dropna()
    return list(table.itertuples(index=False, name=None))


def by_words(rows: list[tuple[str, str]]) -> dict[str, Any]:
    """coverage: share of leavers given a suggestion; agreement: of these, the share in the recorded category."""
    suggester = Suggester()
    said = {reason: suggester.suggest(reason) for reason, _category in rows}
    told = [(CATEGORY[said[reason].cause], category) for reason, category in rows if said[reason].told]
    wrong = sorted({(reason, category, said[reason].cause) for reason, category in rows
                    if said[reason].told and CATEGORY[said[reason].cause] != category})  # fmt: skip
    return {
        "leavers": len(rows), "coverage": len(told) / len(rows),
        "agreement": sum(one == other for one, other in told) / len(told), "wrong": wrong,
    }  # fmt: skip


def by_the_other_reasons(rows: list[tuple[str, str]]) -> dict[str, Any]:
    """The same by the learned part alone, each reason held out whole: none of its words, nor its wording, was seen."""
    reasons = sorted({reason for reason, _category in rows})
    few: dict[tuple[str, str], int] = {}
    told = agreed = 0
    for held in reasons:
        few.clear()
        others = []
        for reason, category in rows:
            few[reason, category] = few.get((reason, category), 0) + 1
            # The same few words over and over teach nothing new after the first so many.
            if reason != held and few[reason, category] <= MOST:
                others.append((plain(reason), category))
        model = Learned.fit([text for text, _ in others], [category for _, category in others])
        assert model is not None
        category, confidence = model.predict(plain(held))
        if confidence >= LEAST:
            mine = [recorded for reason, recorded in rows if reason == held]
            told += len(mine)
            agreed += mine.count(category)
    return {"leavers": len(rows), "coverage": told / len(rows), "agreement": agreed / told if told else None}


if __name__ == "__main__":
    found = read()
    for name, figures in (("words", by_words(found)), ("learned, reason held out", by_the_other_reasons(found))):
        print(name, {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()})
