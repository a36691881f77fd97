"""Repeatable measurements: a run of `python -m bench` compares this store with qryn's."""
