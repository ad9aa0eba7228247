"""Who is who: one person behind many rows. Pure."""

from tenure.identity.match import RULES, Identified, identify, link
from tenure.identity.resolve import resolve

__all__ = ["RULES", "Identified", "identify", "link", "resolve"]
