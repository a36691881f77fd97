"""Runs work in a worker thread within the client's time limit, and stops it when the client disconnects.

AWS Lambda does not report disconnects: there the time limit of the invocation ends the work.
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
"""A request may run several queries: one that starts after a stop is killed by the next."""


async def work_for[T](request: Request, store: Store, work: Callable[[], T], until: float = math.inf) -> T:
    """Return the result of `work`; its queries of the store are stopped at `until`, a time of `monotonic()`.

    The body of `request` must have been read. Raises RpcError(DEADLINE_EXCEEDED) if the time is up first.
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
        # Not in the pool that runs the work: the abandoned work may occupy all its threads.
        await asyncio.to_thread(store.stop, tag)
        await asyncio.sleep(_AGAIN_S)


def _too_late() -> RpcError:
    return RpcError(Code.DEADLINE_EXCEEDED, "the request exceeded the client's time limit")
