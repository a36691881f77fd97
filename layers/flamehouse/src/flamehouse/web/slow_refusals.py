"""Delays responses to requests over a limit, so that a client that retries at once costs little."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flamehouse import memory
from flamehouse.errors import Code, RpcError
from flamehouse.services import Services


@asynccontextmanager
async def slow_refusals(services: Services) -> AsyncIterator[None]:
    """Delay RpcError(RESOURCE_EXHAUSTED) of the block by `services.refusal_delay_s` if a retry may succeed later.

    The request's memory is released before; only its connection waits.
    """
    try:
        yield
    except RpcError as error:
        if services.refusal_delay_s and error.code is Code.RESOURCE_EXHAUSTED and error.retry_after_s:
            memory.give_back()
            await asyncio.sleep(services.refusal_delay_s)
        raise
