"""A simulated company whose truth is known: to try the product on, and to test what it finds."""

from tenure.demo.company import simulate
from tenure.demo.scale import scale
from tenure.demo.truth import Company, Truth

__all__ = ["Company", "Truth", "scale", "simulate"]
