"""Content codings that ClickHouse accepts and sends: lz4 (frames), zstd, gzip, deflate."""

import gzip
import zlib
from collections.abc import Callable
from typing import Final

import lz4.frame  # type: ignore[import-untyped]  # has no types
from backports import zstd

from tools.clickhouse_http.failure import ServerError

type _Coding = Callable[[bytes], bytes]


def _lz4_decompress(body: bytes) -> bytes:
    """Return the content of all frames; a client sends one frame per block."""
    contents = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        contents.append(frame.decompress(body))
        body = frame.unused_data or b""
    return b"".join(contents)


_DECODERS: Final[dict[str, _Coding]] = {
    "lz4": _lz4_decompress,
    "zstd": zstd.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}
_ENCODERS: Final[dict[str, _Coding]] = {
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def decoded(body: bytes, coding: str) -> bytes:
    """Undo a Content-Encoding. Raises ServerError if it is unknown."""
    if not coding:
        return body
    if coding not in _DECODERS:
        raise ServerError(89, f"Unknown compression method: {coding}", "UNKNOWN_COMPRESSION_METHOD")
    return _DECODERS[coding](body)


def encoded(body: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """Return the body in the first supported coding of an Accept-Encoding, and the Content-Encoding header."""
    for offer in accepted.split(","):
        coding = offer.partition(";")[0].strip()
        if coding in _ENCODERS:
            return _ENCODERS[coding](body), {"Content-Encoding": coding}
    return body, {}
