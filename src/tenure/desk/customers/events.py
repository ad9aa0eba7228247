from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CustomersPublished:
    """A new generation of scores is what the pages show from now on."""

    generation: int
    rows: int


@dataclass(frozen=True, slots=True)
class CustomerAssigned:
    person_id: int
    owner_id: int | None
    team_id: int | None


@dataclass(frozen=True, slots=True)
class CustomFieldChanged:
    """A field of the company's own was added, changed, put away or brought back; 0: their order was."""

    field_id: int
    deed: str


@dataclass(frozen=True, slots=True)
class CustomValuesChanged:
    """Somebody said what a customer has in fields of the company's own."""

    person_id: int
    field_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IdentityDecided:
    """Somebody said who is who. own_ids: of the numbers concerned."""

    deed: str
    kind: str
    own_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RelationSaid:
    relation_id: int
    from_id: int
    to_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class OwnObjectChanged:
    object_id: int
    verb: str


@dataclass(frozen=True, slots=True)
class OwnRecordChanged:
    """A record of an own kind was made, changed or deleted; own_ids: whose it was and is."""

    object_id: int
    record_id: int
    own_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OwnRecordsBrought:
    """A batch of records came in, or was taken back."""

    object_id: int
    batch_id: int
    undone: bool


@dataclass(frozen=True, slots=True)
class LayoutChanged:
    contract: str
    audience: str


@dataclass(frozen=True, slots=True)
class RelationsFollowed:
    """Relations that came with files were brought to the desk: so many more, changed and gone."""

    made: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True)
class RelationDropped:
    relation_id: int
    from_id: int
    to_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class PrecedenceSet:
    """Which source wins for some fields of a contract was changed."""

    contract: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TiersSet:
    """Another rule for tiers, or another way of serving them, is in force."""

    version: int


@dataclass(frozen=True, slots=True)
class PackChosen:
    """An industry pack is in force. version: of how the company works."""

    version: int
    pack: str


@dataclass(frozen=True, slots=True)
class PackTakenBack:
    """No industry pack is in force any more; pack: the one that was."""

    version: int
    pack: str


@dataclass(frozen=True, slots=True)
class PackLeftForLater:
    version: int


@dataclass(frozen=True, slots=True)
class PracticeSet:
    """People set what a metric is held against, what counts as leaving, or what the cost of churn assumes. what: the
    metric, "churn", "churn:" and the code of a definition beside the main one, or "assumptions"."""

    version: int
    what: str


@dataclass(frozen=True, slots=True)
class CoverSet:
    """Somebody stands in for a manager of customers; None: nobody does any more."""

    manager_id: int
    deputy_id: int | None


@dataclass(frozen=True, slots=True)
class IdentityDecisionUndone:
    deed: str
    own_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordsArchived:
    """Records left lists and figures; they can be brought back."""

    deed: str
    contract: str
    records: int


@dataclass(frozen=True, slots=True)
class RecordsBroughtBack:
    """deed: the archiving they were part of; "" where they were of several."""

    deed: str
    contract: str
    records: int


@dataclass(frozen=True, slots=True)
class StaleRuleSet:
    """After how many days without a word a record is stale was changed."""

    days: int


@dataclass(frozen=True, slots=True)
class SegmentSaved:
    """A segment was made, changed, shared or put away."""

    segment_id: int
    deed: str


@dataclass(frozen=True, slots=True)
class SegmentEntered:
    """Customers came into a segment. change_id: given once; first: they are its first members, whenever they came to fit."""

    change_id: int
    segment_id: int
    person_ids: tuple[int, ...]
    first: bool = False


@dataclass(frozen=True, slots=True)
class SegmentLeft:
    """Customers no longer fit a segment."""

    change_id: int
    segment_id: int
    person_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SegmentWorkedOut:
    """A segment's members are up to date with its conditions and the figures shown."""

    segment_id: int
    people: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class BoardSaved:
    """A board was made, changed, shared or deleted."""

    board_id: int
    deed: str


@dataclass(frozen=True, slots=True)
class ModelPolicySet:
    """People said how churn models are kept. number: of the decision."""

    number: int


@dataclass(frozen=True, slots=True)
class LearningAsked:
    """The next refresh is to learn anew."""

    number: int


@dataclass(frozen=True, slots=True)
class ChampionTookOver:
    """A newly learned model became champion without anybody's word. why: of `registry.WHY`."""

    definition: str
    model_version: int
    why: str


@dataclass(frozen=True, slots=True)
class ChampionChosen:
    """Somebody made a version champion, or went back to it; the next refresh scores with it."""

    number: int
    definition: str
    version: int
