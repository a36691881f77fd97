"""Plain HTTP beside the RPCs: one path and method, and the one place where its errors become answers."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flamehouse.errors import Code, RpcError
from flamehouse.web.error_response import error_response

_log = logging.getLogger(__name__)


def _as_connect(_: Request, error: RpcError) -> Response:
    return error_response(error)


# An object and not a function: Starlette answers wrong methods of a function itself, in its own shape.
@dataclass(frozen=True, slots=True, kw_only=True)
class HttpEndpoint:
    """The ASGI app of one path and method.

    `refuse` writes an error as the path's clients read it: as Connect's `{"code", "message"}`, unless told otherwise.
    """

    method: str
    respond: Callable[[Request], Awaitable[Response]]
    refuse: Callable[[Request, RpcError], Response] = _as_connect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != self.method:
            wrong_method = RpcError(
                Code.UNIMPLEMENTED, f"only {self.method} is allowed here", http_status=405
            )
            return self._refuse(request, wrong_method)
        try:
            return await self.respond(request)
        except RpcError as error:
            return self._refuse(request, error)
        except Exception:  # noqa: BLE001  # the edge: what nobody foresaw goes to the log and to no client
            _log.exception("%s failed", request.scope["path"])
            return self._refuse(request, RpcError(Code.INTERNAL, "internal error"))

    def _refuse(self, request: Request, error: RpcError) -> Response:
        response = self.refuse(request, error)
        if error.http_status == 405:
            response.headers["Allow"] = self.method
        return response
