"""Reads the chunks of a recording: each is a complete recording, with a header, events, metadata and constants.

Header: format 2, as read by the class jdk.jfr.internal.consumer.ChunkHeader of OpenJDK.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from ingest.formats.jfr.limits import MAX_CHUNKS, Budgets, damaged

_MAGIC: Final = b"FLR\x00"
_HEADER: Final = Struct(">4sHHqqqqqqqI")
"""Magic, version (major, minor), size, offset of the last checkpoint, offset of the metadata, start, duration, start in
ticks, ticks a second, features."""
_MAJOR_VERSIONS: Final = frozenset({1, 2})
_COMPRESSED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The positions of a chunk's parts in `data`, the whole recording; its events lie between `start` and `end`.

    `compressed` says how integers are encoded: with seven bits a byte, or in the full width of their type. Durations
    are in ticks of 1 / `ticks_per_s` seconds; `ticks_per_s` is at least 1. `budgets` belong to the whole recording.
    """

    data: bytes
    start: int
    end: int
    checkpoint: int
    metadata: int
    compressed: bool
    ticks_per_s: int
    budgets: Budgets


def read_chunks(data: bytes, budgets: Budgets) -> Iterator[Chunk]:
    """Yields the chunks of a recording. Raises RpcError(INVALID_ARGUMENT) for other data."""
    position = count = 0
    while position < len(data) or not count:
        count += 1
        if count > MAX_CHUNKS:
            raise damaged(f"it has more than {MAX_CHUNKS} chunks")
        chunk = _read_chunk(data, position, budgets)
        yield chunk
        position = chunk.end


def _read_chunk(data: bytes, position: int, budgets: Budgets) -> Chunk:
    if len(data) - position < _HEADER.size:
        raise damaged("it ends within a chunk header")
    magic, major, _, size, checkpoint, metadata, *_, ticks_per_s, features = _HEADER.unpack_from(
        data, position
    )
    if magic != _MAGIC:
        raise damaged("a chunk does not begin with FLR")
    if major not in _MAJOR_VERSIONS:
        raise damaged(f"unknown format version {major}")
    if not _HEADER.size <= size <= len(data) - position:
        raise damaged("a chunk extends beyond the recording")
    if not _HEADER.size <= metadata < size or not 0 <= checkpoint < size:
        raise damaged("a chunk's metadata or constants lie outside the chunk")
    if ticks_per_s <= 0:
        raise damaged(f"invalid clock frequency of {ticks_per_s} ticks per second")
    return Chunk(
        data=data,
        start=position + _HEADER.size,
        end=position + size,
        checkpoint=position + checkpoint if checkpoint else 0,
        metadata=position + metadata,
        compressed=bool(features & _COMPRESSED),
        ticks_per_s=ticks_per_s,
        budgets=budgets,
    )
