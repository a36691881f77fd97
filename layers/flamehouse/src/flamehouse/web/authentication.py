"""Resolves the caller of a request before any route handles it."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from flamehouse.errors import Code, RpcError
from flamehouse.identity.authentication import Credentials
from flamehouse.identity.principal import Principal
from flamehouse.identity.tenant import written
from flamehouse.telemetry.request import current
from flamehouse.web.error_response import error_response

_OPEN_PATHS: Final = {"/ready", "/"}
_OPEN_FOLDER: Final = "/ui/"
"""The files of the web page: they contain no data, and are needed to sign in."""
_CHALLENGE: Final = 'Basic realm="flamehouse"'
_KEY: Final = "flamehouse.principal"


@dataclass(frozen=True, slots=True)
class Authentication:
    """ASGI middleware that stores the caller in the request's scope, for `principal_of`.

    It rejects unauthenticated requests. The endpoint reports other failures, such as an invalid tenant, because its
    clients expect their own error format. Expects normalized paths (`flamehouse.web.routing`): /ready and the web
    page need no credential.
    """

    app: ASGIApp
    credentials: Credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        caller = self._caller(HTTPConnection(scope))
        if isinstance(caller, RpcError) and caller.code is Code.UNAUTHENTICATED:
            response = error_response(caller)
            response.headers["WWW-Authenticate"] = _CHALLENGE
            await response(scope, receive, send)
            return
        scope[_KEY] = caller
        if isinstance(caller, Principal):
            current().tenant = written(caller.tenants)
        await self.app(scope, receive, send)

    def _caller(self, request: HTTPConnection) -> Principal | RpcError:
        try:
            return self.credentials.principal_of(request)
        except RpcError as error:
            return error.alone()


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def principal_of(scope: Scope) -> Principal:
    """Return the caller of the request with this scope.

    Raises:
        RpcError: if the caller could not be resolved, such as `invalid_argument` for an invalid tenant.
    """
    caller: Principal | RpcError = scope[_KEY]
    if isinstance(caller, RpcError):
        raise caller
    return caller
