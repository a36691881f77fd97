"""Reads a request's body within limits on its size, its pace and the memory of this process."""

import asyncio
from io import BytesIO
from time import monotonic
from typing import Final

from starlette.requests import ClientDisconnect, Request

from flamehouse import memory
from flamehouse.errors import Code, RpcError
from flamehouse.web.compression import too_large
from flamehouse.web.content_length import content_length

_STALL_S: Final = 30
"""The longest wait for more of a body, and the time by which a body may lag behind the slowest pace."""
_SLOWEST_BYTES_PER_S: Final = 4_096
_MAX_DISCARDED_BYTES: Final = 1 << 29


async def read_body(request: Request, limit: int) -> bytes:
    """Read the whole body as sent, compressed or not.

    Raises:
        RpcError: `resource_exhausted` above `limit` bytes, or (BusyError) if the process has no memory for it,
            `deadline_exceeded` with status 408 for a body that stops or trickles, `canceled` if the client
            disconnects.
    """
    announced = content_length(request.headers)
    try:
        if announced > limit:
            raise too_large(limit)
        # Reserved all at once: otherwise several large bodies could each get only a part of their memory.
        memory.take(announced)
        return await _read(request, limit, announced)
    except ClientDisconnect as error:
        raise RpcError(Code.CANCELED, "the client closed the connection") from error
    except TimeoutError as error:
        raise RpcError(
            Code.DEADLINE_EXCEEDED, "the rest of the request body did not arrive in time", http_status=408
        ) from error
    except RpcError as error:
        # Without its traceback, which references what has been read.
        rejection = error.alone()
    memory.give_back()
    await discard_body(request)
    raise rejection


async def _read(request: Request, limit: int, held: int) -> bytes:
    """Read the body; memory for its first `held` bytes is already reserved."""
    # BytesIO returns its content without a copy.
    body = BytesIO()
    started, loop = monotonic(), asyncio.get_running_loop()
    async with asyncio.timeout(_STALL_S) as patience:
        async for chunk in request.stream():
            body.write(chunk)
            if body.tell() > limit:
                raise too_large(limit)
            if body.tell() > held:
                memory.take(len(chunk))
                held += len(chunk)
            behind_s = monotonic() - started - body.tell() / _SLOWEST_BYTES_PER_S
            patience.reschedule(loop.time() + _STALL_S - max(0, behind_s))
    return body.getvalue()


async def discard_body(request: Request) -> None:
    """Read the rest of a rejected body: a client that is still sending would not see the response otherwise."""
    if content_length(request.headers) > _MAX_DISCARDED_BYTES or "Expect" in request.headers:
        return
    left = _MAX_DISCARDED_BYTES
    try:
        async with asyncio.timeout(_STALL_S):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
