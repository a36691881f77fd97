"""A client of the whole server, through its ASGI app or a URL."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp

_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Sends requests for one tenant. `server` is an ASGI app, called in this process, or the URL of a running server."""

    server: ASGIApp | str
    tenant: str
    credential: str = field(default="", repr=False)

    def send(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Sends one request with the tenant's header added, and the credential if there is one."""
        own = {"X-Scope-OrgID": self.tenant}
        if self.credential:
            own["Authorization"] = f"Bearer {self.credential}"
        return asyncio.run(self._send(method, target, body, {**(headers or {}), **own}))

    def rpc(
        self, name: str, request: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Calls a querier RPC in JSON and returns the response; checks that it is a 200."""
        response = self.send(
            "POST",
            f"/querier.v1.QuerierService/{name}",
            json.dumps(request).encode(),
            {"Content-Type": "application/json", **(headers or {})},
        )
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def _send(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> httpx.Response:
        if isinstance(self.server, str):
            url, transport = self.server, None
        else:
            url, transport = "http://flamehouse", httpx.ASGITransport(self.server)
        async with httpx.AsyncClient(transport=transport, base_url=url, timeout=_TIMEOUT_S) as client:
            # Headers that the client library adds by itself are not part of the request.
            client.headers.clear()
            return await client.request(method, target, content=body, headers=dict(headers))
