"""What the customer pages hold about a person: the card, its figures, and lists somebody saved by the name."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.db.models import Q

from tenure.contracts import CONTRACTS
from tenure.desk.customers.fields.values import worded
from tenure.desk.customers.models import (
    ArchivedRecord,
    Archiving,
    Board,
    CustomEdit,
    Customer,
    CustomValue,
    IdentityDecision,
    OwnBatch,
    OwnBefore,
    OwnLink,
    OwnObject,
    OwnRecord,
    OwnValue,
    Relation,
    SavedView,
    Score,
    Segment,
    SegmentMember,
    SegmentVersion,
)
from tenure.desk.governance import personal
from tenure.desk.governance.holdings import Holding, Wanted, register
from tenure.language import Words

# How we sort, find and seal; not what we know.
_OURS = {
    "search_text", "risk_key", "value_key", "spent_key", "recency_key", "sealed_under", "phone_index", "phone_last4",
    "email_index",
}  # fmt: skip


def _cards(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    customers = Customer.objects.filter(pk__in=own_ids).select_related("team")
    return [_plain(customer) | {"team": customer.team.name if customer.team else None} for customer in customers]


def _scores(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    return [_plain(score) for score in Score.objects.filter(customer_id__in=own_ids).order_by("generation")]


def _plain(row: Customer | Score) -> dict[str, Any]:
    kept = [field for field in row._meta.concrete_fields if field.name not in _OURS and field.name != "owner"]
    return {field.name: getattr(row, field.attname) for field in kept}


def _called(own_ids: Sequence[int]) -> Mapping[str, Iterable[str]]:
    found = list(Customer.objects.filter(pk__in=own_ids))
    return {
        name: [text for customer in found if (text := getattr(customer, name))]
        for name in ("name", "pinyin", "phone", "email")
    }


def _delete_cards(wanted: Wanted, now: datetime) -> int:
    figures = Score.objects.filter(customer_id__in=wanted.own_ids)
    figures._raw_delete(using=figures.db)
    return Customer.objects.filter(pk__in=wanted.own_ids).delete()[0]


def _naming(wanted: Wanted) -> list[int]:
    """Saved lists that were searched by what the person is called."""
    names = [text.casefold() for text in wanted.texts if len(text) > 1]
    names += [text.replace(" ", "").casefold() for text in wanted.values.get("pinyin", ())]
    found = []
    for pk, name, query in SavedView.objects.values_list("pk", "name", "query"):
        said = [name, *(value for key, value in parse_qsl(query) if key == "q" or key.startswith("c_"))]
        if any(one in text.casefold() for text in said for one in names if one):
            found.append(pk)
    return found


def _drop_views(wanted: Wanted, now: datetime) -> int:
    return SavedView.objects.filter(pk__in=_naming(wanted)).delete()[0]


def _values(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    rows = CustomValue.objects.filter(customer_id__in=own_ids).select_related("field").order_by("field__place", "pk")
    return [{"field": str(row.field), "column": row.field.code, "value": worded(row.field, row.kept)} for row in rows]


def _edits(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What was said of the person on the desk; who of us it was is not the person's."""
    rows = CustomEdit.objects.filter(own_id__in=own_ids).select_related("field").order_by("pk")
    return [
        {
            "field": str(row.field), "column": row.field.code, "before": personal.unseal(row.before),
            "after": personal.unseal(row.after), "at": row.at, "through": row.through,
        }
        for row in rows
    ]  # fmt: skip


def _values_called(own_ids: Sequence[int]) -> Mapping[str, Iterable[str]]:
    """Personal values may stand in a saved list or a reject file, as names and phones do."""
    rows = CustomValue.objects.filter(customer_id__in=own_ids, field__personal=True)
    return {"identity": [row.kept for row in rows if 3 <= len(row.kept) <= 200]}


def _decisions(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What was decided about who the person is. The other number may be somebody else's, so it is left out."""
    found = IdentityDecision.objects.filter(_about(own_ids)).order_by("pk")
    return [
        {
            "kind": row.kind, "verdict": row.verdict, "decided_at": row.decided_at, "withdrawn_at": row.withdrawn_at,
            "customer_id": row.left_customer_id if row.left_own in own_ids else row.right_customer_id,
            "note": personal.unseal(row.note) if row.left_own in own_ids else None,
        }
        for row in found
    ]  # fmt: skip


def _about(own_ids: Sequence[int]) -> Q:
    return Q(left_own__in=own_ids) | Q(right_own__in=own_ids)


def _related(own_ids: Sequence[int]) -> Q:
    return Q(from_own__in=own_ids) | Q(to_own__in=own_ids)


def _relations(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What the person is to others. Who those are is their own datum, and is left out."""
    return [
        {
            "kind": row.kind, "called": row.called, "since": row.since, "until": row.until, "source": row.source,
            "note": personal.unseal(row.note) if row.from_own in own_ids else None,
        }
        for row in Relation.objects.filter(_related(own_ids))
    ]  # fmt: skip


def _put_away(wanted: Wanted) -> Q:
    """Archived records of the person: by the ids minted for them, or by the numbers of their sources."""
    found = Q(own_id__in=wanted.own_ids)
    for ids_of, number in wanted.numbers:
        found |= Q(ids_of=ids_of, number=number)
    return found


def _own_records(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The company's own kinds of record that belong to the person. Who else they belong to is those people's datum."""
    records = OwnRecord.objects.filter(pk__in=OwnLink.objects.filter(own_id__in=own_ids).values("record_id"))
    rows = []
    for record in records.select_related("object").order_by("pk"):
        said = OwnValue.objects.filter(record=record).select_related("field").order_by("field__place", "pk")
        rows.append(
            {"record": str(record.object), "number": record.number, "changed_at": record.changed_at}
            | {str(one.field): worded(one.field, one.kept) for one in said}
        )
    return rows


def _let_go_own_records(wanted: Wanted, now: datetime) -> int:
    """Records that are the person's alone go; of those shared with others, only that they were theirs too."""
    mine = set(wanted.own_ids)
    theirs = OwnLink.objects.filter(own_id__in=mine)
    records = set(theirs.values_list("record_id", flat=True))
    shared = set(
        OwnLink.objects.filter(record__in=records).exclude(own_id__in=mine).values_list("record_id", flat=True)
    )
    gone = len(records)
    theirs.delete()
    OwnRecord.objects.filter(pk__in=records - shared).delete()
    for row in OwnBefore.objects.filter(pk__in=_befores(wanted)):
        row.links = [one for one in row.links if one not in mine]
        row.save(update_fields=["links"])
    return gone


def _befores(wanted: Wanted) -> list[int]:
    """Earlier states of records that say they were the person's."""
    mine = set(wanted.own_ids)
    return [pk for pk, links in OwnBefore.objects.exclude(links=[]).values_list("pk", "links") if mine & set(links)]


def _own_records_called(own_ids: Sequence[int]) -> Mapping[str, Iterable[str]]:
    """What personal fields of their records say, which may stand elsewhere too."""
    records = OwnLink.objects.filter(own_id__in=own_ids).values("record_id")
    rows = OwnValue.objects.filter(record__in=records, field__personal=True)
    return {"identity": [row.kept for row in rows if 3 <= len(row.kept) <= 200]}


def _archived(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    rows = ArchivedRecord.objects.filter(own_id__in=own_ids).select_related("archiving").order_by("pk")
    return [
        {"records": row.contract, "source": row.source, "key": row.key, "at": row.archiving.made_at} for row in rows
    ]  # fmt: skip


def _let_go_archived(wanted: Wanted, now: datetime) -> int:
    """Their lines in the list go. Facts that are kept as nobody's stay archived, and say no more whose they were."""
    theirs = ArchivedRecord.objects.filter(_put_away(wanted))
    facts = [name for name, one in CONTRACTS.items() if one.fact and one.person and one.person not in one.key]
    gone = 0
    if wanted.mode == "anonymise":
        gone += theirs.filter(contract__in=facts).update(own_id=None, number="")
    gone += theirs.delete()[0]
    for made in _reasons_naming(wanted):
        Archiving.objects.filter(pk=made).update(reason="…")
    return gone


def _reasons_naming(wanted: Wanted) -> list[int]:
    texts = [text.casefold() for text in wanted.texts if len(text) > 1]
    return [
        pk
        for pk, reason in Archiving.objects.exclude(reason="").values_list("pk", "reason")
        if any(text in reason.casefold() for text in texts)
    ]


def _memberships(own_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Which groups the person is and was in; what a group is for is ours."""
    rows = SegmentMember.objects.filter(person_id__in=own_ids).select_related("segment").order_by("pk")
    return [{"segment": row.segment.name, "from": row.entered_at, "until": row.left_at} for row in rows]


def _told_of(wanted: Wanted) -> list[Segment | SegmentVersion]:
    """Segments, and what they were, that are called by the person's name or ask for it."""
    rows: list[Segment | SegmentVersion] = [*Segment.objects.all(), *SegmentVersion.objects.all()]
    return [row for row in rows if _without(row, wanted) != (row.name, row.definition)]


def _without(row: Segment | SegmentVersion, wanted: Wanted) -> tuple[str, Any]:
    """The name and the conditions without what the person is called: a number of a source may stand in any name by chance."""
    called = {text.casefold() for texts in wanted.values.values() for text in texts if len(text) > 1}

    def left(told: Any) -> Any:
        if isinstance(told, Mapping):
            return {key: left(one) for key, one in told.items()}
        if isinstance(told, list):
            return [left(one) for one in told]
        return "…" if isinstance(told, str) and told.casefold() in called else told

    name = "…" if any(text in row.name.casefold() for text in called) else row.name
    return name, left(row.definition)


def _forget_segments(wanted: Wanted, now: datetime) -> int:
    """Leave the groups standing, without the name: a condition on it is a condition no more."""
    found = _told_of(wanted)
    for row in found:
        row.name, row.definition = _without(row, wanted)
        row.save(update_fields=["name", "definition"])
    return len(found)


def _boards_naming(wanted: Wanted) -> list[Board]:
    """Boards somebody called by what the person is called."""
    called = [text.casefold() for texts in wanted.values.values() for text in texts if len(text) > 1]
    return [row for row in Board.objects.all() if any(text in row.name.casefold() for text in called)]


def _forget_boards(wanted: Wanted, now: datetime) -> int:
    """Leave the board standing, without the name."""
    found = _boards_naming(wanted)
    Board.objects.filter(pk__in=[row.pk for row in found]).update(name="…")
    return len(found)


def connect() -> None:
    register(
        Holding(
            "board_names", Words("Boards by the name", "以其姓名命名的看板"), (Board,), lambda own_ids: [], _forget_boards,
            lambda wanted: len(_boards_naming(wanted)),
        ),
        Holding(
            "archived", Words("Archived records", "已归档记录"), (ArchivedRecord, Archiving), _archived, _let_go_archived,
            lambda wanted: ArchivedRecord.objects.filter(_put_away(wanted)).count() + len(_reasons_naming(wanted)),
        ),
        Holding(
            "segments", Words("Segments", "细分群体"), (SegmentMember,), _memberships,
            lambda wanted, now: SegmentMember.objects.filter(person_id__in=wanted.own_ids).delete()[0],
            lambda wanted: SegmentMember.objects.filter(person_id__in=wanted.own_ids).count(),
        ),
        Holding(
            "segment_names", Words("Segments by the name", "以其姓名命名的细分群体"), (Segment, SegmentVersion),
            lambda own_ids: [], _forget_segments, lambda wanted: len(_told_of(wanted)),
        ),
        # Before the cards, whose deletion would take the values along uncounted.
        Holding(
            "custom_values", Words("Own fields", "自定义字段"), (CustomValue,), _values,
            lambda wanted, now: CustomValue.objects.filter(customer_id__in=wanted.own_ids).delete()[0],
            lambda wanted: CustomValue.objects.filter(customer_id__in=wanted.own_ids).count(), _values_called,
        ),
        Holding(
            "custom_edits", Words("Changes of own fields", "自定义字段修改记录"), (CustomEdit,), _edits,
            lambda wanted, now: CustomEdit.objects.filter(own_id__in=wanted.own_ids).delete()[0],
            lambda wanted: CustomEdit.objects.filter(own_id__in=wanted.own_ids).count(),
        ),
        Holding(
            "card", Words("Customer card", "客户卡片"), (Customer,), _cards, _delete_cards,
            lambda wanted: Customer.objects.filter(pk__in=wanted.own_ids).count(), _called,
        ),
        Holding(
            "figures", Words("Scores", "评分"), (Score,), _scores, lambda wanted, now: 0,
            lambda wanted: Score.objects.filter(customer_id__in=wanted.own_ids).count(),
        ),
        Holding(
            "views", Words("Saved lists by the name", "以其姓名保存的列表"), (SavedView,), lambda own_ids: [], _drop_views,
            lambda wanted: len(_naming(wanted)),
        ),
        Holding(
            "relations", Words("Relations", "客户关系"), (Relation,), _relations,
            lambda wanted, now: Relation.objects.filter(_related(wanted.own_ids)).delete()[0],
            lambda wanted: Relation.objects.filter(_related(wanted.own_ids)).count(),
        ),
        Holding(
            "own_records", Words("Own records", "自定义记录"),
            (OwnObject, OwnBatch, OwnRecord, OwnValue, OwnLink, OwnBefore), _own_records, _let_go_own_records,
            lambda wanted: OwnLink.objects.filter(own_id__in=wanted.own_ids).count() + len(_befores(wanted)),
            _own_records_called,
        ),
        Holding(
            "decisions", Words("Who is who", "身份判定"), (IdentityDecision,), _decisions,
            lambda wanted, now: IdentityDecision.objects.filter(_about(wanted.own_ids)).delete()[0],
            lambda wanted: IdentityDecision.objects.filter(_about(wanted.own_ids)).count(),
        ),
    )  # fmt: skip
