"""/ready: whether this process serves requests."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from flamehouse.services import Services
from flamehouse.web.http_endpoint import HttpEndpoint


async def ready(request: Request) -> Response:
    """Report that the services of this process are up."""
    services: Services = await run_in_threadpool(request.app.state.services)
    await run_in_threadpool(services.check)
    return PlainTextResponse("ready")


route = Route("/ready", HttpEndpoint(method="GET", respond=ready))
