"""Reading a request's body without ever holding more of it than is allowed."""

from starlette.requests import ClientDisconnect, Request

from flamehouse.errors import Code, RpcError
from flamehouse.web.compression import too_large


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body as sent, compressed or not.

    RpcError resource_exhausted once it passes `limit` bytes, canceled if the client went away.
    """
    chunks: list[bytes] = []
    room = limit
    try:
        async for chunk in request.stream():
            room -= len(chunk)
            if room < 0:
                raise too_large(limit)
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise RpcError(Code.CANCELED, "the client closed the connection") from error
    return b"".join(chunks)
