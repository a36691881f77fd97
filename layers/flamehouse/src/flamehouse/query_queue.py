"""Limits concurrent queries, and in separate queues concurrent uploads: the others wait, and tenants take turns."""

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from flamehouse.deadline import out_of_time, time_left
from flamehouse.errors import Code, RpcError
from flamehouse.telemetry import metrics

_RUNNING: Final = 32
_WAITING: Final = 256
_WAITING_OF_TENANT: Final = 64
_UPLOADS: Final = 40
"""The number of uploads that run at a time: most of them wait until the log is on disk or ClickHouse responds."""
_LARGE_UPLOADS: Final = 8
"""The number of large uploads that run at a time; `flamehouse.memory` lets even fewer be read at a time."""
_RETRY_AFTER_S: Final = 5
_DAY_S: Final = 86_400


class Place:
    """One query's place in the queue, in the current event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._admitted: asyncio.Future[None] = self._loop.create_future()
        self.holds_slot = False

    async def admission(self) -> None:
        """Wait until the query may run.

        Raises: RpcError(CANCELED) if the query is abandoned first, RpcError(DEADLINE_EXCEEDED) if its time is up.
        """
        # Unlike awaiting the future itself, `wait` does not cancel it.
        await asyncio.wait({self._admitted}, timeout=time_left(_DAY_S))
        if self._admitted.cancelled():
            raise RpcError(Code.CANCELED, "the client closed the connection")
        if not self._admitted.done():
            raise out_of_time()

    def abandon(self) -> bool:
        """End the wait; return False if the query was already admitted."""
        return self._admitted.cancel()

    def admit(self) -> None:
        """Admit the query. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._set_admitted)

    def _set_admitted(self) -> None:
        if not self._admitted.done():
            self._admitted.set_result(None)


class QueryQueue:
    """Admits `running` queries at a time. Thread-safe, for any number of event loops.

    `waiting` and `waiting_of_tenant` are the maximum numbers of waiting queries, in total and of one tenant; they are
    infinite if other limits bound them.

    A tenant's queries wait in order. Tenants with waiting queries take turns (round-robin), so a tenant that sends
    many queries delays only its own.
    """

    def __init__(
        self,
        running: int = _RUNNING,
        waiting: float = _WAITING,
        waiting_of_tenant: float = _WAITING_OF_TENANT,
    ) -> None:
        self._free = running
        self._max_waiting = waiting
        self._max_waiting_of_tenant = waiting_of_tenant
        self._waiting: dict[str, deque[Place]] = {}
        self._lock = Lock()

    @contextmanager
    def place(self, tenant: str) -> Iterator[Place]:
        """Occupy a place in the queue for the duration of the block.

        Raises: RpcError(RESOURCE_EXHAUSTED) if too many queries are waiting, of this tenant or in total.
        """
        place = Place()
        self._enter(tenant, place)
        try:
            yield place
        finally:
            self._leave(tenant, place)

    def _enter(self, tenant: str, place: Place) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                self._admit(place)
                return
            of_tenant = self._waiting.get(tenant, deque())
            if (
                len(of_tenant) >= self._max_waiting_of_tenant
                or sum(map(len, self._waiting.values())) >= self._max_waiting
            ):
                metrics.add(metrics.LIMIT_REFUSALS, limit="query_queue")
                raise RpcError(
                    Code.RESOURCE_EXHAUSTED,
                    "too many queries are waiting; send fewer at a time",
                    retry_after_s=_RETRY_AFTER_S,
                )
            of_tenant.append(place)
            self._waiting[tenant] = of_tenant

    def _leave(self, tenant: str, place: Place) -> None:
        with self._lock:
            if not place.holds_slot:
                self._waiting[tenant].remove(place)
                if not self._waiting[tenant]:
                    del self._waiting[tenant]
            elif self._waiting:
                self._admit(self._take_next())
            else:
                self._free += 1

    def _take_next(self) -> Place:
        tenant = next(iter(self._waiting))
        of_tenant = self._waiting.pop(tenant)
        place = of_tenant.popleft()
        if of_tenant:
            # Dicts preserve the order of insertion: the tenant is now last.
            self._waiting[tenant] = of_tenant
        return place

    def _admit(self, place: Place) -> None:
        place.holds_slot = True
        place.admit()


def upload_queue() -> QueryQueue:
    """Return the queue of uploads; the memory budget and the number of connections bound how many wait."""
    return QueryQueue(_UPLOADS, math.inf, math.inf)


def large_upload_queue() -> QueryQueue:
    """Return the queue of large uploads; the same limits bound how many wait."""
    return QueryQueue(_LARGE_UPLOADS, math.inf, math.inf)
