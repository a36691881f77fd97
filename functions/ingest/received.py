"""An upload as received: a value that can be serialized, and ingested again later with the same rows as a result.

The envelope is `MAGIC`, the header's length (4 bytes, big-endian), the header (JSON in ASCII) and the body as sent.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flamehouse.units import NS_PER_S

MAGIC: Final = b"flamehouse-upload\x00"
VERSION: Final = 1

_LENGTH_BYTES: Final = 4
_MAX_HEADER_BYTES: Final = 1 << 20
"""More than the escaped form of the longest query string that a server accepts."""


class Endpoint(StrEnum):
    """The ways by which uploads arrive; `DROP` is a file in the storage of blobs.

    The name is part of the ids of uploads, and is the same for all paths and transports of an endpoint.
    """

    INGEST = "/ingest"
    PUSH = "/push.v1.PusherService/Push"
    OTLP = "/v1development/profiles"
    DROP = "drop"


class EnvelopeError(ValueError):
    """The data is not the envelope of an upload, or has a version that this release does not support."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedUpload:
    """The parts of a request that determine the stored data.

    `parameters` is the query string as sent, or the description of a drop (readers/drop.py); bytes that are not UTF-8
    are escaped (`surrogateescape`). `content_type` and `content_encoding` are the headers as sent. `body` is neither
    decompressed nor split into its parts.
    """

    tenant: str
    endpoint: Endpoint
    received_ns: int
    body: bytes
    parameters: str = ""
    content_type: str = ""
    content_encoding: str = ""

    @property
    def size(self) -> int:
        """The number of bytes of the body."""
        return len(self.body)

    @property
    def received_s(self) -> int:
        return self.received_ns // NS_PER_S

    def serialize(self) -> bytes:
        """Return the envelope; `ReceivedUpload.parse` returns an equal value."""
        return b"".join(self.pieces())

    def pieces(self) -> Sequence[bytes]:
        """Return the envelope in pieces, without a copy of the body."""
        header = {
            "version": VERSION,
            "tenant": self.tenant,
            "endpoint": self.endpoint.value,
            "received_ns": self.received_ns,
            "parameters": self.parameters,
            "content_type": self.content_type,
            "content_encoding": self.content_encoding,
            "body_bytes": len(self.body),
        }
        text = json.dumps(header, separators=(",", ":")).encode()
        return b"".join((MAGIC, len(text).to_bytes(_LENGTH_BYTES), text)), self.body

    @classmethod
    def parse(cls, data: bytes) -> "ReceivedUpload":
        """Read an envelope.

        Raises:
            EnvelopeError: for anything but one complete envelope of a known version.
        """
        view = memoryview(data)
        if not data.startswith(MAGIC):
            raise EnvelopeError("not an upload: the envelope's magic bytes are missing")
        header_start = len(MAGIC) + _LENGTH_BYTES
        header_bytes = int.from_bytes(view[len(MAGIC) : header_start])
        if header_bytes > _MAX_HEADER_BYTES:
            raise EnvelopeError(
                f"the envelope's header has {header_bytes} bytes: at most {_MAX_HEADER_BYTES} are allowed"
            )
        body = view[header_start + header_bytes :]
        header = _header(bytes(view[header_start : header_start + header_bytes]))
        if header.pop("body_bytes") != len(body):
            raise EnvelopeError(f"the envelope is truncated or has extra bytes: {len(data)} bytes")
        return cls(**header, body=bytes(body))


_TYPES: Final = {
    "tenant": str,
    "endpoint": str,
    "received_ns": int,
    "parameters": str,
    "content_type": str,
    "content_encoding": str,
    "body_bytes": int,
}
"""The fields of the header and their types, except the version."""


def _header(text: bytes) -> dict[str, Any]:
    """Return the fields of the header, with their types checked."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError(f"the envelope's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise EnvelopeError("the envelope's header is not a JSON object")
    version = header.pop("version", None)
    if version != VERSION:
        raise EnvelopeError(f"unknown envelope version {version!r}: this release reads version {VERSION}")
    if {name: type(value) for name, value in header.items()} != _TYPES:
        raise EnvelopeError(f"the envelope's header must have the fields {', '.join(_TYPES)}")
    try:
        header["endpoint"] = Endpoint(header["endpoint"])
    except ValueError:
        raise EnvelopeError(f"unknown endpoint {header['endpoint']!r}") from None
    return header
