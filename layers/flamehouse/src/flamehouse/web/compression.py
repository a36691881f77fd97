"""gzip in both directions, in bounded memory whatever the client sent.

Format: RFC 1952. A body may consist of several members, one after the other.
"""

import zlib
from collections.abc import Mapping
from typing import Final

from isal import isal_zlib

from flamehouse import memory
from flamehouse.errors import Code, RpcError, invalid_argument

_WORTH_BYTES: Final = 2048
"""Answers up to this length travel as they are."""
_LEVEL: Final = 2
"""Of ISA-L's four: takes a fifth of the time of zlib's fastest, for an answer as short."""
_GZIP_WBITS: Final = 16 + zlib.MAX_WBITS
_CHUNK_BYTES: Final = 1 << 16
"""Each member's end copies what is left of the input at hand, so the input is handed over in pieces."""
_MAX_MEMBERS: Final = 1024
"""Empty members cost time and give no bytes that the limit on the output could see."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding ("gzip", "identity" or ""); an empty body is empty in any of them.

    RpcError unimplemented for another encoding, else as `gunzip`.
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

    RpcError invalid_argument if it is damaged or cut short, resource_exhausted beyond `limit` bytes, or (BusyError) where
    the process has no memory for them.
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
                raise invalid_argument("the gzip body ends too early")
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
    """Inflate no more than the first `size` bytes of a gzip body; none of one that is damaged there."""
    try:
        return zlib.decompressobj(_GZIP_WBITS).decompress(memoryview(body)[:_CHUNK_BYTES], size)
    except zlib.error:
        return b""


def too_large(limit: int) -> RpcError:
    """The error for a body of more than `limit` bytes, before or after decompression."""
    return RpcError(Code.RESOURCE_EXHAUSTED, f"the request body is larger than the allowed {limit} bytes")


def compress_if_wanted(body: bytes, asked: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The body to send and the headers that say so, for a request with the headers `asked`.

    gzip where the client takes it and it pays; and always where the client names nothing but sent gzip itself, which
    the protocol lets a server take for what it accepts.
    """
    accepted = asked.get("Accept-Encoding")
    if accepted is None:
        wanted = asked.get("Content-Encoding", "").lower() == "gzip"
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
