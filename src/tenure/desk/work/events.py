from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A long piece of work was asked for; a worker takes it up."""

    job_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class JobEnded:
    """status: done, failed or stopped."""

    job_id: int
    kind: str
    status: str


@dataclass(frozen=True, slots=True)
class FileUploaded:
    """A file waits to be imported."""

    upload_id: int


@dataclass(frozen=True, slots=True)
class ImportStarted:
    upload_id: int
    job_id: int


@dataclass(frozen=True, slots=True)
class ImportFinished:
    """A batch of records is in the lake."""

    batch: str
    contract: str
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class ImportUndone:
    """A batch counts no more."""

    batch: str
    contract: str


@dataclass(frozen=True, slots=True)
class MappingTemplateSaved:
    template_id: int


@dataclass(frozen=True, slots=True)
class FeedSaved:
    """A feed is new, or reads something else, or at other times."""

    feed_id: int


@dataclass(frozen=True, slots=True)
class FeedRan:
    """state: done, nothing or failed. batch: "" unless something came in."""

    feed_id: int
    state: str
    batch: str


@dataclass(frozen=True, slots=True)
class MigrationBegun:
    migration_id: int


@dataclass(frozen=True, slots=True)
class MigrationCompared:
    migration_id: int


@dataclass(frozen=True, slots=True)
class MigrationRolledBack:
    """Every batch of the migration counts no more."""

    migration_id: int
    batches: int
