"""Tenure (常客): know, foresee, act, prove, over a customer's whole life."""

__version__ = "0.1.0"
