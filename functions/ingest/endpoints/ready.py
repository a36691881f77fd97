"""/ready: whether this process serves requests."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from flamehouse.services import Services
from flamehouse.web.http_app import http_router

router = http_router()


@router.get("/ready", tags=["status"], summary="Readiness", response_class=PlainTextResponse)
async def ready(request: Request) -> Response:
    """Return `ready` once the services of this process are up. Needs no credential."""
    services: Services = request.app.state.services()
    await run_in_threadpool(services.check)
    return PlainTextResponse("ready")
