"""Reports every request when it ends: metrics, a log line if it was rejected, and the access log."""

from dataclasses import dataclass
from http import HTTPStatus
from secrets import token_hex
from time import perf_counter
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.log import log
from flamehouse.telemetry.request import RequestFacts, request
from flamehouse.web.content_length import content_length

UPLOADS: Final = frozenset(
    {
        "/ingest",
        "/pyroscope/ingest",
        "/push.v1.PusherService/Push",
        "/v1development/profiles",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    }
)
"""The paths of uploads; a test compares them with the routes of `ingest`."""
_UNKNOWN: Final = "unknown"
_MAX_CLIENT_CHARS: Final = 100
_MS: Final = 1_000


@dataclass(slots=True, kw_only=True)
class _Traffic:
    """The status and sizes of one request, recorded as its messages pass."""

    status: int = 499
    """499, if no response is sent: the client has disconnected."""
    announced: int = 0
    received: int = 0
    sent: int = 0

    @property
    def request_bytes(self) -> int:
        """The length of the body; a request may be rejected before its body is read."""
        return max(self.announced, self.received)


@dataclass(frozen=True, slots=True)
class Observation:
    """ASGI middleware around authentication and routes. Expects normalized paths."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        traffic = _Traffic(announced=content_length(Headers(scope=scope)))
        started = perf_counter()

        async def counted_receive() -> Message:
            message = await receive()
            traffic.received += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                traffic.status = message["status"]
            else:
                traffic.sent += len(message.get("body", b""))
            await send(message)

        with request(RequestFacts(request_id=token_hex(8), route=scope["path"])) as facts:
            try:
                await self.app(scope, counted_receive, counted_send)
            finally:
                # The router adds the endpoint that it finds. Unknown paths are arbitrary, and each value of a label
                # is a separate series.
                _measure(
                    traffic, facts, facts.route if facts.route in UPLOADS or "endpoint" in scope else _UNKNOWN
                )
                _log(scope, traffic, facts, (perf_counter() - started) * _MS)


def _log(scope: Scope, traffic: _Traffic, facts: RequestFacts, milliseconds: float) -> None:
    seen: dict[str, str | float] = {
        "method": scope["method"],
        "path": scope["path"],
        "status": traffic.status,
        "request_bytes": traffic.request_bytes,
        "client": _client(scope),
    }
    if facts.reason or traffic.status >= HTTPStatus.BAD_REQUEST:
        rejected = {
            "reason": _reason(traffic, facts),
            "detail": facts.detail,
            "service_name": facts.service_name,
        }
        log(events.REQUEST_REJECTED, **seen, **rejected)
    log(
        events.REQUEST,
        **seen,
        milliseconds=round(milliseconds, 1),
        response_bytes=traffic.sent,
    )


def _measure(traffic: _Traffic, facts: RequestFacts, route: str) -> None:
    upload = facts.route in UPLOADS
    if upload:
        metrics.add(metrics.UPLOAD_BYTES, traffic.request_bytes, route=route)
    if traffic.status >= HTTPStatus.BAD_REQUEST:
        metric = metrics.UPLOADS_REJECTED if upload else metrics.REQUESTS_REJECTED
        metrics.add(metric, route=route, reason=_reason(traffic, facts))
    elif upload:
        metrics.add(metrics.UPLOADS_ACCEPTED, route=route)
    metrics.add(metrics.RESPONSE_BYTES, traffic.sent, route=route)


def _reason(traffic: _Traffic, facts: RequestFacts) -> str:
    """Return the error's code, or the status of a response without a code, such as 415."""
    return facts.reason or str(traffic.status)


def _client(scope: Scope) -> str:
    """Return the address and the User-Agent of the client."""
    host = scope["client"][0] if scope.get("client") else ""
    agent = Headers(scope=scope).get("User-Agent", "")
    return f"{host} {agent}".strip()[:_MAX_CLIENT_CHARS]
