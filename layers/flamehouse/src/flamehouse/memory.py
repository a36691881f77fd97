"""Limits the memory of all current requests of this process to one budget.

A request uses memory for its body, compressed and decompressed, and for its response until that is sent. An
acknowledged upload uses memory for its rows until they are inserted. A request that does not fit is rejected at once,
with status 429. Reading an upload briefly takes a multiple of its size: such work waits for its turn instead.

Small work takes little memory and time, and has its own turns so that large work never delays it. Its bytes are not
counted; the number of turns bounds them. That number is also small because Python runs one thread at a time.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Condition
from time import monotonic
from typing import Final

from flamehouse.deadline import time_left
from flamehouse.errors import Code, RpcError
from flamehouse.telemetry import metrics
from flamehouse.turns import Turns

SMALL_WORK_BYTES: Final = 16 << 20
"""The maximum working memory of small work: that of an upload of 1 MiB."""

_RETRY_AFTER_S: Final = 5
_LONGEST_WAIT_S: Final = 30.0
_SMALL_TURNS: Final = 3
_LARGE_TURNS: Final = 2


class BusyError(RpcError):
    """No memory is available for the request now; a retry may succeed."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.RESOURCE_EXHAUSTED, message, retry_after_s=_RETRY_AFTER_S)
        metrics.add(metrics.LIMIT_REFUSALS, limit="memory_in_flight_bytes")


class MemoryBudget:
    """The budget of bytes for all current requests. Thread-safe."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes; 0 means no limit."""
        self._limit = limit
        self._held = 0
        self._working = 0
        self._changed = Condition()
        self._small = Turns(_SMALL_TURNS)
        self._large = Turns(_LARGE_TURNS)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Make this module's functions use this budget within the block; release the request's bytes at its end."""
        share = Share(self)
        token = _share.set(share)
        try:
            yield
        finally:
            _share.reset(token)
            share.end()

    def take(self, size: int) -> None:
        """Reserve `size` bytes. Raises BusyError if they do not fit."""
        with self._changed:
            if self._limit and self._held + size > self._limit:
                raise BusyError(
                    f"no memory for {size} more bytes: the current requests use {self._held} of "
                    f"MEMORY_IN_FLIGHT_BYTES={self._limit}; retry later"
                )
            self._held += size

    def count(self, size: int) -> None:
        """Reserve `size` bytes even if they do not fit: an upload that has been read is not rejected for them."""
        with self._changed:
            self._held += size

    def give_back(self, size: int) -> None:
        """Release `size` bytes."""
        with self._changed:
            self._held -= size
            self._changed.notify_all()

    def begin_work(self, size: int) -> "Work":
        """Wait for a turn and, for large work, until `size` more bytes fit or no other large work is running.

        Raises BusyError after half a minute, or at the caller's time limit.
        """
        is_small = size <= SMALL_WORK_BYTES
        turns = self._small if is_small else self._large
        give_up = monotonic() + time_left(_LONGEST_WAIT_S)
        if not turns.take(give_up - monotonic()):
            raise _too_slow()
        if is_small:
            return Work(self, turns, uncounted=SMALL_WORK_BYTES - size)
        with self._changed:
            if self._changed.wait_for(lambda: self._has_room_for(size), give_up - monotonic()):
                self._working += size
                return Work(self, turns, counted=size)
        turns.give_back()
        raise _too_slow()

    def add_work(self, size: int) -> None:
        """Count more working memory without waiting: work that has begun is finished."""
        with self._changed:
            self._working += size

    def end_work(self, turns: Turns, size: int) -> None:
        """End work of `size` counted bytes."""
        if size:
            with self._changed:
                self._working -= size
                self._changed.notify_all()
        turns.give_back()

    def _has_room_for(self, size: int) -> bool:
        return not (self._limit and self._working) or self._held + self._working + size <= self._limit


def return_freed() -> None:
    """Return freed memory to the system, as after a large upload; else the C library retains it in small pieces."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # only glibc has it
        trim(0)


class Work:
    """Work that has begun: its next `uncounted` bytes are free, further bytes are counted."""

    def __init__(self, budget: MemoryBudget, turns: Turns, *, counted: int = 0, uncounted: int = 0) -> None:
        self._budget = budget
        self._turns = turns
        self._counted = counted
        self._uncounted = uncounted

    def add(self, size: int) -> None:
        free = min(size, self._uncounted)
        self._uncounted -= free
        if size > free:
            self._budget.add_work(size - free)
            self._counted += size - free

    def end(self) -> None:
        if self._counted > SMALL_WORK_BYTES:
            return_freed()
        self._budget.end_work(self._turns, self._counted)


class Share:
    """The bytes that one request has reserved from a budget, and its work."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self._held = 0
        self._work: Work | None = None

    def take(self, size: int) -> None:
        self.budget.take(size)
        self._held += size

    def begin_work(self, size: int) -> None:
        self._work = self.budget.begin_work(size)

    def add_work(self, size: int) -> None:
        if self._work is not None:
            self._work.add(size)

    def end_work(self) -> None:
        if self._work is not None:
            self._work.end()
            self._work = None

    def give_back(self) -> None:
        self.budget.give_back(self._held)
        self._held = 0

    def hold(self, size: int) -> "Hold":
        """Move the bytes that the request has reserved into a `Hold` of `size` bytes, and count the rest."""
        reserved = min(size, self._held)
        self.budget.count(size - reserved)
        self._held -= reserved
        return Hold(self.budget, size)

    def end(self) -> None:
        self.end_work()
        self.give_back()


class Hold:
    """Reserved bytes that outlive their request; `budget` is None outside of a request with a budget."""

    def __init__(self, budget: MemoryBudget | None, size: int) -> None:
        self._budget = budget
        self._size = size

    def release(self) -> None:
        """Release the bytes; only the first call counts."""
        if self._budget is not None:
            self._budget.give_back(self._size)
            self._budget = None


def _too_slow() -> BusyError:
    return BusyError("the uploads before this one take too long to read; retry later")


_share: ContextVar[Share | None] = ContextVar("memory_share", default=None)


def take(size: int) -> None:
    """Reserve `size` bytes until the current request ends. Raises BusyError if they do not fit."""
    if share := _share.get():
        share.take(size)


def give_back() -> None:
    """Release all bytes of the current request, because it is rejected."""
    if share := _share.get():
        share.give_back()


def hold(size: int) -> Hold:
    """Reserve `size` bytes until `Hold.release`, even after the current request; its own bytes count towards them."""
    share = _share.get()
    return share.hold(size) if share else Hold(None, size)


def begin_work(size: int) -> None:
    """Wait until the current request may use `size` bytes of working memory; see `MemoryBudget.begin_work`."""
    if share := _share.get():
        share.begin_work(size)


def add_work(size: int) -> None:
    """Count `size` more bytes of working memory for the current request."""
    if share := _share.get():
        share.add_work(size)


def end_work() -> None:
    """End the work of the current request, if any."""
    if share := _share.get():
        share.end_work()
