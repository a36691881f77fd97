"""Repeatable measurements: `python -m bench` prints how this store does beside qryn's, in one run."""
