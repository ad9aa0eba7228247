"""Personal text on the desk: sealed under the person's own key, so that it goes with the key wherever it was copied."""

from tenure.vault import vault


def subject(person_id: int) -> str:
    """The name of a desk person's key in the vault."""
    return f"person\x1f{person_id}"


def seal(person_id: int, text: str, *, context: str) -> str:
    """The text sealed for this person; empty where there is nothing to seal, or the person's key was destroyed."""
    return (vault().seal(subject(person_id), text, context=context) or "") if text else ""


def unseal(token: str) -> str | None:
    """The text again; None where it can no longer be read."""
    return vault().unseal(token) if token else None
