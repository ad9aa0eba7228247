"""Bringing files in by page: send, look, map, check, import; and batches, with the way back."""
