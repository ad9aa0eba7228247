from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackupMade:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class WorkspaceRestored:
    name: str
