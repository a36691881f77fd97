"""Reads the body of an upload within limits, decompresses it, and splits it into its parts.

Clients gzip the profile, the whole body (with or without a header) or both, and some declare gzip for uncompressed
data. So only the bytes decide: gzip begins with 1f 8b, and no format does.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.memory import BusyError
from flamehouse.settings import Settings
from flamehouse.web.body import read_body
from flamehouse.web.compression import gunzip, gunzip_beginning
from ingest.request.multipart import is_multipart, split_multipart

GZIP_MAGIC: Final = b"\x1f\x8b"
_MAX_GZIP_LAYERS: Final = 4
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip"})

WHOLE_BODY: Final = "profile"
"""The name of the only part of a body that is not a form; a form's profile has the same name."""


async def read_upload(request: Request, limit: "Limit") -> bytes:
    """Return the body as sent.

    Raises RpcError with status 413 above the limit, 408 for a truncated or slow body, 415 for a Content-Encoding
    other than gzip, and 429 (BusyError) if the process is short of memory.
    """
    _check_encoding(request.headers.get("Content-Encoding", ""))
    try:
        return await read_body(request, limit.bytes)
    except BusyError:
        raise
    except RpcError as error:
        too_large = error.code is Code.RESOURCE_EXHAUSTED
        message = (
            f"request body too large ({limit.setting}, limit: {limit.bytes})" if too_large else error.message
        )
        raise RpcError(Code.UNKNOWN, message, http_status=413 if too_large else 408) from error


def read_parts(
    body: bytes, content_type: str, wanted: Collection[str], *, max_body_bytes: int, part_limit: "Limit"
) -> Mapping[str, bytes]:
    """Return the decompressed `wanted` parts of a form by name, or the decompressed body as the only part.

    All parts together may be as large as a body. Raises RpcError for a damaged form or gzip, for a form without any
    wanted part, and for parts that are too large after decompression. Other parts are not decompressed.
    """
    if not is_multipart(content_type):
        return {WHOLE_BODY: unpack(body, part_limit)}
    parts = {}
    body_limit = Limit(setting="MAX_BODY_BYTES", bytes=max_body_bytes)
    left = max_body_bytes
    for name, part in split_multipart(_gunzip_layers(body, body_limit), content_type, wanted).items():
        parts[name] = unpack(
            part, part_limit if part_limit.bytes <= left else replace(body_limit, bytes=left)
        )
        left -= len(parts[name])
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A size limit, and the name of its setting, or of the format that has it."""

    setting: str
    bytes: int


def limit_of(settings: Settings, setting: str) -> Limit:
    """Return the size limit of a setting, by the name of its field."""
    return Limit(setting=setting.upper(), bytes=getattr(settings, setting))


def unpack(data: bytes, limit: Limit) -> bytes:
    """Decompress `data` if it is gzipped. Raises RpcError(INVALID_ARGUMENT) if it is damaged or too large."""
    unpacked = _gunzip_layers(data, limit)
    if len(unpacked) > limit.bytes:
        raise _too_large(limit, len(unpacked))
    return unpacked


def beginning(data: bytes, size: int) -> bytes:
    """Return the first bytes of `data`, decompressed if it is gzipped; fewer or none if it is damaged."""
    for _ in range(_MAX_GZIP_LAYERS):
        if not data.startswith(GZIP_MAGIC):
            break
        data = gunzip_beginning(data, size)
    return data[:size]


def human_bytes(count: int) -> str:
    """Format a size for messages: `16 B`, `1.6 kB`, `4.2 MB`, `268 MB`."""
    if count < 10:
        return f"{count} B"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    value = int(value * 10 + 0.5) / 10
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def _gunzip_layers(data: bytes, limit: Limit) -> bytes:
    for _ in range(_MAX_GZIP_LAYERS):
        if not data.startswith(GZIP_MAGIC):
            return data
        try:
            data = gunzip(data, limit.bytes)
        except RpcError as error:
            if error.code is not Code.RESOURCE_EXHAUSTED or isinstance(error, BusyError):
                raise
            raise _too_large(limit) from error
    raise invalid_argument(f"the data is gzipped more than {_MAX_GZIP_LAYERS} times")


def _too_large(limit: Limit, found: int | None = None) -> RpcError:
    size = f", found {found}" if found is not None else ""
    return invalid_argument(
        f"uncompressed profile payload size exceeds limit of {human_bytes(limit.bytes)}"
        f" ({limit.setting}={limit.bytes}{size})"
    )


def _check_encoding(header: str) -> None:
    for encoding in header.split(","):
        if encoding.strip().lower() not in _ENCODINGS:
            raise RpcError(
                Code.UNKNOWN, f'unsupported Content-Encoding "{encoding.strip()}"', http_status=415
            )
