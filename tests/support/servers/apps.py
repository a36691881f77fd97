"""Apps over a canned store, and a client that calls them without a network."""

import asyncio
from dataclasses import dataclass, field

import httpx
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from flamehouse.identity.credentials import NoCredential
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.web.http_app import http_app_of
from tests.support.queries.rpcs import handled, routes_of
from tests.support.servers.doubles import CannedStore

QUERIER_ROUTES = tuple(route for module in handled("querier") for route in routes_of(module))


def serve(
    *routes: BaseRoute, store: CannedStore | None = None, settings: Settings | None = None
) -> Starlette:
    """Returns an app of `routes` over a store and settings."""
    services = Services(settings=settings or Settings(), store=store or CannedStore())
    return http_app_of(routes, lambda: services, NoCredential())


def request(
    app: ASGIApp,
    path: str,
    content: bytes | str = b"",
    *,
    method: str = "POST",
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Sends one request through the app's ASGI interface."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            sent = httpx.Headers({"Content-Type": content_type, **(headers or {})}, encoding="utf-8")
            return await client.request(method, f"http://flamehouse{path}", content=content, headers=sent)

    return asyncio.run(send())


def error(response: httpx.Response) -> tuple[int, str, str]:
    """Returns the status, code and message of a Connect error."""
    assert response.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in response.headers
    body = response.json()
    assert set(body) == {"code", "message"}
    return response.status_code, body["code"], body["message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Querier:
    """The querier's RPCs as one app over `store`."""

    store: CannedStore = field(default_factory=CannedStore)
    settings: Settings = field(default_factory=Settings)

    def post(
        self, rpc: str, body: bytes | str, *, proto: bool = False, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Sends a body unchanged."""
        return request(
            serve(*QUERIER_ROUTES, store=self.store, settings=self.settings),
            f"/querier.v1.QuerierService/{rpc}",
            body,
            content_type="application/proto" if proto else "application/json",
            headers=headers,
        )

    def call[Resp: Message](
        self,
        rpc: str,
        query: Message,
        response_type: type[Resp],
        *,
        proto: bool = True,
        headers: dict[str, str] | None = None,
    ) -> Resp:
        """Sends a message in one of the encodings and returns the response; checks that it is a 200."""
        body = query.SerializeToString() if proto else json_format.MessageToJson(query)
        response = self.post(rpc, body, proto=proto, headers=headers)
        assert response.status_code == 200, response.text
        if proto:
            return response_type.FromString(response.content)
        return json_format.Parse(response.content, response_type())

    def rejection(self, rpc: str, body: bytes | str) -> tuple[int, str, str]:
        """Returns the status, code and message for a JSON body; checks that the store was not called."""
        response = self.post(rpc, body)
        result = response.json()
        assert self.store.calls == []
        return response.status_code, result["code"], result["message"]
