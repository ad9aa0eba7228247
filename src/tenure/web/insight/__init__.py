"""Insight: what the customer base is made of, how it moves, how good the scores are, what campaigns saved."""
