"""Memory in flight: the bytes that requests hold in this process, within one budget.

A request holds its body and what it is unpacked to, and its answer until that is sent; an acknowledged upload holds its rows
until they are inserted. What does not fit is rejected at once, with status 429. Reading an upload takes a multiple of its bytes
for a moment: such work waits for its turn instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Condition
from typing import Final

from flamehouse.deadline import time_left
from flamehouse.errors import Code, RpcError
from flamehouse.telemetry import metrics

_RETRY_AFTER_S: Final = 5
_LONGEST_WAIT_S: Final = 30.0


class BusyError(RpcError):
    """There is no memory for the request now; the same request may succeed later."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.RESOURCE_EXHAUSTED, message, retry_after_s=_RETRY_AFTER_S)
        metrics.add(metrics.LIMIT_REFUSALS, limit="memory_in_flight_bytes")


class MemoryBudget:
    """The bytes that requests may hold at once. Thread-safe."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes; 0 is no limit."""
        self._limit = limit
        self._held = 0
        self._working = 0
        self._changed = Condition()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Within it, the functions of this module count against this budget; at the end the request holds nothing."""
        share = Share(self)
        token = _share.set(share)
        try:
            yield
        finally:
            _share.reset(token)
            share.end()

    def take(self, size: int) -> None:
        """Count `size` bytes as held. Raises BusyError if they do not fit."""
        with self._changed:
            if self._limit and self._held + size > self._limit:
                raise BusyError(
                    f"no memory for {size} more bytes: the requests under way hold {self._held} of "
                    f"MEMORY_IN_FLIGHT_BYTES={self._limit}; try again later"
                )
            self._held += size

    def give_back(self, size: int) -> None:
        """Count `size` bytes as held no more."""
        with self._changed:
            self._held -= size
            self._changed.notify_all()

    def begin_work(self, size: int) -> None:
        """Wait until `size` bytes of working memory fit beside what is held, or no other work is under way.

        Raises BusyError after half a minute, or at the caller's time limit.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room_for(size), time_left(_LONGEST_WAIT_S)):
                raise BusyError("the uploads before this one take too long to read; try again later")
            self._working += size

    def end_work(self, size: int) -> None:
        """End work that `begin_work` let begin."""
        with self._changed:
            self._working -= size
            self._changed.notify_all()

    def _has_room_for(self, size: int) -> bool:
        return not (self._limit and self._working) or self._held + self._working + size <= self._limit


class Share:
    """What one request holds of a budget, and what its work takes."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self._held = 0
        self._working = 0

    def take(self, size: int) -> None:
        self.budget.take(size)
        self._held += size

    def begin_work(self, size: int) -> None:
        self.budget.begin_work(size)
        self._working = size

    def end_work(self) -> None:
        self.budget.end_work(self._working)
        self._working = 0

    def give_back(self) -> None:
        self.budget.give_back(self._held)
        self._held = 0

    def end(self) -> None:
        self.end_work()
        self.give_back()


class Hold:
    """Bytes that outlive their request; `budget` is None where there is none."""

    def __init__(self, budget: MemoryBudget | None, size: int) -> None:
        if budget is not None:
            budget.take(size)
        self._budget = budget
        self._size = size

    def release(self) -> None:
        """Give the bytes back; the first call counts."""
        if self._budget is not None:
            self._budget.give_back(self._size)
            self._budget = None


_share: ContextVar[Share | None] = ContextVar("memory_share", default=None)


def take(size: int) -> None:
    """Hold `size` bytes until the request under way ends. Raises BusyError if they do not fit."""
    if share := _share.get():
        share.take(size)


def give_back() -> None:
    """Hold nothing more: the request under way is rejected."""
    if share := _share.get():
        share.give_back()


def hold(size: int) -> Hold:
    """Hold `size` bytes until their release, however the request under way ends. Raises BusyError if they do not fit."""
    share = _share.get()
    return Hold(share.budget if share else None, size)


def begin_work(size: int) -> None:
    """Wait until the request under way may use `size` bytes for a while; see `MemoryBudget.begin_work`."""
    if share := _share.get():
        share.begin_work(size)


def end_work() -> None:
    """End the work of the request under way, if it has begun any."""
    if share := _share.get():
        share.end_work()
