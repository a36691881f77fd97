"""Repeatable measurements: `python -m bench` compares this store with qryn's in one run."""
