"""The time left for a response.

Everything that waits for the network takes its timeout from here; long loops stop when no time is left.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from time import monotonic

from flamehouse.errors import Code, RpcError

TOO_LONG = "the query exceeded its time limit; request a shorter range or fewer series"
_CHECKED_EVERY = 4_096

_until: ContextVar[float] = ContextVar("until", default=math.inf)

_LEAST_S = 0.01
"""Timeouts must be positive."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the block: `time_left` counts down from `seconds`, or from what is left of an enclosing limit if less."""
    token = _until.set(min(_until.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def no_time_limit() -> Iterator[None]:
    """Lift the limit for a block whose result other requests also use."""
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


def check_time() -> None:
    """Raises RpcError(DEADLINE_EXCEEDED) if no time is left."""
    if monotonic() >= _until.get():
        raise out_of_time()


def in_time[T](items: Iterable[T]) -> Iterator[T]:
    """Yield the items of a long loop; before every 4,096th, raises as `check_time` does."""
    for number, item in enumerate(items):
        if not number % _CHECKED_EVERY:
            check_time()
        yield item


def drained[T](pending: list[T]) -> Iterator[T]:
    """Pop and yield the last item until the list is empty; the caller may add items. Raises as `check_time` does."""
    for number in count():
        if not number % _CHECKED_EVERY:
            check_time()
        if not pending:
            return
        yield pending.pop()


def out_of_time() -> RpcError:
    """Return the error for a query whose time is up."""
    return RpcError(Code.DEADLINE_EXCEEDED, TOO_LONG)
