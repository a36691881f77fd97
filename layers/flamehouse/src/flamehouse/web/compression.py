"""gzip in both directions, in bounded memory for any input.

Format: RFC 1952. A body may consist of several members, one after the other.
"""

import zlib
from collections.abc import Mapping
from typing import Final

from isal import isal_zlib

from flamehouse import memory
from flamehouse.errors import Code, RpcError, invalid_argument

_WORTH_BYTES: Final = 2048
"""Responses up to this length are not compressed."""
_LEVEL: Final = 2
"""One of ISA-L's four levels: a fifth of the time of zlib's fastest level, for the same size."""
_GZIP_WBITS: Final = 16 + zlib.MAX_WBITS
_CHUNK_BYTES: Final = 1 << 16
"""zlib copies the rest of its input at the end of each member, so the input is passed in chunks."""
_MAX_MEMBERS: Final = 1024
"""Empty members cost time without output, so the limit on the output does not stop them."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding ("gzip", "identity" or ""); an empty body is valid in all of them.

    Raises RpcError(UNIMPLEMENTED) for another encoding, otherwise as `gunzip` does.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip":
            return gunzip(body, limit) if body else body
        case _:
            raise RpcError(
                Code.UNIMPLEMENTED, f'unknown compression "{encoding}": supported encodings are gzip'
            )


def gunzip(body: bytes, limit: int) -> bytes:
    """Inflate a gzip body of any number of members.

    Raises RpcError(INVALID_ARGUMENT) if the body is damaged or truncated, RESOURCE_EXHAUSTED above `limit` bytes, or
    (BusyError) if the process has no memory for the result.
    """
    view = memoryview(body)
    pieces: list[bytes] = []
    room = limit
    position = 0
    for _ in range(_MAX_MEMBERS):
        member = zlib.decompressobj(_GZIP_WBITS)
        while not member.eof:
            chunk = view[position : position + _CHUNK_BYTES]
            if not chunk:
                raise invalid_argument("the gzip body is truncated")
            piece = _inflate(member, chunk, room + 1)
            room -= len(piece)
            if room < 0:
                raise too_large(limit)
            memory.take(len(piece))
            pieces.append(piece)
            position += len(chunk) - len(member.unused_data)
        if position == len(view):
            return b"".join(pieces)
    raise invalid_argument(f"the gzip body has more than {_MAX_MEMBERS} members")


def gunzip_beginning(body: bytes, size: int) -> bytes:
    """Inflate at most the first `size` bytes of a gzip body; empty if it is damaged there."""
    try:
        return zlib.decompressobj(_GZIP_WBITS).decompress(memoryview(body)[:_CHUNK_BYTES], size)
    except zlib.error:
        return b""


def too_large(limit: int) -> RpcError:
    """Return the error for a body of more than `limit` bytes, before or after decompression."""
    return RpcError(Code.RESOURCE_EXHAUSTED, f"the request body is larger than the allowed {limit} bytes")


def compress_if_wanted(body: bytes, requested: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return the body to send, and its headers, for a request with the headers `requested`.

    The body is gzipped if the client accepts gzip and it is worthwhile. If the client has no Accept-Encoding but sent
    gzip itself, the protocol lets a server infer that gzip is accepted, and the body is always gzipped.
    """
    accepted = requested.get("Accept-Encoding")
    if accepted is None:
        wanted = requested.get("Content-Encoding", "").lower() == "gzip"
    else:
        wanted = len(body) > _WORTH_BYTES and _accepts_gzip(accepted)
    if not wanted:
        return body, {}
    return isal_zlib.compress(body, _LEVEL, _GZIP_WBITS), {"Content-Encoding": "gzip"}


def _inflate(member: "zlib._Decompress", chunk: memoryview, at_most: int) -> bytes:
    try:
        return member.decompress(chunk, at_most)
    except zlib.error as error:
        raise invalid_argument(f"the gzip body is damaged: {error}") from error


def _accepts_gzip(accept_encoding: str) -> bool:
    for offer in accept_encoding.lower().split(","):
        name, _, weight = (part.strip() for part in offer.partition(";"))
        if name == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
