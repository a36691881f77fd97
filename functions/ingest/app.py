"""The write path over HTTP: /ingest for SDKs, Push for Alloy and newer SDKs, OTLP, and whether this process is ready.

Locally the routes are part of `all_in_one`; on AWS `handler` is the function behind them.
"""

import time
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.services import Services
from flamehouse.web.authentication import principal_of
from flamehouse.web.http_endpoint import HttpEndpoint
from ingest import pipeline
from ingest.endpoints import otlp, push
from ingest.request.body import read_upload
from ingest.request.query import parse_ingest_request


async def ingest(request: Request) -> Response:
    """Take in one upload: 200 and an empty body once it is stored."""
    arrival = pipeline.Arrival(tenant=principal_of(request.scope).tenant, received_ns=time.time_ns())
    query = request.scope["query_string"].decode(errors="surrogateescape")
    parameters = parse_ingest_request(query, arrival.received_ns)
    services: Services = await run_in_threadpool(request.app.state.services)
    body = await read_upload(request, services.settings.max_body_bytes)
    content_type = request.headers.get("Content-Type", "")
    await run_in_threadpool(pipeline.ingest, services, arrival, parameters, content_type, body)
    return Response()


async def ready(request: Request) -> Response:
    """Say whether the services of this process are up."""
    services: Services = await run_in_threadpool(request.app.state.services)
    await run_in_threadpool(services.check)
    return PlainTextResponse("ready")


_INGEST: Final = HttpEndpoint(method="POST", respond=ingest)

routes: list[BaseRoute] = [
    Route("/ingest", _INGEST),
    Route("/pyroscope/ingest", _INGEST),
    Route("/ready", HttpEndpoint(method="GET", respond=ready)),
    push.route,
    *otlp.routes,
]

handler = lambda_handler(*routes)
