"""How much time an answer has left: everything that waits for the network takes its timeout from here."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

_until: ContextVar[float] = ContextVar("until", default=math.inf)

_LEAST_S = 0.01
"""A timeout must not be nothing."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Within it, `time_left` counts down from `seconds`, or from what is left of a limit around it."""
    token = _until.set(min(_until.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def no_time_limit() -> Iterator[None]:
    """Within it, no limit holds: for what is done for others as well."""
    token = _until.set(math.inf)
    try:
        yield
    finally:
        _until.reset(token)


def time_left(at_most: float) -> float:
    """The seconds left, and never more than `at_most`."""
    return max(_LEAST_S, min(_until.get() - monotonic(), at_most))


def has_time(seconds: float) -> bool:
    """Whether more than `seconds` are left."""
    return _until.get() - monotonic() > seconds
