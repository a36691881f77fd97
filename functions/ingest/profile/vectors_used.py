"""Decides what NumPy reads. The local server has NumPy, as the embedded ClickHouse needs it; Lambda does not."""

from functools import cache
from importlib.util import find_spec
from typing import Final

_MAX_BYTES: Final = 1 << 20
"""The largest message that NumPy reads, as it takes some 50 bytes of memory for each byte."""


@cache
def has_numpy() -> bool:
    """Return whether NumPy is available to read and compute columns of numbers."""
    return find_spec("numpy") is not None


def reads(size: int) -> bool:
    """Return whether NumPy reads a message of `size` bytes."""
    return size <= _MAX_BYTES and has_numpy()
