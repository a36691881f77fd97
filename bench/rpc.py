"""Sends requests to an app as Grafana does: Connect unary calls, protobuf, gzip (connectrpc.com/docs/protocol)."""

import asyncio

import httpx
from google.protobuf.message import Message
from starlette.types import ASGIApp

HEADERS = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1", "Accept-Encoding": "gzip"}


class RpcClient:
    """Calls RPCs of an app in this process through its ASGI interface."""

    def __init__(self, app: ASGIApp) -> None:
        self._runner = asyncio.Runner()
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://flamehouse", headers=HEADERS
        )

    def querier(self, rpc: str, request: Message) -> bytes:
        """Return the decompressed response of an RPC of the querier.

        Raises httpx.HTTPStatusError unless the status is 200.
        """
        return self._runner.run(self._post(f"/querier.v1.QuerierService/{rpc}", request.SerializeToString()))

    async def _post(self, path: str, body: bytes) -> bytes:
        answer = await self._http.post(path, content=body)
        answer.raise_for_status()
        return answer.content
