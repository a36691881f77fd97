"""The time left for a response. Everything that waits for the network takes its timeout from here."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

_until: ContextVar[float] = ContextVar("until", default=math.inf)

_LEAST_S = 0.01
"""Timeouts must be positive."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the block: `time_left` counts down from `seconds`, or from what is left of an enclosing limit."""
    token = _until.set(min(_until.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def no_time_limit() -> Iterator[None]:
    """Lift the limit for the block, whose result other requests use too."""
    token = _until.set(math.inf)
    try:
        yield
    finally:
        _until.reset(token)


def time_left(at_most: float) -> float:
    """Return the seconds left, at most `at_most`."""
    return max(_LEAST_S, min(_until.get() - monotonic(), at_most))


def has_time(seconds: float) -> bool:
    """Return whether more than `seconds` are left."""
    return _until.get() - monotonic() > seconds
