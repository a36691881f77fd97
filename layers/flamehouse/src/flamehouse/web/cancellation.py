"""Runs work in a worker thread within the client's time limit, and stops it when the client disconnects.

AWS Lambda does not report disconnects: there the time limit of the invocation ends the work.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.identity.tenant import Tenants, written
from flamehouse.query_queue import Place, QueryQueue
from flamehouse.services import Services
from flamehouse.store import Store
from flamehouse.store.connection.query_tag import tagged
from flamehouse.web.slow_refusals import slow_refusals

_AGAIN_S: Final = 0.5
"""The pause between stops: a request may run several queries, and the next stop kills one that starts after a stop."""


async def query_for[T](
    request: Request, services: Services, tenants: Tenants, work: Callable[[], T], until: float = math.inf
) -> T:
    """Run a query as `work_for` does, in its turn (`flamehouse.query_queue`).

    QUERY_TIMEOUT_S includes the wait. For the turns, a combination of several tenants counts as a tenant of its own.

    Raises: RpcError(RESOURCE_EXHAUSTED) if too many queries wait.
    """
    with time_limit(services.settings.query_timeout_s):
        async with turn(services, services.queries, written(tenants)) as place:
            return await work_for(request, services.store, work, until, place)


async def upload_for[T](services: Services, tenant: str, size: int, work: Callable[[], T]) -> T:
    """Run an upload of `size` bytes in its turn.

    Tenants take turns, so a tenant that sends many uploads delays only its own.
    """
    async with turn(services, services.uploads_of(size), tenant) as place:
        return await _admitted(work, place)


@asynccontextmanager
async def turn(services: Services, queue: QueryQueue, owner: str) -> AsyncIterator[Place]:
    """Yield a place in the queue for the owner; a rejection is delayed as in `slow_refusals`."""
    async with slow_refusals(services):
        with queue.place(owner) as place:
            yield place


async def _admitted[T](work: Callable[[], T], place: Place) -> T:
    """Run the work in a thread of its own once its turn comes."""
    await place.admission()
    # The queue bounds the threads. With a limiter of its own, this work never delays other work that needs a thread.
    return await run_sync(work, limiter=CapacityLimiter(1))


async def work_for[T](
    request: Request,
    store: Store,
    work: Callable[[], T],
    until: float = math.inf,
    place: Place | None = None,
) -> T:
    """Return the result of `work`; its queries are stopped at `until`, a time of `monotonic()`.

    The body of `request` must have been read. With a `place` in a queue, the work begins once the place is admitted.

    Raises: RpcError(DEADLINE_EXCEEDED) if the time is up first.
    """
    if until <= monotonic():
        raise _too_late()
    with tagged() as tag, time_limit(until - monotonic()):
        watcher = asyncio.create_task(_stop_when_abandoned(request, store, tag, place))
        try:
            if place is None:
                return await run_in_threadpool(work)
            return await _admitted(work, place)
        except RpcError as error:
            if error.code is Code.UNAVAILABLE and until <= monotonic():
                raise _too_late() from error
            raise
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])


async def _stop_when_abandoned(request: Request, store: Store, tag: str, place: Place | None) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    if place is not None and place.abandon():
        return
    while True:
        # Not in the pool that runs the work: abandoned work may occupy all threads of the pool.
        await asyncio.to_thread(store.stop, tag)
        await asyncio.sleep(_AGAIN_S)


def _too_late() -> RpcError:
    return RpcError(Code.DEADLINE_EXCEEDED, "the request exceeded the client's time limit")
