"""Delays responses to requests over a limit, so that clients that retry at once cost little."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from flamehouse import memory
from flamehouse.errors import Code, RpcError
from flamehouse.services import Services

_MOST: Final = 1.5
"""The longest delay divided by the shortest: clients that are rejected together do not retry together."""


@asynccontextmanager
async def slow_refusals(services: Services) -> AsyncIterator[None]:
    """Delay RpcError(RESOURCE_EXHAUSTED) of the block if a retry may succeed later.

    The delay is between `services.refusal_delay_s` and one and a half times that. The request's memory is released
    first, so only its connection waits.
    """
    try:
        yield
    except RpcError as error:
        if services.refusal_delay_s and error.code is Code.RESOURCE_EXHAUSTED and error.retry_after_s:
            memory.give_back()
            await asyncio.sleep(services.refusal_delay_s * random.uniform(1, _MOST))  # noqa: S311  # not a secret
        raise
