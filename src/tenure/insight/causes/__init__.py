"""Why customers leave, as people say it: a tree of causes, a suggester from what was said, and what adds up."""

from tenure.insight.causes.counted import Corrected, Estimate, Leaver, Tally, corrected, main_of, tally
from tenure.insight.causes.learned import Learned
from tenure.insight.causes.suggest import Suggester, Suggestion
from tenure.insight.causes.tree import BY_CODE, CONTROL, DEFAULT, NATURE, SIDE, Cause

__all__ = [
    "BY_CODE", "CONTROL", "DEFAULT", "NATURE", "SIDE", "Cause", "Corrected", "Estimate", "Learned", "Leaver", "Suggester", "Suggestion", "Tally",
    "corrected", "main_of", "tally",
]  # fmt: skip
