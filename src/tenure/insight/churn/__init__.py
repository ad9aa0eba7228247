"""Who will leave, how likely, and why: definitions, the model, its back-test and its card."""

from tenure.insight.churn.model import ChurnModel

__all__ = ["ChurnModel"]
