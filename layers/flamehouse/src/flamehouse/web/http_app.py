"""FastAPI for the plain HTTP endpoints: the app, and a route that reports errors in the format of its clients.

No RPC of the read path imports this module: FastAPI and Pydantic take more of a cold start than everything else.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authentication import Credentials
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log_exception
from flamehouse.web.authentication import Authentication
from flamehouse.web.error_response import error_response
from flamehouse.web.observation import Observation
from flamehouse.web.routing import unknown_path
from flamehouse.web.scopes import check, required_by


class HttpRoute(APIRoute):
    """A path and its method. Converts every failure to a response by `refuse`."""

    @staticmethod
    def refuse(request: Request, error: RpcError) -> Response:  # noqa: ARG004  # overriding methods need it
        """Return the error in the format of the path's clients: Connect's `{"code", "message"}`, unless overridden."""
        return error_response(error)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        respond = super().get_route_handler()
        required = required_by(self.path)

        async def respond_or_refuse(request: Request) -> Response:
            try:
                check(required, request.scope)
                return await respond(request)
            except RpcError as error:
                return self.refuse(request, error)
            except Exception:  # noqa: BLE001  # the outermost handler: unexpected errors are logged, not sent
                log_exception(events.REQUEST_FAILED, path=request.scope["path"])
                return self.refuse(request, RpcError(Code.INTERNAL, "internal error"))

        return respond_or_refuse

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = next(iter(self.methods or ()))
        if scope["method"] == method:
            await super().handle(scope, receive, send)
            return
        error = RpcError(Code.UNIMPLEMENTED, f"only {method} is allowed here", http_status=405)
        response = self.refuse(Request(scope, receive), error)
        response.headers["Allow"] = method
        await response(scope, receive, send)


def http_router(route_class: type[HttpRoute] = HttpRoute) -> APIRouter:
    """Return a router for endpoints that return responses."""
    return APIRouter(route_class=route_class, default_response_class=Response)


def http_app_of(
    routes: Sequence[BaseRoute], services: Callable[[], Services], credentials: Credentials
) -> FastAPI:
    """Return the FastAPI app of `routes`, which may include RPCs; `credentials` authenticates its requests.

    `services` is called for each request. FastAPI's own pages are off.
    """
    app = FastAPI(
        routes=[*routes],
        middleware=[Middleware(Observation), Middleware(Authentication, credentials=credentials)],
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.router.default = unknown_path
    return app
