"""The body of an OTLP request: its encoding by Content-Type, its size, and the gzip around it.

Protocol: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP".
"""

from collections.abc import Mapping
from typing import Final

from flamehouse.errors import Code, RpcError
from flamehouse.memory import BusyError
from flamehouse.settings import Settings
from flamehouse.web.codec import JSON, PROTO, Codec
from flamehouse.web.compression import gunzip
from ingest.request.body import GZIP_MAGIC

_MAX_BYTES: Final = 16 << 20
"""Of a body, unpacked: a number of one byte takes up to sixteen in memory while it is read."""

CODECS: Final[Mapping[str, Codec]] = {
    "application/x-protobuf": PROTO,
    "application/protobuf": PROTO,
    "application/proto": PROTO,
    "application/json": JSON,
}
"""By media type."""


def media_type_of(content_type: str) -> str:
    """The media type of a Content-Type header, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def codec_of(content_type: str) -> Codec:
    """The codec of a Content-Type header. RpcError with status 415 for a media type that OTLP does not have."""
    media_type = media_type_of(content_type)
    if media_type not in CODECS:
        raise _unsupported(media_type)
    return CODECS[media_type]


def max_bytes(codec: Codec, settings: Settings) -> int:
    """The most bytes of a body in this encoding, before and after it is unpacked."""
    return min(settings.max_body_bytes, codec.max_bytes or _MAX_BYTES)


def unpacked(body: bytes, limit: int) -> bytes:
    """The body without its gzip, which its bytes reveal: no request begins like it. RpcError with status 413 if too large."""
    if not body.startswith(GZIP_MAGIC):
        return body
    try:
        return gunzip(body, limit)
    except RpcError as error:
        if error.code is not Code.RESOURCE_EXHAUSTED or isinstance(error, BusyError):
            raise
        # 429 would make the client send it again.
        raise RpcError(error.code, error.message, http_status=413) from error


def _unsupported(media_type: str) -> RpcError:
    if media_type.startswith("application/grpc"):
        text = (
            "this port serves OTLP over HTTP: export with otlp_http (otlphttp before collector 0.165), or over gRPC to "
            "the OTLP_GRPC_PORT of a local server"
        )
    else:
        text = f"the Content-Type must be one of {', '.join(CODECS)}"
    return RpcError(Code.INVALID_ARGUMENT, text, http_status=415)
