"""A segment of the write-ahead log as bytes: a header, then records, each with its length and checksum.

    segment = "fhlog" 0x00 0x01 LF, then records
    record  = length (uint32 LE), CRC-32 of the payload (uint32 LE), payload

A power failure may leave the end of a file torn, zeroed or filled with other bytes. Reading therefore stops at the
first damaged record; anything after it was never acknowledged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

HEADER: Final = b"fhlog\x00\x01\n"
MAX_RECORD_BYTES: Final = 1 << 30

_PREFIX: Final = Struct("<II")


def encode_record(*payload: bytes) -> Sequence[bytes]:
    """The bytes of the record: its prefix, then the pieces of the payload, which are not copied since one may be long.

    Raises ValueError if the payload is empty or exceeds MAX_RECORD_BYTES.
    """
    size = sum(map(len, payload))
    if not 0 < size <= MAX_RECORD_BYTES:
        raise ValueError(f"a record of the log has 1 to {MAX_RECORD_BYTES} bytes, not {size}")
    checksum = 0
    for piece in payload:
        checksum = crc32(piece, checksum)
    return _PREFIX.pack(size, checksum), *payload


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentContent:
    """The intact records of a segment, and the number of damaged bytes after them."""

    records: tuple[bytes, ...]
    damaged_bytes: int


def read_segment(content: bytes) -> SegmentContent:
    """The records of a segment, up to the first damaged one."""
    if not content.startswith(HEADER):
        return SegmentContent(records=(), damaged_bytes=len(content))
    records = tuple(_records(content))
    whole = len(HEADER) + sum(_PREFIX.size + len(record) for record in records)
    return SegmentContent(records=records, damaged_bytes=len(content) - whole)


def _records(content: bytes) -> Iterator[bytes]:
    at = len(HEADER)
    while at + _PREFIX.size <= len(content):
        length, checksum = _PREFIX.unpack_from(content, at)
        at += _PREFIX.size
        payload = content[at : at + length]
        if not 0 < length == len(payload) or crc32(payload) != checksum:
            return
        yield payload
        at += length
