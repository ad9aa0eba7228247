"""The suggester of this company: the usual words, its own names for causes, and what its people confirmed before."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from tenure.desk.causes.models import Statement
from tenure.desk.causes.taxonomy import tree
from tenure.desk.governance.personal import unseal
from tenure.insight.causes import Learned, Suggester
from tenure.insight.causes.suggest import LEAST, plain
from tenure.lake import Lake

DOCUMENT = "causes_learned"
"""What was learned from confirmed statements: `of` (a mark of them), `tried` (how it did on those held out), `model`."""
MOST = 3000  # confirmed statements that are learned from, the newest
GROWN = 1.1  # learned anew once there are a tenth more, or any fewer
GOOD_ENOUGH = 0.6  # agreement with people on statements held out, below which what was learned is not used


@dataclass(frozen=True)
class Own(Suggester):
    """mark: changes with whatever it goes by."""

    mark: str = ""


def suggester(lake: Lake) -> Own:
    """The suggester as it stands: retired causes are suggested no more, and the company's names are read as codes."""
    nodes = tree()
    allowed = frozenset(
        one.code for one in nodes.values() if one.parent and not one.retired and not nodes[one.parent].retired
    )
    names = {
        plain(name): one.code for one in nodes.values() if one.code in allowed for name in (one.words.en, one.words.zh)
    }
    vague = frozenset(one.code for one in nodes.values() if one.cause.vague)
    told = lake.document(DOCUMENT) or {}
    model = told.get("model") if told.get("used") else None
    mark = hashlib.blake2b(
        json.dumps([sorted(allowed), sorted(names.items()), sorted(vague), told.get("of") if model else None]).encode(),
        digest_size=8,
    ).hexdigest()
    return Own(Learned.from_plain(model), allowed, names, vague, mark)


def learn(lake: Lake) -> dict[str, Any] | None:
    """Learn from what people confirmed, where there is enough and it is news; what is kept of it, None where nothing is."""
    rows = Statement.objects.standing().filter(state=Statement.State.CONFIRMED).exclude(text="")
    count = rows.count()
    told: dict[str, Any] = lake.document(DOCUMENT) or {}
    before = int((told.get("of") or {}).get("statements", 0))
    if before and before <= count < before * GROWN:
        return told
    newest = rows.order_by("-reviewed_at", "-pk").values_list("text", "confirmed")[:MOST]
    pairs = [(plain(text), cause) for token, cause in newest if (text := unseal(token))]
    texts, causes = [text for text, _ in pairs], [cause for _, cause in pairs]
    model = Learned.fit(texts, causes)
    if model is None:
        if told:
            lake.publish_document(DOCUMENT, {})
        return None
    tried = Learned.tried(texts, causes, LEAST)
    made = {
        "of": {"statements": count}, "model": model.as_plain(), "used": tried.told > 0 and tried.agreement >= GOOD_ENOUGH,
        "tried": {"asked": tried.asked, "told": tried.told, "agreed": tried.agreed},
    }  # fmt: skip
    lake.publish_document(DOCUMENT, made)
    return made
