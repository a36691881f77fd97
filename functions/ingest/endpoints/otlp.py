"""OTLP profiles over HTTP, from the `otlp_http` exporter of OpenTelemetry collectors and from SDKs.

Protocol: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP". Responses have the encoding of the request; errors are Status
messages.
"""

import time
from itertools import islice
from typing import Final

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.pb.status_pb2 import Status
from flamehouse.web.admission import admitted
from flamehouse.web.authentication import principal_of
from flamehouse.web.cancellation import upload_for
from flamehouse.web.error_response import MAX_MESSAGE_CHARS, error_headers
from flamehouse.web.http_app import HttpRoute, http_router
from ingest import pipeline
from ingest.endpoints.openapi import OTLP
from ingest.pipeline import Outcome
from ingest.received import Endpoint, ReceivedUpload
from ingest.request.body import read_upload
from ingest.request.otlp_body import CODECS, body_limit, codec_of, media_type_of

_RPC_PATH: Final = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"

_MAX_SHOWN: Final = 100
"""The maximum number of rejected profiles that a response lists; a request may have ten thousand."""

GRPC_CODES: Final = {code: number for number, code in enumerate(Code, start=1)}
"""The gRPC number of each code; `Code` declares them in the order of these numbers."""


class _OtlpRoute(HttpRoute):
    """An OTLP path."""

    @staticmethod
    def refuse(request: Request, error: RpcError) -> Response:
        """Return the error as OTLP's Status in the request's encoding, or in JSON if that encoding is unsupported."""
        media_type = media_type_of(request.headers.get("Content-Type", ""))
        if media_type not in CODECS:
            media_type = "application/json"
        status = Status(code=GRPC_CODES[error.code], message=shown(error.message))
        headers = {"Content-Type": media_type, **error_headers(error)}
        return Response(CODECS[media_type].encode(status), error.http_status, headers)


router = http_router(_OtlpRoute)


@router.post(Endpoint.OTLP.value, operation_id="otlpExport", openapi_extra=OTLP)
@router.post(_RPC_PATH, operation_id="otlpExportRpc", openapi_extra=OTLP)
async def export(request: Request) -> Response:
    """Stores the valid profiles of an export; `partial_success` lists the others. Responds once they are stored."""
    tenant, received_ns = principal_of(request.scope).tenant, time.time_ns()
    content_type = request.headers.get("Content-Type", "")
    codec = codec_of(content_type)
    services = await admitted(request, tenant, pipeline.admit)
    received = ReceivedUpload(
        tenant=tenant,
        endpoint=Endpoint.OTLP,
        received_ns=received_ns,
        content_type=content_type,
        content_encoding=request.headers.get("Content-Encoding", ""),
        body=await read_upload(request, body_limit(codec, services.settings)),
    )

    def run() -> Response:
        content = codec.encode(response_of(pipeline.ingest(services, received)))
        return Response(content, headers={"Content-Type": media_type_of(content_type)})

    return await upload_for(services, tenant, received.size, run)


def response_of(outcome: Outcome) -> Message:
    """Return the response, which reports rejected profiles or, without any, changes to stored ones.

    Raises RpcError(INVALID_ARGUMENT) if nothing was stored.
    """
    # Loading OpenTelemetry's messages takes milliseconds, and no other request needs them.
    from ingest.formats import otlp  # noqa: PLC0415

    messages = {rejected.id: rejected.error.message for rejected in outcome.rejected.values()}
    first = islice(messages.items(), _MAX_SHOWN)
    text = "; ".join(f"{place}: {message}" for place, message in first)
    if messages and outcome.nothing_stored:
        raise invalid_argument(text)
    return otlp.answer(len(messages), shown("; ".join(filter(None, (outcome.warning, text)))))


def shown(text: str) -> str:
    """Return the text in a form that UTF-8 can encode, cut to the maximum size of a message."""
    return text[:MAX_MESSAGE_CHARS].encode(errors="replace").decode()
