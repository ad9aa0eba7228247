"""What causes of leaving hold about a person: what they said, and ideas that name them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tenure.desk.causes.models import Idea, IdeaComment, IdeaVote, KeptCause, Mention, Statement
from tenure.desk.governance import personal
from tenure.desk.governance.holdings import Holding, Wanted, register
from tenure.language import Words


def _rows(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What was said and what it was taken to mean; who of us wrote it down or reviewed it is not the person's."""
    return [
        {
            "said_at": row.said_at, "from": row.came_from, "text": personal.unseal(row.text), "left_on": row.left_on,
            "suggested": row.suggested, "confirmed": row.confirmed, "competitor": row.competitor,
        }
        for row in Statement.objects.filter(own_id__in=own_ids).order_by("pk")
    ]  # fmt: skip


def _called(wanted: Wanted) -> list[str]:
    return [text.casefold() for texts in wanted.values.values() for text in texts if len(text) > 1]


def _naming(wanted: Wanted) -> list[tuple[Idea | IdeaComment | KeptCause | Statement, dict[str, str]]]:
    """Texts of ours that call the person by name, each with what is left of it."""
    called = _called(wanted)
    found: list[tuple[Idea | IdeaComment | KeptCause | Statement, dict[str, str]]] = []
    rows: list[Idea | IdeaComment | KeptCause | Statement] = [
        *Idea.objects.all(), *IdeaComment.objects.all(), *KeptCause.objects.all(),
        *Statement.objects.exclude(competitor=""),
    ]  # fmt: skip
    for row in rows:
        names = {
            Idea: ("text", "decision"), IdeaComment: ("text",), KeptCause: ("name_en", "name_zh"),
            Statement: ("competitor",),
        }[type(row)]  # fmt: skip
        left = {name: "…" for name in names if any(text in getattr(row, name).casefold() for text in called)}
        if left:
            found.append((row, left))
    return found


def _forget(wanted: Wanted, now: datetime) -> int:
    """Leave the discussion standing, without the text that names them."""
    found = _naming(wanted)
    for row, left in found:
        type(row)._default_manager.filter(pk=row.pk).update(**left)
    return len(found)


def connect() -> None:
    register(
        Holding(
            "statements", Words("What was said on leaving", "离开时所述"), (Statement,), _rows,
            lambda wanted, now: Statement.objects.filter(own_id__in=wanted.own_ids).delete()[0],
            lambda wanted: Statement.objects.filter(own_id__in=wanted.own_ids).count(),
        ),
        Holding(
            "ideas", Words("Ideas that name them", "提及其姓名的改进想法"), (Idea, IdeaComment, IdeaVote, KeptCause, Mention),
            lambda own_ids: [], _forget, lambda wanted: len(_naming(wanted)),
        ),
    )  # fmt: skip
