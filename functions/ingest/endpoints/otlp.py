"""OTLP profiles over HTTP: what an OpenTelemetry collector's `otlphttp` exporter and SDKs send.

Protocol: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP". An answer is in the request's encoding, errors are Status messages.
"""

import time
from itertools import islice
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.pb.status_pb2 import Status
from flamehouse.services import Services
from flamehouse.web.authentication import principal_of
from flamehouse.web.codec import JSON, PROTO, Codec
from flamehouse.web.compression import gunzip
from flamehouse.web.error_response import MAX_MESSAGE_CHARS, error_headers
from flamehouse.web.http_endpoint import HttpEndpoint
from ingest.pipeline import Arrival, Entry, checks_of, entry_of, id_of, store_good
from ingest.request.body import GZIP_MAGIC, read_upload

_PATH: Final = "/v1development/profiles"
"""What both paths are called in an upload's id."""
_RPC_PATH: Final = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"

_MAX_BYTES: Final = 16 << 20
"""Of a body, unpacked: a number of one byte takes up to sixteen in memory while it is read."""

_MAX_SHOWN: Final = 100
"""Refused profiles that an answer names: there may be ten thousand."""

_CODECS: Final = {
    "application/x-protobuf": PROTO,
    "application/protobuf": PROTO,
    "application/proto": PROTO,
    "application/json": JSON,
}
_GRPC_CODES: Final = {code: number for number, code in enumerate(Code, start=1)}
"""Codes are declared in the order of their numbers."""


async def export(request: Request) -> Response:
    """Take in one request: 200 once its profiles are stored, or those of them that are good."""
    arrival = Arrival(tenant=principal_of(request.scope).tenant, received_ns=time.time_ns())
    media_type = _media_type(request)
    if media_type not in _CODECS:
        raise _unsupported(media_type)
    codec = _CODECS[media_type]
    services: Services = await run_in_threadpool(request.app.state.services)
    limit = min(services.settings.max_body_bytes, codec.max_bytes or _MAX_BYTES)
    received = await read_upload(request, limit)

    def run() -> Response:
        answer = _store(services, arrival, _unpacked(received, limit), codec)
        return Response(answer, headers={"Content-Type": media_type})

    return await run_in_threadpool(run)


def _store(services: Services, arrival: Arrival, body: bytes, codec: Codec) -> bytes:
    """Store what the body holds; the encoded answer says which profiles of it are not stored, and why.

    RpcError invalid_argument for a body that is no request, and where no profile of it is stored.
    """
    # OpenTelemetry's messages take some milliseconds to load, which no other request is to wait for.
    from ingest.formats import otlp  # noqa: PLC0415

    request = otlp.from_json(body) if codec is JSON else otlp.from_proto(body)
    checks = checks_of(services, arrival)
    entries: list[Entry] = []
    for found in otlp.profiles_of(request, services.settings):
        if isinstance(found.profiles, RpcError):
            entries.append(Entry(id=found.place, profile=found.profiles))
        else:
            entries += [entry_of(profile, checks, found.place) for profile in found.profiles]
    id_ = id_of(arrival, _PATH, (("", body),), entries)
    outcome = store_good(services, arrival, id_, entries)
    refused = {entries[index].id: error.message for index, error in sorted(outcome.refused.items())}
    shown = islice(refused.items(), _MAX_SHOWN)
    text = "; ".join(f"{place}: {message}" for place, message in shown)
    if refused and outcome.nothing_stored:
        raise invalid_argument(text)
    return codec.encode(otlp.answer(len(refused), _shown(text)))


def _unpacked(received: bytes, limit: int) -> bytes:
    """The body without its gzip, which is told by its bytes: no request begins like it."""
    if not received.startswith(GZIP_MAGIC):
        return received
    try:
        return gunzip(received, limit)
    except RpcError as error:
        if error.code is not Code.RESOURCE_EXHAUSTED:
            raise
        # 429 would ask the client to send it again.
        raise RpcError(error.code, error.message, http_status=413) from error


def _media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _unsupported(media_type: str) -> RpcError:
    if media_type.startswith("application/grpc"):
        text = "OTLP over gRPC is not served, OTLP over HTTP is: export with otlphttp"
    else:
        text = f"the Content-Type must be one of {', '.join(_CODECS)}"
    return RpcError(Code.INVALID_ARGUMENT, text, http_status=415)


def _refuse(request: Request, error: RpcError) -> Response:
    """The error as OTLP sends it: a Status in the request's encoding, in JSON where that is none we know."""
    media_type = _media_type(request)
    if media_type not in _CODECS:
        media_type = "application/json"
    status = Status(code=_GRPC_CODES[error.code], message=_shown(error.message))
    headers = {"Content-Type": media_type, **error_headers(error)}
    return Response(_CODECS[media_type].encode(status), error.http_status, headers)


def _shown(text: str) -> str:
    """As much of a text as a message holds, and what of it UTF-8 can carry."""
    return text[:MAX_MESSAGE_CHARS].encode(errors="replace").decode()


_EXPORT: Final = HttpEndpoint(method="POST", respond=export, refuse=_refuse)

routes: Final = [Route(_PATH, _EXPORT), Route(_RPC_PATH, _EXPORT)]
