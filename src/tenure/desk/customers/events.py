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
