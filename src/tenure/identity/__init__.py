"""Who is who: one person behind many rows. Pure."""

from tenure.identity.match import RULES, link

__all__ = ["RULES", "link"]
