"""Charges the memory of each request to a budget, until its response has been sent."""

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flamehouse.memory import MemoryBudget

_PIECE_BYTES: Final = 1 << 18
"""The server accepts the next piece once the client has read most of the previous one."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """The outermost ASGI middleware."""

    app: ASGIApp
    memory: MemoryBudget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            for start in range(_PIECE_BYTES, len(body), _PIECE_BYTES):
                await send({**message, "body": body[start - _PIECE_BYTES : start], "more_body": True})
            rest = max(0, len(body) - 1) // _PIECE_BYTES * _PIECE_BYTES
            await send({**message, "body": body[rest:]} if rest else message)

        with self.memory.request():
            await self.app(scope, receive, send_in_pieces)
