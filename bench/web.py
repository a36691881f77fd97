"""Measures what FastAPI adds to an upload: the same endpoint behind a FastAPI and a plain Starlette route."""

import asyncio
from collections.abc import Callable
from time import process_time
from typing import Final

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Scope

from bench.plan import Plan
from bench.report import Line
from flamehouse.identity.credentials import NoCredential
from flamehouse.model.limits import Limits
from flamehouse.model.profile import Upload
from flamehouse.model.quotas import Quotas
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Record
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.web.http_app import http_app_of
from flamehouse.web.routing import app_of
from ingest import app as ingest_app

_ROUNDS: Final = 5
"""The number of rounds, of `_CALLS` requests each, per repeat of the plan."""
_CALLS: Final = 40
_STACKS: Final = b"main;serve;query 5\nmain;serve;render 3\n"
_UPLOAD: Final = ("POST", "/ingest", b"name=checkout&format=folded", _STACKS)
_READY: Final = ("GET", "/ready", b"", b"")


def measure(plan: Plan) -> list[Line]:
    """Compare the CPU time of both for an upload of two stacks and for /ready, in this process and without a store."""
    settings = Settings()
    services = Services(settings=settings, store=_Discarding(ClickHouse(settings), None, settings))
    routes = [route for route in ingest_app.routes if isinstance(route, APIRoute)]
    fast = http_app_of(routes, lambda: services, NoCredential())
    plain = app_of([_plain(route) for route in routes], lambda: services, NoCredential())
    return [_line(request, fast, plain, plan.repeats * _ROUNDS) for request in (_UPLOAD, _READY)]


class _Discarding(ClickHouseStore):
    """Accepts uploads and discards them, without limits; its database is never opened."""

    def retention_days(self) -> int:
        return 0

    def admit_request(
        self, tenant: str, announced: int, published: Callable[[], Quotas] | None = None
    ) -> None: ...

    def admit_body(self, tenant: str, size: int) -> None: ...

    def insert(self, upload: Upload, record: Record | None = None) -> None: ...

    def limits_of(self, tenant: str) -> Limits:  # noqa: ARG002  # as in Store
        return Limits()


def _plain(route: APIRoute) -> BaseRoute:
    """Return a Starlette route to the same endpoint."""
    return Route(route.path, route.endpoint, methods=[*(route.methods or ())])


def _line(request: tuple[str, str, bytes, bytes], fast: ASGIApp, plain: ASGIApp, rounds: int) -> Line:
    least = asyncio.run(_least_ms({"fast": fast, "plain": plain}, request, rounds))
    return Line(
        what=f"CPU: {request[0]} {request[1]} through FastAPI",
        ours=f"{least['fast']:.3f} ms",
        beside=f"{least['plain']:.3f} ms plain Starlette",
        figure=least["fast"] - least["plain"],
    )


async def _least_ms(
    apps: dict[str, ASGIApp], request: tuple[str, str, bytes, bytes], rounds: int
) -> dict[str, float]:
    """Return each app's minimum CPU time per request in ms; the apps take turns."""
    least: dict[str, float] = {}
    for number in range(rounds + 1):
        for name, app in apps.items():
            begun = process_time()
            for _ in range(_CALLS):
                await _call(app, *request)
            taken = (process_time() - begun) / _CALLS * 1_000
            if number:
                least[name] = min(least.get(name, taken), taken)
    return least


async def _call(app: ASGIApp, method: str, path: str, query: bytes, body: bytes) -> None:
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(b"content-length", str(len(body)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 4040),
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    assert statuses == [200], statuses  # noqa: S101  # failures have no figure
