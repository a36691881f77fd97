"""Work for a client that waits: in a worker thread, within the client's own time, stopped when the client goes away.

On AWS Lambda nobody is told that a client went away: there the invocation's time ends what is under way.
"""

import asyncio
import math
from collections.abc import Callable
from time import monotonic
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.store import Store
from flamehouse.store.connection.query_tag import tagged

_AGAIN_S: Final = 0.5
"""A question may ask several queries: one that began after the last stop is stopped by the next."""


async def work_for[T](request: Request, store: Store, work: Callable[[], T], until: float = math.inf) -> T:
    """What `work` returns; what it asks the store is stopped at `until`, a time of `monotonic()`.

    `request` has to be read to its end. RpcError deadline_exceeded where the time is up before the work is done.
    """
    if until <= monotonic():
        raise _too_late()
    with tagged() as tag, time_limit(until - monotonic()):
        watcher = asyncio.create_task(_stop_when_abandoned(request, store, tag))
        try:
            return await run_in_threadpool(work)
        except RpcError as error:
            if error.code is Code.UNAVAILABLE and until <= monotonic():
                raise _too_late() from error
            raise
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])


async def _stop_when_abandoned(request: Request, store: Store, tag: str) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    while True:
        # Not of the pool that the work runs in: that may be all taken by what is to be stopped.
        await asyncio.to_thread(store.stop, tag)
        await asyncio.sleep(_AGAIN_S)


def _too_late() -> RpcError:
    return RpcError(
        Code.DEADLINE_EXCEEDED, "there was no answer within the time that the client allows for it"
    )
