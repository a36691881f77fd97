"""What NumPy reads: the local server has it, as the embedded ClickHouse needs it, and Lambda does not."""

from functools import cache
from importlib.util import find_spec
from typing import Final

_MAX_BYTES: Final = 1 << 20
"""NumPy takes some 50 bytes of memory for each byte that it reads."""


@cache
def has_numpy() -> bool:
    """Return whether columns of numbers can be read and computed by NumPy."""
    return find_spec("numpy") is not None


def reads(size: int) -> bool:
    """Return whether NumPy reads a message of `size` bytes."""
    return size <= _MAX_BYTES and has_numpy()
