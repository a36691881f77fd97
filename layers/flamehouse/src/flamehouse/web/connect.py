"""The Connect protocol for unary RPCs: one route per RPC, protobuf or JSON in and out, errors always in JSON.

Connect protocol: connectrpc.com/docs/protocol
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from google.protobuf.message import Message
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.identity.principal import Principal
from flamehouse.identity.tenant import Tenants
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log_exception
from flamehouse.web.admission import Admit, admitted
from flamehouse.web.authentication import principal_of
from flamehouse.web.body import read_body
from flamehouse.web.cancellation import query_for, turn, work_for
from flamehouse.web.codec import CODECS, Answer, Codec, codec_of
from flamehouse.web.compression import compress_if_wanted
from flamehouse.web.error_response import error_response
from flamehouse.web.message_body import MessageBody, max_message_bytes, too_large_for_good
from flamehouse.web.response_limits import within_budget
from flamehouse.web.scopes import Required, check, required_by

_TIMEOUT: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The context of an RPC, in addition to the message."""

    services: Services
    principal: Principal
    headers: Headers
    response_headers: dict[str, str] = field(default_factory=dict)
    """Headers that the method adds to its response, if it succeeds."""

    @property
    def tenant(self) -> str:
        """The single tenant. Raises RpcError(INVALID_ARGUMENT) if the request names several."""
        return self.principal.tenant

    @property
    def tenants(self) -> Tenants:
        """The tenants of a query."""
        return self.principal.tenants


type Method[Req: Message, Resp: Answer] = Callable[[Call, Req], Resp]
"""An RPC: runs in a worker thread, may block, and raises RpcError to report an error to the client."""


def unary[Req: Message, Resp: Answer](
    path: str,
    request_type: type[Req],
    method: Method[Req, Resp],
    *,
    max_body_bytes: int | None = None,
    query: bool = False,
) -> Route:
    """Return the route of one RPC at `/<package.Service>/<Method>`, for any app with `app.state.services`.

    `max_body_bytes` limits the body if it is less than the limit in the settings. A `query` waits for its turn.
    """

    def handle(call: Call, body: MessageBody) -> Resp:
        return method(call, body.message(request_type, call.services.settings.max_body_bytes, max_body_bytes))

    documentation = method.__doc__ or ""
    return unary_as_sent(
        path, handle, max_body_bytes=max_body_bytes, documentation=documentation, query=query
    )


def unary_as_sent(
    path: str,
    handle: Callable[[Call, MessageBody], Answer],
    *,
    max_body_bytes: int | None = None,
    documentation: str = "",
    query: bool = False,
    admit: Admit | None = None,
) -> Route:
    """Return the route of an RPC that receives its request's body as sent and decodes it itself.

    A `query` waits for its turn, and so does an upload, which `admit` counts before its body is read.
    """
    return Route(
        path,
        _Unary(
            handle=handle,
            max_body_bytes=max_body_bytes,
            documentation=documentation or handle.__doc__ or "",
            required=required_by(path),
            query=query,
            admit=admit,
        ),
    )


# An object and not a function: for a function, Starlette itself rejects wrong methods in its own format.
@dataclass(frozen=True, slots=True, kw_only=True)
class _Unary:
    """The ASGI app of one RPC."""

    handle: Callable[[Call, MessageBody], Answer]
    max_body_bytes: int | None
    documentation: str
    """The description of the method, for the reference."""
    required: Required
    query: bool
    admit: Admit | None
    """Set for uploads."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        codec = codec_of(request.headers.get("Content-Type", ""))
        if codec is None:
            return Response(status_code=415, headers={"Accept-Post": ", ".join(CODECS)})
        try:
            return await self._call(request, codec)
        except RpcError as error:
            return error_response(error)
        except Exception:  # noqa: BLE001  # the outermost handler: unexpected errors are logged, not sent
            log_exception(events.REQUEST_FAILED, path=request.scope["path"])
            return error_response(RpcError(Code.INTERNAL, "internal error"))

    async def _call(self, request: Request, codec: Codec) -> Response:
        headers = request.headers
        _check_protocol_version(headers)
        until = monotonic() + _timeout_s(headers)
        check(self.required, request.scope)
        principal = principal_of(request.scope)
        services = await self._services(request, principal)
        limit = max_message_bytes(codec, services.settings.max_body_bytes, self.max_body_bytes)
        with too_large_for_good():
            data = await read_body(request, limit)
        body = MessageBody(data=data, codec=codec, content_encoding=headers.get("Content-Encoding", ""))

        def run() -> Response:
            call = Call(services=services, principal=principal, headers=headers)
            answer = self.handle(call, body)
            encoded = within_budget(codec.pieces(answer), services.settings)
            content, encoding = compress_if_wanted(encoded, headers)
            own = {"Content-Type": codec.media_type, **encoding}
            return Response(content, headers={**call.response_headers, **own})

        if self.admit:
            async with turn(services, services.uploads_of(len(data)), principal.tenant) as place:
                return await work_for(request, services.store, run, until, place)
        if self.query:
            return await query_for(request, services, principal.tenants, run, until)
        return await work_for(request, services.store, run, until)

    async def _services(self, request: Request, principal: Principal) -> Services:
        if self.admit:
            return await admitted(request, principal.tenant, self.admit)
        services: Services = request.app.state.services()
        return services


def _check_protocol_version(headers: Headers) -> None:
    version = headers.get("Connect-Protocol-Version", "1")
    if version != "1":
        raise invalid_argument(f'Connect-Protocol-Version must be "1", not "{version}"')


def _timeout_s(headers: Headers) -> float:
    """Return how long the client waits, in seconds; infinite if the client does not say."""
    text = headers.get("Connect-Timeout-Ms")
    if text is None:
        return math.inf
    if not _TIMEOUT.fullmatch(text):
        raise invalid_argument(f'Connect-Timeout-Ms must have up to ten digits, not "{text}"')
    return int(text) / 1_000
