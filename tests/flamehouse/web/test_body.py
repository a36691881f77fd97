"""Bodies that arrive slowly or not at all, and responses in pieces."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from flamehouse.errors import RpcError
from flamehouse.memory import MemoryBudget
from flamehouse.web import body as body_module
from flamehouse.web.body import read_body
from flamehouse.web.error_response import error_response
from flamehouse.web.in_flight import InFlight

MIB = 1 << 20


def read(chunks: Sequence[bytes], *, then_stops: bool = False, pause_s: float = 0) -> bytes:
    """Returns what `read_body` makes of the chunks; the last one ends the body unless the client then stops."""
    left = [*chunks]

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        await asyncio.sleep(pause_s)
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left) or then_stops}

    return asyncio.run(read_body(Request({"type": "http", "headers": []}, receive), MIB))


def test_a_chunked_body_is_joined() -> None:
    assert read([b"a", b"", b"bc"]) == b"abc"


def test_a_stalled_body_gets_408_and_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_STALL_S", 0.05)
    with pytest.raises(RpcError) as error:
        read([b"half"], then_stops=True)
    response = error_response(error.value)
    assert (response.status_code, response.headers["Connection"]) == (408, "close")


def test_a_trickling_body_gets_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_STALL_S", 0.05)
    with pytest.raises(RpcError) as error:
        read([b"."] * 1_000, pause_s=0.005)
    assert error.value.http_status == 408


@pytest.mark.parametrize("size", [0, 1, 1 << 18, (1 << 18) + 1, 1 << 19, 700_000])
def test_a_response_is_sent_in_pieces_that_add_up_to_it(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": content[:size]})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(InFlight(app, MemoryBudget(0))({"type": "http"}, receive, send))
    pieces = sent[1:]
    assert b"".join(each["body"] for each in pieces) == content[:size]
    assert all(len(each["body"]) <= 1 << 18 for each in pieces)
    assert [each.get("more_body", False) for each in pieces] == [True] * (len(pieces) - 1) + [False]
