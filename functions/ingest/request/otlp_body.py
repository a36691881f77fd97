"""Reads the body of an OTLP request: its encoding by Content-Type, its size limit, and its compression.

Protocol: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP".
"""

from collections.abc import Mapping
from typing import Final

from flamehouse.errors import Code, RpcError
from flamehouse.memory import BusyError
from flamehouse.settings import Settings
from flamehouse.web.codec import JSON, PROTO, Codec
from flamehouse.web.compression import gunzip
from ingest.request.body import GZIP_MAGIC, Limit, limit_of

_MAX_BYTES: Final = 16 << 20
"""The maximum size of a decompressed body: a one-byte number takes up to sixteen bytes of memory while it is parsed."""

CODECS: Final[Mapping[str, Codec]] = {
    "application/x-protobuf": PROTO,
    "application/protobuf": PROTO,
    "application/proto": PROTO,
    "application/json": JSON,
}
"""Codecs by media type."""


def media_type_of(content_type: str) -> str:
    """Return the media type of a Content-Type header, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def codec_of(content_type: str) -> Codec:
    """Return the codec for a Content-Type header. Raises RpcError with status 415 for any other media type."""
    media_type = media_type_of(content_type)
    if media_type not in CODECS:
        raise _unsupported(media_type)
    return CODECS[media_type]


def body_limit(codec: Codec, settings: Settings) -> Limit:
    """Return the maximum size of a body in this encoding, before and after decompression."""
    of_format = codec.max_bytes or _MAX_BYTES
    if of_format < settings.max_body_bytes:
        # Not the setting, which an operator would raise in vain.
        return Limit(setting="OTLP", bytes=of_format)
    return limit_of(settings, "max_body_bytes")


def unpacked(body: bytes, limit: int) -> bytes:
    """Decompress the body if it is gzip; no uncompressed request begins like gzip.

    Raises RpcError with status 413 for a body that is too large.
    """
    if not body.startswith(GZIP_MAGIC):
        return body
    try:
        return gunzip(body, limit)
    except RpcError as error:
        if error.code is not Code.RESOURCE_EXHAUSTED or isinstance(error, BusyError):
            raise
        # 429 would make the client retry.
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
