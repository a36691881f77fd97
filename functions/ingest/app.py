"""The write path over HTTP: /ingest for SDKs, Push for Alloy and newer SDKs, and whether this process is ready.

Locally the routes are part of `all_in_one`; on AWS `handler` is the function behind them.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from flamehouse.aws import lambda_handler
from flamehouse.connect import error_response
from flamehouse.errors import Code, RpcError
from flamehouse.services import Services
from flamehouse.tenant import tenant_of
from ingest import pipeline, push
from ingest.body import read_upload
from ingest.request import parse_ingest_request

_log = logging.getLogger(__name__)


async def ingest(request: Request) -> Response:
    """Take in one upload: 200 and an empty body once it is stored."""
    arrival = pipeline.Arrival(tenant=tenant_of(request.headers), received_ns=time.time_ns())
    query = request.scope["query_string"].decode(errors="surrogateescape")
    parameters = parse_ingest_request(query, arrival.received_ns)
    services: Services = await run_in_threadpool(request.app.state.services)
    body = await read_upload(request, services.settings.max_body_bytes)
    content_type = request.headers.get("Content-Type", "")
    await run_in_threadpool(pipeline.ingest, services, arrival, parameters, content_type, body)
    return Response()


async def ready(request: Request) -> Response:
    """Say whether the services of this process are up."""
    await run_in_threadpool(request.app.state.services)
    return PlainTextResponse("ready")


# An object and not a function: Starlette answers wrong methods of a function itself, in its own shape.
@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """The ASGI app of one path and method; every error is answered as `{"code", "message"}`."""

    method: str
    respond: Callable[[Request], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != self.method:
            wrong_method = RpcError(
                Code.UNIMPLEMENTED, f"only {self.method} is allowed here", http_status=405
            )
            return self._refuse(wrong_method)
        try:
            return await self.respond(request)
        except RpcError as error:
            return self._refuse(error)
        except Exception:  # noqa: BLE001  # the edge: what nobody foresaw goes to the log and to no client
            _log.exception("%s failed", request.scope["path"])
            return error_response(RpcError(Code.INTERNAL, "internal error"))

    def _refuse(self, error: RpcError) -> Response:
        response = error_response(error)
        if error.http_status == 405:
            response.headers["Allow"] = self.method
        return response


_INGEST: Final = _Endpoint(method="POST", respond=ingest)

routes: list[BaseRoute] = [
    Route("/ingest", _INGEST),
    Route("/pyroscope/ingest", _INGEST),
    Route("/ready", _Endpoint(method="GET", respond=ready)),
    push.route,
]

handler = lambda_handler(*routes)
