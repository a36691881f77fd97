"""API Gateway: an ASGI app that converts requests to invocations, within the limits of an HTTP API.

Limits: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

import asyncio
import json
import logging
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from flamehouse.web.routing import clean_path
from tools.gateway.authorization import Authorization, RefusedError
from tools.gateway.deployment import Deployment
from tools.gateway.event import HttpRequest, event_of, response_of
from tools.gateway.lambda_service import FunctionError, LambdaService

_MAX_HEAD_BYTES: Final = 10_240
_MAX_BODY_BYTES: Final = 10 << 20
_MAX_EVENT_BYTES: Final = 6 << 20
"""Lambda's limit for a JSON event, in bytes."""
_TIMEOUT_S: Final = 30

_log = logging.getLogger(__name__)


def create_app(deployment: Deployment, functions: LambdaService, mapping: str = "") -> ASGIApp:
    """Return the app that serves the routes of `deployment`.

    `mapping` is the path under which a custom domain serves the API. Routes are matched without it; events include it.
    """
    authorization = Authorization(deployment, functions)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            path = clean_path(request.url.path, mapping)
            route_key = deployment.route(request.method, path if mapping else request.url.path)
            response = await _answer(request, route_key, deployment, functions, authorization)
            await response(scope, receive, send)

    return app


async def _answer(
    request: Request,
    route_key: str | None,
    deployment: Deployment,
    functions: LambdaService,
    authorization: Authorization,
) -> Response:
    if route_key is None:
        return _refusal(404, "Not Found")
    try:
        event = await _event(request, route_key, authorization)
        invocation = run_in_threadpool(functions.invoke, deployment.routes[route_key], event)
        return response_of(await asyncio.wait_for(invocation, _TIMEOUT_S))
    except RefusedError as error:
        return _refusal(error.status, error.message)
    except TimeoutError:
        return _refusal(503, "Service Unavailable")
    except (FunctionError, ValueError, TypeError) as error:
        _log.warning("%s: %s", route_key, error)
        return _refusal(500, "Internal Server Error")


async def _event(request: Request, route_key: str, authorization: Authorization) -> bytes:
    """Return the event of an authorized request, as JSON. Raises RefusedError."""
    received = HttpRequest(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers=request.headers.raw,
        body=await request.body(),
        client=request.client.host if request.client else "127.0.0.1",
    )
    if received.head_bytes > _MAX_HEAD_BYTES:
        raise RefusedError(431, "Request Header Fields Too Large")
    context = await run_in_threadpool(authorization.context_of, received, route_key)
    event = json.dumps(event_of(received, route_key, context)).encode()
    if len(received.body) > _MAX_BODY_BYTES or len(event) > _MAX_EVENT_BYTES:
        raise RefusedError(413, "Request Entity Too Large")
    return event


def _refusal(status: int, message: str) -> Response:
    """Return a response of the gateway itself."""
    return JSONResponse({"message": message}, status)
