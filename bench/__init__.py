"""Peers side by side, in the same run on the same data. Never part of the suite."""
