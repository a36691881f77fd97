"""Enforces tenants' limits on uploads and queries, by what this process counts and learns of other processes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final

from flamehouse.errors import Code, RpcError
from flamehouse.model.limits import Limits, Sent
from flamehouse.telemetry import metrics
from flamehouse.units import S_PER_DAY

_MAX_TENANTS: Final = 100_000
"""Above this number of tenants, all counts are reset, so that memory does not grow with every tenant."""


@dataclass(slots=True)
class _Counts:
    """The usage of a tenant: on `day` (days since the epoch), and in the current second."""

    day: int = 0
    bytes: int = 0
    query_seconds: float = 0
    tokens: float = 0
    """The tokens for uploads; they refill at the limit's rate, up to the uploads of one second."""
    refilled: float = 0


class Limiter:
    """Counts usage by tenant and UTC day in this process. `clock` returns Unix time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: defaultdict[str, _Counts] = defaultdict(_Counts)
        self._lock = Lock()

    def admit_request(self, tenant: str, limits: Limits, announced: int) -> None:
        """Count the request of an upload; `announced` is the size of its body in bytes, or 0 if it is chunked.

        Raises: RpcError(RESOURCE_EXHAUSTED) if a limit is exceeded; the request is then not counted.
        """
        with self._lock:
            counts, now = self._of(tenant)
            _check_bytes(counts, limits, announced, now)
            if rate := limits.uploads_per_second:
                counts.tokens = min(rate, counts.tokens + (now - counts.refilled) * rate)
                counts.refilled = now
                if counts.tokens < 1:
                    raise _refused("uploads_per_second", f"{rate} uploads a second", 1)
                counts.tokens -= 1

    def admit_body(self, tenant: str, limits: Limits, size: int) -> None:
        """Count the `size` bytes of an upload whose request was counted.

        Raises: RpcError(RESOURCE_EXHAUSTED) if the limit is exceeded; the bytes are then not counted.
        """
        with self._lock:
            counts, now = self._of(tenant)
            _check_bytes(counts, limits, size, now)
            counts.bytes += size

    def know(self, day: int, sent: Sent) -> None:
        """Record the bytes that all processes have stored on `day`; they include this process's, or soon will."""
        with self._lock:
            for tenant, size in sent.items():
                counts, _ = self._of(tenant)
                if counts.day == day:
                    counts.bytes = max(counts.bytes, size)

    @contextmanager
    def query(self, tenant: str, limits: Limits) -> Iterator[None]:
        """Count the duration of the block, even if it fails.

        Raises: RpcError(RESOURCE_EXHAUSTED) if the tenant's time is used up.
        """
        most = limits.query_seconds_per_day
        if not most:
            yield
            return
        with self._lock:
            counts, now = self._of(tenant)
            if counts.query_seconds >= most:
                raise _refused(
                    "query_seconds_per_day", f"{most} seconds of queries a day", _until_midnight(now)
                )
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._of(tenant)[0].query_seconds += time.monotonic() - started

    def _of(self, tenant: str) -> tuple[_Counts, float]:
        """Return today's counts, and the time."""
        now = self._clock()
        if len(self._counts) > _MAX_TENANTS:
            self._counts.clear()
        counts, day = self._counts[tenant], int(now // S_PER_DAY)
        if counts.day != day:
            counts.day, counts.bytes, counts.query_seconds = day, 0, 0
        return counts, now


def _check_bytes(counts: _Counts, limits: Limits, size: int, now: float) -> None:
    if (most := limits.bytes_per_day) and counts.bytes + size > most:
        raise _refused("bytes_per_day", f"{most} bytes of uploads a day", _until_midnight(now))


def _until_midnight(now: float) -> int:
    return S_PER_DAY - int(now) % S_PER_DAY


def _refused(limit: str, words: str, retry_after_s: int) -> RpcError:
    metrics.add(metrics.LIMIT_REFUSALS, limit=limit)
    return RpcError(
        Code.RESOURCE_EXHAUSTED,
        f"this tenant exceeds its limit of {words} ({limit})",
        retry_after_s=retry_after_s,
    )
